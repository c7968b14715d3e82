//! Flow files at start: taken where they changed, all or none; what runs stays where a file is wrong.

use std::path::Path;
use std::sync::Arc;

use stagewire_engine::apply::{Change, Failed, Take};
use stagewire_engine::hub::Hub;

use crate::setup;
use crate::told::{Format, Problem, Stop, stopped};

/// Applies the folder's files. Problems are said, never fatal: the last good versions run on.
pub(crate) async fn at_start(hub: &Arc<Hub>, folder: &Path, override_reason: Option<&str>) {
    let files = match setup::flow_files(folder) {
        Ok(files) => files,
        Err(problems) => return stopped(Format::Text, &problems.into()),
    };
    let mut applied = hub.apply_flows(&files, None, override_reason, "file").await;
    if let Err(Failed::Conflicts(conflicts)) = &applied {
        for conflict in conflicts {
            tracing::warn!(flow.id = %conflict.flow, "changed both in its file and on the server; the server's version runs, `stagewire plan` shows the difference");
        }
        let take = Some(Take::Server);
        applied = hub.apply_flows(&files, take, override_reason, "file").await;
    }
    match applied {
        Ok(changes) => told(&changes),
        Err(failed) => {
            stopped(Format::Text, &stop(folder, failed));
            tracing::error!("the flow files were not applied; the last good versions run");
        }
    }
}

fn told(changes: &[Change]) {
    for change in changes.iter().filter(|change| change.change != "unchanged") {
        tracing::info!(flow.id = %change.flow, change = change.change, "{}", change.say);
    }
}

/// Why flow files were not applied.
pub(crate) fn stop(folder: &Path, failed: Failed) -> Stop {
    match failed {
        Failed::Problems(problems) => {
            let problems = problems.iter().map(|p| Problem::of_flow(folder, p));
            Stop::Problems(problems.collect())
        }
        other => Stop::Because(other.into()),
    }
}
