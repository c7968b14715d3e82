//! Full reads: every list, its fields, its pages.

use std::collections::BTreeSet;

use serde_json::json;
use stagewire_fakes::ashby::Act;

use crate::fixture::{Fake, text};

const PAGED: [&str; 18] = [
    "application.list",
    "applicationFeedback.list",
    "candidate.list",
    "candidateTag.list",
    "closeReason.list",
    "customField.list",
    "department.list",
    "feedbackFormDefinition.list",
    "interview.list",
    "interviewPlan.list",
    "interviewSchedule.list",
    "job.list",
    "location.list",
    "offer.list",
    "opening.list",
    "project.list",
    "user.list",
    "surveySubmission.list",
];

#[tokio::test]
async fn every_paged_list_is_walked_once_and_ends_with_a_token() {
    let fake = Fake::start().await;
    for method in PAGED {
        let survey = method == "surveySubmission.list";
        let mut body = json!({"limit": 2});
        if survey {
            let application = fake.active().0;
            let act = Act::SubmitSurvey {
                application_id: application,
                survey_type: "Questionnaire".into(),
                anonymous: false,
            };
            fake.ats().act(act).unwrap();
            body["surveyType"] = json!("Questionnaire");
        }
        let small = fake.read(method, body.clone()).await;
        assert!(!small.rows.is_empty(), "{method} is empty");
        assert!(!small.token.is_empty(), "{method} gave no token");
        let unique: BTreeSet<String> = small.ids().into_iter().collect();
        assert_eq!(unique.len(), small.rows.len(), "{method}");
        body["limit"] = json!(100);
        let large = fake.read(method, body).await;
        assert_eq!(large.pages, 1);
        assert_eq!(large.rows, small.rows, "{method}");
    }
}

#[tokio::test]
async fn the_lists_that_are_not_paged_take_no_cursor() {
    let fake = Fake::start().await;
    let plan = text(&fake.ats().rows("interviewPlan")[0]["id"]);
    for (method, body, rows) in [
        ("archiveReason.list", json!({}), 3),
        ("source.list", json!({}), 4),
        ("jobPosting.list", json!({}), 6),
        ("jobPosting.list", json!({"listedOnly": true}), 5),
        ("interviewStage.list", json!({"interviewPlanId": plan}), 7),
        ("hiringTeamRole.list", json!({}), 3),
    ] {
        let page = fake.ok(method, body.clone()).await;
        assert_eq!(page["results"].as_array().unwrap().len(), rows, "{method}");
        assert!(page.get("syncToken").is_none(), "{method}");
        let mut with_cursor = body;
        with_cursor["cursor"] = json!("x");
        assert_eq!(fake.refused(method, with_cursor).await.1, "invalid_input");
    }
    let roles = fake.ok("hiringTeamRole.list", json!({})).await;
    assert_eq!(roles["results"][0], "Recruiter");
    let roles = fake
        .ok("hiringTeamRole.list", json!({"namesOnly": false}))
        .await;
    assert_eq!(roles["results"][0]["title"], "Recruiter");
}

#[tokio::test]
async fn a_list_takes_what_its_reference_names_and_nothing_else() {
    let fake = Fake::start().await;
    let token = fake.read("job.list", json!({})).await.token;
    for (method, body) in [
        ("user.list", json!({"createdAfter": 1})),
        ("closeReason.list", json!({"syncToken": token})),
        ("candidate.list", json!({"status": "Active"})),
        ("candidate.list", json!({"syncToken": token})),
        ("job.list", json!({"limit": 0})),
        ("job.list", json!({"limit": 101})),
        ("job.list", json!({"limit": "10"})),
        ("job.list", json!({"cursor": "nonsense"})),
        ("application.list", json!({"status": "Rejected"})),
        ("candidate.listNotes", json!({})),
        ("interviewEvent.list", json!({})),
        ("application.listHistory", json!({})),
        ("surveySubmission.list", json!({})),
        ("interviewStage.list", json!({})),
        ("candidate.search", json!({})),
    ] {
        let refused = fake.refused(method, body.clone()).await;
        assert_eq!(refused, (200, "invalid_input".into()), "{method} {body}");
    }
    // A null is as good as nothing.
    fake.ok("user.list", json!({"cursor": null, "syncToken": null}))
        .await;
}

#[tokio::test]
async fn rows_made_after_a_moment_and_rows_by_status() {
    let fake = Fake::start().await;
    let all = fake.read("application.list", json!({})).await;
    let middle = text(&all.rows[12]["createdAt"]);
    let ms = stagewire_fakes::Time::parse(&middle).unwrap().ms();
    let later = fake
        .read("application.list", json!({"createdAfter": ms, "limit": 5}))
        .await;
    assert_eq!(later.ids(), all.ids()[13..]);
    let archived = fake
        .read("application.list", json!({"status": "Archived"}))
        .await;
    let wanted = all
        .rows
        .iter()
        .filter(|row| row["status"] == "Archived")
        .count();
    assert!(wanted > 0 && archived.rows.len() == wanted);
    assert!(
        archived
            .rows
            .iter()
            .all(|row| row["archivedAt"].is_string())
    );
    let job = &all.rows[0]["job"]["id"];
    let of_job = fake.read("application.list", json!({"jobId": job})).await;
    assert!(of_job.rows.len() > 1 && of_job.rows.iter().all(|row| &row["job"]["id"] == job));
    let open = fake.read("job.list", json!({"status": ["Open"]})).await;
    assert_eq!(open.rows.len(), 5);
}

#[tokio::test]
async fn what_is_archived_or_switched_off_hides_until_asked_for() {
    let fake = Fake::start().await;
    let department = fake.ats().find("department", "name", "Design").unwrap();
    let user = fake.ats().find("user", "firstName", "Piet").unwrap();
    let act = Act::ArchiveDepartment {
        department_id: department,
    };
    fake.ats().act(act).unwrap();
    let act = Act::SetUserEnabled {
        user_id: user,
        enabled: false,
    };
    fake.ats().act(act).unwrap();
    let count = async |method, body| fake.read(method, body).await.rows.len();
    assert_eq!(count("department.list", json!({})).await, 2);
    assert_eq!(
        count("department.list", json!({"includeArchived": true})).await,
        3
    );
    assert_eq!(count("user.list", json!({})).await, 5);
    assert_eq!(
        count("user.list", json!({"includeDeactivated": true})).await,
        6
    );
}

#[tokio::test]
async fn single_reads_show_more_and_know_the_missing() {
    let fake = Fake::start().await;
    let (application, candidate) = fake.active();
    let body = json!({"applicationId": application});
    let info = fake.ok("application.info", body.clone()).await;
    let history = info["results"]["applicationHistory"].as_array().unwrap();
    assert_eq!(*history, fake.ats().history(&application));
    let small = fake
        .read(
            "application.listHistory",
            json!({"applicationId": application, "limit": 1}),
        )
        .await;
    assert_eq!(small.rows, *history);
    assert!(small.token.is_empty());
    assert!(history.last().unwrap().get("leftStageAt").is_none());
    let listed = fake.ats().application(&application).unwrap();
    assert!(listed.get("applicationHistory").is_none());

    let person = fake.ok("candidate.info", json!({"id": candidate})).await;
    let email = &person["results"]["primaryEmailAddress"]["value"];
    let found = fake.ok("candidate.search", json!({"email": email})).await;
    assert_eq!(found["results"][0]["id"], json!(candidate));
    let none = fake
        .ok(
            "candidate.search",
            json!({"email": email, "name": "Nobody"}),
        )
        .await;
    assert_eq!(none["results"], json!([]));
    let handle = &person["results"]["resumeFileHandle"]["handle"];
    let file = fake.ok("file.info", json!({"fileHandle": handle})).await;
    assert!(text(&file["results"]["url"]).starts_with("https://"));

    let refused = fake
        .refused("application.info", json!({"applicationId": candidate}))
        .await;
    assert_eq!(refused, (200, "application_not_found".into()));
    for (method, entity, field) in [
        ("job.info", "job", "id"),
        ("offer.info", "offer", "offerId"),
        ("opening.info", "opening", "openingId"),
        ("jobPosting.info", "jobPosting", "jobPostingId"),
        ("interviewStage.info", "interviewStage", "interviewStageId"),
        ("interview.info", "interview", "id"),
        ("user.info", "user", "userId"),
        ("department.info", "department", "departmentId"),
        ("location.info", "location", "locationId"),
        ("project.info", "project", "projectId"),
        ("customField.info", "customField", "customFieldId"),
        (
            "feedbackFormDefinition.info",
            "feedbackFormDefinition",
            "feedbackFormDefinitionId",
        ),
    ] {
        let row = fake.ats().rows(entity).remove(0);
        let mut body = json!({});
        body[field] = row["id"].clone();
        assert_eq!(fake.ok(method, body).await["results"], row, "{method}");
    }
}
