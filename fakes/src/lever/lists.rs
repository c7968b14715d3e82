//! Answers the reads of the account: opportunities, postings, requisitions and the short lists.
//! It changes nothing, and shows nobody what the caller may not see.

use serde_json::{Map, Value, json};

use super::acts::{Result, id_in};
use super::hooks::Hook;
use super::id::Id;
use super::keys::Caller;
use super::paging::{Offsets, cut};
use super::query::{Filter, Params, Window};
use super::rows::{Grave, Opportunity};
use super::show::{Show, View};
use super::world::{Refused, invalid};
use crate::clock::Time;

const WEEK_SECS: i64 = 7 * 86_400;

/// One read request, understood.
pub(crate) struct Reader<'a> {
    pub(crate) show: Show<'a>,
    pub(crate) offsets: &'a Offsets,
    pub(crate) hooks: &'a [Hook],
    pub(crate) caller: &'a Caller,
    pub(crate) now: Time,
    /// The path and the filters: what offset tokens are bound to.
    pub(crate) list: String,
}

/// A page's answer.
pub(crate) enum Answer {
    Json(Value),
    /// The bytes of a document.
    Bytes(&'static [u8]),
    /// A document nobody can read.
    Unprocessable,
}

impl Reader<'_> {
    pub(crate) fn answer(&self, path: &[&str], mut params: Params) -> Result<Answer> {
        let json = match path {
            ["opportunities"] => self.opportunities(params)?,
            ["opportunities", "deleted"] => self.dead_opportunities(params)?,
            ["opportunities", id] => {
                let row = self.opportunity(id)?;
                let view = View::new(params.all("include"), params.all("expand"))?;
                params.end()?;
                json!({"data": self.show.opportunity(&row, &view, false)})
            }
            ["opportunities", id, rest @ ..] => {
                let row = self.opportunity(id)?;
                return self.child(&row, rest, params);
            }
            ["applications", "deleted"] => self.dead_applications(params)?,
            ["contacts", id] => {
                params.end()?;
                let row = self.show.world.contact(id_in("contacts", id)?)?;
                json!({"data": self.show.contact(&row)})
            }
            ["postings"] => self.postings(params)?,
            ["postings", "deleted"] => self.dead_postings(params)?,
            ["postings", id] => {
                params.end()?;
                let found = self.show.world.postings.get(id_in("postings", id)?);
                let row = found.ok_or_else(|| Refused::Missing("postings", id.to_string()))?;
                self.visible(row.confidential)?;
                json!({"data": self.show.posting(&row)})
            }
            ["requisitions"] => self.requisitions(params)?,
            ["requisitions", id] => {
                params.end()?;
                let found = self.show.world.requisitions.get(id_in("requisitions", id)?);
                let row = found.ok_or_else(|| Refused::Missing("requisitions", id.to_string()))?;
                self.visible(row.confidential)?;
                json!({"data": self.show.requisition(&row)})
            }
            ["users"] => self.users(params)?,
            ["users", id] => {
                params.end()?;
                let found = self.show.world.users.get(id_in("users", id)?);
                let row = found.ok_or_else(|| Refused::Missing("users", id.to_string()))?;
                json!({"data": self.show.user(&row)})
            }
            ["eeo", "responses"] => self.eeo(params, false)?,
            ["eeo", "responses", "pii"] => self.eeo(params, true)?,
            _ => self.short(path, params)?,
        };
        Ok(Answer::Json(json))
    }

    /// An opportunity this caller may see.
    pub(crate) fn opportunity(&self, id: &str) -> Result<Opportunity> {
        let row = self.show.world.opportunity(id_in("opportunities", id)?)?;
        self.visible(row.confidential)?;
        Ok(row)
    }

    fn visible(&self, confidential: bool) -> Result<()> {
        match confidential && !self.caller.confidential {
            true => Err(Refused::Forbidden("the record is confidential".into())),
            false => Ok(()),
        }
    }

    fn opportunities(&self, mut params: Params) -> Result<Value> {
        let (secrecy, never) = params.secrecy(self.caller.confidential)?;
        let filter = Filter {
            created: params.window("created_at")?,
            updated: params.window("updated_at")?,
            advanced: params.window("advanced_at")?,
            archived: params.window("archived_at")?,
            secrecy,
            never,
        };
        let view = View::new(params.all("include"), params.all("expand"))?;
        let (limit, before) = self.place(&mut params)?;
        params.end()?;
        let before = Id(before.unwrap_or(u64::MAX));
        let world = self.show.world;
        let (ids, more) = world.select(&filter, before, limit);
        let next = ids.last().filter(|_| more).map(|id| id.0);
        let rows = ids.iter().filter_map(|id| world.opportunities.get(*id));
        let rows = rows.map(|row| self.show.opportunity(&row, &view, true));
        let rows = rows.collect();
        Ok(self.page(rows, next))
    }

    fn dead_opportunities(&self, mut params: Params) -> Result<Value> {
        let (secrecy, never) = params.secrecy(self.caller.confidential)?;
        let seen = |row: &Opportunity| !never && secrecy.holds(row.confidential);
        let graves = &self.show.world.dead_opportunities;
        self.graves(graves, params, seen, |row| {
            self.show.opportunity(row, &View::default(), true)
        })
    }

    fn dead_applications(&self, mut params: Params) -> Result<Value> {
        let (secrecy, never) = params.secrecy(self.caller.confidential)?;
        let graves = &self.show.world.dead_applications;
        let seen = |(row, _): &(Opportunity, _)| !never && secrecy.holds(row.confidential);
        self.graves(graves, params, seen, |(row, is)| {
            self.show.application(row, is)
        })
    }

    fn dead_postings(&self, mut params: Params) -> Result<Value> {
        let (secrecy, never) = params.secrecy(self.caller.confidential)?;
        let graves = &self.show.world.dead_postings;
        let seen = |row: &super::rows::Posting| !never && secrecy.holds(row.confidential);
        self.graves(graves, params, seen, |row| self.show.posting(row))
    }

    fn graves<T>(
        &self,
        graves: &[Grave<T>],
        mut params: Params,
        seen: impl Fn(&T) -> bool,
        show: impl Fn(&T) -> Value,
    ) -> Result<Value> {
        let window = params.window("deleted_at")?;
        let (limit, before) = self.place(&mut params)?;
        params.end()?;
        let rows = graves.iter().enumerate().rev();
        let rows = rows.filter(|(_, grave)| window.holds(grave.at) && seen(&grave.was));
        let rows = rows.map(|(at, grave)| (at as u64, grave)).collect();
        let (rows, next) = cut(rows, before, limit);
        let rows = rows.into_iter().map(|grave| {
            let mut shown = show(&grave.was);
            shown["deletedAt"] = json!(grave.at.ms());
            shown["deletedBy"] = json!(grave.by);
            shown
        });
        Ok(self.page(rows.collect(), next))
    }

    /// Published ones are left out if they are not public, unless the channels are named. The window
    /// of `updatedAt` stands with `confidentiality` or alone.
    fn postings(&self, mut params: Params) -> Result<Value> {
        let (secrecy, never) = params.secrecy(self.caller.confidential)?;
        let updated = params.window("updated_at")?;
        let filtered = ["state", "distributionChannel"];
        if !updated.is_open() && filtered.iter().any(|name| params.has(name)) {
            let text = "updated_at_start and updated_at_end go with confidentiality only";
            return Err(invalid(text));
        }
        let states = params.all("state");
        let channels = match params.all("distributionChannel") {
            none if none.is_empty() => vec!["public".to_string()],
            some => some,
        };
        let (limit, before) = self.place(&mut params)?;
        params.end()?;
        let rows = self.show.world.postings.iter().rev().filter(|row| {
            let listed = row.channels.iter().any(|have| channels.contains(have));
            !never
                && secrecy.holds(row.confidential)
                && updated.holds(row.updated_at)
                && (states.is_empty() || states.contains(&row.state))
                && (row.state != "published" || listed)
        });
        let rows = rows.map(|row| (row.id.0, row)).collect();
        let (rows, next) = cut(rows, before, limit);
        let rows = rows.into_iter().map(|row| self.show.posting(row));
        Ok(self.page(rows.collect(), next))
    }

    fn requisitions(&self, mut params: Params) -> Result<Value> {
        let (secrecy, never) = params.secrecy(self.caller.confidential)?;
        let created = params.window("created_at")?;
        let (limit, before) = self.place(&mut params)?;
        params.end()?;
        let rows = self.show.world.requisitions.iter().rev().filter(|row| {
            !never && secrecy.holds(row.confidential) && created.holds(row.created_at)
        });
        let rows = rows.map(|row| (row.id.0, row)).collect();
        let (rows, next) = cut(rows, before, limit);
        let rows = rows.into_iter().map(|row| self.show.requisition(row));
        Ok(self.page(rows.collect(), next))
    }

    fn users(&self, mut params: Params) -> Result<Value> {
        let all = params.flag("includeDeactivated")?;
        let (limit, before) = self.place(&mut params)?;
        params.end()?;
        let rows = self.show.world.users.iter().rev();
        let rows = rows.filter(|row| all || row.deactivated_at.is_none());
        let rows = rows.map(|row| (row.id.0, row)).collect();
        let (rows, next) = cut(rows, before, limit);
        let rows = rows.into_iter().map(|row| self.show.user(row));
        Ok(self.page(rows.collect(), next))
    }

    /// Of the last week, if nothing else is asked for.
    fn eeo(&self, mut params: Params, with_person: bool) -> Result<Value> {
        let mut created = params.window("created_at")?;
        if created.is_open() {
            created = Window {
                from: Some(self.now.plus_secs(-WEEK_SECS)),
                to: None,
            };
        }
        let (limit, before) = self.place(&mut params)?;
        params.end()?;
        let rows = self.show.world.eeo.iter().rev();
        let rows = rows.filter(|row| created.holds(row.created_at));
        let rows = rows.map(|row| (row.id.0, row)).collect();
        let (rows, next) = cut(rows, before, limit);
        let rows = rows.into_iter().map(|row| self.show.eeo(row, with_person));
        let rows: Value = rows.collect();
        match self.show.published() {
            true => Ok(json!({"data": {"eeoResponses": rows}})),
            false => Ok(self.page(rows, next)),
        }
    }

    /// Stages, reasons, tags, sources, webhooks.
    fn short(&self, path: &[&str], mut params: Params) -> Result<Value> {
        let world = self.show.world;
        let counts = |counts: &std::collections::BTreeMap<String, i64>| -> Vec<Value> {
            let held = counts.iter().filter(|(_, count)| **count > 0);
            held.map(|(text, count)| json!({"text": text, "count": count}))
                .collect()
        };
        let rows = match path {
            ["stages"] => {
                let rows = (0..world.stages.len()).map(|no| self.show.stage(no));
                let mut rows: Vec<Value> = rows.collect();
                // In no order that means anything.
                rows.sort_by_key(|row| row["text"].to_string());
                rows
            }
            ["stages", id] => {
                params.end()?;
                return Ok(json!({"data": self.show.stage(world.stage_no(id)?)}));
            }
            ["disposition_stages"] => {
                params.end()?;
                let rows = (0..world.stages.len()).map(|no| self.show.disposition_stage(no));
                return Ok(json!({"data": rows.collect::<Value>()}));
            }
            ["requisition_fields"] => return Ok(json!({"data": []})),
            ["archive_reasons"] => {
                let kind = params.one("type");
                let rows = world.reasons.iter().map(|row| self.show.reason(row));
                let rows =
                    rows.filter(|row| kind.as_ref().is_none_or(|kind| row["type"] == **kind));
                let rows: Vec<Value> = rows.collect();
                if self.show.published() && kind.as_deref() == Some("hired") {
                    return Ok(json!({"data": rows.into_iter().next()}));
                }
                rows
            }
            ["archive_reasons", id] => {
                params.end()?;
                let row = world.reason(id_in("archive_reasons", id)?)?;
                return Ok(json!({"data": self.show.reason(row)}));
            }
            ["tags"] => counts(&world.tag_counts),
            ["sources"] => counts(&world.source_counts),
            ["webhooks"] => {
                params.end()?;
                let rows = self.hooks.iter().map(|hook| hook.show(false));
                let rows = rows.map(|row| self.show.worn("webhooks", row));
                return Ok(json!({"data": rows.collect::<Value>()}));
            }
            _ => return Err(Refused::Missing("path", format!("/{}", path.join("/")))),
        };
        let (limit, before) = self.place(&mut params)?;
        params.end()?;
        let count = rows.len() as u64;
        let rows = rows.into_iter().zip(0..);
        let rows = rows.map(|(row, at)| (count - at, row)).collect();
        let (rows, next) = cut(rows, before, limit);
        Ok(self.page(rows.into_iter().collect(), next))
    }

    /// How many rows, and below which.
    pub(crate) fn place(&self, params: &mut Params) -> Result<(usize, Option<u64>)> {
        let limit = params.limit()?;
        let offset = params.one("offset");
        let before = offset.map(|token| self.offsets.read(&self.list, &token, self.now));
        Ok((limit, before.transpose()?))
    }

    /// The envelope; on the last page there is no `next`.
    pub(crate) fn page(&self, rows: Value, next: Option<u64>) -> Value {
        let mut page = Map::new();
        page.insert("data".into(), rows);
        if let Some(before) = next {
            let token = self.offsets.make(&self.list, before, self.now);
            page.insert("next".into(), json!(token));
        }
        page.insert("hasNext".into(), json!(next.is_some()));
        Value::Object(page)
    }
}
