//! Their shape → our model: a parsed delivery or a row becomes observations, with notes on what was not as expected. Pure, fast
//! (paths are read at load), never panics, and decides nothing: what an observation means is the mirror's business.

mod custom;
pub(crate) mod field;
pub(crate) mod form;
mod hold;
mod observe;
mod read;
mod report;
mod supply;

pub(crate) use custom::Custom;
pub(crate) use read::read_shapes;

use crate::path::Path;
use field::Field;
use stagewire_model::observation::Drift;
use stagewire_model::{Entity, Observation};
use std::collections::HashMap;

/// What a delivery or a row says.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Mapped {
    /// The routed type of a delivery; the stream's name for a row.
    pub kind: String,
    /// False where the manifest does not know the type: keep it, report it.
    pub known: bool,
    /// The vendor's account it speaks of, if told.
    pub account: Option<String>,
    /// The main record first, then what was embedded in it.
    pub observations: Vec<Observation>,
    /// What was not as expected.
    pub drift: Vec<Drift>,
    /// It proves nothing alone: read the record before believing it.
    pub thin: bool,
    /// The vendor's id of the human act, where it gives one.
    pub act: Option<String>,
    /// One act sends this and other deliveries: the record is read once, so that the act arrives whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// Records it names for a read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<(Entity, String)>,
    /// Why there is nothing to do with it: it is kept with these words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// All shapes of a connector.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    pub(crate) all: Vec<Shape>,
    pub(crate) by_name: HashMap<String, usize>,
    pub(crate) custom: Custom,
}

impl Shapes {
    pub(crate) fn get(&self, name: &str) -> Option<&Shape> {
        self.by_name.get(name).and_then(|i| self.all.get(*i))
    }
}

/// One shape in which a vendor shows an entity.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) entity: Entity,
    /// Where the record stands in a delivery.
    pub(crate) root: Option<Path>,
    ids: Vec<Path>,
    /// Set where several of the vendor's lists become one entity: its ids are `<this>=<id>`.
    id_as: Option<String>,
    /// What together is the id, where no single path is.
    key: Vec<Path>,
    /// A record for each item of this list, not for the value that holds it.
    spread: Option<Path>,
    /// The row of a report, with these columns.
    columns: Option<report::Columns>,
    fields: Vec<Field>,
    /// (name, path) of record-wide dates.
    dates: Vec<(String, Path)>,
    /// (state, name of the date, path).
    own: Vec<(String, String, Path)>,
    seen: SeenAs,
    complete: bool,
    custom: Option<Path>,
    /// First keys that are taken care of; the rest goes to `extra`.
    taken: Option<Vec<String>>,
    embeds: Vec<Embed>,
    required: Vec<Path>,
    /// Numbers are instants, in milliseconds since 1970.
    ms: bool,
    /// Lists that can be reached by a word in their items.
    index: Vec<Index>,
    /// The row says of itself that it is gone, where this is there.
    deleted_if: Option<Path>,
}

/// A list's items by a word in each of them; of two with one word the first counts.
#[derive(Debug)]
struct Index {
    at: Path,
    by: Path,
    name: String,
}

impl Shape {
    /// Whether our ids of these records are the vendor's.
    pub(crate) fn has_own_ids(&self) -> bool {
        self.id_as.is_none()
    }

    /// Whether it shows fields, and does not only say that a record is gone.
    pub(crate) fn shows(&self) -> bool {
        matches!(
            self.seen,
            SeenAs::Present | SeenAs::History | SeenAs::Part(_)
        )
    }

    /// The fields it can fill.
    pub(crate) fn supplies(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|f| f.name.as_str())
    }

    /// The shapes embedded in it.
    pub(crate) fn embedded(&self) -> impl Iterator<Item = &str> {
        let kept = self.embeds.iter().filter(|e| !e.deleted);
        kept.map(|e| e.shape.as_str())
    }

    /// The entities of which a row shows records: its own, and what stands only in it.
    pub(crate) fn entities(&self, all: &Shapes) -> Vec<Entity> {
        let (mut out, mut left) = (Vec::new(), vec![self]);
        let mut met = Vec::new();
        while let Some(shape) = left.pop() {
            if met.contains(&shape.name.as_str()) {
                continue;
            }
            met.push(shape.name.as_str());
            if !out.contains(&shape.entity) {
                out.push(shape.entity);
            }
            let here = shape.embeds.iter().filter(|e| e.only_here);
            left.extend(here.filter_map(|e| all.get(&e.shape)));
        }
        out
    }

    /// Whether a row holds all records of this shape that belong together.
    pub(crate) fn is_spread(&self) -> bool {
        self.spread.is_some()
    }

    /// Whether its rows are parts of records that another list shows.
    pub(crate) fn is_part(&self) -> bool {
        matches!(self.seen, SeenAs::Part(_))
    }
}

/// A vendor's id among those of other lists of the same entity: `list=id`.
fn told_apart(id: String, by: Option<&String>) -> String {
    by.map_or(id.clone(), |by| {
        format!("{by}={}", crate::http::encode(&id))
    })
}

#[derive(Debug)]
enum SeenAs {
    Present,
    Deleted,
    History,
    /// Where the row's own id stands; the shape's id is that of the record it is a part of.
    Part(Path),
    Merged(Vec<Path>),
    /// Where the list of wiped fields stands, and which of ours each word means.
    Anonymized(Path, Vec<(String, Vec<String>)>),
}

#[derive(Debug)]
struct Embed {
    at: Path,
    shape: String,
    deleted: bool,
    /// No other list shows these records: what is embedded is the record.
    only_here: bool,
    /// Several values in one text, separated by this.
    split: Option<String>,
}
