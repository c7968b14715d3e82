//! An allowed expression, compiled once and evaluated many times on a bounded budget.
//! The engine underneath sees only numbered slots and literals, never the source and never the whole data.

use super::filters::{self, MOST_TEXT};
use super::gate::{Node, Parts};
use super::{Error, Fault, Position, Scope};
use minijinja::value::{Object, ValueKind};
use minijinja::{Environment, ErrorKind, Expression, UndefinedBehavior, Value};
use serde_json::Value as Json;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, OnceLock};

/// Fuel is a setting of the environment, so there is one for each size of what is read.
const PAYLOADS: [usize; 5] = [16 << 10, 128 << 10, 1 << 20, 4 << 20, 16 << 20];
/// How deep a value may be nested.
pub(super) const MOST_DEPTH: u32 = 32;

static ENVIRONMENTS: LazyLock<Vec<Environment<'static>>> = LazyLock::new(|| {
    PAYLOADS
        .iter()
        .map(|bytes| {
            let mut env = Environment::empty();
            filters::install(&mut env);
            env.add_test("defined", |value: &Value| !value.is_undefined());
            env.set_undefined_behavior(UndefinedBehavior::Strict);
            env.set_fuel(Some(50_000 + 4 * *bytes as u64));
            env
        })
        .collect()
});

/// One expression, ready to run.
#[derive(Debug)]
pub(super) struct Compiled {
    code: String,
    at: Position,
    parts: Parts,
    /// The slot, when the expression is nothing but one: then the value passes through as it is.
    bare: Option<usize>,
    by_size: [OnceLock<Expression<'static, 'static>>; PAYLOADS.len()],
}

impl Compiled {
    /// Compiles once, so that a mistake of ours shows at load and not in a run.
    pub(super) fn new(node: &Node, parts: Parts, at: Position) -> Result<Self, Fault> {
        let mut code = String::new();
        write(node, &mut code);
        let compiled = Self {
            code,
            at,
            parts,
            bare: match node {
                Node::Slot { slot } => Some(*slot),
                _ => None,
            },
            by_size: Default::default(),
        };
        match compiled.expression(0) {
            Ok(_) => Ok(compiled),
            Err(_) => Err(at.fault("this expression is nested too deeply", None)),
        }
    }

    fn expression(&self, size: usize) -> Result<&Expression<'static, 'static>, Error> {
        let failed = || self.at.failed("this expression is nested too deeply");
        let slot = self.by_size.get(size).ok_or_else(failed)?;
        if let Some(ready) = slot.get() {
            return Ok(ready);
        }
        let env = ENVIRONMENTS.get(size).ok_or_else(failed)?;
        let fresh = env
            .compile_expression_owned(self.code.clone())
            .map_err(|_| failed())?;
        Ok(slot.get_or_init(|| fresh))
    }

    /// Evaluates; the result is bounded in bytes and depth.
    pub(super) fn evaluate(&self, scope: &Scope<'_>) -> Result<Json, Error> {
        let too_large = || {
            self.at
                .failed("the result is larger than 256 KB, or nested too deeply")
        };
        if let Some((path, _)) = self.bare.and_then(|slot| self.parts.slots.get(slot)) {
            let value = scope.find(path).ok_or_else(|| Error::Missing {
                path: path.to_string(),
            })?;
            weigh(&value, 0, MOST_TEXT, MOST_DEPTH).ok_or_else(too_large)?;
            return Ok(value.into_owned());
        }
        let value = self.value(scope)?;
        let mut budget = MOST_TEXT;
        to_json(&value, &mut budget, MOST_DEPTH).ok_or_else(too_large)
    }

    /// Evaluates to true or false: empty, zero and no items are false.
    pub(super) fn holds(&self, scope: &Scope<'_>) -> Result<bool, Error> {
        self.value(scope).map(|value| value.is_true())
    }

    fn value(&self, scope: &Scope<'_>) -> Result<Value, Error> {
        let mut bytes = 0;
        let most = PAYLOADS[PAYLOADS.len() - 1];
        let mut slots = Vec::with_capacity(self.parts.slots.len());
        for (path, _) in &self.parts.slots {
            slots.push(match scope.find(path) {
                None => None,
                Some(value) => {
                    bytes = weigh(&value, bytes, most, MOST_DEPTH).ok_or_else(|| {
                        self.at
                            .failed("what it reads is larger than 16 MB, or nested too deeply")
                    })?;
                    Some(from_json(&value))
                }
            });
        }
        let size = PAYLOADS.iter().position(|payload| bytes <= *payload);
        let expression = self.expression(size.unwrap_or(PAYLOADS.len() - 1))?;
        let data = Value::from_object(Slots {
            values: slots,
            literals: self.parts.literals.clone(),
        });
        expression.eval(data).map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &minijinja::Error) -> Error {
        let missing = error
            .detail()
            .and_then(|detail| detail.strip_prefix(MISSING))
            .and_then(|slot| slot.parse::<usize>().ok())
            .and_then(|slot| self.parts.slots.get(slot));
        match (missing, error.kind()) {
            (Some((path, _)), _) => Error::Missing {
                path: path.to_string(),
            },
            (None, ErrorKind::OutOfFuel) => self.at.failed("this expression needs too much work"),
            (None, ErrorKind::InvalidOperation) => self.at.failed(
                error
                    .detail()
                    .unwrap_or("this cannot be done with the values that came"),
            ),
            _ => self
                .at
                .failed("this cannot be done with the values that came"),
        }
    }
}

/// Marks our own error for a slot without a value; the number of the slot follows.
const MISSING: &str = "missing:";

/// The only thing an expression can look up: `m3` must be there, `o3` may be missing, `c3` is a literal.
#[derive(Debug)]
struct Slots {
    values: Vec<Option<Value>>,
    literals: Vec<Value>,
}

impl Object for Slots {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let number: usize = key.get(1..)?.parse().ok()?;
        match key.as_bytes().first()? {
            b'c' => self.literals.get(number).cloned(),
            b'o' => self.values.get(number).cloned().flatten(),
            b'm' => Some(match self.values.get(number).cloned().flatten() {
                Some(value) => value,
                None => {
                    minijinja::Error::new(ErrorKind::UndefinedError, format!("{MISSING}{number}"))
                        .into()
                }
            }),
            _ => None,
        }
    }
}

/// The node as source for the engine underneath. Nothing a user wrote is in it.
fn write(node: &Node, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match node {
        Node::Literal(literal) => write!(out, "c{literal}"),
        Node::Slot { slot } => write!(out, "m{slot}"),
        Node::Defined { slot } => write!(out, "(o{slot} is defined)"),
        Node::Not(inner) => around(out, "(not ", &[inner], ")"),
        Node::All(nodes) => joined(nodes, " and ", out),
        Node::Any(nodes) => joined(nodes, " or ", out),
        Node::Equal(a, b) => call(out, a, "op_eq", std::slice::from_ref(b.as_ref())),
        Node::Below(a, b) => call(out, a, "op_lt", std::slice::from_ref(b.as_ref())),
        Node::AtMost(a, b) => call(out, a, "op_le", std::slice::from_ref(b.as_ref())),
        Node::In(a, b) => call(out, a, "op_in", std::slice::from_ref(b.as_ref())),
        Node::If(parts) => {
            let [test, yes, no] = parts.as_ref();
            out.push('(');
            write(yes, out);
            out.push_str(" if ");
            write(test, out);
            out.push_str(" else ");
            write(no, out);
            out.push(')');
            Ok(())
        }
        Node::Default {
            value,
            empty,
            otherwise,
        } => {
            out.push('(');
            match (value.as_ref(), empty) {
                (Node::Slot { slot }, false) => {
                    let _ = write!(out, "o{slot} if o{slot} is defined else ");
                }
                (Node::Slot { slot }, true) => {
                    let _ = write!(out, "(o{slot} if o{slot} is defined else none) or ");
                }
                (value, _) => {
                    write(value, out);
                    out.push_str(" or ");
                }
            }
            write(otherwise, out);
            out.push(')');
            Ok(())
        }
        Node::Filter { name, on, args } => call(out, on, name, args),
    };
}

fn around(out: &mut String, sign: &str, nodes: &[&Node], end: &str) -> std::fmt::Result {
    match nodes {
        [inner] => {
            out.push_str(sign);
            write(inner, out);
            out.push_str(end);
        }
        nodes => {
            out.push('(');
            for (place, node) in nodes.iter().enumerate() {
                if place > 0 {
                    out.push_str(sign);
                }
                write(node, out);
            }
            out.push(')');
        }
    }
    Ok(())
}

fn joined(nodes: &[Node], word: &str, out: &mut String) -> std::fmt::Result {
    around(out, word, &nodes.iter().collect::<Vec<_>>(), "")
}

fn call(out: &mut String, on: &Node, name: &str, args: &[Node]) -> std::fmt::Result {
    out.push('(');
    write(on, out);
    write!(out, "|{name}(")?;
    for (place, arg) in args.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(arg, out);
    }
    out.push_str("))");
    Ok(())
}

/// The bytes so far plus about those of this value; none past `most` or too deep.
pub(super) fn weigh(value: &Json, so_far: usize, most: usize, depth: u32) -> Option<usize> {
    let bytes = match value {
        Json::String(text) => so_far + text.len() + 2,
        Json::Array(items) if depth > 0 => items
            .iter()
            .try_fold(so_far + 2, |sum, item| weigh(item, sum, most, depth - 1))?,
        Json::Object(fields) if depth > 0 => fields.iter().try_fold(so_far + 2, |sum, field| {
            weigh(field.1, sum + field.0.len() + 3, most, depth - 1)
        })?,
        Json::Array(_) | Json::Object(_) => return None,
        _ => so_far + 8,
    };
    (bytes <= most).then_some(bytes)
}

/// Called on what was weighed, so its depth is bounded.
fn from_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::from(()),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(float)) => Value::from(float),
            (None, None) => Value::from(number.to_string()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(from_json).collect(),
        Json::Object(fields) => Value::from_pairs(
            fields
                .iter()
                .map(|(name, value)| (name.as_str(), from_json(value))),
        ),
    }
}

/// Writes a result out; stops at the byte budget and at the depth limit.
fn to_json(value: &Value, budget: &mut usize, depth: u32) -> Option<Json> {
    let mut spend = |bytes: usize| {
        *budget = budget.checked_sub(bytes)?;
        Some(())
    };
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => {
            spend(4)?;
            Some(Json::Null)
        }
        ValueKind::Bool => {
            spend(5)?;
            Some(Json::Bool(value.is_true()))
        }
        ValueKind::Number => {
            spend(20)?;
            serde_json::to_value(value).ok()
        }
        ValueKind::String => {
            let text = value.as_str()?;
            spend(text.len() + 2)?;
            Some(Json::String(text.to_owned()))
        }
        ValueKind::Seq if depth > 0 => {
            spend(2)?;
            let items = value.try_iter().ok()?;
            items
                .map(|item| to_json(&item, budget, depth - 1))
                .collect::<Option<_>>()
                .map(Json::Array)
        }
        ValueKind::Map if depth > 0 => {
            spend(2)?;
            let mut fields = serde_json::Map::new();
            for key in value.try_iter().ok()? {
                let name = key.as_str()?.to_owned();
                *budget = budget.checked_sub(name.len() + 4)?;
                let field = value.get_item(&key).ok()?;
                fields.insert(name, to_json(&field, budget, depth - 1)?);
            }
            Some(Json::Object(fields))
        }
        _ => None,
    }
}
