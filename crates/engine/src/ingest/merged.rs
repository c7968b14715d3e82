//! What belongs to people who are merged into others: it is loaded with the merge, so that it is given to those who are left in the
//! same transaction.

use super::batch::Batch;
use stagewire_model::{Entity, MAIN};
use stagewire_store::Error;

impl Batch<'_> {
    /// Loads what belongs to these people.
    pub(super) async fn load_belongings(&mut self, people: &[String]) -> Result<(), Error> {
        for remote_id in people {
            let person = self.with_work(|work| work.id(Entity::Candidate, remote_id));
            let mut ids = Vec::new();
            for entity in Entity::OF_A_PERSON {
                let rows = self.lane.hub.store.related(MAIN, person, entity).await?;
                ids.extend(rows.iter().map(|r| r.id16));
            }
            self.load(ids).await?;
        }
        Ok(())
    }
}
