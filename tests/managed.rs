//! Webhooks that the server makes at a vendor by itself: one of each, never two, put right after somebody changed them there, proven by
//! their own secrets, taken away when told.

use serde_json::{Value, json};
use stagewire_fakes::lever::{self, Applicant, Lever};
use stagewire_fakes::{Clock, Handle};
use stagewire_testkit::process::Server;
use stagewire_tests::ashby::{Company, Plan};
use std::collections::{BTreeMap, BTreeSet};

async fn ask(server: &Server, conn: &str, action: &str) -> Value {
    let path = format!("connections/{conn}/webhooks");
    let answer = server.post(&path, &json!({"action": action})).await;
    let answer = answer.expect("the server answers");
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{said}");
    let stand = answer.json();
    assert_eq!(stand["problems"], json!([]), "{action}");
    stand
}

fn all<'v>(rows: &'v [Value], key: &str) -> Vec<&'v str> {
    let mut all: Vec<&str> = rows.iter().filter_map(|r| r[key].as_str()).collect();
    all.sort_unstable();
    all
}

const ASHBY: [&str; 16] = [
    "applicationSubmit",
    "applicationUpdate",
    "candidateDelete",
    "candidateHire",
    "candidateMerge",
    "candidateStageChange",
    "interviewPlanTransition",
    "interviewScheduleCreate",
    "interviewScheduleUpdate",
    "jobPostingPublish",
    "jobPostingUnpublish",
    "jobPostingUpdate",
    "offerCreate",
    "offerDelete",
    "offerUpdate",
    "pushToHRIS",
];

fn each_once(c: &Company) -> bool {
    let there = c.ats.state.settings();
    let secrets: BTreeSet<&str> = all(&there, "secretToken").into_iter().collect();
    let url = format!("{}/in/ashby", c.server.url);
    all(&there, "webhookType") == ASHBY
        && secrets.len() == ASHBY.len()
        && there
            .iter()
            .all(|s| s["enabled"] == true && s["requestUrl"] == *url)
}

async fn told(c: &Company, app: &str, line: &str) {
    c.until(line, || async {
        let told = c.told().await;
        let mine = told.get(app);
        mine.is_some_and(|all| all.iter().any(|t| t.line == line))
    })
    .await;
}

#[tokio::test]
async fn settings_with_secrets_of_ours_are_made_once_put_right_and_taken_away() {
    let plan = Plan {
        more: "webhooks = \"managed\"",
        capture: false,
        ..Plan::default()
    };
    let mut c = Company::with(plan, |_| {}).await;
    c.until("one of each is there", || async { each_once(&c) })
        .await;
    // nothing is polled: what is told came by a webhook, proven by its own secret
    let app = c.apply("Nora");
    told(&c, &app, "created").await;
    let stand = ask(&c.server, "ashby", "register").await;
    assert!(each_once(&c), "asked again, none is made twice");
    let events = stand["events"].as_array().cloned().unwrap_or_default();
    let by_hand: Vec<Value> = events
        .into_iter()
        .filter(|e| e["by_hand"] == true)
        .collect();
    assert_eq!(
        all(&by_hand, "event"),
        [
            "jobCreate",
            "jobUpdate",
            "openingCreate",
            "signatureRequestUpdate"
        ]
    );
    c.server.kill().await;
    c.server.run().await;
    ask(&c.server, "ashby", "register").await;
    assert!(each_once(&c), "nor after a restart");

    let id = |event: &str| {
        let there = c.ats.state.settings();
        let found = there.iter().find(|s| s["webhookType"] == event);
        let id = found.and_then(|s| s["id"].as_str());
        id.unwrap_or_default().to_owned()
    };
    c.ats
        .state
        .change_setting(&id("candidateStageChange"), Some(false));
    c.ats.state.change_setting(&id("applicationUpdate"), None);
    let stand = ask(&c.server, "ashby", "register").await;
    // the round that a start brings may have been there first
    let done = json!([
        "the webhook for applicationUpdate was made",
        "the webhook for candidateStageChange was put right"
    ]);
    assert!(
        stand["done"] == done || stand["done"] == json!([]),
        "{stand}"
    );
    assert!(each_once(&c));
    c.later(60);
    let moved = c.move_to(&app, "Recruiter Screen");
    told(&c, &app, &moved[0]).await;
    assert_eq!(
        c.connection().await["rejected"],
        0,
        "all that came was proven"
    );

    ask(&c.server, "ashby", "remove").await;
    assert_eq!(c.ats.state.settings(), Vec::<Value>::new());
}

struct World {
    ats: Handle<Lever>,
    server: Server,
}

impl World {
    async fn start() -> World {
        let ats = Lever::new(lever::Options {
            capture: false,
            ..lever::Options::for_tests(Clock::real())
        });
        ats.seed_company();
        let ats = ats
            .serve(stagewire_tests::port().await)
            .await
            .expect("the fake ATS starts");
        let config = format!(
            "[[connection]]\nid = \"lv\"\nconnector = \"lever\"\nbase_url = \"{}/v1\"\nowner = \"ana@example.com\"\npoll = \"1h\"\nwebhooks = \"managed\"\n[connection.fields]\napi_key = \"demo-key\"\n",
            ats.url()
        );
        let binary = stagewire_tests::binary();
        let server = Server::start(&binary, &config, &BTreeMap::default()).await;
        World { ats, server }
    }

    fn each_once(&self) -> bool {
        let mut events = lever::EVENTS;
        events.sort_unstable();
        let there = self.ats.state.webhooks();
        let url = format!("{}/in/lv", self.server.url);
        all(&there, "event") == events && there.iter().all(|h| h["url"] == *url)
    }
}

#[tokio::test]
async fn webhooks_whose_secret_is_shown_once_are_made_once_and_their_deliveries_proven() {
    let mut w = World::start().await;
    let backfilled = || async {
        let all = w.server.all("connections").await;
        w.each_once() && all.iter().all(|c| c["backfilled"] == true)
    };
    assert!(stagewire_testkit::holds(60, backfilled).await);
    let stand = ask(&w.server, "lv", "register").await;
    let events = stand["events"].as_array().cloned().unwrap_or_default();
    for event in &events {
        assert_eq!(event["secret_known"], true, "{event}");
    }
    let there = w.ats.state.webhooks();
    assert!(w.each_once());
    w.server.kill().await;
    w.server.run().await;
    ask(&w.server, "lv", "register").await;
    assert!(w.each_once(), "the secrets were kept");

    let id = there[0]["id"].as_str().unwrap_or_default();
    w.ats.state.remove_webhook(id);
    assert!(!w.each_once());
    ask(&w.server, "lv", "repair").await;
    assert!(w.each_once());
    let posting = w.ats.state.postings()[0]["id"].clone();
    let applicant = Applicant {
        name: "Nora".into(),
        email: Some("nora@example.com".into()),
        posting_id: posting.as_str().map(str::to_owned),
        ..Applicant::default()
    };
    let touched = w.ats.state.act(lever::Act::Apply(applicant));
    let app = touched.expect("applied").touched.opportunity_id;
    let app = app.expect("an opportunity");
    let held = || async {
        let all = w.server.all("records/application").await;
        all.iter().any(|r| r["remote_id"] == *app)
    };
    assert!(
        stagewire_testkit::holds(30, held).await,
        "a webhook tells of it"
    );
    let connections = w.server.all("connections").await;
    assert_eq!(connections[0]["rejected"], 0, "all that came was proven");

    ask(&w.server, "lv", "remove").await;
    assert_eq!(w.ats.state.webhooks(), Vec::<Value>::new());
}
