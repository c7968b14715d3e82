//! The gate: which syntax is allowed. Whatever it does not name is refused, with where and why.

mod calls;
mod narrow;
mod source;

pub(super) use narrow::narrow;

use super::{Fault, Position};
use crate::flow::nearest::hint;
use crate::flow::path::{Path, Segment};
use minijinja::Value;
use minijinja::machinery::ast::{BinOpKind, Expr, UnaryOpKind};
use minijinja::machinery::parse_expr;
use source::{count_tokens, start_of, syntax_fault};

/// Most bytes of one expression, or of one text with expressions in it.
pub const MOST_SOURCE: usize = 4 * 1024;
const MOST_TOKENS: usize = 512;
const MOST_DEPTH: u32 = 40;

/// An allowed expression. Paths and literals are numbered; nothing else of the source is left.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Literal(usize),
    Slot {
        slot: usize,
    },
    Defined {
        slot: usize,
    },
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Equal(Box<Node>, Box<Node>),
    Below(Box<Node>, Box<Node>),
    AtMost(Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    If(Box<[Node; 3]>),
    /// The value, or `otherwise` when it is missing, or with `empty` also when it is empty.
    Default {
        value: Box<Node>,
        empty: bool,
        otherwise: Box<Node>,
    },
    Filter {
        name: &'static str,
        on: Box<Node>,
        args: Vec<Node>,
    },
}

/// A path compared with something written out, kept to be checked against the field's kind.
#[derive(Debug, Clone)]
pub(in crate::flow) struct Compared {
    pub(in crate::flow) slot: usize,
    pub(in crate::flow) with: serde_json::Value,
    pub(in crate::flow) at: Position,
}

/// What an allowed expression reads and holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub(super) slots: Vec<(Path, Position)>,
    pub(super) literals: Vec<Value>,
    pub(super) compared: Vec<Compared>,
}

/// Parses and checks one expression that starts at `at` of a larger text.
pub(super) fn admit(source: &str, at: Position) -> Result<(Node, Parts), Vec<Fault>> {
    let one = |fault| vec![fault];
    if source.len() > MOST_SOURCE {
        return Err(one(at.fault("an expression may have at most 4 KB", None)));
    }
    if source.trim().is_empty() {
        return Err(one(at.fault("here an expression is missing", None)));
    }
    let ends = count_tokens(source, at).map_err(one)?;
    let tree = match parse_expr(source) {
        Ok(tree) => tree,
        Err(error) => return Err(one(syntax_fault(source, at, &ends, &error))),
    };
    let mut gate = Gate {
        source,
        at,
        parts: Parts::default(),
        faults: Vec::new(),
    };
    let node = gate.lower(&tree, 0);
    match (node, gate.faults.is_empty()) {
        (Some(node), true) => Ok((node, gate.parts)),
        (_, false) => Err(gate.faults),
        (None, true) => Err(one(at.fault("this expression is not allowed", None))),
    }
}

struct Gate<'s> {
    source: &'s str,
    at: Position,
    parts: Parts,
    faults: Vec<Fault>,
}

impl<'s> Gate<'s> {
    fn lower(&mut self, expr: &Expr<'s>, depth: u32) -> Option<Node> {
        if depth > MOST_DEPTH {
            return self.refuse(expr, "this expression is nested too deeply", None);
        }
        let depth = depth + 1;
        match expr {
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => {
                if let Expr::Var(root) = expr
                    && !matches!(root.id, "item" | "lines")
                {
                    let message =
                        format!("`{0}` alone is no value; name one of its fields", root.id);
                    return self.refuse(expr, &message, Some("like `candidate.full_name`"));
                }
                let slot = self.path_slot(expr)?;
                Some(Node::Slot { slot })
            }
            Expr::Const(literal) => self.literal(expr, &literal.value),
            Expr::UnaryOp(unary) => match (&unary.op, &unary.expr) {
                (UnaryOpKind::Not, inner) => Some(Node::Not(Box::new(self.lower(inner, depth)?))),
                (UnaryOpKind::Neg, Expr::Const(literal)) => {
                    let value = negative(&literal.value);
                    match value {
                        Some(value) => self.literal(expr, &value),
                        None => self.refuse(expr, "only a number can be negative", None),
                    }
                }
                (UnaryOpKind::Neg, _) => self.refuse(
                    expr,
                    "`-` is allowed in front of a written number only",
                    Some("to turn a sign, write `mul(-1)`"),
                ),
            },
            Expr::BinOp(binary) => self.binary(expr, binary.op, &binary.left, &binary.right, depth),
            Expr::Compare(_) => self.refuse(
                expr,
                "comparisons cannot be chained",
                Some("write two of them with `and`"),
            ),
            Expr::IfExpr(inline) => {
                let Some(otherwise) = &inline.false_expr else {
                    return self.refuse(expr, "an inline `if` needs its `else`", None);
                };
                let test = self.lower(&inline.test_expr, depth);
                let yes = self.lower(&inline.true_expr, depth);
                let no = self.lower(otherwise, depth);
                Some(Node::If(Box::new([test?, yes?, no?])))
            }
            Expr::Filter(filter) => self.filter(expr, filter, depth),
            Expr::Test(test) => self.test(expr, test, depth),
            Expr::Call(call) => self.method(expr, call),
            Expr::List(_) | Expr::Tuple(_) => self.refuse(
                expr,
                "lists cannot be written in an expression",
                Some("compare with each value and `or`, or write the list in the TOML"),
            ),
            Expr::Map(_) => self.refuse(
                expr,
                "objects cannot be written in an expression",
                Some("write the table in the TOML, with an expression for each value"),
            ),
            Expr::Slice(_) => self.refuse(expr, "slices are not allowed", None),
        }
    }

    fn binary(
        &mut self,
        expr: &Expr<'s>,
        op: BinOpKind,
        left: &Expr<'s>,
        right: &Expr<'s>,
        depth: u32,
    ) -> Option<Node> {
        let hint = match op {
            BinOpKind::ScAnd | BinOpKind::ScOr => return self.chain(expr, op, depth),
            BinOpKind::Mul => "multiply numbers with the filter `mul`: `x | mul(12)`",
            BinOpKind::Concat | BinOpKind::Add => {
                "put texts beside each other: `{{ a }} {{ b }}`, or `join` a list"
            }
            BinOpKind::Sub
            | BinOpKind::Div
            | BinOpKind::FloorDiv
            | BinOpKind::Rem
            | BinOpKind::Pow => "the only arithmetic is the filters `mul` and `round`",
            _ => "",
        };
        if !hint.is_empty() {
            let sign = match op {
                BinOpKind::Mul => "*",
                BinOpKind::Concat => "~",
                BinOpKind::Add => "+",
                BinOpKind::Sub => "-",
                BinOpKind::Div => "/",
                BinOpKind::FloorDiv => "//",
                BinOpKind::Rem => "%",
                _ => "**",
            };
            return self.refuse(expr, &format!("`{sign}` is not allowed"), Some(hint));
        }
        let a = self.lower(left, depth);
        let b = self.lower(right, depth);
        let (a, b) = (Box::new(a?), Box::new(b?));
        self.note_compared(expr, &a, &b);
        Some(match op {
            BinOpKind::Eq => Node::Equal(a, b),
            BinOpKind::Ne => Node::Not(Box::new(Node::Equal(a, b))),
            BinOpKind::Lt => Node::Below(a, b),
            BinOpKind::Lte => Node::AtMost(a, b),
            BinOpKind::Gt => Node::Below(b, a),
            BinOpKind::Gte => Node::AtMost(b, a),
            _ => Node::In(a, b),
        })
    }

    /// `a and b and c` leans left in the tree; here it lies flat, whatever its length.
    fn chain(&mut self, expr: &Expr<'s>, op: BinOpKind, depth: u32) -> Option<Node> {
        let all = matches!(op, BinOpKind::ScAnd);
        let mut operands = Vec::new();
        let mut at = expr;
        while let Expr::BinOp(binary) = at
            && matches!(binary.op, BinOpKind::ScAnd) == all
            && matches!(binary.op, BinOpKind::ScAnd | BinOpKind::ScOr)
        {
            operands.push(&binary.right);
            at = &binary.left;
        }
        operands.push(at);
        let nodes: Vec<Option<Node>> = operands
            .into_iter()
            .rev()
            .map(|operand| self.lower(operand, depth))
            .collect();
        let nodes = nodes.into_iter().collect::<Option<Vec<_>>>()?;
        Some(if all {
            Node::All(nodes)
        } else {
            Node::Any(nodes)
        })
    }

    fn note_compared(&mut self, expr: &Expr<'s>, a: &Node, b: &Node) {
        if let (Node::Slot { slot }, Node::Literal(literal))
        | (Node::Literal(literal), Node::Slot { slot }) = (a, b)
            && let Some(value) = self.parts.literals.get(*literal)
            && let Ok(with) = serde_json::to_value(value)
        {
            let at = self.position(expr);
            self.parts.compared.push(Compared {
                slot: *slot,
                with,
                at,
            });
        }
    }

    /// Paths are read off in a loop: `a.b['c'].d`, the key written out.
    fn path_slot(&mut self, expr: &Expr<'s>) -> Option<usize> {
        let mut rest = Vec::new();
        let mut at = expr;
        let root = loop {
            match at {
                Expr::Var(name) => break name.id,
                Expr::GetAttr(attr) => {
                    rest.push(Segment::Field(attr.name.to_owned()));
                    at = &attr.expr;
                }
                Expr::GetItem(item) => {
                    let key = match &item.subscript_expr {
                        Expr::Const(key) => &key.value,
                        _ => {
                            return self.refuse_slot(
                                at,
                                "a key in `[ ]` must be written out",
                                "write it in quotes, like `offer.custom['cost_centre']`",
                            );
                        }
                    };
                    rest.push(match (key.as_str(), key.as_usize()) {
                        (Some(name), _) if !name.is_empty() => Segment::Field(name.to_owned()),
                        (None, Some(index)) if index < 1000 => Segment::Index(index),
                        _ => {
                            return self.refuse_slot(
                                at,
                                "a key in `[ ]` is a text, or a place in a list from 0",
                                "write it in quotes, like `offer.custom['cost_centre']`",
                            );
                        }
                    });
                    at = &item.expr;
                }
                _ => {
                    return self.refuse_slot(
                        at,
                        "a field can be read of a name only, not of a result",
                        "write the path in one piece; for a place in a list, `offer.pay[0].text`",
                    );
                }
            }
        };
        rest.reverse();
        if rest.len() > 12 {
            return self.refuse_slot(expr, "this path is too long", "paths have at most 12 parts");
        }
        let path = Path {
            root: root.to_owned(),
            rest,
        };
        Some(self.slot(path, expr))
    }

    fn slot(&mut self, path: Path, expr: &Expr<'s>) -> usize {
        match self
            .parts
            .slots
            .iter()
            .position(|(known, _)| *known == path)
        {
            Some(slot) => slot,
            None => {
                let at = self.position(expr);
                self.parts.slots.push((path, at));
                self.parts.slots.len() - 1
            }
        }
    }

    fn literal(&mut self, expr: &Expr<'s>, value: &Value) -> Option<Node> {
        use minijinja::value::ValueKind;
        let fits = match value.kind() {
            ValueKind::None | ValueKind::Bool | ValueKind::String => true,
            ValueKind::Number if value.is_integer() => value.as_i64().is_some(),
            ValueKind::Number => f64::try_from(value.clone()).is_ok_and(f64::is_finite),
            _ => false,
        };
        if !fits {
            return self.refuse(expr, "this number is too large", None);
        }
        Some(self.keep(value.clone()))
    }

    fn keep(&mut self, value: Value) -> Node {
        self.parts.literals.push(value);
        Node::Literal(self.parts.literals.len() - 1)
    }

    fn refuse<T>(&mut self, expr: &Expr<'s>, message: &str, hint: Option<&str>) -> Option<T> {
        let fault = self
            .position(expr)
            .fault(message, hint.map(ToOwned::to_owned));
        self.faults.push(fault);
        None
    }

    fn refuse_slot(&mut self, expr: &Expr<'s>, message: &str, hint: &str) -> Option<usize> {
        self.refuse(expr, message, Some(hint))
    }

    fn refuse_name<T>(
        &mut self,
        expr: &Expr<'s>,
        message: &str,
        name: &str,
        among: &[&str],
    ) -> Option<T> {
        let fault = self
            .position(expr)
            .fault(message, hint(name, among.iter().copied()));
        self.faults.push(fault);
        None
    }

    fn position(&self, expr: &Expr<'s>) -> Position {
        self.at.within(self.source, start_of(expr))
    }
}

fn negative(value: &Value) -> Option<Value> {
    match value.as_i64() {
        Some(whole) => whole.checked_neg().map(Value::from),
        None if value.kind() == minijinja::value::ValueKind::Number => f64::try_from(value.clone())
            .ok()
            .map(|float| Value::from(-float)),
        None => None,
    }
}
