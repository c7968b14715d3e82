//! A path an expression reads, such as `offer.custom['cost_centre']`, and how it is found in data.

use serde_json::{Map, Value, json};
use std::fmt;

/// One step of a path below its root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A field, or a key of a keyed field.
    Field(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// A root and the fields below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The first name: `offer`.
    pub root: String,
    /// What follows it.
    pub rest: Vec<Segment>,
}

impl Path {
    /// A path from plain names: `Path::of("offer", ["start_date"])`.
    pub fn of<'a>(root: &str, rest: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            root: root.to_owned(),
            rest: rest
                .into_iter()
                .map(|name| Segment::Field(name.to_owned()))
                .collect(),
        }
    }

    /// Reads `offer.pay.0.text`; a segment of digits is a place in a list.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let root = parts.next().filter(|root| is_name(root))?.to_owned();
        let rest = parts
            .map(|part| match part.parse() {
                Ok(index) => Some(Segment::Index(index)),
                Err(_) if part.is_empty() => None,
                Err(_) => Some(Segment::Field(part.to_owned())),
            })
            .collect::<Option<_>>()?;
        Some(Self { root, rest })
    }

    /// The name of the field right below the root.
    pub fn field(&self) -> Option<&str> {
        self.rest.iter().find_map(|segment| match segment {
            Segment::Field(name) => Some(name.as_str()),
            Segment::Index(_) => None,
        })
    }

    /// The same path with another root: what is read of `item` is read of the list.
    pub fn below(&self, of: &Path) -> Path {
        Path {
            root: of.root.clone(),
            rest: of.rest.iter().chain(&self.rest).cloned().collect(),
        }
    }

    /// The path up to the first place in a list: the whole list stands for what is in it.
    pub fn up_to_list(&self) -> Path {
        let fields = self.rest.iter();
        let fields = fields.take_while(|segment| matches!(segment, Segment::Field(_)));
        Path {
            root: self.root.clone(),
            rest: fields.cloned().collect(),
        }
    }

    /// Puts a value where this path leads, making the objects on the way; a place in a list is none.
    pub fn put(&self, into: &mut Map<String, Value>, value: Value) {
        let mut names = self.rest.iter().filter_map(|segment| match segment {
            Segment::Field(name) => Some(name),
            Segment::Index(_) => None,
        });
        let Some(last) = names.next_back() else {
            into.insert(self.root.clone(), value);
            return;
        };
        let mut at = into;
        for name in std::iter::once(&self.root).chain(names) {
            let below = at.entry(name.clone()).or_insert_with(|| json!({}));
            if !below.is_object() {
                *below = json!({});
            }
            let Value::Object(fields) = below else { return };
            at = fields;
        }
        at.insert(last.clone(), value);
    }

    /// The path as fields only: a place in a list is not part of what is supplied.
    pub fn without_places(&self) -> Path {
        Path {
            root: self.root.clone(),
            rest: self
                .rest
                .iter()
                .filter(|segment| matches!(segment, Segment::Field(_)))
                .cloned()
                .collect(),
        }
    }

    /// Whether this path is `other` or something below it.
    pub fn is_within(&self, other: &Path) -> bool {
        self.root == other.root && self.rest.starts_with(&other.rest)
    }

    /// The value here: `None` = not known, `Null` = known and empty.
    /// Below something known and empty all is known and empty; so is a place past a list's end.
    pub fn find<'v>(&self, data: &'v Value) -> Option<&'v Value> {
        self.find_in(data.get(&self.root)?)
    }

    /// The same below a value that already stands for the root.
    pub fn find_in<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.rest
            .iter()
            .try_fold(root, |at, segment| match (at, segment) {
                (Value::Null, _) => Some(&NULL),
                (Value::Object(fields), Segment::Field(name)) => fields.get(name),
                (Value::Array(items), Segment::Index(index)) => {
                    Some(items.get(*index).unwrap_or(&NULL))
                }
                _ => None,
            })
    }
}

static NULL: Value = Value::Null;

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        for segment in &self.rest {
            match segment {
                Segment::Field(name) if is_name(name) => write!(f, ".{name}")?,
                Segment::Field(name) => write!(f, "['{name}']")?,
                Segment::Index(index) => write!(f, ".{index}")?,
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn missing_and_empty_are_told_apart() {
        let data = json!({"offer": {"start_date": null, "pay": [{"text": "x"}]}, "job": null});
        let find = |text: &str| Path::parse(text).expect("a path").find(&data).cloned();
        assert_eq!(find("offer.start_date"), Some(Value::Null));
        assert_eq!(find("offer.sent_at"), None);
        assert_eq!(find("candidate.full_name"), None);
        assert_eq!(find("job.title"), Some(Value::Null), "no job: no title");
        assert_eq!(find("offer.pay.0.text"), Some(json!("x")));
        assert_eq!(find("offer.pay.1.text"), Some(Value::Null));
        assert_eq!(find("offer.start_date.year"), Some(Value::Null));
        assert_eq!(find("offer.pay.text"), None, "a list has no field");
    }

    #[test]
    fn a_path_prints_as_it_is_read() {
        for text in ["offer", "offer.start_date", "offer.pay.0.text"] {
            assert_eq!(Path::parse(text).expect("a path").to_string(), text);
        }
        let keyed = Path::of("application", ["answer", "q-1"]);
        assert_eq!(keyed.to_string(), "application.answer['q-1']");
        assert_eq!(Path::parse("offer..x"), None);
        assert_eq!(Path::parse("1.x"), None);
    }

    #[test]
    fn a_value_is_put_where_its_path_finds_it() {
        let mut data = Map::new();
        for (text, value) in [("job.title", json!("Cook")), ("job.custom.site", json!(7))] {
            Path::parse(text).expect("a path").put(&mut data, value);
        }
        let mail = Path::parse("candidate.emails.0.value").expect("a path");
        mail.up_to_list()
            .put(&mut data, json!([{"value": "a@example.com"}]));
        let data = Value::Object(data);
        assert_eq!(data["job"], json!({"title": "Cook", "custom": {"site": 7}}));
        assert_eq!(mail.find(&data), Some(&json!("a@example.com")));
    }

    #[test]
    fn a_grant_covers_what_is_below_it() {
        let pay = Path::parse("offer.pay").expect("a path");
        let amount = Path::parse("offer.pay.0.exact.amount").expect("a path");
        assert!(amount.is_within(&pay) && pay.is_within(&pay));
        assert!(!pay.is_within(&amount));
        assert!(
            !Path::parse("offer.payroll")
                .expect("a path")
                .is_within(&pay)
        );
        assert_eq!(
            amount.without_places().to_string(),
            "offer.pay.exact.amount"
        );
    }
}
