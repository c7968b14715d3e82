//! Acts on candidates. Only deleting and merging have webhooks; everything else shows in lists.

use serde_json::json;

use super::acts::{Act, Acted};
use super::ids::{Kind, id};
use super::problem::Problem;
use super::world::World;
use crate::clock::Time;

impl World {
    pub(super) fn candidate_act(&mut self, now: Time, act: Act) -> Result<Acted, Problem> {
        let candidate = |world: &World, id: &str| world.find(Kind::Candidate, id);
        match act {
            Act::EditCandidate {
                candidate_id,
                name,
                email,
                phone,
                company,
            } => {
                let n = candidate(self, &candidate_id)?;
                self.edit_candidate(n, now, |row| {
                    row.name = name.unwrap_or(std::mem::take(&mut row.name));
                    if let Some(email) = email {
                        row.emails = vec![email];
                    }
                    if let Some(phone) = phone {
                        row.phones = vec![phone];
                    }
                    row.company = company.or(row.company.take());
                });
                Ok(about(n))
            }
            Act::Tag {
                candidate_id,
                tag_id,
            } => self.tag(now, &candidate_id, &tag_id, true),
            Act::Untag {
                candidate_id,
                tag_id,
            } => self.tag(now, &candidate_id, &tag_id, false),
            Act::Note {
                candidate_id,
                text,
                private,
            } => {
                let n = candidate(self, &candidate_id)?;
                let author = self.docs(Kind::User).next();
                let note = self.note(now, n, &text, private, author);
                let mut acted = about(n);
                acted.touched.id = Some(id(Kind::Note, note));
                Ok(acted)
            }
            Act::DeleteCandidate { candidate_id } => {
                let n = candidate(self, &candidate_id)?;
                for application in self.candidate(n)?.row.applications {
                    self.remove_application(application);
                }
                self.remove_children(Kind::Note, n);
                self.remove(Kind::Candidate, n);
                let mut acted = about(n);
                acted.tell(
                    "candidateDelete",
                    json!({"candidate": {"id": candidate_id}}),
                );
                Ok(acted)
            }
            Act::MergeCandidate {
                candidate_id,
                into_candidate_id,
            } => self.merge(now, &candidate_id, &into_candidate_id),
            _ => Err(Problem::new("invalid_input", "Not an act on candidates")),
        }
    }

    /// A tag is on a candidate or not; setting it twice changes nothing.
    pub(super) fn tag(
        &mut self,
        now: Time,
        candidate: &str,
        tag: &str,
        on: bool,
    ) -> Result<Acted, Problem> {
        let n = self.find(Kind::Candidate, candidate)?;
        let tag = self.find(Kind::Tag, tag)?;
        let has = self.candidate(n)?.row.tags.contains(&tag);
        if has != on {
            self.edit_candidate(n, now, |row| match on {
                true => row.tags.push(tag),
                false => row.tags.retain(|one| *one != tag),
            });
        }
        Ok(about(n))
    }

    pub(super) fn note(
        &mut self,
        at: Time,
        candidate: u64,
        text: &str,
        private: bool,
        author: Option<u64>,
    ) -> u64 {
        let author = author.map(|n| {
            json!({
                "id": id(Kind::User, n),
                "firstName": self.field(Kind::User, n, "firstName"),
                "lastName": self.field(Kind::User, n, "lastName"),
                "email": self.field(Kind::User, n, "email"),
            })
        });
        let note = json!({
            "createdAt": null,
            "isPrivate": private,
            "content": text,
            "author": author,
        });
        self.add(Kind::Note, Some(candidate), at, note)
    }

    fn merge(&mut self, now: Time, from: &str, into: &str) -> Result<Acted, Problem> {
        let from = self.find(Kind::Candidate, from)?;
        let into = self.find(Kind::Candidate, into)?;
        if from == into {
            return Err(Problem::input("into_candidate_id", "The same candidate"));
        }
        let lost = self.candidate(from)?.row;
        for application in &lost.applications {
            self.edit_application(*application, now, |row| row.candidate = into);
        }
        let notes: Vec<u64> = self.table(Kind::Note).children(from).collect();
        for note in notes {
            self.give(Kind::Note, note, into);
        }
        self.edit_candidate(into, now, |row| {
            row.applications.extend(&lost.applications);
            for email in lost.emails {
                if !row.emails.contains(&email) {
                    row.emails.push(email);
                }
            }
            for tag in lost.tags {
                if !row.tags.contains(&tag) {
                    row.tags.push(tag);
                }
            }
        });
        self.remove(Kind::Candidate, from);
        let mut acted = about(into);
        let data = json!({
            "deletedCandidate": {"id": id(Kind::Candidate, from)},
            "mergedCandidate": {"id": id(Kind::Candidate, into)},
        });
        acted.tell("candidateMerge", data);
        Ok(acted)
    }
}

fn about(n: u64) -> Acted {
    let mut acted = Acted::default();
    acted.touched.candidate_id = Some(id(Kind::Candidate, n));
    acted
}
