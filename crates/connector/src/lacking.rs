//! What a vendor does not supply, by its manifest and by what was granted: whole entities, and fields of the others. Says nothing of a
//! single record; what one record was never seen with stands in the record.

use crate::Settings;
use crate::load::Connector;
use crate::mapping::Shape;
use stagewire_model::{Entity, fields};
use std::collections::{BTreeMap, BTreeSet};

/// What is told by history and by what is known of the record's life, not by a path.
const BY_LIFE: [&str; 6] = [
    "stage_id",
    "stage_entered_at",
    "rejected_at",
    "withdrawn_at",
    "hired_at",
    "closed_cause",
];
/// Set here, not by a vendor.
const OURS: [&str; 4] = ["hold_automation", "anonymized", "stored", "kind_source"];

/// Something that is not supplied, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The entity.
    pub entity: Entity,
    /// Its fields; none where it is not supplied at all.
    pub fields: Vec<&'static str>,
    /// The permission that would bring it; none where the vendor has no such thing, or the connector does not read it.
    pub scope: Option<String>,
}

/// Who shows the fields of one entity.
#[derive(Default)]
struct Shown {
    /// Fields that come.
    comes: BTreeSet<String>,
    /// Fields that would come with a permission.
    withheld: BTreeMap<String, String>,
    any: bool,
    /// The permission that would bring any of it.
    scope: Option<String>,
}

impl Connector {
    /// What this vendor does not supply, in the order of the model; `granted`: the permissions there are, where that is known.
    pub fn lacking(&self, settings: &Settings, granted: Option<&[String]>) -> Vec<Lacking> {
        if self.streams.is_empty() && self.intake.is_none() {
            return Vec::new(); // nothing is read from it
        }
        // an empty list is how some vendors leave it untold
        let shown = self.shown(settings, granted.filter(|scopes| !scopes.is_empty()));
        let history = shown.get(&Entity::StageTransition).is_some_and(|s| s.any);
        let read = Entity::ALL.iter().filter(|e| **e != Entity::Signal);
        read.flat_map(|entity| lacks(*entity, shown.get(entity), history))
            .collect()
    }

    fn shown(&self, settings: &Settings, granted: Option<&[String]>) -> BTreeMap<Entity, Shown> {
        let may = |scope: &Option<String>| match (scope, granted) {
            (Some(scope), Some(granted)) => granted.contains(scope),
            _ => true,
        };
        let mut shown: BTreeMap<Entity, Shown> = BTreeMap::new();
        let mut by_list = BTreeSet::new();
        for stream in &self.streams {
            for shape in self.within(&stream.shape) {
                by_list.insert(shape.name.as_str());
                if !self.asks(stream, settings) {
                    continue; // it is not filled in
                }
                let withheld = stream.scope.as_ref().filter(|_| !may(&stream.scope));
                shown.entry(shape.entity).or_default().add(shape, withheld);
            }
        }
        // what no list shows comes with deliveries, which need no permission
        let told = self.shapes.all.iter();
        for shape in told.filter(|s| s.shows() && !by_list.contains(s.name.as_str())) {
            shown.entry(shape.entity).or_default().add(shape, None);
        }
        shown
    }

    /// A shape and what is embedded in it.
    fn within(&self, name: &str) -> Vec<&Shape> {
        let (mut out, mut left): (Vec<&Shape>, Vec<&str>) = (Vec::new(), vec![name]);
        while let Some(shape) = left.pop().and_then(|name| self.shapes.get(name)) {
            if out.iter().all(|known| known.name != shape.name) {
                out.push(shape);
                left.extend(shape.embedded());
            }
        }
        out
    }
}

impl Shown {
    fn add(&mut self, shape: &Shape, withheld: Option<&String>) {
        let fields = shape.supplies().map(str::to_owned);
        match withheld {
            None => {
                self.any = true;
                self.comes.extend(fields);
            }
            Some(scope) => {
                self.scope.get_or_insert_with(|| scope.clone());
                self.withheld
                    .extend(fields.map(|field| (field, scope.clone())));
            }
        }
    }
}

fn lacks(entity: Entity, shown: Option<&Shown>, history: bool) -> Vec<Lacking> {
    let lacking = |fields, scope| Lacking {
        entity,
        fields,
        scope,
    };
    let Some(shown) = shown.filter(|s| s.any) else {
        return vec![lacking(Vec::new(), shown.and_then(|s| s.scope.clone()))];
    };
    if entity == Entity::StageTransition {
        return Vec::new(); // made here from what history tells
    }
    let mut by_scope: BTreeMap<Option<String>, Vec<&'static str>> = BTreeMap::new();
    let own = fields::entity(entity.name()).map_or(&[][..], |e| e.fields);
    let by_life = |name: &str| match entity {
        Entity::Application if history => BY_LIFE.contains(&name),
        Entity::Application => BY_LIFE[2..].contains(&name),
        _ => false,
    };
    for field in own.iter().filter(|f| !f.derived) {
        let name = field.name;
        if shown.comes.contains(name) || OURS.contains(&name) || by_life(name) {
            continue;
        }
        let scope = shown.withheld.get(name).cloned();
        by_scope.entry(scope).or_default().push(name);
    }
    by_scope
        .into_iter()
        .map(|(scope, fields)| lacking(fields, scope))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector() -> Connector {
        let files = [
            (
                "connector.toml",
                "format = 1\nid = \"acme\"\nname = \"Acme\"\nkind = \"ats\"\nbase_url = \"https://api.acme.example\"\nchecked_on = \"2026-11-26\"\n[fields]\nkey = { label = \"Key\", secret = true }\n[auth.key]\nscheme = \"bearer\"\nfield = \"key\"\n[limits]\nin_flight = 1\n[paging]\nstyle = \"link_next\"\n[answers]\n",
            ),
            (
                "mapping.toml",
                "[job]\nentity = \"job\"\nid = \"id\"\n[job.fields]\ntitle = \"name\"\n[job_team]\nentity = \"job\"\nid = \"job_id\"\npart = \"id\"\n[job_team.fields.hiring_team]\nat = \".\"\nobject = { role = { const = \"recruiter\" } }\n[offer]\nentity = \"offer\"\nid = \"id\"\n[offer.fields]\nversion = { at = \"version\", parse = \"int\" }\n",
            ),
            (
                "streams.toml",
                "[jobs]\nget = \"/jobs\"\nscope = \"jobs:list\"\nas = \"job\"\n[teams]\nget = \"/teams\"\nscope = \"teams:list\"\nas = \"job_team\"\n[offers]\nget = \"/offers\"\nscope = \"offers:list\"\nas = \"offer\"\n",
            ),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Connector::load("acme", &files.into()).expect("it loads")
    }

    fn of(all: &[Lacking], entity: Entity) -> Vec<(Vec<&'static str>, Option<&str>)> {
        let own = all.iter().filter(|l| l.entity == entity);
        own.map(|l| (l.fields.clone(), l.scope.as_deref()))
            .collect()
    }

    #[test]
    fn what_no_list_shows_is_lacking_and_what_a_permission_would_bring_names_it() {
        let (acme, settings) = (connector(), Settings::default());
        let all = acme.lacking(&settings, None);
        assert_eq!(of(&all, Entity::Note), [(vec![], None)], "no list of notes");
        let jobs = of(&all, Entity::Job);
        assert_eq!(jobs.len(), 1);
        assert!(jobs[0].0.contains(&"opened_at") && jobs[0].1.is_none());
        assert!(!jobs[0].0.contains(&"title") && !jobs[0].0.contains(&"hiring_team"));

        let few = ["jobs:list".to_owned()];
        let all = acme.lacking(&settings, Some(&few));
        assert_eq!(of(&all, Entity::Offer), [(vec![], Some("offers:list"))]);
        let jobs = of(&all, Entity::Job);
        assert!(jobs.contains(&(vec!["hiring_team"], Some("teams:list"))));
    }
}
