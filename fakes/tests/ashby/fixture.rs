//! A client for the fake, and shortcuts to what its company holds.

use serde_json::{Value, json};
use stagewire_fakes::ashby::{Ashby, Options};
use stagewire_fakes::{Clock, Handle, loopback};

use crate::common::{Answer, client, send, start};

pub(crate) struct Fake {
    pub(crate) handle: Handle<Ashby>,
    pub(crate) clock: Clock,
    client: reqwest::Client,
}

/// A list read to its end.
pub(crate) struct Read {
    pub(crate) rows: Vec<Value>,
    pub(crate) pages: usize,
    pub(crate) token: String,
}

impl Read {
    pub(crate) fn ids(&self) -> Vec<String> {
        self.rows.iter().map(|row| text(&row["id"])).collect()
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Fake {
    /// The made-up company on a clock that stands still.
    pub(crate) async fn start() -> Fake {
        Fake::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Fake {
        let clock = Clock::manual(start());
        let mut options = Options::for_tests(clock.clone());
        change(&mut options);
        let ats = Ashby::new(options);
        ats.seed_company();
        Fake {
            handle: ats.serve(loopback().await.unwrap()).await.unwrap(),
            clock,
            client: client(),
        }
    }

    pub(crate) fn ats(&self) -> &Ashby {
        &self.handle.state
    }

    pub(crate) fn minutes(&self, minutes: u64) {
        self.clock
            .advance(std::time::Duration::from_secs(60 * minutes));
    }

    pub(crate) async fn call(&self, key: &str, method: &str, body: &Value) -> Answer {
        let url = format!("{}/{method}", self.handle.url());
        let request = self.client.post(url).basic_auth(key, Some(""));
        let request = request.header("content-type", "application/json");
        send(request.body(body.to_string())).await
    }

    /// The whole body of a call that must succeed.
    pub(crate) async fn ok(&self, method: &str, body: Value) -> Value {
        let answer = self.call("demo-key", method, &body).await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.text);
        let json = answer.json();
        assert_eq!(json["success"], true, "{method}: {json}");
        json
    }

    /// Status and code of a call that must be refused.
    pub(crate) async fn refused(&self, method: &str, body: Value) -> (u16, String) {
        self.refused_to("demo-key", method, body).await
    }

    pub(crate) async fn refused_to(&self, key: &str, method: &str, body: Value) -> (u16, String) {
        let answer = self.call(key, method, &body).await;
        let json = answer.json();
        assert_eq!(json["success"], false, "{method}: {json}");
        let request = answer.header("x-ashby-request-id");
        assert_eq!(json["errorInfo"]["requestId"], request);
        (answer.status, text(&json["errorInfo"]["code"]))
    }

    /// Follows the cursors of a list; the token comes with the last page and with no other.
    pub(crate) async fn read(&self, method: &str, body: Value) -> Read {
        let (mut rows, mut pages, mut body) = (Vec::new(), 0, body);
        loop {
            let page = self.ok(method, body.clone()).await;
            rows.extend(page["results"].as_array().unwrap().iter().cloned());
            pages += 1;
            if page["moreDataAvailable"] == json!(true) {
                assert!(page.get("syncToken").is_none(), "{method}");
                body["cursor"] = page["nextCursor"].clone();
                continue;
            }
            assert!(page.get("nextCursor").is_none(), "{method}");
            let token = page["syncToken"].as_str().unwrap_or_default().to_owned();
            return Read { rows, pages, token };
        }
    }

    /// An application that is under way, with its candidate.
    pub(crate) fn active(&self) -> (String, String) {
        let all = self.ats().applications();
        let row = all.iter().find(|row| row["status"] == "Active").unwrap();
        (text(&row["id"]), text(&row["candidate"]["id"]))
    }

    /// The stage of a type in an application's plan.
    pub(crate) fn stage(&self, application: &str, kind: &str) -> String {
        let row = self.ats().application(application).unwrap();
        let stages = self.ats().stages(row["job"]["id"].as_str().unwrap());
        let stage = stages.iter().find(|stage| stage["type"] == kind).unwrap();
        text(&stage["id"])
    }
}
