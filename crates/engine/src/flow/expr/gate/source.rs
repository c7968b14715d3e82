//! The source itself: its size in tokens, where a fault lies in it, and where an expression begins.

use super::{Fault, MOST_TOKENS, Position};
use minijinja::machinery::ast::Expr;
use minijinja::machinery::{Token, parse_expr, tokenize};

/// The offsets where tokens end. Counting first bounds every recursion that follows.
pub(super) fn count_tokens(source: &str, at: Position) -> Result<Vec<usize>, Fault> {
    let mut ends = Vec::new();
    for token in tokenize(source, true, Default::default()) {
        let start = ends.last().copied().unwrap_or(0);
        match token {
            Ok((Token::VariableEnd | Token::BlockEnd, _)) | Err(_) => {
                let skipped = source.get(start..).map_or(0, |rest| {
                    rest.len() - rest.trim_start_matches(char::is_whitespace).len()
                });
                return Err(at.within(source, start + skipped).fault(
                    "this cannot be read: a character that does not belong here, or a quote that is never closed",
                    None,
                ));
            }
            Ok((_, span)) => ends.push(span.end_offset as usize),
        }
        if ends.len() > MOST_TOKENS {
            return Err(at.fault("this expression has too many parts (at most 512)", None));
        }
    }
    Ok(ends)
}

/// The parser names no column, so the shortest beginning that fails for another reason than
/// stopping short shows which token is wrong.
pub(super) fn syntax_fault(
    source: &str,
    at: Position,
    ends: &[usize],
    error: &minijinja::Error,
) -> Fault {
    let stops_short = |error: &minijinja::Error| {
        error
            .detail()
            .is_some_and(|detail| detail.contains("end of input"))
    };
    let mut start = 0;
    for end in ends {
        if let Some(Err(error)) = source.get(..*end).map(parse_expr)
            && !stops_short(&error)
        {
            break;
        }
        start = *end;
    }
    let rest = source.get(start..).unwrap_or("");
    let start = start + (rest.len() - rest.trim_start().len());
    let detail = error.detail().unwrap_or("this cannot be read");
    let hint = match source.get(start..).and_then(|rest| rest.chars().next()) {
        Some('=') => Some("to compare, write `==`".to_owned()),
        Some('&') => Some("write `and`".to_owned()),
        Some('!') => Some("write `not`, or `!=` to compare".to_owned()),
        _ => None,
    };
    at.within(source, start).fault(plain(detail), hint)
}

/// The parser's words in a sentence of ours.
fn plain(detail: &str) -> String {
    if detail.contains("recursion") {
        return "this expression is nested too deeply".to_owned();
    }
    format!("this cannot be read: {detail}")
}

/// Where an expression begins: the parser's spans of operators may begin one token early.
pub(super) fn start_of(expr: &Expr<'_>) -> usize {
    let mut at = expr;
    loop {
        at = match at {
            Expr::BinOp(binary) => &binary.left,
            Expr::Compare(compare) => &compare.expr,
            Expr::IfExpr(inline) => &inline.true_expr,
            Expr::GetAttr(attr) => &attr.expr,
            Expr::GetItem(item) => &item.expr,
            Expr::Call(call) => &call.expr,
            _ => return at.span().start_offset as usize,
        };
    }
}
