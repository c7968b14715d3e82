//! Records of the common model, as our copy holds them. Every field of an entity is in every record: what the vendor does not supply
//! is null (a list is empty) and named in `meta.not_available`.

use crate::Api;
use crate::input::Id;
use crate::list::{Asked, Listed, one, page};
use crate::problem::Problem;
use crate::shape::Page;
use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};
use stagewire_engine::flow::nearest::hint;
use stagewire_model::fields::{self, Field, Kind};
use stagewire_model::{Entity, RecordId};
use std::collections::BTreeSet;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(records))
        .routes(routes!(record))
}

/// Words that are ours, not a vendor's: they have no `_raw` beside them.
const OURS: &[&str] = &[
    "kind_source",
    "entered_at_precision",
    "evidence",
    "from_status",
    "to_status",
];

/// A record of the common model; its fields are those of its entity.
#[derive(utoipa::ToSchema)]
#[schema(value_type = Object)]
pub(crate) struct Record(
    #[expect(dead_code, reason = "only its name stands in the document")] Value,
);

/// Records of one entity, oldest change first: a reader that keeps its last `next` misses nothing.
#[utoipa::path(get, path = "/api/v1/records/{entity}", tag = "records", params(("entity" = String, Path, description = "`candidate`, `application`, `job` …")), responses((status = 200, description = "A page.", body = Page<Record>)))]
async fn records(
    State(api): State<Api>,
    Id(name): Id,
    asked: Asked,
) -> Result<Json<Listed>, Problem> {
    let entity = entity(&name)?;
    let wanted = asked.of(if entity == Entity::StageTransition {
        "records/stage_transition"
    } else {
        "records/{entity}"
    })?;
    let mut page = page(&api, &format!("records/{}", entity.name()), wanted).await?;
    page.items
        .iter_mut()
        .for_each(|item| complete(entity, item));
    Ok(Json(page))
}

/// One record.
#[utoipa::path(get, path = "/api/v1/records/{entity}/{id}", tag = "records", params(("entity" = String, Path, description = "`candidate`, `application`, `job` …"), ("id" = String, Path, description = "Our id, such as `app_…`.")), responses((status = 200, description = "The record.", body = Record)))]
async fn record(
    State(api): State<Api>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let entity = entity(&name)?;
    if RecordId::parse(&id).is_none_or(|(e, _)| e != entity) || entity == Entity::StageTransition {
        return Err(Problem::not_found(entity.name()));
    }
    let mut item = one(&api, &format!("records/{}", entity.name()), "id", &id)
        .await?
        .ok_or_else(|| Problem::not_found(entity.name()))?;
    complete(entity, &mut item);
    Ok(Json(item))
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

/// Whether the vendor's own words stand beside a field.
pub(crate) fn has_raw(field: &Field) -> bool {
    matches!(field.kind, Kind::Enum(_)) && !OURS.contains(&field.name)
}

/// Puts in every field the entity has, in the order of the model.
pub(crate) fn complete(entity: Entity, item: &mut Value) {
    let (Some(known), Some(held)) = (fields::entity(entity.name()), item.as_object_mut()) else {
        return;
    };
    let mut held = std::mem::take(held);
    let mut meta = match held.remove("meta") {
        Some(Value::Object(meta)) => meta,
        _ => Map::new(),
    };
    let mut missing: BTreeSet<String> = texts(&meta, "not_available");
    let custom = held.remove("custom_fields");
    let (own, envelope): (Vec<&Field>, Vec<&Field>) = known
        .all()
        .filter(|f| !f.derived)
        .partition(|f| known.fields.iter().any(|o| o.name == f.name));
    let mut out = Map::new();
    let mut put = |out: &mut Map<String, Value>, name: &str, kind: Kind| {
        let value = held.remove(name).unwrap_or_else(|| {
            match (name, kind) {
                ("hold_automation", _) => return json!(false), // ours: off until a person sets it
                ("deletion", _) => return Value::Null,
                _ => missing.insert(name.to_owned()),
            };
            match (name, kind) {
                ("anonymized", _) => json!(false),
                (_, Kind::List(_)) => json!([]),
                _ => Value::Null,
            }
        });
        out.insert(name.to_owned(), value);
    };
    for field in envelope
        .iter()
        .filter(|f| !matches!(f.name, "custom_fields" | "meta"))
    {
        put(&mut out, field.name, field.kind);
    }
    for field in own {
        put(&mut out, field.name, field.kind);
        if has_raw(field) {
            put(&mut out, &format!("{}_raw", field.name), Kind::Text);
        }
    }
    out.extend(held);
    if custom.is_none() {
        missing.insert("custom_fields".into());
    }
    out.insert("custom_fields".into(), custom.unwrap_or_else(|| json!([])));
    if let Some(Value::Object(p)) = out.get_mut("provenance") {
        for name in ["channel", "observed_at", "event_id", "raw_ref"] {
            p.entry(name).or_insert(Value::Null);
        }
    }
    meta.insert("not_available".into(), json!(missing));
    for name in ["redacted", "warnings"] {
        meta.entry(name).or_insert_with(|| json!([]));
    }
    out.insert("meta".into(), Value::Object(meta));
    *item = Value::Object(out);
}

fn texts(meta: &Map<String, Value>, name: &str) -> BTreeSet<String> {
    meta.get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_there_and_what_is_not_supplied_is_named() {
        let mut item = json!({"schema": "recruiting/1", "entity": "application", "id": "app_1", "status": "active", "job_id": null, "provenance": {"channel": "webhook", "observed_at": "x"}, "house_word": 1,
            "meta": {"not_available": ["recruiter"], "redacted": [], "warnings": []}});
        complete(Entity::Application, &mut item);
        for field in fields::entity("application")
            .expect("it exists")
            .all()
            .filter(|f| !f.derived)
        {
            assert!(item.get(field.name).is_some(), "{}", field.name);
        }
        let missing: Vec<&str> = item["meta"]["not_available"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(
            missing.contains(&"offer_ids")
                && missing.contains(&"recruiter")
                && missing.contains(&"status_raw"),
            "{missing:?}"
        );
        assert!(
            !missing.contains(&"job_id")
                && !missing.contains(&"status")
                && !missing.contains(&"hold_automation"),
            "{missing:?}"
        );
        assert_eq!(
            (
                &item["offer_ids"],
                &item["stage_id"],
                &item["hold_automation"],
                &item["house_word"]
            ),
            (&json!([]), &Value::Null, &json!(false), &json!(1))
        );
        assert_eq!(item["provenance"]["raw_ref"], Value::Null);
    }

    #[test]
    fn every_entity_of_the_model_can_be_completed() {
        for entity in Entity::ALL {
            let mut item = json!({});
            complete(*entity, &mut item);
            assert!(item["meta"]["not_available"].is_array(), "{entity}");
        }
    }
}
