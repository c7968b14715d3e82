//! The one thing a tenant can push: a notification step that its admin adds to the business process
//! of job applications. It says which application to look at and nothing more; it is not signed and
//! not sent again.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows::{Kind, key};
use crate::sender::Parcel;

/// Where notifications go, as the tenant's admin set it up.
#[derive(Clone, Debug, Deserialize)]
pub struct HintTo {
    /// The address.
    pub url: String,
    /// The header that carries the secret.
    pub header: String,
    /// The secret.
    pub secret: String,
}

/// One notification.
#[derive(Clone, Debug)]
pub struct Hint {
    /// The step that the business process came to.
    pub step: String,
    /// Where it goes; none if nobody has built a notification (captured only).
    pub url: Option<String>,
    /// All headers, the secret included.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Bytes,
}

impl Hint {
    /// The body, parsed.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn parcel(&self) -> Option<Parcel> {
        Some(Parcel {
            name: self.step.clone(),
            url: self.url.clone()?,
            headers: self.headers.clone(),
            body: self.body.clone(),
        })
    }
}

pub(crate) fn make(application: u64, step: &str, sent: String, to: Option<&HintTo>) -> Hint {
    let body = json!({
        "Business_Process": "Job Application",
        "Step": step,
        "Job_Application_ID": key(Kind::Application, application),
        "Sent": sent,
    });
    let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    headers.extend(to.map(|to| (to.header.clone(), to.secret.clone())));
    Hint {
        step: step.into(),
        url: to.map(|to| to.url.clone()),
        headers,
        body: Bytes::from(body.to_string()),
    }
}
