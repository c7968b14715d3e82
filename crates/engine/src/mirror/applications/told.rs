//! What a delivery or a read tells of an application, in the rules' words. Judges nothing.

use super::super::application::{Answer, Date, HistoryRow, Hook, Kind, Row, RowRef, Status};
use super::super::work::{Channel, Work, newest, own, reference};
use serde_json::Value;
use stagewire_model::{Announce, Entity, Observation, RecordId, Seen};

impl Work<'_> {
    pub(super) fn hook(&self, o: &Observation, channel: Channel) -> Hook {
        let status = self.told_status(o);
        Hook {
            delivery: channel
                .delivery
                .map(|d| d.to_string())
                .unwrap_or_default()
                .into(),
            announces: o.announces.and_then(|a| announced(a, status)),
            thin: channel.thin,
            deleted: matches!(o.seen, Seen::Deleted),
            status,
            own: status.and_then(|s| end(o, s)),
            stage: reference(&o.fields, "stage_id").map(|id| self.stage(id)),
            at: newest(o),
            applied: own(o, "applied"),
            tags: Default::default(),
        }
    }

    pub(super) fn stage(&self, remote: &str) -> Box<str> {
        RecordId(self.id(Entity::JobStage, remote))
            .text(Entity::JobStage)
            .into()
    }

    /// A row that only says "rejected", without the reason, does not take back that it was the candidate who said no.
    pub(super) fn answer(
        &self,
        row: Option<&Observation>,
        history: Option<&[Observation]>,
        full: bool,
        by_id: bool,
    ) -> Answer {
        let row = row.map(|o| {
            let held = self.notes(o).0.status.map(|p| p.value.status);
            let told = self.told_status(o);
            let vague = told == Some(Status::Rejected)
                && held == Some(Status::Withdrawn)
                && !o.fields.contains_key("reject_reason_id");
            let theirs = told == Some(Status::Rejected) && self.their_reason(o);
            let status = match (vague, theirs) {
                (true, _) => held,
                (_, true) => Some(Status::Withdrawn),
                _ => told,
            };
            Row {
                status,
                own: status.and_then(|s| end(o, s)),
                stage: reference(&o.fields, "stage_id")
                    .filter(|id| history.and_then(latest_stage) != Some(*id))
                    .map(|id| self.stage(id)),
                at: newest(o),
                applied: own(o, "applied"),
                tags: Default::default(),
            }
        });
        Answer {
            row,
            history: history.map(|rows| rows.iter().filter_map(|o| self.history_row(o)).collect()),
            full,
            by_id,
        }
    }

    /// Whether the reason given is one of the candidate's own.
    fn their_reason(&self, o: &Observation) -> bool {
        let reason = reference(&o.fields, "reject_reason_id");
        let held = reason.and_then(|id| self.records.get(&self.id(Entity::RejectReason, id)));
        held.is_some_and(|h| h.row.fields.get("kind") == Some(&"candidate_withdrew".into()))
    }

    /// The status, where the vendor only tells the reason of an end: the reason's own kind decides.
    fn told_status(&self, o: &Observation) -> Option<Status> {
        let word = o.fields.get("status").and_then(Value::as_str)?;
        if word != "by_reason" {
            return status(word);
        }
        let reason = reference(&o.fields, "reject_reason_id");
        let held = reason.and_then(|id| self.records.get(&self.id(Entity::RejectReason, id)));
        let kind = held.and_then(|h| h.row.fields.get("kind").and_then(Value::as_str));
        Some(match kind {
            Some("hired") => Status::Hired,
            Some("company_rejected") => Status::Rejected,
            Some("candidate_withdrew") => Status::Withdrawn,
            Some("other") => Status::Closed,
            _ => Status::Unknown,
        })
    }

    pub(super) fn history_row(&self, o: &Observation) -> Option<HistoryRow> {
        let entered = own(o, "entered");
        let rank = o
            .remote_id
            .parse::<i64>()
            .ok()
            .or(entered.as_ref().map(|d| d.micros))
            .unwrap_or(0);
        Some(HistoryRow {
            row: RowRef {
                rank,
                id: o.remote_id.as_str().into(),
            },
            stage: self.stage(
                reference(&o.fields, "stage_id").or_else(|| reference(&o.fields, "to_stage_id"))?,
            ),
            entered,
            current: o
                .fields
                .get("current")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            tag: (),
        })
    }
}

/// The stage that a history ends in. A row that names the same one adds nothing, and dates it worse.
fn latest_stage(history: &[Observation]) -> Option<&str> {
    let newest = history
        .iter()
        .max_by_key(|o| own(o, "entered").map(|d| d.micros))?;
    reference(&newest.fields, "stage_id")
}

/// When an end began: vendors that do not tell the two apart date both alike.
pub(super) fn end(o: &Observation, s: Status) -> Option<Date> {
    own(o, status_word(s)).or_else(|| own(o, "rejected").filter(|_| s == Status::Withdrawn))
}

pub(super) fn status(word: &str) -> Option<Status> {
    Some(match word {
        "lead" => Status::Lead,
        "active" => Status::Active,
        "hired" => Status::Hired,
        "rejected" => Status::Rejected,
        "withdrawn" => Status::Withdrawn,
        "closed" => Status::Closed,
        "unknown" => Status::Unknown,
        _ => return None,
    })
}

pub(super) fn status_word(s: Status) -> &'static str {
    match s {
        Status::Lead => "lead",
        Status::Active => "active",
        Status::Hired => "hired",
        Status::Rejected => "rejected",
        Status::Withdrawn => "withdrawn",
        Status::Closed => "closed",
        Status::Unknown => "unknown",
    }
}

pub(super) fn announced(a: Announce, status: Option<Status>) -> Option<Kind> {
    Some(match (a, status) {
        (Announce::Created, _) => Kind::Created,
        (Announce::StageChanged, _) => Kind::StageChanged,
        (Announce::Rejected, Some(Status::Withdrawn)) => Kind::Withdrawn,
        (Announce::Rejected, Some(Status::Closed)) => Kind::Closed,
        (Announce::Rejected, _) => Kind::Rejected,
        (Announce::Reopened, _) => Kind::Reopened,
        (Announce::Hired, _) => Kind::Hired,
        (Announce::Unhired, _) => Kind::Unhired,
    })
}
