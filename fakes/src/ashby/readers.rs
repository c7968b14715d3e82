//! What tests look up, and what a record looks like at last: with its oddities and its drifts.

use serde_json::Value;

use super::acts::News;
use super::ids::Kind;
use super::world::World;
use super::{Ashby, Core};

/// The kinds that can be looked up by name.
const KINDS: [Kind; 25] = [
    Kind::Application,
    Kind::Candidate,
    Kind::Job,
    Kind::Opening,
    Kind::JobPosting,
    Kind::Plan,
    Kind::Stage,
    Kind::Schedule,
    Kind::Event,
    Kind::Interview,
    Kind::Feedback,
    Kind::FeedbackForm,
    Kind::Offer,
    Kind::User,
    Kind::Department,
    Kind::Location,
    Kind::Source,
    Kind::ArchiveReason,
    Kind::Tag,
    Kind::CustomField,
    Kind::Note,
    Kind::Survey,
    Kind::CloseReason,
    Kind::Role,
    Kind::Project,
];

fn kind(entity: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| kind.entity() == entity)
}

impl Ashby {
    /// The names that `rows`, `row`, `count` and `drift` know: those of the methods, and `note`.
    pub const ENTITIES: [&str; 25] = {
        let mut names = [""; 25];
        let mut at = 0;
        while at < 25 {
            names[at] = KINDS[at].entity();
            at += 1;
        }
        names
    };

    /// The stored records of a kind, oldest first, undrifted (a crowd left out).
    pub fn rows(&self, entity: &str) -> Vec<Value> {
        let core = self.lock();
        let world = &core.world;
        let Some(kind) = kind(entity) else {
            return Vec::new();
        };
        let numbers: Vec<u64> = match kind {
            Kind::Candidate => world.candidates.iter().map(|(n, _)| n).collect(),
            Kind::Application => world.applications.iter().map(|(n, _)| n).collect(),
            kind => world.docs(kind).collect(),
        };
        numbers
            .into_iter()
            .filter_map(|n| world.show(kind, n))
            .collect()
    }

    /// One record, undrifted.
    pub fn row(&self, entity: &str, id: &str) -> Option<Value> {
        let core = self.lock();
        let kind = kind(entity)?;
        let n = core.world.find(kind, id).ok()?;
        core.world.show(kind, n)
    }

    /// The id of the first stored record whose field has this text.
    pub fn find(&self, entity: &str, field: &str, text: &str) -> Option<String> {
        let rows = self.rows(entity);
        let row = rows
            .into_iter()
            .find(|row| row[field].as_str() == Some(text))?;
        row["id"].as_str().map(str::to_owned)
    }

    /// How many records of a kind there are, a crowd included; none if there is no such kind.
    pub fn count(&self, entity: &str) -> Option<u64> {
        kind(entity).map(|kind| self.lock().world.count(kind))
    }

    /// The stored applications.
    pub fn applications(&self) -> Vec<Value> {
        self.rows("application")
    }

    /// One application.
    pub fn application(&self, id: &str) -> Option<Value> {
        self.row("application", id)
    }

    /// The stored candidates.
    pub fn candidates(&self) -> Vec<Value> {
        self.rows("candidate")
    }

    /// One candidate.
    pub fn candidate(&self, id: &str) -> Option<Value> {
        self.row("candidate", id)
    }

    /// The jobs.
    pub fn jobs(&self) -> Vec<Value> {
        self.rows("job")
    }

    /// The offers.
    pub fn offers(&self) -> Vec<Value> {
        self.rows("offer")
    }

    /// The interview schedules, with their events.
    pub fn schedules(&self) -> Vec<Value> {
        self.rows("interviewSchedule")
    }

    /// The notes about a candidate, oldest first.
    pub fn notes(&self, candidate: &str) -> Vec<Value> {
        self.of_parent(Kind::Candidate, candidate, |world, n| {
            let notes = world.table(Kind::Note).children(n);
            notes.filter_map(|n| world.show(Kind::Note, n)).collect()
        })
    }

    /// An application's stays, first to last.
    pub fn history(&self, application: &str) -> Vec<Value> {
        self.of_parent(Kind::Application, application, |world, n| {
            let entry = world.applications.get(n);
            entry.map_or_else(Vec::new, |entry| world.show_history(&entry.row.history))
        })
    }

    /// The stages of a job's plan, first to last.
    pub fn stages(&self, job: &str) -> Vec<Value> {
        self.of_parent(Kind::Job, job, |world, n| {
            let stages = world.stages_of_job(n).into_iter();
            stages.filter_map(|n| world.show(Kind::Stage, n)).collect()
        })
    }

    fn of_parent(
        &self,
        kind: Kind,
        id: &str,
        read: impl FnOnce(&World, u64) -> Vec<Value>,
    ) -> Vec<Value> {
        let core = self.lock();
        match core.world.find(kind, id) {
            Ok(n) => read(&core.world, n),
            Err(_) => Vec::new(),
        }
    }
}

impl Core {
    /// A record as it goes over the wire.
    pub(super) fn show(&self, world: &World, kind: Kind, n: u64) -> Option<Value> {
        let mut shown = world.show(kind, n)?;
        self.dress(kind, &mut shown);
        Some(shown)
    }

    /// Applies oddities and drifts.
    pub(super) fn dress(&self, kind: Kind, shown: &mut Value) {
        self.dress_as(kind.entity(), shown);
    }

    pub(super) fn dress_news(&self, news: &mut [News]) {
        for item in news {
            let Some(data) = item.data.as_object_mut() else {
                continue;
            };
            if item.action == "pushToHRIS" && self.options.oddities.bare_push {
                data.retain(|name, _| name == "application");
            }
            for (entity, shown) in data {
                self.dress_as(entity, shown);
            }
        }
    }

    fn dress_as(&self, entity: &str, shown: &mut Value) {
        let odd = &self.options.oddities;
        if odd.long_reasons {
            let reason = match entity {
                "archiveReason" => Some(&mut *shown),
                "application" => shown.get_mut("archiveReason"),
                _ => None,
            };
            if let Some(kind) = reason.and_then(|reason| reason.get_mut("reasonType"))
                && kind == "RejectedByOrg"
            {
                *kind = "RejectedByOrganization".into();
            }
        }
        if odd.no_nulls
            && entity == "application"
            && let Some(shown) = shown.as_object_mut()
        {
            let fields = ["source", "archiveReason", "creditedToUser"];
            shown.retain(|name, value| !(value.is_null() && fields.contains(&name.as_str())));
        }
        self.drifts
            .iter()
            .for_each(|drift| drift.apply(entity, shown));
    }
}
