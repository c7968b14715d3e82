//! A Workday tenant's reports through the whole server: the past is silent, what people do is told once with where it came from, a
//! lost password stops and starts again, a renamed column changes nothing, what is gone is told by two whole runs, and a hint makes the
//! poll come at once.

use serde_json::{Value, json};
use stagewire_fakes::workday::{
    Access, Act, Applicant, CandidateChange, EEO_MARKER, HintTo, Isu, Options, RequisitionChange,
    Workday,
};
use stagewire_fakes::{Clock, Handle};
use stagewire_testkit::process::Server;
use stagewire_testkit::seed::Dice;
use stagewire_tests::KEEP_ALL;
use std::collections::BTreeMap;

struct Tenant {
    fake: Handle<Workday>,
    server: Server,
}

const REPORTS: &str = "report_owner = \"abrandt\"\nreport_applications = \"ATS_Applications_Delta\"\nreport_candidates = \"ATS_Candidates\"\nreport_requisitions = \"ATS_Requisitions\"\nreport_history = \"ATS_Stage_History\"\nreport_interviews = \"ATS_Interviews\"\nreport_offers = \"ATS_Offers\"";
const SOAP: &str = "soap_version = \"v42.0\"";
const OPEN: &str = "client_id = \"demo-client\"\nclient_secret = \"demo-secret\"\nrefresh_token = \"demo-refresh\"";
const BASIC: &str = "isu_user = \"ISU_Stagewire\"\nisu_password = \"demo-isu-password\"";

impl Tenant {
    async fn start(way_in: &str, change: impl FnOnce(&Workday)) -> Tenant {
        Box::pin(Tenant::open(REPORTS, way_in, "1s", change)).await
    }

    async fn open(reads: &str, way_in: &str, poll: &str, change: impl FnOnce(&Workday)) -> Tenant {
        let port = stagewire_fakes::loopback().await.expect("a loopback port");
        let fake = Workday::new(Options::for_tests(Clock::real()));
        fake.seed_company().expect("a company");
        change(&fake);
        let fake = fake.serve(port).await.expect("the fake starts");
        let config = format!(
            "[[connection]]\nid = \"wd\"\nconnector = \"workday\"\nbase_url = \"{url}\"\nauth_url = \"{url}\"\nowner = \"ana@example.com\"\npoll = \"{poll}\"\nkeep = {KEEP_ALL}\n[connection.fields]\nhost = \"wd0.example.com\"\ntenant = \"lindenhof\"\n{reads}\nhint_secret = \"demo-hint-secret\"\n{way_in}\n",
            url = fake.url(),
        );
        let server = Server::start(&stagewire_tests::binary(), &config, &BTreeMap::new()).await;
        let tenant = Tenant { fake, server };
        let read = || async { tenant.connection().await["backfilled"] == true };
        tenant.until("everything was read once", read).await;
        tenant
    }

    async fn connection(&self) -> Value {
        let all = self.server.all("connections").await;
        all.into_iter()
            .find(|c| c["id"] == "wd")
            .unwrap_or_default()
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, fact: impl FnMut() -> F) {
        if stagewire_testkit::holds(60, fact).await {
            return;
        }
        let mut story = String::new();
        for list in ["connections", "events", "failures", "calls"] {
            for item in self.server.all(list).await.into_iter().take(20) {
                story.push_str(&format!("{list}: {item}\n"));
            }
        }
        panic!("this does not come to hold: {what}\n{story}");
    }

    async fn records(&self, entity: &str) -> Vec<Value> {
        self.server.all(&format!("records/{entity}")).await
    }

    async fn record(&self, entity: &str, remote_id: &str) -> Value {
        let all = self.records(entity).await;
        all.into_iter()
            .find(|r| r["remote_id"] == remote_id)
            .unwrap_or_default()
    }

    /// The acts about each application as its events tell them; a stage by its name.
    async fn told(&self) -> BTreeMap<String, Vec<String>> {
        let names: BTreeMap<String, String> = self
            .records("job_stage")
            .await
            .iter()
            .filter_map(|s| Some((s["id"].as_str()?.into(), s["name"].as_str()?.into())))
            .collect();
        let remote: BTreeMap<String, String> = self
            .records("application")
            .await
            .iter()
            .filter_map(|a| {
                Some((
                    format!("application/{}", a["id"].as_str()?),
                    a["remote_id"].as_str()?.into(),
                ))
            })
            .collect();
        let mut events = self.server.all("events").await;
        events.sort_by_key(|e| e["sequence"].as_str().map(str::to_owned));
        let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for e in &events {
            let Some(kind) = e["type"]
                .as_str()
                .and_then(|t| t.strip_prefix("application."))
            else {
                continue;
            };
            let stage = |of: &str| {
                let id = e["data"][of]["stage_id"].as_str().unwrap_or_default();
                names.get(id).cloned().unwrap_or_default()
            };
            let line = match kind {
                "updated" => continue,
                "stage_changed" => format!("{} -> {}", stage("previous"), stage("current")),
                other => other.to_owned(),
            };
            let subject = e["subject"].as_str().unwrap_or_default();
            let of = remote.get(subject).cloned().unwrap_or_default();
            out.entry(of).or_default().push(line);
        }
        out
    }

    async fn sync(&self, full: bool) {
        let body = json!({ "full": full });
        let asked = self.server.post("connections/wd/sync", &body);
        let answer = asked.await.expect("the server answers");
        assert!(answer.status < 300, "{}", answer.status);
    }

    fn act(&self, act: Act) -> stagewire_fakes::workday::Touched {
        self.fake
            .state
            .act(act)
            .expect("the tenant takes it")
            .touched
    }

    fn apply(&self, first: &str) -> u64 {
        let requisition_id = self.fake.state.requisitions()[0].id;
        let who = Applicant {
            first_name: first.into(),
            last_name: "Example".into(),
            email: Some(format!("{}@example.com", first.to_lowercase())),
            requisition_id,
            ..Applicant::default()
        };
        self.act(Act::Apply(who))
            .application_id
            .expect("an application")
    }
}

#[tokio::test]
async fn what_people_do_is_told_once_with_where_it_came_from() {
    let t = Tenant::start(OPEN, |_| {}).await;
    assert!(t.told().await.is_empty(), "the past makes no events");
    let past = t.fake.state.applications().len();
    assert_eq!(t.records("application").await.len(), past);
    assert!(
        t.records("stage_transition").await.len() > past,
        "its history is kept"
    );
    let withdrawn = t
        .records("application")
        .await
        .iter()
        .filter(|a| a["status"] == "withdrawn")
        .count();
    assert!(withdrawn > 0, "withdrawn and rejected are told apart");

    let mut dice = Dice::new(7);
    let apps: Vec<u64> = (0..4).map(|n| t.apply(&format!("Person{n}"))).collect();
    let mut done: BTreeMap<String, Vec<String>> = apps
        .iter()
        .map(|a| (format!("JA-{a}"), vec!["created".to_owned()]))
        .collect();
    for round in 0..10 {
        let app = apps[usize::try_from(dice.below(apps.len() as u64)).unwrap_or(0)];
        let row = t.fake.state.application(app).expect("it is there");
        let acts = done.entry(format!("JA-{app}")).or_default();
        if row.disposition.is_some() || row.stage.name == "Ready for Hire" {
            continue;
        }
        if dice.below(5) == 0 {
            let by = if dice.below(2) == 0 {
                "Not a fit"
            } else {
                "Candidate withdrew"
            };
            t.fake.state.dispose(app, by).expect("it ends");
            acts.push(
                if by == "Not a fit" {
                    "rejected"
                } else {
                    "withdrawn"
                }
                .to_owned(),
            );
        } else {
            t.act(Act::Move {
                application_id: app,
                stage: None,
            });
            let now = t
                .fake
                .state
                .application(app)
                .expect("it is there")
                .stage
                .name;
            acts.push(format!("{} -> {now}", row.stage.name));
            if now == "Ready for Hire" {
                acts.push("hired".to_owned());
            }
        }
        if round % 3 == 2 {
            t.sync(false).await;
        }
    }
    let same = || async { t.told().await == done };
    if !stagewire_testkit::holds(60, same).await {
        panic!("done: {done:#?}\ntold: {:#?}", t.told().await);
    }
    let before = t.server.all("events").await.len();
    t.sync(true).await;
    assert_eq!(
        t.server.all("events").await.len(),
        before,
        "the same answer again changes nothing"
    );
}

#[tokio::test]
async fn a_lost_password_is_one_clear_state_and_what_was_missed_comes_afterwards() {
    let t = Tenant::start(BASIC, |_| {}).await;
    t.fake
        .state
        .set_isu(Isu::new("ISU_Stagewire", "another-password"));
    let lost = || async { t.connection().await["state"] == "needs_you" };
    t.until("the connection asks for a person", lost).await;
    let app = t.apply("Missed");
    let one = || async { t.server.all("failures?state=open").await.len() == 1 };
    t.until("one failure, not one per poll", one).await;
    t.fake
        .state
        .set_isu(Isu::new("ISU_Stagewire", "demo-isu-password"));
    t.server
        .post("connections/wd/test", &json!({}))
        .await
        .expect("the server answers");
    t.sync(false).await;
    let told =
        || async { t.told().await.get(&format!("JA-{app}")) == Some(&vec!["created".to_owned()]) };
    t.until("what was missed is told", told).await;
    assert_eq!(t.connection().await["state"], "working");
}

#[tokio::test]
async fn a_renamed_column_reopens_nobody_and_nothing_protected_is_kept() {
    let mut t = Tenant::start(OPEN, |fake| {
        fake.drift("ATS_Candidates", "Gender", Some(json!("MARK-PROTECTED-1")));
        fake.drift(
            "ATS_Candidates",
            "CF_Ethnicity",
            Some(json!("MARK-PROTECTED-2")),
        );
        fake.drift("ATS_Candidates", "CF_Shirt", Some(json!("green")));
    })
    .await;
    let ended = |all: &[Value]| {
        all.iter()
            .filter(|a| a["status"] == "rejected" || a["status"] == "withdrawn")
            .count()
    };
    let before = ended(&t.records("application").await);
    assert!(before > 0);
    t.fake
        .state
        .rename("ATS_Applications_Delta", "Disposition", "Why_Ended");
    t.fake
        .state
        .rename("ATS_Applications_Delta", "Disposition_By", "Who_Ended");
    let app = t.apply("Later");
    t.sync(true).await;
    let told = || async { t.told().await.contains_key(&format!("JA-{app}")) };
    t.until("what is there is still read", told).await;
    assert_eq!(ended(&t.records("application").await), before);
    assert_eq!(
        t.told().await.len(),
        1,
        "nobody was reopened: {:?}",
        t.told().await
    );
    // a column of the customer's own is held, and restricted until a person says otherwise
    let held = |p: &Value| p["meta"]["redacted"] == json!(["custom_fields"]);
    let people = t.records("candidate").await;
    assert!(people.iter().all(held), "{}", people[0]["meta"]);
    stagewire_tests::nowhere(&mut t.server, "MARK-PROTECTED").await;
}

#[tokio::test]
async fn what_two_whole_runs_do_not_show_is_gone_and_a_merge_moves_the_applications() {
    let t = Tenant::start(OPEN, |_| {}).await;
    t.act(Act::DeleteCandidate { candidate_id: 1004 });
    t.act(Act::ChangeCandidate(CandidateChange {
        candidate_id: 1005,
        email: Some(String::new()),
        ..CandidateChange::default()
    }));
    t.act(Act::ChangeRequisition(RequisitionChange {
        requisition_id: t.fake.state.requisitions()[1].id,
        status: Some("Frozen".into()),
        ..RequisitionChange::default()
    }));
    t.sync(true).await;
    let once = t.record("candidate", "C-1004").await;
    assert!(
        once["deleted_at"].is_null(),
        "one run proves nothing: {once}"
    );
    t.sync(true).await;
    let gone = t.record("candidate", "C-1004").await;
    assert!(gone["deleted_at"].is_string(), "{gone}");
    assert_eq!(gone["deletion"]["reason"], "access_lost");
    assert_eq!(t.record("candidate", "C-1005").await["emails"], json!([]));
    let jobs = t.records("job").await;
    assert!(jobs.iter().filter(|j| j["status"] == "on_hold").count() >= 2);

    t.act(Act::MergeCandidate {
        candidate_id: 1009,
        into_candidate_id: 1010,
    });
    t.sync(true).await;
    t.sync(true).await;
    let merged = t.record("candidate", "C-1009").await;
    assert!(merged["deleted_at"].is_string(), "{merged}");
    let survivor = t.record("candidate", "C-1010").await["id"].clone();
    let all = t.records("application").await;
    let theirs = all
        .iter()
        .filter(|a| a["candidate_id"] == survivor && a["deleted_at"].is_null());
    assert!(
        theirs.count() > 1,
        "the applications of both are the survivor's"
    );
    assert_eq!(t.server.all("failures").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_report_that_suddenly_shows_nobody_makes_nobody_gone() {
    let t = Tenant::start(BASIC, |_| {}).await;
    let before = t.records("candidate").await.len();
    // the forgotten step after a change of the security policy: reports come, and are empty
    let mut isu = Isu::new("ISU_Stagewire", "demo-isu-password");
    isu.access = Access::EmptyRows;
    t.fake.state.set_isu(isu);
    t.sync(true).await;
    t.sync(true).await;
    let told = || async {
        let open = t.server.all("failures?state=open").await;
        open.iter().any(|f| f["code"] == "SCAN-002")
    };
    t.until("a person is asked", told).await;
    for entity in ["candidate", "application", "job"] {
        let all = t.records(entity).await;
        assert!(all.iter().all(|r| r["deleted_at"].is_null()), "{entity}");
    }
    assert_eq!(t.records("candidate").await.len(), before);
    t.fake
        .state
        .set_isu(Isu::new("ISU_Stagewire", "demo-isu-password"));
    t.sync(true).await;
    let closed = || async { t.server.all("failures?state=open").await.is_empty() };
    t.until("it is over by itself", closed).await;
}

#[tokio::test]
async fn a_hint_makes_the_poll_come_at_once_and_only_its_ids_are_believed() {
    hinted(REPORTS).await;
}

#[tokio::test]
async fn over_soap_a_hint_does_the_same() {
    hinted(SOAP).await;
}

async fn hinted(reads: &str) {
    let t = Box::pin(Tenant::open(reads, OPEN, "12h", |_| {})).await;
    t.fake.state.notify(Some(HintTo {
        url: String::new(),
        header: "X-Hint-Secret".into(),
        secret: "demo-hint-secret".into(),
    }));
    let app = t.apply("Nora");
    let hints = t.fake.state.take_webhooks();
    assert_eq!(hints.len(), 1, "the business process told");
    let mut client = t.server.client();
    let mut send = async |secret: &str, body: &[u8]| {
        let headers = [
            ("content-type", "application/json"),
            ("x-hint-secret", secret),
        ];
        let answer = client.send("POST", "/in/wd", &headers, body).await;
        answer.expect("the server answers").status
    };
    assert_eq!(send("a guess", &hints[0].body).await, 401);
    assert!(t.told().await.is_empty(), "no poll, no hint, no event");
    assert_eq!(send("demo-hint-secret", &hints[0].body).await, 200);
    let key = format!("JA-{app}");
    let created = || async { t.told().await.get(&key) == Some(&vec!["created".to_owned()]) };
    t.until("the hint brought it", created).await;

    let from = t
        .fake
        .state
        .application(app)
        .expect("it is there")
        .stage
        .name;
    t.act(Act::Move {
        application_id: app,
        stage: None,
    });
    let to = t
        .fake
        .state
        .application(app)
        .expect("it is there")
        .stage
        .name;
    let hint = t.fake.state.take_webhooks().remove(0);
    // said twice, and with a claim that is no id
    let boast =
        json!({"Job_Application_ID": key, "Stage": "Ready for Hire", "Disposition": "Not a fit"});
    for body in [&hint.body[..], &hint.body[..], boast.to_string().as_bytes()] {
        assert_eq!(send("demo-hint-secret", body).await, 200);
    }
    let moved = vec!["created".to_owned(), format!("{from} -> {to}")];
    let told = || async { t.told().await.get(&key) == Some(&moved) };
    t.until("the move is told once", told).await;
    let quiet = || async { t.server.all("deliveries?state=waiting").await.is_empty() };
    t.until("every hint is dealt with", quiet).await;
    assert_eq!(t.told().await.get(&key), Some(&moved));
    assert_eq!(t.record("application", &key).await["status"], "active");
}

#[tokio::test]
async fn a_tenant_without_reports_is_read_over_soap() {
    // more than one page of candidates
    let crowd = |fake: &Workday| fake.seed_many(150).expect("a crowd");
    let mut t = Box::pin(Tenant::open(SOAP, BASIC, "1s", crowd)).await;
    assert!(t.told().await.is_empty(), "the past makes no events");
    let theirs = t.fake.state.applications();
    let ours = t.records("application").await;
    assert!(
        ours.len() >= theirs.len() && ours.len() > 150,
        "{}",
        ours.len()
    );
    for row in &theirs {
        let key = format!("JA-{}", row.id);
        let held = ours.iter().find(|a| a["remote_id"] == key.as_str());
        let held = held.expect("it is held");
        let stage = t.record("job_stage", row.stage.name).await;
        assert_eq!(held["stage_id"], stage["id"], "{key}");
        let ended = row.disposition.is_some();
        let active = held["status"] == "active" || held["status"] == "hired";
        assert_eq!(ended, !active, "{key}: {}", held["status"]);
        assert_ne!(held["status"], "unknown", "{key}");
    }
    assert_eq!(
        t.records("job").await.len(),
        t.fake.state.requisitions().len()
    );

    t.fake.state.throttle_soap(2); // which looks like any failure of theirs
    let app = t.apply("Nora");
    let key = format!("JA-{app}");
    let told = async |wanted: &[String]| {
        let same = || async { t.told().await.get(&key).is_some_and(|told| told == wanted) };
        t.until(&format!("{wanted:?}"), same).await;
    };
    let mut acts = vec!["created".to_owned()];
    told(&acts).await;
    let from = t
        .fake
        .state
        .application(app)
        .expect("it is there")
        .stage
        .name;
    t.act(Act::Move {
        application_id: app,
        stage: None,
    });
    let to = t
        .fake
        .state
        .application(app)
        .expect("it is there")
        .stage
        .name;
    acts.push(format!("{from} -> {to}"));
    told(&acts).await;
    t.fake
        .state
        .dispose(app, "Candidate withdrew")
        .expect("it ends");
    acts.push("withdrawn".to_owned());
    told(&acts).await;

    t.act(Act::DeleteCandidate { candidate_id: 1004 });
    t.sync(true).await;
    t.sync(true).await;
    let gone = t.record("candidate", "C-1004").await;
    assert!(gone["deleted_at"].is_string(), "{gone}");
    t.fake
        .state
        .set_isu(Isu::new("ISU_Stagewire", "another-password"));
    let lost = || async { t.connection().await["state"] == "needs_you" };
    t.until("a fault about the password asks for a person", lost)
        .await;
    stagewire_tests::nowhere(&mut t.server, EEO_MARKER).await;
}
