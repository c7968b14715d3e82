//! The kinds of records the model knows, with the prefix of their ids. It knows nothing of their fields (see `fields`).

use serde::{Deserialize, Serialize};

macro_rules! entities {
    ($($variant:ident $name:literal $prefix:literal),+ $(,)?) => {
        /// A kind of record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Entity { $(#[doc = $name] $variant),+ }

        impl Entity {
            /// Every entity, in a fixed order.
            pub const ALL: &'static [Entity] = &[$(Entity::$variant),+];
            /// The name used in the API, in manifests and in events.
            pub fn name(self) -> &'static str { match self { $(Entity::$variant => $name),+ } }
            /// The prefix of its ids, without the underscore.
            pub fn prefix(self) -> &'static str { match self { $(Entity::$variant => $prefix),+ } }
            /// The entity of that name.
            pub fn parse(name: &str) -> Option<Entity> { match name { $($name => Some(Entity::$variant),)+ _ => None } }
        }
    };
}

entities! {
    User "user" "usr", Department "department" "dep", Office "office" "ofc", Job "job" "job", Opening "opening" "opn",
    JobPosting "job_posting" "pst", JobStage "job_stage" "stg", Candidate "candidate" "can", Application "application" "app",
    StageTransition "stage_transition" "trn", Interview "interview" "int", Scorecard "scorecard" "scr", Offer "offer" "ofr",
    RejectReason "reject_reason" "rsn", Source "source" "src", Tag "tag" "tag", Note "note" "nte", Attachment "attachment" "att",
    Question "question" "qst", Signal "signal" "sig",
}

impl Entity {
    /// What hangs on a person: the candidate's own records, and those of their applications.
    pub const OF_A_PERSON: [Entity; 6] = [
        Entity::Application,
        Entity::Interview,
        Entity::Scorecard,
        Entity::Offer,
        Entity::Note,
        Entity::Attachment,
    ];

    /// The number stored for it; never reused.
    pub fn code(self) -> i64 {
        self as i64 + 1
    }

    /// The entity of a stored number.
    pub fn from_code(code: i64) -> Option<Entity> {
        Entity::ALL
            .get(usize::try_from(code).ok()?.checked_sub(1)?)
            .copied()
    }
}

impl std::fmt::Display for Entity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
