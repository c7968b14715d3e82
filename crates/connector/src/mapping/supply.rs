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
    /// Adds what it takes from beyond the model of another record.
    fn takes(&self, out: &mut BTreeMap<Entity, BTreeSet<String>>) {
        match &self.how {
            How::Ref {
                entity,
                take: Some(take),
                ..
            } => {
                if let Some(key) = take.strip_prefix("extra.") {
                    out.entry(*entity).or_default().insert(key.to_owned());
                }
            }
            How::Object(fields) => fields.iter().for_each(|f| f.takes(out)),
            _ => {}
        }
        if let From::Lists(fields) = &self.from {
            fields.iter().for_each(|f| f.takes(out));
        }
    }
}

impl Connector {
    /// Of each entity, the keys of `extra` that fields of other records are made from.
    pub(crate) fn taken_extras(&self) -> BTreeMap<Entity, BTreeSet<String>> {
        let mut out = BTreeMap::new();
        let fields = self.shapes.all.iter().flat_map(|s| &s.fields);
        fields.for_each(|f| f.takes(&mut out));
        out
    }

    /// The fields of an entity that this connector can supply.
    pub fn supplies(&self, entity: Entity) -> BTreeSet<String> {
        self.shapes.supplies(entity)
    }
}
