//! Cursors and sync tokens: opaque to the caller, and readable here without keeping any of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Time;

/// A place in one of the two walks through a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// After this row, in the order of making.
    Made(Time, u64),
    /// After this change.
    Changed(u64),
}

/// Where a run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) list: String,
    pub(crate) parent: u64,
    pub(crate) after: Place,
    /// The last change when the run began: later ones are for the next run.
    pub(crate) until: u64,
    /// The tokens' epoch when the run began.
    pub(crate) epoch: u64,
    /// Which page comes next, from zero.
    pub(crate) page: u32,
}

/// From where the next run reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyncToken {
    pub(crate) list: String,
    pub(crate) parent: u64,
    pub(crate) since: u64,
    pub(crate) epoch: u64,
    pub(crate) made: Time,
}

impl Cursor {
    pub(crate) fn write(&self) -> String {
        let (kind, ms, n) = match self.after {
            Place::Made(at, n) => ("m", at.ms(), n),
            Place::Changed(version) => ("c", 0, version),
        };
        let Cursor {
            list,
            parent,
            until,
            epoch,
            page,
            ..
        } = self;
        let text = format!("{list}|{parent}|{kind}|{ms}|{n}|{until}|{epoch}|{page}");
        URL_SAFE_NO_PAD.encode(text)
    }

    pub(crate) fn read(text: &str) -> Option<Cursor> {
        let text = decode(text)?;
        let parts: Vec<&str> = text.split('|').collect();
        let [list, parent, kind, ms, n, until, epoch, page] = parts[..] else {
            return None;
        };
        let n = n.parse().ok()?;
        let after = match kind {
            "m" => Place::Made(Time::from_ms(ms.parse().ok()?), n),
            "c" => Place::Changed(n),
            _ => return None,
        };
        Some(Cursor {
            list: list.into(),
            parent: parent.parse().ok()?,
            after,
            until: until.parse().ok()?,
            epoch: epoch.parse().ok()?,
            page: page.parse().ok()?,
        })
    }
}

impl SyncToken {
    pub(crate) fn write(&self) -> String {
        let SyncToken {
            list,
            parent,
            since,
            epoch,
            made,
        } = self;
        let text = format!("{list}|{parent}|{since}|{epoch}|{}", made.ms());
        URL_SAFE_NO_PAD.encode(text)
    }

    pub(crate) fn read(text: &str) -> Option<SyncToken> {
        let text = decode(text)?;
        let parts: Vec<&str> = text.split('|').collect();
        let [list, parent, since, epoch, made] = parts[..] else {
            return None;
        };
        Some(SyncToken {
            list: list.into(),
            parent: parent.parse().ok()?,
            since: since.parse().ok()?,
            epoch: epoch.parse().ok()?,
            made: Time::from_ms(made.parse().ok()?),
        })
    }
}

fn decode(text: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_read_back_as_written_and_never_as_each_other() {
        let cursor = Cursor {
            list: "job.list".into(),
            parent: 0,
            after: Place::Made(Time::from_ms(-5), 7),
            until: 9,
            epoch: 1,
            page: 2,
        };
        assert_eq!(Cursor::read(&cursor.write()), Some(cursor.clone()));
        assert_eq!(SyncToken::read(&cursor.write()), None);
        let token = SyncToken {
            list: "job.list".into(),
            parent: 3,
            since: 4,
            epoch: 0,
            made: Time::from_ms(1),
        };
        assert_eq!(SyncToken::read(&token.write()), Some(token.clone()));
        assert_eq!(Cursor::read(&token.write()), None);
        assert_eq!(Cursor::read("??"), None);
    }
}
