//! Report as a service: one call, one whole report, streamed from a snapshot. There are no pages;
//! who wants less asks with prompts.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde_json::{Map, Value};

use super::api::{Fake, Wrong, failure, http_caller, text};
use super::cell::{Cell, Look};
use super::drift::{self, Drift};
use super::limits::Run;
use super::reports::{self, Prompts, Report};
use super::rows::{Kind, number_of_wid};
use super::tokens::Access;
use super::world::World;
use super::xml::Element;
use crate::faults::Lagging;

/// A piece of a report is sent when it has grown to this.
const PIECE_BYTES: usize = 32 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    SimpleXml,
    Xml,
}

pub(crate) async fn report(
    State(fake): State<Fake>,
    Path((tenant, owner, name)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    fake.count(format!("GET /ccx/service/customreport2/{name}"));
    let (run, access) = match admit(&fake, &tenant, request.headers()) {
        Ok(admitted) => admitted,
        Err(refused) => return *refused,
    };
    fake.while_reports_are_held().await;
    let report = match reports::find(&name) {
        Some(report) if owner == fake.options.report_owner => report,
        _ => {
            return failure(
                404,
                "No such report, or it is not enabled as a web service",
                &[],
            );
        }
    };
    let asked = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(_) => return failure(400, "The query cannot be read", &[]),
    };
    let lagging = request.extensions().get::<Lagging>().is_some();
    let core = &mut *fake.lock();
    let world = match &core.replica {
        Some(replica) if lagging => Arc::clone(replica),
        _ => Arc::clone(&core.world),
    };
    let (format, prompts) = match read(&asked, &world, &fake.look) {
        Ok(read) => read,
        Err(wrong) => return failure(400, "Invalid request", &[wrong]),
    };
    let ids = match access {
        Access::EmptyRows => Vec::new(),
        _ => (report.ids)(&world, prompts.window),
    };
    let drifts = core.drifts.iter().filter(|drift| drift.entity == name);
    let pieces = Pieces {
        world,
        report,
        ids: ids.into_iter(),
        only: prompts.requisition,
        look: fake.look.clone(),
        drifts: drifts.cloned().collect(),
        format,
        place: Place::Start,
        rows: 0,
        cut_after: core.cut_report_after.take(),
        _run: run,
    };
    let kind = match format {
        Format::Json => "application/json",
        Format::Csv => "text/csv;charset=utf-8",
        Format::SimpleXml | Format::Xml => "text/xml;charset=utf-8",
    };
    // Between two pieces the connection gets its turn, so that what is made is also sent.
    let body = Body::from_stream(stream::unfold(pieces, async |mut pieces| {
        tokio::task::yield_now().await;
        Some((pieces.next()?, pieces))
    }));
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// Tenant, caller, quota, rights, calls under way: in this order.
fn admit(fake: &Fake, tenant: &str, headers: &HeaderMap) -> Result<(Run, Access), Box<Response>> {
    let caller = http_caller(fake, tenant, text(headers, "authorization"), true)?;
    if !fake.lock().extracts.count(fake.now()) {
        return Err(Box::new(failure(429, "Too many extracts", &[])));
    }
    if caller.access == Access::Forbidden {
        let words = "The user may not run this report";
        return Err(Box::new(failure(403, words, &[])));
    }
    let limit = fake.lock().raas_at_once;
    let run = fake.running.start(limit);
    let run = run.ok_or_else(|| Box::new(failure(429, "Too many reports at once", &[])))?;
    Ok((run, caller.access))
}

/// The format and the prompts. A name that is no prompt of the report is refused.
fn read(
    asked: &[(String, String)],
    world: &World,
    look: &Look,
) -> Result<(Format, Prompts), Wrong> {
    let mut format = Format::Xml;
    let mut prompts = Prompts::default();
    for (name, value) in asked {
        let day = || {
            let at = look.zone.read(value);
            at.ok_or_else(|| Wrong::new("Invalid date or dateTime", name))
        };
        match name.as_str() {
            "format" => {
                format = match value.as_str() {
                    "json" => Format::Json,
                    "csv" => Format::Csv,
                    "simplexml" => Format::SimpleXml,
                    "xml" => Format::Xml,
                    _ => return Err(Wrong::new("Unknown format", name)),
                }
            }
            "Updated_From" => prompts.window.0 = Some(day()?),
            "Updated_Through" => prompts.window.1 = Some(day()?),
            "Job_Requisition!WID" => {
                let id = number_of_wid(Kind::Requisition, value);
                let id = id.filter(|id| world.requisitions.get(*id).is_some());
                prompts.requisition = Some(id.ok_or_else(|| Wrong::new("Invalid WID", name))?);
            }
            _ => return Err(Wrong::new("Unknown prompt", name)),
        }
    }
    Ok((format, prompts))
}

enum Place {
    Start,
    Rows,
    End,
}

/// The pieces of one report, each made when the one before has left.
struct Pieces {
    world: Arc<World>,
    report: &'static Report,
    ids: std::vec::IntoIter<u64>,
    only: Option<u64>,
    look: Look,
    drifts: Vec<Drift>,
    format: Format,
    place: Place,
    rows: u64,
    cut_after: Option<u64>,
    _run: Run,
}

impl Iterator for Pieces {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut out = String::with_capacity(PIECE_BYTES + 4096);
        match self.place {
            Place::Start => self.open(&mut out),
            Place::Rows if self.cut_after == Some(self.rows) => {
                self.place = Place::End;
                return Some(Err(io::ErrorKind::ConnectionReset.into()));
            }
            Place::Rows => {}
            Place::End => return None,
        }
        self.place = Place::Rows;
        while out.len() < PIECE_BYTES && self.cut_after != Some(self.rows) {
            let Some(id) = self.ids.next() else {
                self.close(&mut out);
                self.place = Place::End;
                break;
            };
            if let Some(cells) = (self.report.row)(&self.world, id, self.only) {
                self.row(cells, &mut out);
                self.rows += 1;
            }
        }
        Some(Ok(out.into()))
    }
}

impl Pieces {
    fn open(&self, out: &mut String) {
        match self.format {
            Format::Json => out.push_str("{\"Report_Entry\":["),
            Format::Csv => {
                let empty = vec![Cell::Empty; self.report.columns.len()];
                let row = drift::columns(self.report.columns, empty, &self.drifts);
                csv(row.iter().map(|(name, _)| name.to_string()), out);
            }
            Format::SimpleXml | Format::Xml => {
                out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
                out.push_str("<wd:Report_Data xmlns:wd=\"urn:com.workday.report/");
                out.push_str(self.report.name);
                out.push_str("\">");
            }
        }
    }

    fn close(&self, out: &mut String) {
        match self.format {
            Format::Json => out.push_str("]}"),
            Format::Csv => {}
            Format::SimpleXml | Format::Xml => out.push_str("</wd:Report_Data>"),
        }
    }

    fn row(&self, cells: Vec<Cell>, out: &mut String) {
        let row = drift::columns(self.report.columns, cells, &self.drifts);
        match self.format {
            Format::Json => {
                if self.rows > 0 {
                    out.push(',');
                }
                let fields = row.iter();
                let fields = fields
                    .filter_map(|(name, cell)| Some((name.to_string(), self.look.json(cell)?)));
                let entry = Value::Object(fields.collect::<Map<_, _>>());
                out.push_str(&entry.to_string());
            }
            Format::Csv => {
                let cells = row.iter().map(|(_, cell)| self.look.plain(cell));
                csv(cells.map(Option::unwrap_or_default), out);
            }
            Format::SimpleXml | Format::Xml => {
                let simple = self.format == Format::SimpleXml;
                let cells = row.iter();
                let cells = cells.flat_map(|(name, cell)| self.look.xml(name, cell, simple));
                Element::of("Report_Entry", cells).write(out);
            }
        }
    }
}

fn csv(cells: impl Iterator<Item = String>, out: &mut String) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        match cell.contains([',', '"', '\n', '\r']) {
            true => {
                out.push('"');
                out.push_str(&cell.replace('"', "\"\""));
                out.push('"');
            }
            false => out.push_str(&cell),
        }
    }
    out.push('\n');
}
