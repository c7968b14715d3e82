//! The parts of a signature recipe: what is signed, where the signature stands, and when it says it was made. Decides nothing.

use super::Headers;
use crate::manifest::Reader;
use crate::path::Path;
use serde_json::Value;
use stagewire_model::Micros;
use std::borrow::Cow;

/// One part of what is signed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Over {
    Body,
    Header(String),
    Text(String),
    Field(Path),
}

impl Over {
    pub(super) fn read(r: &Reader<'_>) -> Vec<Over> {
        match r.texts("over") {
            list if list.is_empty() => vec![Over::Body],
            list => list.iter().filter_map(|text| Over::one(r, text)).collect(),
        }
    }

    fn one(r: &Reader<'_>, text: &str) -> Option<Over> {
        let part = match text.split_once(':') {
            None if text == "body" => Some(Over::Body),
            Some(("header", name)) => Some(Over::Header(name.into())),
            Some(("text", text)) => Some(Over::Text(text.into())),
            Some(("field", path)) => Path::parse(path).map(Over::Field),
            _ => None,
        };
        if part.is_none() {
            r.wrong_at("over", format!("`{text}` is no part of a signature; there are `body`, `header:<name>`, `field:<path>` and `text:<constant>`"));
        }
        part
    }

    /// The bytes of it; `None` where the request has none.
    pub(super) fn bytes<'b>(
        &'b self,
        headers: Headers<'_, '_>,
        fields: Option<&Value>,
        body: &'b [u8],
    ) -> Option<Cow<'b, [u8]>> {
        Some(match self {
            Over::Body => Cow::Borrowed(body),
            Over::Header(name) => Cow::Owned(headers(name)?.as_bytes().to_vec()),
            Over::Text(text) => Cow::Borrowed(text.as_bytes()),
            Over::Field(path) => Cow::Owned(signed_text(path.get(fields?)?)?.into_bytes()),
        })
    }
}

/// A field's value as a vendor signs it: a text as it is, a whole number in decimal digits. Anything else has more than one
/// spelling, and a signature over it proves nothing.
fn signed_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(n) if n.is_i64() || n.is_u64() => Some(n.to_string()),
        _ => None,
    }
}

/// Where a signature, or a time, stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Header(String),
    Field(Path),
}

impl Place {
    /// `header = "<name>"`, or `at = "<path in the body>"`.
    pub(super) fn read(r: &Reader<'_>) -> Option<Place> {
        match (r.text("header"), r.path("at")) {
            (Some(header), None) => Some(Place::Header(header)),
            (None, Some(path)) => Some(Place::Field(path)),
            (None, None) => {
                r.wrong("it needs a `header`, or `at` with the path in the body");
                None
            }
            (Some(_), Some(_)) => {
                r.wrong_at(
                    "at",
                    "it stands in a `header` or `at` a path of the body, not both",
                );
                None
            }
        }
    }

    pub(super) fn is_field(&self) -> bool {
        matches!(self, Place::Field(_))
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Place::Header(name) => name,
            Place::Field(path) => path.text(),
        }
    }

    pub(super) fn get(&self, headers: Headers<'_, '_>, fields: Option<&Value>) -> Option<String> {
        match self {
            Place::Header(name) => headers(name).map(str::to_owned),
            Place::Field(path) => signed_text(path.get(fields?)?),
        }
    }
}

/// When a delivery says it was made.
#[derive(Clone, Debug)]
pub(super) struct Timestamp {
    place: Place,
    /// Milliseconds of one unit.
    unit: i64,
    /// Milliseconds between its clock and ours.
    pub(super) tolerance: i64,
    /// What is further apart is refused; else only noted, since a retry may carry the first attempt's time.
    pub(super) refuses: bool,
}

impl Timestamp {
    pub(super) fn read(r: &Reader<'_>) -> Option<Timestamp> {
        let t = r.table("timestamp")?;
        let place = Place::read(&t);
        let unit = t.word("unit", &[("s", 1000), ("ms", 1)]).unwrap_or(1000);
        let (tolerance, note) = (t.duration("tolerance"), t.duration("note"));
        if tolerance.is_some() && note.is_some() {
            t.wrong_at(
                "note",
                "an age is refused beyond its `tolerance`, or only noted beyond `note`, not both",
            );
        }
        t.done();
        Some(Timestamp {
            place: place?,
            unit,
            tolerance: note.or(tolerance).unwrap_or(300_000),
            refuses: note.is_none(),
        })
    }

    pub(super) fn is_field(&self) -> bool {
        self.place.is_field()
    }

    /// Milliseconds from what it says to now; `None` where it says nothing that can be read.
    pub(super) fn apart_ms(
        &self,
        headers: Headers<'_, '_>,
        fields: Option<&Value>,
        now: Micros,
    ) -> Option<i64> {
        let told: i64 = self.place.get(headers, fields)?.trim().parse().ok()?;
        let told = told.checked_mul(self.unit)?;
        (now.0 / 1000).checked_sub(told)
    }
}
