//! SOAP results come in frozen pages, in trees, and refusals are faults.

use super::*;
use serde_json::json;
use stagewire_fakes::workday::{Act, CV_MARKER, CandidateChange, EEO_MARKER};

const NO_FILES: &str = "<w:Response_Group><w:Include_Reference>true</w:Include_Reference>\
                        <w:Exclude_All_Attachments>true</w:Exclude_All_Attachments></w:Response_Group>";

fn filter(as_of: &str, page: usize, count: usize) -> String {
    let as_of = match as_of {
        "" => String::new(),
        at => format!("<w:As_Of_Entry_DateTime>{at}</w:As_Of_Entry_DateTime>"),
    };
    format!(
        "<w:Response_Filter>{as_of}<w:Page>{page}</w:Page><w:Count>{count}</w:Count>\
         </w:Response_Filter>"
    )
}

fn updated(from: &str, through: &str) -> String {
    format!(
        "<w:Request_Criteria><w:Transaction_Log_Criteria_Data><w:Transaction_Date_Range_Data>\
         <w:Updated_From>{from}</w:Updated_From><w:Updated_Through>{through}</w:Updated_Through>\
         </w:Transaction_Date_Range_Data></w:Transaction_Log_Criteria_Data></w:Request_Criteria>"
    )
}

fn number(answer: &Answer, name: &str) -> usize {
    assert_eq!(answer.status, 200, "{}", answer.text);
    texts(&answer.text, name)[0].parse().unwrap()
}

#[tokio::test]
async fn a_hundred_come_at_once_and_nine_hundred_ninety_nine_at_most() {
    let tenant = Tenant::start().await;
    tenant.fake().seed_many(1200).unwrap();
    let total = tenant.fake().candidate_count() as usize;
    let plain = tenant.soap("Get_Candidates", "").await;
    assert_eq!(number(&plain, "Page_Results"), 100);
    assert_eq!(number(&plain, "Total_Results"), total);
    assert_eq!(number(&plain, "Total_Pages"), total.div_ceil(100));
    assert!(
        plain
            .text
            .contains("<wd:Get_Candidates_Response wd:version=\"v42.0\">")
    );
    let most = tenant.soap("Get_Candidates", &filter("", 2, 999)).await;
    assert_eq!(number(&most, "Page_Results"), total - 999);
    let beyond = tenant.soap("Get_Candidates", &filter("", 9, 999)).await;
    assert_eq!(number(&beyond, "Page_Results"), 0);
    let refused = tenant.soap("Get_Candidates", &filter("", 1, 1000)).await;
    assert_eq!(refused.status, 500);
    assert!(refused.text.contains("Client.validationError"));
}

#[tokio::test]
async fn pages_as_of_a_moment_are_frozen_and_others_shift() {
    let tenant = Tenant::start().await;
    let now = "2026-09-01T08:00:00Z";
    let walk = async |as_of: &str| {
        let mut ids = Vec::new();
        for page in 1..=4 {
            let answer = tenant
                .soap("Get_Candidates", &filter(as_of, page, 10))
                .await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            ids.extend(texts(&answer.text, "Candidate_ID"));
            if page == 1 {
                let candidate_id = ids[0][2..].parse().unwrap();
                tenant
                    .fake()
                    .act(Act::DeleteCandidate { candidate_id })
                    .unwrap();
            }
        }
        ids
    };
    let frozen = walk(now).await;
    assert_eq!(frozen.len(), 37);
    let live = walk("").await;
    assert_eq!(
        live.len(),
        35,
        "one is gone, one has slipped between the pages"
    );
    assert!(!live.contains(&"C-1012".to_owned()) && frozen.contains(&"C-1012".to_owned()));
    let again = tenant.soap("Get_Candidates", &filter(now, 1, 10)).await;
    assert_eq!(number(&again, "Total_Results"), 37);
    tenant.wait(2 * 3600);
    let later = tenant.soap("Get_Candidates", &filter(now, 1, 10)).await;
    assert_eq!(
        number(&later, "Total_Results"),
        35,
        "the result was kept two hours"
    );
}

#[tokio::test]
async fn the_transaction_log_knows_every_touch_of_a_candidate() {
    let tenant = Tenant::start().await;
    tenant.wait(60);
    tenant.fake().move_to(5001, None).unwrap();
    tenant.wait(60);
    tenant.fake().move_to(5001, None).unwrap();
    let change = CandidateChange {
        candidate_id: 1004,
        phone: Some("+49 341 5550999".into()),
        ..CandidateChange::default()
    };
    tenant.fake().act(Act::ChangeCandidate(change)).unwrap();
    let ask = updated("2026-09-01T08:01:00Z", "2026-09-01T08:01:30Z");
    let first = tenant.soap("Get_Candidates", &ask).await;
    assert_eq!(texts(&first.text, "Candidate_ID"), ["C-1001"]);
    let ask = updated("2026-09-01T08:01:30Z", "2026-09-01T10:00:00Z");
    let second = tenant.soap("Get_Candidates", &ask).await;
    assert_eq!(texts(&second.text, "Candidate_ID"), ["C-1001", "C-1004"]);
    tenant
        .fake()
        .act(Act::DeleteCandidate { candidate_id: 1004 })
        .unwrap();
    let third = tenant.soap("Get_Candidates", &ask).await;
    assert_eq!(
        texts(&third.text, "Candidate_ID"),
        ["C-1001"],
        "no tombstones"
    );
}

#[tokio::test]
async fn a_candidate_is_a_tree_with_everything_that_must_be_cut() {
    let tenant = Tenant::start().await;
    let wanted = "<w:Request_References><w:Candidate_Reference>\
                  <w:ID w:type=\"Candidate_ID\">C-1002</w:ID></w:Candidate_Reference>\
                  </w:Request_References>";
    let answer = tenant.soap("Get_Candidates", wanted).await;
    assert_eq!(number(&answer, "Total_Results"), 1);
    let xml = &answer.text;
    assert_eq!(texts(xml, "Job_Application_Data").len(), 3);
    assert_eq!(texts(xml, "Personal_Information_Data").len(), 3);
    for answers in texts(xml, "Personal_Information_Data") {
        assert_eq!(answers.matches(EEO_MARKER).count(), 5);
    }
    assert_eq!(texts(xml, "Resume_Data")[0].matches(CV_MARKER).count(), 3);
    let content = &texts(xml, "File_Content")[0];
    let content = String::from_utf8(STANDARD.decode(content).unwrap()).unwrap();
    assert!(content.contains(CV_MARKER));
    assert!(xml.contains("<wd:ID wd:type=\"Recruiting_Stage_ID\">"));
    assert_eq!(texts(xml, "First_Name"), ["Bruno"]);
    let without = tenant
        .soap("Get_Candidates", &format!("{wanted}{NO_FILES}"))
        .await;
    assert!(texts(&without.text, "File_Content").is_empty());
    assert!(without.text.contains(EEO_MARKER));
    let unknown = tenant
        .soap("Get_Candidates", &wanted.replace("C-1002", "C-9"))
        .await;
    assert_eq!(unknown.status, 500);
    let text = "C-9 is not a valid ID value for type = Candidate_ID";
    assert!(
        texts(&unknown.text, "Message")[0].contains(text),
        "{}",
        unknown.text
    );
}

#[tokio::test]
async fn the_order_of_elements_matters() {
    let tenant = Tenant::start().await;
    let criteria = updated("2026-09-01T00:00:00Z", "2026-09-02T00:00:00Z");
    let page = filter("", 1, 10);
    let right = format!("{criteria}{page}{NO_FILES}");
    assert_eq!(tenant.soap("Get_Candidates", &right).await.status, 200);
    let swapped = "<w:Response_Filter><w:Count>5</w:Count><w:Page>1</w:Page></w:Response_Filter>";
    for wrong in [
        format!("{page}{criteria}"),
        format!("{NO_FILES}{page}"),
        swapped.to_owned(),
        format!("<w:Request_References/>{criteria}"),
        "<w:Invented/>".to_owned(),
        filter("soon", 1, 1),
        filter("", 0, 1),
    ] {
        let answer = tenant.soap("Get_Candidates", &wrong).await;
        assert_eq!(answer.status, 500, "{wrong}");
        assert!(
            answer
                .text
                .contains("<faultcode>env:Client.validationError</faultcode>")
        );
        assert!(texts(&answer.text, "Xpath")[0].starts_with("/wd:Get_Candidates_Request[1]"));
    }
}

#[tokio::test]
async fn the_sender_is_checked_and_each_refusal_has_its_fault() {
    let tenant = Tenant::start().await;
    let wrong = tenant.envelope(envelope("x", "Get_Candidates", "")).await;
    assert_eq!(wrong.status, 500);
    assert!(wrong.text.contains("env:Client.authenticationError"));
    let right = envelope("demo-isu-password", "Get_Candidates", "");
    let bare = right.replace("@lindenhof", "");
    assert!(
        tenant
            .envelope(bare)
            .await
            .text
            .contains("authenticationError")
    );
    let start = right.find("<s:Header>").unwrap();
    let end = right.find("<s:Body>").unwrap();
    let headless = format!("{}{}", &right[..start], &right[end..]);
    let nobody = tenant.envelope(headless.clone()).await;
    assert!(nobody.text.contains("authenticationError"));
    let url = tenant.url("/ccx/service/lindenhof/Recruiting/v42.0");
    let bearer = tenant.token().await;
    let request = tenant.client.post(&url).bearer_auth(bearer);
    assert_eq!(send(request.body(headless.clone())).await.status, 200);
    let request = tenant.client.post(&url).bearer_auth("stale");
    assert_eq!(send(request.body(headless)).await.status, 401);
    let unknown = tenant.soap("Put_Candidate", "").await;
    assert!(unknown.text.contains("validationError"));
    let garbage = tenant.envelope("<Envelope>".into()).await;
    assert!(garbage.text.contains("validationError"));
    let counted = tenant.fake().requests();
    assert_eq!(counted["POST /ccx/service/Recruiting/Get_Candidates"], 5);
}

#[tokio::test]
async fn requisitions_and_postings_are_operations_of_their_own() {
    let tenant = Tenant::start().await;
    let all = tenant.soap("Get_Job_Requisitions", NO_FILES).await;
    assert_eq!(number(&all, "Total_Results"), 6);
    assert!(
        all.text
            .contains("<wd:ID wd:type=\"Job_Requisition_Status_ID\">Frozen</wd:ID>")
    );
    let postings = tenant.soap("Get_Job_Postings", "").await;
    assert_eq!(number(&postings, "Total_Results"), 5);
    let active = "<w:Request_Criteria><w:Show_Only_Active_Job_Postings>true\
                  </w:Show_Only_Active_Job_Postings></w:Request_Criteria>";
    let active = tenant.soap("Get_Job_Postings", active).await;
    assert_eq!(number(&active, "Total_Results"), 4);
    let by_job = "<w:Request_Criteria><w:Job_Requisition_Reference>\
                  <w:ID w:type=\"Job_Requisition_ID\">R-101</w:ID></w:Job_Requisition_Reference>\
                  </w:Request_Criteria>";
    let people = tenant.soap("Get_Candidates", by_job).await;
    let books = tenant.fake().applications();
    let count = books.iter().filter(|row| row.requisition_id == 101).count();
    assert_eq!(number(&people, "Total_Results"), count);
}

#[tokio::test]
async fn elements_can_drift() {
    let tenant = Tenant::start().await;
    let fake = tenant.fake();
    fake.drift("Get_Candidates", "Stage_Reference", None);
    fake.drift("Get_Candidates", "Status_Timestamp", Some(json!("soon")));
    fake.rename("Get_Candidates", "Email_Address", "Mail");
    let xml = tenant.soap("Get_Candidates", "").await.text;
    assert!(!xml.contains("wd:Stage_Reference") && !xml.contains("wd:Email_Address"));
    assert!(
        texts(&xml, "Status_Timestamp")
            .iter()
            .all(|at| at == "soon")
    );
    assert!(!texts(&xml, "Mail").is_empty());
}
