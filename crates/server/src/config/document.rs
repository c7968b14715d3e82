//! Walks a TOML document with its places, collecting everything that is wrong on the way.
//! It knows tables, keys and shapes; what a value means is for its callers to say.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use stagewire_connector::Problem;
use stagewire_engine::flow::nearest::nearest;

use super::connections::did_you_mean;
use super::places::{Place, Places};
use super::secret::SecretRef;

/// A value as it was written, with the place it was written at.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) value: String,
    spot: Spot,
}

#[derive(Clone)]
enum Spot {
    Text(Range<usize>),
    Env(String),
}

impl Setting {
    pub(super) fn from_env(name: String, value: String) -> Self {
        Self {
            value,
            spot: Spot::Env(name),
        }
    }

    pub(super) fn is_from_env(&self) -> bool {
        matches!(self.spot, Spot::Env(_))
    }
}

/// One table of the document, by the name an operator knows it by.
pub(super) struct Section<'d> {
    name: String,
    table: &'d DeTable<'d>,
    span: Range<usize>,
}

impl<'d> Section<'d> {
    pub(super) fn new(name: &str, table: &'d DeTable<'d>, span: Range<usize>) -> Self {
        Self {
            name: name.to_owned(),
            table,
            span,
        }
    }
}

/// Where each known key lives, to send a stray one home.
pub(super) type Homes = &'static [(&'static str, &'static [&'static str])];

pub(super) struct Reader<'t> {
    text: &'t str,
    file: PathBuf,
    homes: Homes,
    problems: Vec<(usize, Problem)>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, path: Option<&Path>, homes: Homes) -> Self {
        let file = path.map(Path::to_owned).unwrap_or_default();
        Self {
            text,
            file,
            homes,
            problems: Vec::new(),
        }
    }

    /// The document, or what keeps it from being one; nothing else is worth saying then.
    pub(super) fn document(&mut self) -> Result<Spanned<DeTable<'t>>, Vec<Problem>> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.report(at, error.message().to_owned(), None);
        }
        self.finish().map(|()| document)
    }

    /// Everything that was wrong so far, in the order of the file.
    pub(super) fn finish(&mut self) -> Result<(), Vec<Problem>> {
        self.problems.sort_by_key(|(at, _)| *at);
        let problems = self.problems.drain(..).map(|(_, problem)| problem);
        match problems.collect::<Vec<_>>() {
            problems if problems.is_empty() => Ok(()),
            problems => Err(problems),
        }
    }

    pub(super) fn problem(&mut self, setting: &Setting, says: String, hint: Option<&str>) {
        match &setting.spot {
            Spot::Text(span) => self.report(span.start, says, hint),
            Spot::Env(name) => {
                let hint = hint.map(str::to_owned);
                self.problems.push((
                    usize::MAX,
                    Problem {
                        hint,
                        ..Problem::of_file(name, says)
                    },
                ));
            }
        }
    }

    /// A path as it is meant in the file: from the folder of the file.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// Reports the keys of a table that are none of `known`; those of `later` with their reason.
    pub(super) fn only(&mut self, section: &Section<'_>, known: &[&str], later: &[&str]) {
        for key in section.table.keys() {
            let name: &str = key.get_ref();
            let at = key.span().start;
            if known.contains(&name) {
                continue;
            }
            if later.contains(&name) {
                self.report(at, super::not_yet(name), Some("remove the line"));
                continue;
            }
            let says = match section.name.as_str() {
                "" => format!("`{name}` is not a setting"),
                section => format!("`{name}` is not a setting of {section}"),
            };
            let home = self.homes.iter().find(|(_, keys)| keys.contains(&name));
            let hint = match (nearest(name, known.iter().copied()), home) {
                (Some(right), _) => did_you_mean(right),
                (None, Some((home, _))) => format!("it belongs under {home}"),
                (None, None) => format!("there are: {}", known.join(", ")),
            };
            self.report(at, says, Some(&hint));
        }
    }

    pub(super) fn section<'d>(&mut self, root: &Section<'d>, key: &str) -> Option<Section<'d>> {
        let value = root.table.get(key)?;
        let name = format!("[{key}]");
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(&name, table, value.span())),
            other => {
                let says = format!("`{key}` is a table, not {}", kind(other));
                self.report(value.span().start, says, Some(&format!("write {name}")));
                None
            }
        }
    }

    /// The tables under `[[key]]`.
    pub(super) fn sections<'d>(&mut self, root: &Section<'d>, key: &str) -> Vec<Section<'d>> {
        let Some(value) = root.table.get(key) else {
            return Vec::new();
        };
        let name = format!("[[{key}]]");
        let rows = value.get_ref().as_array().map(|rows| rows.iter().collect());
        let rows: Vec<&'d Spanned<DeValue<'d>>> = rows.unwrap_or_else(|| vec![value]);
        let mut sections = Vec::new();
        for row in rows {
            match row.get_ref() {
                DeValue::Table(table) if value.get_ref().is_array() => {
                    sections.push(Section::new(&name, table, row.span()));
                }
                other => {
                    let says = format!("`{key}` is a list of tables, not {}", kind(other));
                    self.report(row.span().start, says, Some(&format!("write {name}")));
                }
            }
        }
        sections
    }

    pub(super) fn text(&mut self, section: &Section<'_>, key: &str) -> Option<Setting> {
        let value = section.table.get(key)?;
        self.as_text(key, value)
    }

    /// A text that the table cannot do without.
    pub(super) fn needed(&mut self, section: &Section<'_>, key: &str) -> Option<Setting> {
        if !section.table.contains_key(key) {
            let says = format!("{} lacks `{key}`", section.name);
            self.report(section.span.start, says, None);
            return None;
        }
        let setting = self.text(section, key)?;
        if setting.value.trim().is_empty() {
            self.problem(&setting, format!("`{key}` is empty"), None);
            return None;
        }
        Some(setting)
    }

    pub(super) fn texts(&mut self, section: &Section<'_>, key: &str) -> Vec<Setting> {
        let Some(value) = section.table.get(key) else {
            return Vec::new();
        };
        match value.get_ref() {
            DeValue::Array(rows) => rows
                .iter()
                .filter_map(|row| self.as_text(key, row))
                .collect(),
            other => {
                let says = format!("`{key}` is a list of texts, not {}", kind(other));
                self.report(value.span().start, says, Some("write it in [brackets]"));
                Vec::new()
            }
        }
    }

    /// A list of texts that may be left out, but not be empty.
    pub(super) fn list(&mut self, section: &Section<'_>, key: &str) -> Option<Vec<Setting>> {
        let value = section.table.get(key)?;
        let list = self.texts(section, key);
        if value.get_ref().as_array().is_some_and(|a| a.is_empty()) {
            let says = format!("`{key}` is empty");
            let at = value.span().start;
            self.report(at, says, Some("leave the line out, or name something"));
        }
        (!list.is_empty()).then_some(list)
    }

    /// `[connection.fields]`. No problem here repeats a value: it may be a secret.
    pub(super) fn fields(&mut self, connection: &Section<'_>) -> BTreeMap<String, SecretRef> {
        let mut fields = BTreeMap::new();
        let Some(value) = connection.table.get("fields") else {
            return fields;
        };
        let Some(table) = value.get_ref().as_table() else {
            let says = format!("`fields` is a table, not {}", kind(value.get_ref()));
            self.report(value.span().start, says, Some("write [connection.fields]"));
            return fields;
        };
        for (key, value) in table {
            let name: &str = key.get_ref();
            let text = match value.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                // Ids are often numbers, and few people quote those.
                DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
                other => Err(format!("`{name}` is a text, not {}", kind(other))),
            };
            match text.and_then(|text| SecretRef::parse(&text, &self.beside(""))) {
                Ok(secret) => {
                    fields.insert(name.to_owned(), secret);
                }
                Err(says) => self.report(value.span().start, says, None),
            }
        }
        fields
    }

    /// Where a connection's table, its connector and its fields stand.
    pub(super) fn places(&self, connection: &Section<'_>) -> Places {
        let own = self.place(connection.span.start);
        let mut places = Places::new(own.clone());
        if let Some(value) = connection.table.get("connector") {
            places.connector = self.place(value.span().start);
        }
        let fields = connection.table.get("fields");
        for (key, value) in fields
            .and_then(|f| f.get_ref().as_table())
            .into_iter()
            .flatten()
        {
            let at = self.place(value.span().start);
            places.fields.insert(key.get_ref().to_string(), at);
        }
        places
    }

    /// `[vars]`: any value that an expression can hold, under a name that an expression can say.
    pub(super) fn vars(&mut self, root: &Section<'_>) -> BTreeMap<String, serde_json::Value> {
        let mut vars = BTreeMap::new();
        let Some(section) = self.section(root, "vars") else {
            return vars;
        };
        for (key, value) in section.table {
            let name: &str = key.get_ref();
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !name.chars().all(letters) || name.starts_with(|c: char| c.is_ascii_digit()) {
                let says = format!("`{name}` cannot be said in an expression");
                self.report(key.span().start, says, Some("use letters, digits and `_`"));
                continue;
            }
            if let Some(value) = self.json(value) {
                vars.insert(name.to_owned(), value);
            }
        }
        vars
    }

    fn json(&mut self, value: &Spanned<DeValue<'_>>) -> Option<serde_json::Value> {
        let json = match value.get_ref() {
            DeValue::String(text) => Some(text.to_string().into()),
            DeValue::Boolean(truth) => Some((*truth).into()),
            DeValue::Datetime(time) => Some(time.to_string().into()),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                parsed.ok().map(serde_json::Value::from)
            }
            DeValue::Float(number) => {
                let parsed = number.as_str().parse::<f64>().ok();
                parsed
                    .and_then(serde_json::Number::from_f64)
                    .map(serde_json::Value::Number)
            }
            DeValue::Array(rows) => {
                return Some(rows.iter().filter_map(|row| self.json(row)).collect());
            }
            DeValue::Table(table) => {
                let pairs = table.iter().filter_map(|(key, value)| {
                    Some((key.get_ref().to_string(), self.json(value)?))
                });
                return Some(serde_json::Value::Object(pairs.collect()));
            }
        };
        if json.is_none() {
            self.report(
                value.span().start,
                "this number cannot be kept exactly".to_owned(),
                None,
            );
        }
        json
    }

    fn as_text(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Setting> {
        let span = value.span();
        match value.get_ref() {
            DeValue::String(text) => Some(Setting {
                value: text.to_string(),
                spot: Spot::Text(span),
            }),
            other => {
                let says = format!("`{key}` is a text, not {}", kind(other));
                self.report(span.start, says, Some("put it in quotes"));
                None
            }
        }
    }

    fn report(&mut self, at: usize, says: String, hint: Option<&str>) {
        let mut problem = self.place(at).problem(says);
        problem.hint = hint.map(str::to_owned);
        self.problems.push((at, problem));
    }

    fn place(&self, at: usize) -> Place {
        let before = self.text.get(..at).unwrap_or(self.text);
        let last = before.rsplit('\n').next().unwrap_or_default();
        Place {
            file: self.file.display().to_string(),
            line: before.matches('\n').count() + 1,
            column: last.chars().count() + 1,
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
