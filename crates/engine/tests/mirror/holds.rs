//! What must hold, whatever the schedule; and what no reader of such a vendor can promise.

use super::engine::Mirror;
use super::vendor::{Act, Do, Quirk, SEC, Word};
use super::world::{Channel, World};
use stagewire_engine::mirror::application::{Event, Kind};

/// A property that does not hold, and how.
pub(crate) type Broken = (&'static str, String);

/// Everything lands, polls run until nothing is wanted: what is then wrong.
pub(crate) fn verdict(mut w: World) -> Vec<Broken> {
    let mut bad = vec![];
    if !w.close() {
        bad.push(("restless", "reads are wanted without end".into()));
    }
    bad.extend(at_the_end(&w));
    bad.extend(replays(w));
    bad
}

/// No part of the mirror goes back to an earlier act; no old message lifts a tombstone.
pub(crate) fn backwards(before: &World, after: &World) -> Vec<Broken> {
    let mut bad = vec![];
    let (b, a) = (before.e.parts(), after.e.parts());
    for (i, part) in ["status", "stage", "name"].into_iter().enumerate() {
        if a[i] < b[i] {
            bad.push(("backwards", part.to_owned()));
        }
    }
    let lifted = before.e.app.gone && !after.e.app.gone;
    let name_lifted = before.e.name.gone && !after.e.name.gone;
    if (lifted || name_lifted) && after.v.gone {
        bad.push(("backwards", "resurrected".into()));
    }
    bad
}

/// Every delivery again, then everything read again: nothing changes.
fn replays(mut w: World) -> Vec<Broken> {
    let (looks, events) = (w.e.looks(), w.e.events.clone());
    for i in w.told.clone() {
        w.e.hook(&w.hooks[i], None, false);
    }
    w.settle();
    w.ask(Channel::Poll, false);
    let all = w.v.history(0);
    for f in w.flights.iter_mut().filter(|f| f.rows.is_some()) {
        f.rows = Some(all.clone());
    }
    w.settle();
    if (looks, &events) == (w.e.looks(), &w.e.events) {
        return vec![];
    }
    let what = format!(
        "{looks:?} became {:?}: {:?}",
        w.e.looks(),
        w.e.events.last()
    );
    vec![("replay", what)]
}

fn part(kind: Kind) -> Word {
    match kind {
        Kind::Created => "app",
        Kind::StageChanged => "stage",
        Kind::Updated => "name",
        Kind::Deleted | Kind::Restored => "gone",
        _ => "status",
    }
}

fn plain(event: &Event<u32>) -> bool {
    !matches!(event.kind, Kind::Updated | Kind::Deleted | Kind::Restored)
}

fn at_the_end(w: &World) -> Vec<Broken> {
    let mut bad = looks_alike(w);
    bad.extend(no_event_too_many(w));
    bad.extend(live_in_order(w));
    bad.extend(none_missing(w));
    bad
}

/// When all has landed the mirror looks like the vendor.
fn looks_alike(w: &World) -> Vec<Broken> {
    let (e, v) = (w.e.looks(), &w.v);
    let alike = if v.gone {
        e.0
    } else {
        e == (false, v.status, v.stage, Some(v.name))
    };
    if !v.exists || alike {
        return vec![];
    }
    vec![(
        "differs",
        format!(
            "mirror {e:?}, vendor {:?} {:?} {}",
            v.status, v.stage, v.name
        ),
    )]
}

fn before_watermark(w: &World, act: &Act) -> bool {
    act.t / SEC < w.e.watermark.expect("it is set at the end")
}

/// An act has one event, of its own kind; none before the watermark has.
fn no_event_too_many(w: &World) -> Vec<Broken> {
    let mut bad = vec![];
    for (i, event) in
        w.e.events
            .iter()
            .enumerate()
            .filter(|(_, e)| e.kind != Kind::Restored)
    {
        let (n, part_of) = (event.tag, part(event.kind));
        let again =
            |e: &Event<u32>| e.tag == n && e.kind != Kind::Restored && part(e.kind) == part_of;
        if w.e.events[..i].iter().any(again) {
            bad.push(("twice", format!("act {n} {part_of}: {:?}", event.kind)));
            continue;
        }
        let act = w.v.acts.iter().find(|a| a.n == n);
        let early = act.is_none_or(|a| before_watermark(w, a));
        // an undated hire of before the watermark, told after the backfill, cannot be known as such
        let undated = act.is_some_and(|a| a.kind == Do::Hire) && !w.v.has(Quirk::HiredAt);
        if early && undated {
            continue;
        }
        if early && part_of != "gone" {
            bad.push((
                "early",
                format!("{:?} for act {n} before the watermark", event.kind),
            ));
        } else if let Some(a) = act.filter(|a| a.part != part_of) {
            bad.push((
                "twice",
                format!("{:?} for act {n} which was {:?}", event.kind, a.kind),
            ));
        }
    }
    bad
}

/// Live events are in the order of the acts.
fn live_in_order(w: &World) -> Vec<Broken> {
    let live = |e: &&Event<u32>| !e.late && e.also_of.is_none() && plain(e);
    let flow: Vec<_> = w.e.events.iter().filter(live).collect();
    let watermark = w.e.watermark.expect("it is set at the end");
    // in the watermark's own second a row's date may lie before it
    let at_edge = w.v.acts.iter().any(|a| a.t / SEC == watermark);
    if in_order(w, &flow) || (w.v.has(Quirk::RowsBefore) && at_edge) {
        return vec![];
    }
    let acts: Vec<u32> = flow.iter().map(|e| e.tag).collect();
    let first: Vec<u32> = flow
        .iter()
        .filter_map(|e| possible(w, &flow, e).into_iter().min())
        .collect();
    if fits(w, &acts) || fits(w, &first) {
        return vec![];
    }
    vec![("order", format!("live events for acts {acts:?}"))]
}

fn in_order(w: &World, flow: &[&Event<u32>]) -> bool {
    let mut last = 0;
    flow.iter().all(|event| {
        let next = possible(w, flow, event)
            .into_iter()
            .filter(|n| *n >= last)
            .min();
        last = next.unwrap_or(last);
        next.is_some()
    })
}

/// But for what lies in one second.
fn fits(w: &World, order: &[u32]) -> bool {
    let act = |n: u32| w.v.acts.iter().find(|a| a.n == n);
    order.iter().enumerate().all(|(i, x)| {
        order[i + 1..].iter().all(|y| match (act(*x), act(*y)) {
            (Some(a), Some(b)) => x <= y || one_second(w, a, b),
            _ => true,
        })
    })
}

/// The dates cannot order x and y: one second, or x reopened what was ended in y's second.
fn one_second(w: &World, x: &Act, y: &Act) -> bool {
    let with_y = |t: i64| t / SEC == y.t / SEC;
    let ended = |a: &Act| a.part == "status" && a.n < x.n && with_y(a.t);
    with_y(x.t) || (matches!(x.kind, Do::Unreject | Do::Unhire) && w.v.acts.iter().any(ended))
}

/// Hired, unhired, hired with two of them unseen: the event told of one hire as well as of the other.
fn possible(w: &World, flow: &[&Event<u32>], event: &Event<u32>) -> Vec<u32> {
    let mine: Vec<_> = w.v.acts.iter().filter(|a| a.part == "status").collect();
    let here = mine.iter().position(|a| a.n == event.tag);
    let (Some(here), "status") = (here, part(event.kind)) else {
        return vec![event.tag];
    };
    let other = |e: &&&Event<u32>| part(e.kind) == "status" && e.tag != event.tag;
    let told: Vec<u32> = flow.iter().filter(other).map(|e| e.tag).collect();
    let known = |i: &usize| told.contains(&mine[*i].n);
    let from = (0..here).filter(known).max().map_or(0, |i| i + 1);
    let to = (here..mine.len()).find(known).unwrap_or(mine.len());
    let alike = mine.get(from..to).unwrap_or_default().iter();
    let alike = alike.filter(|a| a.to == mine[here].to && a.kind != Do::Reject);
    let acts: Vec<u32> = alike.map(|a| a.n).collect();
    if acts.is_empty() {
        vec![event.tag]
    } else {
        acts
    }
}

/// Every act after the watermark that a channel shows has its event, with the right origin, late only
/// after something newer.
fn none_missing(w: &World) -> Vec<Broken> {
    let mut bad = vec![];
    let edge = i64::from(w.v.has(Quirk::RowsBefore));
    let watermark = w.e.watermark.expect("it is set at the end");
    let flow_parts = |a: &&Act| matches!(a.part, "app" | "stage" | "status");
    for a in
        w.v.acts
            .iter()
            .filter(flow_parts)
            .filter(|a| a.t / SEC >= watermark + edge)
    {
        match w.e.events.iter().position(|e| tells(e, a)) {
            None if excused(w, a) => {}
            None => bad.push(("missing", format!("act {} {:?}", a.n, a.kind))),
            Some(i) => bad.extend(told_well(w, a, i)),
        }
    }
    bad
}

fn tells(event: &Event<u32>, a: &Act) -> bool {
    event.kind != Kind::Restored && event.tag == a.n && part(event.kind) == a.part
}

fn told_well(w: &World, a: &Act, i: usize) -> Vec<Broken> {
    let (mut bad, event) = (vec![], &w.e.events[i]);
    if event.late {
        let (known, together) = w
            .newest
            .iter()
            .rev()
            .find(|(uid, _)| *uid == event.uid)
            .expect("noted")
            .1;
        let tie = |x: &Act| x.part != a.part && x.t / SEC == a.t / SEC;
        let newer = w.e.events[..together].iter().any(|e| e.tag > a.n);
        if known <= a.n && !w.v.acts.iter().any(tie) && !newer {
            bad.push((
                "late",
                format!("act {} {:?} after nothing newer", a.n, a.kind),
            ));
        }
    }
    let from = event.from.as_ref().and_then(|v| v.stage());
    if a.part != "stage" || from == a.from {
        return bad;
    }
    // one of several undated rows
    if w.v
        .rows
        .iter()
        .any(|r| r.entered.is_none() && Some(r.stage) == from)
    {
        return bad;
    }
    // an older state is right where what lies between is learned later, or the past came too late
    let previous = w.v.acts.iter().rfind(|x| x.part == "stage" && x.n < a.n);
    let first = previous.is_none_or(|p| {
        let told = w.e.events.iter().position(|e| tells(e, p));
        told.is_some_and(|j| j < i && !w.e.events[j].late)
    });
    // of two moves to one stage in one second either may have been the one that was told
    let twin = |p: &Act| {
        let one_second = |x: &&Act| x.to == p.to && x.t / SEC == p.t / SEC && x.n != p.n;
        w.v.acts
            .iter()
            .filter(one_second)
            .any(|x| x.part == "stage")
    };
    if from.is_some() && first && !previous.is_some_and(twin) {
        bad.push((
            "from",
            format!("act {}: from {from:?}, truly {:?}", a.n, a.from),
        ));
    }
    bad
}

/// What no reader can promise.
fn excused(w: &World, a: &Act) -> bool {
    let Some((_, shown)) = w.shown.iter().find(|(n, _)| *n == a.n) else {
        return true; // no channel showed it
    };
    let read = !matches!(shown.channel, Channel::Hook(_));
    // told of, or to be confirmed, after the record was deleted
    if shown.gone || (w.v.gone && (a.kind == Do::Hire || !read)) {
        return true;
    }
    let twin = |x: &&Act| x.part == a.part && x.to == a.to && x.t / SEC == a.t / SEC && x.n != a.n;
    let told = |x: &Act| w.e.events.iter().any(|e| tells(e, x));
    if w.v.acts.iter().filter(twin).any(told) {
        return true; // twins in one second
    }
    if a.part == "stage" && w.v.has(Quirk::NoHistory) {
        // without history: left before it was confirmed, back from where it was not seen, or first
        // seen by the backfill
        let left = |x: &Act| x.part == "stage" && x.n > a.n;
        let back = |x: &Act| x.part == "stage" && x.n < a.n && x.from == a.to && !told(x);
        if shown.held.is_none() || w.v.acts.iter().any(|x| left(x) || back(x)) {
            return true;
        }
    }
    if a.part == "status" {
        let said = |e: &&Event<u32>| e.also_of.is_none() && plain(e);
        let said: Vec<_> = w.e.events.iter().filter(said).collect();
        let as_well = |e: &&&Event<u32>| e.tag != a.n && possible(w, &said, e).contains(&a.n);
        if said.iter().any(|e| as_well(&e)) {
            return true; // one event for several alike, what lay between was not seen
        }
        // a status undone before it was shown or confirmed
        let undone = w.v.acts.iter().any(|x| x.part == "status" && x.n > a.n);
        let looked_so =
            shown.held == a.to || (shown.held.is_none() && (undone || a.to == Some("active")));
        let nothing_new = (a.kind != Do::Reject && looked_so) || (undone && (shown.newer || !read));
        if nothing_new && (a.kind != Do::Reject || !own_hook(w, a)) {
            return true;
        }
    }
    // without own time, first seen by the backfill, delivery lost or of before the watermark
    let no_own_time = matches!(a.kind, Do::Hire | Do::Unhire | Do::Unreject);
    let at_edge = Some(a.t / SEC) == w.e.watermark;
    no_own_time && shown.held.is_none() && (!own_hook(w, a) || at_edge)
}

/// Its own delivery came, and was not byte for byte an earlier one.
fn own_hook(w: &World, a: &Act) -> bool {
    let told: Vec<_> = w.told.iter().map(|i| &w.hooks[*i]).collect();
    let alike = |body| told.iter().filter(|x| x.body == body).count();
    told.iter()
        .any(|h| h.n == a.n && alike(h.body.clone()) == 1)
}

impl Mirror {
    /// Gone, status, stage, name.
    fn looks(&self) -> (bool, Option<Word>, Option<Word>, Option<Word>) {
        let stage = self
            .app
            .stage
            .as_ref()
            .map(|p| super::vendor::word(&p.value));
        let name = self
            .name
            .held
            .as_ref()
            .map(|p| super::vendor::word(&p.content));
        (self.app.gone, self.status(), stage, name)
    }

    /// The act behind each part.
    fn parts(&self) -> [Option<u32>; 3] {
        let status = self.app.status.as_ref().map(|p| p.tag);
        let stage = self.app.stage.as_ref().map(|p| p.tag);
        [status, stage, self.name.held.as_ref().map(|_| self.by_name)]
    }

    pub(crate) fn status(&self) -> Option<Word> {
        use stagewire_engine::mirror::application::Status;
        Some(match self.app.status.as_ref()?.value.status {
            Status::Active => "active",
            Status::Rejected => "rejected",
            Status::Withdrawn => "withdrawn",
            Status::Hired => "hired",
            _ => "other",
        })
    }
}
