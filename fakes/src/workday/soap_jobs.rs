//! Requisitions and postings as SOAP results. The facts name the operations but not their trees;
//! these follow the way of the candidate's.

use super::cell::{Look, Ref};
use super::reports::requisition_ref;
use super::rows::{Kind, key, wid};
use super::soap_ask::Ask;
use super::soap_people::word;
use super::world::World;
use super::xml::Element;

pub(crate) fn requisition(world: &World, id: u64, ask: &Ask, look: &Look) -> Option<Element> {
    let row = world.requisitions.get(id)?;
    let mut detail = Element::of(
        "Job_Requisition_Detail_Data",
        [
            Element::leaf("Job_Posting_Title", row.title.as_str()),
            Element::leaf("Job_Description", row.description.as_str()),
            Element::leaf("Number_of_Openings", row.openings.to_string()),
            word(
                "Position_Time_Type_Reference",
                "Position_Time_Type_ID",
                row.time_type,
            ),
        ],
    );
    let place = Ref::location(row.location).ids();
    let place = Element::of("Primary_Location_Reference", place);
    detail.children.push(place);
    detail.maybe("Recruiting_Start_Date", Some(look.zone.day(row.created_at)));
    let target = row.target_hire.map(|at| look.zone.day(at));
    detail.maybe("Target_Hire_Date", target);
    let status = "Job_Requisition_Status_Reference";
    let data = Element::of(
        "Job_Requisition_Data",
        [
            Element::leaf("Job_Requisition_ID", row.key()),
            word(status, "Job_Requisition_Status_ID", &row.status),
            detail,
            Element::of("Recruiter_Reference", Ref::worker(row.recruiter).ids()),
            Element::of("Hiring_Manager_Reference", Ref::worker(row.manager).ids()),
        ],
    );
    let mut requisition = Element::wd("Job_Requisition");
    if ask.include_reference {
        let ids = requisition_ref(&row).ids();
        let reference = Element::of("Job_Requisition_Reference", ids);
        requisition.children.push(reference);
    }
    requisition.children.push(data);
    Some(requisition)
}

pub(crate) fn posting(world: &World, id: u64, ask: &Ask, look: &Look) -> Option<Element> {
    let row = world.requisitions.get(id)?;
    let about = row.posting.as_ref()?;
    let data = Element::of(
        "Job_Posting_Data",
        [
            Element::leaf("Job_Posting_ID", key(Kind::Posting, id)),
            Element::leaf("Job_Posting_Title", row.title.as_str()),
            Element::of("Job_Requisition_Reference", requisition_ref(&row).ids()),
            Element::leaf("Job_Posting_Start_Date", look.zone.day(about.since)),
            Element::leaf("Active", u8::from(row.is_posted()).to_string()),
            Element::leaf("External", u8::from(about.external).to_string()),
            Element::of(
                "Primary_Location_Reference",
                Ref::location(row.location).ids(),
            ),
        ],
    );
    let mut posting = Element::wd("Job_Posting");
    if ask.include_reference {
        let reference = Ref {
            descriptor: row.title.clone(),
            wid: wid(Kind::Posting, id),
            id: Some(("Job_Posting_ID", key(Kind::Posting, id))),
        };
        let reference = Element::of("Job_Posting_Reference", reference.ids());
        posting.children.push(reference);
    }
    posting.children.push(data);
    Some(posting)
}
