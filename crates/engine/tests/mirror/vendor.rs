//! A vendor: one application with its stage history, status and candidate; what people do, and what
//! deliveries and reads show of it. Knows nothing of the rules.
//!
//! Fields called `act` or `by_*` tell which act made a value what it is: the rules never see them
//! but as tags.

use stagewire_engine::mirror::application::{
    Answer, Date, HistoryRow, Hook, Kind, Row, RowRef, SEC as MICROS, Status, Tags,
};

/// Ticks in one second.
pub(crate) const SEC: i64 = 10;

pub(crate) const STAGES: [&str; 3] = ["A", "B", "C"];

pub(crate) type Word = &'static str;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Quirk {
    /// Deliveries tell whole seconds.
    HookSeconds,
    /// Reads tell whole seconds.
    RowSeconds,
    /// A rejection undone does not move the record's date.
    KeepsDate,
    /// The first history row was filled in and has no date.
    NullFirst,
    /// A hire's delivery is dated.
    HiredAt,
    /// The application is still to be made.
    NoApp,
    /// A history row is dated a moment before its act.
    RowsBefore,
    /// A history row is dated a moment after its act.
    RowsAfter,
    /// A delivery's body is written when it is sent.
    LateBody,
    /// There is no history: the row shows the stage.
    NoHistory,
    /// Who is ended withdrew, instead of being rejected.
    Withdraws,
}

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Do {
    Apply,
    Touch,
    Note,
    Edit,
    Delete,
    BackRow,
    Reject,
    Hire,
    Move(Word),
    Unreject,
    Unhire,
}

impl Do {
    /// The same kind of act, wherever it moves to.
    pub(crate) fn is(self, other: Do) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Act {
    pub(crate) n: u32,
    pub(crate) kind: Do,
    pub(crate) part: Word,
    pub(crate) from: Option<Word>,
    pub(crate) to: Option<Word>,
    pub(crate) t: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VRow {
    pub(crate) id: i64,
    pub(crate) stage: Word,
    pub(crate) entered: Option<Date>,
    pub(crate) current: bool,
    pub(crate) upd: i64,
    pub(crate) act: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VApp {
    pub(crate) status: Word,
    pub(crate) ended: Option<Date>,
    pub(crate) at: Date,
    pub(crate) applied: Date,
    pub(crate) name: Word,
    pub(crate) named: Date,
    pub(crate) stage: Option<Word>,
    pub(crate) by_status: u32,
    pub(crate) by_stage: u32,
    pub(crate) by_name: u32,
    pub(crate) by_applied: u32,
}

/// What a delivery says: two with the same body are one to whoever reads the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Body {
    pub(crate) kind: Do,
    pub(crate) stage: Option<Word>,
    pub(crate) status: Option<Word>,
    pub(crate) ended: Option<Date>,
    pub(crate) at: Option<Date>,
    pub(crate) applied: Option<Date>,
    pub(crate) name: Option<Word>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VHook {
    pub(crate) body: Body,
    pub(crate) n: u32,
    pub(crate) by_stage: u32,
    pub(crate) by_status: u32,
    pub(crate) by_name: u32,
    pub(crate) by_applied: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    quirks: Vec<Quirk>,
    pub(crate) t: i64,
    pub(crate) acts: Vec<Act>,
    pub(crate) rows: Vec<VRow>,
    pub(crate) gone: bool,
    pub(crate) exists: bool,
    pub(crate) stage: Option<Word>,
    pub(crate) status: Option<Word>,
    ended: Option<i64>,
    at: i64,
    pub(crate) applied: i64,
    pub(crate) name: Word,
    named: i64,
    by_name: u32,
    by_status: u32,
    by_stage: u32,
    by_applied: u32,
}

impl std::hash::Hash for Vendor {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let flags = (self.t, self.exists, self.gone, self.stage, self.status);
        (flags, self.ended, self.at, self.name).hash(state);
        (&self.acts, &self.rows).hash(state);
    }
}

fn date(t: i64, path: Word, seconds: bool) -> Date {
    let micros = if seconds {
        t / SEC * MICROS
    } else {
        t * (MICROS / SEC)
    };
    let path = path.into();
    Date {
        micros,
        coarse: seconds,
        path,
    }
}

impl Vendor {
    pub(crate) fn new(quirks: &[Quirk]) -> Self {
        let mut v = Self {
            quirks: quirks.to_vec(),
            t: 1,
            acts: Vec::new(),
            rows: Vec::new(),
            gone: false,
            exists: false,
            stage: None,
            status: None,
            ended: None,
            at: 0,
            applied: 0,
            name: "X",
            named: 1,
            by_name: 0,
            by_status: 0,
            by_stage: 0,
            by_applied: 0,
        };
        if !v.has(Quirk::NoApp) {
            v.apply(0);
            if v.has(Quirk::NullFirst) {
                v.rows[0].entered = None;
            }
        }
        v.t = 2 * SEC;
        v
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    // ---- what people do

    pub(crate) fn possible(&self) -> Vec<Do> {
        if self.gone {
            return vec![];
        }
        if !self.exists {
            return vec![Do::Apply];
        }
        let mut all = vec![Do::Touch, Do::Note, Do::Edit, Do::Delete, Do::BackRow];
        match self.status {
            Some("active") => {
                all.extend([Do::Reject, Do::Hire]);
                let others = STAGES.into_iter().filter(|s| Some(*s) != self.stage);
                all.extend(others.map(Do::Move));
            }
            Some("hired") => all.push(Do::Unhire),
            _ => all.push(Do::Unreject),
        }
        all
    }

    fn apply(&mut self, n: u32) {
        (self.exists, self.status) = (true, Some("active"));
        (self.at, self.applied, self.named) = (self.t, self.t, self.t);
        (self.by_status, self.by_name, self.by_applied) = (n, n, n);
        self.enter("A", n);
    }

    fn enter(&mut self, stage: Word, n: u32) {
        for r in self.rows.iter_mut().filter(|r| r.current) {
            (r.current, r.upd) = (false, self.t);
        }
        let moment =
            i64::from(self.has(Quirk::RowsAfter)) - 2 * i64::from(self.has(Quirk::RowsBefore));
        self.rows.push(VRow {
            id: self.rows.len() as i64 + 1,
            stage,
            entered: Some(self.row_date(self.t + moment, "entered_at")),
            current: true,
            upd: self.t,
            act: n,
        });
        (self.stage, self.by_stage) = (Some(stage), n);
    }

    /// Does it and returns the delivery it causes.
    pub(crate) fn act(&mut self, kind: Do, same_second: bool) -> Option<VHook> {
        self.t = if same_second && self.t % SEC < SEC - 1 {
            self.t + 1
        } else {
            (self.t / SEC + 4) * SEC + 1
        };
        let n = self.acts.len() as u32 + 1;
        let (was_stage, was_status) = (self.stage, self.status);
        let (part, from, to) = match kind {
            Do::Apply => {
                self.apply(n);
                ("app", None, None)
            }
            Do::Move(stage) => {
                self.enter(stage, n);
                ("stage", was_stage, self.stage)
            }
            Do::Reject | Do::Unreject | Do::Hire | Do::Unhire => {
                let end = if self.has(Quirk::Withdraws) {
                    "withdrawn"
                } else {
                    "rejected"
                };
                self.status = Some(match kind {
                    Do::Reject => end,
                    Do::Hire => "hired",
                    _ => "active",
                });
                (self.ended, self.by_status) = ((kind == Do::Reject).then_some(self.t), n);
                ("status", was_status, self.status)
            }
            Do::Edit => {
                self.name = if self.name == "X" { "Y" } else { "X" };
                (self.named, self.by_name) = (self.t, n);
                ("name", None, Some(self.name))
            }
            Do::Delete => {
                self.gone = true;
                ("gone", None, None)
            }
            Do::BackRow => {
                self.rows.push(VRow {
                    id: self.rows.len() as i64 + 1,
                    stage: "Z",
                    entered: None,
                    current: false,
                    upd: self.t,
                    act: n,
                });
                ("", None, None)
            }
            Do::Touch | Do::Note => ("", None, None),
        };
        let keeps = kind == Do::Unreject && self.has(Quirk::KeepsDate);
        if !matches!(kind, Do::Edit | Do::Delete | Do::BackRow) && !keeps {
            self.at = self.t;
        }
        let t = self.t;
        self.acts.push(Act {
            n,
            kind,
            part,
            from,
            to,
            t,
        });
        self.hook(n)
    }

    /// The delivery of act `n`, as it is written now.
    pub(crate) fn hook(&self, n: u32) -> Option<VHook> {
        let act = &self.acts[n as usize - 1];
        let date = |t: i64, path| Some(date(t, path, self.has(Quirk::HookSeconds)));
        let kind = match act.kind {
            Do::Move(_) => Do::Move(""), // the body tells where it is, not where it went
            kind => kind,
        };
        let mut body = Body {
            kind,
            stage: None,
            status: None,
            ended: None,
            at: None,
            applied: None,
            name: Some(self.name),
        };
        match act.kind {
            Do::Note | Do::BackRow => return None,
            Do::Edit => {}
            Do::Delete => body.name = None,
            Do::Hire => {
                body.status = Some("hired");
                if self.has(Quirk::HiredAt) {
                    body.at = date(act.t, "resolved_at");
                }
            }
            _ => {
                (body.stage, body.status) = (self.stage, self.status);
                body.ended = self.ended.and_then(|t| date(t, "rejected_at"));
                body.at = date(self.at, "last_activity_at");
                body.applied = date(self.applied, "applied_at");
            }
        }
        Some(VHook {
            body,
            n,
            by_stage: self.by_stage,
            by_status: self.by_status,
            by_name: self.by_name,
            by_applied: self.by_applied,
        })
    }

    // ---- what reads show

    fn row_date(&self, t: i64, path: Word) -> Date {
        date(t, path, self.has(Quirk::RowSeconds))
    }

    pub(crate) fn app(&self) -> Option<VApp> {
        let status = self.status.filter(|_| self.exists && !self.gone)?;
        Some(VApp {
            status,
            ended: self.ended.map(|t| self.row_date(t, "rejected_at")),
            at: self.row_date(self.at, "last_activity_at"),
            applied: self.row_date(self.applied, "applied_at"),
            name: self.name,
            named: self.row_date(self.named, "updated_at"),
            stage: self.stage.filter(|_| self.has(Quirk::NoHistory)),
            by_status: self.by_status,
            by_stage: self.by_stage,
            by_name: self.by_name,
            by_applied: self.by_applied,
        })
    }

    pub(crate) fn history(&self, since: i64) -> Vec<VRow> {
        let none = self.gone || self.has(Quirk::NoHistory);
        let rows = self.rows.iter().filter(|r| !none && r.upd >= since);
        rows.cloned().collect()
    }
}

// ---- the same, as the rules are told it

pub(crate) fn status(word: Word) -> Status {
    match word {
        "active" => Status::Active,
        "rejected" => Status::Rejected,
        "withdrawn" => Status::Withdrawn,
        "hired" => Status::Hired,
        _ => Status::Unknown,
    }
}

impl VHook {
    pub(crate) fn told(&self, thin: bool) -> Hook<u32> {
        let body = &self.body;
        let ended = body.status.map_or(Status::Active, status);
        Hook {
            delivery: self.n.to_string().into(),
            announces: match body.kind {
                Do::Apply => Some(Kind::Created),
                Do::Move(_) => Some(Kind::StageChanged),
                Do::Reject if ended == Status::Withdrawn => Some(Kind::Withdrawn),
                Do::Reject => Some(Kind::Rejected),
                Do::Unreject => Some(Kind::Reopened),
                Do::Hire => Some(Kind::Hired),
                Do::Unhire => Some(Kind::Unhired),
                _ => None,
            },
            thin,
            deleted: body.kind == Do::Delete,
            status: body.status.map(status),
            own: body.ended.clone(),
            stage: body.stage.map(Into::into),
            at: body.at.clone(),
            applied: body.applied.clone(),
            tags: Tags {
                created: self.by_applied,
                status: self.by_status,
                stage: self.by_stage,
                deleted: self.n,
            },
        }
    }
}

pub(crate) fn answer(
    app: Option<&VApp>,
    rows: Option<&[VRow]>,
    full: bool,
    by_id: bool,
) -> Answer<u32> {
    let row = app.map(|app| Row {
        status: Some(status(app.status)),
        own: app.ended.clone(),
        stage: app.stage.map(Into::into),
        at: Some(app.at.clone()),
        applied: Some(app.applied.clone()),
        tags: Tags {
            created: app.by_applied,
            status: app.by_status,
            stage: app.by_stage,
            ..Tags::default()
        },
    });
    let told = |r: &VRow| HistoryRow {
        row: RowRef {
            rank: r.id,
            id: r.id.to_string().into(),
        },
        stage: r.stage.into(),
        entered: r.entered.clone(),
        current: r.current,
        tag: r.act,
    };
    let history = rows.map(|rows| rows.iter().map(told).collect());
    Answer {
        row,
        history,
        full,
        by_id,
    }
}

/// The word again.
pub(crate) fn word(text: &str) -> Word {
    let words = ["A", "B", "C", "Z", "X", "Y"];
    words.into_iter().find(|w| *w == text).unwrap_or("?")
}
