//! What changed since the last look: a window of time or a sync token, moved on only after the last page. Applications and their
//! histories come in lists of their own; they are gathered and told together, a bounded number at a time.

use super::ReadError;
use super::cursor::Cursor;
use super::progress::Phase;
use super::told::{FOUND, Histories, Mode, told, whole_histories};
use super::walk::Walk;
use super::{hear, refused_reset};
use crate::budget::Priority;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::ingest::{Answered, Heard, Wanted};
use stagewire_connector::{Ask, Stream};
use stagewire_model::{Entity, Micros, Observation};
use std::collections::{BTreeMap, BTreeSet};

/// Records in one write.
const CHUNK: usize = 500;
/// Applications held at once; what is more is read one by one later, so that memory stays flat after a long silence.
const HELD: usize = 5_000;
const CHANNEL: &str = "poll_delta";

/// Applications and their histories of one round, and the checkpoints that wait for them.
#[derive(Default)]
pub(super) struct Gathered {
    rows: BTreeMap<String, Observation>,
    histories: Histories,
    asked: u64,
    checkpoints: Vec<(String, String, i64)>,
}

impl Gathered {
    /// Tells them, then moves their checkpoints on.
    pub(super) async fn hear(mut self, hub: &Hub, conn: &Connection) -> Result<(), ReadError> {
        let ids: BTreeSet<String> = self
            .rows
            .keys()
            .chain(self.histories.keys())
            .cloned()
            .collect();
        let ids: Vec<String> = ids.into_iter().collect();
        let whole = whole_histories(conn);
        for chunk in ids.chunks(CHUNK) {
            let one = |id: &String| {
                let history = self.histories.remove(id);
                Heard::Application {
                    remote_id: id.clone(),
                    row: self.rows.remove(id),
                    full: whole && history.is_some(),
                    history,
                }
            };
            let heard = chunk.iter().map(one).collect();
            self.tell(hub, conn, heard, None, Vec::new()).await?;
        }
        for checkpoint in std::mem::take(&mut self.checkpoints) {
            self.tell(hub, conn, Vec::new(), Some(checkpoint), Vec::new())
                .await?;
        }
        Ok(())
    }

    async fn tell(
        &self,
        hub: &Hub,
        conn: &Connection,
        heard: Vec<Heard>,
        checkpoint: Option<(String, String, i64)>,
        wants: Vec<Wanted>,
    ) -> Result<(), ReadError> {
        let answered = Answered {
            heard,
            checkpoint,
            wants,
            asked: self.asked,
            channel: CHANNEL,
            ..Answered::default()
        };
        hear(hub, conn, answered).await
    }

    /// Too many to hold: they are read one by one.
    async fn overflow(&mut self, hub: &Hub, conn: &Connection) -> Result<(), ReadError> {
        if self.rows.len() + self.histories.len() <= HELD {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows).into_keys();
        let ids: BTreeSet<String> = rows
            .chain(std::mem::take(&mut self.histories).into_keys())
            .collect();
        let want = |id| Wanted::record(Entity::Application, id, "it changed", FOUND);
        self.tell(
            hub,
            conn,
            Vec::new(),
            None,
            ids.into_iter().map(want).collect(),
        )
        .await
    }
}

/// What changed in one stream. `None`: the vendor wants it read whole.
pub(super) async fn changes(
    hub: &Hub,
    conn: &Connection,
    stream: &Stream,
    cursor: &Cursor,
    now: Micros,
    gathered: &mut Gathered,
) -> Result<Option<()>, ReadError> {
    let upto = Micros(cursor.upto.unwrap_or(0));
    let (ask, to) = match &cursor.token {
        Some(token) => (Ask::Since(token.clone()), now),
        None => {
            let from = upto.plus_ms(-stream.overlap_ms);
            let to = now.plus_ms(-stream.lag_ms);
            if to <= from {
                return Ok(Some(()));
            }
            // the vendor's clock was last heard a round ago: asked up to ours, moved on to theirs
            let until = now.max(hub.env.now()).plus_ms(1_000);
            (Ask::Range { from, to: until }, to)
        }
    };
    let now_here = hub.env.now();
    conn.progress
        .begin(&stream.name, Phase::Changes, 0, 0, now_here);
    let walked = walk(hub, conn, stream, &ask, gathered).await;
    let stopped = walked.as_ref().err().map(ToString::to_string);
    conn.progress.end(&stream.name, stopped, hub.env.now());
    let (token, count) = match walked {
        Err(e) if refused_reset(&e) => return Ok(None),
        other => other?,
    };
    let moved = Cursor {
        upto: Some(to.0),
        token: token.or_else(|| cursor.token.clone()),
        ..cursor.clone()
    };
    let checkpoint = (stream.name.clone(), moved.text(), count);
    if stream.history || stream.entity == Entity::Application {
        gathered.checkpoints.push(checkpoint);
        return Ok(Some(()));
    }
    let answered = Answered {
        checkpoint: Some(checkpoint),
        asked: conn.ask(),
        channel: CHANNEL,
        ..Answered::default()
    };
    hear(hub, conn, answered).await?;
    Ok(Some(()))
}

async fn walk(
    hub: &Hub,
    conn: &Connection,
    stream: &Stream,
    ask: &Ask,
    gathered: &mut Gathered,
) -> Result<(Option<String>, i64), ReadError> {
    let mut walk = Walk::new(hub, conn, stream, ask, None, Priority::Reconcile)?;
    let (mut token, mut count) = (None, 0);
    while let Some(page) = walk.page().await? {
        if gathered.asked == 0 {
            gathered.asked = page.asked; // row and history count from when the first of them was asked
        }
        count += page.rows.len() as i64;
        conn.progress.rows(&stream.name, page.rows.len() as i64);
        token = page.token.or(token);
        let told = told(conn, stream, &page.rows, Mode::Changes);
        gathered.rows.extend(told.applications);
        for (app, rows) in told.histories {
            gathered.histories.entry(app).or_default().extend(rows);
        }
        let mut answered = told.answered;
        (answered.asked, answered.channel) = (page.asked, CHANNEL);
        let something = !(answered.heard.is_empty()
            && answered.wants.is_empty()
            && answered.wants_if_new.is_empty()
            && answered.drift.is_empty());
        if something {
            walk.beside(hear(hub, conn, answered)).await?;
        }
        gathered.overflow(hub, conn).await?;
    }
    Ok((token, count))
}
