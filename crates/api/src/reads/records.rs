//! Records of the common model, as our copy holds them: listed in the order of their changes, found by what is indexed, shown as far
//! as the caller may see. Asks no vendor.

mod complete;
mod view;

pub(crate) use complete::has_raw;

use crate::Api;
use crate::auth::{Caller, Role};
use crate::list::{Asked, Filter, Wanted, filters, stored};
use crate::problem::Problem;
use crate::shape::Changes;
use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::{Value, json};
use stagewire_connector::Holding;
use stagewire_engine::flow::nearest::{hint, nearest};
use stagewire_model::fields::{self, Kind};
use stagewire_model::{Entity, MAIN, Micros, RecordId, time};
use stagewire_store::{AuditEntry, Class, DAY};
use std::collections::{BTreeSet, HashMap};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use view::Selection;

/// Records with their raw payloads on one page, at most.
const MOST_RAW: i64 = 100;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(records))
        .routes(routes!(record))
}

/// A record of the common model; its fields are those of its entity.
#[derive(utoipa::ToSchema)]
#[schema(value_type = Object)]
pub(crate) struct Record(
    #[expect(dead_code, reason = "only its name stands in the document")] Value,
);

/// A page of records.
#[derive(Serialize)]
struct Changed {
    items: Vec<Value>,
    next: Option<String>,
    resume: Option<String>,
}

/// What a connection can tell of an entity.
struct Supply {
    /// Fields its connector supplies and it keeps.
    told: BTreeSet<String>,
    /// Fields its connector supplies and it does not keep.
    cut: BTreeSet<String>,
}

impl Supply {
    fn of(holding: &Holding, entity: Entity) -> Supply {
        let all = holding.supplies(entity).into_iter();
        let (cut, told) = all.partition(|f| holding.withholds(entity, f));
        Supply { told, cut }
    }
}

/// How records are to look.
struct Look {
    fields: Option<Selection>,
    raw: bool,
}

impl Look {
    fn of(entity: Entity, asked: &mut Asked, caller: &Caller) -> Result<Look, Problem> {
        let fields = asked.take("fields")?;
        let fields = fields.map(|f| Selection::parse(entity, &f)).transpose()?;
        let raw = match asked.take("raw")?.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Problem::bad("`raw` is true or false")),
        };
        if raw {
            caller.must_be(Role::Admin, "reading raw payloads")?;
            if entity == Entity::StageTransition {
                return Err(Problem::bad("`stage_transition` has no raw payload"));
            }
        }
        Ok(Look { fields, raw })
    }
}

/// Records of one entity, oldest change first. `next` is the following page; `resume`, which the last page has too, goes on from
/// here at any later time, as `cursor`: whoever keeps it misses no change.
#[utoipa::path(get, path = "/api/v1/records/{entity}", tag = "records", params(("entity" = String, Path, description = "`candidate`, `application`, `job` …"), ("fields" = Option<String>, Query, description = "Only these, separated by commas, such as `status,location.city`; `entity`, `id`, `revision`, `deleted_at` and `meta` come along."), ("raw" = Option<bool>, Query, description = "With `raw`: the delivery that the last change came with, as it is kept; null where it came with a read, or is purged. For admins, and audited; at most 100 on a page.")), responses((status = 200, description = "A page.", body = Changes<Record>)))]
async fn records(
    State(api): State<Api>,
    Path(name): Path<String>,
    caller: Caller,
    mut asked: Asked,
) -> Result<Json<Changed>, Problem> {
    let entity = entity(&name)?;
    let look = Look::of(entity, &mut asked, &caller)?;
    let known: Vec<&Filter> = filters("records/{entity}")
        .iter()
        .filter(|f| has_filter(entity, f.0) && may_ask(f.0, &caller))
        .collect();
    let wanted = asked.among(&known, &|key, known| stranger(entity, key, known))?;
    words_fit(entity, &wanted)?;
    if look.raw && wanted.limit > MOST_RAW {
        return Err(Problem::bad(format!(
            "with `raw`, `limit` is at most {MOST_RAW}"
        )));
    }
    let mut page = stored(&api, &format!("records/{}", entity.name()), wanted).await?;
    shown(&api, entity, &mut page.items, &look, &caller).await?;
    Ok(Json(Changed {
        items: page.items,
        next: page.next,
        resume: page.resume,
    }))
}

/// One record.
#[utoipa::path(get, path = "/api/v1/records/{entity}/{id}", tag = "records", params(("entity" = String, Path, description = "`candidate`, `application`, `job` …"), ("id" = String, Path, description = "Our id, such as `app_…`."), ("fields" = Option<String>, Query, description = "Only these, as in the list."), ("raw" = Option<bool>, Query, description = "With `raw`, as in the list.")), responses((status = 200, description = "The record.", body = Record)))]
async fn record(
    State(api): State<Api>,
    Path((name, id)): Path<(String, String)>,
    caller: Caller,
    mut asked: Asked,
) -> Result<Json<Value>, Problem> {
    let entity = entity(&name)?;
    if entity == Entity::StageTransition {
        return Err(Problem::new(
            axum::http::StatusCode::NOT_FOUND,
            "transitions are listed, not asked for one by one: ?application_id=app_…",
        ));
    }
    if RecordId::parse(&id).is_none_or(|(e, _)| e != entity) {
        return Err(Problem::not_found(entity.name()));
    }
    let look = Look::of(entity, &mut asked, &caller)?;
    let only = asked.among(&[], &|key, _| {
        Problem::bad(format!("there is no `{key}` here; it can be: fields, raw"))
    })?;
    let wanted = Wanted {
        limit: 1,
        filters: vec![("id".to_owned(), id)],
        ..only
    };
    let mut page = stored(&api, &format!("records/{}", entity.name()), wanted).await?;
    shown(&api, entity, &mut page.items, &look, &caller).await?;
    let item = page.items.pop();
    Ok(Json(item.ok_or_else(|| Problem::not_found(entity.name()))?))
}

/// Whole, then cut to what the caller may see and asked for.
async fn shown(
    api: &Api,
    entity: Entity,
    items: &mut [Value],
    look: &Look,
    caller: &Caller,
) -> Result<(), Problem> {
    let mut supplies: HashMap<String, Option<Supply>> = HashMap::new();
    let raw = match look.raw {
        true => raw(api, entity, items, caller).await?,
        false => Vec::new(),
    };
    let kept_since = api.hub.env.now().0 - Class::Delivery.days() * DAY;
    for (n, item) in items.iter_mut().enumerate() {
        let conn = item["connection"].as_str().unwrap_or_default().to_owned();
        let supply = supplies.entry(conn).or_insert_with_key(|conn| {
            let conn = api.hub.connection(conn)?;
            Some(Supply::of(&conn.holding, entity))
        });
        complete::complete(entity, item, supply.as_ref());
        let seen = item["provenance"]["observed_at"].as_str();
        let seen = seen.and_then(time::parse_instant);
        if seen.is_some_and(|(Micros(at), _)| at < kept_since) {
            item["provenance"]["raw_ref"] = Value::Null;
        }
        view::hide(entity, item, caller.sees);
        if let Some(fields) = &look.fields {
            fields.cut(item);
        }
        if look.raw {
            item["raw"] = raw.get(n).cloned().unwrap_or(Value::Null);
        }
    }
    Ok(())
}

/// The kept deliveries behind these records, in their order; who looked is written down first.
async fn raw(
    api: &Api,
    entity: Entity,
    items: &[Value],
    caller: &Caller,
) -> Result<Vec<Value>, Problem> {
    let ids: Vec<&str> = items.iter().filter_map(|i| i["id"].as_str()).collect();
    let entry = AuditEntry {
        ws: MAIN,
        at: api.hub.env.now().0,
        actor: caller.name.to_string(),
        verb: "raw payloads read".into(),
        object: format!("records/{}", entity.name()),
        detail: format!("{} record(s): {}", ids.len(), ids.join(" ")),
    };
    api.hub.store.audit(entry).await?;
    let number = |i: &Value| i["provenance"]["raw_ref"].as_str()?.parse().ok();
    let deliveries: Vec<i64> = items.iter().map(|i| number(i).unwrap_or(0)).collect();
    let bodies = api.hub.store.raw(MAIN, deliveries).await?;
    let read = |b: Option<Vec<u8>>| b.and_then(|b| serde_json::from_slice(&b).ok());
    Ok(bodies
        .into_iter()
        .map(|b| read(b).unwrap_or(Value::Null))
        .collect())
}

fn entity(name: &str) -> Result<Entity, Problem> {
    Entity::parse(name).ok_or_else(|| {
        let hint = hint(name, Entity::ALL.iter().map(|e| e.name()))
            .map(|h| format!("; {h}"))
            .unwrap_or_default();
        Problem::new(
            axum::http::StatusCode::NOT_FOUND,
            format!("there is no entity `{name}`{hint}"),
        )
    })
}

/// Whether an entity's records can be found by this.
fn has_filter(entity: Entity, name: &str) -> bool {
    let own =
        || fields::entity(entity.name()).is_some_and(|e| e.fields.iter().any(|f| f.name == name));
    match (entity, name) {
        (_, "updated_after" | "changed_after") => true,
        (Entity::StageTransition, name) => name == "application_id",
        (_, "connection" | "remote_id" | "id" | "deleted") => true,
        (Entity::Candidate | Entity::User, "email") => true,
        (_, "email") => false,
        _ => own(),
    }
}

/// Whoever may not see an address may not try one either.
fn may_ask(name: &str, caller: &Caller) -> bool {
    name != "email" || caller.sees >= fields::Class::Personal
}

fn stranger(entity: Entity, key: &str, known: &[&Filter]) -> Problem {
    let more = ["limit", "cursor", "fields", "raw"];
    let names: Vec<&str> = known.iter().map(|f| f.0).chain(more).collect();
    let near = nearest(key, names.iter().copied())
        .map(|n| format!("; did you mean `{n}`?"))
        .unwrap_or_default();
    Problem::bad(format!(
        "`{}` cannot be filtered by `{key}`{near}; it can be: {}",
        entity.name(),
        names.join(", ")
    ))
}

/// A status that the entity never has would give an empty page that looks like an answer.
fn words_fit(entity: Entity, wanted: &Wanted) -> Result<(), Problem> {
    let Some((_, word)) = wanted.filters.iter().find(|(k, _)| k == "status") else {
        return Ok(());
    };
    let field = ["status", "state"]
        .iter()
        .find_map(|f| fields::field(entity.name(), f));
    match field.map(|f| f.kind) {
        Some(Kind::Enum(words)) if !words.contains(&word.as_str()) => {
            let says = json!(word);
            Err(Problem::bad(format!(
                "{says} is not one of {}",
                words.join(", ")
            )))
        }
        _ => Ok(()),
    }
}
