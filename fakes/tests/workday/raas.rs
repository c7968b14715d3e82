//! Reports are whole, stream from a snapshot, and look as their author wants.

use super::*;
use serde_json::json;

const DELTA: &str = "ATS_Applications_Delta";

fn applicant(requisition_id: u64) -> stagewire_fakes::workday::Applicant {
    stagewire_fakes::workday::Applicant {
        first_name: "Nora".into(),
        last_name: "Wick, \"the\" <Elder>".into(),
        email: Some("nora@example.com".into()),
        requisition_id,
        ..Default::default()
    }
}

#[tokio::test]
async fn a_report_is_whole_and_its_empty_cells_have_no_key() {
    let tenant = Tenant::start().await;
    let entries = tenant.report(DELTA, "format=json").await.entries();
    let books = tenant.fake().applications();
    assert_eq!(entries.len(), books.len());
    let keys: Vec<String> = books.iter().map(|row| row.key()).collect();
    assert_eq!(column(&entries, "Job_Application_ID"), keys);
    for (entry, row) in entries.iter().zip(&books) {
        let disposition = row.disposition.map(|why| json!(why.name));
        assert_eq!(
            entry.get("Disposition").cloned(),
            disposition,
            "{}",
            row.key()
        );
        assert_eq!(entry["Stage"], row.stage.name);
        assert!(
            entry
                .as_object()
                .unwrap()
                .values()
                .all(|cell| !cell.is_null())
        );
    }
    assert!(entries.iter().any(|entry| entry.get("Email").is_none()));
    let blank = Tenant::with(|options| Options {
        empty_as_blank: true,
        ..options
    })
    .await;
    let entries = blank.report(DELTA, "format=json").await.entries();
    assert!(entries.iter().all(|entry| entry["Disposition"].is_string()));
    assert!(entries.iter().any(|entry| entry["Disposition"] == ""));
}

#[tokio::test]
async fn several_values_are_one_text_and_groups_are_arrays() {
    let tenant = Tenant::start().await;
    let entries = tenant
        .report("ATS_Candidates", "format=json")
        .await
        .entries();
    let tags = column(&entries, "Candidate_Tags");
    assert!(tags.iter().any(|tags| tags.contains("; ")), "{tags:?}");
    let found = entries
        .iter()
        .find(|entry| entry["Candidate_ID"] == "C-1002");
    let group = found.unwrap()["Applications_group"].as_array().unwrap();
    assert_eq!(group.len(), 3);
    let single = entries
        .iter()
        .find(|entry| entry["Candidate_ID"] == "C-1001");
    assert_eq!(
        single.unwrap()["Applications_group"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let history = tenant
        .report("ATS_Stage_History", "format=json")
        .await
        .entries();
    let last = history
        .iter()
        .find(|entry| entry["Job_Application_ID"] == "JA-5007");
    let stays = last.unwrap()["Stage_History_group"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(stays.len(), 7);
    assert_eq!(stays[0]["Exited"], stays[1]["Entered"]);
    assert!(stays[6].get("Exited").is_none());
    for report in ["ATS_Requisitions", "ATS_Interviews", "ATS_Offers"] {
        assert!(
            !tenant
                .report(report, "format=json")
                .await
                .entries()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn the_window_of_the_prompts_is_closed_and_counts_in_instants() {
    let tenant = Tenant::start().await;
    tenant.wait(3600);
    tenant.fake().move_to(5001, None).unwrap();
    tenant.wait(60);
    tenant.fake().move_to(5002, None).unwrap();
    let moved = "2026-09-01T02:00:00.000-07:00";
    let entries = tenant
        .report(DELTA, &format!("format=json&Updated_From={moved}"))
        .await
        .entries();
    assert_eq!(
        column(&entries, "Job_Application_ID"),
        ["JA-5001", "JA-5002"]
    );
    assert_eq!(entries[0]["Last_Updated"], moved);
    let query =
        "format=json&Updated_From=2026-09-01T09:00:00Z&Updated_Through=2026-09-01T09:00:00Z";
    let one = tenant.report(DELTA, query).await.entries();
    assert_eq!(column(&one, "Job_Application_ID"), ["JA-5001"]);
    let day = tenant
        .report(DELTA, "format=json&Updated_From=2026-09-01-07:00")
        .await;
    assert_eq!(day.entries().len(), 2);
    let later = tenant
        .report(DELTA, "format=json&Updated_From=2026-09-01T09:01:00.001Z")
        .await;
    assert!(later.entries().is_empty());
    for wrong in [
        "Updated_From=soon",
        "Updated_Since=2026-09-01",
        "format=yaml",
    ] {
        let refused = tenant.report(DELTA, wrong).await;
        assert_eq!(refused.status, 400, "{wrong}");
        assert_eq!(
            refused.json()["errors"][0]["field"],
            wrong.split('=').next().unwrap()
        );
    }
}

#[tokio::test]
async fn a_reference_prompt_takes_a_wid() {
    let tenant = Tenant::start().await;
    let list = "/ccx/service/customreport2/lindenhof/abrandt/ATS_Applications_Delta";
    let xml = tenant
        .get(list, &basic("ISU_Stagewire", "demo-isu-password"))
        .await;
    let at = xml
        .text
        .find("<wd:Job_Requisition wd:Descriptor=\"R-102 ")
        .unwrap();
    let wid = &texts(&xml.text[at..].replace(" wd:type=\"WID\"", ""), "ID")[0];
    let query = format!("format=json&Job_Requisition%21WID={wid}");
    let entries = tenant.report(DELTA, &query).await.entries();
    let books = tenant.fake().applications();
    let count = books.iter().filter(|row| row.requisition_id == 102).count();
    assert_eq!(entries.len(), count);
    assert!(
        column(&entries, "Job_Requisition_ID")
            .iter()
            .all(|id| id == "R-102")
    );
    let wrong = tenant.report(DELTA, "Job_Requisition%21WID=R-102").await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn every_format_holds_the_same_rows() {
    let tenant = Tenant::start().await;
    let made = tenant.fake().apply(applicant(101)).unwrap();
    let count = tenant.fake().applications().len();
    let xml = tenant.report(DELTA, "").await;
    assert!(xml.header("content-type").starts_with("text/xml"));
    let root = "<wd:Report_Data xmlns:wd=\"urn:com.workday.report/ATS_Applications_Delta\">";
    assert!(xml.text.contains(root));
    assert_eq!(texts(&xml.text, "Report_Entry").len(), count);
    assert!(
        xml.text
            .contains("<wd:Stage wd:Descriptor=\"Review\"><wd:ID wd:type=\"WID\">")
    );
    assert!(xml.text.contains("Wick, &quot;the&quot; &lt;Elder&gt;"));
    assert!(!xml.text.contains("<wd:Disposition></wd:Disposition>"));
    let simple = tenant.report(DELTA, "format=simplexml").await;
    assert_eq!(texts(&simple.text, "Report_Entry").len(), count);
    assert!(simple.text.contains("<wd:Stage>Review</wd:Stage>"));
    assert!(!simple.text.contains("wd:Descriptor"));
    let csv = tenant.report(DELTA, "format=csv").await;
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), count + 1);
    assert!(lines[0].starts_with("Candidate_ID,Candidate_Name,"));
    assert!(lines[count].contains("\"Wick, \"\"the\"\" <Elder>\""));
    let key = format!("JA-{}", made.touched.application_id.unwrap());
    assert!(lines[count].contains(&key));
}

#[tokio::test]
async fn unknown_reports_owners_and_tenants_are_not_found() {
    let tenant = Tenant::start().await;
    assert_eq!(
        tenant.report("No_Such_Report", "format=json").await.status,
        404
    );
    let user = basic("ISU_Stagewire", "demo-isu-password");
    for path in [
        "lindenhof/somebody/ATS_Candidates",
        "other/abrandt/ATS_Candidates",
    ] {
        let path = format!("/ccx/service/customreport2/{path}");
        assert_eq!(tenant.get(&path, &user).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_author_renames_removes_and_breaks_columns() {
    let tenant = Tenant::start().await;
    tenant.fake().rename(DELTA, "Stage", "Recruiting_Stage");
    tenant.fake().drift(DELTA, "Email", None);
    tenant.fake().drift(DELTA, "Source", Some(json!(null)));
    tenant.fake().drift(DELTA, "Last_Updated", Some(json!(7)));
    tenant.fake().drift(DELTA, "Shoe_Size", Some(json!("44")));
    let entries = tenant.report(DELTA, "format=json").await.entries();
    for entry in &entries {
        assert!(entry.get("Stage").is_none() && entry["Recruiting_Stage"].is_string());
        assert!(entry.get("Email").is_none());
        assert!(entry.get("Source").unwrap().is_null());
        assert_eq!(
            (&entry["Last_Updated"], &entry["Shoe_Size"]),
            (&json!(7), &json!("44"))
        );
    }
    let other = tenant
        .report("ATS_Candidates", "format=json")
        .await
        .entries();
    assert!(other[0].get("Email").is_some());
    let csv = tenant.report(DELTA, "format=csv").await.text;
    let header = csv.lines().next().unwrap();
    assert!(header.contains("Recruiting_Stage") && !header.contains("Email"));
    assert!(header.ends_with("Shoe_Size"));
}

#[tokio::test]
async fn a_crowd_is_served_whole_in_windows_and_after_changes() {
    let tenant = Tenant::start().await;
    let before = tenant.fake().application_count();
    tenant.fake().seed_many(3000).unwrap();
    assert!(tenant.fake().seed_many(1).is_err());
    assert_eq!(tenant.fake().application_count(), before + 3000);
    let entries = tenant.report(DELTA, "format=json").await.entries();
    assert_eq!(entries.len() as u64, before + 3000);
    let ids: std::collections::BTreeSet<_> =
        column(&entries, "Job_Application_ID").into_iter().collect();
    assert_eq!(ids.len(), entries.len());
    let from = "2026-08-20T00:00:00Z";
    let late = tenant
        .report(DELTA, &format!("format=json&Updated_From={from}"))
        .await;
    let wanted = entries.iter().filter(|entry| {
        let at = Time::parse(entry["Last_Updated"].as_str().unwrap());
        at >= Time::parse(from)
    });
    assert_eq!(late.entries().len(), wanted.count());

    let crowd = column(&entries, "Candidate_ID").last().unwrap().clone();
    let candidate_id = crowd[2..].parse().unwrap();
    let application = tenant.fake().applications_of(candidate_id)[0].clone();
    tenant.wait(60);
    let act = stagewire_fakes::workday::Act::DeleteCandidate { candidate_id };
    tenant.fake().act(act).unwrap();
    let other = application.id - 1;
    let moved = tenant.fake().dispose(other, "Not a fit");
    let updated = tenant
        .report(DELTA, "format=json&Updated_From=2026-09-01T08:01:00Z")
        .await;
    assert_eq!(updated.entries().len(), usize::from(moved.is_ok()));
    let rest = tenant.report(DELTA, "format=json").await.entries();
    assert_eq!(rest.len() as u64, before + 2999);
    assert_eq!(tenant.fake().application_count(), before + 2999);
    assert!(!column(&rest, "Candidate_ID").contains(&crowd));
}

#[tokio::test]
async fn a_report_under_way_shows_the_moment_it_began_and_can_break_off() {
    let tenant = Tenant::start().await;
    tenant.fake().seed_many(6_000).unwrap();
    let path = "/ccx/service/customreport2/lindenhof/abrandt/ATS_Candidates?format=json";
    let user = basic("ISU_Stagewire", "demo-isu-password");
    let request = tenant.client.get(tenant.url(path));
    let response = request.header("authorization", &user).send().await.unwrap();
    let act = stagewire_fakes::workday::Act::DeleteCandidate { candidate_id: 1030 };
    tenant.fake().act(act).unwrap();
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let entries = body["Report_Entry"].as_array().unwrap().clone();
    assert!(column(&entries, "Candidate_ID").contains(&"C-1030".to_owned()));
    let after = tenant
        .report("ATS_Candidates", "format=json")
        .await
        .entries();
    assert_eq!(after.len() + 1, entries.len());

    tenant.fake().cut_next_report(500);
    let request = tenant.client.get(tenant.url(path));
    let response = request.header("authorization", &user).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.is_err(), "the report must break off");
    assert_eq!(
        tenant.report("ATS_Candidates", "format=json").await.status,
        200
    );
}
