//! What a test looks up: rows as the API shows them to somebody who may see everything, without
//! drift. Lists leave a crowd out, which is there to be read in pages.

use serde_json::Value;

use super::id::Id;
use super::options::Shapes;
use super::show::{Show, View};
use super::table::{Row, Table};
use super::world::World;
use super::{Core, Lever};
use crate::control::Drift;

const UNDRIFTED: &[Drift] = &[];

fn show(world: &World) -> Show<'_> {
    Show {
        world,
        drifts: UNDRIFTED,
        shapes: Shapes::Recorded,
    }
}

fn all<T: Row>(table: &Table<T>, shown: impl Fn(&T) -> Value) -> Vec<Value> {
    table.iter().map(shown).collect()
}

impl Lever {
    /// A person takes a webhook away in the settings.
    pub fn remove_webhook(&self, webhook: &str) {
        let id = super::id::Id::parse(webhook);
        self.lock().hooks.retain(|hook| Some(hook.id) != id);
    }

    /// One opportunity.
    pub fn opportunity(&self, id: &str) -> Option<Value> {
        let core = self.lock();
        let row = core.world.opportunities.get(Id::parse(id)?)?;
        Some(show(&core.world).opportunity(&row, &View::default(), false))
    }

    /// The stored opportunities, oldest first.
    pub fn opportunities(&self) -> Vec<Value> {
        let core = self.lock();
        let show = show(&core.world);
        all(&core.world.opportunities, |row| {
            show.opportunity(row, &View::default(), false)
        })
    }

    /// How many opportunities there are, a crowd included.
    pub fn opportunity_count(&self) -> u64 {
        self.lock().world.opportunities.len()
    }

    /// The application with this id, among the stored ones.
    pub fn application(&self, id: &str) -> Option<Value> {
        let mut all = self.applications().into_iter();
        all.find(|application| application["id"] == id)
    }

    /// The stored applications, oldest opportunity first.
    pub fn applications(&self) -> Vec<Value> {
        let core = self.lock();
        let show = show(&core.world);
        let rows = core.world.opportunities.iter();
        rows.filter_map(|row| Some(show.application(row, row.application.as_ref()?)))
            .collect()
    }

    /// One contact.
    pub fn contact(&self, id: &str) -> Option<Value> {
        let core = self.lock();
        let row = core.world.contacts.get(Id::parse(id)?)?;
        Some(show(&core.world).contact(&row))
    }

    /// The stored contacts, oldest first.
    pub fn contacts(&self) -> Vec<Value> {
        let core = self.lock();
        let show = show(&core.world);
        all(&core.world.contacts, |row| show.contact(row))
    }

    /// The stored notes, oldest first, deleted ones included.
    pub fn notes(&self) -> Vec<Value> {
        let core = self.lock();
        let show = show(&core.world);
        all(&core.world.notes, |row| show.note(row))
    }

    /// The notes of one opportunity, oldest first.
    pub fn notes_of(&self, opportunity_id: &str) -> Vec<Value> {
        self.of(opportunity_id, |core, id| {
            let show = show(&core.world);
            let rows = core.world.notes.of(id);
            rows.iter().map(|row| show.note(row)).collect()
        })
    }

    /// The interviews of one opportunity, oldest first.
    pub fn interviews_of(&self, opportunity_id: &str) -> Vec<Value> {
        self.of(opportunity_id, |core, id| {
            let show = show(&core.world);
            let rows = core.world.interviews.of(id);
            rows.iter().map(|row| show.interview(row)).collect()
        })
    }

    /// The feedback on one opportunity, oldest first.
    pub fn feedback_of(&self, opportunity_id: &str) -> Vec<Value> {
        self.of(opportunity_id, |core, id| {
            let show = show(&core.world);
            let rows = core.world.feedback.of(id);
            rows.iter().map(|row| show.feedback(row)).collect()
        })
    }

    /// The offers of one opportunity, oldest first.
    pub fn offers_of(&self, opportunity_id: &str) -> Vec<Value> {
        self.of(opportunity_id, |core, id| {
            let show = show(&core.world);
            let rows = core.world.offers.of(id);
            rows.iter().map(|row| show.offer(row)).collect()
        })
    }

    /// The postings, oldest first.
    pub fn postings(&self) -> Vec<Value> {
        let core = self.lock();
        let show = show(&core.world);
        all(&core.world.postings, |row| show.posting(row))
    }

    /// The requisitions, oldest first.
    pub fn requisitions(&self) -> Vec<Value> {
        let core = self.lock();
        let show = show(&core.world);
        all(&core.world.requisitions, |row| show.requisition(row))
    }

    /// The people who work at the company, those who left included.
    pub fn users(&self) -> Vec<Value> {
        let core = self.lock();
        let show = show(&core.world);
        all(&core.world.users, |row| show.user(row))
    }

    /// The stages with pipeline and rank, first to last.
    pub fn stages(&self) -> Vec<Value> {
        let core = self.lock();
        let show = show(&core.world);
        (0..core.world.stages.len())
            .map(|no| show.disposition_stage(no))
            .collect()
    }

    /// The reasons to archive, oldest first.
    pub fn archive_reasons(&self) -> Vec<Value> {
        let core = self.lock();
        let show = show(&core.world);
        core.world
            .reasons
            .iter()
            .map(|row| show.reason(row))
            .collect()
    }

    /// The webhooks that are set up, with their signature tokens.
    pub fn webhooks(&self) -> Vec<Value> {
        let core = self.lock();
        core.hooks.iter().map(|hook| hook.show(true)).collect()
    }

    fn of(&self, id: &str, rows: impl FnOnce(&Core, Id) -> Vec<Value>) -> Vec<Value> {
        let core = self.lock();
        Id::parse(id).map_or_else(Vec::new, |id| rows(&core, id))
    }
}
