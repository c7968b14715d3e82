//! What people do in the tenant. Every act changes the tables and says for which applications a
//! business process ran; who is told about that is decided elsewhere.

use serde::{Deserialize, Deserializer, Serialize, de};

use super::company::{LOCATIONS, SOURCES, WORKERS};
use super::rows::*;
use super::world::{Refused, World};
use crate::clock::Time;

/// A person's act, as the control routes and tests write it. Ids are numbers, or texts such as
/// `JA-5001`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Act {
    /// Somebody applies; with `candidate_id` somebody known.
    Apply(Applicant),
    /// To a stage by its name, or to the next one.
    Move {
        #[serde(deserialize_with = "id")]
        application_id: u64,
        #[serde(default)]
        stage: Option<String>,
    },
    /// Ends an application by a disposition of the tenant (the first one if none is named).
    Dispose {
        #[serde(deserialize_with = "id")]
        application_id: u64,
        #[serde(default)]
        disposition: Option<String>,
    },
    /// The candidate ends the application.
    Withdraw {
        #[serde(deserialize_with = "id")]
        application_id: u64,
    },
    /// To "Ready for Hire".
    Hire {
        #[serde(deserialize_with = "id")]
        application_id: u64,
    },
    ChangeCandidate(CandidateChange),
    DeleteCandidate {
        #[serde(deserialize_with = "id")]
        candidate_id: u64,
    },
    /// The candidate disappears into another one, who gets the applications.
    MergeCandidate {
        #[serde(deserialize_with = "id")]
        candidate_id: u64,
        #[serde(deserialize_with = "id")]
        into_candidate_id: u64,
    },
    OpenRequisition {
        title: String,
        #[serde(default)]
        posted: bool,
    },
    ChangeRequisition(RequisitionChange),
    ScheduleInterview {
        #[serde(deserialize_with = "id")]
        application_id: u64,
        starts_at: Time,
    },
    /// `Completed` or `Canceled`.
    EndInterview {
        #[serde(deserialize_with = "id")]
        interview_id: u64,
        status: String,
    },
    ExtendOffer {
        #[serde(deserialize_with = "id")]
        application_id: u64,
    },
    /// `Accepted` or `Declined`.
    AnswerOffer {
        #[serde(deserialize_with = "id")]
        offer_id: u64,
        status: String,
    },
}

/// Who applies, and to what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct Applicant {
    #[serde(deserialize_with = "some_id")]
    pub candidate_id: Option<u64>,
    pub first_name: String,
    pub last_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    #[serde(deserialize_with = "id")]
    pub requisition_id: u64,
    /// One of the tenant's sources.
    pub source: Option<String>,
}

/// What changes about a candidate; what is not named stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct CandidateChange {
    #[serde(deserialize_with = "id")]
    pub candidate_id: u64,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// An empty text takes the address away.
    pub email: Option<String>,
    pub phone: Option<String>,
    pub add_tag: Option<String>,
    pub remove_tag: Option<String>,
    pub do_not_hire: Option<bool>,
}

/// What changes about a requisition; what is not named stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct RequisitionChange {
    #[serde(deserialize_with = "id")]
    pub requisition_id: u64,
    pub title: Option<String>,
    /// `Open`, `Frozen`, `Filled` or `Closed`.
    pub status: Option<String>,
    pub posted: Option<bool>,
}

/// What an act touched.
#[derive(Clone, Debug, Default, Serialize, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Touched {
    pub candidate_id: Option<u64>,
    pub application_id: Option<u64>,
    pub requisition_id: Option<u64>,
    pub interview_id: Option<u64>,
    pub offer_id: Option<u64>,
}

/// The result of an act.
#[derive(Default)]
pub(crate) struct Acted {
    pub(crate) touched: Touched,
    /// The application whose business process ran, and the step it came to.
    pub(crate) process: Option<(u64, &'static str)>,
}

impl World {
    pub(crate) fn act(&mut self, now: Time, act: Act) -> Result<Acted, Refused> {
        let acted = match act {
            Act::Apply(applicant) => self.apply(now, applicant),
            Act::Move {
                application_id,
                stage,
            } => self.move_to(now, application_id, stage.as_deref()),
            Act::Dispose {
                application_id,
                disposition,
            } => self.dispose(now, application_id, disposition.as_deref()),
            Act::Withdraw { application_id } => {
                let reason = DISPOSITIONS.iter().find(|one| one.by == Party::Candidate);
                self.dispose(now, application_id, reason.map(|one| one.name))
            }
            Act::Hire { application_id } => {
                let last = STAGES.last().map(|stage| stage.name);
                self.move_to(now, application_id, last)
            }
            Act::ChangeCandidate(change) => self.change_candidate(now, change),
            Act::DeleteCandidate { candidate_id } => {
                self.candidate(candidate_id)?;
                self.remove_candidate(candidate_id);
                Ok(touching(|touched| {
                    touched.candidate_id = Some(candidate_id)
                }))
            }
            Act::MergeCandidate {
                candidate_id,
                into_candidate_id,
            } => self.merge(now, candidate_id, into_candidate_id),
            Act::OpenRequisition { title, posted } => Ok(self.open_requisition(now, title, posted)),
            Act::ChangeRequisition(change) => self.change_requisition(now, change),
            Act::ScheduleInterview {
                application_id,
                starts_at,
            } => self.schedule_interview(now, application_id, starts_at),
            Act::EndInterview {
                interview_id,
                status,
            } => self.end_interview(now, interview_id, &status),
            Act::ExtendOffer { application_id } => self.extend_offer(now, application_id),
            Act::AnswerOffer { offer_id, status } => self.answer_offer(now, offer_id, &status),
        }?;
        self.generation += 1;
        Ok(acted)
    }

    fn apply(&mut self, now: Time, applicant: Applicant) -> Result<Acted, Refused> {
        if self.requisition(applicant.requisition_id)?.status != "Open" {
            return Err(Refused::invalid("requisition_id", "is not open"));
        }
        let source = match applicant.source.as_deref() {
            Some(name) => {
                let found = SOURCES.iter().find(|source| **source == name);
                Some(*found.ok_or(Refused::Missing("source"))?)
            }
            None => None,
        };
        let candidate_id = match applicant.candidate_id {
            Some(id) => {
                self.candidate(id)?;
                let applications = self.applications_of(id);
                let mut same = applications.iter();
                if same.any(|row| row.requisition_id == applicant.requisition_id) {
                    return Err(Refused::invalid("requisition_id", "applied to already"));
                }
                id
            }
            None => self.add_candidate(now, &applicant)?,
        };
        let id = self.next_application;
        self.next_application += 1;
        let referral = source == Some("Referral");
        self.add_application(Application {
            id,
            candidate_id,
            requisition_id: applicant.requisition_id,
            applied_at: now,
            stage: &STAGES[0],
            disposition: None,
            status_at: now,
            source,
            referred_by: referral.then(|| &WORKERS[(id % WORKERS.len() as u64) as usize]),
            history: vec![Stay {
                stage: &STAGES[0],
                entered: now,
                exited: None,
            }],
            created_at: now,
            updated_at: now,
        });
        let mut acted = processed(id, STAGES[0].step);
        acted.touched.candidate_id = Some(candidate_id);
        Ok(acted)
    }

    fn add_candidate(&mut self, now: Time, applicant: &Applicant) -> Result<u64, Refused> {
        if applicant.first_name.is_empty() || applicant.last_name.is_empty() {
            return Err(Refused::invalid(
                "last_name",
                "a candidate needs both names",
            ));
        }
        let id = self.next_candidate;
        self.next_candidate += 1;
        self.candidates.insert(Candidate {
            id,
            first_name: applicant.first_name.clone(),
            last_name: applicant.last_name.clone(),
            email: applicant.email.clone(),
            phone: applicant.phone.clone(),
            city: None,
            profile_url: None,
            tags: Vec::new(),
            pools: Vec::new(),
            do_not_hire: false,
            files: vec!["resume.pdf".into()],
            created_at: now,
            updated_at: now,
        });
        Ok(id)
    }

    fn open_application(&self, id: u64) -> Result<Application, Refused> {
        let row = self.application(id)?.into_owned();
        match row.disposition {
            Some(_) => Err(Refused::invalid("application_id", "has ended already")),
            None => Ok(row),
        }
    }

    /// Bumps the application; a stay ends and another begins.
    fn move_to(&mut self, now: Time, id: u64, name: Option<&str>) -> Result<Acted, Refused> {
        let row = self.open_application(id)?;
        let here = STAGES.iter().position(|stage| stage == row.stage);
        let next = here.map_or(0, |at| at + 1);
        let stage = match name {
            Some(name) => STAGES.iter().find(|stage| stage.name == name),
            None => STAGES.get(next),
        };
        let stage = stage.ok_or(Refused::Missing("stage"))?;
        if stage == row.stage {
            return Err(Refused::invalid("stage", "is there already"));
        }
        self.edit_application(id, now, |row| {
            row.stage = stage;
            row.status_at = now;
            if let Some(stay) = row.history.last_mut() {
                stay.exited = Some(now);
            }
            row.history.push(Stay {
                stage,
                entered: now,
                exited: None,
            });
        });
        Ok(processed(id, stage.step))
    }

    /// Bumps the application; its stage stays.
    fn dispose(&mut self, now: Time, id: u64, name: Option<&str>) -> Result<Acted, Refused> {
        self.open_application(id)?;
        let found = match name {
            Some(name) => DISPOSITIONS.iter().find(|one| one.name == name),
            None => DISPOSITIONS.first(),
        };
        let disposition = found.ok_or(Refused::Missing("disposition"))?;
        self.edit_application(id, now, |row| {
            row.disposition = Some(disposition);
            row.status_at = now;
        });
        Ok(processed(id, "Disposition"))
    }

    /// Bumps the candidate and none of the applications.
    fn change_candidate(&mut self, now: Time, change: CandidateChange) -> Result<Acted, Refused> {
        let id = change.candidate_id;
        self.candidate(id)?;
        self.edit_candidate(id, now, |row| {
            set(&mut row.first_name, change.first_name);
            set(&mut row.last_name, change.last_name);
            let some = |text: String| (!text.is_empty()).then_some(text);
            set(&mut row.email, change.email.map(some));
            set(&mut row.phone, change.phone.map(some));
            set(&mut row.do_not_hire, change.do_not_hire);
            row.tags
                .retain(|tag| Some(tag) != change.remove_tag.as_ref());
            row.tags.extend(change.add_tag);
        });
        Ok(touching(|touched| touched.candidate_id = Some(id)))
    }

    /// The duplicate vanishes; its applications change hands and are bumped, the survivor is too.
    fn merge(&mut self, now: Time, id: u64, into: u64) -> Result<Acted, Refused> {
        self.candidate(id)?;
        self.candidate(into)?;
        if id == into {
            let text = "a candidate cannot be merged into itself";
            return Err(Refused::invalid("into_candidate_id", text));
        }
        let applications: Vec<u64> = self.applications_of(id).iter().map(|row| row.id).collect();
        for application in applications {
            self.edit_application(application, now, |row| row.candidate_id = into);
        }
        self.edit_candidate(into, now, |_| ());
        self.remove_candidate(id);
        Ok(touching(|touched| touched.candidate_id = Some(into)))
    }

    fn open_requisition(&mut self, now: Time, title: String, posted: bool) -> Acted {
        let id = self.next_requisition;
        self.next_requisition += 1;
        self.requisitions.insert(Requisition {
            id,
            description: format!("We are looking for somebody: {title}."),
            title,
            status: "Open".into(),
            location: &LOCATIONS[(id % LOCATIONS.len() as u64) as usize],
            recruiter: &WORKERS[1],
            manager: &WORKERS[3],
            time_type: "Full time",
            openings: 1,
            target_hire: Some(now.plus_secs(60 * 86_400)),
            posting: posted.then_some(Posting {
                active: true,
                external: true,
                since: now,
            }),
            created_at: now,
            updated_at: now,
        });
        self.note_requisition(now, id);
        touching(|touched| touched.requisition_id = Some(id))
    }

    fn change_requisition(
        &mut self,
        now: Time,
        change: RequisitionChange,
    ) -> Result<Acted, Refused> {
        let id = change.requisition_id;
        self.requisition(id)?;
        let known = ["Open", "Frozen", "Filled", "Closed"];
        if let Some(status) = &change.status
            && !known.contains(&status.as_str())
        {
            return Err(Refused::Missing("requisition status"));
        }
        self.edit_requisition(id, now, |row| {
            set(&mut row.title, change.title);
            set(&mut row.status, change.status);
            if let Some(active) = change.posted {
                let posting = row.posting.get_or_insert(Posting {
                    active,
                    external: true,
                    since: now,
                });
                posting.active = active;
            }
        });
        Ok(touching(|touched| touched.requisition_id = Some(id)))
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

pub(crate) fn touching(name: impl FnOnce(&mut Touched)) -> Acted {
    let mut acted = Acted::default();
    name(&mut acted.touched);
    acted
}

pub(crate) fn processed(application: u64, step: &'static str) -> Acted {
    let mut acted = touching(|touched| touched.application_id = Some(application));
    acted.process = Some((application, step));
    acted
}

/// A number, or a text that ends with one (`JA-5001`, `5001`).
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    some_id(deserializer)?.ok_or_else(|| de::Error::custom("an id is needed"))
}

fn some_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(None);
    }
    let text = value.as_str().and_then(|text| text.rsplit('-').next());
    let number = value.as_u64().or_else(|| text?.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| de::Error::custom("not an id"))
}
