//! A small client for the tests of the fakes.
#![allow(dead_code, clippy::unwrap_used, clippy::disallowed_methods)]

use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::Value;
use stagewire_fakes::greenhouse::{Greenhouse, Options};
use stagewire_fakes::{Clock, Handle, Time, loopback};

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect(&self.text)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str().unwrap());
        value.unwrap_or_default()
    }

    /// The `rel="next"` address.
    pub(crate) fn next(&self) -> Option<String> {
        let link = self.headers.get("link")?.to_str().unwrap();
        let (url, rel) = link.split_once(">; ").unwrap();
        assert_eq!(rel, "rel=\"next\"");
        Some(url.trim_start_matches('<').to_string())
    }
}

pub(crate) fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().no_proxy();
    builder
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

pub(crate) fn start() -> Time {
    Time::parse("2026-09-01T08:00:00Z").unwrap()
}

/// The made-up company on a clock that stands still.
pub(crate) struct Ats {
    pub(crate) handle: Handle<Greenhouse>,
    pub(crate) clock: Clock,
    pub(crate) client: Client,
    pub(crate) token: String,
}

impl Ats {
    pub(crate) async fn start() -> Ats {
        Ats::with(|options| options).await
    }

    pub(crate) async fn with(change: impl FnOnce(Options) -> Options) -> Ats {
        let clock = Clock::manual(start());
        let ats = Greenhouse::new(change(Options::for_tests(clock.clone())));
        ats.seed_company();
        let handle = ats.serve(loopback().await.unwrap()).await.unwrap();
        let mut ats = Ats {
            handle,
            clock,
            client: client(),
            token: String::new(),
        };
        ats.token = ats.mint().await;
        ats
    }

    pub(crate) async fn mint(&self) -> String {
        let url = format!("{}/token", self.handle.url());
        let request = self.client.post(url);
        let request = request.basic_auth("demo-client", Some("demo-secret"));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = send(request.body("grant_type=client_credentials")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["access_token"].as_str().unwrap().to_string()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = match path.starts_with("http") {
            true => path.to_string(),
            false => format!("{}{path}", self.handle.url()),
        };
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json");
            request = request.body(body.to_string());
        }
        send(request).await
    }

    /// Follows the links of a list to its end.
    pub(crate) async fn walk(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut at = Some(path.to_string());
        while let Some(path) = at {
            let answer = self.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            rows.extend(answer.json().as_array().unwrap().iter().cloned());
            at = answer.next();
        }
        rows
    }
}
