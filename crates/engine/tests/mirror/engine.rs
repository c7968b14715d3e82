//! One application with its candidate's name as a caller holds them: the two pure mirrors, and all
//! that is kept outside of them. Refuses nothing; it only does what a caller must do.

use stagewire_engine::mirror::application::{
    Application, Context, Event, Fate, Kind, Outcome, Past, Receipts,
};
use stagewire_engine::mirror::plain::{self, Plain, Seen, Verdict};

use super::vendor::{Do, VApp, VHook, VRow, answer};

#[derive(Clone, Debug)]
pub(crate) struct Mirror {
    pub(crate) app: Application<u32>,
    pub(crate) name: Plain,
    pub(crate) by_name: u32,
    pub(crate) watermark: Option<i64>,
    pub(crate) receipts: Receipts,
    pub(crate) wanted: bool,
    pub(crate) dropped: bool,
    pub(crate) events: Vec<Event<u32>>,
    pub(crate) seen: Vec<VHook>,
    pub(crate) queue: Vec<VHook>,
    pub(crate) thin: bool,
    pub(crate) asks: u32,
    updates: u64,
}

impl Mirror {
    pub(crate) fn new(thin: bool, asks: u32) -> Self {
        Self {
            app: Application::new(),
            name: Plain::default(),
            by_name: 0,
            watermark: None,
            receipts: Receipts::default(),
            wanted: false,
            dropped: false,
            events: Vec::new(),
            seen: Vec::new(),
            queue: Vec::new(),
            thin,
            asks,
            updates: 0,
        }
    }

    fn first(&self, h: &VHook) -> Option<&VHook> {
        self.seen.iter().find(|x| x.body == h.body)
    }

    pub(crate) fn needs_past(&self, h: &VHook) -> bool {
        self.watermark.is_some() && self.first(h).is_none() && h.body.kind != Do::Edit && {
            let mut receipts = self.receipts;
            let cx = context(self.watermark, self.asks, &mut receipts);
            self.app.needs_past(&cx, &h.told(self.thin))
        }
    }

    /// `past`: the read of the missing past; `late`: it did not come in time.
    pub(crate) fn hook(&mut self, h: &VHook, past: Option<(Option<VApp>, Vec<VRow>)>, late: bool) {
        if let Some(first) = self.first(h) {
            self.wanted |= first.n != h.n; // under another vendor id it wants one read
            return;
        }
        self.seen.push(h.clone());
        if self.watermark.is_none() {
            self.receipts.tick();
            self.queue.push(h.clone());
            return;
        }
        if h.body.kind == Do::Edit {
            let out = self
                .name_with(|name, cx| name.deliver(cx, h.n.to_string().into(), named(h), false));
            return self.take_name(out, h.by_name);
        }
        if h.body.kind == Do::Delete {
            let out = self.name_with(|name, cx| name.delete(cx));
            self.take_name(out, h.by_name);
        }
        let row = past.as_ref().map(|(app, _)| app.clone());
        let asked = row.is_some().then(|| self.receipts.tick());
        let past = match (past, asked) {
            (Some((app, rows)), Some(asked)) => Past::Read {
                answer: answer(app.as_ref(), Some(&rows), true, false),
                asked,
            },
            _ if late => Past::TimedOut,
            _ => Past::NotNeeded,
        };
        let hook = h.told(self.thin);
        let out = self.app_with(|app, cx| app.deliver(cx, hook, past));
        let fate = out.fate;
        self.take_app(out);
        if let (Some(row), Some(asked)) = (&row, asked) {
            self.read_name(row.as_ref(), false, asked);
        }
        let carrier = h.body.at.is_some() && !self.thin && fate != Fate::Before;
        if carrier && !self.app.gone && (asked.is_none() || self.name.held.is_none()) {
            let out = self.name_with(|name, cx| name.embedded(cx, named(h)));
            self.take_name(out, h.by_name);
        }
    }

    pub(crate) fn set_watermark(&mut self, second: i64) {
        self.watermark = Some(second);
        for h in std::mem::take(&mut self.queue) {
            if h.body.kind == Do::Edit {
                let id = h.n.to_string().into();
                let out = self.name_with(|name, cx| name.release(cx, id, named(&h), false));
                self.take_name(out, h.by_name);
                continue;
            }
            if h.body.kind == Do::Delete {
                let id = h.n.to_string().into();
                let out = self.name_with(|name, cx| name.release_deleted(cx, id));
                self.take_name(out, h.by_name);
            }
            let hook = h.told(self.thin);
            let out = self.app_with(|app, cx| app.release(cx, hook));
            self.take_app(out);
        }
    }

    pub(crate) fn read(
        &mut self,
        app: Option<&VApp>,
        rows: Option<&[VRow]>,
        asked: u64,
        full: bool,
        by_id: bool,
    ) {
        let told = answer(app, rows, full, by_id);
        let out = self.app_with(|mirror, cx| mirror.read(cx, told, asked));
        self.dropped = out.dropped;
        self.take_app(out);
        self.read_name(app, by_id, asked);
    }

    fn read_name(&mut self, app: Option<&VApp>, by_id: bool, asked: u64) {
        let seen = app.map(|app| Seen {
            content: app.name.into(),
            at: Some(app.named.clone()),
            created: None,
        });
        let out = self.name_with(|name, cx| name.read(cx, seen, by_id, asked));
        self.take_name(out, app.map_or(0, |app| app.by_name));
    }

    // ---- what comes of it

    fn take_app(&mut self, out: Outcome<u32>) {
        self.wanted |= out.wanted;
        self.events.extend(out.events);
        // an event tells of what its transition is now known to be
        for uid in out.changed {
            let t = self.app.transition(uid).expect("what changed is there");
            for event in self.events.iter_mut().filter(|e| e.uid == uid) {
                event.tag = t.tag;
            }
        }
    }

    fn take_name(&mut self, out: plain::Outcome, act: u32) {
        self.wanted |= out.wanted;
        let Verdict::Apply { first } = out.verdict else {
            return;
        };
        self.by_name = act;
        if !first {
            self.updates += 1;
            self.events.push(Event {
                uid: (1 << 32) + self.updates,
                kind: Kind::Updated,
                from: None,
                to: None,
                late: false,
                also_of: None,
                date: None,
                tag: act,
            });
        }
    }

    fn app_with<R>(&mut self, f: impl FnOnce(&mut Application<u32>, &mut Context<'_>) -> R) -> R {
        let cx = &mut context(self.watermark, self.asks, &mut self.receipts);
        f(&mut self.app, cx)
    }

    fn name_with<R>(&mut self, f: impl FnOnce(&mut Plain, &mut Context<'_>) -> R) -> R {
        let cx = &mut context(self.watermark, self.asks, &mut self.receipts);
        f(&mut self.name, cx)
    }
}

fn context(watermark: Option<i64>, asks: u32, receipts: &mut Receipts) -> Context<'_> {
    Context {
        watermark: watermark.expect("it is set by now"),
        reads: true,
        asks,
        receipts,
    }
}

fn named(h: &VHook) -> Seen {
    Seen {
        content: h.body.name.unwrap_or_default().into(),
        at: h.body.at.clone(),
        created: None,
    }
}
