//! The receiver's page: what arrived, newest first. It changes nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Html;
use serde_json::Value;

use super::{Entry, Receiver};
use crate::page::{badge, escape, page, table, time};

const NOTE: &str = "Stands for any tool that takes signed webhooks: a script, n8n, a data store.";

pub(crate) async fn show(State(receiver): State<Arc<Receiver>>) -> Html<String> {
    let effects = receiver.effects();
    let book = receiver.lock();
    let rows: Vec<Vec<String>> = book
        .order
        .iter()
        .rev()
        .take(100)
        .map(|id| row(id, &book.entries[id]))
        .collect();
    let sum = format!(
        "<p class=\"bar\"><strong>{effects}</strong> effects from <strong>{}</strong> requests, \
         <strong>{}</strong> refused.</p>",
        book.requests, book.refused
    );
    let heads = ["Id", "Times", "What", "First came", "Body"];
    let list = table("Received", &heads, &rows, "Nothing yet.");
    page("Signed receiver — fake", NOTE, &format!("{sum}{list}"))
}

fn row(id: &str, entry: &Entry) -> Vec<String> {
    let body: Value = serde_json::from_slice(&entry.first_body).unwrap_or_default();
    let kind = body.get("type").and_then(Value::as_str);
    let text = match serde_json::to_string_pretty(&body) {
        Ok(text) if !body.is_null() => text,
        _ => String::from_utf8_lossy(&entry.first_body).into_owned(),
    };
    let times = match entry.count {
        1 => "1".to_string(),
        more => badge("quiet", &more.to_string()),
    };
    vec![
        format!("<code>{}</code>", escape(id)),
        times,
        escape(kind.unwrap_or(&entry.path)),
        time(entry.first_at),
        format!(
            "<details><summary>Show</summary><pre>{}</pre></details>",
            escape(&text)
        ),
    ]
}
