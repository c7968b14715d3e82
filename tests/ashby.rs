//! The whole server beside a fake Ashby: a seeded company read in silence, then each act told once although its webhooks come twice,
//! late, out of order or never; lists read whole again when the vendor wants it; a key switched off and on; nothing protected anywhere.

use serde_json::{Value, json};
use stagewire_fakes::ashby::{Act, Key, Webhook};
use stagewire_fakes::{Fault, Rule};
use stagewire_testkit::seed::Dice;
use stagewire_tests::ashby::{Acts, Company, Plan};

/// People work on these applications, each act a while after the one before; all acts of everybody, and the webhooks they caused.
fn work(c: &Company, dice: &mut Dice, done: &mut Acts, acts: usize, pause: u64) -> Vec<Webhook> {
    let apps: Vec<String> = done.keys().cloned().collect();
    let stages = [
        "Recruiter Screen",
        "Code Review",
        "System Design",
        "Team Day",
    ];
    for _ in 0..acts {
        let app = &apps[pick(dice, apps.len())];
        let now = c.ats.state.application(app).unwrap_or_default();
        if now["status"] != "Active" {
            continue;
        }
        c.later(pause);
        let told = match dice.below(9) {
            0 => c.archive(app, "Lacks skills"),
            1 => c.archive(app, "Withdrew"),
            2 => c.archive(app, "Position filled"),
            3 => c.hire(app),
            _ => {
                let to = stages[pick(dice, stages.len())];
                if c.stage_of(app) == to {
                    continue;
                }
                c.move_to(app, to)
            }
        };
        done.entry(app.clone()).or_default().push(told);
    }
    c.ats.state.take_webhooks()
}

fn pick(dice: &mut Dice, of: usize) -> usize {
    usize::try_from(dice.below(of as u64)).unwrap_or(0)
}

fn applied(c: &Company, names: &[&str]) -> Acts {
    let one = |name: &&str| (c.apply(name), vec![vec!["created".to_owned()]]);
    names.iter().map(one).collect()
}

#[tokio::test]
async fn the_past_is_read_in_silence_and_all_of_it_is_held() {
    let c = Company::with(
        Plan {
            people: 28,
            ..Plan::default()
        },
        |_| {},
    )
    .await;
    let ats = &c.ats.state;
    for (entity, theirs) in [
        ("candidate", ats.candidates().len()),
        ("application", ats.applications().len()),
        ("job", ats.jobs().len()),
        ("job_stage", ats.rows("interviewStage").len()),
        ("offer", ats.offers().len()),
        ("interview", ats.rows("interviewEvent").len()),
        ("scorecard", ats.rows("applicationFeedback").len()),
        ("user", ats.rows("user").len()),
        ("office", ats.rows("location").len()),
        ("reject_reason", ats.rows("archiveReason").len()),
        ("note", ats.rows("note").len()),
        ("opening", ats.rows("opening").len()),
    ] {
        assert_eq!(c.records(entity).await.len(), theirs, "{entity}");
    }
    let stays: usize = ats
        .applications()
        .iter()
        .map(|a| ats.history(a["id"].as_str().unwrap_or_default()).len())
        .sum();
    let kept = c.records("stage_transition").await;
    let staged = kept.iter().filter(|t| t["part"] == "stage");
    assert_eq!(staged.count(), stays, "the past is kept as history");
    assert_eq!(c.server.all("events").await, Vec::<Value>::new());
    assert_eq!(c.completeness().await, [0; 4]);
    c.poll().await;
    c.sync(&json!({"full": true})).await;
    assert_eq!(c.server.all("events").await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_a_form_asks_is_held_with_its_posting_and_the_answers_with_the_application() {
    let field = |id: &str, title: &str| json!({"isRequired": true, "field": {"id": id, "type": "String", "path": id, "title": title, "isNullable": false}});
    let form = json!({"sections": [
        {"title": "You", "fields": [field("q-1", "Why us?"), field("q-2", "Notice period")]},
        {"title": "More", "fields": [field("q-3", "Portfolio")]},
    ]});
    let c = Company::with(Plan::default(), |ats| {
        let submitted = json!([{"formDefinition": form, "submittedValues": {"q-1": "Made-up reasons", "q-3": "none"}}]);
        ats.drift("jobPosting", "applicationFormDefinition", Some(form.clone()));
        ats.drift("application", "applicationFormSubmissions", Some(submitted));
        let team = json!([{"userId": ats.rows("user")[0]["id"], "firstName": "Runa", "lastName": "Falk", "email": "runa.falk@lindenhof.example", "role": "Recruiter"}]);
        ats.drift("application", "hiringTeam", Some(team));
    })
    .await;
    let questions = c.records("question").await;
    let mut asked: Vec<&str> = questions
        .iter()
        .filter_map(|q| q["text"].as_str())
        .collect();
    asked.sort_unstable();
    assert_eq!(asked, ["Notice period", "Portfolio", "Why us?"]);
    for posting in c.records("job_posting").await {
        let ids = posting["question_ids"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        assert_eq!(ids.len(), 3, "{posting}");
        assert!(
            ids.iter()
                .all(|id| questions.iter().any(|q| q["id"] == *id))
        );
    }
    for app in c.records("application").await {
        assert_eq!(app["answers"][0]["question_text"], "Why us?", "{app}");
        assert_eq!(app["answers"][0]["value"], "Made-up reasons");
        assert_eq!(app["recruiter"]["name"], "Runa Falk");
    }
    assert_eq!(c.server.all("events").await, Vec::<Value>::new());
}

#[tokio::test]
async fn polls_alone_tell_each_act_in_order_even_of_one_instant() {
    let c = Company::start().await;
    let mut dice = Dice::new(5);
    let mut done = applied(&c, &["Nora", "Emil", "Ida"]);
    for pause in [0, 7] {
        work(&c, &mut dice, &mut done, 9, pause);
        c.poll().await;
        c.agrees(&format!("{pause} s between acts"), &done).await;
    }
    let late = c.told().await.into_values().flatten().any(|t| t.late);
    assert!(!late, "what one read tells is told in order");
    let before = c.server.all("events").await.len();
    c.sync(&json!({"full": true})).await;
    assert_eq!(c.server.all("events").await.len(), before);
}

/// A fifth of the webhooks is lost, a tenth comes twice, all in any order, some after the poll that found what they tell.
async fn unreliable_webhooks(seed: u64) {
    let c = Company::start().await;
    let mut dice = Dice::new(seed);
    let mut done = applied(&c, &["Nora", "Emil", "Ida", "Otto"]);
    let mut held_back = c.ats.state.take_webhooks();
    for _ in 0..4 {
        let mut hooks = work(&c, &mut dice, &mut done, 6, 0);
        hooks.append(&mut held_back);
        hooks.retain(|_| dice.below(5) > 0);
        let twice = hooks.clone().into_iter().filter(|_| dice.below(10) == 0);
        hooks.extend(twice.collect::<Vec<_>>());
        dice.shuffle(&mut hooks);
        held_back = hooks.split_off(hooks.len() * 2 / 3); // these come after the poll
        c.deliver(&hooks).await;
        c.poll().await;
        c.later(60);
    }
    c.deliver(&held_back).await;
    c.poll().await;
    c.agrees(&format!("seed {seed}"), &done).await;
    let before = c.server.all("events").await.len();
    c.poll().await;
    assert_eq!(c.server.all("events").await.len(), before, "seed {seed}");
}

#[tokio::test]
async fn webhooks_lost_doubled_and_shuffled_between_polls_tell_each_act_once() {
    unreliable_webhooks(21).await;
}

#[tokio::test]
async fn and_so_they_do_in_another_order() {
    unreliable_webhooks(22).await;
}

#[tokio::test]
async fn completeness_tells_what_webhooks_brought_and_what_only_a_poll_found() {
    let c = Company::start().await;
    let app = c.apply("Nora");
    c.deliver(&c.ats.state.take_webhooks()).await;
    c.until("it is told", || c.nothing_waits()).await;
    c.poll().await; // the person comes with the poll: nobody tells of a new candidate
    let [live, late, recovered, missed] = c.completeness().await;
    assert_eq!((live, late, missed), (1, 0, 0));
    let now = || async {
        let [l, t, r, m] = c.completeness().await;
        [l - live, t - late, r - recovered, m - missed]
    };
    c.later(60);
    c.move_to(&app, "Recruiter Screen");
    c.deliver(&c.ats.state.take_webhooks()).await;
    c.poll().await;
    assert_eq!(now().await, [1, 0, 0, 0], "both of its webhooks came");
    c.later(60);
    c.move_to(&app, "Code Review");
    c.ats.state.take_webhooks();
    c.poll().await;
    assert_eq!(now().await, [1, 0, 1, 0], "none came");
    c.later(60);
    c.move_to(&app, "System Design");
    let after = c.ats.state.take_webhooks();
    c.poll().await;
    c.deliver(&after).await;
    c.until("it is known", || c.nothing_waits()).await;
    assert_eq!(now().await, [1, 1, 1, 0], "they came after a poll had it");
    c.later(60);
    c.move_to(&app, "Team Day");
    c.ats.state.take_webhooks();
    c.later(60);
    c.move_to(&app, "Offer");
    c.deliver(&c.ats.state.take_webhooks()).await;
    c.poll().await;
    assert_eq!(
        now().await,
        [2, 1, 2, 0],
        "the read that a delivery asked for found the lost one too"
    );
}

#[tokio::test]
async fn a_sync_token_that_is_refused_means_one_read_of_everything_and_loses_nothing() {
    let c = Company::start().await;
    let mut dice = Dice::new(31);
    let mut done = applied(&c, &["Nora", "Emil", "Ida"]);
    c.poll().await;
    let reads = || async {
        let calls = c.server.all("calls").await;
        let listed = calls.iter().filter(|c| c["path"] == "/application.list");
        let codes = listed.map(|c| c["code"].as_str() == Some("SYNC-001"));
        let codes: Vec<bool> = codes.collect();
        (
            codes.iter().filter(|refused| **refused).count(),
            codes.len(),
        )
    };
    work(&c, &mut dice, &mut done, 8, 60);
    c.ats.state.expire_sync_tokens();
    let before = reads().await;
    c.poll().await;
    c.agrees("sync_token_expired", &done).await;
    let since = |now: (usize, usize), then: (usize, usize)| (now.0 - then.0, now.1 - then.1);
    let now = reads().await;
    assert_eq!(since(now, before), (1, 2), "refused, then read whole once");
    work(&c, &mut dice, &mut done, 8, 60);
    let refused = json!({"success": false, "errors": ["incremental_sync_too_large"], "errorInfo": {"code": "incremental_sync_too_large", "message": "Run a full sync", "requestId": "r"}});
    let answer = Fault::Answer {
        status: 200,
        body: Some(refused),
        retry_after: None,
    };
    c.ats
        .state
        .arm(Rule::next(1, "POST", "/application.list", answer));
    let before = reads().await;
    c.poll().await;
    c.agrees("incremental_sync_too_large", &done).await;
    assert_eq!(since(reads().await, before), (1, 2));
    work(&c, &mut dice, &mut done, 8, 60);
    let before = reads().await;
    c.poll().await;
    c.agrees("the new token", &done).await;
    let now = reads().await;
    assert_eq!(since(now, before), (0, 1), "the new token is taken");
    assert_eq!(c.server.all("failures").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_key_switched_off_is_one_clear_state_and_nothing_is_lost_meanwhile() {
    let c = Company::with(
        Plan {
            poll: "1s",
            ..Plan::default()
        },
        |_| {},
    )
    .await;
    c.ats.state.deactivate_key("demo-key");
    c.until("the connection needs a person", || async {
        c.connection().await["state"] == "needs_you"
    })
    .await;
    let failures = c.server.all("failures").await;
    let open: Vec<&str> = failures.iter().filter_map(|f| f["code"].as_str()).collect();
    assert_eq!(open, ["AUTH-002"], "{failures:?}");
    let mut dice = Dice::new(6);
    let mut done = applied(&c, &["Nora", "Emil"]);
    work(&c, &mut dice, &mut done, 8, 60);
    let alive = c.records("application").await;
    assert!(alive.iter().all(|r| r["deleted_at"].is_null()));
    c.ats.state.set_key(Key::new("demo-key"));
    let answer = c.server.post("connections/ashby/sync", &json!({})).await;
    assert!(answer.expect("the server answers").status < 300);
    c.agrees("what happened meanwhile", &done).await;
    assert_eq!(c.connection().await["state"], "working");
    let left = c.server.all("failures?state=open").await;
    assert_eq!(left, Vec::<Value>::new());
}

#[tokio::test]
async fn what_goes_is_marked_by_how_we_know_it() {
    let c = Company::start().await;
    let people: Vec<String> = ids(&c.ats.state.candidates());
    let theirs = |person: &str| {
        let all = c.ats.state.applications();
        let of = all.iter().filter(|a| a["candidate"]["id"] == person);
        ids(&of.cloned().collect::<Vec<_>>())
    };
    let (gone, moved) = (theirs(&people[3]), theirs(&people[4]));
    c.act(Act::DeleteCandidate {
        candidate_id: people[3].clone(),
    });
    c.act(Act::MergeCandidate {
        candidate_id: people[4].clone(),
        into_candidate_id: people[5].clone(),
    });
    c.deliver(&c.ats.state.take_webhooks()).await;
    for (who, why) in [(&people[3], "remote_deleted"), (&people[4], "merged")] {
        c.until(why, || async {
            c.record("candidate", who).await["deletion"]["reason"] == why
        })
        .await;
    }
    let kept = c.record("candidate", &people[5]).await["id"].clone();
    for app in &moved {
        c.until("it belongs to the person who is left", || async {
            c.record("application", app).await["candidate_id"] == kept
        })
        .await;
    }
    // no webhook tells of these: a whole list misses them, and a read by id finds nothing
    let app = ids(&c.ats.state.applications()).swap_remove(2);
    c.act(Act::DeleteApplication {
        application_id: app.clone(),
    });
    c.sync(&json!({"full": true, "accept_missing": true})).await;
    for app in gone.iter().chain([&app]) {
        c.until("it cannot be seen any more", || async {
            c.record("application", app).await["deletion"]["reason"] == "access_lost"
        })
        .await;
    }
    let events = c.server.all("events").await;
    let count = |kind: &str| events.iter().filter(|e| e["type"] == kind).count();
    assert_eq!(count("candidate.deleted"), 1);
    assert_eq!(count("candidate.merged"), 1);
    assert_eq!(
        count("application.deleted"),
        0,
        "what cannot be seen is not told as deleted"
    );
    c.sync(&json!({"full": true})).await;
    assert_eq!(c.server.all("events").await.len(), events.len());
}

fn ids(rows: &[Value]) -> Vec<String> {
    let id = |row: &Value| row["id"].as_str().map(str::to_owned);
    rows.iter().filter_map(id).collect()
}

#[tokio::test]
async fn what_is_protected_is_nowhere() {
    let mark = "PROTECTED-MARK";
    let mut c = Company::with(Plan::default(), |ats| {
        for (entity, title) in [
            ("application", "Which gender do you have?"),
            ("candidate", "Ethnicity"),
        ] {
            let field = json!([{"id": "f-1", "title": title, "value": mark}]);
            ats.drift(entity, "customFields", Some(field));
        }
    })
    .await;
    let app = c.apply("Nora");
    c.act(Act::SubmitSurvey {
        application_id: app.clone(),
        survey_type: "EEOC".into(),
        anonymous: false,
    });
    c.move_to(&app, "Recruiter Screen");
    let hooks = c.ats.state.take_webhooks();
    let marked = |bytes: &[u8]| bytes.windows(mark.len()).any(|w| w == mark.as_bytes());
    assert!(hooks.iter().any(|h| marked(&h.body)), "they carry it");
    c.deliver(&hooks).await;
    c.poll().await;
    assert!(c.record("application", &app).await["id"].is_string());
    stagewire_tests::nowhere(&mut c.server, mark).await;
}
