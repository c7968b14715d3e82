//! Recorded requests and answers as text files: a head, an empty line, a body. Keeps bodies byte for byte, but for one last newline.

use crate::http::Response;
use crate::settings::Settings;
use serde_json::{Map, Value};
use stagewire_model::Secret;

/// A recorded message.
pub(super) struct Message {
    /// `POST /in/x HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub(super) first: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Message {
    pub(super) fn parse(text: &str) -> Result<Message, String> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines().filter(|l| !l.starts_with('#'));
        let first = lines.next().unwrap_or_default().trim().to_owned();
        let headers = lines
            .map(|line| {
                line.split_once(':')
                    .map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()))
                    .ok_or(format!("`{line}` is no header"))
            })
            .collect::<Result<Vec<_>, String>>()?;
        Ok(Message {
            first,
            headers,
            body: body.strip_suffix('\n').unwrap_or(body).as_bytes().to_vec(),
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub(super) fn response(&self) -> Result<Response, String> {
        let status = self
            .first
            .split_whitespace()
            .nth(1)
            .and_then(|s| s.parse().ok())
            .filter(|_| self.first.starts_with("HTTP/"));
        let status = status.ok_or("the first line should be `HTTP/1.1 <status>`")?;
        Ok(Response {
            status,
            headers: self.headers.clone(),
            body: self.body.clone(),
        })
    }
}

/// The settings fixtures use.
pub(super) fn settings(table: &Map<String, Value>) -> Settings {
    let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let fields = table
        .get("fields")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    Settings {
        fields: fields
            .filter_map(|(k, v)| Some((k.clone(), Secret::new(v.as_str()?.to_owned()))))
            .collect(),
        base_url: text("base_url"),
        auth_url: text("auth_url"),
    }
}

/// A TOML file as JSON.
pub(super) fn toml(text: &str) -> Result<Map<String, Value>, String> {
    toml::from_str::<Map<String, Value>>(text).map_err(|e| e.message().to_owned())
}
