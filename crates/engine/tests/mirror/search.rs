//! Every schedule of a small setup, shortest first; random walks through large ones; the shortest
//! trace to what goes wrong.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write;
use std::rc::Rc;

use super::holds::{Broken, backwards, verdict};
use super::world::{Setup, Step, World};

/// Xorshift, seeded: the same walk each time.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..4).for_each(|_| _ = random.next());
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() >> 11) as usize % n
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

pub(crate) struct Found {
    pub(crate) bad: Vec<Broken>,
    pub(crate) trace: Vec<Step>,
}

/// Breadth first, at most so many states. Returns how many there were and what first went wrong.
pub(crate) fn exhaustive(setup: &Rc<Setup>, most: usize) -> (usize, Option<Found>) {
    let start = World::new(setup);
    let mut seen = HashSet::from([start.key()]);
    let mut queue = VecDeque::from([(start, vec![])]);
    let mut states = 0;
    while let Some((w, trace)) = queue.pop_front() {
        for step in w.steps() {
            let next = w.then(step);
            if !seen.insert(next.key()) {
                continue;
            }
            states += 1;
            let mut trace = trace.clone();
            trace.push(step);
            let mut bad = backwards(&w, &next);
            if next.flights.is_empty() {
                bad.extend(verdict(next.clone()));
            }
            if !bad.is_empty() {
                return (states, Some(Found { bad, trace }));
            }
            if states >= most {
                return (states, None);
            }
            queue.push_back((next, trace));
        }
    }
    (states, None)
}

fn weight(step: &Step) -> usize {
    match step {
        Step::Act(..) => 3,
        Step::Hook(..) | Step::Rows(_) | Step::Land(_) => 2,
        _ => 1,
    }
}

/// One random schedule, then what is wrong with it.
pub(crate) fn walk(setup: &Rc<Setup>, seed: u64) -> Option<Found> {
    let (mut random, mut w) = (Random::new(seed), World::new(setup));
    let (mut bad, mut trace) = (vec![], vec![]);
    for _ in 0..60 {
        let steps = w.steps();
        if steps.is_empty() || random.one_in(33) {
            break;
        }
        // first the kind of step, then which of that kind
        let mut kinds: Vec<&Step> = vec![];
        for step in &steps {
            let alike = |x: &&Step| std::mem::discriminant(*x) == std::mem::discriminant(step);
            if !kinds.iter().any(alike) {
                kinds.push(step);
            }
        }
        let mut roll = random.below(kinds.iter().map(|s| weight(s)).sum());
        let kind = kinds.into_iter().find(|s| {
            let mine = roll < weight(s);
            roll = roll.saturating_sub(weight(s));
            mine
        });
        let kind = std::mem::discriminant(kind.expect("the roll is below the sum"));
        let alike = |s: &&Step| std::mem::discriminant(*s) == kind;
        let steps: Vec<_> = steps.iter().filter(alike).copied().collect();
        let step = *random.pick(&steps);
        let next = w.then(step);
        trace.push(step);
        bad.extend(backwards(&w, &next));
        w = next;
    }
    bad.extend(verdict(w));
    (!bad.is_empty()).then_some(Found { bad, trace })
}

/// Drops steps while one of the same properties stays broken.
pub(crate) fn shrink(setup: &Rc<Setup>, found: Found) -> Found {
    let mut best = found;
    let mut i = 0;
    while i < best.trace.len() {
        let mut trace = best.trace.clone();
        trace.remove(i);
        let (bad, done) = run(setup, &trace);
        let same = |(a, _): &Broken| best.bad.iter().any(|(b, _)| a == b);
        if bad.iter().any(same) {
            best = Found { bad, trace: done };
            i = 0;
        } else {
            i += 1;
        }
    }
    best
}

/// What is possible of a trace, and what is wrong after it.
pub(crate) fn run(setup: &Rc<Setup>, trace: &[Step]) -> (Vec<Broken>, Vec<Step>) {
    let (mut w, mut bad, mut done) = (World::new(setup), vec![], vec![]);
    for step in trace {
        if w.steps().contains(step) {
            let next = w.then(*step);
            done.push(*step);
            bad.extend(backwards(&w, &next));
            w = next;
        }
    }
    bad.extend(verdict(w));
    (bad, done)
}

/// For whoever has to find the cause.
pub(crate) fn describe(setup: &Rc<Setup>, found: &Found) -> String {
    let mut text = String::new();
    for (property, what) in &found.bad {
        let _ = writeln!(text, "{property}: {what}");
    }
    let mut w = World::new(setup);
    for step in &found.trace {
        w.step(*step);
        let _ = writeln!(text, "  {step:?}");
    }
    w.close();
    for e in &w.e.events {
        let flags = (e.late, e.also_of);
        let _ = writeln!(
            text,
            "  event {:?} {:?} → {:?} {flags:?} act {}",
            e.kind, e.from, e.to, e.tag
        );
    }
    let _ = writeln!(text, "  {setup:?}");
    text
}
