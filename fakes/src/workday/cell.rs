//! The cells of a report and how each format writes them. An empty cell has no key and no element,
//! and several values of one cell are one text.

use serde_json::{Map, Value};

use super::rows::{Kind, Location, Worker, key, wid, word_wid};
use super::xml::Element;
use super::zone::Zone;
use crate::clock::Time;

/// A reference to another thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ref {
    pub(crate) descriptor: String,
    pub(crate) wid: String,
    /// The type and value of the id that people read.
    pub(crate) id: Option<(&'static str, String)>,
}

impl Ref {
    /// A stage, a disposition, a source, a tag.
    pub(crate) fn word(word: &str) -> Self {
        Ref {
            descriptor: word.into(),
            wid: word_wid(word),
            id: None,
        }
    }

    pub(crate) fn worker(worker: &Worker) -> Self {
        Ref {
            descriptor: worker.name.into(),
            wid: wid(Kind::Worker, worker.id),
            id: Some(("Employee_ID", worker.id.to_string())),
        }
    }

    pub(crate) fn location(place: &Location) -> Self {
        Ref {
            descriptor: place.name.into(),
            wid: wid(Kind::Location, place.id),
            id: Some(("Location_ID", key(Kind::Location, place.id))),
        }
    }

    /// `ID` children, as both XML surfaces have them.
    pub(crate) fn ids(&self) -> Vec<Element> {
        let mut ids = vec![Element::leaf("ID", self.wid.as_str()).with("wd:type", "WID")];
        if let Some((kind, id)) = &self.id {
            ids.push(Element::leaf("ID", id.as_str()).with("wd:type", kind));
        }
        ids
    }
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Empty,
    Text(String),
    Flag(bool),
    Number(u64),
    Day(Time),
    Stamp(Time),
    Refs(Vec<Ref>),
    Group(Vec<Vec<(&'static str, Cell)>>),
    /// What a drift put there.
    Raw(Value),
}

impl Cell {
    pub(crate) fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Cell::Empty, |text| Cell::Text(text.into()))
    }

    pub(crate) fn word(word: Option<&str>) -> Self {
        word.map_or(Cell::Empty, |word| Cell::Refs(vec![Ref::word(word)]))
    }

    pub(crate) fn stamp(at: Option<Time>) -> Self {
        at.map_or(Cell::Empty, Cell::Stamp)
    }

    pub(crate) fn worker(worker: Option<&Worker>) -> Self {
        worker.map_or(Cell::Empty, |one| Cell::Refs(vec![Ref::worker(one)]))
    }
}

/// How cells are written in this tenant.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) zone: Zone,
    /// Empty texts instead of absent keys, as in the vendor's sample.
    pub(crate) blanks: bool,
}

impl Look {
    /// The cell as JSON; none if it is empty.
    pub(crate) fn json(&self, cell: &Cell) -> Option<Value> {
        match cell {
            Cell::Group(rows) if rows.is_empty() => None,
            Cell::Group(rows) => {
                let rows = rows.iter().map(|row| {
                    let cells = row.iter();
                    let pair =
                        |(name, cell): &(&str, Cell)| Some(((*name).to_owned(), self.json(cell)?));
                    Value::Object(cells.filter_map(pair).collect::<Map<_, _>>())
                });
                Some(Value::Array(rows.collect()))
            }
            Cell::Raw(value) => Some(value.clone()),
            other => match self.plain(other) {
                Some(text) => Some(Value::String(text)),
                None => self.blanks.then(|| Value::String(String::new())),
            },
        }
    }

    /// The cell as elements. `simple` writes references as plain text.
    pub(crate) fn xml(&self, name: &str, cell: &Cell, simple: bool) -> Vec<Element> {
        match cell {
            Cell::Group(rows) => {
                let rows = rows.iter().map(|row| {
                    let cells = row.iter();
                    Element::of(
                        name,
                        cells.flat_map(|(name, cell)| self.xml(name, cell, simple)),
                    )
                });
                rows.collect()
            }
            Cell::Refs(refs) if !simple => {
                let refs = refs
                    .iter()
                    .map(|one| Element::of(name, one.ids()).with("wd:Descriptor", &one.descriptor));
                refs.collect()
            }
            other => match self.plain(other) {
                Some(text) => vec![Element::leaf(name, text)],
                None if self.blanks => vec![Element::wd(name)],
                None => Vec::new(),
            },
        }
    }

    /// The cell as one text; none if it is empty.
    pub(crate) fn plain(&self, cell: &Cell) -> Option<String> {
        match cell {
            Cell::Empty => None,
            Cell::Text(text) => Some(text.clone()),
            Cell::Flag(flag) => Some(u8::from(*flag).to_string()),
            Cell::Number(number) => Some(number.to_string()),
            Cell::Day(at) => Some(self.zone.day(*at)),
            Cell::Stamp(at) => Some(self.zone.stamp(*at)),
            Cell::Refs(refs) => {
                let names: Vec<&str> = refs.iter().map(|one| one.descriptor.as_str()).collect();
                (!names.is_empty()).then(|| names.join("; "))
            }
            Cell::Group(rows) => {
                let row = |row: &Vec<(&str, Cell)>| {
                    let cells = row.iter().filter_map(|(_, cell)| self.plain(cell));
                    cells.collect::<Vec<_>>().join(" ")
                };
                let rows: Vec<String> = rows.iter().map(row).collect();
                (!rows.is_empty()).then(|| rows.join("; "))
            }
            Cell::Raw(Value::String(text)) => Some(text.clone()),
            Cell::Raw(Value::Null) => Some(String::new()),
            Cell::Raw(value) => Some(value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_values_are_one_text_and_empty_ones_are_absent() {
        let look = |blanks| Look {
            zone: Zone::named("America/Los_Angeles"),
            blanks,
        };
        let tags = Cell::Refs(vec![Ref::word("one"), Ref::word("two")]);
        assert_eq!(look(false).json(&tags), Some("one; two".into()));
        assert_eq!(look(false).xml("Tags", &tags, false).len(), 2);
        assert_eq!(look(false).xml("Tags", &tags, true).len(), 1);
        for empty in [Cell::Empty, Cell::Refs(Vec::new())] {
            assert_eq!(look(false).json(&empty), None);
            assert_eq!(look(true).json(&empty), Some("".into()));
        }
        assert_eq!(look(true).json(&Cell::Group(Vec::new())), None);
    }
}
