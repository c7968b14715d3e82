//! What is told of an application: by a delivery, by a row, by its history. Refuses to judge it.

use serde::{Deserialize, Serialize};

use super::Date;

/// What a caller may hang on what it tells, to find it again on the transitions and events that
/// come of it. No rule reads it to decide; `()` where nothing is needed.
pub trait Tag: Clone + Default + Ord {}
impl<T: Clone + Default + Ord> Tag for T {}

/// The status of an application in the common model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Sourced, has not applied.
    Lead,
    /// In the pipeline.
    Active,
    /// Hired.
    Hired,
    /// The company said no.
    Rejected,
    /// The candidate said no.
    Withdrawn,
    /// Ended for another reason.
    Closed,
    /// The vendor says a word that the manifest does not map.
    Unknown,
}

impl Status {
    /// An end: who is ended is not moved. A lead or an unmapped word is open, as active is.
    pub fn ended(self) -> bool {
        matches!(self, Self::Hired) || self.has_own_time()
    }

    /// An end with a time of its own (`rejected_at`, `withdrawn_at`, `closed_at`). A hire has none
    /// that all shapes tell, so a hire's time is no part of its standing: it may date the delivery.
    pub fn has_own_time(self) -> bool {
        matches!(self, Self::Rejected | Self::Withdrawn | Self::Closed)
    }
}

/// A status with its own time, if it is one that has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// The word.
    pub status: Status,
    /// The own time of an end; never of another status.
    #[serde(default, skip_serializing_if = "unset")]
    pub own: Option<Date>,
}

impl Standing {
    /// Keeps the time only where the status has one: some vendors leave `rejected_at` behind.
    pub fn new(status: Status, own: Option<Date>) -> Self {
        let own = own.filter(|_| status.has_own_time());
        Self { status, own }
    }
}

/// The event types of the common model that an application's mirror emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// First seen, and made at or after the watermark.
    Created,
    /// A lead became active.
    Converted,
    /// Its stage changed.
    StageChanged,
    /// The company said no.
    Rejected,
    /// The candidate said no.
    Withdrawn,
    /// It ended for another reason.
    Closed,
    /// An end but a hire was undone.
    Reopened,
    /// Hired.
    Hired,
    /// A hire was undone.
    Unhired,
    /// The status changed to or from a word that is not mapped.
    Updated,
    /// Gone at the vendor.
    Deleted,
    /// Read alive again.
    Restored,
}

impl Kind {
    /// Of the events of one act the strongest is primary.
    pub fn rank(self) -> u8 {
        match self {
            Self::Deleted | Self::Restored => 8,
            Self::Created => 6,
            Self::Hired => 5,
            Self::Rejected | Self::Withdrawn | Self::Closed => 4,
            Self::Reopened | Self::Unhired | Self::Converted => 3,
            Self::StageChanged => 2,
            Self::Updated => 1,
        }
    }

    /// Whether it tells of a status, and that one.
    pub fn tells(self, status: Status) -> bool {
        match self {
            Self::Rejected => status == Status::Rejected,
            Self::Withdrawn => status == Status::Withdrawn,
            Self::Closed => status == Status::Closed,
            Self::Hired => status == Status::Hired,
            Self::Converted => status == Status::Active,
            Self::Reopened | Self::Unhired => matches!(status, Status::Active | Status::Lead),
            _ => false,
        }
    }
}

/// The tags of what one delivery or row shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tags<T> {
    /// Of its `applied`.
    pub created: T,
    /// Of its status.
    pub status: T,
    /// Of its stage.
    pub stage: T,
    /// Of its being deleted.
    pub deleted: T,
}

/// What one delivery says of an application. A path that is absent is `None`: not observed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook<T = ()> {
    /// Our id of the delivery, given back when its hint is answered.
    #[serde(skip_serializing_if = "unset")]
    pub delivery: Box<str>,
    /// The manifest's `announces`: speaks only for an unknown record or an unannounced state.
    #[serde(skip_serializing_if = "unset")]
    pub announces: Option<Kind>,
    /// It proves nothing alone (thin or unsigned): always a hint.
    #[serde(skip_serializing_if = "unset")]
    pub thin: bool,
    /// It says that the application is gone.
    #[serde(skip_serializing_if = "unset")]
    pub deleted: bool,
    /// The status it shows.
    #[serde(skip_serializing_if = "unset")]
    pub status: Option<Status>,
    /// The own time of that status, if it is an end.
    #[serde(skip_serializing_if = "unset")]
    pub own: Option<Date>,
    /// The stage it shows.
    #[serde(skip_serializing_if = "unset")]
    pub stage: Option<Box<str>>,
    /// The date as of which it shows all that: record-wide, or that of the act it tells.
    #[serde(skip_serializing_if = "unset")]
    pub at: Option<Date>,
    /// When the person applied.
    #[serde(skip_serializing_if = "unset")]
    pub applied: Option<Date>,
    /// Tags of the above.
    #[serde(skip_serializing_if = "untagged")]
    pub tags: Tags<T>,
}

impl<T> Hook<T> {
    /// The status it shows with its own time.
    pub fn standing(&self) -> Option<Standing> {
        Some(Standing::new(self.status?, self.own.clone()))
    }

    /// What it announces, if that is a status, and it shows it too.
    pub(super) fn says(&self) -> Option<Kind> {
        let (kind, status) = (self.announces?, self.status?);
        kind.tells(status).then_some(kind)
    }
}

/// What says nothing takes no room where it is stored.
pub(crate) fn unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is stored of a tag that takes no room: nothing.
pub(super) fn untagged<T>(_: &T) -> bool {
    size_of::<T>() == 0
}

/// A read's answer about one application, as of when it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answer<T = ()> {
    /// Its row; `None` where only the history was read, or (with `by_id`) it was not found.
    pub row: Option<Row<T>>,
    /// Its history; `None` where only the row was read. A vendor without history: `Some`, empty.
    pub history: Option<Vec<HistoryRow<T>>>,
    /// The history is the whole of it, not only what changed lately.
    pub full: bool,
    /// It was asked for by id: no row means not found.
    pub by_id: bool,
}

/// An application as its own endpoint shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Row<T = ()> {
    /// Its status, where shown.
    pub status: Option<Status>,
    /// The own time of that status, if it is an end.
    pub own: Option<Date>,
    /// Its stage, only of a vendor without stage history: elsewhere the history alone tells it.
    pub stage: Option<Box<str>>,
    /// The record-wide date.
    pub at: Option<Date>,
    /// When the person applied.
    pub applied: Option<Date>,
    /// Tags of the above.
    pub tags: Tags<T>,
}

impl<T> Row<T> {
    /// The status it shows with its own time.
    pub fn standing(&self) -> Option<Standing> {
        Some(Standing::new(self.status?, self.own.clone()))
    }
}

/// Which history row: known again by its id, in the vendor's order by its rank.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowRef {
    /// The vendor's order of rows: the id itself where ids count up; else the moment of entry, or
    /// the place in the list. It orders rows that dates cannot order, and tells the first.
    pub rank: i64,
    /// The vendor's id of the row.
    pub id: Box<str>,
}

impl RowRef {
    /// The same row, whatever its rank.
    pub fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// What comes earlier in the vendor's order sorts first.
    pub(super) fn key(&self) -> (i64, &str) {
        (self.rank, &self.id)
    }
}

/// One row of an application's stage history.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HistoryRow<T = ()> {
    /// Which row.
    pub row: RowRef,
    /// The stage that was entered.
    pub stage: Box<str>,
    /// When; `None` where the vendor filled the row in, or does not say.
    pub entered: Option<Date>,
    /// The vendor says that the application is there now.
    pub current: bool,
    /// The caller's tag.
    pub tag: T,
}
