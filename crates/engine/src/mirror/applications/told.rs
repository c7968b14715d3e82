//! What a delivery or a read tells of an application, in the rules' words. Judges nothing.

use super::super::application::{Answer, Date, HistoryRow, Hook, Kind, Row, RowRef, Status};
use super::super::work::{Channel, Work, newest, own, reference};
use serde_json::Value;
use stagewire_model::{Announce, Entity, Observation, RecordId, Seen};
use std::cmp::Ordering;

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
            history: history.map(|rows| self.stays(rows)),
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

    /// A history's rows, each with its place in the vendor's order.
    fn stays(&self, all: &[Observation]) -> Vec<HistoryRow> {
        let ranks = ranks(all);
        let rows = all.iter().zip(ranks);
        rows.filter_map(|(o, rank)| self.stay(o, rank)).collect()
    }

    fn stay(&self, o: &Observation, rank: i64) -> Option<HistoryRow> {
        Some(HistoryRow {
            row: RowRef {
                rank,
                id: o.remote_id.as_str().into(),
            },
            stage: self.stage(
                reference(&o.fields, "stage_id").or_else(|| reference(&o.fields, "to_stage_id"))?,
            ),
            entered: own(o, "entered"),
            current: current(o),
            tag: (),
        })
    }
}

/// The order of life: ids that count up tell it themselves; else the moment of entry and, of what began in one instant, the place in
/// the list. Lists come oldest first or newest first: the dates tell which, and where they are all one, the row that is current.
fn ranks(rows: &[Observation]) -> Vec<i64> {
    let entered = |o: &Observation| own(o, "entered").map(|d| d.micros);
    let dated = || rows.iter().filter_map(entered);
    let backwards = match dated().next().cmp(&dated().next_back()) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => rows.first().is_some_and(current) && !rows.last().is_some_and(current),
    };
    let rank = |(at, o): (usize, &Observation)| {
        if let Ok(counted) = o.remote_id.parse::<i64>() {
            return counted;
        }
        let moment = entered(o);
        let mates = |rows: &[Observation]| rows.iter().filter(|x| entered(x) == moment).count();
        let before = if backwards {
            mates(&rows[at + 1..])
        } else {
            mates(&rows[..at])
        };
        moment.unwrap_or(0) + i64::try_from(before).unwrap_or(0)
    };
    rows.iter().enumerate().map(rank).collect()
}

fn current(o: &Observation) -> bool {
    o.fields.get("current").and_then(Value::as_bool) == Some(true)
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use stagewire_model::{DateSeen, Micros};

    fn stay(id: &str, at: i64, current: bool) -> Observation {
        let mut o = super::super::super::others::blank(Entity::StageTransition, id);
        let seen = DateSeen {
            at: Micros(at),
            coarse: false,
            path: "entered".into(),
        };
        o.own.push(("entered".into(), seen));
        o.fields.insert("current".into(), json!(current));
        o
    }

    fn in_order(rows: &[Observation]) -> Vec<&str> {
        let mut all: Vec<_> = rows.iter().zip(ranks(rows)).collect();
        all.sort_by_key(|(_, rank)| *rank);
        all.iter().map(|(o, _)| o.remote_id.as_str()).collect()
    }

    #[test]
    fn what_began_in_one_instant_is_ordered_by_its_place_in_the_list() {
        let mut rows = vec![
            stay("d", 1_000, false),
            stay("c", 2_000, false),
            stay("a", 2_000, false),
            stay("b", 2_000, true),
        ];
        assert_eq!(in_order(&rows), ["d", "c", "a", "b"]);
        rows.reverse();
        assert_eq!(in_order(&rows), ["d", "c", "a", "b"], "newest first");
        let mut rows = rows[..2].to_vec();
        assert_eq!(in_order(&rows), ["a", "b"], "what is current came last");
        rows.reverse();
        assert_eq!(in_order(&rows), ["a", "b"]);
    }

    #[test]
    fn ids_that_count_up_are_the_order() {
        let rows = [stay("9", 2_000, false), stay("10", 1_000, true)];
        assert_eq!(ranks(&rows), [9, 10]);
    }
}
