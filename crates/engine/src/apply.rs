//! Flow files against the database: what would change, and changing it. The database holds the versions and is what runs; an
//! untouched file never overwrites an edit made elsewhere; nothing is half-applied.

use crate::engine::reload_flows;
use crate::flow::problem::Problem;
use crate::flows::{Connections, check, file_hash};
use crate::hub::Hub;
use serde::Serialize;
use stagewire_model::MAIN;
use stagewire_store::{Error, FlowChange, FlowRow};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which side wins a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// The file.
    File,
    /// What runs on the server.
    Server,
}

/// What becomes of one flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The flow.
    pub flow: String,
    /// `added`, `changed`, `unchanged`, `conflict`, `removed`, `kept`.
    pub change: &'static str,
    /// In plain words.
    pub say: String,
}

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Some files have problems.
    #[error("{} problem(s)", .0.len())]
    Problems(Vec<Problem>),
    /// A file and the server both changed.
    #[error("{} flow(s) changed both in the file and on the server; say --take file or --take server", .0.len())]
    Conflicts(Vec<Change>),
    /// The rung could not be set.
    #[error("{0}")]
    Rung(String),
    /// The store cannot be read or written.
    #[error("the store cannot be read or written")]
    Store(#[from] Error),
}

impl Hub {
    /// What applying these files would change.
    ///
    /// # Errors
    /// Every problem in every file.
    pub async fn plan_flows(
        &self,
        files: &BTreeMap<String, String>,
    ) -> Result<Vec<Change>, Failed> {
        let catalog = Connections(self.connections());
        let problems: Vec<Problem> = files
            .iter()
            .filter_map(|(id, source)| check(id, source, &catalog).err())
            .flatten()
            .collect();
        if !problems.is_empty() {
            return Err(Failed::Problems(problems));
        }
        let rows: BTreeMap<String, FlowRow> = self
            .store
            .flows(MAIN)
            .await?
            .into_iter()
            .map(|f| (f.flow.clone(), f))
            .collect();
        let mut out: Vec<Change> = files
            .iter()
            .map(|(id, source)| compare(id, source, rows.get(id)))
            .collect();
        for row in rows
            .values()
            .filter(|r| !r.removed && r.file_hash.is_some() && !files.contains_key(&r.flow))
        {
            out.push(Change {
                flow: row.flow.clone(),
                change: "removed",
                say: "its file is gone; it stops".into(),
            });
        }
        Ok(out)
    }

    /// Applies these files, all or none. With a reason, changed flows are set to their ceiling's rung, audited and shown for ever.
    ///
    /// # Errors
    /// Problems, conflicts, or a store that cannot be written.
    pub async fn apply_flows(
        self: &Arc<Self>,
        files: &BTreeMap<String, String>,
        take: Option<Take>,
        override_reason: Option<&str>,
        by: &str,
    ) -> Result<Vec<Change>, Failed> {
        let mut changes = self.plan_flows(files).await?;
        let conflicts: Vec<Change> = changes
            .iter()
            .filter(|c| c.change == "conflict")
            .cloned()
            .collect();
        if !conflicts.is_empty() && take.is_none() {
            return Err(Failed::Conflicts(conflicts));
        }
        let catalog = Connections(self.connections());
        let mut changed = Vec::new();
        for c in &mut changes {
            let write = matches!(c.change, "added" | "changed")
                || (c.change == "conflict" && take == Some(Take::File));
            if c.change == "removed" {
                self.put(&c.flow, None, None, stagewire_model::Rung::ReadOnly, by, by)
                    .await?;
            } else if write && let Some(source) = files.get(&c.flow) {
                let flow = check(&c.flow, source, &catalog).map_err(Failed::Problems)?;
                self.put(
                    &c.flow,
                    Some(source.clone()),
                    Some(file_hash(source)),
                    flow.rung,
                    &flow.owner,
                    by,
                )
                .await?;
                changed.push((c.flow.clone(), flow.rung));
            } else if c.change == "conflict" {
                (c.change, c.say) = ("kept", "the server's version stays".into());
            }
        }
        reload_flows(self).await?;
        if let Some(reason) = override_reason {
            for (flow, rung) in changed {
                self.set_rung(&flow, rung, Some(reason), by)
                    .await
                    .map_err(|e| Failed::Rung(e.to_string()))?;
            }
        }
        Ok(changes)
    }

    async fn put(
        &self,
        flow: &str,
        source: Option<String>,
        hash: Option<Vec<u8>>,
        ceiling: stagewire_model::Rung,
        owner: &str,
        by: &str,
    ) -> Result<(), Error> {
        let change = FlowChange {
            ws: MAIN,
            flow: flow.to_owned(),
            source,
            file_hash: hash,
            ceiling,
            owner: owner.to_owned(),
            author: by.to_owned(),
            at: self.env.now().0,
        };
        self.store.flow_put(change).await.map(drop)
    }
}

fn compare(id: &str, source: &str, row: Option<&FlowRow>) -> Change {
    let change = |change, say: &str| Change {
        flow: id.to_owned(),
        change,
        say: say.to_owned(),
    };
    let hash = file_hash(source);
    match row.filter(|r| !r.removed) {
        None => change("added", "new"),
        Some(r) if r.file_hash.as_deref() == Some(&hash) => {
            change("unchanged", "the file is as it was applied last")
        }
        Some(r) if r.source == source => change("unchanged", "the server runs this already"),
        Some(r)
            if r.file_hash.is_some() && r.file_hash.as_deref() != Some(&file_hash(&r.source)) =>
        {
            change(
                "conflict",
                "it was edited on the server after the file was applied last",
            )
        }
        Some(r) if r.file_hash.is_none() => {
            change("conflict", "a flow of this name was made on the server")
        }
        Some(_) => change("changed", "a new version"),
    }
}
