//! Every small case: whatever is there and whatever we know of it, one plan brings about what should be, and a second has nothing
//! to do.

use super::plan::{Given, Known, Step, plan};
use stagewire_connector::{FoundHook, SecretFrom};

const URL: &str = "https://wire.example.com/in/ats";

fn hook(id: &str, url: &str, event: &str, enabled: bool) -> FoundHook {
    FoundHook {
        id: id.into(),
        url: url.into(),
        event: event.into(),
        enabled,
        leaves_out: Vec::new(),
        secret: None,
    }
}

fn known(id: i64, event: &str, remote_id: Option<&str>, has_secret: bool) -> Known {
    Known {
        id,
        event: event.into(),
        remote_id: remote_id.map(str::to_owned),
        has_secret,
        told: false,
    }
}

/// The vendor's list and our books, and what a plan makes of them.
#[derive(Clone)]
struct World {
    secret: SecretFrom,
    can_update: bool,
    wanted: Vec<String>,
    found: Vec<FoundHook>,
    known: Vec<Known>,
    made: usize,
}

impl World {
    fn plan(&self) -> Vec<Step> {
        plan(&Given {
            wanted: &self.wanted,
            url: URL,
            secret: self.secret.clone(),
            can_update: self.can_update,
            by_hand: false,
            found: &self.found,
            known: &self.known,
        })
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Forget { known } => self.known.retain(|k| k.id != known),
            Step::Adopt { known, remote_id } => {
                let k = self.known.iter_mut().find(|k| k.id == known);
                k.expect("it is known").remote_id = Some(remote_id);
            }
            Step::Create { event, known: held } => {
                self.made += 1;
                let id = format!("new{}", self.made);
                self.found.push(hook(&id, URL, &event, true));
                match held.and_then(|h| self.known.iter_mut().find(|k| k.id == h)) {
                    Some(k) => (k.remote_id, k.has_secret) = (Some(id), true),
                    None => {
                        let n = 100 + self.made as i64;
                        self.known.push(known(n, &event, Some(&id), true));
                    }
                }
            }
            Step::Update { remote_id, .. } => {
                let f = self.found.iter_mut().find(|f| f.id == remote_id);
                let f = f.expect("it is there");
                (f.enabled, f.url) = (true, URL.into());
            }
            Step::Tell { known, .. } => {
                let k = self.known.iter_mut().find(|k| Some(k.id) == known);
                k.expect("it is known").told = true;
            }
            Step::Delete {
                remote_id, known, ..
            } => {
                self.found.retain(|f| f.id != remote_id);
                self.known.retain(|k| Some(k.id) != known);
            }
        }
    }
}

/// All worlds with up to two webhooks of a type, each ours or not, on or off, known with or without a secret, and a lost answer.
fn worlds() -> Vec<World> {
    let mut out = Vec::new();
    let secrets = [SecretFrom::Made, SecretFrom::Returned, SecretFrom::Nowhere];
    for n in 0..3 * 2 * 2 * 7 * 7 {
        let mut n = n;
        let mut next = |of: usize| {
            let digit = n % of;
            n /= of;
            digit
        };
        let (secret, can_update, lost) = (secrets[next(3)].clone(), next(2) == 1, next(2) == 1);
        let (mut found, mut books) = (Vec::new(), Vec::new());
        for (i, digit) in [next(7), next(7)].into_iter().enumerate() {
            let id = ["a", "b"][i];
            let at = |url: &str, on: bool| hook(id, url, "moved", on);
            match digit {
                0 => {}
                1 => found.push(at(URL, true)),
                2 => found.push(at("https://other.example.com/x", true)),
                d => {
                    found.push(at(
                        if d == 3 {
                            "https://old.example.com/in/ats"
                        } else {
                            URL
                        },
                        d != 4,
                    ));
                    books.push(known(i as i64, "moved", Some(id), d != 5));
                }
            }
            if digit == 6 {
                books.push(known(10 + i as i64, "moved", Some("vanished"), true));
            }
        }
        if lost {
            books.push(known(20, "moved", None, secret == SecretFrom::Made));
        }
        out.push(World {
            secret,
            can_update,
            wanted: vec!["moved".into()],
            found,
            known: books,
            made: 0,
        });
    }
    out
}

#[test]
fn one_plan_is_enough_and_there_are_never_two() {
    for mut w in worlds() {
        let foreign = |w: &World| {
            w.found
                .iter()
                .filter(|f| f.url.contains("other.example"))
                .count()
        };
        let before = foreign(&w);
        let first = w.plan();
        let told = format!("{:?} {:?} {:?} {first:?}", w.secret, w.found, w.known);
        for step in first {
            w.run(step);
        }
        assert_eq!(foreign(&w), before, "somebody else's stay: {told}");
        let ours: Vec<&FoundHook> = w.found.iter().filter(|f| f.url == URL).collect();
        assert_eq!(ours.len(), 1, "{told}");
        assert!(ours[0].enabled, "{told}");
        let proven = w
            .known
            .iter()
            .any(|k| k.remote_id.as_ref() == Some(&ours[0].id) && k.has_secret);
        assert!(proven || w.secret == SecretFrom::Nowhere, "{told}");
        let old = w.found.iter().filter(|f| f.url.contains("old.example"));
        assert_eq!(old.count(), 0, "{told}");
        assert_eq!(w.plan(), [], "{told}");
    }
}

#[test]
fn stopped_after_any_step_the_next_round_ends_the_same() {
    for world in worlds() {
        for stop in 0..world.plan().len() {
            let mut w = world.clone();
            for step in w.plan().into_iter().take(stop) {
                w.run(step);
            }
            for step in w.plan() {
                w.run(step);
            }
            assert_eq!(w.found.iter().filter(|f| f.url == URL).count(), 1);
            assert_eq!(w.plan(), []);
        }
    }
}

#[test]
fn nothing_wanted_takes_away_ours_and_leaves_what_others_made() {
    for mut w in worlds() {
        w.wanted.clear();
        let stays: Vec<String> = w
            .found
            .iter()
            .filter(|f| !w.known.iter().any(|k| k.remote_id.as_ref() == Some(&f.id)))
            .map(|f| f.id.clone())
            .collect();
        for step in w.plan() {
            w.run(step);
        }
        let left: Vec<String> = w.found.iter().map(|f| f.id.clone()).collect();
        assert_eq!(left, stays);
    }
}

#[test]
fn what_is_left_out_is_told_once_and_made_anew_only_when_asked() {
    let mut partial = hook("a", URL, "moved", true);
    partial.leaves_out = vec!["agency".into()];
    let mut w = World {
        secret: SecretFrom::Returned,
        can_update: false,
        wanted: vec!["moved".into()],
        found: vec![partial],
        known: vec![known(1, "moved", Some("a"), true)],
        made: 0,
    };
    let first = w.plan();
    assert!(
        matches!(&first[..], [Step::Tell { known: Some(1), .. }]),
        "{first:?}"
    );
    for step in first {
        w.run(step);
    }
    assert_eq!(w.plan(), []);
    let asked = plan(&Given {
        wanted: &w.wanted,
        url: URL,
        secret: SecretFrom::Returned,
        can_update: false,
        by_hand: true,
        found: &w.found,
        known: &w.known,
    });
    assert!(
        matches!(&asked[..], [Step::Create { .. }, Step::Delete { .. }]),
        "the new one comes before the old one goes: {asked:?}"
    );
}
