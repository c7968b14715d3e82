//! Acts about an opportunity's way: apply, move, archive, hire, tag, delete. Each moves exactly the
//! dates the facts name and tells exactly the events they name.

use serde_json::{Value, json};

use super::acts::{Acted, Applicant, Hand, News, Result, Touched, optional};
use super::id::Id;
use super::rows::{
    Application, Archived, Contact, Grave, Opportunity, Phone, StageChange, StageNo,
};
use super::world::{ORIGINS, Refused, invalid};

/// Somebody who becomes an opportunity.
#[derive(Default)]
pub(crate) struct Newcomer {
    /// Somebody known; else the addresses decide.
    pub(crate) contact: Option<Id>,
    pub(crate) name: String,
    pub(crate) headline: String,
    pub(crate) location: Option<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) phones: Vec<Phone>,
    pub(crate) posting: Option<Id>,
    pub(crate) origin: Option<&'static str>,
    pub(crate) stage: Option<StageNo>,
    pub(crate) owner: Option<Id>,
    pub(crate) tags: Vec<String>,
    pub(crate) sources: Vec<String>,
    pub(crate) links: Vec<String>,
    pub(crate) confidential: bool,
}

impl Hand<'_> {
    pub(crate) fn apply(&mut self, who: Applicant) -> Result {
        let stage = who.stage_id.map(|id| self.world.stage_no(&id));
        let newcomer = Newcomer {
            contact: None,
            name: who.name,
            headline: who.headline.unwrap_or_default(),
            location: who.location,
            emails: who.email.into_iter().collect(),
            phones: who
                .phone
                .map(|value| Phone { kind: None, value })
                .into_iter()
                .collect(),
            posting: optional("postings", who.posting_id)?,
            origin: who.origin.as_deref().map(origin).transpose()?,
            stage: stage.transpose()?,
            owner: optional("users", who.owner_id)?,
            tags: who.tags,
            sources: who.source.into_iter().collect(),
            links: Vec::new(),
            confidential: who.confidential,
        };
        Ok(self.begin(newcomer)?.0)
    }

    /// Somebody new, or somebody known by an address: then what is known wins, and the answer says
    /// that it was.
    pub(crate) fn begin(&mut self, who: Newcomer) -> Result<(Acted, bool)> {
        if let Some(id) = who.posting {
            self.posting(id)?;
        }
        let (stage, origin) = match who.posting {
            Some(_) => ("applicant-new", "applied"),
            None => ("lead-new", "sourced"),
        };
        let stage = match who.stage {
            Some(stage) => stage,
            None => self.world.stage_no(stage)?,
        };
        let origin = who.origin.unwrap_or(origin);
        let mut emails = who.emails.iter();
        let known = emails.find_map(|email| self.world.contact_with(email));
        let deduped = who.contact.is_none() && known.is_some();
        let mut news = Vec::new();
        let contact = match who.contact.or(known) {
            Some(id) => self.world.contact(id)?.id,
            None => {
                let id = self.world.new_id();
                self.world.put_contact(Contact {
                    id,
                    name: who.name,
                    headline: who.headline,
                    location: who.location,
                    emails: who.emails,
                    phones: who.phones,
                    anonymized: false,
                });
                news.push(contact_news("contactCreated", id));
                id
            }
        };
        let row = Opportunity {
            tags: who.tags,
            sources: who.sources,
            links: who.links,
            confidential: who.confidential,
            ..self.fresh(contact, stage, origin, who.owner)
        };
        let id = row.id;
        self.world.put(row);
        let mut acted = match who.posting {
            Some(posting) => self.add_application(id, posting)?,
            None => quiet(touched(&self.world.opportunity(id)?)),
        };
        news.append(&mut acted.news);
        Ok((Acted { news, ..acted }, deduped))
    }

    fn fresh(
        &mut self,
        contact: Id,
        stage: StageNo,
        origin: &'static str,
        owner: Option<Id>,
    ) -> Opportunity {
        Opportunity {
            id: self.world.new_id(),
            contact,
            candidate: self.world.new_id(),
            created_at: self.now,
            updated_at: Some(self.now),
            last_interaction_at: self.now,
            last_advanced_at: Some(self.now),
            snoozed_until: None,
            stage,
            stage_changes: vec![StageChange {
                to: stage,
                by: self.by,
                at: self.now,
            }],
            archived: None,
            owner,
            followers: owner.into_iter().collect(),
            tags: Vec::new(),
            sources: Vec::new(),
            links: Vec::new(),
            origin,
            sourced_by: self.by.filter(|_| origin == "sourced"),
            application: None,
            confidential: false,
        }
    }

    /// The posting's tags come with it.
    pub(crate) fn add_application(&mut self, id: Id, posting: Id) -> Result {
        let row = self.world.opportunity(id)?;
        if row.application.is_some() {
            return Err(invalid("the opportunity has an application already"));
        }
        let tags = self.posting(posting)?.tags();
        let application = Application {
            id: self.world.new_id(),
            created_at: self.now,
            kind: match row.origin {
                "referred" => "referral",
                "applied" => "posting",
                _ => "user",
            },
            posting,
            user: self.by,
            requisition: None,
        };
        self.world.edit(id, Some(self.now), |row| {
            row.application = Some(application.clone());
            add(&mut row.tags, &tags);
        })?;
        let row = self.world.opportunity(id)?;
        let mut data = about(&row);
        data["applicationId"] = json!(application.id);
        Ok(told(&row, "applicationCreated", data))
    }

    pub(crate) fn delete_application(&mut self, id: Id) -> Result {
        let row = self.world.opportunity(id)?;
        let application = row.application.clone();
        let application = application.ok_or_else(|| invalid("there is no application"))?;
        self.world
            .edit(id, Some(self.now), |row| row.application = None)?;
        let touched = touched(&row);
        self.world.dead_applications.push(Grave {
            was: (row, application),
            at: self.now,
            by: self.by,
        });
        Ok(quiet(touched))
    }

    /// Works on archived ones too. To where it is already changes nothing.
    pub(crate) fn move_to(&mut self, id: Id, stage_id: &str) -> Result {
        let row = self.world.opportunity(id)?;
        let to = self.world.stage_no(stage_id)?;
        if to == row.stage {
            return Ok(quiet(touched(&row)));
        }
        let (by, at) = (self.by, self.now);
        self.world.edit(id, Some(at), |row| {
            row.stage = to;
            row.last_advanced_at = Some(at);
            row.stage_changes.push(StageChange { to, by, at });
        })?;
        let mut data = about(&row);
        data["toStageId"] = json!(stage_id);
        data["fromStageId"] = json!(self.world.stage_id(row.stage));
        Ok(told(&row, "candidateStageChange", data))
    }

    /// No reason takes it out of the archive; a reason of the hired kind hires.
    pub(crate) fn archive(
        &mut self,
        id: Id,
        reason: Option<Id>,
        requisition: Option<Id>,
        clean_interviews: bool,
    ) -> Result {
        let row = self.world.opportunity(id)?;
        let hires = match reason {
            Some(reason) => self.world.reason(reason)?.hired,
            None => false,
        };
        if let Some(id) = requisition
            && self.world.requisitions.get(id).is_none()
        {
            return Err(Refused::Missing("requisitions", id.to_string()));
        }
        if row.archived.map(|is| is.reason) == reason {
            return Ok(quiet(touched(&row)));
        }
        let was_hired = self.world.is_hired(&row);
        let archived = reason.map(|reason| Archived {
            reason,
            at: self.now,
        });
        self.world.edit(id, Some(self.now), |row| {
            row.archived = archived;
            if let Some(application) = &mut row.application {
                application.requisition = requisition.filter(|_| hires);
            }
        })?;
        if let Some(requisition) = requisition.filter(|_| hires && !was_hired)
            && let Some(row) = self.world.requisitions.get_mut(requisition)
        {
            row.hired += 1;
        }
        let mut data = about(&row);
        data["toArchived"] = shown(archived);
        data["fromArchived"] = shown(row.archived);
        let mut acted = told(&row, "candidateArchiveChange", data);
        if hires && !was_hired {
            acted.news.push(news(&row, "candidateHired", about(&row)));
        }
        if clean_interviews && reason.is_some() {
            for interview in self.world.interviews.of(id) {
                if interview.date > self.now {
                    acted
                        .news
                        .push(interview_news("interviewDeleted", &row, interview.id));
                }
            }
            self.forget_interviews_to_come(id);
        }
        Ok(acted)
    }

    pub(crate) fn tag(&mut self, id: Id, tags: &[String], on: bool) -> Result {
        self.words(id, tags, on, |row| &mut row.tags)
    }

    pub(crate) fn source(&mut self, id: Id, sources: &[String], on: bool) -> Result {
        self.words(id, sources, on, |row| &mut row.sources)
    }

    pub(crate) fn link(&mut self, id: Id, links: &[String], on: bool) -> Result {
        self.words(id, links, on, |row| &mut row.links)
    }

    /// Sets, in which a repeat changes nothing.
    fn words(
        &mut self,
        id: Id,
        words: &[String],
        on: bool,
        list: fn(&mut Opportunity) -> &mut Vec<String>,
    ) -> Result {
        let mut row = self.world.opportunity(id)?;
        let held = list(&mut row);
        let changes = words.iter().any(|word| held.contains(word) != on);
        if changes {
            self.world.edit(id, Some(self.now), |row| match on {
                true => add(list(row), words),
                false => list(row).retain(|word| !words.contains(word)),
            })?;
        }
        Ok(quiet(touched(&row)))
    }

    pub(crate) fn set_owner(&mut self, id: Id, user: Id) -> Result {
        if self.world.users.get(user).is_none() {
            return Err(Refused::Missing("users", user.to_string()));
        }
        self.world.edit(id, Some(self.now), |row| {
            row.owner = Some(user);
            if !row.followers.contains(&user) {
                row.followers.push(user);
            }
        })?;
        Ok(quiet(touched(&self.world.opportunity(id)?)))
    }

    pub(crate) fn interact(&mut self, id: Id) -> Result {
        let now = self.now;
        self.world
            .edit(id, Some(now), |row| row.last_interaction_at = now)?;
        Ok(quiet(touched(&self.world.opportunity(id)?)))
    }

    pub(crate) fn set_confidential(&mut self, id: Id, confidential: bool) -> Result {
        let change = |row: &mut Opportunity| row.confidential = confidential;
        self.world.edit(id, Some(self.now), change)?;
        Ok(quiet(touched(&self.world.opportunity(id)?)))
    }

    /// The application goes with it.
    pub(crate) fn delete_opportunity(&mut self, id: Id) -> Result {
        let row = self.world.take(id)?;
        let mut data = about(&row);
        data["deletedBy"] = json!(self.by);
        let acted = told(&row, "candidateDeleted", data);
        let (at, by) = (self.now, self.by);
        if let Some(application) = row.application.clone() {
            let was = (row.clone(), application);
            let grave = Grave { was, at, by };
            self.world.dead_applications.push(grave);
        }
        let grave = Grave { was: row, at, by };
        self.world.dead_opportunities.push(grave);
        Ok(acted)
    }
}

/// One of the six words.
pub(crate) fn origin(word: &str) -> Result<&'static str> {
    let found = ORIGINS.into_iter().find(|origin| *origin == word);
    found.ok_or_else(|| invalid(format!("{word} is no origin")))
}

fn add(list: &mut Vec<String>, words: &[String]) {
    for word in words {
        if !list.contains(word) {
            list.push(word.clone());
        }
    }
}

fn shown(archived: Option<Archived>) -> Value {
    match archived {
        Some(is) => json!({"reason": is.reason, "archivedAt": is.at.ms()}),
        None => Value::Null,
    }
}

/// The ids most events carry.
fn about(row: &Opportunity) -> Value {
    json!({
        "opportunityId": row.id,
        "candidateId": row.candidate,
        "contactId": row.contact,
    })
}

fn news(row: &Opportunity, event: &'static str, data: Value) -> News {
    News {
        event,
        data,
        origin: Some(row.origin),
    }
}

fn told(row: &Opportunity, event: &'static str, data: Value) -> Acted {
    Acted {
        news: vec![news(row, event, data)],
        touched: touched(row),
    }
}

fn quiet(touched: Touched) -> Acted {
    Acted {
        news: Vec::new(),
        touched,
    }
}

pub(crate) fn touched(row: &Opportunity) -> Touched {
    Touched {
        opportunity_id: Some(row.id.to_string()),
        application_id: row.application.as_ref().map(|is| is.id.to_string()),
        contact_id: Some(row.contact.to_string()),
        row_id: None,
    }
}

pub(crate) fn interview_news(event: &'static str, row: &Opportunity, interview: Id) -> News {
    News {
        event,
        data: json!({
            "opportunityId": row.id,
            "interviewId": interview,
            "candidateId": row.candidate,
        }),
        origin: None,
    }
}

pub(crate) fn contact_news(event: &'static str, id: Id) -> News {
    News {
        event,
        data: json!({"contactId": id}),
        origin: None,
    }
}
