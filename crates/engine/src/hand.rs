//! What people do by hand. Every change is in the audit log; what is in flight can be neither tried again nor settled.

mod again;
mod connections;
mod decide;
mod settle;

pub use decide::Verdict;

use crate::hub::Hub;
use stagewire_model::MAIN;
use stagewire_store::{AuditEntry, Error};

impl Hub {
    /// One line in the audit log.
    pub(crate) async fn note(
        &self,
        by: &str,
        verb: &str,
        object: &str,
        detail: &str,
    ) -> Result<(), Error> {
        self.store
            .audit(entry(self.env.now().0, by, verb, object, detail))
            .await
            .map(drop)
    }
}

fn entry(at: i64, by: &str, verb: &str, object: &str, detail: &str) -> AuditEntry {
    AuditEntry {
        ws: MAIN,
        at,
        actor: by.to_owned(),
        verb: verb.to_owned(),
        object: object.to_owned(),
        detail: detail.to_owned(),
    }
}
