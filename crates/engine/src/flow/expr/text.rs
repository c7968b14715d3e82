//! A text with `{{ }}` in it. Text that is nothing but one `{{ }}` keeps the type of its value.

use super::filters::MOST_TEXT;
use super::gate::MOST_SOURCE;
use super::{Error, Expr, Fault, Path, Position, Reads, Scope};
use serde_json::Value;

/// A text template: `{{ candidate.full_name }} moved to {{ stage.name }}`.
#[derive(Debug)]
pub struct Text {
    pieces: Vec<Piece>,
    reads: Reads,
}

#[derive(Debug)]
enum Piece {
    Plain(String),
    Hole(Box<Expr>, Position),
}

impl Text {
    /// Reads and checks a text; all faults at once where the syntax allows.
    pub fn parse(source: &str) -> Result<Self, Vec<Fault>> {
        if source.len() > MOST_SOURCE && source.contains("{{") {
            let message = "a text with expressions may have at most 4 KB";
            return Err(vec![Position::START.fault(message, None)]);
        }
        let mut text = Self {
            pieces: Vec::new(),
            reads: Reads::default(),
        };
        let mut faults = Vec::new();
        let mut from = 0;
        while from < source.len() {
            let rest = &source[from..];
            let open = rest.find("{{").unwrap_or(rest.len());
            refuse_blocks(source, from, open, &mut faults);
            if open > 0 {
                text.pieces.push(Piece::Plain(rest[..open].to_owned()));
            }
            if open == rest.len() {
                break;
            }
            let at = Position::START.within(source, from + open);
            let inner = &rest[open + 2..];
            let Some(close) = closing(inner) else {
                let hint = "to write the two braces themselves: `{{ '{{' }}`";
                faults.push(at.fault("this `{{` is never closed", Some(hint.to_owned())));
                break;
            };
            let at = Position::START.within(source, from + open + 2);
            match Expr::parse_at(&inner[..close], at) {
                Ok(expr) => {
                    text.reads.add(expr.reads().clone());
                    text.pieces.push(Piece::Hole(Box::new(expr), at));
                }
                Err(more) => faults.extend(more),
            }
            from += open + 2 + close + 2;
        }
        match faults.is_empty() {
            true => Ok(text),
            false => Err(faults),
        }
    }

    /// Whether it holds no expression at all.
    pub fn is_plain(&self) -> bool {
        self.pieces
            .iter()
            .all(|piece| matches!(piece, Piece::Plain(_)))
    }

    /// The text, or the one value it consists of. In a longer text what is empty writes nothing.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Value, Error> {
        if let [Piece::Hole(expr, _)] = self.pieces.as_slice() {
            return expr.evaluate(scope);
        }
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Hole(expr, at) => match expr.evaluate(scope)? {
                    Value::Null => {}
                    Value::String(text) => out.push_str(&text),
                    Value::Bool(flag) => out.push_str(if flag { "true" } else { "false" }),
                    Value::Number(number) => out.push_str(&number.to_string()),
                    Value::Array(_) => {
                        return Err(at.failed("a list cannot stand in a text; `join` it first"));
                    }
                    Value::Object(_) => {
                        return Err(at.failed("this is an object; name one of its fields"));
                    }
                },
            }
            if out.len() > MOST_TEXT {
                return Err(Position::START.failed("this text is longer than 256 KB"));
            }
        }
        Ok(Value::String(out))
    }

    /// The paths it reads.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.reads.paths.iter().map(|(path, _)| path)
    }

    pub(in crate::flow) fn reads(&self) -> &Reads {
        &self.reads
    }
}

/// `{% %}` and `{# #}` would be commands and comments elsewhere; here they are refused, not printed.
fn refuse_blocks(source: &str, from: usize, length: usize, faults: &mut Vec<Fault>) {
    let plain = &source[from..from + length];
    for sign in ["{%", "{#"] {
        if let Some(found) = plain.find(sign) {
            let at = Position::START.within(source, from + found);
            faults.push(at.fault(
                format!("`{sign}` is not allowed: only `{{{{ }}}}` is"),
                Some("use a step's `if`, or an inline `if` between the braces".to_owned()),
            ));
        }
    }
}

/// Where `}}` closes, counted from the opening; quotes may hold braces.
fn closing(inner: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in inner.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '}') if inner[index..].starts_with("}}") => return Some(index),
            (None, _) => {}
        }
    }
    None
}
