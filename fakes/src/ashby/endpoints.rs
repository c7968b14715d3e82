//! The methods this fake answers: which permission each needs, what it takes and what it does.
//! A method that is not listed here does not exist.

use super::ids::Kind;
use super::writes::{self, Write};

/// One method.
pub(crate) struct Endpoint {
    pub(crate) name: &'static str,
    pub(crate) permission: &'static str,
    pub(crate) does: Does,
}

/// What a method does.
pub(crate) enum Does {
    List(List),
    /// One record, by the id in this field.
    Info(Kind, &'static str),
    History,
    Roles,
    Search,
    File,
    Key,
    Write(Write, &'static [&'static str]),
    Webhook(Setting),
}

/// What is done with a webhook setting.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Info,
    Create,
    Update,
    Delete,
}

/// A list.
pub(crate) struct List {
    pub(crate) kind: Kind,
    pub(crate) parent: Parent,
    pub(crate) pages: Pages,
    pub(crate) tests: &'static [Test],
}

/// Whose records are listed.
#[derive(Clone, Copy)]
pub(crate) enum Parent {
    Nobody,
    /// Of the record in this field, which must be given.
    Must(&'static str, Kind),
    /// Of the record in this field, if it is given.
    May(&'static str, Kind),
}

/// How a list is read in parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    /// All at once.
    Whole,
    /// Cursor only.
    Cursor,
    /// Cursor and syncToken.
    Sync,
    /// The same and `createdAfter`.
    SyncSince,
}

/// A field of the request that leaves rows out.
#[derive(Clone, Copy)]
pub(crate) enum Test {
    /// `includeArchived`, false if not given.
    Archived,
    /// `includeDeactivated`, false if not given.
    Deactivated,
    /// `includeLocationHierarchy`, false if not given.
    Regions,
    /// `listedOnly`.
    Listed,
    /// An application's status.
    Status,
    /// An application's job.
    Job,
    /// The row's second field is the one given in the first; it must be given.
    Needs(&'static str, &'static str),
    /// The same, if given.
    Same(&'static str, &'static str),
    /// The row's field is among those given.
    AnyOf(&'static str),
    /// The row's second field is later than the first, in milliseconds.
    After(&'static str, &'static str),
    Before(&'static str, &'static str),
    /// Taken and not looked at.
    Unused(&'static str),
}

impl Test {
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Test::Archived => "includeArchived",
            Test::Deactivated => "includeDeactivated",
            Test::Regions => "includeLocationHierarchy",
            Test::Listed => "listedOnly",
            Test::Status => "status",
            Test::Job => "jobId",
            Test::Needs(name, _) | Test::Same(name, _) | Test::AnyOf(name) => name,
            Test::After(name, _) | Test::Before(name, _) | Test::Unused(name) => name,
        }
    }
}

impl Endpoint {
    pub(crate) fn named(name: &str) -> Option<&'static Endpoint> {
        ENDPOINTS.iter().find(|endpoint| endpoint.name == name)
    }

    /// Whether the method knows this field of a request.
    pub(crate) fn knows(&self, field: &str) -> bool {
        match &self.does {
            Does::List(list) => list.knows(field),
            Does::Info(kind, name) => {
                field == *name
                    || field == "expand"
                    || match kind {
                        Kind::Application => field == "submittedFormInstanceId",
                        Kind::Candidate => field == "externalMappingId",
                        Kind::Job => field == "includeUnpublishedJobPostingsIds",
                        Kind::JobPosting => field == "jobBoardId",
                        Kind::Offer => field == "excludeFormDefinition",
                        _ => false,
                    }
            }
            Does::History => ["applicationId", "cursor", "limit"].contains(&field),
            Does::Roles => field == "namesOnly",
            Does::Search => ["email", "name"].contains(&field),
            Does::File => field == "fileHandle",
            Does::Key => false,
            Does::Write(_, fields) => fields.contains(&field),
            Does::Webhook(what) => match what {
                Setting::Create => ["webhookType", "requestUrl", "secretToken"].contains(&field),
                Setting::Update => {
                    ["webhookId", "enabled", "requestUrl", "secretToken"].contains(&field)
                }
                Setting::Info | Setting::Delete => field == "webhookId",
            },
        }
    }
}

impl List {
    fn knows(&self, field: &str) -> bool {
        let paged = self.pages != Pages::Whole;
        match field {
            "limit" | "cursor" => paged,
            "syncToken" => matches!(self.pages, Pages::Sync | Pages::SyncSince),
            "createdAfter" => self.pages == Pages::SyncSince,
            field => {
                let parent = match self.parent {
                    Parent::Nobody => false,
                    Parent::Must(name, _) | Parent::May(name, _) => name == field,
                };
                parent || self.tests.iter().any(|test| test.field() == field)
            }
        }
    }
}

const fn list(
    name: &'static str,
    permission: &'static str,
    kind: Kind,
    pages: Pages,
    tests: &'static [Test],
) -> Endpoint {
    under(name, permission, kind, Parent::Nobody, pages, tests)
}

const fn under(
    name: &'static str,
    permission: &'static str,
    kind: Kind,
    parent: Parent,
    pages: Pages,
    tests: &'static [Test],
) -> Endpoint {
    let list = List {
        kind,
        parent,
        pages,
        tests,
    };
    one(name, permission, Does::List(list))
}

const fn info(
    name: &'static str,
    permission: &'static str,
    kind: Kind,
    field: &'static str,
) -> Endpoint {
    one(name, permission, Does::Info(kind, field))
}

const fn one(name: &'static str, permission: &'static str, does: Does) -> Endpoint {
    Endpoint {
        name,
        permission,
        does,
    }
}

const CANDIDATES: &str = "candidatesRead";
const CANDIDATES_W: &str = "candidatesWrite";
const JOBS: &str = "jobsRead";
const INTERVIEWS: &str = "interviewsRead";
const METADATA: &str = "hiringProcessMetadataRead";
const METADATA_W: &str = "hiringProcessMetadataWrite";
const ORGANIZATION: &str = "organizationRead";
const OFFERS: &str = "offersRead";
const KEYS: &str = "apiKeysRead";
const KEYS_W: &str = "apiKeysWrite";

const OF_APPLICATION: Parent = Parent::May("applicationId", Kind::Application);
const EXPAND: Test = Test::Unused("expand");

#[rustfmt::skip]
static ENDPOINTS: &[Endpoint] = &[
    one("apiKey.info", KEYS, Does::Key),
    list("application.list", CANDIDATES, Kind::Application, Pages::SyncSince, &[Test::Status, Test::Job, EXPAND]),
    info("application.info", CANDIDATES, Kind::Application, "applicationId"),
    one("application.listHistory", CANDIDATES, Does::History),
    one("application.create", CANDIDATES_W, Does::Write(writes::create_application, writes::APPLICATION)),
    one("application.changeStage", CANDIDATES_W, Does::Write(writes::change_stage, writes::STAGE)),
    under("applicationFeedback.list", CANDIDATES, Kind::Feedback, OF_APPLICATION, Pages::SyncSince, &[]),
    list("archiveReason.list", METADATA, Kind::ArchiveReason, Pages::Whole, &[Test::Archived]),
    list("candidate.list", CANDIDATES, Kind::Candidate, Pages::SyncSince, &[]),
    info("candidate.info", CANDIDATES, Kind::Candidate, "id"),
    one("candidate.search", CANDIDATES, Does::Search),
    under("candidate.listNotes", CANDIDATES, Kind::Note, Parent::Must("candidateId", Kind::Candidate), Pages::Sync, &[]),
    one("candidate.create", CANDIDATES_W, Does::Write(writes::create_candidate, writes::CANDIDATE)),
    one("candidate.createNote", CANDIDATES_W, Does::Write(writes::create_note, writes::NOTE)),
    one("candidate.addTag", CANDIDATES_W, Does::Write(writes::add_tag, writes::TAG)),
    one("candidate.removeTag", CANDIDATES_W, Does::Write(writes::remove_tag, writes::TAG)),
    list("candidateTag.list", METADATA, Kind::Tag, Pages::Sync, &[Test::Archived]),
    one("candidateTag.create", METADATA_W, Does::Write(writes::create_tag, &["title"])),
    list("closeReason.list", METADATA, Kind::CloseReason, Pages::Cursor, &[Test::Archived]),
    list("customField.list", METADATA, Kind::CustomField, Pages::Sync, &[]),
    info("customField.info", METADATA, Kind::CustomField, "customFieldId"),
    list("department.list", ORGANIZATION, Kind::Department, Pages::Sync, &[Test::Archived]),
    info("department.info", ORGANIZATION, Kind::Department, "departmentId"),
    list("feedbackFormDefinition.list", METADATA, Kind::FeedbackForm, Pages::Sync, &[Test::Archived]),
    info("feedbackFormDefinition.info", METADATA, Kind::FeedbackForm, "feedbackFormDefinitionId"),
    one("file.info", CANDIDATES, Does::File),
    one("hiringTeamRole.list", ORGANIZATION, Does::Roles),
    list("interview.list", INTERVIEWS, Kind::Interview, Pages::Sync,
        &[Test::Archived, Test::Unused("includeNonSharedInterviews"), Test::Unused("excludeArchivedScheduleTemplateInterviews")]),
    info("interview.info", INTERVIEWS, Kind::Interview, "id"),
    under("interviewEvent.list", INTERVIEWS, Kind::Event,
        Parent::Must("interviewScheduleId", Kind::Schedule), Pages::SyncSince, &[EXPAND]),
    list("interviewPlan.list", INTERVIEWS, Kind::Plan, Pages::Sync, &[Test::Archived]),
    under("interviewSchedule.list", INTERVIEWS, Kind::Schedule, OF_APPLICATION, Pages::SyncSince,
        &[Test::Same("interviewStageId", "interviewStageId")]),
    under("interviewStage.list", INTERVIEWS, Kind::Stage, Parent::Must("interviewPlanId", Kind::Plan), Pages::Whole, &[]),
    info("interviewStage.info", INTERVIEWS, Kind::Stage, "interviewStageId"),
    list("job.list", JOBS, Kind::Job, Pages::SyncSince,
        &[Test::AnyOf("status"), Test::After("openedAfter", "openedAt"), Test::Before("openedBefore", "openedAt"),
          Test::After("closedAfter", "closedAt"), Test::Before("closedBefore", "closedAt"),
          Test::Unused("includeUnpublishedJobPostingsIds"), EXPAND]),
    info("job.info", JOBS, Kind::Job, "id"),
    list("jobPosting.list", JOBS, Kind::JobPosting, Pages::Whole,
        &[Test::Same("location", "locationName"), Test::Same("department", "departmentName"), Test::Listed, Test::Unused("jobBoardId")]),
    info("jobPosting.info", JOBS, Kind::JobPosting, "jobPostingId"),
    list("location.list", ORGANIZATION, Kind::Location, Pages::Sync, &[Test::Archived, Test::Regions]),
    info("location.info", ORGANIZATION, Kind::Location, "locationId"),
    under("offer.list", OFFERS, Kind::Offer, OF_APPLICATION, Pages::SyncSince,
        &[Test::AnyOf("offerStatus"), Test::AnyOf("acceptanceStatus"), Test::Unused("approvalStatus")]),
    info("offer.info", OFFERS, Kind::Offer, "offerId"),
    list("opening.list", JOBS, Kind::Opening, Pages::SyncSince, &[]),
    info("opening.info", JOBS, Kind::Opening, "openingId"),
    list("project.list", CANDIDATES, Kind::Project, Pages::SyncSince, &[]),
    info("project.info", JOBS, Kind::Project, "projectId"),
    list("source.list", METADATA, Kind::Source, Pages::Whole, &[Test::Archived]),
    list("surveySubmission.list", CANDIDATES, Kind::Survey, Pages::SyncSince, &[Test::Needs("surveyType", "surveyType")]),
    list("user.list", ORGANIZATION, Kind::User, Pages::Sync, &[Test::Deactivated]),
    info("user.info", ORGANIZATION, Kind::User, "userId"),
    one("webhook.info", KEYS, Does::Webhook(Setting::Info)),
    one("webhook.create", KEYS_W, Does::Webhook(Setting::Create)),
    one("webhook.update", KEYS_W, Does::Webhook(Setting::Update)),
    one("webhook.delete", KEYS_W, Does::Webhook(Setting::Delete)),
];
