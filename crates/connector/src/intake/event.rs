//! One type of delivery: the shape it shows, what it announces, and which records it names for a read.

use crate::keep::mask::Mask;
use crate::manifest::{Node, Reader, Table};
use crate::mapping::field::id_text;
use crate::mapping::{Mapped, Shapes};
use crate::path::Path;
use crate::problem::nearest;
use serde_json::{Map, Value};
use stagewire_model::observation::Drift;
use stagewire_model::{Announce, Entity, Observation, Seen};

/// How many records one delivery may name.
const MANY: usize = 100;

#[derive(Debug)]
pub(super) struct Event {
    /// `None`: nothing in it is mapped.
    shape: Option<String>,
    announces: Option<Announce>,
    sets: Map<String, Value>,
    /// A field's word that means another one in this event: (field, from, to).
    turns: Vec<(String, String, String)>,
    thin: bool,
    /// One act at the vendor sends this type together with others.
    part_of_act: bool,
    reads: Vec<Names>,
}

/// Where the remote ids of records stand.
#[derive(Debug)]
struct Names {
    entity: Entity,
    /// The first that is there: an id, a list of ids, or of what has an id.
    at: Vec<Path>,
    id: Option<Path>,
}

const ANNOUNCES: &[(&str, Announce)] = &[
    ("created", Announce::Created),
    ("stage_changed", Announce::StageChanged),
    ("rejected", Announce::Rejected),
    ("reopened", Announce::Reopened),
    ("hired", Announce::Hired),
    ("unhired", Announce::Unhired),
];

impl Event {
    pub(super) fn read(e: &Reader<'_>, shapes: &Shapes) -> Event {
        let shape = e.text("observes");
        if let Some(shape) = shape.as_ref().filter(|s| shapes.get(s).is_none()) {
            let hint = nearest(shape, shapes.by_name.keys().map(String::as_str))
                .map(|w| format!("; did you mean `{w}`?"));
            e.wrong_at(
                "observes",
                format!("no shape is called `{shape}`{}", hint.unwrap_or_default()),
            );
        }
        let turns = e.named("turns").into_iter().flat_map(|(field, t)| {
            let words: Vec<_> = t
                .entries()
                .filter_map(|(from, to)| {
                    Some((field.clone(), from.to_owned(), to.text()?.to_owned()))
                })
                .collect();
            words
        });
        let reads: Vec<Names> = e.table("reads").map_or_else(Vec::new, |t| {
            t.entries()
                .filter_map(|(entity, node)| names(&t, entity, node))
                .collect()
        });
        // Ids alone prove nothing: there is nothing to believe.
        let only_ids = shape.is_none() && !reads.is_empty();
        Event {
            shape,
            announces: e.word("announces", ANNOUNCES),
            sets: e.map("sets").unwrap_or_default(),
            turns: turns.collect(),
            thin: e.flag("thin") || only_ids,
            part_of_act: e.flag("part_of_act"),
            reads,
        }
    }

    /// The shape it shows, if any.
    pub(super) fn shape(&self) -> Option<&str> {
        self.shape.as_deref()
    }

    /// Adds where the records stand that it names.
    pub(super) fn names(&self, mask: &mut Mask) {
        for names in &self.reads {
            let mut id = Mask::default();
            id.whole(names.id.as_ref().unwrap_or(&Path::default()));
            names.at.iter().for_each(|at| mask.each(at, &id));
        }
    }

    pub(super) fn entities(&self) -> impl Iterator<Item = Entity> {
        self.reads.iter().map(|n| n.entity)
    }

    pub(super) fn map(&self, shapes: &Shapes, value: &Value, mapped: &mut Mapped) {
        mapped.thin |= self.thin;
        mapped.shared = mapped.act.is_some() || self.part_of_act;
        self.observe(shapes, value, mapped);
        for names in &self.reads {
            names.take(value, &mut mapped.reads);
        }
        if mapped.thin && mapped.reads.is_empty() && mapped.observations.is_empty() {
            let interesting = self.shape.is_some() || !self.reads.is_empty();
            mapped.note = interesting.then(|| "it names no record that could be read".to_owned());
        }
    }

    fn observe(&self, shapes: &Shapes, value: &Value, mapped: &mut Mapped) {
        let Some(shape) = self.shape.as_ref().and_then(|s| shapes.get(s)) else {
            return;
        };
        let root = match &shape.root {
            Some(path) => path.get(value),
            None => Some(value),
        };
        let Some(root) = root else {
            mapped.drift.push(Drift {
                shape: shape.name.clone(),
                path: shape.root.as_ref().map_or("", Path::text).into(),
                code: "missing".into(),
            });
            return;
        };
        let seen = shapes.observe(shape, root, &mut mapped.observations, &mut mapped.drift);
        let Some(main) = mapped.observations.first_mut().filter(|_| seen) else {
            return;
        };
        main.announces = self.announces;
        for (key, value) in &self.sets {
            main.fields.insert(key.clone(), value.clone());
        }
        for (field, from, to) in &self.turns {
            if let Some(word) = main
                .fields
                .get_mut(field)
                .filter(|w| w.as_str() == Some(from))
            {
                *word = Value::String(to.clone());
            }
        }
    }
}

impl Names {
    fn take(&self, value: &Value, out: &mut Vec<(Entity, String)>) {
        let Some(found) = self.at.iter().find_map(|p| p.get(value)) else {
            return;
        };
        let items = match found {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            let id = match &self.id {
                Some(path) => path.get(item),
                None => Some(item),
            };
            let Some(id) = id.and_then(id_text) else {
                continue;
            };
            let named = (self.entity, id);
            if out.len() < MANY && !out.contains(&named) {
                out.push(named);
            }
        }
    }
}

/// `application = "data.id"`, `["data.id", "data.ids"]`, or `{ at = "data.items", id = "id" }`.
fn names(around: &Reader<'_>, entity: &str, node: &Node) -> Option<Names> {
    let Some(known) = Entity::parse(entity) else {
        let hint = nearest(entity, Entity::ALL.iter().map(|e| e.name()))
            .map(|w| format!("; did you mean `{w}`?"));
        around.wrong_at(
            entity,
            format!(
                "the model has no entity `{entity}`{}",
                hint.unwrap_or_default()
            ),
        );
        return None;
    };
    let (at, id) = match node.table() {
        Some(table) => within(table, around),
        None => (paths(&node.item.json()), None),
    };
    if at.is_empty() {
        around.wrong_at(
            entity,
            format!("`{entity}` should be a path, a list of paths, or `{{ at, id }}`"),
        );
        return None;
    }
    Some(Names {
        entity: known,
        at,
        id,
    })
}

fn within(table: &Table, around: &Reader<'_>) -> (Vec<Path>, Option<Path>) {
    let r = Reader::new(table, around.sink());
    let told = (r.paths("at"), r.path("id"));
    r.done();
    told
}

fn paths(value: &Value) -> Vec<Path> {
    let one = |v: &Value| v.as_str().and_then(Path::parse);
    match value {
        Value::Array(items) => items
            .iter()
            .map(one)
            .collect::<Option<_>>()
            .unwrap_or_default(),
        other => one(other).into_iter().collect(),
    }
}

/// A record of which nothing is known but its id.
pub(super) fn bare(entity: Entity, remote_id: String) -> Observation {
    Observation {
        entity,
        remote_id,
        shape: String::new(),
        seen: Seen::Present,
        fields: Map::new(),
        dates: Vec::new(),
        own: Vec::new(),
        announces: None,
        complete: false,
    }
}
