//! A made-up company whose ATS is the fake Lever, and the server beside it, polling each second. Tells what the events say happened;
//! does nothing to the server that its API does not offer.

use crate::KEEP_ALL;
use serde_json::{Value, json};
use stagewire_fakes::lever::{Act, Applicant, Lever, Options, Touched, Webhook};
use stagewire_fakes::{Clock, Handle};
use stagewire_testkit::process::Server;
use std::collections::BTreeMap;
use std::future::Future;

/// The company and its server.
pub struct World {
    /// The fake ATS.
    pub ats: Handle<Lever>,
    /// The server.
    pub server: Server,
}

impl World {
    /// The seeded company, read once.
    ///
    /// # Panics
    /// Where a part does not start.
    pub async fn start() -> World {
        Self::of(36, "").await
    }

    /// The same with so many people, and more fields filled in.
    ///
    /// # Panics
    /// Where a part does not start.
    pub async fn of(people: usize, fields: &str) -> World {
        let listener = stagewire_fakes::loopback()
            .await
            .expect("a loopback port is free");
        let ats = Lever::new(Options {
            people,
            ..Options::for_tests(Clock::real())
        });
        ats.seed_company();
        let ats = ats.serve(listener).await.expect("the fake ATS starts");
        let config = format!(
            "[[connection]]\nid = \"lv\"\nconnector = \"lever\"\nbase_url = \"{}/v1\"\nowner = \"ana@example.com\"\npoll = \"1s\"\nkeep = {KEEP_ALL}\n[connection.fields]\napi_key = \"demo-key\"\nsignature_tokens = \"another, demo-signature-token\"\n{fields}\n",
            ats.url(),
        );
        let server = Server::start(&crate::binary(), &config, &BTreeMap::default()).await;
        let world = World { ats, server };
        world
            .until("everything was read once", || async {
                world.connection().await["backfilled"] == true
            })
            .await;
        world
    }

    /// The connection as the API shows it.
    pub async fn connection(&self) -> Value {
        self.server
            .all("connections")
            .await
            .into_iter()
            .find(|c| c["id"] == "lv")
            .unwrap_or_default()
    }

    /// Waits for a fact; where it does not come to hold, tells what there is.
    ///
    /// # Panics
    /// After a minute.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, fact: impl FnMut() -> F) {
        if stagewire_testkit::holds(60, fact).await {
            return;
        }
        let mut story = format!("{}\n", self.connection().await);
        for list in ["events", "failures", "calls"] {
            for item in self.server.all(list).await.into_iter().take(15) {
                story.push_str(&format!("{list}: {item}\n"));
            }
        }
        panic!("this does not hold: {what}\n{story}");
    }

    /// All records of an entity.
    pub async fn records(&self, entity: &str) -> Vec<Value> {
        self.server.all(&format!("records/{entity}")).await
    }

    /// One record by the vendor's id.
    pub async fn record(&self, entity: &str, remote: &str) -> Value {
        let all = self.records(entity).await;
        let found = all.into_iter().find(|r| r["remote_id"] == remote);
        found.unwrap_or_default()
    }

    /// What happened to an opportunity as its events tell it, stages by name.
    pub async fn told(&self, opportunity: &str) -> Vec<String> {
        let id = self.record("application", opportunity).await["id"].clone();
        let subject = format!("application/{}", id.as_str().unwrap_or_default());
        let stages = self.records("job_stage").await;
        let name = |id: &Value| {
            let found = stages.iter().find(|s| s["id"] == *id);
            found.map_or("?".to_owned(), |s| {
                s["name"].as_str().unwrap_or_default().to_owned()
            })
        };
        let mut events = self.server.all("events").await;
        events.retain(|e| e["subject"] == subject.as_str());
        events.sort_by_key(|e| e["sequence"].as_str().map(str::to_owned));
        let line = |e: &Value| {
            let kind = e["type"].as_str()?.strip_prefix("application.")?.to_owned();
            let stage = |side: &str| name(&e["data"][side]["stage_id"]);
            match kind.as_str() {
                "updated" => None,
                "stage_changed" => Some(format!("{} → {}", stage("previous"), stage("current"))),
                _ => Some(kind),
            }
        };
        events.iter().filter_map(line).collect()
    }

    /// A person's act.
    ///
    /// # Panics
    /// Where the ATS refuses.
    pub fn act(&self, act: Act) -> Touched {
        self.ats.state.act(act).expect("the ATS does it").touched
    }

    /// Somebody applies to the first posting.
    ///
    /// # Panics
    /// Where the ATS refuses.
    pub fn apply(&self, name: &str) -> String {
        let posting = self.ats.state.postings()[0]["id"].clone();
        let applicant = Applicant {
            name: name.into(),
            email: Some(format!("{}@example.com", name.to_lowercase())),
            posting_id: posting.as_str().map(str::to_owned),
            ..Applicant::default()
        };
        let touched = self.act(Act::Apply(applicant));
        touched.opportunity_id.expect("an opportunity")
    }

    /// A stage's id by its name.
    ///
    /// # Panics
    /// Where there is none.
    pub fn stage(&self, text: &str) -> String {
        self.word(&self.ats.state.stages(), text)
    }

    /// An archive reason's id by its words.
    ///
    /// # Panics
    /// Where there is none.
    pub fn reason(&self, text: &str) -> String {
        self.word(&self.ats.state.archive_reasons(), text)
    }

    fn word(&self, rows: &[Value], text: &str) -> String {
        let row = rows
            .iter()
            .find(|r| r["text"] == text)
            .expect("it is there");
        row["id"].as_str().unwrap_or_default().to_owned()
    }

    /// Delivers captured webhooks in that order; the statuses.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub async fn deliver(&self, hooks: &[Webhook]) -> Vec<u16> {
        let mut client = self.server.client();
        let mut out = Vec::new();
        for hook in hooks {
            let headers: Vec<(&str, &str)> = hook
                .headers
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            let sent = client.send("POST", "/in/lv", &headers, &hook.body).await;
            out.push(sent.expect("the server answers").status);
        }
        out
    }

    /// One round of reads.
    ///
    /// # Panics
    /// Where the server refuses.
    pub async fn polled(&self) {
        let answer = self.server.post("connections/lv/sync", &json!({})).await;
        assert!(answer.expect("the server answers").status < 300);
    }
}
