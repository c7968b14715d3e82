//! From what there is to what there should be: which webhooks to make, put right and take away. Pure; asks and stores nothing.

use stagewire_connector::{FoundHook, SecretFrom};

/// A webhook in our books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: i64,
    pub(super) event: String,
    /// `None`: the vendor may have made it or not.
    pub(super) remote_id: Option<String>,
    pub(super) has_secret: bool,
    /// It was told already that this one is not as it should be.
    pub(super) told: bool,
}

/// What is given.
pub(super) struct Given<'a> {
    /// The types to be sent; one that is empty, where there is one webhook for all.
    pub(super) wanted: &'a [String],
    pub(super) url: &'a str,
    pub(super) secret: SecretFrom,
    pub(super) can_update: bool,
    /// A person asks for it: what was only told is made anew.
    pub(super) by_hand: bool,
    pub(super) found: &'a [FoundHook],
    pub(super) known: &'a [Known],
}

/// One thing to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The vendor does not know it any more.
    Forget { known: i64 },
    /// A call whose answer was lost made it after all.
    Adopt { known: i64, remote_id: String },
    /// There is none that we can prove.
    Create { event: String, known: Option<i64> },
    /// It is switched off, or sends elsewhere.
    Update {
        event: String,
        remote_id: String,
        known: Option<i64>,
    },
    /// It leaves something out.
    Tell {
        known: Option<i64>,
        event: String,
        leaves_out: Vec<String>,
    },
    /// One too many, one without a known secret, or one nobody wants.
    Delete {
        remote_id: String,
        known: Option<i64>,
        event: String,
    },
}

/// What to do. Applied to the end without a failure, a second plan is empty.
pub(super) fn plan(given: &Given<'_>) -> Vec<Step> {
    let of_us = |f: &&FoundHook| same(&f.url, given.url) || given.known_by(&f.id).is_some();
    let ours: Vec<&FoundHook> = given.found.iter().filter(of_us).collect();
    let mut steps = Vec::new();
    for k in given.known {
        let there = |id: &String| ours.iter().any(|f| f.id == *id);
        if k.remote_id.as_ref().is_some_and(|id| !there(id)) {
            steps.push(Step::Forget { known: k.id });
        }
    }
    let mut last = Vec::new();
    for event in given.wanted {
        let all: Vec<&&FoundHook> = ours
            .iter()
            .filter(|f| event.is_empty() || f.event == *event)
            .collect();
        given.one(event, &all, &mut steps, &mut last);
    }
    for f in &ours {
        let wanted = given.wanted.iter().any(|w| w.is_empty() || *w == f.event);
        if !wanted && let Some(k) = given.known_by(&f.id) {
            last.push(delete(f, Some(k)));
        }
    }
    // what is new comes before what is old goes: in between is one too many, never one too few
    steps.append(&mut last);
    steps
}

impl Given<'_> {
    fn known_by(&self, remote_id: &str) -> Option<&Known> {
        self.known
            .iter()
            .find(|k| k.remote_id.as_deref() == Some(remote_id))
    }

    fn one(&self, event: &str, all: &[&&FoundHook], steps: &mut Vec<Step>, last: &mut Vec<Step>) {
        let proven = |f: &FoundHook| {
            self.secret == SecretFrom::Nowhere || self.known_by(&f.id).is_some_and(|k| k.has_secret)
        };
        // made by a call whose answer was lost
        let lost = self
            .known
            .iter()
            .find(|k| k.event == event && k.remote_id.is_none());
        let mut pick = all.iter().position(|f| proven(f));
        if pick.is_none()
            && let Some(k) = lost.filter(|k| k.has_secret && self.secret == SecretFrom::Made)
            && let Some(at) = all.iter().position(|f| self.known_by(&f.id).is_none())
        {
            steps.push(Step::Adopt {
                known: k.id,
                remote_id: all[at].id.clone(),
            });
            pick = Some(at);
        } else if let (Some(k), Some(_)) = (lost, pick) {
            steps.push(Step::Forget { known: k.id });
        }
        let mut make = pick.is_none();
        if let Some(f) = pick.map(|at| all[at]) {
            let known = self.known_by(&f.id);
            let wrong = !f.enabled || !same(&f.url, self.url);
            if wrong && self.can_update {
                steps.push(Step::Update {
                    event: event.to_owned(),
                    remote_id: f.id.clone(),
                    known: known.map(|k| k.id),
                });
            } else if wrong || (self.by_hand && !f.leaves_out.is_empty()) {
                make = true;
                last.push(delete(f, known));
            } else if !f.leaves_out.is_empty() && !known.is_some_and(|k| k.told) {
                steps.push(Step::Tell {
                    known: known.map(|k| k.id),
                    event: event.to_owned(),
                    leaves_out: f.leaves_out.clone(),
                });
            }
        }
        if make {
            steps.push(Step::Create {
                event: event.to_owned(),
                known: lost.filter(|_| pick.is_none()).map(|k| k.id),
            });
        }
        for (_, f) in all.iter().enumerate().filter(|(i, _)| Some(*i) != pick) {
            last.push(delete(f, self.known_by(&f.id)));
        }
    }
}

fn delete(f: &FoundHook, known: Option<&Known>) -> Step {
    Step::Delete {
        remote_id: f.id.clone(),
        known: known.map(|k| k.id),
        event: f.event.clone(),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}
