//! Looks at the vendor before anything is repeated: is our trace there, does the record already look as wanted. Concludes nothing
//! from silence: when "not there" counts is the engine's business.

use super::{Action, StoredRequest};
use crate::http::{Request, Response, encode};
use crate::paging::ScanError;
use crate::path::scalar_text;
use serde_json::Value;
use stagewire_model::{Micros, OnceKind};

/// What a look for our trace found on one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is there.
    Yes {
        /// The vendor's id of it, if told.
        remote_id: Option<String>,
    },
    /// Not on this page.
    No,
    /// The answer cannot tell.
    Unreadable,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// It is as wanted.
    Done,
    /// It is not (yet) as wanted.
    Other {
        /// How it is, at the manifest's place.
        value: Option<String>,
        /// The record's version, if the vendor tells one.
        version: Option<String>,
    },
    /// The answer cannot tell.
    Unreadable,
}

impl Action {
    /// The look for what a stored request may have done. `from` and `to`: between them it can have left.
    pub(crate) fn probe(
        &self,
        base: &str,
        stored: &StoredRequest,
        from: Micros,
        to: Micros,
    ) -> Option<Request> {
        let probe = self.once.probe.as_ref()?;
        let get = |name: &str| stored.vars.get(name).cloned().map(Value::String);
        let mut query = Vec::new();
        for (key, template) in &probe.query {
            query.push(format!("{key}={}", template.fill(&get, encode).ok()?));
        }
        if let Some(window) = &probe.window {
            let write = |at: Micros| {
                if window.epoch {
                    at.seconds().to_string()
                } else {
                    at.text()
                }
            };
            query.push(format!(
                "{}={}",
                window.from,
                encode(&write(from.plus_ms(-window.margin_ms)))
            ));
            query.push(format!(
                "{}={}",
                window.to,
                encode(&write(to.plus_ms(window.margin_ms)))
            ));
        }
        if let Some(size) = &probe.paging.size {
            query.push(format!("{size}={}", probe.paging.per_page));
        }
        let sep = if query.is_empty() { "" } else { "?" };
        Some(Request::get(
            format!("{base}{}{sep}{}", probe.path, query.join("&")),
            probe.path.clone(),
        ))
    }

    pub(crate) fn next_probe(
        &self,
        request: &Request,
        response: &Response,
    ) -> Result<Option<Request>, ScanError> {
        match &self.once.probe {
            Some(probe) => probe
                .paging
                .next(request, response, &|| response.json(), &|| 0, false),
            None => Ok(None),
        }
    }

    /// Whether a page holds our trace (`marker`), or what we wanted to set (`set`).
    pub(crate) fn found(&self, stored: &StoredRequest, response: &Response) -> Found {
        let Some((rows, at)) = self.rows(response).zip(self.once.at.as_ref()) else {
            return Found::Unreadable;
        };
        let wanted = match (stored.once, &stored.marker) {
            (_, Some(marker)) => marker,
            (OnceKind::Set | OnceKind::Compare, None) => match stored.vars.get("done") {
                Some(done) => done,
                None => return Found::Unreadable,
            },
            _ => return Found::Unreadable,
        };
        let is_it = |row: &&Value| {
            let there = at.get(row).and_then(scalar_text);
            there.is_some_and(|t| {
                if self.once.contains {
                    t.contains(wanted.as_str())
                } else {
                    t == *wanted
                }
            })
        };
        match rows.iter().find(is_it) {
            Some(row) => Found::Yes {
                remote_id: self
                    .once
                    .remote
                    .as_ref()
                    .and_then(|p| p.get(row))
                    .and_then(scalar_text),
            },
            None => Found::No,
        }
    }

    /// Whether the record already looks as wanted.
    pub(crate) fn compare(&self, stored: &StoredRequest, response: &Response) -> Compared {
        let (Some(rows), Some(at), Some(done)) = (
            self.rows(response),
            self.once.at.as_ref(),
            stored.vars.get("done"),
        ) else {
            return Compared::Unreadable;
        };
        // None, or more than one, is no answer about one record.
        let [row] = rows.as_slice() else {
            return Compared::Unreadable;
        };
        let value = at.get(row).and_then(scalar_text);
        if value.as_ref() == Some(done) {
            return Compared::Done;
        }
        Compared::Other {
            value,
            version: self
                .once
                .version
                .as_ref()
                .and_then(|p| p.get(row))
                .and_then(scalar_text),
        }
    }

    fn rows(&self, response: &Response) -> Option<Vec<Value>> {
        let probe = self.once.probe.as_ref()?;
        let body = response.json().filter(|_| response.is_2xx())?;
        match probe.rows.get(&body)? {
            Value::Array(rows) => Some(rows.clone()),
            _ => None,
        }
    }
}
