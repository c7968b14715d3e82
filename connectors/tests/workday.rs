//! What the reports of a Workday tenant become, where a snapshot alone would not say why.

use serde_json::{Value, json};
use stagewire_connector::{
    Ask, Connector, Mapped, Outcome, Response, ScanError, Settings, conformance::NOW,
};
use stagewire_model::{Entity, Micros, Observation};
use std::fs;
use std::path::PathBuf;

fn workday() -> Connector {
    let (name, files) = stagewire_connectors::built_in()
        .into_iter()
        .find(|(n, _)| *n == "workday")
        .expect("the folder");
    Connector::load(name, &files).expect("it loads")
}

fn settings() -> Settings {
    [
        ("host", "wd0.example.com"),
        ("tenant", "harbour"),
        ("report_owner", "wim aerts"),
        ("report_applications", "ATS_Applications_Delta"),
        ("client_id", "id"),
        ("client_secret", "secret"),
        ("refresh_token", "refresh"),
    ]
    .into_iter()
    .fold(Settings::default(), |s, (k, v)| s.with(k, v))
}

fn fixture(stream: &str) -> Vec<Mapped> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("workday/fixtures/streams/{stream}.http"));
    let text = fs::read_to_string(path).expect("a fixture");
    read(
        stream.split('.').next().unwrap_or_default(),
        text.split_once("\n\n").expect("a body").1,
    )
}

/// A report's body, read as the stream reads it.
fn read(stream: &str, body: &str) -> Vec<Mapped> {
    let c = workday();
    let stream = c.stream(stream).expect("a stream");
    let all = settings()
        .with("report_candidates", "C")
        .with("report_requisitions", "R")
        .with("report_history", "H")
        .with("report_interviews", "I")
        .with("report_offers", "O");
    let request = c.first_page(stream, &all, &Ask::Full).expect("a request");
    let answer = Response {
        status: 200,
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    let (rows, _) = c.rows(stream, &request, &answer).expect("rows");
    rows.iter().map(|r| c.map_row(stream, r)).collect()
}

fn row(stream: &str, row: &Value) -> Mapped {
    read(stream, &json!({ "Report_Entry": [row] }).to_string()).remove(0)
}

fn application(more: Value) -> Mapped {
    let mut base = json!({"Job_Application_ID": "JA-1", "Candidate_ID": "C-1", "Job_Requisition_ID": "R-1", "Stage": "Screen", "Applied_At": "2026-11-19T07:00:00.000-08:00",
        "Status_Timestamp": "2026-11-20T07:00:00.000-08:00", "Last_Updated": "2026-11-20T07:00:00.000-08:00"});
    let (Some(map), Value::Object(more)) = (base.as_object_mut(), more) else {
        panic!("objects");
    };
    map.extend(more);
    row("applications", &base)
}

fn of(mapped: &Mapped, entity: Entity) -> Vec<&Observation> {
    let all = mapped.observations.iter();
    all.filter(|o| o.entity == entity).collect()
}

#[test]
fn hired_rejected_and_withdrawn_are_told_apart_by_who_ended_it() {
    let status = |more: Value| application(more).observations[0].fields["status"].clone();
    assert_eq!(status(json!({})), json!("active"));
    let no = json!({"Disposition": "Not a fit", "Disposition_By": "Company"});
    assert_eq!(status(no), json!("rejected"));
    let gone = json!({"Disposition": "Took another offer", "Disposition_By": "Candidate"});
    assert_eq!(status(gone), json!("withdrawn"));
    let untold = json!({"Disposition": "Not a fit"});
    assert_eq!(status(untold), json!("closed"), "nobody said who ended it");
    let hired = json!({"Stage": "Ready for Hire"});
    assert_eq!(status(hired), json!("hired"));
    let fell_through =
        json!({"Stage": "Ready for Hire", "Disposition": "X", "Disposition_By": "Candidate"});
    assert_eq!(status(fell_through), json!("withdrawn"));
}

#[test]
fn an_absent_cell_and_an_empty_text_both_mean_empty() {
    let absent = application(json!({}));
    let blank = application(json!({"Disposition": "", "Source": "", "Referred_By": ""}));
    assert_eq!(absent, blank);
    assert_eq!(
        absent.observations[0].fields["reject_reason_id"],
        Value::Null
    );
    assert_eq!(absent.drift, []);
    assert!(
        !absent.observations[0].fields.contains_key("answers"),
        "a report need not hold the questionnaire"
    );
    let person = json!({"Candidate_ID": "C-1", "Last_Updated": "2026-11-20T07:00:00.000-08:00"});
    let person = row("candidates", &person);
    assert_eq!(person.observations[0].fields["emails"], json!([]));
    assert_eq!(person.observations[0].fields["tag_ids"], json!([]));
}

#[test]
fn a_renamed_column_is_told_and_changes_nothing() {
    let renamed = application(json!({"Why_It_Ended": "Not a fit"}));
    let fields = &renamed.observations[0].fields;
    for field in [
        "status",
        "status_raw",
        "reject_reason_id",
        "source_id",
        "custom_fields",
    ] {
        assert!(
            !fields.contains_key(field),
            "{field} rests on what is absent"
        );
    }
    assert_eq!(fields["stage_id"]["id"], "Screen", "what is there is read");
    let told: Vec<_> = renamed
        .drift
        .iter()
        .map(|d| (d.path.as_str(), d.code.as_str()))
        .collect();
    assert_eq!(told, [("Why_It_Ended", "unknown_column")]);
    let stage = fixture("applications.renamed").remove(1);
    assert!(!stage.observations[0].fields.contains_key("stage_id"));
    assert!(
        stage
            .drift
            .iter()
            .any(|d| d.path == "Stage" && d.code == "missing")
    );
}

#[test]
fn several_values_in_one_cell_are_several_and_one_is_one() {
    let person = &fixture("candidates")[0];
    let tags: Vec<_> = of(person, Entity::Tag)
        .iter()
        .map(|t| t.remote_id.clone())
        .collect();
    assert_eq!(tags, ["relocates", "silver medalist"]);
    assert_eq!(
        person.observations[0].fields["emails"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let one = json!({"Candidate_ID": "C-1", "Last_Updated": "2026-11-20T07:00:00.000-08:00", "Candidate_Tags": "relocates"});
    assert_eq!(of(&row("candidates", &one), Entity::Tag).len(), 1);
}

#[test]
fn a_stay_is_the_same_one_in_every_time_zone() {
    let stay = |entered: &str| {
        let report = json!({"Job_Application_ID": "JA-1", "Stage_History_group": [{"Stage": "Review", "Entered": entered}]});
        row("stage_history", &report).observations.remove(0)
    };
    let (pacific, utc) = (
        stay("2026-10-02T09:30:00.000-07:00"),
        stay("2026-10-02T16:30:00.000Z"),
    );
    assert_eq!(pacific, utc);
    assert_eq!(
        pacific.remote_id,
        "Entered=2026-10-02T16%3A30%3A00.000Z&Job_Application_ID=JA-1"
    );
    assert_eq!(
        pacific.fields["application_id"],
        json!({"$ref": "application", "id": "JA-1"})
    );
    assert_ne!(
        stay("2026-10-02T09:30:00.001-07:00").remote_id,
        pacific.remote_id
    );
    let at = "2026-10-02T09:30:00.000-07:00";
    let stays = json!([{"Stage": "Review", "Entered": at}, {"Stage": "Screen", "Entered": at}]);
    let both = row(
        "stage_history",
        &json!({"Job_Application_ID": "JA-1", "Stage_History_group": stays}),
    );
    let ids: Vec<_> = both
        .observations
        .iter()
        .map(|o| o.remote_id.clone())
        .collect();
    assert_eq!(
        ids,
        [
            pacific.remote_id.clone(),
            format!("{}.1", pacific.remote_id)
        ]
    );
}

#[test]
fn a_list_of_one_may_come_as_the_one_and_an_empty_report_is_no_failure() {
    let stay = json!({"Stage": "Review", "Entered": "2026-10-02T09:30:00.000-07:00"});
    let one = |group: Value| {
        row(
            "stage_history",
            &json!({"Job_Application_ID": "JA-1", "Stage_History_group": group}),
        )
    };
    assert_eq!(one(json!([stay.clone()])), one(stay));
    let team = |group: Value| {
        let job = json!({"Job_Requisition_ID": "R-1", "Job_Posting_Title": "Miller", "Job_Requisition_Status": "Open",
            "Last_Updated": "2026-11-20T07:00:00.000-08:00", "Hiring_Team_group": group});
        row("requisitions", &job).observations[0].fields["hiring_team"].clone()
    };
    let person = json!({"Role": "Recruiter", "Worker": "Wim Aerts"});
    assert_eq!(team(json!([person.clone()])), team(person));
    let whole = json!({"Report_Entry": {"Candidate_ID": "C-1", "Last_Updated": "2026-11-20T07:00:00.000-08:00"}});
    assert_eq!(read("candidates", &whole.to_string()).len(), 1);
    assert!(read("candidates", "{\"Report_Entry\":[]}").is_empty());
}

#[test]
fn a_day_is_read_in_each_form_and_a_moment_without_a_zone_is_put_aside() {
    let offer = |start: &str, updated: &str| {
        let o = json!({"Offer_ID": "OFR-1", "Job_Application_ID": "JA-1", "Offer_Status": "Extended", "Start_Date": start, "Last_Updated": updated});
        row("offers", &o)
    };
    let zoned = "2026-11-20T07:00:00.000-08:00";
    for start in ["2027-01-04", "2027-01-04-08:00", "01/04/2027"] {
        assert_eq!(
            offer(start, zoned).observations[0].fields["start_date"],
            "2027-01-04"
        );
    }
    let odd = offer("4 January", "2026-11-20T07:00:00.000");
    assert_eq!(odd.observations[0].remote_id, "OFR-1");
    assert_eq!(odd.observations[0].dates, []);
    assert!(!odd.observations[0].fields.contains_key("remote_updated_at"));
    let told: Vec<_> = odd
        .drift
        .iter()
        .map(|d| (d.path.as_str(), d.code.as_str()))
        .collect();
    assert!(
        told.contains(&("Start_Date", "unreadable_date")),
        "{told:?}"
    );
    assert!(
        told.contains(&("Last_Updated", "unreadable_date")),
        "{told:?}"
    );
}

#[test]
fn pay_is_exact_or_left_out_and_a_bad_value_costs_only_its_field() {
    let offer = fixture("offers").remove(0);
    let pay = &offer.observations[0].fields["pay"];
    assert_eq!(
        pay[0]["exact"],
        json!({"amount": "52000.50", "currency": "EUR"})
    );
    assert_eq!(pay[1]["exact"], json!({"currency": "EUR"}));
    assert_eq!(offer.drift.len(), 1);
    let odd = application(json!({"Status_Timestamp": "soon", "Disposition": ["x"]}));
    assert_eq!(odd.observations[0].remote_id, "JA-1", "the record is kept");
    assert!(odd.drift.iter().any(|d| d.code == "unreadable_date"));
}

#[test]
fn nothing_protected_comes_out_of_a_report() {
    for stream in ["applications", "candidates", "interviews"] {
        let told = serde_json::to_string(&fixture(stream)).expect("json");
        assert!(!told.contains("MARK-PROTECTED"), "{stream}: {told}");
    }
    let asked = fixture("applications").remove(0);
    assert_eq!(
        asked.observations[0].fields["answers"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_window_is_asked_by_the_reports_own_prompts_and_a_missing_report_is_left_out() {
    let (c, settings) = (workday(), settings());
    let stream = c.stream("applications").expect("a stream");
    let ask = Ask::Range {
        from: Micros(0),
        to: NOW,
    };
    let request = c.first_page(stream, &settings, &ask).expect("a request");
    assert_eq!(
        request.url,
        "https://wd0.example.com/ccx/service/customreport2/harbour/wim%20aerts/ATS_Applications_Delta?format=json&Updated_From=1970-01-01T00:00:00.000Z&Updated_Through=2026-11-24T12:00:00.000Z"
    );
    assert_eq!(request.timeout_ms, 900_000);
    assert_eq!((stream.overlap_ms, stream.lag_ms), (600_000, 120_000));
    assert!(c.asks(stream, &settings));
    let offers = c.stream("offers").expect("a stream");
    assert!(!c.asks(offers, &settings), "no such report is filled in");
    let gone = c.first_page(offers, &settings, &Ask::Full);
    assert_eq!(gone.err(), Some(ScanError::NotSupported));
    assert!(
        c.check_request(&settings).is_some_and(|r| r.url.ends_with(
            "/harbour/wim%20aerts/ATS_Applications_Delta?format=json&Updated_From=2999-01-01T00%3A00%3A00Z"
        ))
    );
}

#[test]
fn each_way_in_is_what_is_filled_in() {
    let c = workday();
    let token = |s: &Settings| c.token_request(s).expect("a token is needed");
    let ask = token(&settings());
    let body = String::from_utf8_lossy(&ask.body).into_owned();
    assert_eq!(ask.url, "https://wd0.example.com/ccx/oauth2/harbour/token");
    assert_eq!(ask.header("authorization"), Some("Basic aWQ6c2VjcmV0"));
    assert!(
        body.contains("grant_type=refresh_token") && body.contains("refresh_token=refresh"),
        "{body}"
    );
    let form = token(&settings().with("form_client_secret", "other"));
    let body = String::from_utf8_lossy(&form.body).into_owned();
    assert_eq!(form.header("authorization"), None);
    assert!(
        body.contains("client_secret=other") && body.contains("client_id=id"),
        "{body}"
    );
    let alone = token(&settings().with("refresh_token", ""));
    assert_eq!(
        alone.header("authorization"),
        Some("ID aWQ6c2VjcmV0"),
        "the word is ID"
    );
    assert!(String::from_utf8_lossy(&alone.body).contains("tenant_alias=harbour"));
    let isu = settings()
        .with("client_id", "")
        .with("isu_user", "ISU_Wire")
        .with("isu_password", "pw");
    let request = stagewire_connector::Request::get("https://wd0.example.com/x", "/x");
    let signed = c.authorize(request, &isu, None).expect("signed");
    assert_eq!(
        signed.header("authorization"),
        Some("Basic SVNVX1dpcmU6cHc=")
    );
}

#[test]
fn answers_mean_what_the_facts_say() {
    let c = workday();
    let means = |status: u16| {
        let answer = Response {
            status,
            headers: Vec::new(),
            body: b"<html>".to_vec(),
        };
        c.classify_read(&answer, NOW)
    };
    assert_eq!(means(429), Outcome::RateLimited { wait_ms: 30_000 });
    assert!(
        matches!(means(403), Outcome::MissingScope { say } if say.contains("Activate Pending"))
    );
    assert!(matches!(means(401), Outcome::AuthLost { .. }));
    assert!(matches!(means(404), Outcome::Refused { code, .. } if code == "CALL-404"));
    assert!(
        matches!(means(503), Outcome::TryLater { .. }),
        "maintenance"
    );
}

#[test]
fn the_published_example_reads_without_drift_but_for_the_columns_it_lacks() {
    // The vendor's own example, where it lies beside the repository.
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/vendors/workday/responses/raas.candidate_delta.json");
    let Ok(body) = fs::read_to_string(path) else {
        return;
    };
    let mapped = read("applications", &body);
    assert_eq!(mapped.len(), 2);
    let lacks: Vec<_> = mapped[0]
        .drift
        .iter()
        .map(|d| (d.path.as_str(), d.code.as_str()))
        .collect();
    assert_eq!(lacks, [("Applied_At", "missing")]);
    assert_eq!(mapped[0].observations[0].fields["status"], "active");
    assert_eq!(mapped[1].observations[0].fields["status"], "closed");
}

const ENVELOPE: &str = "<env:Envelope xmlns:env=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:wd=\"urn:com.workday/bsvc\"><env:Body>{}</env:Body></env:Envelope>";

fn soap(status: u16, body: &str) -> Response {
    Response {
        status,
        headers: vec![("Content-Type".into(), "text/xml;charset=utf-8".into())],
        body: ENVELOPE.replace("{}", body).into_bytes(),
    }
}

fn over_soap() -> Settings {
    settings()
        .with("report_applications", "")
        .with("soap_version", "v42.0")
}

#[test]
fn soap_is_asked_in_place_of_a_report_that_is_not_there() {
    let c = workday();
    let asked = |s: &Settings| -> Vec<String> {
        let all = c.streams().iter().filter(|x| c.asks(x, s));
        all.map(|x| x.name.clone()).collect()
    };
    assert_eq!(
        asked(&over_soap()),
        ["soap_requisitions", "soap_candidates"]
    );
    assert_eq!(asked(&settings()), ["applications"]);
    let both = settings().with("soap_version", "v42.0");
    assert_eq!(asked(&both), ["applications", "soap_requisitions"]);
}

#[test]
fn all_pages_are_of_one_moment_and_the_order_of_elements_is_kept() {
    let (c, settings) = (workday(), over_soap());
    let stream = c.stream("soap_candidates").expect("a stream");
    let ask = Ask::Range {
        from: Micros(0),
        to: NOW,
    };
    let first = c.first_page_at(stream, &settings, &ask, Some(NOW));
    let first = first.expect("a request");
    assert_eq!(first.method, "POST");
    assert_eq!(
        first.url,
        "https://wd0.example.com/ccx/service/harbour/Recruiting/v42.0"
    );
    let body = |r: &stagewire_connector::Request| String::from_utf8_lossy(&r.body).into_owned();
    let sent = body(&first);
    assert!(sent.contains("<wd:Request_Criteria><wd:Transaction_Log_Criteria_Data><wd:Transaction_Date_Range_Data><wd:Updated_From>1970-01-01T00:00:00.000Z</wd:Updated_From><wd:Updated_Through>2026-11-24T12:00:00.000Z</wd:Updated_Through></wd:Transaction_Date_Range_Data></wd:Transaction_Log_Criteria_Data></wd:Request_Criteria><wd:Response_Filter><wd:As_Of_Entry_DateTime>2026-11-24T12:00:00.000Z</wd:As_Of_Entry_DateTime><wd:Page>1</wd:Page><wd:Count>100</wd:Count></wd:Response_Filter><wd:Response_Group>"), "{sent}");
    let page = |n: u32, of: u32| {
        soap(
            200,
            &format!(
                "<wd:Get_Candidates_Response><wd:Response_Results><wd:Total_Pages>{of}</wd:Total_Pages><wd:Page>{n}</wd:Page></wd:Response_Results><wd:Response_Data><wd:Candidate><wd:X>1</wd:X></wd:Candidate></wd:Response_Data></wd:Get_Candidates_Response>"
            ),
        )
    };
    let second = c.next_page(stream, &first, &page(1, 2)).expect("a page");
    let second = second.expect("another");
    assert_eq!(body(&second), sent.replace("<wd:Page>1<", "<wd:Page>2<"));
    assert_eq!(c.next_page(stream, &second, &page(2, 2)), Ok(None));
    let full = c.first_page_at(stream, &settings, &Ask::Full, Some(NOW));
    assert!(!body(&full.expect("a request")).contains("Request_Criteria"));
    assert!(
        c.first_page(stream, &settings, &Ask::Full).is_err(),
        "of no moment"
    );
    let odd = over_soap().with("soap_version", "v1\"><x>&");
    let odd = c.first_page_at(stream, &odd, &Ask::Full, Some(NOW));
    let odd = body(&odd.expect("a request"));
    assert!(
        odd.contains("wd:version=\"v1&quot;&gt;&lt;x&gt;&amp;\""),
        "{odd}"
    );
}

#[test]
fn an_envelope_carries_the_integrations_user_or_a_token_and_never_both() {
    let (c, token) = (workday(), over_soap());
    let stream = c.stream("soap_candidates").expect("a stream");
    let ask = |s: &Settings| {
        let request = c.first_page_at(stream, s, &Ask::Full, Some(NOW));
        request.expect("a request")
    };
    let bearer = c
        .authorize(ask(&token), &token, Some("t0ken"))
        .expect("signed");
    assert_eq!(bearer.header("authorization"), Some("Bearer t0ken"));
    assert!(!String::from_utf8_lossy(&bearer.body).contains("<wsse:"));
    let isu = over_soap()
        .with("client_id", "")
        .with("isu_user", "ISU & Wire")
        .with("isu_password", "p<w");
    let signed = c.authorize(ask(&isu), &isu, None).expect("signed");
    let body = String::from_utf8_lossy(&signed.body).into_owned();
    assert!(
        body.contains("<wsse:Username>ISU &amp; Wire@harbour</wsse:Username>"),
        "{body}"
    );
    assert!(body.contains(">p&lt;w</wsse:Password>"), "{body}");
    assert_eq!(signed.header("authorization"), None);
}

#[test]
fn a_fault_means_what_its_code_says_and_any_other_500_is_tried_again() {
    let c = workday();
    let fault = |code: &str, text: &str| {
        let body = format!(
            "<env:Fault><faultcode>{code}</faultcode><faultstring>{text}</faultstring></env:Fault>"
        );
        c.classify_read(&soap(500, &body), NOW)
    };
    assert!(matches!(
        fault("SOAP-ENV:Client.validationError", "Validation error occurred. Invalid ID value."),
        Outcome::Refused { code, say, .. } if code == "CALL-422" && say.contains("Invalid ID value")
    ));
    assert!(matches!(
        fault(
            "env:Client.authenticationError",
            "invalid username or password"
        ),
        Outcome::AuthLost { .. }
    ));
    assert!(matches!(
        fault(
            "env:Client.authenticationError",
            "The task submitted is not authorized."
        ),
        Outcome::MissingScope { .. }
    ));
    assert!(matches!(
        fault(
            "env:Server.processingError",
            "The request could not be processed at this time."
        ),
        Outcome::TryLater { .. }
    ));
    let page = Response {
        status: 500,
        headers: vec![("Content-Type".into(), "text/html".into())],
        body: b"<html>".to_vec(),
    };
    assert!(matches!(
        c.classify_read(&page, NOW),
        Outcome::TryLater { .. }
    ));
}

#[test]
fn one_application_or_many_are_read_alike_and_protected_answers_are_cut() {
    let people: Vec<Mapped> = ["soap_candidates.page1", "soap_candidates"]
        .iter()
        .flat_map(|name| {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join(format!("workday/fixtures/streams/{name}.http"));
            let text = fs::read_to_string(path).expect("a fixture");
            over(text.split_once("\n\n").expect("a body").1)
        })
        .collect();
    let count = |m: &Mapped| of(m, Entity::Application).len();
    assert_eq!(people.iter().map(count).collect::<Vec<_>>(), [2, 1]);
    let told = serde_json::to_string(&people).expect("json");
    assert!(!told.contains("MARK-PROTECTED"), "{told}");
    assert!(told.contains("Farrow & Co"));
    // the vendor's own example, where it lies beside the repository
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/vendors/workday/responses/soap.get_candidates.response.page1.xml");
    if let Ok(body) = fs::read_to_string(path) {
        let seen = over(&body);
        assert_eq!(seen[0].drift, []);
        let app = of(&seen[0], Entity::Application)[0];
        assert_eq!(app.fields["stage_id"]["id"], "Interview");
        assert_eq!(app.fields["job_id"]["id"], "R-100");
    }
}

#[test]
fn what_has_no_element_any_more_is_empty() {
    let person = |contact: &str| {
        let body = format!(
            "<wd:Get_Candidates_Response><wd:Response_Data><wd:Candidate><wd:Candidate_Data><wd:Candidate_ID>C-1</wd:Candidate_ID>{contact}<wd:Job_Application_Data><wd:Job_Applied_To_Data><wd:Job_Application_ID>JA-1</wd:Job_Application_ID><wd:Stage_Reference><wd:ID wd:type=\"Recruiting_Stage_ID\">Review</wd:ID></wd:Stage_Reference><wd:Status_Timestamp>2026-11-20T07:00:00.000-08:00</wd:Status_Timestamp></wd:Job_Applied_To_Data></wd:Job_Application_Data></wd:Candidate_Data></wd:Candidate></wd:Response_Data></wd:Get_Candidates_Response>"
        );
        over(&ENVELOPE.replace("{}", &body)).remove(0)
    };
    let there = person(
        "<wd:Contact_Data><wd:Email_Address>a@example.com</wd:Email_Address></wd:Contact_Data>",
    );
    assert_eq!(
        there.observations[0].fields["emails"][0]["value"],
        "a@example.com"
    );
    let gone = person("");
    assert_eq!(gone.drift, []);
    assert_eq!(gone.observations[0].fields["emails"], json!([]));
    let app = of(&gone, Entity::Application)[0];
    assert_eq!(app.fields["reject_reason_id"], Value::Null);
    assert_eq!(app.fields["stage_id"]["id"], "Review");
    assert_eq!(app.fields["status"], "active");
}

/// A SOAP answer, read as the stream reads it.
fn over(body: &str) -> Vec<Mapped> {
    let c = workday();
    let stream = c.stream("soap_candidates").expect("a stream");
    let request = c.first_page_at(stream, &over_soap(), &Ask::Full, Some(NOW));
    let mut answer = soap(200, "");
    answer.body = body.trim().as_bytes().to_vec();
    let (rows, _) = c
        .rows(stream, &request.expect("a request"), &answer)
        .expect("rows");
    rows.iter().map(|r| c.map_row(stream, r)).collect()
}

#[test]
fn over_soap_an_application_and_its_stage_come_in_the_row_of_its_person() {
    let workday = workday();
    let rows = workday
        .streams()
        .iter()
        .find(|s| s.name == "soap_candidates");
    let shown = &rows.expect("a list").shows;
    for entity in [Entity::Candidate, Entity::Application, Entity::JobStage] {
        assert!(shown.contains(&entity), "{entity:?}: {shown:?}");
    }
}
