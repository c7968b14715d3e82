//! Kinds of records and their UUID-shaped ids: a scrambled number that can be read back, so that no
//! table needs a second index. An id of one kind never names a record of another.

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Application,
    Candidate,
    Job,
    Opening,
    JobPosting,
    Plan,
    Stage,
    Schedule,
    Event,
    Interview,
    Feedback,
    FeedbackForm,
    Offer,
    User,
    Department,
    Location,
    Source,
    ArchiveReason,
    Tag,
    CustomField,
    Note,
    Survey,
    CloseReason,
    Role,
    Project,
    /// One stay of an application in a stage.
    Stay,
    Webhook,
    /// Parts that cannot be asked for alone.
    Part,
}

impl Kind {
    /// The name in the vendor's methods, and in `drift`.
    pub(crate) const fn entity(self) -> &'static str {
        match self {
            Kind::Application => "application",
            Kind::Candidate => "candidate",
            Kind::Job => "job",
            Kind::Opening => "opening",
            Kind::JobPosting => "jobPosting",
            Kind::Plan => "interviewPlan",
            Kind::Stage => "interviewStage",
            Kind::Schedule => "interviewSchedule",
            Kind::Event => "interviewEvent",
            Kind::Interview => "interview",
            Kind::Feedback => "applicationFeedback",
            Kind::FeedbackForm => "feedbackFormDefinition",
            Kind::Offer => "offer",
            Kind::User => "user",
            Kind::Department => "department",
            Kind::Location => "location",
            Kind::Source => "source",
            Kind::ArchiveReason => "archiveReason",
            Kind::Tag => "candidateTag",
            Kind::CustomField => "customField",
            Kind::Note => "note",
            Kind::Survey => "surveySubmission",
            Kind::CloseReason => "closeReason",
            Kind::Role => "hiringTeamRole",
            Kind::Project => "project",
            Kind::Stay => "applicationHistory",
            Kind::Webhook => "webhook",
            Kind::Part => "part",
        }
    }

    /// The start of "… not found".
    pub(crate) const fn missing_code(self) -> &'static str {
        match self {
            Kind::Application => "application_not_found",
            Kind::Candidate => "candidate_not_found",
            Kind::Job => "job_not_found",
            Kind::Plan => "interview_plan_not_found",
            Kind::Stage => "interview_stage_not_found",
            Kind::ArchiveReason => "archive_reason_not_found",
            Kind::Tag => "candidate_tag_not_found",
            Kind::Source => "source_not_found",
            Kind::User => "user_not_found",
            Kind::Offer => "offer_not_found",
            Kind::Webhook => "webhook_not_found",
            _ => "not_found",
        }
    }
}

const MASK: u64 = (1 << 48) - 1;
const SCATTER: u64 = 0x5deb_c6a1_e66d;
const GATHER: u64 = inverse(SCATTER);

/// The inverse of an odd number, modulo any power of two up to 2^64.
const fn inverse(odd: u64) -> u64 {
    let mut x = odd;
    let mut round = 0;
    while round < 6 {
        x = x.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(x)));
        round += 1;
    }
    x
}

/// The id of record `n`.
pub(crate) fn id(kind: Kind, n: u64) -> String {
    let low = n.wrapping_mul(SCATTER) & MASK;
    let mut high = low ^ ((kind as u64 + 1) << 56);
    high = (high ^ (high >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    high = (high ^ (high >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{low:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        (high >> 12) & 0xfff,
    )
}

/// The number behind an id of this kind.
pub(crate) fn number(kind: Kind, text: &str) -> Option<u64> {
    let low = u64::from_str_radix(text.get(24..)?, 16).ok()?;
    let n = low.wrapping_mul(GATHER) & MASK;
    (id(kind, n) == text).then_some(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_for_its_own_kind_only() {
        for n in [1, 77, 4_000_000, 900_000_000] {
            let text = id(Kind::Job, n);
            assert_eq!(text.len(), 36);
            assert_eq!(number(Kind::Job, &text), Some(n));
            assert_eq!(number(Kind::Candidate, &text), None);
        }
        assert_eq!(number(Kind::Job, "not-an-id"), None);
        assert_ne!(id(Kind::Job, 1), id(Kind::Job, 2));
    }
}
