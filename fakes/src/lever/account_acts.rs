//! Acts about the account: postings, requisitions, users, stages, reasons. No event tells of them.

use super::acts::{Act, Acted, Hand, PostingPlan, RequisitionPlan, Result, id_in, optional};
use super::id::Id;
use super::rows::{Grave, Posting, Reason, Requisition, Stage, User};
use super::world::{Refused, invalid};

const STATES: [&str; 6] = [
    "published",
    "internal",
    "closed",
    "draft",
    "pending",
    "rejected",
];

impl Hand<'_> {
    pub(crate) fn act_on_account(&mut self, act: Act) -> Result {
        match act {
            Act::AddPosting(plan) => self.add_posting(plan),
            Act::EditPosting {
                posting_id,
                text,
                state,
            } => self.edit_posting(&posting_id, text, state),
            Act::DeletePosting { posting_id } => {
                let id = id_in("postings", &posting_id)?;
                let was = self.world.postings.remove(id);
                let was = was.ok_or(Refused::Missing("postings", posting_id))?;
                let (at, by) = (self.now, self.by);
                self.world.dead_postings.push(Grave { was, at, by });
                Ok(Acted::row(id))
            }
            Act::AddRequisition(plan) => self.add_requisition(plan),
            Act::EditRequisition {
                requisition_id,
                name,
                status,
                headcount,
                notes,
            } => {
                let id = id_in("requisitions", &requisition_id)?;
                let row = self.world.requisitions.get_mut(id);
                let row = row.ok_or(Refused::Missing("requisitions", requisition_id))?;
                if name.is_some() || status.is_some() || headcount.is_some() {
                    row.updated_at = self.now;
                }
                if status.as_deref() == Some("closed") {
                    row.closed_at = Some(self.now);
                }
                row.name = name.unwrap_or_else(|| row.name.clone());
                row.status = status.unwrap_or_else(|| row.status.clone());
                row.total = headcount.or(row.total);
                row.notes = notes.unwrap_or_else(|| row.notes.clone());
                Ok(Acted::row(id))
            }
            Act::AddUser { name, email } => Ok(Acted::row(self.add_user(name, email, "limited"))),
            Act::DeactivateUser { user_id } => {
                let id = id_in("users", &user_id)?;
                let row = self.world.users.get_mut(id);
                let row = row.ok_or(Refused::Missing("users", user_id))?;
                row.deactivated_at = Some(self.now);
                Ok(Acted::row(id))
            }
            Act::AddStage { text } => {
                let id = self.world.new_id().to_string();
                self.world.stages.push(Stage {
                    id: id.clone(),
                    text,
                    pipeline: "interview",
                });
                Ok(Acted::row(id))
            }
            Act::RenameStage { stage_id, text } => {
                let no = self.world.stage_no(&stage_id)?;
                self.world.stages[no].text = text;
                Ok(Acted::row(stage_id))
            }
            Act::AddReason { text, hired } => {
                let id = self.world.new_id();
                self.world.reasons.push(Reason {
                    id,
                    text,
                    active: true,
                    hired,
                });
                Ok(Acted::row(id))
            }
            _ => Err(invalid("nobody does this here")),
        }
    }

    pub(crate) fn posting(&self, id: Id) -> Result<Posting> {
        let found = self.world.postings.get(id);
        let missing = || Refused::Missing("postings", id.to_string());
        found.map(|row| row.into_owned()).ok_or_else(missing)
    }

    pub(crate) fn add_posting(&mut self, plan: PostingPlan) -> Result {
        let state = plan.state.unwrap_or_else(|| "published".into());
        let state = a_state(state)?;
        let channels = ["public", "internal"].map(String::from).to_vec();
        let id = self.world.new_id();
        self.world.postings.insert(Posting {
            id,
            text: plan.text,
            created_at: self.now,
            updated_at: self.now,
            owner: optional("users", plan.owner_id)?,
            hiring_manager: optional("users", plan.hiring_manager_id)?,
            team: plan.team,
            department: plan.department,
            location: plan.location,
            commitment: "Full-time".into(),
            state,
            channels: plan.channels.unwrap_or(channels),
            req_code: plan.requisition_code,
            confidential: plan.confidential,
        });
        Ok(Acted::row(id))
    }

    fn edit_posting(&mut self, id: &str, text: Option<String>, state: Option<String>) -> Result {
        let state = state.map(a_state).transpose()?;
        let number = id_in("postings", id)?;
        let row = self.world.postings.get_mut(number);
        let row = row.ok_or_else(|| Refused::Missing("postings", id.to_string()))?;
        row.updated_at = self.now;
        row.text = text.unwrap_or_else(|| row.text.clone());
        row.state = state.unwrap_or_else(|| row.state.clone());
        Ok(Acted::row(number))
    }

    pub(crate) fn add_requisition(&mut self, plan: RequisitionPlan) -> Result {
        let postings = plan.posting_ids.iter();
        let postings = postings.map(|id| id_in("postings", id));
        let postings = postings.collect::<Result<Vec<Id>>>()?;
        let id = self.world.new_id();
        self.world.requisitions.insert(Requisition {
            id,
            code: plan.code,
            name: plan.name,
            created_at: self.now,
            updated_at: self.now,
            closed_at: None,
            status: "open".into(),
            hired: 0,
            total: plan.headcount,
            postings,
            offers: Vec::new(),
            owner: optional("users", plan.owner_id)?,
            hiring_manager: optional("users", plan.hiring_manager_id)?,
            notes: String::new(),
            confidential: plan.confidential,
        });
        Ok(Acted::row(id))
    }

    pub(crate) fn add_user(&mut self, name: String, email: String, role: &str) -> Id {
        let id = self.world.new_id();
        self.world.users.insert(User {
            id,
            name,
            email,
            created_at: self.now,
            deactivated_at: None,
            role: role.into(),
            job_title: None,
            manager: None,
        });
        id
    }
}

impl Posting {
    /// What an application to it is tagged with by itself.
    pub(crate) fn tags(&self) -> Vec<String> {
        let words = [
            &self.text,
            &self.team,
            &self.department,
            &self.location,
            &self.commitment,
        ];
        let words = words.into_iter().filter(|word| !word.is_empty());
        words.cloned().collect()
    }
}

fn a_state(state: String) -> Result<String> {
    match STATES.contains(&state.as_str()) {
        true => Ok(state),
        false => Err(invalid(format!("{state} is no state of a posting"))),
    }
}
