//! A stream from its first page to its last, each page with its checkpoint in one transaction, so that a killed scan goes on where
//! it was. The first of them is silent history; the later ones also show what is not there any more.

use super::ReadError;
use super::cursor::{Cursor, Running};
use super::presence::Presence;
use super::progress::Phase;
use super::told::{Mode, told};
use super::walk::Walk;
use super::{hand, refused_reset};
use crate::budget::Priority;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::ingest::{Answered, Chain, Handed};
use stagewire_connector::{Ask, Stream};
use stagewire_model::Micros;
use std::collections::VecDeque;

/// Reads a stream whole; `first` while everything is read for the first time.
pub(super) async fn full(
    hub: &Hub,
    conn: &Connection,
    stream: &Stream,
    cursor: &Cursor,
    first: bool,
) -> Result<(), ReadError> {
    match scan(hub, conn, stream, cursor, first).await {
        // where it stopped means nothing to the vendor any more: from the beginning
        Err(e) if cursor.scan.is_some() && refused_reset(&e) => {
            let anew = Cursor {
                scan: None,
                ..cursor.clone()
            };
            scan(hub, conn, stream, &anew, first).await
        }
        other => other,
    }
}

async fn scan(
    hub: &Hub,
    conn: &Connection,
    stream: &Stream,
    cursor: &Cursor,
    first: bool,
) -> Result<(), ReadError> {
    let (phase, priority, channel) = if first {
        (Phase::First, Priority::Backfill, "backfill")
    } else {
        (Phase::Full, Priority::Backfill, "poll_full")
    };
    let resumed = cursor.scan.as_ref();
    let mut rows = resumed.map_or(0, |r| r.rows);
    conn.progress
        .begin(&stream.name, phase, rows, cursor.count, hub.env.now());
    let mut from = resumed.map(|r| Micros(r.from));
    let mut presence = Presence::of(stream, first || resumed.is_some());
    let place = resumed.map(|r| &r.next);
    let mut walk = Walk::new(hub, conn, stream, &Ask::Full, place, priority)?;
    let (mut last, mut after) = (None, Cursor::default());
    let (chain, mut pages) = (Chain::default(), Pages::default());
    let ended = loop {
        let page = match walk.page().await {
            Ok(Some(page)) => page,
            Ok(None) => break Ok(()),
            Err(e) => break Err(e),
        };
        let began =
            *from.get_or_insert_with(|| conn.vendor_date().unwrap_or_else(|| hub.env.now()));
        let mode = if first {
            Mode::First(began)
        } else {
            Mode::Full
        };
        let told = told(conn, stream, &page.rows, mode);
        presence.saw(hub, conn, stream, &told.ids);
        let came = page.rows.len() as i64;
        rows += came;
        conn.progress.rows(&stream.name, came);
        last = page.token.or(last);
        let mut answered = told.answered;
        (answered.asked, answered.channel) = (page.asked, channel);
        answered.watermark = conn.watermark().is_none().then_some(began);
        let moved = match page.next {
            Some(next) => Cursor {
                scan: Some(Running {
                    next,
                    from: began.0,
                    rows,
                }),
                ..cursor.clone()
            },
            None => Cursor::scanned(began, last.clone(), rows),
        };
        after = moved.clone();
        answered.checkpoint = Some((stream.name.clone(), moved.text(), came));
        answered.chain = chain.clone();
        if let Err(e) = walk.beside(pages.hand(hub, conn, answered)).await {
            break Err(e);
        }
    };
    let ended = ended.and(pages.stored(0).await);
    let stopped = ended.as_ref().err().map(ToString::to_string);
    conn.progress.end(&stream.name, stopped, hub.env.now());
    ended?;
    presence.settle(hub, conn, stream, cursor, after).await
}

/// Pages that were handed in and are not known to be stored: one is being written, one worked out, while the next is mapped.
#[derive(Default)]
struct Pages(VecDeque<Handed>);

/// So many of them.
const PAGES: usize = 2;

impl Pages {
    /// Hands a page in; where too many are under way, waits for the oldest.
    async fn hand(
        &mut self,
        hub: &Hub,
        conn: &Connection,
        answered: Answered,
    ) -> Result<(), ReadError> {
        self.0.extend(hand(hub, conn, answered).await?);
        self.stored(PAGES).await
    }

    /// Waits until no more than that many are under way.
    async fn stored(&mut self, left: usize) -> Result<(), ReadError> {
        while self.0.len() > left
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.stored().await?;
        }
        Ok(())
    }
}
