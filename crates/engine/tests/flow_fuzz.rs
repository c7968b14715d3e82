//! Seeded random sources and data: the gate never panics, whatever it lets through ends within its
//! limits, and what it reads is only what it said it reads.

use serde_json::{Value, json};
use stagewire_engine::flow::catalog::{ActionInfo, Catalog};
use stagewire_engine::flow::expr::{Condition, Error, Expr, Scope, Text};
use stagewire_engine::flow::file::{Against, Flow};
use stagewire_engine::flow::path::Path;
use stagewire_engine::flow::paths::ModelFields;

/// A small generator with a seed, so that a failure can be run again.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const WORDS: &[&str] = &[
    "a.x",
    "a.y",
    "b.l",
    "b.l[0]",
    "b.o",
    "a['x']",
    "a.big",
    "a.n",
    "a.none",
    "item",
    "'s'",
    "'a=b'",
    "''",
    "7",
    "1.5",
    "-1",
    "true",
    "none",
    "and",
    "or",
    "not",
    "in",
    "is",
    "defined",
    "if",
    "else",
    "==",
    "!=",
    "<",
    ">=",
    "|",
    "lower",
    "upper",
    "title",
    "trim",
    "replace('a', 'aaaa')",
    "join",
    "join(',')",
    "first",
    "last",
    "length",
    "round",
    "date",
    "in_zone('UTC')",
    "map_to('a=b')",
    "mul(2)",
    "mul(a.n)",
    "default('x')",
    "default(a.y, true)",
    "default",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "*",
    "~",
    "+",
    "-",
    "/",
    "%",
    "**",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "range(9)",
    "candidate.has_tag('t')",
    "\"",
    "'",
    "\\",
    "\n",
    "é",
    "🦀",
    "\u{0}",
    ":",
    "=",
    "for",
    "set",
];

fn noise(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(24) {
        text.push_str(dice.pick(WORDS));
        if dice.below(3) > 0 {
            text.push(' ');
        }
    }
    text
}

/// Sources that the gate mostly lets through, so that evaluation is fuzzed as well.
fn sense(dice: &mut Dice, depth: usize) -> String {
    let leaf = [
        "a.x",
        "a.y",
        "a.n",
        "a.none",
        "a.big",
        "b.l",
        "b.o",
        "b.l[0]",
        "'s'",
        "'2026-01-02'",
        "7",
        "none",
    ];
    if depth == 0 {
        return dice.pick(&leaf).to_owned();
    }
    let one = |dice: &mut Dice| sense(dice, depth - 1);
    match dice.below(10) {
        0 => format!("({} and {})", one(dice), one(dice)),
        1 => format!("({} or {})", one(dice), one(dice)),
        2 => format!("(not {})", one(dice)),
        3 => {
            let (a, b) = (one(dice), one(dice));
            format!(
                "({a} {} {b})",
                dice.pick(&["==", "!=", "<", "<=", ">", ">=", "in", "not in"])
            )
        }
        4 => format!("({} if {} else {})", one(dice), one(dice), one(dice)),
        5 => format!("({} is defined)", dice.pick(&["a.x", "a.y", "b", "q"])),
        6 => format!("{} | default({}, true)", one(dice), one(dice)),
        _ => {
            let filter = dice.pick(&[
                "lower",
                "upper",
                "title",
                "trim",
                "replace('a', 'aaaaaaaa')",
                "join(', ')",
                "first",
                "last",
                "length",
                "round(1)",
                "date('%d')",
                "in_zone('UTC')",
                "mul(3)",
                "map_to('s=t', default='u')",
            ]);
            format!("{} | {filter}", one(dice))
        }
    }
}

fn data() -> Value {
    json!({
        "a": {"x": "aaaa", "n": 12345, "none": null, "big": "a".repeat(60_000)},
        "b": {"l": ["a", "b", null, 3, {"id": "x"}], "o": {"id": 1, "k": [[]]}},
        "candidate": {"tags": ["t"]},
    })
}

fn bytes(value: &Value) -> usize {
    value.to_string().len()
}

/// The result may hold the limit, and what JSON adds to write it.
const MOST_BYTES: usize = 256 * 1024 * 2 + 1024;

#[test]
fn arbitrary_sources_never_panic_and_never_pass_their_limits() {
    let data = data();
    let mut dice = Dice(0x5EED_0001);
    let mut passed = 0;
    for _ in 0..20_000 {
        let source = noise(&mut dice);
        let scope = Scope::new(&data);
        if let Ok(condition) = Condition::parse(&source) {
            passed += 1;
            let _ = condition.evaluate(&scope);
        }
        if let Ok(text) = Text::parse(&source)
            && let Ok(value) = text.render(&scope)
        {
            assert!(bytes(&value) <= MOST_BYTES, "{source:?}");
        }
    }
    assert!(
        passed > 100,
        "too little got through to mean anything: {passed}"
    );
}

#[test]
fn random_bytes_are_refused_politely() {
    let mut dice = Dice(0x5EED_0002);
    for _ in 0..5_000 {
        let bytes: Vec<u8> = (0..dice.below(60)).map(|_| dice.next() as u8).collect();
        let source = String::from_utf8_lossy(&bytes);
        for fault in [
            Expr::parse(&source).err(),
            Text::parse(&format!("{{{{{source}")).err(),
            Text::parse(&source).err(),
        ]
        .into_iter()
        .flatten()
        .flatten()
        {
            assert!(fault.line >= 1 && fault.column >= 1);
            assert!(!fault.message.is_empty());
        }
    }
}

#[test]
fn what_passes_ends_within_its_limits_and_the_same_each_time() {
    let data = data();
    let mut dice = Dice(0x5EED_0003);
    let (mut values, mut stopped) = (0, 0);
    for _ in 0..4_000 {
        let depth = 1 + dice.below(6);
        let source = sense(&mut dice, depth);
        let Ok(expr) = Expr::parse(&source) else {
            continue;
        };
        let scope = Scope::new(&data);
        let result = expr.evaluate(&scope);
        assert_eq!(result, expr.evaluate(&scope), "{source}");
        match result {
            Ok(value) => {
                values += 1;
                assert!(bytes(&value) <= MOST_BYTES, "{source}");
            }
            Err(Error::Missing { path }) => {
                stopped += 1;
                assert!(
                    expr.paths().any(|p| p.to_string() == path),
                    "{source}: {path}"
                );
                let at = Path::parse(&path).expect("a path");
                assert_eq!(at.find(&data), None, "{source}: {path} is there");
            }
            Err(Error::Failed { .. }) => stopped += 1,
        }
    }
    assert!(
        values > 300 && stopped > 300,
        "{values} values, {stopped} stopped"
    );
}

#[test]
fn only_the_paths_it_names_are_read() {
    let full = data();
    let mut dice = Dice(0x5EED_0004);
    for _ in 0..1_500 {
        let depth = 1 + dice.below(5);
        let source = sense(&mut dice, depth);
        let Ok(expr) = Expr::parse(&source) else {
            continue;
        };
        // Everything it does not name is taken away; the result must not change.
        let mut poor = json!({});
        for path in expr.paths() {
            let mut shortest = path.clone();
            shortest.rest.truncate(1);
            let Some(value) = shortest.find(&full) else {
                continue;
            };
            match shortest.field() {
                Some(field) => poor[shortest.root.as_str()][field] = value.clone(),
                None => poor[shortest.root.as_str()] = value.clone(),
            }
        }
        assert_eq!(
            expr.evaluate(&Scope::new(&full)),
            expr.evaluate(&Scope::new(&poor)),
            "{source}"
        );
    }
}

struct Nothing;

impl Catalog for Nothing {
    fn action(&self, _: &str) -> Option<ActionInfo> {
        None
    }
    fn actions(&self) -> Vec<String> {
        Vec::new()
    }
    fn connector_of(&self, _: &str) -> Option<String> {
        None
    }
    fn connections(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn broken_files_give_problems_not_panics() {
    let good = "name = \"n\"\nowner = \"o\"\nrung = \"auto\"\n[vars]\nt = [1, \"é\"]\n[grants]\npurpose = \"p\"\n\
                paths = [\"offer.pay\"]\n[when]\nevent = \"offer.sent\"\nonly_if = \"offer.version > 1\"\n\
                [[step]]\nid = \"a\"\nuse = \"x.y\"\nconnection = \"c\"\neach = \"offer.approvers\"\n\
                with = { text = '''{{ item.name }}''', n = 1.5, l = [true, \"{{ vars.t }}\"] }\nneeds = [\"a\"]\n";
    let against = Against {
        fields: &ModelFields,
        catalog: &Nothing,
    };
    let mut dice = Dice(0x5EED_0005);
    for _ in 0..4_000 {
        let mut chars: Vec<char> = good.chars().collect();
        for _ in 0..1 + dice.below(6) {
            let at = dice.below(chars.len());
            match dice.below(4) {
                0 => {
                    chars.remove(at);
                }
                1 => {
                    let word: Vec<char> = dice.pick(WORDS).chars().collect();
                    chars.splice(at..at, word);
                }
                2 => chars[at] = '"',
                _ => {
                    let other = dice.below(chars.len());
                    chars.swap(at, other);
                }
            }
        }
        let text: String = chars.into_iter().collect();
        let problems = match Flow::load("f.toml", "f", &text, against) {
            Ok(_) => panic!("there is no action, so this cannot load:\n{text}"),
            Err(problems) => problems,
        };
        let lines = text.matches('\n').count() as u32 + 1;
        assert!(!problems.is_empty());
        for problem in problems {
            assert!((1..=lines).contains(&problem.line), "{problem}\n{text}");
            assert!(problem.column >= 1);
        }
    }
}
