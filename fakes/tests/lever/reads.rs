//! Lists, pages, windows, what is shown and what is left out.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stagewire_fakes::lever::{Act, Applicant, PostingPlan};

use super::Ats;

fn ids(rows: &[Value]) -> Vec<String> {
    let ids = rows.iter().map(|row| row["id"].as_str().unwrap());
    ids.map(String::from).collect()
}

#[tokio::test]
async fn every_list_is_walked_once_in_pages_of_any_size() {
    let ats = Ats::start().await;
    for path in [
        "/opportunities?confidentiality=all",
        "/postings?distributionChannel=public&distributionChannel=internal",
        "/requisitions?confidentiality=all",
        "/users?includeDeactivated=true",
        "/stages?expand=",
        "/archive_reasons?type=non-hired",
    ] {
        let path = path.replace("?expand=", "?limit=100");
        let one = ats
            .walk(&format!("{path}&limit=3").replace("limit=100&", ""))
            .await;
        assert!(one.len() > 3 || path.contains("requisitions"), "{path}");
        let distinct: BTreeSet<String> = ids(&one).into_iter().collect();
        assert_eq!(distinct.len(), one.len(), "{path}");
        let whole = ats.get(&path).await.json();
        assert_eq!(whole["data"], json!(one), "{path}");
    }
    let all = ats.walk("/opportunities?confidentiality=all&limit=7").await;
    assert_eq!(all.len() as u64, ats.fake().opportunity_count());
}

#[tokio::test]
async fn limits_and_offsets_are_the_vendors_to_make() {
    let ats = Ats::start().await;
    for bad in [
        "limit=0",
        "limit=101",
        "limit=ten",
        "offset=abc",
        "per_page=5",
    ] {
        let refused = ats.get(&format!("/opportunities?{bad}")).await;
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.json()["code"].is_string() && refused.json()["message"].is_string());
    }
    let first = ats.get("/opportunities?limit=5").await.json();
    let next = first["next"].as_str().unwrap();
    // Bound to its list and filters, though not to the size of the page.
    assert_eq!(
        ats.page("/opportunities?limit=2", Some(next)).await.status,
        200
    );
    for other in ["/opportunities?confidentiality=all", "/postings"] {
        let refused = ats.page(other, Some(next)).await;
        assert_eq!(refused.status, 400, "{other}");
        let message = refused.json()["message"].as_str().unwrap().to_string();
        assert!(message.contains("Invalid offset token"), "{message}");
    }
    ats.fake().end_offsets();
    let stale = ats.page("/opportunities", Some(next)).await;
    assert_eq!(stale.status, 400);
    ats.fake().set_offset_life(Some(60_000));
    let first = ats.get("/opportunities?limit=5").await.json();
    let next = first["next"].as_str().unwrap();
    ats.later(60);
    assert_eq!(ats.page("/opportunities", Some(next)).await.status, 200);
    ats.later(1);
    assert_eq!(ats.page("/opportunities", Some(next)).await.status, 400);
}

#[tokio::test]
async fn windows_hold_both_ends_and_untouched_records_are_in_none() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let at = ats.of(&id, "updatedAt").as_i64().unwrap();
    let found = async |from: i64, to: i64| {
        let path = format!("/opportunities?updated_at_start={from}&updated_at_end={to}");
        ids(&ats.walk(&path).await).contains(&id)
    };
    assert!(found(at, at).await);
    assert!(!found(at + 1, at + 9).await);
    assert!(!found(at - 9, at - 1).await);

    let all = ats.walk("/opportunities").await;
    let old = all.iter().filter(|row| row["updatedAt"].is_null()).count();
    assert_eq!(old, 4);
    let touched = ats.walk("/opportunities?updated_at_start=0").await;
    assert_eq!(touched.len() + old, all.len());
    for (name, field) in [
        ("created_at", "createdAt"),
        ("advanced_at", "lastAdvancedAt"),
    ] {
        let mut times: Vec<i64> = all.iter().filter_map(|row| row[field].as_i64()).collect();
        times.sort_unstable();
        let middle = times[times.len() / 2];
        let rows = ats
            .walk(&format!("/opportunities?{name}_start={middle}"))
            .await;
        let expected = times.iter().filter(|at| **at >= middle).count();
        assert_eq!(rows.len(), expected, "{name}");
    }
    let archived = ats.walk("/opportunities?archived_at_start=0").await;
    assert!(!archived.is_empty());
    assert!(
        archived
            .iter()
            .all(|row| row["archived"]["archivedAt"].is_i64())
    );
}

#[tokio::test]
async fn people_are_reached_by_id_only_and_a_missing_one_is_named() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let contact = ats.of(&id, "contact");
    let contact = contact.as_str().unwrap();
    let shown = ats.get(&format!("/contacts/{contact}")).await.json();
    assert_eq!(shown["data"]["name"], "Dora Quist");
    assert_eq!(ats.get("/contacts").await.status, 404);
    let missing = "a80bbbe0-d4dd-4eac-8dbf-302345414f93";
    let refused = ats.get(&format!("/stages/{missing}")).await;
    assert_eq!(refused.status, 404);
    assert_eq!(
        refused.json(),
        json!({
            "code": "ResourceNotFound",
            "message": format!("stages {missing} was not found"),
        })
    );
}

#[tokio::test]
async fn postings_hide_internal_ones_and_their_window_stands_alone() {
    let ats = Ats::start().await;
    let texts = async |path: &str| -> BTreeSet<String> {
        let rows = ats.walk(path).await;
        let texts = rows.iter().map(|row| row["text"].as_str().unwrap());
        texts.map(String::from).collect()
    };
    let public = texts("/postings").await;
    assert!(!public.contains("People Partner") && public.contains("Office Manager"));
    let both = texts("/postings?distributionChannel=public&distributionChannel=internal").await;
    assert!(both.contains("People Partner"));
    assert!(
        !texts("/postings?state=published")
            .await
            .contains("Office Manager")
    );
    assert_eq!(
        ats.get("/postings?updated_at_start=0&confidentiality=all")
            .await
            .status,
        200
    );
    let refused = ats
        .get("/postings?updated_at_start=0&distributionChannel=public")
        .await;
    assert_eq!(refused.status, 400);
    let refused = ats.get("/requisitions?updated_at_start=0").await;
    assert_eq!(refused.status, 400);

    let done = ats.fake().act(Act::AddPosting(PostingPlan {
        text: "Porter".into(),
        ..PostingPlan::default()
    }));
    let id = done.unwrap().touched.row_id.unwrap();
    ats.fake()
        .act(Act::DeletePosting {
            posting_id: id.clone(),
        })
        .unwrap();
    assert!(!texts("/postings").await.contains("Porter"));
    let gone = ats.walk("/postings/deleted").await;
    assert_eq!(ids(&gone), [id]);
}

#[tokio::test]
async fn deleted_records_leave_the_lists_and_stand_in_their_own() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let application = ats.of(&id, "applications")[0].clone();
    ats.later(5);
    let user = ats.user();
    ats.fake()
        .act(Act::DeleteOpportunity {
            opportunity_id: id.clone(),
            user_id: Some(user.clone()),
        })
        .unwrap();
    assert_eq!(ats.get(&format!("/opportunities/{id}")).await.status, 404);
    assert!(!ids(&ats.walk("/opportunities").await).contains(&id));
    let now = ats.clock.now().ms();
    let gone = ats
        .walk(&format!("/opportunities/deleted?deleted_at_start={now}"))
        .await;
    assert_eq!(ids(&gone), [id]);
    assert_eq!(gone[0]["deletedAt"], now);
    assert_eq!(gone[0]["deletedBy"], json!(user));
    let path = format!("/opportunities/deleted?deleted_at_end={}", now - 1);
    assert!(ats.walk(&path).await.is_empty());
    let gone = ats.walk("/applications/deleted").await;
    assert_eq!(gone[0]["id"], application);
}

#[tokio::test]
async fn stages_come_in_no_order_and_some_ids_are_words() {
    let ats = Ats::start().await;
    let ranked = ats.get("/disposition_stages").await.json();
    assert!(ranked.get("hasNext").is_none());
    let ranked = ranked["data"].as_array().unwrap().clone();
    assert_eq!(ranked[0]["id"], "lead-new");
    assert_eq!(
        (&ranked[0]["pipeline"], &ranked[0]["rank"]),
        (&json!("lead"), &json!(0))
    );
    let plain = ats.walk("/stages").await;
    assert!(plain.iter().all(|row| row.as_object().unwrap().len() == 2));
    assert_ne!(ids(&plain), ids(&ranked));
}

#[tokio::test]
async fn tags_and_sources_are_counted_words() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let count = async |path: &str, text: &str| {
        let rows = ats.walk(path).await;
        let row = rows.iter().find(|row| row["text"] == text);
        row.map(|row| row["count"].as_u64().unwrap())
    };
    let before = count("/tags", "Backend Engineer").await.unwrap();
    assert_eq!(count("/tags", "keen").await, None);
    let tag = |tag: &str| Act::Tag {
        opportunity_id: id.clone(),
        tag: tag.into(),
    };
    ats.fake().act(tag("keen")).unwrap();
    ats.fake().act(tag("Keen")).unwrap();
    assert_eq!(count("/tags", "keen").await, Some(1), "case matters");
    ats.fake().delete(&id).unwrap();
    assert_eq!(count("/tags", "keen").await, None);
    assert_eq!(count("/tags", "Backend Engineer").await, Some(before - 1));
    assert!(count("/sources", "Referral").await.is_some());
}

#[tokio::test]
async fn what_hangs_on_an_opportunity_does_not_move_its_date() {
    let ats = Ats::start().await;
    let id = ats.somebody();
    let (user, before) = (ats.user(), ats.of(&id, "updatedAt"));
    ats.later(100);
    let opportunity_id = || id.clone();
    let interview = Act::ScheduleInterview {
        opportunity_id: opportunity_id(),
        date: ats.clock.now().plus_secs(3600),
        user_id: None,
    };
    let interview = ats.fake().act(interview).unwrap().touched.row_id;
    for act in [
        Act::AddNote {
            opportunity_id: opportunity_id(),
            value: "Hello".into(),
            user_id: None,
            secret: false,
        },
        Act::SubmitFeedback {
            opportunity_id: opportunity_id(),
            user_id: user,
            rating: 3,
            interview_id: interview,
            draft: true,
        },
        Act::CreateOffer {
            opportunity_id: opportunity_id(),
            salary: 50_000,
            requisition_id: None,
        },
        Act::AddFile {
            opportunity_id: opportunity_id(),
            name: "cv.pdf".into(),
            resume: true,
            broken: true,
        },
    ] {
        ats.fake().act(act).unwrap();
    }
    assert_eq!(ats.of(&id, "updatedAt"), before);
    assert_eq!(ats.of(&id, "lastInteractionAt"), before);
    for child in [
        "notes",
        "feedback",
        "offers",
        "resumes",
        "interviews",
        "panels",
    ] {
        let rows = ats.walk(&format!("/opportunities/{id}/{child}")).await;
        assert_eq!(rows.len(), 1, "{child}");
        let one = rows[0]["id"].as_str().unwrap();
        let one = ats.get(&format!("/opportunities/{id}/{child}/{one}")).await;
        assert_eq!(one.json()["data"], rows[0], "{child}");
    }
    let draft = &ats.walk(&format!("/opportunities/{id}/feedback")).await[0];
    assert_eq!(draft["completedAt"], Value::Null);
    let resume = &ats.walk(&format!("/opportunities/{id}/resumes")).await[0];
    let resume = resume["id"].as_str().unwrap();
    let path = format!("/opportunities/{id}/resumes/{resume}/download");
    assert_eq!(ats.get(&path).await.status, 422);

    ats.fake()
        .act(Act::Interact {
            opportunity_id: opportunity_id(),
        })
        .unwrap();
    let now = json!(ats.clock.now().ms());
    assert_eq!(ats.of(&id, "lastInteractionAt"), now);
    assert_eq!(ats.of(&id, "updatedAt"), now);
}

#[tokio::test]
async fn users_who_left_are_shown_on_request() {
    let ats = Ats::start().await;
    assert_eq!(ats.walk("/users").await.len(), 6);
    let all = ats.walk("/users?includeDeactivated=true&limit=2").await;
    let gone: Vec<_> = all
        .iter()
        .filter(|row| row["deactivatedAt"].is_i64())
        .collect();
    assert_eq!((all.len(), gone.len()), (7, 1));
}

#[tokio::test]
async fn a_second_candidacy_of_one_person_shares_the_contact() {
    let ats = Ats::start().await;
    let first = ats.apply("Dora Quist", "dora.quist@example.com").touched;
    let lead = ats.fake().apply(Applicant {
        name: "D. Q.".into(),
        email: Some("Dora.Quist@example.com".into()),
        ..Applicant::default()
    });
    let lead = lead.unwrap().touched;
    assert_eq!(lead.contact_id, first.contact_id);
    assert_ne!(lead.opportunity_id, first.opportunity_id);
    let lead = lead.opportunity_id.unwrap();
    assert_eq!(ats.of(&lead, "name"), "Dora Quist", "what is known wins");
    assert_eq!(ats.of(&lead, "applications"), json!([]));
    assert_ne!(
        ats.fake().applications()[6]["candidateId"],
        ats.of(&lead, "id")
    );
}
