//! What a connector can supply of an entity: the fields that any of its shapes maps. Says nothing of what a single record holds.

use super::Shapes;
use super::field::{Field, From, How};
use super::report::Columns;
use crate::load::Connector;
use stagewire_model::Entity;
use std::collections::{BTreeMap, BTreeSet};

impl Shapes {
    fn supplies(&self, entity: Entity) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for shape in self.all.iter().filter(|s| s.entity == entity) {
            for field in &shape.fields {
                out.insert(field.name.clone());
                if field.raw {
                    out.insert(format!("{}_raw", field.name));
                }
                if matches!(field.how, How::Guess { marked: true, .. }) {
                    out.insert(format!("{}_source", field.name));
                }
            }
            let own = shape.columns.as_ref().is_some_and(Columns::has_own);
            if own || shape.custom.is_some() {
                out.insert("custom_fields".into());
            }
        }
        out
    }
}

impl Field {
    /// Adds what it takes from other records: their entity, and the field or the key of `extra` there.
    fn takes(&self, out: &mut BTreeSet<(Entity, String)>) {
        match &self.how {
            How::Ref {
                entity,
                take: Some(take),
                ..
            } => drop(out.insert((*entity, take.clone()))),
            How::Object(fields) => fields.iter().for_each(|f| f.takes(out)),
            _ => {}
        }
        if let From::Lists(fields) = &self.from {
            fields.iter().for_each(|f| f.takes(out));
        }
    }
}

impl Connector {
    /// What a field (none = all of its entity's) is made from that stands in other records: their entity and its field. `extra.…`
    /// is beyond the model, and held wherever its entity is.
    pub fn made_from(&self, entity: Entity, field: Option<&str>) -> BTreeSet<(Entity, String)> {
        let mut out = BTreeSet::new();
        let shapes = self.shapes.all.iter().filter(|s| s.entity == entity);
        let fields = shapes.flat_map(|s| &s.fields);
        let fields = fields.filter(|f| field.is_none_or(|name| name == f.name));
        fields.for_each(|f| f.takes(&mut out));
        out
    }

    /// Of each entity, the keys of `extra` that fields of other records are made from.
    pub(crate) fn taken_extras(&self) -> BTreeMap<Entity, BTreeSet<String>> {
        let mut out: BTreeMap<Entity, BTreeSet<String>> = BTreeMap::new();
        for (entity, take) in Entity::ALL.iter().flat_map(|e| self.made_from(*e, None)) {
            if let Some(key) = take.strip_prefix("extra.") {
                out.entry(entity).or_default().insert(key.to_owned());
            }
        }
        out
    }

    /// The fields of an entity that this connector can supply.
    pub fn supplies(&self, entity: Entity) -> BTreeSet<String> {
        self.shapes.supplies(entity)
    }
}
