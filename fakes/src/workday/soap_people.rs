//! A candidate as the result tree of Get_Candidates, with all that a sync must not keep: equal
//! opportunity answers, resumes and attachments, each marked so that a test can prove it was cut.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cell::{Look, Ref};
use super::reports::requisition_ref;
use super::rows::{Application, Candidate, Kind, wid};
use super::soap_ask::Ask;
use super::world::World;
use super::xml::Element;

/// Stands in every equal opportunity answer of every application.
pub const EEO_MARKER: &str = "EEO-MARKER";
/// Stands in the text of every resume, inside attachments in base64.
pub const CV_MARKER: &str = "CV-MARKER";

pub(crate) fn candidate(world: &World, id: u64, ask: &Ask, look: &Look) -> Option<Element> {
    let row = world.candidates.get(id)?;
    let mut candidate = Element::wd("Candidate");
    if ask.include_reference {
        let ids = ids(wid(Kind::Candidate, id), "Candidate_ID", row.key());
        candidate
            .children
            .push(Element::of("Candidate_Reference", ids));
    }
    let mut data = Element::of("Candidate_Data", [Element::leaf("Candidate_ID", row.key())]);
    data.children.push(name(&row));
    data.children.extend(contact(&row));
    if let Some(url) = &row.profile_url {
        let account = [Element::leaf("Social_Media_Account", url.as_str())];
        data.children
            .push(Element::of("Social_Media_Account_Data", account));
    }
    data.children.push(Element::of(
        "Status_Data",
        [
            flag("Do_Not_Hire", row.do_not_hire),
            flag("Withdrawn", world.has_withdrawn(id)),
        ],
    ));
    for application in world.applications_of(id) {
        let element = applied(world, &row, &application, ask, look);
        data.children.push(element);
    }
    for tag in &row.tags {
        data.children
            .push(word("Candidate_Tag_Reference", "Candidate_Tag_ID", tag));
    }
    for pool in &row.pools {
        let pool = word("Candidate_Pool_Reference", "Candidate_Pool_ID", pool);
        data.children
            .push(Element::of("Candidate_Pool_Data", [pool]));
    }
    if !ask.exclude_attachments {
        let files = row.files.iter();
        let files = files.map(|file| attachment("Candidate_Attachment_Data", &row, file));
        data.children.extend(files);
    }
    candidate.children.push(data);
    Some(candidate)
}

fn name(row: &Candidate) -> Element {
    let names = [
        Element::leaf("First_Name", row.first_name.as_str()),
        Element::leaf("Last_Name", row.last_name.as_str()),
    ];
    let detail = Element::of("Name_Detail_Data", names);
    Element::of("Name_Data", [Element::of("Legal_Name", [detail])])
}

fn contact(row: &Candidate) -> Option<Element> {
    let mut contact = Element::wd("Contact_Data");
    contact.maybe("Phone_Number", row.phone.as_deref());
    contact.maybe("Email_Address", row.email.as_deref());
    if let Some(city) = &row.city {
        let city = [Element::leaf("City", city.as_str())];
        contact.children.push(Element::of("Location_Data", city));
    }
    (!contact.children.is_empty()).then_some(contact)
}

fn applied(
    world: &World,
    person: &Candidate,
    row: &Application,
    ask: &Ask,
    look: &Look,
) -> Element {
    let ids = ids(
        wid(Kind::Application, row.id),
        "Job_Application_ID",
        row.key(),
    );
    let reference = Element::of("Job_Application_Reference", ids);
    let mut to = Element::of(
        "Job_Applied_To_Data",
        [Element::leaf("Job_Application_ID", row.key())],
    );
    if let Some(job) = world.requisitions.get(row.requisition_id) {
        let job = requisition_ref(&job).ids();
        to.children
            .push(Element::of("Job_Requisition_Reference", job));
    }
    to.maybe("Job_Application_Date", Some(look.zone.day(row.applied_at)));
    to.children.push(word(
        "Stage_Reference",
        "Recruiting_Stage_ID",
        row.stage.name,
    ));
    let step = word(
        "Workflow_Step_Reference",
        "Workflow_Step_ID",
        row.stage.step,
    );
    to.children.push(step);
    if let Some(why) = row.disposition {
        let why = word(
            "Disposition_Reference",
            "Recruiting_Disposition_ID",
            why.name,
        );
        to.children.push(why);
    }
    to.maybe("Status_Timestamp", Some(look.zone.stamp(row.status_at)));
    if let Some(source) = row.source {
        to.children
            .push(word("Source_Reference", "Applicant_Source_ID", source));
    }
    if let Some(worker) = row.referred_by {
        let worker = Ref::worker(worker).ids();
        to.children
            .push(Element::of("Referred_By_Worker_Reference", worker));
    }
    to.children.push(equal_opportunity(row));
    let nation = format!("{EEO_MARKER} nationality {}", row.id);
    to.children.push(Element::of(
        "Global_Personal_Information_Data",
        [Element::leaf("Nationality", nation)],
    ));
    let mut data = Element::of("Job_Application_Data", [reference, to]);
    if let Some(file) = person.files.first() {
        if !ask.exclude_attachments {
            let file = attachment("Resume_Attachment_Data", person, file);
            data.children.push(file);
        }
        data.children.push(resume(person));
    }
    data
}

fn equal_opportunity(row: &Application) -> Element {
    let answer = |what: &str| format!("{EEO_MARKER} {what} {}", row.id);
    Element::of(
        "Personal_Information_Data",
        [
            word("Gender_Reference", "Gender_Code", &answer("gender")),
            word("Ethnicity_Reference", "Ethnicity_ID", &answer("ethnicity")),
            word(
                "Veteran_Status_Reference",
                "Armed_Forces_Status_ID",
                &answer("veteran"),
            ),
            Element::leaf("Hispanic_or_Latino", answer("hispanic")),
            word(
                "Disability_Status_Reference",
                "Disability_ID",
                &answer("disability"),
            ),
        ],
    )
}

fn resume(person: &Candidate) -> Element {
    let line = |what: &str| format!("{CV_MARKER} {what} {}", person.id);
    let part =
        |group: &str, name: &str, what: &str| Element::of(group, [Element::leaf(name, line(what))]);
    Element::of(
        "Resume_Data",
        [
            part("Education_Data", "School_Name", "school"),
            part("Experience_Data", "Company_Name", "company"),
            part("Skill_Data", "Skill_Name", "skill"),
        ],
    )
}

fn attachment(name: &str, person: &Candidate, file: &str) -> Element {
    let content = format!("%PDF-1.4 {CV_MARKER} {}", person.full_name());
    Element::of(
        name,
        [
            Element::leaf("File_Name", file),
            Element::leaf("File_Content", STANDARD.encode(content)),
        ],
    )
}

fn ids(wid: String, kind: &str, id: String) -> [Element; 2] {
    [
        Element::leaf("ID", wid).with("wd:type", "WID"),
        Element::leaf("ID", id).with("wd:type", kind),
    ]
}

fn flag(name: &str, flag: bool) -> Element {
    Element::leaf(name, u8::from(flag).to_string())
}

/// A reference to a word of the tenant, whose id is the word itself.
pub(crate) fn word(name: &str, kind: &'static str, word: &str) -> Element {
    let mut reference = Ref::word(word);
    reference.id = Some((kind, word.into()));
    Element::of(name, reference.ids())
}
