//! Acts on offers. An offer is a chain of versions; its application stays as it is.

use serde_json::{Map, Value, json};

use super::acts::{Act, Acted};
use super::ids::{Kind, id};
use super::problem::Problem;
use super::world::World;
use crate::clock::Time;

impl World {
    pub(super) fn offer_act(&mut self, now: Time, act: Act) -> Result<Acted, Problem> {
        match act {
            Act::CreateOffer {
                application_id,
                starts_on,
                salary,
            } => {
                let application = self.find(Kind::Application, &application_id)?;
                let version = self.offer_version(now, starts_on, salary, &Value::Null);
                let fields = json!({
                    "decidedAt": null,
                    "applicationId": application_id,
                    "acceptanceStatus": "Created",
                    "offerStatus": "WaitingOnApprovalStart",
                    "latestVersion": version,
                    "versions": [version],
                    "formDefinition": form("Salary", "_systemfield_salary", "Currency"),
                });
                let n = self.add(Kind::Offer, Some(application), now, fields);
                Ok(self.offer_told(n, "offerCreate"))
            }
            Act::EditOffer {
                offer_id,
                starts_on,
                salary,
            } => {
                let n = self.find(Kind::Offer, &offer_id)?;
                let latest = self.field(Kind::Offer, n, "latestVersion").clone();
                let version = self.offer_version(now, starts_on, salary, &latest);
                self.change_offer(now, n, |offer| {
                    offer["latestVersion"] = version.clone();
                    if let Some(versions) = offer["versions"].as_array_mut() {
                        versions.push(version);
                    }
                    offer["acceptanceStatus"] = json!("Created");
                    offer["offerStatus"] = json!("WaitingOnApprovalStart");
                })
            }
            Act::ApproveOffer { offer_id } => {
                let n = self.find(Kind::Offer, &offer_id)?;
                self.change_offer(now, n, |offer| {
                    offer["latestVersion"]["approvalStatus"] = json!("Approved");
                    if let Some(versions) = offer["versions"].as_array_mut()
                        && let Some(version) = versions.last_mut()
                    {
                        version["approvalStatus"] = json!("Approved");
                    }
                    offer["acceptanceStatus"] = json!("WaitingOnResponse");
                    offer["offerStatus"] = json!("WaitingOnCandidateResponse");
                })
            }
            Act::AcceptOffer { offer_id } => {
                self.decide(now, &offer_id, "Accepted", "CandidateAccepted")
            }
            Act::DeclineOffer { offer_id } => {
                self.decide(now, &offer_id, "Declined", "CandidateRejected")
            }
            Act::DeleteOffer { offer_id } => {
                let n = self.find(Kind::Offer, &offer_id)?;
                let application = self.field(Kind::Offer, n, "applicationId").clone();
                self.remove(Kind::Offer, n);
                let mut acted = Acted::default();
                acted.touched.id = Some(offer_id.clone());
                let data = json!({"offer": {"id": offer_id, "applicationId": application}});
                acted.tell("offerDelete", data);
                Ok(acted)
            }
            Act::SignOffer { offer_id, event } => {
                let n = self.find(Kind::Offer, &offer_id)?;
                let version = self.field(Kind::Offer, n, "latestVersion");
                let data = json!({
                    "relatedEntityType": "offer",
                    "offerId": offer_id,
                    "offerVersionId": version["id"],
                    "eventType": event,
                });
                let mut acted = Acted::default();
                acted.tell("signatureRequestUpdate", data);
                Ok(acted)
            }
            _ => Err(Problem::new("invalid_input", "Not an act on offers")),
        }
    }

    /// The offer accepted last, if any.
    pub(super) fn accepted_offer(&self, application: u64) -> Option<u64> {
        let offers = self.table(Kind::Offer).children(application);
        let accepted = |n: &u64| self.text(Kind::Offer, *n, "acceptanceStatus") == "Accepted";
        offers.filter(accepted).max_by_key(|n| {
            let decided = self.text(Kind::Offer, *n, "decidedAt");
            decided.to_string()
        })
    }

    fn decide(
        &mut self,
        now: Time,
        offer: &str,
        acceptance: &str,
        status: &str,
    ) -> Result<Acted, Problem> {
        let n = self.find(Kind::Offer, offer)?;
        self.change_offer(now, n, |offer| {
            offer["decidedAt"] = json!(now);
            offer["acceptanceStatus"] = json!(acceptance);
            offer["offerStatus"] = json!(status);
        })
    }

    fn change_offer(
        &mut self,
        now: Time,
        n: u64,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<Acted, Problem> {
        self.edit(Kind::Offer, n, now, change);
        Ok(self.offer_told(n, "offerUpdate"))
    }

    fn offer_told(&self, n: u64, action: &'static str) -> Acted {
        let mut acted = Acted::default();
        acted.touched.id = Some(id(Kind::Offer, n));
        acted.tell(action, json!({"offer": self.embed(Kind::Offer, Some(n))}));
        acted
    }

    fn offer_version(
        &mut self,
        now: Time,
        starts_on: Option<String>,
        salary: Option<u64>,
        before: &Value,
    ) -> Value {
        let starts_on = match starts_on {
            Some(day) => json!(Time::parse(&day)),
            None => before["startDate"].clone(),
        };
        let salary = match salary {
            Some(value) => json!({"currencyCode": "EUR", "value": value}),
            None => before["salary"].clone(),
        };
        let author = self.docs(Kind::User).next();
        json!({
            "id": self.part_id(),
            "startDate": starts_on,
            "salary": salary,
            "createdAt": now,
            "openingId": null,
            "customFields": [],
            "fileHandles": [],
            "author": self.embed(Kind::User, author),
            "approvalStatus": null,
        })
    }
}

/// A form of one field, as the vendor describes forms.
pub(super) fn form(title: &str, path: &str, kind: &str) -> Value {
    json!({"sections": [{
        "title": title,
        "fields": [{
            "isRequired": true,
            "field": {
                "id": id(Kind::Part, title.len() as u64),
                "type": kind,
                "path": path,
                "title": title,
                "isNullable": false,
            },
        }],
    }]})
}
