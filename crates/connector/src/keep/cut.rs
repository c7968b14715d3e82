//! A connector with what one connection keeps: cuts parsed deliveries and observations alike. A delivery is cut after it is verified
//! and before it is stored; of a type that nobody knows only what tells the type stays.

use super::Keep;
use super::mask::Mask;
use crate::load::Connector;
use serde_json::Value;
use stagewire_model::{Entity, Observation};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a connection keeps, ready to be applied.
#[derive(Debug, Default)]
pub struct Holding {
    keep: Keep,
    /// Of a delivery whose type has no shape.
    routing: Mask,
    by_kind: HashMap<String, Mask>,
    supplies: BTreeMap<Entity, BTreeSet<String>>,
    /// Keys of `extra` that fields of other records are made from.
    extras: BTreeMap<Entity, BTreeSet<String>>,
}

impl Connector {
    /// Works out once what of this vendor's values stays.
    pub fn holding(&self, keep: Keep) -> Holding {
        let supplies = Entity::ALL.iter().map(|e| (*e, self.supplies(*e)));
        let supplies = supplies.collect();
        let Some(intake) = &self.intake else {
            return Holding {
                keep,
                supplies,
                extras: self.taken_extras(),
                ..Holding::default()
            };
        };
        let mut routing = Mask::default();
        intake.routing(&mut routing);
        let mut by_kind = HashMap::new();
        for (kind, shape) in intake.observed() {
            let mut mask = routing.clone();
            if let Some(shape) = self.shapes.get(shape) {
                let of_shape = self.shapes.mask(shape, &keep);
                let root = shape.root.clone().unwrap_or_default();
                mask.below(&root, &of_shape);
            }
            by_kind.insert(kind.to_owned(), mask);
        }
        Holding {
            keep,
            routing,
            by_kind,
            supplies,
            extras: self.taken_extras(),
        }
    }

    /// Cuts a parsed delivery to what is kept; true where something went.
    pub fn cut_delivery(&self, holding: &Holding, value: &mut Value) -> bool {
        let kind = self.intake.as_ref().map(|i| i.kind_of(value));
        let mask = kind.and_then(|k| holding.by_kind.get(&k));
        mask.unwrap_or(&holding.routing).cut(value)
    }
}

impl Holding {
    /// Whether anything of an entity is held.
    pub fn entity(&self, entity: Entity) -> bool {
        self.keep.entity(entity)
    }

    /// Whether a field is held.
    pub fn field(&self, entity: Entity, name: &str) -> bool {
        if name == "extra" {
            return self.entity(entity) && self.extras.contains_key(&entity);
        }
        self.keep.field(entity, name)
    }

    /// The fields the connector can supply, kept or not.
    pub fn supplies(&self, entity: Entity) -> BTreeSet<String> {
        self.supplies.get(&entity).cloned().unwrap_or_default()
    }

    /// Whether the connector supplies a field that is not kept.
    pub fn withholds(&self, entity: Entity, name: &str) -> bool {
        let supplied = self.supplies.get(&entity);
        supplied.is_some_and(|s| s.contains(name)) && !self.field(entity, name)
    }

    /// Whether the connector supplies an entity that is not kept at all.
    pub fn withholds_all(&self, entity: Entity) -> bool {
        let supplied = self.supplies.get(&entity);
        supplied.is_some_and(|s| !s.is_empty()) && !self.entity(entity)
    }

    /// Entities with the fields of each that are held, for comparing with what was held before.
    pub fn resolved(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.keep.resolved(&|entity| self.supplies(entity))
    }

    /// Cuts what an observation says; false where nothing of its entity is held.
    pub fn observation(&self, o: &mut Observation) -> bool {
        if !self.keep.entity(o.entity) {
            return false;
        }
        self.cut(o);
        true
    }

    /// The same where it is known that its entity is held.
    pub fn cut(&self, o: &mut Observation) {
        let entity = o.entity;
        o.fields.retain(|name, _| self.field(entity, name));
        if let (Some(Value::Object(extra)), Some(keys)) =
            (o.fields.get_mut("extra"), self.extras.get(&entity))
        {
            extra.retain(|key, _| keys.contains(key));
        }
    }
}
