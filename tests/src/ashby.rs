//! A made-up company whose ATS is the fake Ashby, and the server beside it, read once. Compares what the events tell with what people
//! did; does nothing to the server that its API does not offer.

use crate::KEEP_ALL;
use serde_json::{Value, json};
use stagewire_fakes::ashby::{Act, Applicant, Ashby, Options, Touched, Webhook};
use stagewire_fakes::{Clock, Handle};
use stagewire_testkit::process::Server;
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

/// The company.
pub struct Company {
    /// The fake ATS; its clock stands still until a test moves it.
    pub ats: Handle<Ashby>,
    /// The server.
    pub server: Server,
}

/// How a company is set up.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often it is polled.
    pub poll: &'static str,
    /// More lines of the connection.
    pub more: &'static str,
    /// How many people it has when it is first read.
    pub people: usize,
    /// Webhooks are kept for the test; else they are sent to whoever asked for them.
    pub capture: bool,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            poll: "1h",
            more: "",
            people: 6,
            capture: true,
        }
    }
}

/// Each application's acts, in order; an act is the lines that tell it.
pub type Acts = BTreeMap<String, Vec<Vec<String>>>;

/// One line of the log about an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `created`, `A → B`, `hired` …
    pub line: String,
    /// It is marked as learned after something newer.
    pub late: bool,
    /// When it happened.
    pub time: String,
}

impl Company {
    /// The seeded company, polled only when a test says so.
    pub async fn start() -> Company {
        Self::with(Plan::default(), |_| {}).await
    }

    /// The seeded company; `before` is done to the ATS before anybody reads it.
    ///
    /// # Panics
    /// Where a part does not start.
    pub async fn with(plan: Plan, before: impl FnOnce(&Ashby)) -> Company {
        let clock = Clock::manual(Clock::real().now());
        let options = Options {
            people: plan.people,
            capture: plan.capture,
            ..Options::for_tests(clock)
        };
        let ats = Ashby::new(options);
        ats.seed_company();
        before(&ats);
        let port = crate::port().await;
        let ats = ats.serve(port).await.expect("the fake ATS starts");
        let config = format!(
            "[[connection]]\nid = \"ashby\"\nconnector = \"ashby\"\nbase_url = \"{}\"\nowner = \"ana@example.com\"\npoll = \"{}\"\nkeep = {KEEP_ALL}\n{}\n[connection.fields]\napi_key = \"demo-key\"\nwebhook_secret = \"demo-webhook-secret\"\n",
            ats.url(),
            plan.poll,
            plan.more,
        );
        let server = Server::start(&crate::binary(), &config, &BTreeMap::new()).await;
        let company = Company { ats, server };
        company
            .until("everything was read once", || async {
                company.connection().await["backfilled"] == true && company.nothing_waits().await
            })
            .await;
        company.later(600); // past the watermark, however slowly all this started
        company
    }

    /// The connection as the API shows it.
    pub async fn connection(&self) -> Value {
        let all = self.server.all("connections").await;
        all.into_iter()
            .find(|k| k["id"] == "ashby")
            .unwrap_or_default()
    }

    /// Nothing waits: no delivery, no read.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub async fn nothing_waits(&self) -> bool {
        let answer = self.server.get("connections/ashby/sync").await;
        let sync = answer.expect("the server answers").json();
        sync["waiting_reads"] == 0 && self.server.all("deliveries?state=waiting").await.is_empty()
    }

    /// Waits for a fact; where it does not come to hold, tells what there is.
    ///
    /// # Panics
    /// After half a minute.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, fact: impl FnMut() -> F) {
        if stagewire_testkit::holds(30, fact).await {
            return;
        }
        let mut story = format!("connection: {}\n", self.connection().await);
        for list in ["deliveries", "events", "failures", "calls"] {
            for item in self.server.all(list).await.into_iter().take(15) {
                story.push_str(&format!("{list}: {item}\n"));
            }
        }
        panic!("this does not come to hold: {what}\n{story}");
    }

    /// One round of reads, and everything that follows from it.
    ///
    /// # Panics
    /// Where the server refuses.
    pub async fn poll(&self) {
        self.sync(&json!({})).await;
    }

    /// The same, with words of the request.
    ///
    /// # Panics
    /// Where the server refuses.
    pub async fn sync(&self, how: &Value) {
        let answer = self.server.post("connections/ashby/sync", how).await;
        let answer = answer.expect("the server answers");
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{said}");
        self.until("all is read", || async { self.nothing_waits().await })
            .await;
    }

    /// Delivers webhooks in that order.
    ///
    /// # Panics
    /// Where one is not taken.
    pub async fn deliver(&self, hooks: &[Webhook]) {
        let mut client = self.server.client();
        for hook in hooks {
            let headers = hook.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            let headers: Vec<(&str, &str)> = headers.collect();
            let answer = client.send("POST", "/in/ashby", &headers, &hook.body).await;
            assert_eq!(answer.expect("the server answers").status, 200);
        }
    }

    /// A person's act; its webhooks are kept.
    ///
    /// # Panics
    /// Where the ATS refuses.
    pub fn act(&self, act: Act) -> Touched {
        self.ats.state.act(act).expect("the ATS does it").touched
    }

    /// Somebody applies to the first job.
    ///
    /// # Panics
    /// Where the ATS refuses.
    pub fn apply(&self, name: &str) -> String {
        let applicant = Applicant {
            name: format!("{name} Example"),
            email: Some(format!("{}@example.com", name.to_lowercase())),
            job_id: self.job(),
            ..Applicant::default()
        };
        let touched = self.act(Act::Apply(applicant));
        touched.application_id.expect("an application")
    }

    fn job(&self) -> String {
        let job = self.ats.state.jobs().swap_remove(0);
        job["id"].as_str().unwrap_or_default().to_owned()
    }

    /// The first job's stages: name and id, in their order.
    pub fn stages(&self) -> Vec<(String, String)> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let all = self.ats.state.stages(&self.job());
        all.iter()
            .map(|s| (text(&s["title"]), text(&s["id"])))
            .collect()
    }

    /// Moves somebody to a stage; the lines that tell it.
    ///
    /// # Panics
    /// Where the ATS refuses.
    pub fn move_to(&self, app: &str, to: &str) -> Vec<String> {
        let from = self.stage_of(app);
        let stages = self.stages();
        let stage = stages
            .iter()
            .find(|(name, _)| name == to)
            .map(|s| s.1.as_str());
        self.ats.state.move_to(app, stage).expect("moved");
        vec![format!("{from} → {to}")]
    }

    /// Archives somebody; the lines that tell it.
    ///
    /// # Panics
    /// Where the ATS refuses.
    pub fn archive(&self, app: &str, reason: &str) -> Vec<String> {
        let from = self.stage_of(app);
        let id = self.ats.state.find("archiveReason", "text", reason);
        self.ats
            .state
            .archive(app, id.as_deref())
            .expect("archived");
        let end = match reason {
            "Lacks skills" => "rejected",
            "Withdrew" => "withdrawn",
            _ => "closed",
        };
        vec![format!("{from} → Archived"), end.into()]
    }

    /// Hires somebody; the lines that tell it.
    ///
    /// # Panics
    /// Where the ATS refuses.
    pub fn hire(&self, app: &str) -> Vec<String> {
        let from = self.stage_of(app);
        self.ats.state.hire(app).expect("hired");
        vec![format!("{from} → Hired"), "hired".into()]
    }

    /// The name of the stage somebody is in.
    pub fn stage_of(&self, app: &str) -> String {
        let now = self.ats.state.application(app).unwrap_or_default();
        let name = now["currentInterviewStage"]["title"].as_str();
        name.unwrap_or_default().to_owned()
    }

    /// The vendor's clock goes on.
    pub fn later(&self, seconds: u64) {
        let clock = self.ats.state.clock();
        clock.advance(Duration::from_secs(seconds));
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

    /// What the log tells of every application, by the vendor's ids and names.
    pub async fn told(&self) -> BTreeMap<String, Vec<Told>> {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let apps: BTreeMap<String, String> = self
            .records("application")
            .await
            .iter()
            .map(|r| (text(&r["id"]), text(&r["remote_id"])))
            .collect();
        let stages: BTreeMap<String, String> = self
            .records("job_stage")
            .await
            .iter()
            .map(|r| (text(&r["id"]), text(&r["name"])))
            .collect();
        let mut events = self.server.all("events").await;
        events.sort_by_key(|e| e["sequence"].as_str().map(str::to_owned));
        let mut out: BTreeMap<String, Vec<Told>> = BTreeMap::new();
        for e in &events {
            let subject = e["subject"].as_str().unwrap_or_default();
            let Some(app) = subject.strip_prefix("application/") else {
                continue;
            };
            let stage = |side: &str| {
                let id = e["data"][side]["stage_id"].as_str().unwrap_or("none");
                stages.get(id).map_or("?", String::as_str)
            };
            let line = match e["type"].as_str() {
                Some("application.updated") | None => continue,
                Some("application.stage_changed") => {
                    format!("{} → {}", stage("previous"), stage("current"))
                }
                Some(other) => other.trim_start_matches("application.").to_owned(),
            };
            let remote = apps.get(app).cloned().unwrap_or_else(|| app.to_owned());
            out.entry(remote).or_default().push(Told {
                line,
                late: e["data"]["late"] == true,
                time: text(&e["time"]),
            });
        }
        out
    }

    /// Waits until the log agrees with what was done: each act once, with its sides, and in order but for what says that it is late.
    ///
    /// # Panics
    /// Where it does not come to agree.
    pub async fn agrees(&self, what: &str, done: &Acts) {
        let agreed = || async {
            self.nothing_waits().await && disagreement(done, &self.told().await).is_none()
        };
        if !stagewire_testkit::holds(30, agreed).await {
            let told = self.told().await;
            let why = disagreement(done, &told).unwrap_or_else(|| "something still waits".into());
            panic!("{what}: {why}");
        }
    }

    /// The figures of completeness: live, late, recovered, missed.
    pub async fn completeness(&self) -> [i64; 4] {
        let days = self.server.all("completeness").await;
        let sum = |key: &str| days.iter().filter_map(|d| d[key].as_i64()).sum();
        ["seen_live", "late", "recovered", "missed"].map(sum)
    }
}

/// The first thing in which the log differs from what was done.
fn disagreement(done: &Acts, told: &BTreeMap<String, Vec<Told>>) -> Option<String> {
    for (app, acts) in done {
        let all = told.get(app).map(Vec::as_slice).unwrap_or_default();
        let mut expected: Vec<&str> = acts.iter().flatten().map(String::as_str).collect();
        let mut lines: Vec<&str> = all.iter().map(|t| t.line.as_str()).collect();
        let story = || Some(format!("{app}\ndone {acts:#?}\ntold {all:#?}"));
        let mut at = 0;
        for line in all.iter().filter(|t| !t.late) {
            match (at..acts.len()).find(|n| acts[*n].contains(&line.line)) {
                Some(n) => at = n,
                None => return story(),
            }
        }
        expected.sort_unstable();
        lines.sort_unstable();
        if expected != lines {
            return story();
        }
    }
    None
}
