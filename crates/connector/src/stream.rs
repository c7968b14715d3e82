//! What we read: one list of rows per kind of record, how to ask it for a window, for what changed since a token, for ids, or for
//! what belongs to other records. Sends nothing and keeps no checkpoint.

mod call;

use crate::http::Request;
use crate::manifest::{Reader, Sink, Table, named_tables};
use crate::mapping::Shapes;
use crate::paging::{Paging, ScanError};
use crate::path::Path;
use crate::problem::nearest;
use crate::settings::Settings;
use crate::template::Template;
pub(crate) use call::{Call, Times};
use serde_json::{Value, json};
use stagewire_model::{Entity, Micros};

/// How a deletion shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gone {
    /// Lists never tell; only a webhook or a stream of deletions does.
    WebhookOnly,
    /// A full scan without the record.
    FullScan,
}

/// What a stream can be asked for beside everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Since {
    /// Nothing: it always comes whole.
    Never,
    /// What changed in a window of time.
    Window,
    /// What changed since a token that a scan's last page gave.
    Token,
    /// The rows that belong to one other record, one record at a time.
    Parent(Entity),
}

/// One list of rows.
#[derive(Debug)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// What its rows are.
    pub entity: Entity,
    /// What its rows show: themselves, and records that no other list has.
    pub shows: Vec<Entity>,
    /// The shape of a row.
    pub shape: String,
    /// The permission it needs.
    pub scope: Option<String>,
    /// Rows are stays in a stage, not records.
    pub history: bool,
    /// A row holds all stays of its record.
    pub whole_histories: bool,
    /// Rows are parts of records that another list shows.
    pub part: bool,
    /// Rows only name records that changed; each is read by its id.
    pub hints: bool,
    /// What it can be asked for.
    pub since: Since,
    /// How far a window reaches back into the last one.
    pub overlap_ms: i64,
    /// How far behind the vendor's clock a window ends.
    pub lag_ms: i64,
    /// How often it is read whole, beside what changed; 0 = never.
    pub full_every_ms: i64,
    /// How long a page may take.
    pub timeout_ms: u64,
    /// How many ids fit one question.
    pub max_ids: usize,
    /// How a deletion shows.
    pub gone: Gone,
    paging: Paging,
    list: Call,
    /// False where there is no list at all, only single records.
    listed: bool,
    single: Option<Call>,
    each: Option<Each>,
    times: Times,
    window: Vec<(String, Template)>,
    token: Option<SyncToken>,
    ids: Option<String>,
    foreign: Vec<(Entity, String)>,
    /// Where this field of the connection is filled in, another stream is asked in its place.
    unless: Option<String>,
}

/// Where a sync token goes, and where it comes from.
#[derive(Debug)]
struct SyncToken {
    send: String,
    at: Path,
}

/// The list whose every row has a list of this stream's rows.
#[derive(Debug)]
struct Each {
    call: Call,
    id: Path,
    paging: Paging,
}

/// What a stream is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What changed between two instants of the vendor's clock.
    Range {
        /// From, with the overlap already taken off.
        from: Micros,
        /// To.
        to: Micros,
    },
    /// Everything.
    Full,
    /// The rows whose lists make up everything.
    Each,
    /// What changed since this token was given.
    Since(String),
    /// These rows.
    Ids(Vec<String>),
    /// The rows that belong to these records.
    Foreign {
        /// What kind they are.
        entity: Entity,
        /// Their ids at the vendor.
        ids: Vec<String>,
    },
}

/// How a plan asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBy {
    /// By the rows' own ids.
    Ids,
    /// By the ids of the records they belong to.
    Foreign(Entity),
}

/// One stream to ask when a record is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPlan {
    /// The stream.
    pub stream: String,
    /// How to ask it.
    pub by: ReadBy,
    /// How many ids fit one question.
    pub max_ids: usize,
    /// True for the record's history, which is read after its row and answered with it.
    pub history: bool,
    /// True for rows that are parts of the record.
    pub part: bool,
}

impl Stream {
    /// The first page.
    pub(crate) fn first(
        &self,
        base: &str,
        settings: &Settings,
        ask: &Ask,
        now: Option<Micros>,
    ) -> Result<Request, ScanError> {
        let (mut call, mut values, mut more) = (&self.list, Vec::new(), Vec::new());
        values.extend(now.map(|now| ("now", self.times.value(now))));
        match ask {
            Ask::Full if !self.listed => return Err(ScanError::NotSupported),
            Ask::Full if self.list.is_soap() => {
                let none = |(name, _): &(String, Template)| (name.clone(), json!(""));
                more = self.window.iter().map(none).collect();
            }
            Ask::Full => {}
            Ask::Each => call = &self.each.as_ref().ok_or(ScanError::NotSupported)?.call,
            Ask::Range { from, to } if self.since == Since::Window => {
                more = call::window(&self.window, self.times, *from, *to)?;
            }
            Ask::Since(token) => {
                let way = self.token.as_ref().ok_or(ScanError::NotSupported)?;
                more.push((way.send.clone(), json!(token)));
            }
            Ask::Ids(ids) => match (&self.single, &self.ids, ids.as_slice()) {
                (Some(single), _, [one]) => {
                    call = single;
                    values.push(("id", json!(one)));
                }
                (_, Some(name), ids) if !ids.is_empty() && ids.len() <= self.max_ids => {
                    more.push((name.clone(), json!(ids.join(","))));
                }
                _ => return Err(ScanError::NotSupported),
            },
            Ask::Foreign { entity, ids } => {
                let name = self.foreign.iter().find(|(e, _)| e == entity);
                match (self.since, name, ids.as_slice()) {
                    (Since::Parent(of), _, [one]) if of == *entity => {
                        values.push(("id", json!(one)));
                    }
                    (_, _, [one]) if self.each.is_some() => values.push(("id", json!(one))),
                    (_, Some((_, name)), ids) if !ids.is_empty() && ids.len() <= self.max_ids => {
                        more.push((name.clone(), json!(ids.join(","))));
                    }
                    _ => return Err(ScanError::NotSupported),
                }
            }
            Ask::Range { .. } => return Err(ScanError::NotSupported),
        }
        let pages = self.single.as_ref().is_none_or(|s| !std::ptr::eq(call, s));
        let paging = match &self.each {
            Some(each) if std::ptr::eq(call, &each.call) => &each.paging,
            _ => &self.paging,
        };
        if let Some(size) = paging.size.as_ref().filter(|_| pages) {
            more.push((size.clone(), json!(paging.per_page)));
        }
        more.extend(paging.start().filter(|_| pages));
        let mut request = call.request(base, settings, &values, &more)?;
        request.timeout_ms = self.timeout_ms;
        Ok(request)
    }

    /// The way a request was asked: one record, the rows that have lists, or the list.
    pub(crate) fn asked(&self, request: &Request) -> &Call {
        match (&self.single, &self.each) {
            (Some(single), _) if request.template == single.template() => single,
            (_, Some(each)) if request.template == each.call.template() => &each.call,
            _ => &self.list,
        }
    }

    /// Whether a request has pages at all.
    pub(crate) fn pages(&self, request: &Request) -> bool {
        let single = self.single.as_ref();
        single.is_none_or(|s| !std::ptr::eq(self.asked(request), s))
    }

    /// How the pages of what a request asks follow each other.
    pub(crate) fn paging_of(&self, request: &Request) -> &Paging {
        match &self.each {
            Some(each) if std::ptr::eq(self.asked(request), &each.call) => &each.paging,
            _ => &self.paging,
        }
    }

    /// Whether everything is one list for each row of another list.
    pub fn by_each(&self) -> bool {
        self.each.is_some()
    }

    /// The id in a row of that other list.
    pub fn each_id(&self, row: &Value) -> Option<String> {
        let id = self.each.as_ref()?.id.get(row)?;
        crate::path::scalar_text(id).filter(|id| !id.is_empty())
    }

    /// The record whose list a request asks for, where its path or a parameter names it.
    pub(crate) fn owner(&self, request: &Request) -> Option<String> {
        if !matches!(self.since, Since::Parent(_)) && self.each.is_none() {
            return None;
        }
        let call = self.asked(request);
        let named = call.param_of("id");
        let param = named.and_then(|name| crate::paging::param(request, name));
        param.or_else(|| call.id_in(&request.url))
    }

    /// The sync token on a scan's last page.
    pub fn token_in(&self, body: &Value) -> Option<String> {
        let at = &self.token.as_ref()?.at;
        crate::path::scalar_text(at.get(body)?).filter(|t| !t.is_empty())
    }

    pub(crate) fn plan(&self, entity: Entity) -> Option<ReadPlan> {
        let (by, max_ids) = match self.since {
            _ if self.hints => return None,
            Since::Parent(of) if self.history && of == entity => (ReadBy::Foreign(of), 1),
            _ if self.history && self.by_foreign(entity) => (ReadBy::Foreign(entity), self.max_ids),
            _ if self.part && self.entity == entity && self.by_foreign(entity) => {
                (ReadBy::Foreign(entity), self.max_ids)
            }
            _ if self.part || self.history || self.entity != entity => return None,
            _ if self.ids.is_some() => (ReadBy::Ids, self.max_ids),
            _ if self.single.is_some() => (ReadBy::Ids, 1),
            _ => return None,
        };
        Some(ReadPlan {
            stream: self.name.clone(),
            by,
            max_ids,
            history: self.history,
            part: self.part,
        })
    }

    /// Whether a request asks for single rows.
    pub(crate) fn asks_ids(&self, request: &Request) -> bool {
        let asks = |part: &str| self.ids.as_deref() == part.split('=').next();
        !self.pages(request)
            || (self.ids.is_some() && request.url.split(['?', '&']).skip(1).any(asks))
    }

    /// Whether it can be asked for the rows of records of that kind.
    pub fn by_foreign(&self, entity: Entity) -> bool {
        self.foreign.iter().any(|(e, _)| *e == entity) || self.since == Since::Parent(entity)
    }

    /// Whether the connection has filled in every name in its address, and not what is asked in its place.
    pub(crate) fn is_filled_in(&self, settings: &Settings) -> bool {
        let of_call =
            |n: &str| n == "id" || n == "now" || self.window.iter().any(|(part, _)| part == n);
        let filled = |n: &&str| of_call(n) || settings.get(n).is_some();
        let other = |field: &String| settings.get(field).is_some();
        self.list.names().iter().all(filled) && !self.unless.as_ref().is_some_and(other)
    }

    /// Whether it can be asked for everything.
    pub fn lists(&self) -> bool {
        self.listed && !matches!(self.since, Since::Parent(_))
    }
}

/// Reads `streams.toml`, in its order.
pub(crate) fn read_streams(
    root: &Table,
    shapes: &Shapes,
    paging: &Paging,
    sink: &Sink,
) -> Vec<Stream> {
    let defaults = root.get("defaults").and_then(|n| n.table());
    let mut out = Vec::new();
    for (name, r) in named_tables(root, defaults, &["defaults", "format"], sink) {
        if let Some(stream) = read_stream(name, &r, shapes, paging) {
            out.push(stream);
        }
        r.done();
    }
    out
}

fn read_stream(name: String, r: &Reader<'_>, shapes: &Shapes, paging: &Paging) -> Option<Stream> {
    let shape = r.need("as");
    let known = shapes.get(&shape);
    if known.is_none() {
        let hint = nearest(&shape, shapes.by_name.keys().map(String::as_str))
            .map(|w| format!("; did you mean `{w}`?"));
        r.wrong_at(
            "as",
            format!("no shape is called `{shape}`{}", hint.unwrap_or_default()),
        );
    }
    let window: Vec<(String, Template)> = r
        .text_map("window")
        .into_iter()
        .filter_map(|(name, text)| match Template::parse(&text) {
            Ok(template) => Some((name, template)),
            Err(why) => {
                r.wrong_at("window", why);
                None
            }
        })
        .collect();
    let token = r.table("token").map(|t| {
        let token = SyncToken {
            send: t.need("send"),
            at: t.path("at").unwrap_or_default(),
        };
        t.done();
        token
    });
    let entities = |key: &'static str| -> Vec<(Entity, String)> {
        let known = |(entity, name): (String, String)| match Entity::parse(&entity) {
            Some(entity) => Some((entity, name)),
            None => {
                r.wrong_at(key, format!("the model has no entity `{entity}`"));
                None
            }
        };
        r.text_map(key).into_iter().filter_map(known).collect()
    };
    let foreign = entities("foreign");
    let parent = r.text("of").and_then(|name| {
        let entity = Entity::parse(&name);
        if entity.is_none() {
            r.wrong_at("of", format!("the model has no entity `{name}`"));
        }
        entity
    });
    let own = r.table("paging").map(|t| {
        let own = Paging::read(&t);
        t.done();
        own
    });
    let single = r.table("single").and_then(|t| {
        let call = Call::read(&t);
        if call.is_none() {
            t.wrong("`get` or `post` is missing");
        }
        t.done();
        call.map(|mut call| {
            call.one_or_many = true; // one record is a list of one
            call
        })
    });
    let each = r.table("each").and_then(|t| {
        let each = Call::read(&t).map(|call| Each {
            call,
            id: t.path("id").unwrap_or_default(),
            paging: paging.clone(),
        });
        if each.as_ref().is_none_or(|e| e.id.is_self()) {
            t.wrong(
                "`each` needs the list (`get` or `post`) and `id`: where the id stands in its rows",
            );
        }
        t.done();
        each
    });
    let list = Call::read(r);
    let listed = list.is_some();
    if !listed && single.is_none() {
        r.wrong("`get` or `post` is missing: the path of the list");
    }
    if !listed {
        let _ = (r.value("rows"), r.value("one_or_many")); // as the file's defaults have them
    }
    let list = list.unwrap_or_default();
    if (parent.is_some() || each.is_some()) != list.names().contains(&"id") {
        r.wrong("a list of what belongs to one record has both `of = \"<entity>\"` (or `each`) and `{id}` in its path or body");
    }
    if single.as_ref().is_some_and(|c| !c.names().contains(&"id")) {
        r.wrong_at("single", "`{id}` is missing: the record's id");
    }
    if parent.is_some() && known.is_some_and(|s| s.is_part()) {
        r.wrong_at("of", "a list of parts is read whole or by `foreign`");
    }
    let since = match (parent, &token) {
        (Some(of), _) => Since::Parent(of),
        (None, Some(_)) => Since::Token,
        (None, None) if window.is_empty() => Since::Never,
        (None, None) => Since::Window,
    };
    let gone = r
        .word(
            "gone",
            &[
                ("webhook_only", Gone::WebhookOnly),
                ("full_scan", Gone::FullScan),
            ],
        )
        .unwrap_or(Gone::WebhookOnly);
    let usual = match (since, gone) {
        (Since::Never, _) => 3_600_000,
        (_, Gone::FullScan) => 86_400_000,
        (_, Gone::WebhookOnly) => 0,
    };
    let stream = Stream {
        name,
        entity: known.map_or(Entity::User, |s| s.entity),
        shows: known.map_or_else(Vec::new, |s| s.entities(shapes)),
        shape,
        scope: r.text("scope"),
        history: r.flag("history"),
        whole_histories: known.is_some_and(|s| s.is_spread()),
        part: known.is_some_and(|s| s.is_part()),
        hints: r.flag("hints"),
        since,
        overlap_ms: r.duration("overlap").unwrap_or(3_600_000),
        lag_ms: r.duration("lag").unwrap_or(0),
        full_every_ms: r.duration("full_every").unwrap_or(usual),
        timeout_ms: r
            .duration("timeout")
            .and_then(|ms| u64::try_from(ms).ok())
            .unwrap_or(crate::http::TIMEOUT_MS),
        max_ids: r.number("max_ids").unwrap_or(50) as usize,
        gone,
        paging: own.unwrap_or_else(|| paging.clone()),
        list,
        listed,
        single,
        each,
        times: r
            .word(
                "times",
                &[
                    ("iso", Times::Iso),
                    ("ms", Times::Millis),
                    ("s", Times::Seconds),
                    ("date", Times::Date),
                ],
            )
            .unwrap_or_default(),
        window,
        token,
        // ids that are told apart by their list are not the vendor's own
        ids: r
            .text("ids")
            .filter(|_| known.is_none_or(|s| s.has_own_ids())),
        foreign,
        unless: r.text("unless"),
    };
    known.map(|_| stream)
}
