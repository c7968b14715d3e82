//! The installation itself: tokens, and the word that this is the live one.

use crate::Api;
use crate::auth::{Caller, Role, SCOPES};
use crate::input::Json as Body;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stagewire_engine::flow::nearest::hint;
use stagewire_model::{MAIN, id};
use stagewire_store::AuditEntry;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(token))
        .routes(routes!(installation, live))
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is for; stands in the audit log.
    name: String,
    /// `viewer`, `reviewer`, `operator`, `admin`, `owner`.
    role: String,
    /// `records:restricted`: records show pay, addresses and other restricted fields too. `records:open`: neither those nor what
    /// is personal. Without either, records show what is open and personal.
    #[serde(default)]
    scopes: Vec<String>,
}

/// A token, shown once.
#[derive(Serialize, ToSchema)]
struct Made {
    /// Its number.
    id: String,
    /// What it is for.
    name: String,
    /// What it may do.
    role: String,
    /// What it was given besides.
    scopes: Vec<String>,
    /// The token; only its hash is kept.
    token: String,
}

/// The word after a restore.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Live {
    /// `true`: this is the live one; effects go out again.
    live: bool,
}

/// This installation.
#[derive(Serialize, ToSchema)]
struct Installation {
    /// The program's version.
    version: String,
    /// Whether anything may leave.
    effects: bool,
}

/// Makes a token.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "installation", request_body = NewToken, responses((status = 201, description = "The token, once.", body = Made)))]
async fn token(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<NewToken>,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let name = super::said(&body.name, "name")?;
    let role = Role::parse(&body.role).ok_or_else(|| {
        Problem::unfit(format!(
            "`role` is one of {}",
            Role::ALL.map(Role::as_str).join(", ")
        ))
    })?;
    caller.must_be(role.max(Role::Admin), "making such a token")?;
    let known = || SCOPES.iter().map(|(s, _)| *s);
    if let Some(wrong) = body.scopes.iter().find(|s| !known().any(|k| k == *s)) {
        let hint = hint(wrong, known())
            .map(|h| format!("; {h}"))
            .unwrap_or_default();
        return Err(Problem::unfit(format!("there is no scope `{wrong}`{hint}")));
    }
    if body.scopes.len() > 1 {
        return Err(Problem::unfit("a token has one of these scopes, or none"));
    }
    let env = &api.hub.env;
    let text = format!(
        "sw_{}{}",
        id::encode(&env.random()),
        id::encode(&env.random())
    );
    let hash = Sha256::digest(text.as_bytes()).into();
    let id = api
        .hub
        .store
        .token_put(
            MAIN,
            name.clone(),
            role.as_str().into(),
            body.scopes.join(" "),
            hash,
            env.now().0,
            caller.name.to_string(),
        )
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(Made {
            id: id.to_string(),
            name,
            role: role.as_str().into(),
            scopes: body.scopes,
            token: text,
        }),
    ))
}

/// This installation.
#[utoipa::path(get, path = "/api/v1/installation", tag = "installation", responses((status = 200, description = "Its version, and whether anything may leave.", body = Installation)))]
async fn installation(State(api): State<Api>) -> Json<Installation> {
    Json(Installation {
        version: api.version.to_owned(),
        effects: api.hub.effects_on(),
    })
}

/// Says that this is the live installation: what was off after a restore goes out again.
#[utoipa::path(post, path = "/api/v1/installation", tag = "installation", request_body = Live, responses((status = 200, description = "Effects are on.", body = Installation)))]
async fn live(
    State(api): State<Api>,
    caller: Caller,
    Body(body): Body<Live>,
) -> Result<Json<Installation>, Problem> {
    if !body.live {
        return Err(Problem::unfit(
            "`live` can only be true; pause connections to stop what leaves",
        ));
    }
    let at = api.hub.env.now().0;
    let entry = AuditEntry {
        ws: MAIN,
        at,
        actor: caller.name.to_string(),
        verb: "this is the live one".into(),
        object: "installation".into(),
        detail: String::new(),
    };
    api.hub.store.audit(entry).await?;
    api.hub.set_effects(true);
    Ok(installation(State(api)).await)
}
