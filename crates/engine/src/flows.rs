//! The flows that run: compiled from the versions in the store, checked against the connections there are. The database holds the
//! versions; a file is taken when its hash differs from the last applied one.

use crate::connection::Connection;
use crate::flow::catalog::{ActionInfo, Catalog};
use crate::flow::file::{Against, Flow};
use crate::flow::path::Path;
use crate::flow::paths::ModelFields;
use crate::flow::problem::Problem;
use crate::keeping::{guarded, read_at};
use crate::time::fact::Fact;
use crate::time::{Schedule, items};
use serde_json::Value;
use sha2::{Digest, Sha256};
use stagewire_model::{Entity, Event};
use stagewire_store::{FlowRow, SubscriptionRow};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A flow that runs.
#[derive(Debug)]
pub struct LiveFlow {
    /// Compiled.
    pub flow: Flow,
    /// As stored: version, rung, falls.
    pub row: FlowRow,
}

/// Everything that wants events.
#[derive(Debug, Default)]
pub struct FlowSet {
    by_id: BTreeMap<String, Arc<LiveFlow>>,
    by_event: HashMap<String, Vec<Arc<LiveFlow>>>,
    of_time: Vec<Arc<LiveFlow>>,
    /// Subscriptions that are on.
    pub subscriptions: Vec<Arc<SubscriptionRow>>,
}

impl FlowSet {
    /// Compiles what is stored; a version that no longer fits the connections is left out and reported.
    pub fn compile(
        rows: Vec<FlowRow>,
        subscriptions: Vec<SubscriptionRow>,
        catalog: &dyn Catalog,
    ) -> (FlowSet, Vec<(String, Vec<Problem>)>) {
        let (mut set, mut broken) = (FlowSet::default(), Vec::new());
        for row in rows.into_iter().filter(|r| !r.removed) {
            match check(&row.flow, &row.source, catalog) {
                Ok(flow) => set.add(Arc::new(LiveFlow { flow, row })),
                Err(problems) => broken.push((row.flow.clone(), problems)),
            }
        }
        set.subscriptions = subscriptions
            .into_iter()
            .filter(|s| s.state == "on")
            .map(Arc::new)
            .collect();
        (set, broken)
    }

    fn add(&mut self, flow: Arc<LiveFlow>) {
        if flow.flow.rule().is_some() {
            self.of_time.push(flow.clone());
        }
        self.by_event
            .entry(flow.flow.when.event.clone())
            .or_default()
            .push(flow.clone());
        self.by_id.insert(flow.row.flow.clone(), flow);
    }

    /// The flow of that id.
    pub fn get(&self, id: &str) -> Option<&Arc<LiveFlow>> {
        self.by_id.get(id)
    }

    /// The flows that want this type of event.
    pub fn on(&self, event: &str) -> &[Arc<LiveFlow>] {
        self.by_event.get(event).map_or(&[], Vec::as_slice)
    }

    /// The flows that an event may start: those on its type, or the one it is for.
    pub fn wanting(&self, event: &Event) -> Vec<Arc<LiveFlow>> {
        let rule = event.data.get("rule").and_then(Value::as_str);
        match rule.and_then(items::addressee) {
            Some(flow) => self.get(flow).cloned().into_iter().collect(),
            None => self.on(&event.kind).to_vec(),
        }
    }

    /// The facts that flows wait for at this connection, each once, by their rules.
    pub fn facts(&self, conn: &str) -> BTreeMap<String, &Fact> {
        let mine = self.of_time.iter().filter(|live| live.flow.is_of(conn));
        mine.filter_map(|live| live.flow.when.fact.as_ref())
            .map(|fact| (fact.to_string(), fact))
            .collect()
    }

    /// The flows that run by a schedule over this connection's records.
    pub fn scheduled(&self, conn: &str) -> impl Iterator<Item = (&Arc<LiveFlow>, &Schedule)> {
        let mine = self
            .of_time
            .iter()
            .filter(move |live| live.flow.is_of(conn));
        mine.filter_map(|live| {
            let (schedule, _) = live.flow.when.schedule.as_ref()?;
            Some((live, schedule))
        })
    }

    /// All flows, by id.
    pub fn all(&self) -> impl Iterator<Item = &Arc<LiveFlow>> {
        self.by_id.values()
    }
}

/// Checks a flow's source.
///
/// # Errors
/// Every problem with its position.
pub fn check(id: &str, source: &str, catalog: &dyn Catalog) -> Result<Flow, Vec<Problem>> {
    let file = format!("{id}.toml");
    let against = Against {
        fields: &ModelFields,
        catalog,
    };
    let flow = Flow::load(&file, id, source, against)?;
    // what the guards look at counts as read
    for (entity, field) in guarded(&flow) {
        let path = Path::of(entity.name(), [field.as_str()]);
        if let Some((says, todo)) = catalog.left_out(flow.when.connection.as_deref(), &path) {
            let message = format!("{says}, which the guards of this flow's steps look at");
            return Err(vec![Problem {
                file,
                line: 1,
                column: 1,
                message,
                hint: Some(todo),
            }]);
        }
    }
    Ok(flow)
}

/// The hash a file is recognised by.
pub fn file_hash(source: &str) -> Vec<u8> {
    Sha256::digest(source.as_bytes()).to_vec()
}

/// The actions and connections there are.
pub struct Connections(pub Vec<Arc<Connection>>);

impl Catalog for Connections {
    fn action(&self, name: &str) -> Option<ActionInfo> {
        let (connector, action) = name.split_once('.')?;
        let conn = self.0.iter().find(|c| c.connector.id == connector)?;
        let (settings, name) = (conn.settings(), action);
        let action = conn.connector.action(name, &settings)?;
        let of = |required: bool| {
            action
                .with
                .iter()
                .filter(|w| w.required == required)
                .map(|w| w.key.clone())
                .collect()
        };
        Some(ActionInfo {
            effect: action.effect(&settings),
            hold_always: action.hold_always,
            reads: false,
            ai: false,
            required: of(true),
            optional: of(false),
        })
    }

    fn actions(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .0
            .iter()
            .flat_map(|c| {
                c.connector
                    .actions(&c.settings())
                    .map(|a| format!("{}.{}", c.connector.id, a.name))
                    .collect::<Vec<_>>()
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn connector_of(&self, connection: &str) -> Option<String> {
        self.0
            .iter()
            .find(|c| c.id == connection)
            .map(|c| c.connector.id.clone())
    }

    fn connections(&self) -> Vec<String> {
        self.0.iter().map(|c| c.id.clone()).collect()
    }

    fn left_out(&self, connection: Option<&str>, path: &Path) -> Option<(String, String)> {
        let sources = self
            .0
            .iter()
            .filter(|c| connection.is_none_or(|id| id == c.id));
        for conn in sources {
            let of = Entity::parse(&path.root).filter(|_| path.rest.is_empty());
            if let Some(entity) = of.filter(|e| conn.holding.withholds_all(*e)) {
                let (id, name) = (&conn.id, entity.name());
                return Some((
                    format!("`{id}` does not keep `{name}`, so no such event ever comes"),
                    format!("add \"{name}\" to its `keep`"),
                ));
            }
            let mut read = read_at(path);
            let made_from = |(e, f): &(Entity, String)| conn.connector.made_from(*e, Some(f));
            let more: Vec<_> = read.iter().flat_map(made_from).collect();
            read.extend(more);
            let missing = read
                .into_iter()
                .find(|(entity, field)| conn.holding.withholds(*entity, field));
            if let Some((entity, field)) = missing {
                let name = format!("{}.{field}", entity.name());
                let todo = match conn.spec.keep.said() {
                    Some(_) => format!("add \"{name}\" to its `keep`"),
                    None => format!(
                        "it needs a `keep` that names \"{name}\", and all else it is to hold"
                    ),
                };
                return Some((format!("`{}` does not keep `{name}`", conn.id), todo));
            }
        }
        None
    }
}
