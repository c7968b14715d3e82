//! The OpenAPI document: what the handlers say of themselves, and what holds for all of them (who may ask, what can go wrong, how
//! lists are filtered), written in from the same tables that the requests are checked against.

use crate::auth::needs;
use crate::list::{Takes, filters};
use axum::http::Method;
use serde_json::{Map, Value, json};
use stagewire_model::fields::{Entity, Kind, entities};
use stagewire_model::{ActionState, Entity as Known};
use stagewire_store::{DeliveryState, RunState};
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

/// The whole document.
pub(crate) fn document(described: OpenApi, version: &str) -> Value {
    let mut doc = serde_json::to_value(described).unwrap_or_default();
    doc["openapi"] = json!("3.1.0");
    doc["info"] = json!({"title": "Stagewire", "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        "description": "The live wire between an applicant tracking system and every other tool of a hiring team."});
    doc["components"]["securitySchemes"] = json!({"token": {"type": "http", "scheme": "bearer", "description": "A token made with POST /api/v1/tokens."}});
    schemas(&mut doc);
    if let Some(paths) = doc["paths"].as_object_mut() {
        for (path, operations) in paths {
            let Some(operations) = operations.as_object_mut() else {
                continue;
            };
            for (method, operation) in operations {
                common(path, method, operation);
            }
        }
    }
    doc
}

fn schemas(doc: &mut Value) {
    let mut more = Vec::new();
    crate::shape::Problem::schemas(&mut more);
    let name = crate::shape::Problem::name().into_owned();
    more.push((name, crate::shape::Problem::schema()));
    for (name, schema) in more {
        doc["components"]["schemas"][name.as_str()] =
            serde_json::to_value(schema).unwrap_or_default();
    }
    let known = || entities().filter(|e| Known::parse(e.name).is_some());
    for entity in known() {
        doc["components"]["schemas"][record_name(entity)] = record_schema(entity);
    }
    let all: Vec<Value> = known()
        .map(|e| json!({"$ref": format!("#/components/schemas/{}", record_name(e))}))
        .collect();
    doc["components"]["schemas"]["Record"] = json!({"description": "A record of the common model, with every field its entity has.", "oneOf": all});
}

fn record_name(entity: &Entity) -> String {
    format!("record_{}", entity.name)
}

/// Every field, since every field is in every record.
fn record_schema(entity: &Entity) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in entity.all().filter(|f| !f.derived) {
        let mut schema = kind_schema(field.kind);
        schema["description"] = json!(format!("{}; {}", field.kind.describe(), field.class.name()));
        properties.insert(field.name.into(), schema);
        required.push(field.name.to_owned());
        if crate::reads::records::has_raw(field) {
            let raw = format!("{}_raw", field.name);
            properties.insert(
                raw.clone(),
                json!({"type": ["string", "null"], "description": "the vendor's own words"}),
            );
            required.push(raw);
        }
    }
    properties.insert(
        "entity".into(),
        json!({"type": "string", "const": entity.name}),
    );
    json!({"type": "object", "properties": properties, "required": required})
}

fn kind_schema(kind: Kind) -> Value {
    match kind {
        Kind::Bool => json!({"type": ["boolean", "null"]}),
        Kind::Int => json!({"type": ["integer", "null"]}),
        Kind::Instant => json!({"type": ["string", "null"], "format": "date-time"}),
        Kind::Date => json!({"type": ["string", "null"], "format": "date"}),
        Kind::Object(_) | Kind::Keyed(_) => json!({"type": ["object", "null"]}),
        Kind::List(item) => json!({"type": "array", "items": kind_schema(*item)}),
        Kind::Any => json!({}),
        Kind::Text | Kind::Decimal | Kind::Enum(_) | Kind::Ref(_) => {
            json!({"type": ["string", "null"]})
        }
    }
}

/// What holds for every route under `/api/v1`.
fn common(path: &str, method: &str, operation: &mut Value) {
    if !path.starts_with("/api/v1/") {
        return;
    }
    let changes = method != "get";
    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap_or(Method::GET);
    let role = format!("Needs the role `{}`.", needs(&method, path).as_str());
    let said = operation["description"]
        .as_str()
        .map(|d| format!("{d}\n\n"))
        .unwrap_or_default();
    operation["description"] = json!(format!("{said}{role}"));
    operation["security"] = json!([{"token": []}]);
    let mut parameters: Vec<Value> = operation["parameters"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let list = path.strip_prefix("/api/v1/").unwrap_or_default();
    let is_list = !changes && crate::list::LISTS.iter().any(|(name, _)| *name == list);
    if is_list {
        parameters.push(query(
            "limit",
            json!({"type": "integer", "minimum": 1, "maximum": crate::list::MOST, "default": 50}),
            "Items on the page.",
        ));
        parameters.push(query(
            "cursor",
            json!({"type": "string"}),
            "The `next` of the page before.",
        ));
        parameters.extend(filters(list).iter().map(|f| query(f.0, takes(f.2), f.3)));
    }
    if method == Method::POST {
        let what = "The same key with the same request gets the same answer again, and does nothing (header `Idempotent-Replay: true`); with another request it is refused.";
        parameters.push(json!({"name": "Idempotency-Key", "in": "header", "required": false, "schema": {"type": "string", "maxLength": 255}, "description": what}));
    }
    let body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        .as_str()
        .unwrap_or_default();
    if ["/Nothing", "/Again", "/Wish"]
        .iter()
        .any(|b| body.ends_with(b))
    {
        operation["requestBody"]["required"] = json!(false);
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    let mut problems = vec![
        ("401", "No token, or one that is not known."),
        ("403", "The token's role may not do this."),
        ("503", "The database cannot take it right now."),
    ];
    if is_list {
        problems.push(("400", "An unknown filter, or a value that does not fit."));
    }
    if path.contains('{') {
        problems.push(("404", "There is no such thing."));
    }
    if changes {
        problems.push(("400", "The body is not JSON."));
        problems.push(("409", "It does not fit the state it is in."));
        problems.push(("413", "The body is too large."));
        problems.push((
            "422",
            "A value does not fit, or the Idempotency-Key was used for another request.",
        ));
    }
    for (status, says) in problems {
        if operation["responses"][status].is_null() {
            operation["responses"][status] = json!({"description": says, "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}});
        }
    }
}

fn query(name: &str, schema: Value, says: &str) -> Value {
    json!({"name": name, "in": "query", "required": false, "schema": schema, "description": says})
}

fn takes(takes: Takes) -> Value {
    let words = |words: Vec<&str>| json!({"type": "string", "enum": words});
    match takes {
        Takes::Number => json!({"type": "integer"}),
        Takes::Instant => json!({"type": "string", "format": "date-time"}),
        Takes::Text | Takes::Event | Takes::Record => json!({"type": "string"}),
        Takes::ActionState => words(ActionState::ALL.iter().map(|s| s.as_str()).collect()),
        Takes::DeliveryState => words(
            [
                DeliveryState::Waiting,
                DeliveryState::Mapped,
                DeliveryState::Kept,
                DeliveryState::Duplicate,
                DeliveryState::Failed,
            ]
            .map(DeliveryState::as_str)
            .to_vec(),
        ),
        Takes::RunState => words(
            [
                RunState::Completing,
                RunState::Running,
                RunState::Done,
                RunState::Parked,
                RunState::Skipped,
                RunState::WouldHave,
            ]
            .map(RunState::as_str)
            .to_vec(),
        ),
        Takes::Words(w) => words(w.to_vec()),
    }
}
