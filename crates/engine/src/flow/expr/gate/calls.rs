//! Filters, tests and methods: each by its allow-list, their arguments checked at load.

use super::super::filters::{SPECS, refuse_argument};
use super::{Gate, Node};
use crate::flow::path::Path;
use minijinja::Value;
use minijinja::machinery::ast::{Call, CallArg, CallType, Expr, Filter, Test};

/// Methods a root offers: root, method, the field it reads.
const METHODS: &[(&str, &str, &str)] = &[("candidate", "has_tag", "tags")];

impl<'s> Gate<'s> {
    pub(super) fn filter(
        &mut self,
        expr: &Expr<'s>,
        filter: &Filter<'s>,
        depth: u32,
    ) -> Option<Node> {
        let names: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
        let Some(spec) = SPECS.iter().find(|spec| spec.name == filter.name) else {
            let message = format!("there is no filter `{}`", filter.name);
            return self.refuse_name(expr, &message, filter.name, &names);
        };
        let Some(inner) = &filter.expr else {
            return self.refuse(expr, "a filter needs a value in front of it", None);
        };
        if spec.name == "on" {
            return self.refuse(
                expr,
                "`on` needs the people table, which this version does not have yet",
                Some("name the address itself, or a variable of `[vars]`"),
            );
        }
        let on = self.lower(inner, depth);
        if spec.name == "map_to" {
            let args = self.value_table(expr, &filter.args)?;
            return Some(Node::Filter {
                name: spec.name,
                on: Box::new(on?),
                args,
            });
        }
        let mut args = Vec::new();
        for (position, arg) in filter.args.iter().enumerate() {
            let CallArg::Pos(arg) = arg else {
                let message = format!("`{}` takes no named arguments", spec.name);
                return self.refuse(expr, &message, Some(&format!("write `{}`", spec.usage)));
            };
            let node = self.lower(arg, depth)?;
            let given = match &node {
                Node::Literal(literal) => self.parts.literals.get(*literal).cloned(),
                _ => None,
            };
            match given {
                Some(value) => {
                    if let Some(why) = refuse_argument(spec.name, position, &value) {
                        return self.refuse(arg, &why, None);
                    }
                }
                None if spec.literal || (spec.name, position) == ("default", 1) => {
                    let message = format!("the arguments of `{}` must be written out", spec.name);
                    return self.refuse(arg, &message, Some(&format!("like `{}`", spec.usage)));
                }
                None => {}
            }
            args.push(node);
        }
        if args.len() < spec.least || args.len() > spec.most {
            let message = format!("`{}` has the wrong number of arguments", spec.name);
            return self.refuse(expr, &message, Some(&format!("write `{}`", spec.usage)));
        }
        match spec.name {
            "default" => self.default(expr, on?, args),
            name => Some(Node::Filter {
                name,
                on: Box::new(on?),
                args,
            }),
        }
    }

    /// `default` protects a path, so it stands right behind it, or behind another `default`.
    fn default(&mut self, expr: &Expr<'s>, on: Node, args: Vec<Node>) -> Option<Node> {
        let mut args = args.into_iter();
        let otherwise = Box::new(args.next()?);
        let empty = match args.next() {
            Some(Node::Literal(flag)) => self.parts.literals.get(flag).is_some_and(Value::is_true),
            _ => false,
        };
        if !empty && !may_be_missing(&on) {
            return self.refuse(
                expr,
                "`default` stands right behind the path it protects; here nothing can be missing any more",
                Some("move it to the path, or write `default('…', true)` to replace what is empty"),
            );
        }
        Some(extend(on, empty, otherwise))
    }

    /// `map_to('a=b', 'c=d', default='e')` as: has a default, the default, a, b, c, d.
    fn value_table(&mut self, expr: &Expr<'s>, given: &[CallArg<'s>]) -> Option<Vec<Node>> {
        let usage = "write `map_to('a=b', 'c=d', default='e')`";
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut default = None;
        for arg in given {
            match arg {
                CallArg::Pos(Expr::Const(pair)) => {
                    let Some((from, to)) = pair.value.as_str().and_then(|p| p.split_once('='))
                    else {
                        return self.refuse(expr, "`map_to` takes entries like 'a=b'", Some(usage));
                    };
                    let (from, to) = (from.trim().to_owned(), to.trim().to_owned());
                    if pairs.iter().any(|(known, _)| *known == from) {
                        let message = format!("`map_to` has two entries for '{from}'");
                        return self.refuse(expr, &message, None);
                    }
                    pairs.push((from, to));
                }
                CallArg::Kwarg("default", Expr::Const(value)) => {
                    default = Some(value.value.clone())
                }
                _ => {
                    let message = "the arguments of `map_to` must be written out";
                    return self.refuse(expr, message, Some(usage));
                }
            }
        }
        if pairs.is_empty() || pairs.len() > 200 {
            return self.refuse(expr, "`map_to` takes 1 to 200 entries", Some(usage));
        }
        let has = self.keep(Value::from(default.is_some()));
        let mut args = vec![has, self.keep(default.unwrap_or(Value::from(())))];
        for (from, to) in pairs {
            args.push(self.keep(Value::from(from)));
            args.push(self.keep(Value::from(to)));
        }
        Some(args)
    }

    /// `is defined` and `is none`, and with `not`; nothing else can be asked with `is`.
    pub(super) fn test(&mut self, expr: &Expr<'s>, test: &Test<'s>, depth: u32) -> Option<Node> {
        if !test.args.is_empty() {
            return self.refuse(expr, "`is` takes one word: `defined` or `none`", None);
        }
        match (test.name, &test.expr) {
            ("defined", path @ (Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_))) => {
                let slot = self.path_slot(path)?;
                Some(Node::Defined { slot })
            }
            ("defined", _) => self.refuse(
                expr,
                "`is defined` asks about a path; a result is always defined",
                None,
            ),
            ("none", inner) => {
                let inner = self.lower(inner, depth)?;
                let none = self.keep(Value::from(()));
                Some(Node::Equal(Box::new(inner), Box::new(none)))
            }
            (name, _) => {
                let message = format!("`is {name}` is not allowed");
                self.refuse_name(expr, &message, name, &["defined", "none"])
            }
        }
    }

    pub(super) fn method(&mut self, expr: &Expr<'s>, call: &Call<'s>) -> Option<Node> {
        let CallType::Method(of, name) = call.identify_call() else {
            return self.refuse(
                expr,
                "there are no functions in this language",
                Some("values are changed with filters: `x | lower`"),
            );
        };
        let found = match of {
            Expr::Var(root) => METHODS
                .iter()
                .find(|(known, method, _)| *known == root.id && *method == name),
            _ => None,
        };
        let Some((root, _, field)) = found else {
            let message = format!("`{name}(…)` cannot be called");
            return self.refuse(
                expr,
                &message,
                Some("the only method is `candidate.has_tag('…')`"),
            );
        };
        let [CallArg::Pos(Expr::Const(wanted))] = call.args.as_slice() else {
            return self.refuse(expr, "`has_tag` takes one tag, in quotes", None);
        };
        if wanted.value.as_str().is_none_or(str::is_empty) {
            return self.refuse(expr, "`has_tag` takes one tag, in quotes", None);
        }
        let slot = self.slot(Path::of(root, [*field]), expr);
        let wanted = self.keep(wanted.value.clone());
        Some(Node::Filter {
            name: "op_has",
            on: Box::new(Node::Slot { slot }),
            args: vec![wanted],
        })
    }
}

fn may_be_missing(node: &Node) -> bool {
    match node {
        Node::Slot { .. } => true,
        Node::Default {
            value, otherwise, ..
        } => may_be_missing(value) && may_be_missing(otherwise),
        _ => false,
    }
}

/// `a | default(b) | default('c')` falls through from `a` to `b` to `'c'`.
fn extend(on: Node, empty: bool, otherwise: Box<Node>) -> Node {
    match on {
        Node::Default {
            value,
            empty: inner_empty,
            otherwise: inner,
        } if may_be_missing(&inner) => Node::Default {
            value,
            empty: inner_empty || empty,
            otherwise: Box::new(extend(*inner, empty, otherwise)),
        },
        on => Node::Default {
            value: Box::new(on),
            empty,
            otherwise,
        },
    }
}
