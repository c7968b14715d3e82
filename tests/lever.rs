//! A company whose ATS tells everything by lists: a first read with its past, then what people do, by polls and by webhooks that prove
//! nothing. The events are the acts, with the right stages on both sides; a key that is taken away is one clear state; what is deleted
//! is told once; nothing protected is anywhere.

use serde_json::{Value, json};
use stagewire_fakes::lever::{Act, Key, Webhook};
use stagewire_testkit::seed::Dice;
use stagewire_tests::lever::World;
use std::collections::BTreeMap;

#[tokio::test]
async fn the_past_is_read_in_silence_and_what_people_do_then_is_told_act_by_act() {
    let w = World::start().await;
    let held = w.records("application").await;
    let theirs = w.ats.state.opportunities();
    assert_eq!(held.len(), theirs.len(), "confidential ones too");
    assert_eq!(w.records("job").await.len(), w.ats.state.postings().len());
    let reasons: BTreeMap<String, Value> = w
        .ats
        .state
        .archive_reasons()
        .into_iter()
        .map(|r| (r["id"].as_str().unwrap_or_default().to_owned(), r))
        .collect();
    for row in &theirs {
        let id = row["id"].as_str().unwrap_or_default();
        let ours = held.iter().find(|r| r["remote_id"] == id).expect("held");
        let reason = row["archived"]["reason"]
            .as_str()
            .and_then(|r| reasons.get(r));
        let expected = match reason {
            None if row["applications"][0].is_null() => "lead",
            None => "active",
            Some(r) if r["type"] == "hired" => "hired",
            Some(r) => match r["text"].as_str().unwrap_or_default() {
                "Underqualified" => "rejected",
                "Withdrew" | "Offer declined" => "withdrawn",
                _ => "closed",
            },
        };
        assert_eq!(ours["status"], expected, "{row}");
        let person = w
            .record("candidate", row["contact"].as_str().unwrap_or_default())
            .await;
        assert_eq!(person["id"], ours["candidate_id"], "the person is held");
    }
    let told = w.server.all("events").await;
    let loud = told.iter().filter(|e| {
        e["type"]
            .as_str()
            .is_some_and(|t| t.starts_with("application."))
    });
    assert_eq!(loud.count(), 0, "the past makes no events");
    let moves: usize = theirs
        .iter()
        .filter_map(|o| o["stageChanges"].as_array().map(Vec::len))
        .sum();
    assert!(
        w.records("stage_transition").await.len() >= moves,
        "the past is kept as history"
    );

    let app = w.apply("Nora");
    let (screen, phone) = (w.stage("Recruiter screen"), w.stage("Phone interview"));
    w.ats.state.move_to(&app, &screen).expect("moved");
    w.ats.state.move_to(&app, &phone).expect("moved");
    w.until("both moves are told", || async {
        w.told(&app).await.len() >= 3
    })
    .await;
    let withdrew = w.reason("Withdrew");
    w.ats.state.archive(&app, &withdrew).expect("archived");
    w.until("the end is told", || async {
        w.told(&app).await.last().is_some_and(|l| l == "withdrawn")
    })
    .await;
    w.ats.state.unarchive(&app).expect("back");
    w.until("the return is told", || async {
        w.told(&app).await.last().is_some_and(|l| l == "reopened")
    })
    .await;
    w.ats.state.hire(&app).expect("hired");
    w.until("the hire is told", || async {
        w.told(&app).await.last().is_some_and(|l| l == "hired")
    })
    .await;
    assert_eq!(
        w.told(&app).await,
        [
            "created",
            "New applicant → Recruiter screen",
            "Recruiter screen → Phone interview",
            "withdrawn",
            "reopened",
            "hired",
        ]
    );
    let record = w.record("application", &app).await;
    let archived = w.ats.state.opportunity(&app).unwrap_or_default();
    let at = archived["archived"]["archivedAt"]
        .as_i64()
        .unwrap_or_default();
    let hired = record["hired_at"].as_str().unwrap_or_default();
    assert!(
        hired.ends_with(&format!(".{:03}Z", at % 1000)),
        "the vendor's own date: {hired}"
    );
    let before = w.server.all("events").await.len();
    w.polled().await;
    assert_eq!(
        w.server.all("events").await.len(),
        before,
        "the same answer again changes nothing"
    );
}

#[tokio::test]
async fn what_belongs_to_an_opportunity_comes_with_it_and_protected_answers_never() {
    let w = World::start().await;
    let app = w.apply("Nora");
    let user = w.ats.state.users()[0]["id"].clone();
    let user = user.as_str().unwrap_or_default().to_owned();
    let opportunity_id = app.clone();
    w.act(Act::AnswerEeo {
        opportunity_id: app.clone(),
    });
    w.act(Act::AddNote {
        opportunity_id,
        value: "A good first talk.".into(),
        user_id: Some(user.clone()),
        secret: true,
    });
    w.act(Act::SubmitFeedback {
        opportunity_id: app.clone(),
        user_id: user,
        rating: 4,
        interview_id: None,
        draft: false,
    });
    w.act(Act::CreateOffer {
        opportunity_id: app.clone(),
        salary: 71_250,
        requisition_id: None,
    });
    w.act(Act::Interact {
        opportunity_id: app.clone(),
    });
    w.until("all of it is held", || async {
        let id = w.record("application", &app).await["id"].clone();
        let mut there = !id.is_null();
        for entity in ["note", "scorecard", "offer"] {
            let all = w.records(entity).await;
            there &= all.iter().any(|r| r["application_id"] == id);
        }
        there
    })
    .await;
    let id = w.record("application", &app).await["id"].clone();
    let hidden = w.records("offer").await;
    let without = |o: &Value| {
        let mut redacted = o["meta"]["redacted"].as_array().into_iter().flatten();
        o["pay"] == json!([]) && redacted.any(|name| name == "pay")
    };
    assert!(hidden.iter().all(without), "it is restricted: {hidden:?}");
    let offers = w.server.all_restricted("records/offer").await;
    let offer = offers
        .iter()
        .find(|o| o["application_id"] == id)
        .expect("the offer");
    assert_eq!(
        offer["pay"][0]["exact"],
        json!({"amount": "71250", "currency": "EUR"})
    );
    let person = w.record("application", &app).await["candidate_id"].clone();
    let notes = w.records("note").await;
    let note = notes.iter().find(|n| n["application_id"] == id);
    assert_eq!(note.expect("the note")["candidate_id"], person);
    let people = w.records("candidate").await;
    let held = people.iter().find(|p| p["id"] == person).expect("held");
    let theirs = w.ats.state.opportunity(&app).unwrap_or_default();
    let count = |v: &Value| v.as_array().map_or(0, Vec::len);
    assert!(count(&theirs["tags"]) > 0, "{theirs}");
    assert_eq!(count(&held["tag_ids"]), count(&theirs["tags"]), "{held}");
    let asked = w.ats.state.requests();
    assert!(
        asked
            .keys()
            .all(|route| !route.contains("eeo") && !route.contains("survey")),
        "nobody asks for protected answers: {asked:?}"
    );
}

#[tokio::test]
async fn a_key_that_is_taken_away_is_one_state_and_nothing_is_lost_by_it() {
    let w = World::start().await;
    w.ats.state.revoke_key("demo-key");
    w.until("a person is asked for", || async {
        w.connection().await["state"] == "needs_you"
    })
    .await;
    let app = w.apply("Nora");
    let screen = w.stage("Recruiter screen");
    w.ats.state.move_to(&app, &screen).expect("moved");
    w.until("there is one failure, and no more", || async {
        let open = w.server.all("failures").await;
        open.iter().filter(|f| f["code"] == "AUTH-002").count() == 1
    })
    .await;
    assert!(
        w.records("application")
            .await
            .iter()
            .all(|r| r["deleted_at"].is_null()),
        "nothing is believed gone"
    );
    w.ats.state.add_key(Key::full("demo-key"));
    w.polled().await;
    w.until("it works and tells what happened meanwhile", || async {
        w.connection().await["state"] == "working" && w.told(&app).await.len() == 2
    })
    .await;
    assert_eq!(
        w.told(&app).await,
        ["created", "New applicant → Recruiter screen"]
    );
}

#[tokio::test]
async fn what_is_deleted_is_told_once_by_the_lists_of_deletions() {
    let w = World::of(6, "").await;
    let app = w.apply("Nora");
    w.until("it is held", || async { w.told(&app).await == ["created"] })
        .await;
    w.ats.state.delete(&app).expect("deleted");
    w.until("it is told", || async {
        w.told(&app).await == ["created", "deleted"]
    })
    .await;
    let record = w.record("application", &app).await;
    assert!(record["deleted_at"].is_string(), "{record}");
    let others = w.records("application").await;
    let gone = others.iter().filter(|r| r["deleted_at"].is_string());
    assert_eq!(gone.count(), 1);
    w.polled().await;
    assert_eq!(w.told(&app).await, ["created", "deleted"]);
}

#[tokio::test]
async fn webhooks_lost_doubled_and_shuffled_beside_polls_make_one_event_per_act() {
    let w = World::start().await;
    w.ats.state.take_webhooks();
    let mut dice = Dice::new(7);
    let stages = ["Recruiter screen", "Phone interview", "On-site interview"];
    let people: Vec<String> = ["Nora", "Emil", "Ida"].map(|n| w.apply(n)).into();
    let mut done: Vec<Vec<String>> = vec![vec!["created".into()]; people.len()];
    let mut at = vec!["New applicant"; people.len()];
    for round in 0..3 {
        for (who, app) in people.iter().enumerate() {
            let to = stages[(round + who) % 3];
            w.ats.state.move_to(app, &w.stage(to)).expect("moved");
            done[who].push(format!("{} → {to}", at[who]));
            at[who] = to;
        }
        let mut hooks = w.ats.state.take_webhooks();
        hooks.retain(|_| dice.below(3) > 0);
        let copies: Vec<Webhook> = hooks
            .iter()
            .filter(|_| dice.below(2) == 0)
            .cloned()
            .collect();
        hooks.extend(copies);
        dice.shuffle(&mut hooks);
        let statuses = w.deliver(&hooks).await;
        assert!(statuses.iter().all(|s| *s == 200), "{statuses:?}");
    }
    w.ats.state.hire(&people[0]).expect("hired");
    let withdrew = w.reason("Withdrew");
    w.ats
        .state
        .archive(&people[1], &withdrew)
        .expect("archived");
    done[0].push("hired".into());
    done[1].push("withdrawn".into());
    let last = w.ats.state.take_webhooks();
    w.deliver(&last).await;
    w.until("every act is told", || async {
        let mut all = true;
        for (who, app) in people.iter().enumerate() {
            all &= w.told(app).await.len() >= done[who].len();
        }
        all && w.server.all("deliveries?state=waiting").await.is_empty()
    })
    .await;
    w.polled().await;
    for (who, app) in people.iter().enumerate() {
        assert_eq!(w.told(app).await, done[who], "{who}");
    }
    let mut forged = last[0].clone();
    let text = String::from_utf8_lossy(&forged.body).replace(&people[0], &people[2]);
    forged.body = text.into_bytes().into();
    w.deliver(&[forged]).await;
    w.polled().await;
    assert_eq!(
        w.told(&people[2]).await,
        done[2],
        "a signature that covers no data moves nobody"
    );
}

#[tokio::test]
async fn what_belongs_to_an_opportunity_is_read_again_only_when_it_changed() {
    let w = World::of(6, "").await;
    let idle = || async {
        let answer = w.server.get("connections/lv/sync").await;
        answer.expect("the server answers").json()["waiting_reads"] == 0
    };
    let children = || {
        let lists = [
            "files",
            "feedback",
            "interviews",
            "notes",
            "offers",
            "resumes",
        ];
        let all = w.ats.state.requests();
        lists.map(|list| {
            let end = format!("/opportunities/{{id}}/{list}");
            let of = all.iter().filter(|(route, _)| route.ends_with(&end));
            of.map(|(_, n)| n).sum::<u64>()
        })
    };
    let app = w.apply("Nora");
    w.until("everything is read", || async {
        w.told(&app).await == ["created"] && idle().await
    })
    .await;
    let before = children();
    assert!(
        before.iter().all(|n| *n > 0),
        "{before:?}: {:?}",
        w.ats.state.requests()
    );
    let polls = || w.ats.state.requests()["GET /v1/opportunities"];
    let polled = polls();
    for _ in 0..3 {
        w.polled().await;
    }
    w.until("the same rows came again", || async {
        polls() >= polled + 3 && idle().await
    })
    .await;
    assert_eq!(children(), before, "nothing changed, nothing is read again");
    let screen = w.stage("Recruiter screen");
    w.ats.state.move_to(&app, &screen).expect("moved");
    w.until("the move is told", || async {
        w.told(&app).await.len() == 2 && idle().await
    })
    .await;
    w.polled().await;
    w.until("it is over", &idle).await;
    assert_eq!(
        children(),
        before.map(|n| n + 1),
        "once, for the one that changed"
    );
}

#[tokio::test]
async fn what_a_person_confirms_about_an_archive_reason_counts_before_any_guess() {
    let w = World::of(
        6,
        "archive_reasons = \"Underqualified = candidate_withdrew\"",
    )
    .await;
    let reason = w.reason("Underqualified");
    let held = w.record("reject_reason", &reason).await;
    assert_eq!(held["kind_source"], "confirmed", "{held}");
    let app = w.apply("Nora");
    w.ats.state.archive(&app, &reason).expect("archived");
    w.until("the end is told as they say", || async {
        w.told(&app).await == ["created", "withdrawn"]
    })
    .await;
}

#[tokio::test]
async fn what_is_protected_is_nowhere() {
    let mark = "PROTECTED-MARK";
    let mut w = World::of(6, "").await;
    let app = w.apply("Nora");
    let asked = json!([
        {"type": "text", "text": "What is your gender?", "value": mark},
        {"type": "text", "text": "What went well?", "value": "A made-up answer"},
    ]);
    w.ats.state.drift("feedback", "fields", Some(asked));
    w.act(Act::SubmitFeedback {
        opportunity_id: app.clone(),
        user_id: w.ats.state.users()[0]["id"]
            .as_str()
            .unwrap_or_default()
            .into(),
        rating: 4,
        interview_id: None,
        draft: false,
    });
    w.act(Act::Interact {
        opportunity_id: app.clone(),
    });
    w.until("the feedback is held", || async {
        let id = w.record("application", &app).await["id"].clone();
        let all = w.records("scorecard").await;
        all.iter()
            .any(|s| s["application_id"] == id && s["answers"][0]["value"] == "A made-up answer")
    })
    .await;
    stagewire_tests::nowhere(&mut w.server, mark).await;
}
