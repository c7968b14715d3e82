//! Acts about a person: apply, edit, tag, merge, delete, anonymize.

use serde_json::{Map, Value, json};

use super::acts::{Acted, Applicant, CandidateEdit, Result, Touched};
use super::nested::{NEW, OTHER};
use super::people_rows::{Application, AppliedCandidateTag, Candidate, Contact, Note};
use super::world::{Refused, World, set_custom};
use crate::clock::Time;

impl World {
    pub(crate) fn apply(&mut self, now: Time, applicant: Applicant) -> Result {
        let job_id = applicant
            .job_id
            .ok_or_else(|| Refused::invalid("job_id", "is missing"))?;
        self.job(job_id)?;
        let first = self.stages_of(job_id).first().map(|stage| stage.id);
        let (candidate_id, id) = self.admit(now, &applicant, Some(job_id))?;
        if let Some(stage_id) = first {
            self.enter_stage(now, id, stage_id)?;
        }
        let app = self.application(id)?;
        Ok(Acted::one(
            "new_candidate_application",
            self.nested_application(&app, NEW),
            Touched {
                candidate_id: Some(candidate_id),
                application_id: Some(id),
                ..Touched::default()
            },
        ))
    }

    pub(crate) fn add_prospect(&mut self, now: Time, applicant: Applicant) -> Result {
        let (candidate_id, id) = self.admit(now, &applicant, None)?;
        let app = self.application(id)?;
        Ok(Acted::one(
            "new_prospect_application",
            self.nested_application(&app, OTHER),
            Touched {
                candidate_id: Some(candidate_id),
                application_id: Some(id),
                ..Touched::default()
            },
        ))
    }

    pub(crate) fn edit_candidate(&mut self, now: Time, edit: CandidateEdit) -> Result {
        let id = edit.candidate_id;
        let change = |row: &mut Candidate| {
            row.first_name = edit.first_name.or(row.first_name.take());
            row.last_name = edit.last_name.or(row.last_name.take());
            row.company = edit.company.or(row.company.take());
            row.title = edit.title.or(row.title.take());
            row.private = edit.private.or(row.private);
            if let Some(email) = edit.email {
                row.email_addresses = vec![Contact::new(email, "personal")];
            }
            if let Some(phone) = edit.phone {
                row.phone_numbers = vec![Contact::new(phone, "mobile")];
            }
            if let Some(name) = edit.custom_field {
                let value = edit.custom_value.unwrap_or(Value::Null);
                set_custom(&mut row.custom_fields, &name, "short_text", value);
            }
        };
        self.candidates
            .edit(id, now, change)
            .ok_or(Refused::Missing("Candidate"))?;
        self.candidate_news(id)
    }

    pub(crate) fn tag_by_name(&mut self, now: Time, candidate_id: u64, name: &str) -> Result {
        self.candidate(candidate_id)?;
        let tag_id = self.tag_named(now, name);
        self.tag(now, candidate_id, tag_id)
    }

    pub(crate) fn untag_by_name(&mut self, now: Time, candidate_id: u64, name: &str) -> Result {
        self.candidate(candidate_id)?;
        let tag_id = self.tag_named(now, name);
        let mut rows = self.applied_candidate_tags.iter();
        let row = rows
            .find(|row| row.candidate_id == candidate_id && row.candidate_tag_id == tag_id)
            .map(|row| row.id);
        self.untag(now, row.ok_or(Refused::Missing("Applied candidate tag"))?)
    }

    /// Puts a tag on a candidate. Doing it twice finds the first row again.
    pub(crate) fn tag(&mut self, now: Time, candidate_id: u64, tag_id: u64) -> Result {
        self.candidate(candidate_id)?;
        let tag = super::world::find(&self.candidate_tags, tag_id, "Candidate tag")?;
        let mut rows = self.applied_candidate_tags.iter();
        let known =
            rows.find(|row| row.candidate_id == candidate_id && row.candidate_tag_id == tag_id);
        if let Some(row) = known {
            return Ok(Acted::silent(Touched::row(row.id)));
        }
        let id = self.ids.next();
        self.applied_candidate_tags.insert(AppliedCandidateTag {
            id,
            created_at: now,
            updated_at: now,
            candidate_tag_id: tag_id,
            candidate_id,
        });
        self.candidates
            .edit(candidate_id, now, |row| row.tags.push(tag.name.clone()));
        let mut acted = self.candidate_news(candidate_id)?;
        acted.touched.row_id = Some(id);
        Ok(acted)
    }

    pub(crate) fn untag(&mut self, now: Time, row_id: u64) -> Result {
        let row = self
            .applied_candidate_tags
            .remove(row_id)
            .ok_or(Refused::Missing("Applied candidate tag"))?;
        let name = self
            .candidate_tags
            .get(row.candidate_tag_id)
            .map(|tag| tag.name.clone());
        self.candidates.edit(row.candidate_id, now, |candidate| {
            candidate.tags.retain(|tag| Some(tag) != name.as_ref());
        });
        self.candidate_news(row.candidate_id)
    }

    /// The tag of that name, made if there is none.
    pub(crate) fn tag_named(&mut self, now: Time, name: &str) -> u64 {
        let mut tags = self.candidate_tags.iter();
        if let Some(tag) = tags.find(|tag| tag.name == name) {
            return tag.id;
        }
        let id = self.ids.next();
        self.candidate_tags
            .insert(super::company_rows::CandidateTag {
                id,
                created_at: now,
                updated_at: now,
                name: name.into(),
            });
        id
    }

    pub(crate) fn merge(&mut self, now: Time, loser_id: u64, winner_id: u64) -> Result {
        let loser = self.candidate(loser_id)?;
        self.candidate(winner_id)?;
        if loser_id == winner_id {
            return Err(Refused::invalid(
                "into_candidate_id",
                "is the same candidate",
            ));
        }
        for id in self.applications_of(loser_id) {
            self.applications
                .edit(id, now, |row| row.candidate_id = winner_id);
        }
        let notes: Vec<u64> = self.notes_of(loser_id);
        for id in notes {
            self.notes
                .edit(id, now, |row| row.candidate_id = Some(winner_id));
        }
        for tag in loser.tags.clone() {
            self.tag_by_name(now, winner_id, &tag)?;
        }
        self.drop_tags_of(loser_id);
        self.candidates.remove(loser_id);
        self.candidates
            .edit(winner_id, now, |row| row.last_activity_at = Some(now));
        Ok(Acted::one(
            "merge_candidate",
            self.nested_person(&loser, ("new_candidate_id", json!(winner_id))),
            Touched {
                candidate_id: Some(winner_id),
                ..Touched::row(loser_id)
            },
        ))
    }

    pub(crate) fn delete_candidate(&mut self, id: u64) -> Result {
        let candidate = self.candidate(id)?;
        let applications = self.applications_of(id);
        for application_id in &applications {
            self.forget_application(*application_id);
        }
        for note in self.notes_of(id) {
            self.notes.remove(note);
        }
        self.drop_tags_of(id);
        self.candidates.remove(id);
        Ok(Acted::one(
            "delete_candidate",
            self.nested_person(&candidate, ("deleted_application_ids", json!(applications))),
            Touched {
                candidate_id: Some(id),
                ..Touched::default()
            },
        ))
    }

    pub(crate) fn anonymize(&mut self, now: Time, id: u64, mut fields: Vec<String>) -> Result {
        self.candidate(id)?;
        if fields.is_empty() {
            fields = USUAL.map(str::to_string).to_vec();
        }
        let has = |name: &str| fields.iter().any(|field| field == name);
        self.candidates.edit(id, now, |row| {
            if has("full_name") {
                (row.first_name, row.last_name) = (None, None);
                row.preferred_name = None;
            }
            if has("current_company") {
                row.company = None;
            }
            if has("current_title") {
                row.title = None;
            }
            if has("phone_numbers") {
                row.phone_numbers.clear();
            }
            if has("emails") {
                row.email_addresses.clear();
            }
            if has("addresses") {
                row.addresses.clear();
            }
            if has("websites") {
                row.website_addresses.clear();
            }
            if has("social_media_links") {
                row.social_media_addresses.clear();
            }
            if has("custom_candidate_fields") {
                row.custom_fields.clear();
            }
            if has("tags") {
                row.tags.clear();
            }
        });
        if has("tags") {
            self.drop_tags_of(id);
        }
        if has("activity_items") {
            for note in self.notes_of(id) {
                self.notes.remove(note);
            }
        }
        let payload = json!({"candidate_id": id, "anonymized_fields": fields});
        let touched = Touched {
            candidate_id: Some(id),
            ..Touched::default()
        };
        let mut acted = Acted::one("candidate_anonymized", payload, touched);
        if has("all_offer_versions") {
            let offers = self.offers.iter().filter(|offer| offer.candidate_id == id);
            for offer in offers.map(|offer| offer.id).collect::<Vec<_>>() {
                acted = acted.and(self.delete_offer(offer)?);
            }
        }
        Ok(acted)
    }

    /// A new application, of somebody new or known, in no stage yet.
    fn admit(&mut self, now: Time, who: &Applicant, job_id: Option<u64>) -> Result<(u64, u64)> {
        let candidate_id = match who.candidate_id {
            Some(id) => self.candidate(id)?.id,
            None => self.add_candidate(now, who)?,
        };
        for id in &who.prospective_job_ids {
            self.job(*id)?;
        }
        let owner = |kind: &str| {
            let mut owners = self.job_owners.iter();
            let owner = owners.find(|row| Some(row.job_id) == job_id && row.r#type == kind);
            owner.map(|row| row.user_id)
        };
        let (recruiter, coordinator) = (owner("recruiter"), owner("coordinator"));
        let post = self
            .job_posts
            .iter()
            .find(|post| Some(post.job_id) == job_id && post.live)
            .map(|post| post.id);
        let id = self.ids.next();
        self.applications.insert(Application {
            id,
            created_at: now,
            updated_at: now,
            agency_note_id: None,
            candidate_id,
            coordinator_id: coordinator,
            job_id,
            job_post_id: post,
            recruiter_id: recruiter,
            referrer_id: who.referrer_id,
            source_id: who.source_id,
            stage_id: None,
            stage_name: None,
            status: "in_process".into(),
            needs_decision: Some(false),
            prospect: job_id.is_none(),
            rejected_at: None,
            last_activity_at: Some(now),
            location_address: None,
            answers: Some(Vec::new()),
            prospective_job_ids: who.prospective_job_ids.clone(),
            custom_fields: Map::new(),
        });
        self.candidates.edit(candidate_id, now, |row| {
            row.last_activity_at = Some(now);
            row._recruiter_id = row._recruiter_id.or(recruiter);
            row._coordinator_id = row._coordinator_id.or(coordinator);
        });
        Ok((candidate_id, id))
    }

    fn add_candidate(&mut self, now: Time, who: &Applicant) -> Result<u64> {
        for (field, value) in [
            ("first_name", &who.first_name),
            ("last_name", &who.last_name),
        ] {
            if value.trim().is_empty() {
                return Err(Refused::invalid(field, "is missing"));
            }
        }
        let id = self.ids.next();
        let list = |value: &Option<String>, kind: &str| {
            let value = value.clone().filter(|value| !value.is_empty());
            value
                .map(|value| Contact::new(value, kind))
                .into_iter()
                .collect()
        };
        self.candidates.insert(Candidate {
            id,
            created_at: now,
            updated_at: now,
            first_name: Some(who.first_name.clone()),
            last_name: Some(who.last_name.clone()),
            preferred_name: None,
            company: who.company.clone(),
            title: who.title.clone(),
            last_activity_at: Some(now),
            private: Some(false),
            can_email: true,
            time_zone: None,
            tags: Vec::new(),
            linked_user_ids: Vec::new(),
            phone_numbers: list(&who.phone, "mobile"),
            addresses: Vec::new(),
            email_addresses: list(&who.email, "personal"),
            website_addresses: Vec::new(),
            social_media_addresses: Vec::new(),
            custom_fields: Map::new(),
            _recruiter_id: None,
            _coordinator_id: None,
        });
        Ok(id)
    }

    fn candidate_news(&self, id: u64) -> Result {
        let candidate = self.candidate(id)?;
        Ok(Acted::one(
            "update_candidate",
            json!({"candidate": self.nested_candidate(&candidate)}),
            Touched {
                candidate_id: Some(id),
                ..Touched::default()
            },
        ))
    }

    fn notes_of(&self, candidate_id: u64) -> Vec<u64> {
        let notes = self.notes.iter();
        let notes = notes.filter(|note| note.candidate_id == Some(candidate_id));
        notes.map(|note| note.id).collect()
    }

    fn drop_tags_of(&mut self, candidate_id: u64) {
        let rows = self.applied_candidate_tags.iter();
        let rows = rows.filter(|row| row.candidate_id == candidate_id);
        for id in rows.map(|row| row.id).collect::<Vec<_>>() {
            self.applied_candidate_tags.remove(id);
        }
    }
}

impl Note {
    /// A note as a person writes it in the feed.
    pub(crate) fn plain(
        id: u64,
        now: Time,
        candidate_id: u64,
        user_id: Option<u64>,
        body: String,
    ) -> Self {
        Note {
            id,
            created_at: now,
            updated_at: now,
            candidate_id: Some(candidate_id),
            application_id: None,
            body_with_tags: Some(body.clone()),
            body: Some(body),
            subject: None,
            r#type: "NOTE".into(),
            user_id,
            email_from: None,
            email_to: None,
            email_cc: None,
            import_hash: None,
            visibility: Some("publicly_visible".into()),
            email_attachment_file_names: None,
        }
    }
}

/// What is cleared when nobody names the fields.
const USUAL: [&str; 9] = [
    "full_name",
    "current_company",
    "current_title",
    "phone_numbers",
    "emails",
    "addresses",
    "websites",
    "social_media_links",
    "custom_candidate_fields",
];
