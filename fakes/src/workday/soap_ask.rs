//! Reads a SOAP request: which things, which page, with what in it. The order of elements matters,
//! as the vendor's schema says; what it does not know is a validation error.

use super::rows::Kind;
use super::soap::{BSVC, Fault};
use super::table::Window;
use super::xml::Element;
use super::zone::Zone;
use crate::clock::Time;

const USUAL: usize = 100;
const MOST: usize = 999;

/// The operations this fake offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Candidates,
    Requisitions,
    Postings,
}

impl Operation {
    /// What its request references name.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Operation::Candidates => Kind::Candidate,
            Operation::Requisitions => Kind::Requisition,
            Operation::Postings => Kind::Posting,
        }
    }
}

/// A reference id with its type.
#[derive(Clone, Debug)]
pub(crate) struct Id {
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) xpath: String,
}

/// Which things are wanted. Two requests with equal criteria share a cached result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Criteria {
    /// By reference, instead of all the others.
    pub(crate) references: Option<Vec<Id>>,
    pub(crate) touched: Option<Window>,
    pub(crate) created: Option<Window>,
    pub(crate) applied: Option<Window>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) requisitions: Vec<Id>,
    pub(crate) stages: Vec<Id>,
    pub(crate) only_active: bool,
    pub(crate) only_external: bool,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) operation: Operation,
    pub(crate) criteria: Criteria,
    pub(crate) as_of: Option<Time>,
    pub(crate) page: usize,
    pub(crate) count: usize,
    pub(crate) include_reference: bool,
    pub(crate) exclude_attachments: bool,
}

impl Ask {
    pub(crate) fn read(request: &Element, zone: &Zone) -> Result<Ask, Fault> {
        let root = format!("/wd:{}[1]", request.name);
        let operation = match request.name.as_str() {
            "Get_Candidates_Request" => Operation::Candidates,
            "Get_Job_Requisitions_Request" => Operation::Requisitions,
            "Get_Job_Postings_Request" => Operation::Postings,
            _ => {
                let text = format!("Invalid request element {}.", request.name);
                return Err(Fault::validation(text, root));
            }
        };
        let parts = [
            "Request_References",
            "Request_Criteria",
            "Response_Filter",
            "Response_Group",
        ];
        in_order(request, &parts, &root)?;
        let references = request.child(parts[0]);
        if references.is_some() && request.child(parts[1]).is_some() {
            let text = "Request_References and Request_Criteria exclude each other.";
            return Err(Fault::validation(text, root));
        }
        let mut ask = Ask {
            operation,
            criteria: Criteria::default(),
            as_of: None,
            page: 1,
            count: USUAL,
            include_reference: true,
            exclude_attachments: false,
        };
        let reader = Reader { zone };
        if let Some(part) = references {
            let xpath = format!("{root}/wd:{}[1]", part.name);
            let ids = part.children.iter();
            let ids = ids.map(|reference| id(reference, &xpath));
            ask.criteria.references = Some(ids.collect::<Result<_, _>>()?);
        }
        if let Some(part) = request.child(parts[1]) {
            let xpath = format!("{root}/wd:{}[1]", part.name);
            reader.criteria(part, &xpath, &mut ask.criteria)?;
        }
        if let Some(part) = request.child(parts[2]) {
            let xpath = format!("{root}/wd:{}[1]", part.name);
            reader.filter(part, &xpath, &mut ask)?;
        }
        for child in request
            .child(parts[3])
            .iter()
            .flat_map(|part| &part.children)
        {
            let xpath = format!("{root}/wd:{}[1]", parts[3]);
            let flag = flag(child, &xpath)?;
            match child.name.as_str() {
                "Include_Reference" => ask.include_reference = flag,
                "Exclude_All_Attachments" => ask.exclude_attachments = flag,
                name if name.starts_with("Include_") || name.starts_with("Exclude_") => {}
                name => return Err(unexpected(name, &xpath)),
            }
        }
        Ok(ask)
    }
}

struct Reader<'a> {
    zone: &'a Zone,
}

impl Reader<'_> {
    fn criteria(&self, part: &Element, path: &str, into: &mut Criteria) -> Result<(), Fault> {
        for child in &part.children {
            let text = child.text.trim();
            let xpath = format!("{path}/wd:{}[1]", child.name);
            match child.name.as_str() {
                "Transaction_Log_Criteria_Data" => {
                    in_order(child, &["Transaction_Date_Range_Data"], &xpath)?;
                    let window = into.touched.get_or_insert((None, None));
                    for range in &child.children {
                        let xpath = format!("{xpath}/wd:{}[1]", range.name);
                        in_order(range, &["Updated_From", "Updated_Through"], &xpath)?;
                        for end in &range.children {
                            let at = self.moment(end, &xpath)?;
                            match end.name.as_str() {
                                "Updated_From" => window.0 = Some(at),
                                _ => window.1 = Some(at),
                            }
                        }
                    }
                }
                "Created_From" => {
                    into.created.get_or_insert_default().0 = Some(self.moment(child, path)?);
                }
                "Created_Through" => {
                    into.created.get_or_insert_default().1 = Some(self.moment(child, path)?);
                }
                "Applied_From" => {
                    into.applied.get_or_insert_default().0 = Some(self.moment(child, path)?);
                }
                "Applied_Through" => {
                    into.applied.get_or_insert_default().1 = Some(self.moment(child, path)?);
                }
                "First_Name" => into.first_name = Some(text.into()),
                "Last_Name" => into.last_name = Some(text.into()),
                "Candidate_Email_Address" => into.email = Some(text.into()),
                "Job_Requisition_Reference" => into.requisitions.push(id(child, path)?),
                "Recruiting_Stage_Reference" => into.stages.push(id(child, path)?),
                "Show_Only_Active_Job_Postings" => into.only_active = flag(child, path)?,
                "Show_Only_External_Job_Postings" => into.only_external = flag(child, path)?,
                name => return Err(unexpected(name, path)),
            }
        }
        Ok(())
    }

    fn filter(&self, part: &Element, path: &str, ask: &mut Ask) -> Result<(), Fault> {
        let known = [
            "As_Of_Effective_Date",
            "As_Of_Entry_DateTime",
            "Page",
            "Count",
        ];
        in_order(part, &known, path)?;
        for child in &part.children {
            let xpath = format!("{path}/wd:{}[1]", child.name);
            let number = || {
                let number = child.text.trim().parse::<usize>().ok();
                let number = number.filter(|number| *number > 0);
                number.ok_or_else(|| Fault::validation("Invalid number.", &xpath))
            };
            match child.name.as_str() {
                "As_Of_Entry_DateTime" => ask.as_of = Some(self.moment(child, path)?),
                "Page" => ask.page = number()?,
                "Count" => ask.count = number()?,
                _ => {}
            }
            if ask.count > MOST {
                let text = format!("Count may be at most {MOST}.");
                return Err(Fault::validation(text, xpath));
            }
        }
        Ok(())
    }

    fn moment(&self, element: &Element, path: &str) -> Result<Time, Fault> {
        let at = self.zone.read(element.text.trim());
        at.ok_or_else(|| {
            let text = format!("Invalid dateTime in {}.", element.name);
            Fault::validation(text, format!("{path}/wd:{}[1]", element.name))
        })
    }
}

/// The children are of the vendor's namespace, are known, and come in this order.
fn in_order(element: &Element, known: &[&str], path: &str) -> Result<(), Fault> {
    let mut last = 0;
    for child in &element.children {
        let at = known.iter().position(|name| *name == child.name);
        match at.filter(|at| *at >= last && child.space == BSVC) {
            Some(at) => last = at,
            None => return Err(unexpected(&child.name, path)),
        }
    }
    Ok(())
}

fn unexpected(name: &str, path: &str) -> Fault {
    let text = format!("Element {name} is not expected here.");
    Fault::validation(text, format!("{path}/wd:{name}[1]"))
}

fn id(reference: &Element, path: &str) -> Result<Id, Fault> {
    let xpath = format!("{path}/wd:{}[1]", reference.name);
    let id = reference.child("ID");
    let kind = id.and_then(|id| id.attribute("type"));
    match id.zip(kind) {
        Some((id, kind)) => Ok(Id {
            kind: kind.into(),
            value: id.text.trim().into(),
            xpath,
        }),
        None => Err(Fault::validation(
            "A reference needs an ID with a type.",
            xpath,
        )),
    }
}

fn flag(element: &Element, path: &str) -> Result<bool, Fault> {
    match element.text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => {
            let text = format!("Invalid boolean in {}.", element.name);
            Err(Fault::validation(
                text,
                format!("{path}/wd:{}[1]", element.name),
            ))
        }
    }
}
