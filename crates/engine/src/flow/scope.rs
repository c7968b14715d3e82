//! What an event binds: the event types there are, and the roots a flow on each may read.

/// Roots that are the flow's own and always there.
pub const OWN_ROOTS: &[&str] = &["steps", "vars"];

const ALL: &[&str] = &[
    "event",
    "application",
    "candidate",
    "job",
    "stage",
    "previous_stage",
    "offer",
    "interview",
    "scorecard",
    "signal",
    "department",
    "office",
    "source",
    "reject_reason",
    "recruiter",
    "hiring_manager",
    "place",
    "connection",
];
const CANDIDATE: &[&str] = &["event", "candidate", "source", "place", "connection"];
const JOB: &[&str] = &[
    "event",
    "job",
    "department",
    "office",
    "recruiter",
    "hiring_manager",
    "place",
    "connection",
];
const SIGNAL: &[&str] = &["event", "signal"];
const BARE: &[&str] = &["event", "connection"];

/// Every event type with the roots it binds.
const EVENTS: &[(&[&str], &[&str])] = &[
    (
        &[
            "application.created",
            "application.converted",
            "application.updated",
            "application.stage_changed",
            "application.rejected",
            "application.withdrawn",
            "application.closed",
            "application.reopened",
            "application.hired",
            "application.unhired",
            "application.transferred",
            "application.deleted",
            "application.restored",
            "application.stalled",
            "interview.requested",
            "interview.scheduled",
            "interview.rescheduled",
            "interview.cancelled",
            "interview.completed",
            "interview.no_show",
            "interview.interviewers_changed",
            "interview.deleted",
            "interview.starting_soon",
            "scorecard.overdue",
            "scorecard.requested",
            "scorecard.submitted",
            "scorecard.updated",
            "scorecard.deleted",
            "offer.created",
            "offer.updated",
            "offer.approved",
            "offer.sent",
            "offer.accepted",
            "offer.declined",
            "offer.expired",
            "offer.withdrawn",
            "offer.deleted",
            "signal.received",
            "hire.staged",
            "hire.needs_review",
            "hire.confirmed",
            "hire.failed",
            "ai_assessment.recorded",
        ],
        ALL,
    ),
    (
        &[
            "candidate.created",
            "candidate.updated",
            "candidate.tags_changed",
            "candidate.merged",
            "candidate.anonymized",
            "candidate.deleted",
            "candidate.restored",
            "candidate.consent_changed",
            "note.created",
            "attachment.added",
            "attachment.removed",
        ],
        CANDIDATE,
    ),
    (
        &[
            "job.created",
            "job.opened",
            "job.updated",
            "job.put_on_hold",
            "job.closed",
            "job.pipeline_changed",
            "job.hiring_team_changed",
            "job.deleted",
            "opening.created",
            "opening.updated",
            "opening.filled",
            "opening.closed",
            "job_posting.published",
            "job_posting.updated",
            "job_posting.unpublished",
            "job_posting.deleted",
        ],
        JOB,
    ),
    (&["signal.unmatched"], SIGNAL),
    (
        &[
            "hold.waiting",
            "hold.approved",
            "hold.edited",
            "hold.rejected",
            "hold.expired",
            "hold.blocked",
            "connection.connected",
            "connection.degraded",
            "connection.reauth_due",
            "connection.reauth_required",
            "connection.scope_changed",
            "connection.schema_drift",
            "connection.gap_found",
            "connection.gap_repaired",
            "connection.silent",
            "connection.recovered",
        ],
        BARE,
    ),
];

/// Events that time makes: they need to be told how long.
const OF_TIME: &[&str] = &[
    "application.stalled",
    "interview.starting_soon",
    "scorecard.overdue",
];

/// The roots bound by an event of this type; none if there is no such type.
pub fn roots(event: &str) -> Option<&'static [&'static str]> {
    EVENTS
        .iter()
        .find(|(types, _)| types.contains(&event))
        .map(|(_, roots)| *roots)
}

/// The roots bound by a record of this kind, and by events about its dates; none if there are none.
pub fn roots_of(entity: &str) -> Option<&'static [&'static str]> {
    match entity {
        "application" | "offer" | "interview" | "scorecard" => Some(ALL),
        "candidate" => Some(CANDIDATE),
        "job" => Some(JOB),
        _ => None,
    }
}

/// Every event type a flow can ask for.
pub fn event_types() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().flat_map(|(types, _)| types.iter().copied())
}

/// Whether this event comes from a timer.
pub fn is_of_time(event: &str) -> bool {
    OF_TIME.contains(&event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_event_type_stands_once() {
        let mut seen = HashSet::new();
        for event in event_types() {
            assert!(seen.insert(event), "{event} twice");
        }
        assert_eq!(seen.len(), 87);
        assert!(OF_TIME.iter().all(|event| seen.contains(event)));
    }

    #[test]
    fn candidate_events_bind_no_application_and_job_events_no_candidate() {
        let bound = |event: &str, root: &str| roots(event).is_some_and(|r| r.contains(&root));
        assert!(bound("offer.accepted", "application"));
        assert!(!bound("candidate.created", "application"));
        assert!(bound("job.closed", "hiring_manager"));
        assert!(!bound("job.closed", "candidate"));
        assert!(bound("signal.unmatched", "signal"));
        assert!(!bound("signal.unmatched", "candidate"));
        assert_eq!(roots("application.moved"), None);
    }
}
