//! Answers the reads below one opportunity: its application, notes, interviews, panels, feedback,
//! offers, files and resumes.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::acts::{Result, id_in};
use super::lists::{Answer, Reader};
use super::paging::cut;
use super::query::{Params, Window};
use super::rows::{File, Opportunity};
use super::table::{Row, Table};
use super::world::Refused;

impl Reader<'_> {
    pub(crate) fn child(&self, row: &Opportunity, path: &[&str], params: Params) -> Result<Answer> {
        let (world, show) = (self.show.world, &self.show);
        let json = match path {
            ["applications"] => {
                let mut params = params;
                let rows = row.application.iter().map(|is| show.application(row, is));
                params.limit()?; // there is one at most
                params.end()?;
                self.page(rows.collect(), None)
            }
            ["applications", id] => {
                let number = id_in("applications", id)?;
                let is = row.application.as_ref().filter(|is| is.id == number);
                let is = is.ok_or_else(|| Refused::Missing("applications", id.to_string()))?;
                json!({"data": show.application(row, is)})
            }
            ["notes", id @ ..] => {
                self.rows(&world.notes, row, "notes", id, params, |row| show.note(row))?
            }
            ["interviews", id @ ..] => {
                self.rows(&world.interviews, row, "interviews", id, params, |row| {
                    show.interview(row)
                })?
            }
            ["panels"] => self.rows(&world.interviews, row, "panels", &[], params, |row| {
                show.panel(row)
            })?,
            ["panels", id] => {
                let number = id_in("panels", id)?;
                let all = world.interviews.of(row.id);
                let found = all.iter().find(|row| row.panel == number);
                let found = found.ok_or_else(|| Refused::Missing("panels", id.to_string()))?;
                json!({"data": show.panel(found)})
            }
            ["feedback", id @ ..] => {
                self.rows(&world.feedback, row, "feedback", id, params, |row| {
                    show.feedback(row)
                })?
            }
            ["offers", id] | ["offers", id, "download"] => {
                let number = id_in("offers", id)?;
                let offer = world.offers.get(number);
                let offer = offer.filter(|offer| offer.opportunity == row.id);
                let offer = offer.ok_or_else(|| Refused::Missing("offers", id.to_string()))?;
                if path.len() == 3 {
                    return Ok(Answer::Bytes(DOCUMENT));
                }
                json!({"data": show.offer(&offer)})
            }
            ["offers"] => self.rows(&world.offers, row, "offers", &[], params, |row| {
                show.offer(row)
            })?,
            ["files" | "resumes"] => self.files(row, path[0] == "resumes", params)?,
            ["files" | "resumes", id, rest @ ..] => {
                let file = world.files.get(id_in("files", id)?);
                let file = file.filter(|file| file.opportunity == row.id);
                let file = file.filter(|file| file.resume == (path[0] == "resumes"));
                let file = file.ok_or_else(|| Refused::Missing("files", id.to_string()))?;
                match rest {
                    [] => json!({"data": show.file(&file)}),
                    ["download"] if file.broken => return Ok(Answer::Unprocessable),
                    ["download"] => return Ok(Answer::Bytes(DOCUMENT)),
                    _ => return Err(no_such(path)),
                }
            }
            _ => return Err(no_such(path)),
        };
        Ok(Answer::Json(json))
    }

    /// All of one kind, or the one asked for.
    fn rows<T: Row>(
        &self,
        table: &Table<T>,
        row: &Opportunity,
        what: &'static str,
        id: &[&str],
        mut params: Params,
        show: impl Fn(&T) -> Value,
    ) -> Result<Value> {
        let all = table.of(row.id);
        if let [id] = id {
            params.end()?;
            let number = id_in(what, id)?;
            let found = all.iter().find(|child| child.id() == number);
            let found = found.ok_or_else(|| Refused::Missing(what, id.to_string()))?;
            return Ok(json!({"data": show(found)}));
        }
        if !id.is_empty() {
            return Err(no_such(&[&[what], id].concat()));
        }
        let (limit, before) = self.place(&mut params)?;
        params.end()?;
        let (rows, next) = cut(newest_first(all), before, limit);
        let rows = rows.iter().map(|row| show(row)).collect();
        Ok(self.page(rows, next))
    }

    /// Files are published as a bare array.
    fn files(&self, row: &Opportunity, resumes: bool, mut params: Params) -> Result<Value> {
        let uploaded: Window = params.window("uploaded_at")?;
        let (limit, before) = self.place(&mut params)?;
        params.end()?;
        let mut all = self.show.world.files.of(row.id);
        all.retain(|file: &Cow<'_, File>| {
            file.resume == resumes && uploaded.holds(file.uploaded_at)
        });
        let (rows, next) = cut(newest_first(all), before, limit);
        let rows: Value = rows.iter().map(|row| self.show.file(row)).collect();
        match self.show.published() && !resumes {
            true => Ok(rows),
            false => Ok(self.page(rows, next)),
        }
    }
}

fn newest_first<T: Row>(mut rows: Vec<Cow<'_, T>>) -> Vec<(u64, Cow<'_, T>)> {
    rows.sort_by_key(|row| std::cmp::Reverse(row.id()));
    rows.into_iter().map(|row| (row.id().0, row)).collect()
}

fn no_such(path: &[&str]) -> Refused {
    Refused::Missing("path", path.join("/"))
}

/// What every document of the fake holds.
const DOCUMENT: &[u8] = b"%PDF-1.4\n% nobody's papers\n%%EOF\n";
