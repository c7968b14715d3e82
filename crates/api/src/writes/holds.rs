//! Decisions about holds. The first one wins, and covers exactly the request whose hash it names.

use crate::Api;
use crate::auth::Caller;
use crate::input::{Id, Json as Body};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use stagewire_engine::hand::Verdict;
use stagewire_store::HoldDone;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(approve))
        .routes(routes!(edit))
        .routes(routes!(reject))
}

/// What was on screen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Approve {
    /// The hold's `shown_hash` as it was on screen.
    shown_hash: String,
}

/// What is to be sent instead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// The hold's `shown_hash` as it was on screen.
    shown_hash: String,
    /// The hold's `request`, with another text.
    #[schema(value_type = Object)]
    request: Map<String, Value>,
}

/// Why it is not sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reject {
    /// In the reviewer's words.
    reason: String,
}

/// A decision that stands.
#[derive(Serialize, ToSchema)]
struct Decided {
    /// The hold.
    id: String,
    /// Its state now.
    state: String,
    /// Its action's state now.
    action_state: String,
}

type Answer = Result<Json<Decided>, Problem>;

/// Sends what was on screen.
#[utoipa::path(post, path = "/api/v1/holds/{id}/approve", tag = "holds", params(("id" = String, Path, description = "The hold.")), request_body = Approve, responses((status = 200, description = "It stands.", body = Decided)))]
async fn approve(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
    Body(body): Body<Approve>,
) -> Answer {
    let shown_hash = hash(&body.shown_hash)?;
    decide(
        &api,
        &id,
        Verdict::Approve { shown_hash },
        "approved",
        &caller,
    )
    .await
}

/// Sends another text instead; where it goes cannot be changed.
#[utoipa::path(post, path = "/api/v1/holds/{id}/edit", tag = "holds", params(("id" = String, Path, description = "The hold.")), request_body = Edit, responses((status = 200, description = "It stands.", body = Decided)))]
async fn edit(State(api): State<Api>, id: Id, caller: Caller, Body(body): Body<Edit>) -> Answer {
    let shown_hash = hash(&body.shown_hash)?;
    decide(
        &api,
        &id,
        Verdict::Edit {
            shown_hash,
            request: Value::Object(body.request),
        },
        "edited",
        &caller,
    )
    .await
}

/// Does not send it.
#[utoipa::path(post, path = "/api/v1/holds/{id}/reject", tag = "holds", params(("id" = String, Path, description = "The hold.")), request_body = Reject, responses((status = 200, description = "It stands.", body = Decided)))]
async fn reject(
    State(api): State<Api>,
    id: Id,
    caller: Caller,
    Body(body): Body<Reject>,
) -> Answer {
    let reason = super::said(&body.reason, "reason")?;
    decide(&api, &id, Verdict::Reject { reason }, "rejected", &caller).await
}

async fn decide(api: &Api, id: &Id, verdict: Verdict, word: &str, caller: &Caller) -> Answer {
    let action = id.number("hold")?;
    if api.hub.store.hold(action).await?.is_none() {
        return Err(Problem::not_found("hold"));
    }
    let state = |word: &str| json!(word);
    match api.hub.decide(action, verdict, &caller.name).await? {
        HoldDone::Decided(now) => Ok(Json(Decided {
            id: action.to_string(),
            state: word.to_owned(),
            action_state: now.to_string(),
        })),
        HoldDone::Already(was) => Err(Problem::conflict(format!(
            "it was decided before: it is {was}"
        ))
        .with("state", state(&was))),
        HoldDone::NotShown => Err(Problem::conflict(
            "the request is not the one that was on screen any more; look again",
        )
        .with("state", state("waiting"))),
        HoldDone::Blocked => Err(Problem::conflict(
            "the facts changed meanwhile; it is blocked and will not be sent",
        )
        .with("state", state("blocked"))),
        HoldDone::NotFound => Err(Problem::not_found("hold")),
    }
}

fn hash(text: &str) -> Result<[u8; 32], Problem> {
    let wrong = || Problem::unfit("`shown_hash` is the hold's own: 64 hexadecimal digits");
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut out = [0; 32];
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| wrong())?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_digits_and_nothing_else() {
        assert_eq!(hash(&"0f".repeat(32)).expect("a hash"), [15; 32]);
        for wrong in ["", "zz", &"é".repeat(32), &"0g".repeat(32)] {
            assert!(hash(wrong).is_err(), "{wrong}");
        }
    }
}
