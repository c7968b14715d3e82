//! Pages of what the store keeps, newest first.

use crate::Api;
use crate::input::Id;
use crate::list::{Asked, Listed, page, slice};
use crate::problem::Problem;
use crate::shape::{self, Page};
use crate::titles::title;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use stagewire_model::{MAIN, Micros};
use stagewire_store::SubscriptionRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(deliveries))
        .routes(routes!(events))
        .routes(routes!(runs))
        .routes(routes!(actions))
        .routes(routes!(holds))
        .routes(routes!(failures))
        .routes(routes!(calls))
        .routes(routes!(drift))
        .routes(routes!(completeness))
        .routes(routes!(audit))
        .routes(routes!(subscriptions))
        .routes(routes!(subscription_by_id))
}

type Answer = Result<Json<Listed>, Problem>;

async fn listed(api: &Api, list: &str, asked: Asked) -> Answer {
    Ok(Json(page(api, list, asked.of(list)?).await?))
}

/// What arrived.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "deliveries", responses((status = 200, description = "A page.", body = Page<shape::Delivery>)))]
async fn deliveries(State(api): State<Api>, asked: Asked) -> Answer {
    listed(&api, "deliveries", asked).await
}

/// What happened.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", responses((status = 200, description = "A page.", body = Page<shape::Event>)))]
async fn events(State(api): State<Api>, asked: Asked) -> Answer {
    listed(&api, "events", asked).await
}

/// Events through flows.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", responses((status = 200, description = "A page.", body = Page<shape::Run>)))]
async fn runs(State(api): State<Api>, asked: Asked) -> Answer {
    listed(&api, "runs", asked).await
}

/// Intended effects.
#[utoipa::path(get, path = "/api/v1/actions", tag = "actions", responses((status = 200, description = "A page.", body = Page<shape::Action>)))]
async fn actions(State(api): State<Api>, asked: Asked) -> Answer {
    listed(&api, "actions", asked).await
}

/// Actions that wait, or waited, for a person.
#[utoipa::path(get, path = "/api/v1/holds", tag = "holds", responses((status = 200, description = "A page.", body = Page<shape::Hold>)))]
async fn holds(State(api): State<Api>, asked: Asked) -> Answer {
    listed(&api, "holds", asked).await
}

/// The error inbox.
#[utoipa::path(get, path = "/api/v1/failures", tag = "failures", responses((status = 200, description = "A page.", body = Page<shape::Failure>)))]
async fn failures(State(api): State<Api>, asked: Asked) -> Answer {
    let mut page = page(&api, "failures", asked.of("failures")?).await?;
    page.items.iter_mut().for_each(titled);
    Ok(Json(page))
}

/// Adds what the failure's code says.
pub(crate) fn titled(item: &mut Value) {
    let said = title(item["code"].as_str().unwrap_or_default());
    item["title"] = json!(said);
}

/// Every HTTP request we made.
#[utoipa::path(get, path = "/api/v1/calls", tag = "calls", responses((status = 200, description = "A page.", body = Page<shape::Call>)))]
async fn calls(State(api): State<Api>, asked: Asked) -> Answer {
    listed(&api, "calls", asked).await
}

/// What vendors changed.
#[utoipa::path(get, path = "/api/v1/drift", tag = "drift", responses((status = 200, description = "A page.", body = Page<shape::Drift>)))]
async fn drift(State(api): State<Api>, asked: Asked) -> Answer {
    listed(&api, "drift", asked).await
}

/// How complete the webhooks of each day were.
#[utoipa::path(get, path = "/api/v1/completeness", tag = "completeness", responses((status = 200, description = "A page.", body = Page<shape::Completeness>)))]
async fn completeness(State(api): State<Api>, asked: Asked) -> Answer {
    listed(&api, "completeness", asked).await
}

/// Every decision and change, and who made it.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", responses((status = 200, description = "A page.", body = Page<shape::AuditLine>)))]
async fn audit(State(api): State<Api>, asked: Asked) -> Answer {
    listed(&api, "audit", asked).await
}

/// Who receives events.
#[utoipa::path(get, path = "/api/v1/subscriptions", tag = "subscriptions", responses((status = 200, description = "A page.", body = Page<shape::Subscription>)))]
async fn subscriptions(State(api): State<Api>, asked: Asked) -> Answer {
    let wanted = asked.of("subscriptions")?;
    let rows = api.hub.store.subscriptions(MAIN).await?;
    let now = api.hub.env.now();
    let items = rows.iter().map(|row| subscription(row, now)).collect();
    Ok(Json(slice(items, &wanted)))
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/subscriptions/{id}", tag = "subscriptions", params(("id" = String, Path, description = "Its number.")), responses((status = 200, description = "The subscription.", body = shape::Subscription)))]
async fn subscription_by_id(State(api): State<Api>, id: Id) -> Result<Json<Value>, Problem> {
    let number = id.number("subscription")?;
    let rows = api.hub.store.subscriptions(MAIN).await?;
    let row = rows.iter().find(|row| row.id == number);
    let item = row.map(|row| subscription(row, api.hub.env.now()));
    item.map(Json)
        .ok_or_else(|| Problem::not_found("subscription"))
}

/// A subscription without its secret.
fn subscription(row: &SubscriptionRow, now: Micros) -> Value {
    let both = row.old.as_ref().map(|(_, until)| *until);
    let (missed, since) = row.missed.unzip();
    json!({"id": row.id.to_string(), "url": row.url, "events": row.events, "fields": row.fields, "connections": row.connections, "state": row.state, "owner": row.owner, "created_at": Micros(row.at).text(),
        "both_until": both.filter(|t| *t > now.0).map(|t| Micros(t).text()), "not_found": missed.unwrap_or(0), "not_found_since": since.map(|t| Micros(t).text())})
}
