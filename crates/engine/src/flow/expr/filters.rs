//! The filters of the flow language: small, total, bounded, and silent about the values they see.
//! An empty value stays empty through all of them; an error says what was expected, never what came.

mod text;
mod time;

use super::decimal::Decimal;
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};
use std::cmp::Ordering;

/// Most bytes a text may have, made by a filter or written out.
pub(super) const MOST_TEXT: usize = 256 * 1024;

/// How a filter may be called.
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) least: usize,
    pub(super) most: usize,
    /// True if its arguments must be written out, so that they can be checked at load.
    pub(super) literal: bool,
    pub(super) usage: &'static str,
}

const fn spec(
    name: &'static str,
    args: (usize, usize),
    literal: bool,
    usage: &'static str,
) -> Spec {
    Spec {
        name,
        least: args.0,
        most: args.1,
        literal,
        usage,
    }
}

/// The allow-list. `default`, `map_to` and `on` are handled by the gate itself.
pub(super) const SPECS: &[Spec] = &[
    spec("date", (0, 1), true, "date('%Y-%m-%d')"),
    spec("default", (1, 2), false, "default('none yet')"),
    spec("first", (0, 0), true, "first"),
    spec("in_zone", (1, 1), false, "in_zone('Europe/Berlin')"),
    spec("join", (0, 1), true, "join(', ')"),
    spec("last", (0, 0), true, "last"),
    spec("length", (0, 0), true, "length"),
    spec("lower", (0, 0), true, "lower"),
    spec(
        "map_to",
        (1, 200),
        true,
        "map_to('a=b', 'c=d', default='e')",
    ),
    spec("mul", (1, 1), false, "mul(12)"),
    spec("on", (1, 1), true, "on('chat')"),
    spec("replace", (2, 2), true, "replace('old', 'new')"),
    spec("round", (0, 1), true, "round(2)"),
    spec("title", (0, 0), true, "title"),
    spec("trim", (0, 0), true, "trim"),
    spec("upper", (0, 0), true, "upper"),
];

/// A user-facing reason why an argument written in the flow cannot work, found at load.
pub(super) fn refuse_argument(name: &str, position: usize, value: &Value) -> Option<String> {
    let text = value.as_str();
    match (name, position) {
        ("date", 0) => match text {
            Some(format) => time::refuse_format(format),
            None => Some("`date` takes its format as text".into()),
        },
        ("in_zone", 0) => match text {
            Some(zone) => time::refuse_zone(zone),
            None => Some("`in_zone` takes the name of a time zone".into()),
        },
        ("replace", 0) if text == Some("") => {
            Some("`replace` cannot look for an empty text".into())
        }
        ("replace" | "join", _) if text.is_none() => {
            Some(format!("`{name}` takes its arguments as text"))
        }
        ("round", 0) => match value.as_i64() {
            Some(0..=12) => None,
            _ => Some("`round` takes a whole number from 0 to 12".into()),
        },
        ("mul", 0) => match decimal(value) {
            Some(_) => None,
            None => Some("`mul` multiplies by a number only".into()),
        },
        ("default", 1) => match value.kind() {
            ValueKind::Bool => None,
            _ => Some(
                "the second argument of `default` is `true` (also when empty) or `false`".into(),
            ),
        },
        _ => None,
    }
}

/// Registers what compiled expressions may call; nothing else exists in that environment.
pub(super) fn install(env: &mut Environment<'static>) {
    env.add_filter("lower", |v: Value| {
        text::map(&v, "lower", str::to_lowercase)
    });
    env.add_filter("upper", |v: Value| {
        text::map(&v, "upper", str::to_uppercase)
    });
    env.add_filter("title", |v: Value| text::map(&v, "title", text::title));
    env.add_filter("trim", |v: Value| {
        text::map(&v, "trim", |text| text.trim().to_owned())
    });
    env.add_filter("replace", text::replace);
    env.add_filter("join", text::join);
    env.add_filter("length", length);
    env.add_filter("first", |v: Value| end(&v, "first", false));
    env.add_filter("last", |v: Value| end(&v, "last", true));
    env.add_filter("round", round);
    env.add_filter("mul", mul);
    env.add_filter("date", time::date);
    env.add_filter("in_zone", time::in_zone);
    env.add_filter("map_to", map_to);
    env.add_filter("op_in", contains);
    env.add_filter("op_eq", equal);
    env.add_filter("op_lt", |a: Value, b: Value| {
        compare(&a, &b).map(|order| order.is_some_and(Ordering::is_lt))
    });
    env.add_filter("op_le", |a: Value, b: Value| {
        compare(&a, &b).map(|order| order.is_some_and(Ordering::is_le))
    });
    env.add_filter("op_has", has);
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn too_long(name: &str) -> Error {
    wrong(format!("`{name}` would make a text of more than 256 KB"))
}

/// A text, number or flag as it stands in JSON, without quotes.
fn shown(value: &Value) -> String {
    match value.kind() {
        ValueKind::Bool if value.is_true() => "true".to_owned(),
        ValueKind::Bool => "false".to_owned(),
        _ => value.to_string(),
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value.kind() {
        ValueKind::Number => Decimal::parse(&value.to_string()),
        ValueKind::String => Decimal::parse(value.as_str()?),
        _ => None,
    }
}

/// A number leaves in the shape it came: a decimal text stays a text.
fn number(of: &Value, result: Decimal) -> Value {
    if of.kind() == ValueKind::String {
        return Value::from(result.to_string());
    }
    match result.whole() {
        Some(whole) => Value::from(whole),
        None => Value::from(result.to_string().parse::<f64>().unwrap_or(f64::NAN)),
    }
}

fn round(value: Value, places: Option<u32>) -> Result<Value, Error> {
    if value.is_none() {
        return Ok(value);
    }
    let number_in = decimal(&value).ok_or_else(|| wrong("`round` needs a number"))?;
    Ok(number(&value, number_in.round(places.unwrap_or(0))))
}

fn mul(value: Value, by: Value) -> Result<Value, Error> {
    if value.is_none() || by.is_none() {
        return Ok(Value::from(()));
    }
    match (decimal(&value), decimal(&by)) {
        (Some(a), Some(b)) => a
            .mul(b)
            .map(|product| number(&value, product))
            .ok_or_else(|| wrong("the product of `mul` has too many digits")),
        _ => Err(wrong("`mul` multiplies numbers only")),
    }
}

fn length(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::None => Ok(Value::from(0)),
        ValueKind::String => Ok(Value::from(
            value.as_str().map_or(0, |text| text.chars().count()),
        )),
        ValueKind::Seq | ValueKind::Map => Ok(Value::from(value.len().unwrap_or(0))),
        _ => Err(wrong("`length` needs a text or a list")),
    }
}

fn end(value: &Value, name: &str, last: bool) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::None => Ok(Value::from(())),
        ValueKind::Seq => {
            let count = value.len().unwrap_or(0);
            let index = if last { count.saturating_sub(1) } else { 0 };
            Ok(match count {
                0 => Value::from(()),
                _ => value.get_item(&Value::from(index))?,
            })
        }
        _ => Err(wrong(format!("`{name}` needs a list"))),
    }
}

/// `args`: whether there is a default, the default, then key and value in turn.
fn map_to(value: Value, args: Rest<Value>) -> Result<Value, Error> {
    let key = match value.kind() {
        ValueKind::None => String::new(),
        ValueKind::String | ValueKind::Bool | ValueKind::Number => shown(&value),
        _ => return Err(wrong("`map_to` needs a text, a number, or true or false")),
    };
    let mut args = args.0.into_iter();
    let (has_default, default) = (args.next(), args.next());
    while let (Some(from), Some(to)) = (args.next(), args.next()) {
        if from.as_str() == Some(key.as_str()) {
            return Ok(to);
        }
    }
    match default {
        Some(default) if has_default.is_some_and(|has| has.is_true()) => Ok(default),
        _ if value.is_none() => Ok(value),
        _ => Err(wrong(
            "the table of `map_to` has no entry for this value, and no default",
        )),
    }
}

/// `a in b`: in a list by equality, in a text as a part of it, in keyed values as a key.
fn contains(item: Value, container: Value) -> Result<bool, Error> {
    match container.kind() {
        ValueKind::None => Ok(false),
        ValueKind::Seq => Ok(container.try_iter()?.any(|other| other == item)),
        ValueKind::String => match (item.as_str(), container.as_str()) {
            (Some(part), Some(whole)) => Ok(whole.contains(part)),
            _ if item.is_none() => Ok(false),
            _ => Err(wrong("only a text can be `in` a text")),
        },
        ValueKind::Map => Ok(container
            .get_item(&item)
            .is_ok_and(|value| !value.is_undefined())),
        _ => Err(wrong("`in` needs a list or a text on its right")),
    }
}

/// `candidate.has_tag('x')`: by name or by id.
fn has(list: Value, wanted: Value) -> Result<bool, Error> {
    if list.is_none() {
        return Ok(false);
    }
    Ok(list.try_iter()?.any(|item| {
        item == wanted
            || ["id", "name"]
                .iter()
                .any(|key| item.get_attr(key).is_ok_and(|value| value == wanted))
    }))
}

/// The order of two values; none when a side is empty, which no order holds of.
/// Numbers may come as decimal texts; then they are ordered as numbers all the same.
fn compare(a: &Value, b: &Value) -> Result<Option<Ordering>, Error> {
    if a.is_none() || b.is_none() {
        return Ok(None);
    }
    if let (Some(a), Some(b)) = (decimal(a), decimal(b)) {
        return Ok(Some(a.order(b)));
    }
    match (a.kind(), b.kind()) {
        (ValueKind::String, ValueKind::String) | (ValueKind::Number, ValueKind::Number) => {
            Ok(Some(a.cmp(b)))
        }
        _ => Err(wrong(
            "`<`, `<=`, `>` and `>=` compare a number with a number, or a text with a text",
        )),
    }
}

/// Equality; a decimal text equals the number it writes, and two texts only each other.
fn equal(a: Value, b: Value) -> bool {
    match (a.kind(), b.kind()) {
        (ValueKind::String, ValueKind::Number) | (ValueKind::Number, ValueKind::String) => {
            matches!((decimal(&a), decimal(&b)), (Some(a), Some(b)) if a.order(b).is_eq())
        }
        _ => a == b,
    }
}
