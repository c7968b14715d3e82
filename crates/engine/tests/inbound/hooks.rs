//! Webhooks made at a made-up vendor: one of each, never two, each with its own secret; put right, taken away; and the check of our
//! own address.

use super::world::{Asked, Desk, Vendor, World, folder, json_answer, spec};
use serde_json::{Value, json};
use stagewire_connector::{MaybeSent, NotSent, Response, SendError};
use stagewire_engine::connection::{ConnectionSpec, Webhooks};
use stagewire_engine::hooks::{CHECK_HEADER, Done, Hop, Wanted, pace};
use stagewire_engine::hub::Hub;
use stagewire_model::MAIN;
use std::sync::{Arc, Mutex, OnceLock};

const URL: &str = "https://wire.example.com/in/ats";

/// Shows its secret once; has a list; the same can be made twice.
const RETURNED: &str = r#"
reject = 401
verify = { scheme = "hmac_sha256", header = "X-Sig", secret = "hook" }
route = { on = "event" }
[events]
moved = { observes = "run_hook" }
gone = { observes = "run_gone" }
drawn = { observes = "run_hook" }
[subscription]
by_hand = ["drawn"]
secret = "returned"
scope = "hooks:write"
say = "An admin must switch the events on"
row = { id = "id", url = "url", event = "event", enabled = "on", secret = "token" }
expect = { at = "origins", holds = ["applied", "agency"], events = ["moved"] }
list = { get = "/hooks", rows = "data" }
create = { post = "/hooks", body = { url = "{url}", event = "{event}" }, at = ["data.data", "data"] }
delete = { delete = "/hooks/{id}" }
"#;

/// Takes a secret of ours; shows single ones only; all calls are posts.
const MADE: &str = r#"
reject = 503
verify = { scheme = "hmac_sha256", header = "X-Sig", secret = "hook", optional = true }
ping = { at = "event", is = "ping" }
route = { on = "event" }
[events]
moved = { observes = "run_hook" }
gone = { observes = "run_gone" }
[subscription]
secret = "made"
row = { id = "id", url = "url", event = "event", enabled = "on" }
look = { post = "/hooks.info", body = { id = "{id}" }, at = "results" }
create = { post = "/hooks.create", body = { url = "{url}", event = "{event}", secret = "{secret}" }, at = "results" }
update = { post = "/hooks.update", body = { id = "{id}", url = "{url}", on = true, secret = "{secret}" }, at = "results" }
delete = { post = "/hooks.delete", body = { id = "{id}" } }
"#;

/// How the vendor says that something is not there.
const ANSWERS: &str = "[answers]\nword = \"error\"\n[[answers.rule]]\nwords = [\"hook_not_found\"]\nthen = \"refused\"\ncode = \"CALL-404\"\nsay = \"there is no such webhook\"\n";

/// The vendor's webhooks.
#[derive(Default)]
struct Shop {
    hooks: Vec<Value>,
    n: usize,
    /// The next call of this kind is done, and its answer lost.
    lose: Option<&'static str>,
    /// Every call gets this status.
    refuse: Option<u16>,
    /// What is not there is told with a 200 and a word.
    words: bool,
    /// What new ones are conditioned on.
    origins: Vec<&'static str>,
}

type Counter = Arc<Mutex<Shop>>;

impl Shop {
    fn serve(&mut self, asked: &Asked) -> Result<Response, SendError> {
        if let Some(status) = self.refuse {
            return Ok(json_answer(status, &json!({"message": "no"})));
        }
        let path = asked
            .url
            .strip_prefix("https://api.acme.example")
            .unwrap_or("");
        let last = path.rsplit('/').next().unwrap_or("").to_owned();
        let id = asked.body["id"].as_str().unwrap_or(&last).to_owned();
        let at = self.hooks.iter().position(|h| h["id"] == id);
        let (kind, answer) = match (asked.method.as_str(), path) {
            ("GET", "/hooks") => ("list", Some(json!({"data": self.public()}))),
            ("POST", "/hooks" | "/hooks.create") => {
                self.n += 1;
                let secret = asked.body["secret"].as_str();
                let token = secret.map_or_else(|| format!("token-{}", self.n), str::to_owned);
                let made = json!({"id": format!("h{}", self.n), "url": asked.body["url"], "event": asked.body["event"], "on": true, "token": token, "origins": self.origins});
                self.hooks.push(made.clone());
                // both ways in which such answers are wrapped
                let wrapped = if self.n.is_multiple_of(2) {
                    json!({"data": made})
                } else {
                    json!({"data": {"data": made}})
                };
                let answer = if path == "/hooks" {
                    wrapped
                } else {
                    json!({"results": made})
                };
                ("create", Some(answer))
            }
            ("POST", "/hooks.info") => ("look", at.map(|i| json!({"results": self.public()[i]}))),
            ("POST", "/hooks.update") => {
                if let Some(i) = at {
                    (self.hooks[i]["on"], self.hooks[i]["url"]) =
                        (json!(true), asked.body["url"].clone());
                }
                ("update", at.map(|i| json!({"results": self.public()[i]})))
            }
            ("POST", "/hooks.delete") | ("DELETE", _) => {
                let gone = at.map(|i| self.hooks.remove(i));
                ("delete", gone.map(|_| json!({})))
            }
            other => panic!("no such call: {other:?}"),
        };
        if self.lose == Some(kind) {
            self.lose = None;
            return Err(SendError::MaybeSent {
                kind: MaybeSent::Timeout,
            });
        }
        Ok(match answer {
            Some(answer) => json_answer(200, &answer),
            None if self.words => {
                json_answer(200, &json!({"ok": false, "error": "hook_not_found"}))
            }
            None => json_answer(404, &json!({"message": "not found"})),
        })
    }

    /// Secrets are shown once and never again.
    fn public(&self) -> Vec<Value> {
        let mut all = self.hooks.clone();
        for h in &mut all {
            h.as_object_mut().expect("a table").shift_remove("token");
        }
        all
    }

    fn events(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .hooks
            .iter()
            .map(|h| h["event"].as_str().unwrap_or("").to_owned())
            .collect();
        all.sort();
        all
    }
}

fn desk(shop: &Counter) -> Desk {
    let shop = shop.clone();
    Box::new(move |asked| shop.lock().expect("free").serve(asked))
}

async fn open(webhooks: &str, spec: ConnectionSpec, fields: &[(&str, &str)]) -> (World, Counter) {
    let shop = Counter::default();
    shop.lock().expect("free").origins = vec!["applied", "agency"];
    let vendor = Arc::new(Vendor::default());
    *vendor.desk.lock().expect("free") = Some(desk(&shop));
    let w = World::with(folder(webhooks, ANSWERS), fields, vendor, spec).await;
    w.hub.set_public_url("https://wire.example.com");
    (w, shop)
}

async fn by_hand(webhooks: &str) -> (World, Counter) {
    open(webhooks, spec(), &[("key", "k")]).await
}

async fn run(w: &World, wanted: Wanted) -> Done {
    let conn = w.hub.connection("ats").expect("there");
    w.hub
        .keep_hooks(&conn, wanted)
        .await
        .expect("the store works")
}

async fn sent(w: &World, shop: &Counter, event: &str) -> u16 {
    let token = {
        let shop = shop.lock().expect("free");
        let hook = shop
            .hooks
            .iter()
            .find(|h| h["event"] == event)
            .expect("it is there");
        hook["token"].as_str().expect("a text").to_owned()
    };
    let body = json!({"event": event, "data": {"id": format!("r-{token}")}});
    let bytes = body.to_string();
    let signed = w
        .connector
        .sign_as_vendor(&token, &|_| None, bytes.as_bytes());
    let (name, value) = signed.expect("it signs");
    w.send(&[(name.as_str(), value.as_str())], &body).await
}

#[tokio::test]
async fn a_managed_connection_makes_one_of_each_at_start_and_believes_each_ones_secret() {
    let managed = ConnectionSpec {
        webhooks: Webhooks::Managed,
        ..spec()
    };
    let (w, shop) = open(RETURNED, managed, &[("key", "k"), ("hook", "typed-in")]).await;
    w.until("they are made", async |w| {
        shop.lock().expect("free").hooks.len() == 2
            && w.hub
                .store
                .hooks(MAIN, "ats".into())
                .await
                .is_ok_and(|r| r.iter().filter(|r| r.secret.is_some()).count() == 2)
    })
    .await;
    assert_eq!(
        shop.lock().expect("free").events(),
        ["gone", "moved"],
        "not what only a person can make"
    );
    w.until("the round is over", async |w| {
        w.hub
            .hook_states(&w.hub.connection("ats").expect("there"))
            .await
            .is_ok_and(|s| s.sentence.starts_with("All 2"))
    })
    .await;
    assert_eq!(sent(&w, &shop, "moved").await, 200);
    assert_eq!(sent(&w, &shop, "gone").await, 200);
    let typed = json!({"event": "drawn", "data": {"id": "r1"}});
    let bytes = typed.to_string();
    let (name, value) = w
        .connector
        .sign_as_vendor("typed-in", &|_| None, bytes.as_bytes())
        .expect("it signs");
    assert_eq!(
        w.send(&[(name.as_str(), value.as_str())], &typed).await,
        200,
        "what a person typed in counts too"
    );
    w.settled(3).await;
    let conn = w.hub.connection("ats").expect("there");
    let states = w.hub.hook_states(&conn).await.expect("read");
    let moved = states
        .events
        .iter()
        .find(|e| e.event == "moved")
        .expect("there");
    assert!(
        moved.there == Some(true)
            && moved.enabled == Some(true)
            && moved.secret_known
            && moved.last_delivery.is_some()
    );
    let drawn = states
        .events
        .iter()
        .find(|e| e.event == "drawn")
        .expect("there");
    assert!(drawn.by_hand && drawn.there.is_none() && drawn.last_delivery.is_some());
    assert_eq!(states.secret.map(|s| s.known), Some(3));
    let other = json!({"hook": "typed-anew"});
    let other = other.as_object().expect("a table").clone();
    w.hub.set_fields("ats", other, "ana").await.expect("set");
    assert_eq!(
        w.send(
            &[(name.as_str(), value.as_str())],
            &json!({"event": "drawn", "data": {"id": "r2"}})
        )
        .await,
        401
    );
    shop.lock().expect("free").hooks[0]["event"] = json!("moved");
    assert_eq!(
        sent(&w, &shop, "moved").await,
        200,
        "new fields take no webhook's secret away"
    );
}

#[tokio::test]
async fn a_second_round_makes_nothing_and_two_at_once_make_no_two() {
    for folder in [RETURNED, MADE] {
        let (w, shop) = by_hand(folder).await;
        let rounds = [Wanted::Right; 4].map(|wanted| run(&w, wanted));
        for done in futures::future::join_all(rounds).await {
            assert_eq!(done.problems, Vec::<String>::new());
        }
        assert_eq!(shop.lock().expect("free").events(), ["gone", "moved"]);
        let made = shop.lock().expect("free").n;
        assert_eq!((made, run(&w, Wanted::Right).await), (2, Done::default()));
        assert_eq!(run(&w, Wanted::Repaired).await, Done::default());
        assert_eq!(shop.lock().expect("free").n, 2);
    }
}

#[tokio::test]
async fn what_is_off_is_switched_on_and_doubles_and_unproven_ones_go() {
    let (w, shop) = by_hand(RETURNED).await;
    let foreign = json!({"id": "x", "url": "https://other.example.com/", "event": "moved", "on": true, "origins": []});
    let unproven = json!({"id": "y", "url": format!("{URL}/"), "event": "moved", "on": true, "origins": ["applied", "agency"]});
    shop.lock().expect("free").hooks = vec![foreign.clone(), unproven];
    run(&w, Wanted::Right).await;
    let ids = |shop: &Counter| -> Vec<String> {
        let shop = shop.lock().expect("free");
        shop.hooks
            .iter()
            .map(|h| h["id"].as_str().unwrap_or("").to_owned())
            .collect()
    };
    assert_eq!(
        ids(&shop),
        ["x", "h1", "h2"],
        "nobody knows the secret of `y`"
    );
    {
        let mut shop = shop.lock().expect("free");
        let double = json!({"id": "z", "url": URL, "event": "gone", "on": true, "origins": []});
        shop.hooks.push(double);
        shop.hooks[1]["on"] = json!(false);
    }
    let done = run(&w, Wanted::Right).await;
    assert_eq!(done.problems, Vec::<String>::new());
    assert_eq!(
        ids(&shop),
        ["x", "h2", "h3"],
        "without a call to put one right it is made anew"
    );
    assert!(run(&w, Wanted::None).await.problems.is_empty());
    assert_eq!(ids(&shop), ["x"]);
    let conn = w.hub.connection("ats").expect("there");
    let states = w.hub.hook_states(&conn).await.expect("read");
    assert!(states.events.iter().all(|e| e.there != Some(true)));
    assert!(
        states.secret.is_some_and(|s| s.known > 0),
        "what was sent before still counts a while"
    );
    let (w, shop) = by_hand(MADE).await;
    run(&w, Wanted::Right).await;
    shop.lock().expect("free").hooks[0]["on"] = json!(false);
    w.hub.set_public_url("https://moved.example.com");
    let done = run(&w, Wanted::Right).await;
    assert_eq!(done.done.len(), 2, "{done:?}");
    let shop = shop.lock().expect("free");
    let right = |h: &Value| h["on"] == true && h["url"] == "https://moved.example.com/in/ats";
    assert!(
        shop.n == 2 && shop.hooks.iter().all(right),
        "{:?}",
        shop.hooks
    );
}

#[tokio::test]
async fn one_that_somebody_took_away_is_made_again_however_the_vendor_says_so() {
    for words in [false, true] {
        let (w, shop) = by_hand(MADE).await;
        run(&w, Wanted::Right).await;
        {
            let mut shop = shop.lock().expect("free");
            shop.hooks.remove(0);
            shop.words = words;
        }
        let done = run(&w, Wanted::Right).await;
        assert_eq!(done.problems, Vec::<String>::new());
        let shop = shop.lock().expect("free");
        assert_eq!(
            (shop.events(), shop.n),
            (vec!["gone".into(), "moved".into()], 3)
        );
    }
}

#[tokio::test]
async fn a_lost_answer_leaves_one_and_its_deliveries_are_believed() {
    let (w, shop) = by_hand(MADE).await;
    shop.lock().expect("free").lose = Some("create");
    let first = run(&w, Wanted::Right).await;
    assert_eq!(first.problems.len(), 1, "{first:?}");
    assert_eq!(
        sent(&w, &shop, "gone").await,
        200,
        "its secret was written down before the call"
    );
    let (w, shop) = by_hand(RETURNED).await;
    shop.lock().expect("free").lose = Some("create");
    run(&w, Wanted::Right).await;
    assert_eq!(
        sent(&w, &shop, "gone").await,
        401,
        "its secret was in the lost answer"
    );
    let second = run(&w, Wanted::Right).await;
    assert_eq!(second.problems, Vec::<String>::new());
    assert_eq!(shop.lock().expect("free").events(), ["gone", "moved"]);
    assert_eq!(sent(&w, &shop, "gone").await, 200);
    shop.lock().expect("free").lose = Some("delete");
    run(&w, Wanted::None).await;
    assert!(
        run(&w, Wanted::None).await.problems.is_empty(),
        "gone already is gone"
    );
    assert!(shop.lock().expect("free").hooks.is_empty());
}

#[tokio::test]
async fn what_cannot_be_done_is_told_in_plain_words_and_is_over_when_it_can() {
    let (w, shop) = by_hand(RETURNED).await;
    shop.lock().expect("free").refuse = Some(403);
    let done = run(&w, Wanted::Right).await;
    assert!(
        done.problems[0].contains("lack the permission hooks:write"),
        "{done:?}"
    );
    let failures = w.list("failures").await;
    assert_eq!(
        (failures[0]["code"].as_str(), failures[0]["state"].as_str()),
        (Some("HOOK-001"), Some("open"))
    );
    shop.lock().expect("free").refuse = None;
    assert!(run(&w, Wanted::Right).await.problems.is_empty());
    assert_eq!(w.list("failures").await[0]["state"], "fixed");
    w.hub.set_public_url("http://127.0.0.1:8787");
    let done = run(&w, Wanted::Right).await;
    assert!(
        done.problems[0].contains("set `[server] public_url`"),
        "{done:?}"
    );
    assert_eq!(shop.lock().expect("free").hooks.len(), 2);
    w.hub.set_effects(false);
    w.hub.set_public_url("https://wire.example.com");
    assert!(run(&w, Wanted::None).await.problems[0].contains("the live one"));
    assert_eq!(
        shop.lock().expect("free").hooks.len(),
        2,
        "a copy takes nothing over"
    );
    let calls = w.list("calls").await;
    assert!(
        calls.iter().filter(|c| c["purpose"] == "webhook").count() >= 4,
        "every call is logged"
    );
    for body in 1..100 {
        let kept = w.hub.store.body(body).await.unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&kept).contains("token-"),
            "no secret is kept with a call"
        );
    }
}

#[tokio::test]
async fn conditions_that_leave_something_out_are_told_and_made_anew_when_asked() {
    let (w, shop) = by_hand(RETURNED).await;
    run(&w, Wanted::Right).await;
    for h in &mut shop.lock().expect("free").hooks {
        h["origins"] = json!(["applied"]);
    }
    let done = run(&w, Wanted::Right).await;
    assert_eq!(done.problems.len(), 1, "{done:?}");
    assert!(done.problems[0].contains("leaves out agency"));
    assert_eq!(run(&w, Wanted::Right).await, Done::default(), "told once");
    let done = run(&w, Wanted::Repaired).await;
    assert_eq!(done.done.len(), 2, "{done:?}");
    assert_eq!(sent(&w, &shop, "moved").await, 200);
    assert_eq!(run(&w, Wanted::Repaired).await, Done::default());
}

#[tokio::test]
async fn a_connection_without_webhooks_is_healthy_and_says_how_late_it_is() {
    let none = ConnectionSpec {
        webhooks: Webhooks::None,
        poll_ms: Some(60_000),
        ..spec()
    };
    let (w, shop) = open(RETURNED, none, &[("key", "k"), ("hook", "typed-in")]).await;
    let conn = w.hub.connection("ats").expect("there");
    assert_eq!(pace(&conn).as_deref(), Some("poll only, up to 60 s late"));
    let states = w.hub.hook_states(&conn).await.expect("read");
    assert!(
        states.sentence.contains("poll only, up to 60 s late"),
        "{}",
        states.sentence
    );
    assert_eq!(shop.lock().expect("free").n, 0);
    let (w, _) = open(RETURNED, spec(), &[("key", "k"), ("hook", "typed-in")]).await;
    assert_eq!(pace(&w.hub.connection("ats").expect("there")), None);
}

#[tokio::test]
async fn the_check_names_the_broken_hop_and_says_what_to_do() {
    let (w, _) = by_hand(RETURNED).await;
    let conn = w.hub.connection("ats").expect("there");
    let not = |kind| Err(SendError::NotSent { kind });
    let mut ours = json_answer(404, &json!({}));
    ours.headers[0].1 = "Thu, 26 Nov 2026 00:00:00 GMT".into();
    let cases: Vec<(Result<Response, SendError>, Hop)> = vec![
        (not(NotSent::Dns), Hop::Dns),
        (not(NotSent::Refused), Hop::Refused),
        (not(NotSent::Tls), Hop::Tls),
        (not(NotSent::Blocked), Hop::Private),
        (
            Err(SendError::MaybeSent {
                kind: MaybeSent::Timeout,
            }),
            Hop::Timeout,
        ),
        (Ok(ours), Hop::OtherServer),
        (Ok(json_answer(200, &json!({}))), Hop::OtherServer),
    ];
    for (answer, hop) in cases {
        *w.vendor.desk.lock().expect("free") = Some(Box::new(move |_| answer.clone()));
        let (checked, _) = w.hub.check_hooks(&conn).await.expect("read");
        assert_eq!(checked.broken, Some(hop));
        assert!(
            checked.say.contains(URL) && !checked.steps.is_empty(),
            "{checked:?}"
        );
    }
    let asked = w.vendor.asked();
    let date = conn.vendor_date().map(stagewire_model::Micros::text);
    assert_eq!(
        date.as_deref(),
        Some("2026-11-01T00:00:00.000Z"),
        "our own clock is not the vendor's"
    );
    assert!(
        asked
            .iter()
            .filter(|a| a.method == "POST")
            .all(|a| a.url == URL),
        "nothing else is called"
    );
    assert!(w.hub.answer_check("made up").is_none());
    // now it is us who answers
    let hub: Arc<OnceLock<Arc<Hub>>> = Arc::default();
    let _ = hub.set(w.hub.clone());
    w.vendor.echo(hub);
    let (checked, _) = w.hub.check_hooks(&conn).await.expect("read");
    assert_eq!(checked.broken, Some(Hop::Secret));
    assert!(
        checked.say.contains("503") && checked.say.contains("has sent nothing yet"),
        "{checked:?}"
    );
    let secret = json!({"hook": "typed-in"});
    let secret = secret.as_object().expect("a table").clone();
    w.hub.set_fields("ats", secret, "ana").await.expect("set");
    let (checked, states) = w.hub.check_hooks(&conn).await.expect("read");
    assert_eq!(checked.broken, None);
    let steps = checked.steps.join("\n");
    assert!(
        steps.contains(URL)
            && steps.contains("`hook`")
            && steps.contains("drawn")
            && steps.contains("An admin must"),
        "{steps}"
    );
    assert!(
        !format!("{checked:?} {states:?}").contains("typed-in"),
        "no secret is shown"
    );
    assert_eq!(CHECK_HEADER, "stagewire-check");
}
