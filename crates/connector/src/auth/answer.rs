//! What a token service answers: a token with its life, or why there is none. Reads no clock; `now` is given.

use super::grant::{Grant, Kind};
use crate::http::Response;
use crate::path::{Path, scalar_text};
use serde_json::Value;
use stagewire_model::time::{parse_http_date, parse_instant};
use stagewire_model::{Micros, Secret};

/// A token that was given to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What calls carry.
    pub access: Secret<String>,
    /// When it ends, by our clock.
    pub expires_at: Micros,
    /// When to ask for the next one.
    pub renew_at: Micros,
    /// What brings the next one, where the vendor gave such a thing.
    pub refresh: Option<Secret<String>>,
    /// When that ends, if it is not used before.
    pub refresh_expires_at: Option<Micros>,
    /// What it may do, where the answer says so.
    pub scopes: Option<Vec<String>>,
    /// The vendor's account it belongs to, where the answer says so.
    pub account: Option<String>,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No way in has all its fields.
    #[error("not filled in: {}", .0.join(", "))]
    NotFilledIn(Vec<String>),
    /// The vendor does not take these credentials.
    #[error("the vendor refused the credentials: {0}")]
    Denied(String),
    /// What a person once agreed to is over: only a person can begin again.
    #[error("the consent is over: {0}")]
    Over(String),
    /// Too fast, or the vendor is not well.
    #[error("no token now")]
    Later(Option<i64>),
    /// An answer without a token.
    #[error("the answer holds no token")]
    Unreadable,
}

impl Grant {
    pub(crate) fn read_token(&self, response: &Response, now: Micros) -> Result<Token, AuthError> {
        match response.status {
            200..300 => {}
            400 | 401 | 403 => return Err(self.refusal(response)),
            _ => {
                let wait = crate::outcome::wait_ms(response, &Default::default(), now);
                return Err(AuthError::Later(wait));
            }
        }
        let body = response.json().ok_or(AuthError::Unreadable)?;
        let text = |path: &Path| path.get(&body).and_then(Value::as_str);
        let access = text(&self.access).filter(|t| !t.is_empty());
        let access = access.ok_or(AuthError::Unreadable)?;
        let told = text(&self.expires_at)
            .and_then(parse_instant)
            .map(|(at, _)| at);
        // an instant is by the vendor's clock: how long it lasts is what counts here
        let clock = response.header("date").and_then(parse_http_date);
        let told = told.map(|at| at.0 - clock.unwrap_or(now).0);
        let length = seconds(&self.expires_in, &body).map(|ms| ms.saturating_mul(1000));
        let lasts = told
            .or(length)
            .unwrap_or(self.lasts_ms.saturating_mul(1000))
            .max(0);
        let before = self.before_ms.map(|ms| ms.saturating_mul(1000));
        let early = before.filter(|b| *b < lasts).unwrap_or(lasts / 5);
        let refresh = text(&self.refresh).filter(|t| !t.is_empty());
        let refresh_lasts = [
            seconds(&self.refresh_expires_in, &body),
            self.refresh_lasts_ms,
        ];
        Ok(Token {
            access: Secret::new(access.to_owned()),
            expires_at: Micros(now.0.saturating_add(lasts)),
            renew_at: Micros(now.0.saturating_add(lasts - early)),
            refresh: refresh.map(|t| Secret::new(t.to_owned())),
            refresh_expires_at: refresh_lasts
                .into_iter()
                .flatten()
                .next()
                .filter(|_| refresh.is_some())
                .map(|ms| now.plus_ms(ms)),
            scopes: self.granted.get(&body).and_then(words),
            account: self
                .account
                .as_ref()
                .and_then(|p| p.get(&body))
                .and_then(scalar_text),
        })
    }

    fn refusal(&self, response: &Response) -> AuthError {
        let body = response.json().unwrap_or_default();
        let word = |key: &str| body.get(key).and_then(Value::as_str);
        let said = word("error_description")
            .or_else(|| word("error"))
            .or_else(|| word("message"));
        let said: String = said.unwrap_or_default().chars().take(200).collect();
        match word("error") {
            Some("invalid_grant") if self.kind != Kind::Client => AuthError::Over(said),
            _ => AuthError::Denied(said),
        }
    }
}

fn seconds(path: &Path, body: &Value) -> Option<i64> {
    let told = path.get(body).and_then(scalar_text)?;
    let told = told.parse::<i64>().ok().filter(|s| *s > 0)?;
    Some(told.saturating_mul(1000))
}

/// Scopes as vendors write them: in one text, or as a list.
pub(crate) fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => {
            let words = text.split([' ', ',']).filter(|w| !w.is_empty());
            Some(words.map(str::to_owned).collect())
        }
        Value::Array(items) => items
            .iter()
            .map(|i| i.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}
