//! How one field is taken from a vendor's value. A value of the wrong kind puts only its field aside.

use super::form::Form;
use super::told_apart;
use crate::path::{Path, scalar_text};
use serde_json::{Map, Number, Value, json};
use stagewire_model::time::{parse_date, parse_instant};
use stagewire_model::{Entity, Micros};
use std::borrow::Cow;
use std::collections::HashMap;

/// One field of an entity, or of an object in it.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) from: From,
    pub(super) how: How,
    /// Each item of a list, at this path; a single value counts as a list of one.
    pub(super) each: Option<Path>,
    /// Several values in one text, separated by this: a list.
    pub(super) split: Option<String>,
    /// What another path says about the value.
    pub(super) but: Vec<But>,
    /// Keep the vendor's word beside ours.
    pub(super) raw: bool,
    /// Null where the path is missing but this one is there.
    pub(super) null_if: Option<Path>,
    /// An object only where this is there in what it is made of.
    pub(super) needs: Option<Path>,
    /// The texts of a list as one text, with this between them.
    pub(super) glue: Option<String>,
    /// An instant so many minutes later.
    pub(super) plus_minutes: Option<Path>,
}

#[derive(Debug)]
pub(super) enum From {
    /// The first of these that is there.
    First(Vec<Path>),
    /// The same, seen from the record this one is embedded in.
    Up(Vec<Path>),
    /// All of these, for a join.
    All(Vec<Path>),
    Fixed(Value),
    /// One list after the other.
    Lists(Vec<Field>),
    /// A form's questions with their answers.
    Form(Form),
}

#[derive(Debug)]
pub(super) enum How {
    Keep,
    Text,
    Flag {
        not: bool,
        /// The vendor's words for true and false, where it has words.
        words: HashMap<String, bool>,
    },
    Whole,
    Decimal,
    Instant {
        ms: bool,
    },
    Date {
        ms: bool,
    },
    /// True where nothing is there.
    Absent,
    /// Another record; `id_as` as in its shape; `take`: not its id, but what it holds in that field, which may in turn be the id of
    /// a `take_as`.
    Ref {
        entity: Entity,
        id_as: Option<String>,
        take: Option<String>,
        take_as: Option<Entity>,
    },
    Words {
        table: HashMap<String, String>,
        otherwise: Option<String>,
    },
    Guess {
        words: Vec<(String, String)>,
        marked: bool,
    },
    Object(Vec<Field>),
}

#[derive(Debug)]
pub(super) struct But {
    pub(super) at: Vec<Path>,
    /// One of these, compared without case; empty = anything but null.
    pub(super) is: Vec<String>,
    /// Only where the value so far is one of these.
    pub(super) only: Vec<String>,
    pub(super) gives: Value,
}

/// Why a value was put aside.
pub(super) type Aside = &'static str;

impl Field {
    /// Whether it is a list, never null.
    pub(super) fn is_list(&self) -> bool {
        self.each.is_some() || self.split.is_some()
    }

    /// Puts the field into `out`. `report` is told what was not as expected.
    pub(super) fn take(
        &self,
        value: &Value,
        up: Option<&Value>,
        out: &mut Map<String, Value>,
        report: &mut dyn FnMut(&str, Aside),
    ) {
        match &self.from {
            From::Fixed(fixed) => {
                let word = fixed.as_str();
                let told = self.but.iter().find(|b| b.speaks(value, word));
                let told = told.map_or(fixed, |b| &b.gives);
                out.insert(self.name.clone(), told.clone());
            }
            From::All(paths) => {
                if let Some(joined) = join(paths, value) {
                    out.insert(self.name.clone(), joined);
                }
            }
            From::Lists(fields) => {
                let mut all = None;
                for field in fields {
                    let mut one = Map::new();
                    field.take(value, up, &mut one, report);
                    if let Some(Value::Array(items)) = one.remove(&field.name) {
                        all.get_or_insert_with(Vec::new).extend(items);
                    }
                }
                if let Some(items) = all {
                    out.insert(self.name.clone(), Value::Array(items));
                }
            }
            From::Form(form) => {
                if let Some(answers) = form.answers(value, &self.how) {
                    out.insert(self.name.clone(), answers);
                }
            }
            From::First(paths) if matches!(self.how, How::Absent) => {
                let absent = first(paths, value).is_none_or(|(found, _)| found.is_null());
                out.insert(self.name.clone(), Value::Bool(absent));
            }
            From::First(paths) => self.found(first(paths, value), value, value, out, report),
            From::Up(paths) => {
                if let Some(up) = up {
                    self.found(first(paths, up), up, value, out, report);
                }
            }
        }
    }

    fn found(
        &self,
        found: Option<(&Value, &Path)>,
        base: &Value,
        around: &Value,
        out: &mut Map<String, Value>,
        report: &mut dyn FnMut(&str, Aside),
    ) {
        let Some((found, path)) = found else {
            if self.null_if.as_ref().is_some_and(|p| p.get(base).is_some()) {
                out.insert(
                    self.name.clone(),
                    if self.is_list() {
                        json!([])
                    } else {
                        Value::Null
                    },
                );
            }
            return;
        };
        if self.is_list() {
            let items = items(found, self.split.as_deref());
            let mut list = Vec::with_capacity(items.len());
            for item in items
                .iter()
                .filter_map(|i| self.each.as_ref().map_or(Some(i), |each| each.get(i)))
                .filter(|i| !i.is_null())
            {
                match self.convert(item, report) {
                    Ok(Some(v)) => list.push(v),
                    Ok(None) => {}
                    Err(why) => report(path.text(), why),
                }
            }
            let told = match &self.glue {
                Some(between) => glued(&list, between),
                None => Value::Array(list),
            };
            out.insert(self.name.clone(), told);
            return;
        }
        match self
            .convert(found, report)
            .and_then(|v| self.later(v, around))
        {
            Ok(converted) => {
                let word = converted.as_ref().and_then(Value::as_str);
                let decided = self
                    .but
                    .iter()
                    .find(|b| b.speaks(around, word))
                    .map(|b| b.gives.clone());
                if self.raw {
                    out.insert(
                        format!("{}_raw", self.name),
                        scalar_text(found).map_or(Value::Null, Value::String),
                    );
                }
                if let How::Words { table, .. } = &self.how
                    && self.raw
                    && decided.is_none()
                    && scalar_text(found).is_some_and(|word| !table.contains_key(&word))
                {
                    report(path.text(), "unknown_value");
                }
                if matches!(self.how, How::Guess { marked: true, .. }) && converted.is_some() {
                    out.insert(format!("{}_source", self.name), json!("guessed"));
                }
                // An empty word in the table means: this shape cannot tell.
                let silent =
                    |v: &Value| matches!(self.how, How::Words { .. }) && v.as_str() == Some("");
                if let Some(v) = decided.or(converted).filter(|v| !silent(v)) {
                    out.insert(self.name.clone(), v);
                }
            }
            Err(why) => report(path.text(), why),
        }
    }

    /// `Ok(None)`: nothing to say about it.
    fn convert(
        &self,
        value: &Value,
        report: &mut dyn FnMut(&str, Aside),
    ) -> Result<Option<Value>, Aside> {
        if value.is_null() {
            return Ok(Some(Value::Null));
        }
        Ok(Some(match &self.how {
            How::Keep => value.clone(),
            How::Absent => Value::Bool(false),
            How::Text => Value::String(
                value
                    .as_str()
                    .map(str::to_owned)
                    .or_else(|| value.as_number().map(Number::to_string))
                    .ok_or("wrong_type")?,
            ),
            How::Flag { not, words } => {
                let told = flag(value).filter(|_| words.is_empty() || value.is_boolean());
                let told = told.or_else(|| words.get(value.as_str()?).copied());
                let why = if value.is_string() && !words.is_empty() {
                    "unknown_value"
                } else {
                    "wrong_type"
                };
                Value::Bool(told.ok_or(why)? ^ not)
            }
            How::Whole => match value {
                Value::Number(n) if n.is_i64() || n.is_u64() => value.clone(),
                Value::String(s) => Value::from(s.trim().parse::<i64>().map_err(|_| "wrong_type")?),
                _ => return Err("wrong_type"),
            },
            How::Decimal => Value::String(decimal(value).ok_or("wrong_type")?),
            How::Instant { ms: true } if millis(value).is_some() => {
                millis(value).map_or(Value::Null, |at| Value::String(at.text()))
            }
            How::Instant { .. } => match value.as_str() {
                Some("") => Value::Null,
                Some(text) => Value::String(parse_instant(text).ok_or("unreadable_date")?.0.text()),
                None => return Err("wrong_type"),
            },
            // The day in UTC: the vendor tells no zone.
            How::Date { ms: true } if millis(value).is_some() => {
                millis(value).map_or(Value::Null, |at| Value::String(at.text()[..10].to_owned()))
            }
            How::Date { .. } => match value.as_str() {
                Some("") => Value::Null,
                // A vendor may give the instant of a day where a day is meant.
                Some(text) => match parse_date(text) {
                    Some(date) => Value::String(date),
                    None => Value::String(
                        parse_instant(text).ok_or("unreadable_date")?.0.text()[..10].to_owned(),
                    ),
                },
                None => return Err("wrong_type"),
            },
            How::Ref {
                entity,
                id_as,
                take,
                take_as,
            } => {
                let id = told_apart(id_text(value).ok_or("wrong_type")?, id_as.as_ref());
                let as_name = take_as.map(Entity::name);
                match take {
                    Some(take) if as_name.is_some() => {
                        json!({ "$ref": entity.name(), "id": id, "take": take, "take_as": as_name })
                    }
                    Some(take) => json!({ "$ref": entity.name(), "id": id, "take": take }),
                    None => json!({ "$ref": entity.name(), "id": id }),
                }
            }
            How::Words { table, otherwise } => {
                let text = scalar_text(value).ok_or("wrong_type")?;
                let known = table.get(&text).cloned();
                Value::String(
                    known.unwrap_or_else(|| otherwise.clone().unwrap_or_else(|| "unknown".into())),
                )
            }
            How::Guess { words, .. } => {
                let text = value.as_str().ok_or("wrong_type")?.to_lowercase();
                let kind = words
                    .iter()
                    .find(|(word, _)| text.contains(word.as_str()))
                    .map_or("unknown", |(_, kind)| kind);
                Value::String(kind.to_owned())
            }
            How::Object(_) if self.needs.as_ref().is_some_and(|p| nothing(p.get(value))) => {
                return Ok(None);
            }
            How::Object(fields) => {
                let mut map = Map::new();
                for field in fields {
                    field.take(value, None, &mut map, report);
                }
                if map.is_empty() {
                    return Ok(None);
                }
                Value::Object(map)
            }
        }))
    }
}

impl Field {
    /// That instant, as many minutes later as another path says.
    fn later(&self, value: Option<Value>, around: &Value) -> Result<Option<Value>, Aside> {
        let (Some(path), Some(Value::String(text))) = (&self.plus_minutes, &value) else {
            return Ok(value);
        };
        let minutes = match path.get(around) {
            None | Some(Value::Null) => return Ok(None),
            Some(n) => scalar_text(n).and_then(|t| t.parse::<i64>().ok()),
        };
        let (at, _) = parse_instant(text).ok_or("unreadable_date")?;
        let ms = minutes.and_then(|m| m.checked_mul(60_000));
        let ms = ms.filter(|ms| ms.abs() < 366 * 86_400_000);
        let at = at.plus_ms(ms.ok_or("wrong_type")?);
        Ok(Some(Value::String(at.text())))
    }

    /// Its numbers are instants, in milliseconds since 1970.
    pub(super) fn in_ms(&mut self) {
        match &mut self.how {
            How::Instant { ms } | How::Date { ms } => *ms = true,
            How::Object(fields) => fields.iter_mut().for_each(Field::in_ms),
            _ => {}
        }
        if let From::Lists(fields) = &mut self.from {
            fields.iter_mut().for_each(Field::in_ms);
        }
    }
}

fn nothing(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

/// The texts that are not empty, as one.
fn glued(list: &[Value], between: &str) -> Value {
    let texts = list.iter().filter_map(Value::as_str);
    let texts: Vec<&str> = texts.filter(|t| !t.trim().is_empty()).collect();
    match texts.is_empty() {
        true => Value::Null,
        false => Value::String(texts.join(between)),
    }
}

/// Milliseconds since 1970, as a number or in digits, up to the year 3000.
pub(super) fn millis(value: &Value) -> Option<Micros> {
    let ms = match value {
        Value::Number(n) => n.as_i64()?,
        Value::String(s) => s.trim().parse().ok()?,
        _ => return None,
    };
    (0..32_503_680_000_000)
        .contains(&ms)
        .then(|| Micros(ms * 1000))
}

impl But {
    fn speaks(&self, around: &Value, so_far: Option<&str>) -> bool {
        if !self.only.is_empty() && !so_far.is_some_and(|s| self.only.iter().any(|o| o == s)) {
            return false;
        }
        self.at
            .iter()
            .filter_map(|p| p.get(around))
            .filter(|v| !v.is_null())
            .any(|v| {
                self.is.is_empty()
                    || scalar_text(v)
                        .is_some_and(|t| self.is.iter().any(|i| i.eq_ignore_ascii_case(&t)))
            })
    }
}

/// The items of a list; a single value counts as a list of one, and a text may hold several.
pub(super) fn items<'v>(found: &'v Value, split: Option<&str>) -> Cow<'v, [Value]> {
    match (found, split) {
        (Value::Array(items), _) => Cow::Borrowed(items),
        (Value::Null, _) => Cow::Borrowed(&[]),
        (Value::String(text), Some(by)) => {
            let parts = text.split(by).map(str::trim).filter(|p| !p.is_empty());
            Cow::Owned(parts.map(Value::from).collect())
        }
        (single, _) => Cow::Borrowed(std::slice::from_ref(single)),
    }
}

/// Yes or no, also where it comes as text.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::String(s) => match s.as_str() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn first<'v, 'p>(paths: &'p [Path], value: &'v Value) -> Option<(&'v Value, &'p Path)> {
    let mut null = None;
    for path in paths {
        match path.get_or_null(value) {
            Some(v) if !v.is_null() => return Some((v, path)),
            Some(v) => null = null.or(Some((v, path))),
            None => {}
        }
    }
    null
}

/// The non-empty parts, joined by a space; null if there is none; nothing at all if no path is there.
fn join(paths: &[Path], value: &Value) -> Option<Value> {
    let there: Vec<&Value> = paths.iter().filter_map(|p| p.get_or_null(value)).collect();
    if there.is_empty() {
        return None;
    }
    let parts: Vec<&str> = there
        .iter()
        .filter_map(|v| v.as_str())
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .collect();
    Some(if parts.is_empty() {
        Value::Null
    } else {
        Value::String(parts.join(" "))
    })
}

/// A vendor's id: a whole number or a text that is not empty and not over 512 bytes.
pub(crate) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::Number(n) if n.is_i64() || n.is_u64() => Some(n.to_string()),
        Value::String(s) if !s.is_empty() && s.len() <= 512 => Some(s.clone()),
        _ => None,
    }
}

/// An exact decimal text with at most four decimals, or nothing: money is never guessed.
pub(crate) fn decimal(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(n) => n.to_string(),
        Value::String(s) => s.trim().to_owned(),
        _ => return None,
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.as_str()),
    };
    let (whole, part) = digits
        .split_once('.')
        .map_or((digits, None), |(w, p)| (w, Some(p)));
    let whole = if whole.contains(',') {
        let groups: Vec<&str> = whole.split(',').collect();
        let right =
            groups.iter().skip(1).all(|g| g.len() == 3) && (1..=3).contains(&groups[0].len());
        right.then(|| groups.concat())?
    } else {
        whole.to_owned()
    };
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let part = part.map(|p| {
        if p.len() > 4 {
            p.trim_end_matches('0')
        } else {
            p
        }
    });
    match part {
        None if all_digits(&whole) => Some(format!("{sign}{whole}")),
        Some("") if all_digits(&whole) => Some(format!("{sign}{whole}")),
        Some(p) if all_digits(&whole) && all_digits(p) && p.len() <= 4 => {
            Some(format!("{sign}{whole}.{p}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_or_refused() {
        let read = |v: Value| decimal(&v);
        assert_eq!(read(json!(130000)).as_deref(), Some("130000"));
        assert_eq!(read(json!("130,000.00")).as_deref(), Some("130000.00"));
        assert_eq!(read(json!("10000.0")).as_deref(), Some("10000.0"));
        assert_eq!(read(json!("-1.5000000")).as_deref(), Some("-1.5"));
        assert_eq!(read(json!("1.3e5")), None);
        assert_eq!(read(json!("13,00")), None);
        assert_eq!(read(json!("about 5")), None);
        assert_eq!(read(json!("1.23456")), None);
    }

    #[test]
    fn a_text_may_hold_several_values_or_a_yes() {
        let split = |v: Value, by| items(&v, by).into_owned();
        assert_eq!(split(json!("a; b;; "), Some(";")), [json!("a"), json!("b")]);
        assert_eq!(split(json!("a; b"), None), [json!("a; b")]);
        assert_eq!(split(json!(["a; b"]), Some(";")), [json!("a; b")]);
        assert_eq!(split(json!(null), Some(";")), Vec::<Value>::new());
        let yes = [json!("1"), json!("0"), json!(true), json!("yes"), json!(1)];
        assert_eq!(
            yes.map(|v| flag(&v)),
            [Some(true), Some(false), Some(true), None, None]
        );
    }

    #[test]
    fn ids_are_whole_numbers_or_texts() {
        assert_eq!(id_text(&json!(3485)).as_deref(), Some("3485"));
        assert_eq!(id_text(&json!("a-1")).as_deref(), Some("a-1"));
        assert_eq!(id_text(&json!(1.5)), None);
        assert_eq!(id_text(&json!("")), None);
        assert_eq!(id_text(&json!({})), None);
    }
}
