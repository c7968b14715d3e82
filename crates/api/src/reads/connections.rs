//! Connections: what the store remembers, with what only the running engine knows. Values of fields are never shown.

use crate::Api;
use crate::input::Id;
use crate::list::{Asked, Listed, slice};
use crate::problem::Problem;
use crate::shape::{self, Page};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use stagewire_engine::connection::{Connection, State as Condition};
use stagewire_engine::hooks;
use stagewire_engine::keeping;
use stagewire_model::{MAIN, Micros};
use stagewire_store::ConnectionRow;
use std::collections::HashMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(connections))
        .routes(routes!(connection))
}

/// Every connection.
#[utoipa::path(get, path = "/api/v1/connections", tag = "connections", responses((status = 200, description = "A page.", body = Page<shape::Connection>)))]
async fn connections(State(api): State<Api>, asked: Asked) -> Result<Json<Listed>, Problem> {
    let wanted = asked.of("connections")?;
    let rows = stored(&api).await?;
    let items = api
        .hub
        .connections()
        .iter()
        .map(|c| item(&api, c, rows.get(&c.id)))
        .collect();
    Ok(Json(slice(items, &wanted)))
}

/// One connection with its form and its streams.
#[utoipa::path(get, path = "/api/v1/connections/{id}", tag = "connections", params(("id" = String, Path, description = "Its name.")), responses((status = 200, description = "The connection.", body = shape::ConnectionDetail)))]
async fn connection(State(api): State<Api>, Id(id): Id) -> Result<Json<Value>, Problem> {
    let conn = api
        .hub
        .connection(&id)
        .ok_or_else(|| Problem::not_found("connection"))?;
    let mut item = item(&api, &conn, stored(&api).await?.get(&id));
    let settings = conn.settings();
    item["fields"] = conn
        .connector
        .fields
        .iter()
        .map(|f| json!({"name": f.key, "label": f.label, "help": f.help, "secret": f.secret, "required": f.required, "filled_in": settings.get(&f.key).is_some(), "one_of": f.one_of}))
        .collect();
    let checkpoints: HashMap<String, i64> = api
        .hub
        .store
        .checkpoints(id)
        .await?
        .into_iter()
        .map(|(stream, _, rows)| (stream, rows))
        .collect();
    item["streams"] = conn.connector.streams().iter().map(|s| json!({"name": s.name, "entity": s.entity.name(), "rows": checkpoints.get(&s.name)})).collect();
    let granted = conn.granted();
    let lacking = conn.connector.lacking(&conn.settings(), granted.as_deref());
    item["not_available"] = lacking
        .iter()
        .map(|l| json!({"entity": l.entity.name(), "fields": l.fields, "scope": l.scope}))
        .collect();
    item["scopes"] =
        json!({"needed": api.hub.wanted_scopes(&conn, &[]), "granted": conn.granted()});
    item["keep"] = json!(conn.spec.keep.said());
    item["keep_needed"] = json!(keeping::needed(&api.hub, &conn));
    item["actions"] = conn
        .connector
        .actions(&settings)
        .map(|a| json!(format!("{}.{}", conn.connector.id, a.name)))
        .collect();
    Ok(Json(item))
}

async fn stored(api: &Api) -> Result<HashMap<String, ConnectionRow>, Problem> {
    Ok(api
        .hub
        .store
        .connections(MAIN)
        .await?
        .into_iter()
        .map(|c| (c.conn.clone(), c))
        .collect())
}

/// One connection as its card shows it.
pub(crate) fn item(api: &Api, conn: &Connection, row: Option<&ConnectionRow>) -> Value {
    let time = |t: Option<i64>| t.map(|t| Micros(t).text());
    let (state, mut sentence) = conn.state();
    if state == Condition::Working
        && let Some(pace) = hooks::pace(conn)
    {
        sentence = format!("{sentence}: {pace}");
    }
    let dispatcher = api.hub.dispatcher(&conn.id);
    let (token_ends, refresh_ends) = conn.token_ends();
    let blocked = conn.budget.blocked_until();
    let blocked = (blocked > api.hub.env.now()).then(|| blocked.text());
    json!({
        "id": conn.id, "connector": conn.connector.id, "name": conn.connector.name, "state": state.as_str(), "sentence": sentence, "owner": conn.spec.owner,
        "last_success_at": time(row.and_then(|r| r.last_success)),
        "account": conn.account(),
        "by_consent": conn.by_consent(),
        "token_expires_at": token_ends.map(Micros::text),
        "refresh_expires_at": refresh_ends.map(Micros::text),
        "watermark_at": conn.watermark().map(Micros::text),
        "backfilled": row.is_some_and(|r| r.backfilled),
        "blocked_until": blocked,
        "webhooks": conn.spec.webhooks.as_str(),
        "rejected": row.map_or(0, |r| r.rejected),
        "refused_large": row.map_or(0, |r| r.refused_large),
        "in_flight": conn.budget.flying(),
        "waiting": dispatcher.as_ref().map_or(0, |d| d.waiting().0),
        "circuit_open_since": dispatcher.and_then(|d| d.circuit_open_since()).map(Micros::text),
    })
}
