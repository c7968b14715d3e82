//! Whether the process lives, whether it can work, its numbers, and its own description. Nothing here needs a token, so nothing here
//! says more than names of connections and counts.

use crate::Api;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Value, json};
use stagewire_model::MAIN;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A writer that takes longer than this is not ready.
const SLOWEST: Duration = Duration::from_secs(2);

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .routes(routes!(openapi))
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "server", responses((status = 200, description = "It lives.", content_type = "text/plain", body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// The store can be written; `effects` says whether anything may leave.
#[utoipa::path(get, path = "/readyz", tag = "server", responses(
    (status = 200, description = "It can work.", body = Object),
    (status = 503, description = "The store cannot be written.", body = crate::shape::Problem, content_type = "application/problem+json")))]
async fn readyz(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    match tokio::time::timeout(SLOWEST, api.hub.store.ping()).await {
        Ok(written) => written?,
        Err(_) => {
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the store did not answer in time",
            ));
        }
    }
    Ok(Json(
        json!({"ready": true, "effects": api.hub.effects_on(), "version": api.version}),
    ))
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses((status = 200, description = "OpenAPI 3.1.", body = Object)))]
async fn openapi(State(api): State<Api>) -> Response {
    let make = || Bytes::from(crate::openapi(api.version).to_string());
    let document = api.shared.document.get_or_init(make).clone();
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

/// Numbers in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "server", responses((status = 200, description = "The numbers.", content_type = "text/plain", body = String)))]
async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let mut text = Exposition::default();
    text.gauge(
        "stagewire_info",
        "This program.",
        [(vec![("version", api.version.to_owned())], 1)],
    );
    text.gauge(
        "stagewire_effects",
        "Whether anything may leave.",
        [(vec![], i64::from(api.hub.effects_on()))],
    );
    let mut counts: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for (what, label, n) in api.hub.store.counts().await? {
        // subscriptions share one label, so that their number does not become the number of series
        let label = if label.starts_with("subscription/") {
            "subscriptions".to_owned()
        } else {
            label
        };
        *counts.entry(what).or_default().entry(label).or_default() += n;
    }
    for (name, what, says) in [
        (
            "stagewire_deliveries_waiting",
            "deliveries_waiting",
            "Deliveries that wait to be mapped.",
        ),
        (
            "stagewire_actions_unfinished",
            "actions_unfinished",
            "Actions that are not over.",
        ),
    ] {
        let rows = counts.remove(what).unwrap_or_default();
        text.gauge(
            name,
            says,
            rows.into_iter()
                .map(|(conn, n)| (vec![("connection", conn)], n)),
        );
    }
    let how = ["seen_live", "late", "recovered", "missed"].map(|how| {
        let rows = counts.remove(how).unwrap_or_default().into_iter();
        rows.map(move |(conn, n)| (vec![("connection", conn), ("how", how.to_owned())], n))
    });
    text.gauge(
        "stagewire_changes",
        "Changes of records, by how they were learned.",
        how.into_iter().flatten(),
    );
    let now = api.hub.env.now().0;
    let oldest = counts.remove("delivery_oldest").unwrap_or_default();
    text.gauge(
        "stagewire_delivery_lag_seconds",
        "Age of the oldest delivery that waits to be mapped.",
        oldest.into_iter().map(|(conn, at)| {
            let age = (now - at).max(0) / 1_000_000;
            (vec![("connection", conn)], age)
        }),
    );
    for (name, what, says) in [
        (
            "stagewire_holds_waiting",
            "holds_waiting",
            "Actions that wait for a person.",
        ),
        (
            "stagewire_failures_open",
            "failures_open",
            "Failures that are not over.",
        ),
    ] {
        let n = counts.remove(what).unwrap_or_default().into_values().sum();
        text.gauge(name, says, [(vec![], n)]);
    }
    let label = |conn: &str| vec![("connection", conn.to_owned())];
    let conns = api.hub.connections();
    text.gauge(
        "stagewire_calls_in_flight",
        "Calls in flight.",
        conns
            .iter()
            .map(|c| (label(&c.id), i64::from(c.budget.flying()))),
    );
    let open = |id: &str| {
        api.hub
            .dispatcher(id)
            .and_then(|d| d.circuit_open_since())
            .is_some()
    };
    text.gauge(
        "stagewire_circuit_open",
        "Whether too many calls failed.",
        conns.iter().map(|c| (label(&c.id), i64::from(open(&c.id)))),
    );
    let may_send = conns
        .iter()
        .map(|c| (label(&c.id), i64::from(c.may_send())));
    text.gauge(
        "stagewire_connection_may_send",
        "Whether a connection's writes may go out.",
        may_send,
    );
    let read = conns.iter().filter_map(|c| {
        let age = now - c.read_at().filter(|_| c.spec.poll_ms.is_some())?.0;
        Some((label(&c.id), age.max(0) / 1_000_000))
    });
    text.gauge(
        "stagewire_read_lag_seconds",
        "Time since all lists of a polled connection were last read.",
        read,
    );
    let rows = api.hub.store.connections(MAIN).await?;
    let success = rows
        .iter()
        .filter_map(|r| Some((label(&r.conn), r.last_success? / 1_000_000)));
    text.gauge(
        "stagewire_connection_last_success_timestamp_seconds",
        "When a call last succeeded.",
        success,
    );
    text.counter(
        "stagewire_deliveries_rejected_total",
        "Deliveries with a wrong signature.",
        rows.iter().map(|r| (label(&r.conn), r.rejected)),
    );
    text.counter(
        "stagewire_deliveries_too_large_total",
        "Deliveries that were too large.",
        rows.iter().map(|r| (label(&r.conn), r.refused_large)),
    );
    Ok((
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text.0,
    )
        .into_response())
}

/// Prometheus' text format, as far as it is needed.
#[derive(Default)]
struct Exposition(String);

type Labels = Vec<(&'static str, String)>;

impl Exposition {
    fn gauge(&mut self, name: &str, says: &str, samples: impl IntoIterator<Item = (Labels, i64)>) {
        self.family(name, "gauge", says, samples);
    }

    fn counter(
        &mut self,
        name: &str,
        says: &str,
        samples: impl IntoIterator<Item = (Labels, i64)>,
    ) {
        self.family(name, "counter", says, samples);
    }

    fn family(
        &mut self,
        name: &str,
        kind: &str,
        says: &str,
        samples: impl IntoIterator<Item = (Labels, i64)>,
    ) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {says}\n# TYPE {name} {kind}");
        for (labels, n) in samples {
            let labels: Vec<String> = labels
                .into_iter()
                .map(|(k, v)| format!("{k}=\"{}\"", escaped(&v)))
                .collect();
            let labels = if labels.is_empty() {
                String::new()
            } else {
                format!("{{{}}}", labels.join(","))
            };
            let _ = writeln!(self.0, "{name}{labels} {n}");
        }
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_families_have_a_type() {
        let mut text = Exposition::default();
        text.gauge("a", "Says.", [(vec![("k", "x\"y".into())], 2), (vec![], 3)]);
        assert_eq!(
            text.0,
            "# HELP a Says.\n# TYPE a gauge\na{k=\"x\\\"y\"} 2\na 3\n"
        );
    }
}
