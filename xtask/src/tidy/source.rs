//! A Rust file taken apart as far as the rules need it: what is code, what is a string, what is
//! inside `#[cfg(test)]`. It is no parser and never fails; on odd input it is merely less exact.

use std::ops::Range;

pub(crate) struct Source {
    /// The file with comments and the insides of strings blanked, line breaks kept.
    code: String,
    /// String literals with the line they begin on.
    pub(crate) strings: Vec<(usize, String)>,
    /// Where each line of the file begins.
    lines: Vec<usize>,
    /// The spans of items marked `#[cfg(test)]`.
    tests: Vec<Range<usize>>,
}

impl Source {
    pub(crate) fn read(text: &str) -> Self {
        let mut scan = Scan {
            text,
            at: 0,
            code: String::with_capacity(text.len()),
            strings: Vec::new(),
        };
        scan.run();
        let mut lines = vec![0];
        lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        let tests = test_items(&scan.code);
        let line_of = |at: usize| lines.partition_point(|begin| *begin <= at);
        let strings = scan.strings.into_iter();
        let strings = strings.map(|(at, text)| (line_of(at), text)).collect();
        Self {
            code: scan.code,
            strings,
            lines,
            tests,
        }
    }

    /// The lines on which `path` (such as `Instant::now` or `reqwest`) stands in code as whole
    /// words; with `tests`, also inside `#[cfg(test)]`.
    pub(crate) fn uses(&self, path: &str, tests: bool) -> Vec<usize> {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices(path) {
            let before = self.code[..at].chars().next_back();
            let after = self.code[at + path.len()..].chars().next();
            let inside = self.tests.iter().any(|item| item.contains(&at));
            let begins = !path.starts_with(word) || !before.is_some_and(word);
            let ends = !path.ends_with(word) || !after.is_some_and(word);
            if begins && ends && (tests || !inside) {
                found.push(self.line(at));
            }
        }
        found
    }

    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= at)
    }
}

/// From each `#[cfg(test)]` to the end of the item behind it.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items = Vec::new();
    for (begin, mark) in code.match_indices("#[cfg(test)]") {
        let mut depth = 0_usize;
        let body = &code[begin + mark.len()..];
        let mut end = code.len();
        for (at, c) in body.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && matches!(c, '}' | ';') {
                end = begin + mark.len() + at + 1;
                break;
            }
        }
        items.push(begin..end);
    }
    items
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    code: String,
    strings: Vec<(usize, String)>,
}

impl Scan<'_> {
    fn run(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            let rest = self.rest();
            if rest.starts_with("//") {
                let end = rest.find('\n').unwrap_or(rest.len());
                self.blank(end);
            } else if rest.starts_with("/*") {
                self.blank(block_comment(rest));
            } else if let Some((open, close, escapes)) = string_start(rest, self.last()) {
                self.string(open, &close, escapes);
            } else if c == '\'' {
                self.quote();
            } else {
                self.code.push(c);
                self.at += c.len_utf8();
            }
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn last(&self) -> Option<char> {
        self.text[..self.at].chars().next_back()
    }

    /// Passes over `length` bytes, keeping only their line breaks.
    fn blank(&mut self, length: usize) {
        for c in self.text[self.at..self.at + length].chars() {
            if c == '\n' {
                self.code.push('\n');
            } else {
                // As many bytes as the letter had, so that places stay the same.
                self.code.extend(std::iter::repeat_n(' ', c.len_utf8()));
            }
        }
        self.at += length;
    }

    fn string(&mut self, open: usize, close: &str, escapes: bool) {
        let begin = self.at;
        let inside = &self.text[begin + open..];
        let mut end = inside.len();
        let mut escaped = false;
        for (at, c) in inside.char_indices() {
            if escaped {
                escaped = false;
            } else if escapes && c == '\\' {
                escaped = true;
            } else if inside[at..].starts_with(close) {
                end = at;
                break;
            }
        }
        self.strings.push((begin, inside[..end].to_owned()));
        let length = (open + end + close.len()).min(self.text.len() - begin);
        self.blank(length);
    }

    /// A character literal, or the mark of a lifetime.
    fn quote(&mut self) {
        let rest = self.rest();
        let mut letters = rest.char_indices().skip(1);
        let length = match letters.next() {
            Some((_, '\\')) => {
                letters.next();
                letters.find(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
            }
            Some(_) => letters
                .next()
                .filter(|(_, c)| *c == '\'')
                .map(|(at, _)| at + 1),
            None => None,
        };
        self.blank(length.unwrap_or(1));
    }
}

/// Where `text` begins with a string: the length of its opening, its closing, whether `\` escapes.
fn string_start(text: &str, before: Option<char>) -> Option<(usize, String, bool)> {
    if text.starts_with('"') {
        return Some((1, "\"".to_owned(), true));
    }
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let prefix = ["br", "cr", "b", "c", "r"]
        .into_iter()
        .find(|p| text.starts_with(p))?;
    let rest = &text[prefix.len()..];
    let raw = prefix.ends_with('r');
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    if !rest[hashes..].starts_with('"') || (hashes > 0 && !raw) {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    Some((prefix.len() + hashes + 1, close, !raw))
}

/// The length of the comment that `text` begins with; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_not_code() {
        let source = Source::read(
            "// reqwest\n/* reqwest /* reqwest */ reqwest */\nlet a = \"reqwest \\\" reqwest\";\n\
             let b = r#\"reqwest \" reqwest\"#;\nuse reqwest::Client;\n",
        );
        assert_eq!(source.uses("reqwest", true), [5]);
        assert_eq!(source.strings[0], (3, "reqwest \\\" reqwest".to_owned()));
        assert_eq!(source.strings[1], (4, "reqwest \" reqwest".to_owned()));
    }

    #[test]
    fn a_word_inside_a_longer_word_is_not_that_word() {
        let source = Source::read("let my_reqwest = reqwest_like();\nInstant::nowhere();\n");
        assert!(source.uses("reqwest", true).is_empty());
        assert!(source.uses("Instant::now", true).is_empty());
    }

    #[test]
    fn lifetimes_and_quote_literals_do_not_open_strings() {
        let source = Source::read("fn f<'a>(x: &'a str) { let q = '\"'; let e = '\\''; hyper(); }");
        assert_eq!(source.uses("hyper", true), [1]);
        assert!(source.strings.is_empty());
    }

    #[test]
    fn what_is_marked_for_tests_ends_with_its_item() {
        let source = Source::read(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn t() { now(); }\n}\nfn b() { now(); }\n",
        );
        assert_eq!(source.uses("now", false), [6]);
        assert_eq!(source.uses("now", true), [4, 6]);
    }

    #[test]
    fn letters_of_several_bytes_move_no_line() {
        let source = Source::read("// ‹é›\nlet s = \"…\";\nnow();\n");
        assert_eq!(source.uses("now", true), [3]);
        assert_eq!(source.strings, [(2, "…".to_owned())]);
    }
}
