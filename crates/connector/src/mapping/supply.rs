//! What a connector can supply of an entity: the fields that any of its shapes maps. Says nothing of what a single record holds.

use super::Shapes;
use super::field::How;
use super::report::Columns;
use crate::load::Connector;
use stagewire_model::Entity;
use std::collections::BTreeSet;

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

impl Connector {
    /// The fields of an entity that this connector can supply.
    pub fn supplies(&self, entity: Entity) -> BTreeSet<String> {
        self.shapes.supplies(entity)
    }
}
