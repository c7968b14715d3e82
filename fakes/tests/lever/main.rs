//! The fake Lever answers as the vendor's facts say.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod crowd;
mod hooks;
mod reads;
mod shapes;
mod writes;

use std::time::Duration;

use common::{Answer, client, send, start};
use reqwest::{Client, Method};
use serde_json::Value;
use stagewire_fakes::lever::{Applicant, Done, Lever, Options};
use stagewire_fakes::{Clock, Handle, loopback};

/// The made-up company on a clock that stands still.
struct Ats {
    handle: Handle<Lever>,
    clock: Clock,
    client: Client,
}

impl Ats {
    async fn start() -> Ats {
        Ats::with(|options| options).await
    }

    async fn with(change: impl FnOnce(Options) -> Options) -> Ats {
        let clock = Clock::manual(start());
        let ats = Lever::new(change(Options::for_tests(clock.clone())));
        ats.seed_company();
        Ats {
            handle: ats.serve(loopback().await.unwrap()).await.unwrap(),
            clock,
            client: client(),
        }
    }

    fn fake(&self) -> &Lever {
        &self.handle.state
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1{path}", self.handle.url())
    }

    fn later(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_as("demo-key", path).await
    }

    async fn get_as(&self, key: &str, path: &str) -> Answer {
        send(self.client.get(self.url(path)).basic_auth(key, Some(""))).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.client.request(method, self.url(path));
        let request = request.basic_auth("demo-key", Some(""));
        if body.is_null() {
            return send(request).await;
        }
        let request = request.header("content-type", "application/json");
        send(request.body(body.to_string())).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, body).await
    }

    /// One page below an offset, escaped as a query must be.
    async fn page(&self, path: &str, offset: Option<&str>) -> Answer {
        let mut url = reqwest::Url::parse(&self.url(path)).unwrap();
        if let Some(offset) = offset {
            url.query_pairs_mut().append_pair("offset", offset);
        }
        send(self.client.get(url).basic_auth("demo-key", Some(""))).await
    }

    /// Every row of a list.
    async fn walk(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut offset: Option<String> = None;
        loop {
            let answer = self.page(path, offset.as_deref()).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            let page = answer.json();
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            offset = page["next"].as_str().map(String::from);
            assert_eq!(page["hasNext"], offset.is_some(), "{path}");
            if offset.is_none() {
                assert!(page.get("next").is_none(), "{path}");
                return rows;
            }
        }
    }

    /// Somebody applies to the first posting.
    fn apply(&self, name: &str, email: &str) -> Done {
        let posting = self.fake().postings()[0]["id"].clone();
        let who = Applicant {
            name: name.into(),
            email: Some(email.into()),
            phone: Some("+49 341 5550123".into()),
            headline: Some("Between things".into()),
            posting_id: Some(posting.as_str().unwrap().into()),
            ..Applicant::default()
        };
        self.fake().apply(who).unwrap()
    }

    /// The id of a new opportunity.
    fn somebody(&self) -> String {
        let done = self.apply("Dora Quist", "dora.quist@example.com");
        self.fake().take_webhooks();
        done.touched.opportunity_id.unwrap()
    }

    fn reason(&self, text: &str) -> String {
        let reasons = self.fake().archive_reasons();
        let reason = reasons.iter().find(|reason| reason["text"] == text);
        reason.unwrap()["id"].as_str().unwrap().into()
    }

    fn user(&self) -> String {
        self.fake().users()[1]["id"].as_str().unwrap().into()
    }

    /// One field of an opportunity as it is now.
    fn of(&self, opportunity: &str, field: &str) -> Value {
        self.fake().opportunity(opportunity).unwrap()[field].clone()
    }
}
