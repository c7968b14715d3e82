//! Reads the query of a request: windows, pages, what to show. A parameter this fake does not know
//! is refused, so that a filter nobody serves is not taken for an answer.

use std::collections::BTreeMap;

use super::rows::Opportunity;
use super::world::{Refused, invalid};
use crate::clock::Time;

/// Bounds of a moment, both included.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    pub(crate) from: Option<Time>,
    pub(crate) to: Option<Time>,
}

impl Window {
    pub(crate) fn is_open(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    pub(crate) fn begun(&self, at: Time) -> bool {
        self.from.is_none_or(|from| at >= from)
    }

    pub(crate) fn over(&self, at: Time) -> bool {
        self.to.is_some_and(|to| at > to)
    }

    pub(crate) fn holds(&self, at: Time) -> bool {
        self.begun(at) && !self.over(at)
    }

    /// A record without the moment is in no window, and in no window's absence left out.
    pub(crate) fn holds_some(&self, at: Option<Time>) -> bool {
        self.is_open() || at.is_some_and(|at| self.holds(at))
    }

    fn both(self, other: Window) -> Window {
        let to = [self.to, other.to].into_iter().flatten().min();
        Window {
            from: self.from.max(other.from),
            to,
        }
    }
}

/// Which records with a confidentiality are wanted and may be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Secrecy {
    #[default]
    Open,
    Confidential,
    All,
}

impl Secrecy {
    pub(crate) fn holds(self, confidential: bool) -> bool {
        match self {
            Secrecy::Open => !confidential,
            Secrecy::Confidential => confidential,
            Secrecy::All => true,
        }
    }
}

/// Which opportunities a list request selects.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) created: Window,
    pub(crate) updated: Window,
    pub(crate) advanced: Window,
    pub(crate) archived: Window,
    pub(crate) secrecy: Secrecy,
    /// Nobody may be shown.
    pub(crate) never: bool,
}

impl Filter {
    pub(crate) fn holds(&self, row: &Opportunity) -> bool {
        !self.never
            && self.created.holds(row.created_at)
            && self.updated.holds_some(row.updated_at)
            && self.advanced.holds_some(row.last_advanced_at)
            && self.archived.holds_some(row.archived.map(|is| is.at))
            && self.secrecy.holds(row.confidential)
    }

    /// The window of the last change, which in a crowd is one moment for all its kinds.
    pub(crate) fn touched(&self) -> Window {
        self.updated.both(self.advanced).both(self.archived)
    }
}

/// The parameters of one request, each taken once.
pub(crate) struct Params {
    pairs: BTreeMap<String, Vec<String>>,
}

impl Params {
    pub(crate) fn new(pairs: Vec<(String, String)>) -> Params {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs {
            all.entry(name).or_default().push(value);
        }
        Params { pairs: all }
    }

    /// Everything but the place in the list, in a fixed order: what an offset is bound to.
    pub(crate) fn meaning(&self) -> String {
        let pairs = self.pairs.iter();
        let kept = pairs.filter(|(name, _)| !matches!(name.as_str(), "offset" | "limit"));
        kept.map(|(name, values)| format!("{name}={}&", values.join(",")))
            .collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs.contains_key(name)
    }

    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.remove(name).unwrap_or_default()
    }

    pub(crate) fn one(&mut self, name: &str) -> Option<String> {
        self.all(name).pop()
    }

    /// `{name}_start` and `{name}_end`, in milliseconds.
    pub(crate) fn window(&mut self, name: &str) -> Result<Window, Refused> {
        Ok(Window {
            from: self.moment(&format!("{name}_start"))?,
            to: self.moment(&format!("{name}_end"))?,
        })
    }

    fn moment(&mut self, name: &str) -> Result<Option<Time>, Refused> {
        let Some(text) = self.one(name) else {
            return Ok(None);
        };
        let ms = text.parse::<i64>();
        let ms = ms.map_err(|_| invalid(format!("{name} must be a timestamp in milliseconds")))?;
        Ok(Some(Time::from_ms(ms)))
    }

    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Refused> {
        match self.one(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(invalid(format!("{name} must be true or false"))),
        }
    }

    /// `confidentiality`, and whether the caller may see such records; never is the third.
    pub(crate) fn secrecy(&mut self, may: bool) -> Result<(Secrecy, bool), Refused> {
        let wanted = match self.one("confidentiality").as_deref() {
            None | Some("non-confidential") => Secrecy::Open,
            Some("confidential") => Secrecy::Confidential,
            Some("all") => Secrecy::All,
            Some(_) => return Err(invalid("confidentiality is not one of its words")),
        };
        Ok(match (wanted, may) {
            (Secrecy::All, false) => (Secrecy::Open, false),
            (Secrecy::Confidential, false) => (Secrecy::Confidential, true),
            (wanted, _) => (wanted, false),
        })
    }

    /// How many rows a page may have.
    pub(crate) fn limit(&mut self) -> Result<usize, Refused> {
        match self.one("limit").map(|text| text.parse::<usize>()) {
            None => Ok(100),
            Some(Ok(limit)) if (1..=100).contains(&limit) => Ok(limit),
            Some(_) => Err(invalid("limit must be a number from 1 to 100")),
        }
    }

    /// Refuses what is left.
    pub(crate) fn end(self) -> Result<(), Refused> {
        match self.pairs.keys().next() {
            None => Ok(()),
            Some(name) => Err(invalid(format!("the parameter {name} is not known here"))),
        }
    }
}
