//! The flow language from outside: what the gate refuses, what the rest of it means, and that
//! nothing a flow's author or a vendor's data can say makes it run without end.

use serde_json::{Value, json};
use stagewire_engine::flow::expr::{Condition, Error, Expr, Fault, Scope, Text};

fn refused(source: &str) -> Vec<Fault> {
    match Expr::parse(source) {
        Ok(_) => panic!("the gate let this through: {source}"),
        Err(faults) => {
            assert!(!faults.is_empty());
            faults
        }
    }
}

fn eval(source: &str, data: &Value) -> Result<Value, Error> {
    Expr::parse(source)
        .unwrap_or_else(|faults| panic!("{source}: {}", faults[0]))
        .evaluate(&Scope::new(data))
}

fn value(source: &str, data: &Value) -> Value {
    eval(source, data).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn holds(source: &str, data: &Value) -> Result<bool, Error> {
    Condition::parse(source)
        .unwrap_or_else(|faults| panic!("{source}: {}", faults[0]))
        .evaluate(&Scope::new(data))
}

fn text(source: &str, data: &Value) -> Result<Value, Error> {
    Text::parse(source)
        .unwrap_or_else(|faults| panic!("{source}: {}", faults[0]))
        .render(&Scope::new(data))
}

fn missing(path: &str) -> Error {
    Error::Missing { path: path.into() }
}

fn failed(result: Result<Value, Error>) -> String {
    match result {
        Err(Error::Failed { message, .. }) => message,
        other => panic!("expected a failure, got {:.80}", format!("{other:?}")),
    }
}

#[test]
fn the_known_attacks_are_refused_at_load() {
    for attack in [
        "([[0]*49000]*49000)|string",
        "[[0]*49000]*49000",
        "[0]*49000",
        "'a' * 1000000000",
        "a.x * 3",
        "a.x ** 9",
        "a.x ~ a.y",
        "a.x ~ a.x ~ a.x",
        "[a.c, a.c]",
        "[a.c, a.c] == [a.c, a.c]",
        "(a.c, a.c)",
        "{'a': a.c}",
        "{}",
        "[]",
        "namespace()",
        "range(100000)",
        "range(1000)|join",
        "lipsum()",
        "dict(a=1)",
        "cycler('a')",
        "self.x()",
        "a.x|string",
        "a.x|list",
        "a.x|tojson",
        "a.x|pprint",
        "a.x|map('upper')",
        "a.x|batch(2)",
        "a.x|format(1)",
        "a.x|safe",
        "a.x|attr('y')",
        "a.x|op_lt(1)",
        "a.x|op_has('a')",
        "a.x|op_in('a')",
        "a.x[1:]",
        "a.x[::2]",
        "a.x[a.y]",
        "a.x['a' if a.y else 'b']",
        "a.x + 1",
        "a.x - 1",
        "a.x / 2",
        "a.x // 2",
        "a.x % 2",
        "-a.x",
        "1 < a.x < 3",
        "a.x is iterable",
        "a.x is sameas(a.y)",
        "a.x is eq 1",
        "a.x is divisibleby 3",
        "a.x()",
        "a.x.y()",
        "a.x.has_tag('a')",
        "candidate.has_tag(a.x)",
        "candidate.has_tag('a', 'b')",
        "candidate.has_tag(*a.x)",
        "candidate.has_tag(**a.x)",
        "candidate['has_tag']('a')",
        "'x'.upper()",
        "(a.x|first).y",
        "'a'.b",
        "a.x|replace(*a.y)",
        "a.x|join(a.y)",
        "a.x|date(a.y)",
        "a.x|round(a.y)",
        "a.x if a.y",
        "a.x == 99999999999999999999",
        "a.x == 1e999",
        "a.x; a.y",
        "a.x }} {{ a.y",
        "a.x %} a.y",
        "",
        "   ",
    ] {
        let fault = &refused(attack)[0];
        assert!(!fault.message.contains("alone"), "{attack}: {fault}");
    }
    for attack in [
        "{% set a=[c,c] %}{% set b=[a,a] %}{{ b }}",
        "{% set a=[c,c] %}",
        "{% for x in y %}{{ x }}{% endfor %}",
        "{% set ns = namespace(x=1) %}{{ ns.x }}",
        "{% macro m() %}{% endmacro %}{{ m() }}",
        "{%- if x -%}y{%- endif -%}",
        "{% raw %}{{ x }}{% endraw %}",
        "{% include 'x' %}",
        "{# hidden #}",
        "{{ ([[0]*49000]*49000)|string }}",
        "{{ x",
        "{{ x }} {{",
        "{{ }}",
        "{{- x -}}",
        "{{ x -}}",
        "{{+ x }}",
        "{{ {'a': {'b': 1}} }}",
    ] {
        assert!(Text::parse(attack).is_err(), "let through: {attack}");
    }
}

#[test]
fn a_long_or_deep_source_is_refused_without_being_walked() {
    let many = |part: &str, count: usize| part.repeat(count);
    for source in [
        format!("a.x == '{}'", many("a", 4096)),
        many("(", 2000),
        many("not ", 1000),
        many("- ", 2000),
        many("x.", 2000),
        many("[", 2000),
        many("{", 2000),
        many("a.x|lower|", 500),
        format!("a.x{}", many("|lower", 100)),
        format!("{}a.x{}", many("(", 90), many(")", 90)),
        format!("{}a.x", many("not ", 100)),
        format!("{}a.x", many("not ", 505)),
        format!("{}a.x", many("- ", 505)),
        format!("a.x{}", many(" == a.x", 120)),
        format!("a.x{}", many(" < a.x", 120)),
        format!("a.x{}", many(" + a.x", 120)),
        format!("a{}", many(".x", 250)),
        format!("a.x {}", many("if a.y else a.z ", 120)),
        format!("a.x{}", many("['a']", 100)),
    ] {
        refused(&source);
    }
    let parts = refused(&vec!["a.x == 1"; 90].join(" or "));
    assert!(parts[0].message.contains("too many parts"), "{}", parts[0]);
    let nested = refused(&format!("{}a.x", many("a.x if a.y else ", 50)));
    assert!(nested[0].message.contains("too deeply"), "{}", nested[0]);
    // What people write is far below these limits.
    let long: Vec<String> = (0..60).map(|n| format!("job.code == '{n}'")).collect();
    let data = json!({"job": {"code": "59"}});
    assert_eq!(holds(&long.join(" or "), &data), Ok(true));
}

#[test]
fn a_refusal_says_where_and_what_to_write() {
    let fault = &refused("stage.name == 'a' and\n  a.x|uper == 'B'")[0];
    assert_eq!((fault.line, fault.column), (2, 7));
    assert_eq!(fault.message, "there is no filter `uper`");
    assert_eq!(fault.hint.as_deref(), Some("did you mean `upper`?"));

    let fault = &refused("a.x = 1")[0];
    assert_eq!((fault.line, fault.column), (1, 5));
    assert_eq!(fault.hint.as_deref(), Some("to compare, write `==`"));

    let fault = &refused("a.x == [1, 2]")[0];
    assert_eq!((fault.line, fault.column), (1, 8));

    let fault = &refused("a.x == 'open")[0];
    assert_eq!((fault.line, fault.column), (1, 8), "{fault}");

    let faults =
        Text::parse("Hé {{ a.a ~ a.b }}\nand {{ a.c * a.d }} {% if %}").expect_err("faults");
    let at: Vec<_> = faults.iter().map(|f| (f.line, f.column)).collect();
    assert_eq!(at, [(1, 7), (2, 8), (2, 21)]);

    let fault = &refused("candidate == 'x'")[0];
    assert!(fault.message.contains("name one of its fields"), "{fault}");

    let faults = refused("a.b() == 1 and [1] == a.c");
    assert_eq!(faults.len(), 2, "both sides are reported: {faults:?}");
}

#[test]
fn missing_is_not_empty() {
    let data = json!({"offer": {"start_date": null, "version": 0}, "job": {"title": ""}});
    assert_eq!(eval("offer.sent_at", &data), Err(missing("offer.sent_at")));
    assert_eq!(value("offer.start_date", &data), Value::Null);
    assert_eq!(value("offer.start_date | default('x')", &data), Value::Null);
    assert_eq!(
        value("offer.start_date | default('x', true)", &data),
        json!("x")
    );
    assert_eq!(value("job.title | default('x', true)", &data), json!("x"));
    assert_eq!(value("offer.sent_at | default('x')", &data), json!("x"));
    assert_eq!(value("candidate.x | default('x')", &data), json!("x"));
    assert_eq!(
        value(
            "a.x | default(b.y) | default(job.title, true) | default('z', true)",
            &data
        ),
        json!("z")
    );
    assert_eq!(eval("a.x | default(b.y)", &data), Err(missing("b.y")));
    assert_eq!(value("offer.version | default(b.y)", &data), json!(0));
    assert_eq!(holds("offer.sent_at is defined", &data), Ok(false));
    assert_eq!(holds("offer.start_date is defined", &data), Ok(true));
    assert_eq!(holds("offer.sent_at is not defined", &data), Ok(true));
    assert_eq!(holds("offer.start_date is none", &data), Ok(true));
    assert_eq!(holds("job.title is none", &data), Ok(false));
    assert_eq!(holds("job.title is not none", &data), Ok(true));
    assert_eq!(
        holds("offer.sent_at is none", &data),
        Err(missing("offer.sent_at"))
    );
    // Under a lenient engine this would be true, and the flow would fire on missing data.
    assert_eq!(
        holds("job.status != 'open'", &data),
        Err(missing("job.status"))
    );
    assert_eq!(
        text("Hello {{ candidate.full_name }}!", &data),
        Err(missing("candidate.full_name"))
    );
    let fault = &refused("a.x | lower | default('y')")[0];
    assert!(fault.message.contains("right behind the path"), "{fault}");
}

#[test]
fn the_path_named_is_the_one_that_was_needed() {
    let data = json!({"a": {"flag": false}, "c": {"z": 1}});
    let source = "a.x if a.flag else c.y";
    assert_eq!(eval(source, &data), Err(missing("c.y")));
    assert_eq!(eval("a.x if c.z == 1 else c.y", &data), Err(missing("a.x")));
    assert_eq!(
        eval("a.custom['cost centre'] == c.z", &data),
        Err(missing("a.custom['cost centre']"))
    );
}

#[test]
fn a_condition_that_is_false_without_the_path_does_not_wait() {
    let data = json!({"job": {"status": "closed"}});
    for source in [
        "job.status == 'open' and offer.version == 2",
        "offer.version == 2 and job.status == 'open'",
        "not (offer.version == 2 or job.status == 'closed')",
        "(offer.version == 2 or stage.name == 'x') and job.status == 'open'",
    ] {
        assert_eq!(holds(source, &data), Ok(false), "{source}");
    }
    assert_eq!(
        holds("offer.version == 2 or job.status == 'closed'", &data),
        Ok(true)
    );
    assert_eq!(
        holds("stage.name == 'x' and job.status == 'closed'", &data),
        Err(missing("stage.name"))
    );
    assert_eq!(
        holds("not stage.active or job.status == 'open'", &data),
        Err(missing("stage.active"))
    );
}

#[test]
fn comparisons_are_typed_and_hold_of_nothing_empty() {
    let data = json!({"x": {"n": 10, "f": 10.0, "s": "10", "nine": "9", "t": "abc", "e": null, "l": ["a", 2], "b": true}});
    assert_eq!(
        holds("x.n == 10 and x.n == x.f and x.n != x.t", &data),
        Ok(true)
    );
    assert_eq!(
        holds("x.n > 9 and x.n >= 10 and x.n < 11 and x.n <= 10", &data),
        Ok(true)
    );
    assert_eq!(holds("x.n > 10", &data), Ok(false));
    assert_eq!(holds("x.e < 5", &data), Ok(false));
    assert_eq!(holds("x.e > 5", &data), Ok(false));
    assert_eq!(holds("x.e >= 5", &data), Ok(false));
    assert_eq!(holds("x.e == none", &data), Ok(true));
    assert!(failed(eval("x.t > 5", &data)).contains("a number with a number"));
    // Scores and pay are decimal texts: ordered as numbers, equal to a number, not to another text.
    assert_eq!(
        holds("x.s > 9 and x.s > x.nine and x.s == 10", &data),
        Ok(true)
    );
    assert_eq!(holds("x.s == '10.0'", &data), Ok(false));
    assert_eq!(holds("'a' in x.l and 2 in x.l", &data), Ok(true));
    assert_eq!(holds("'b' not in x.l", &data), Ok(true));
    assert_eq!(holds("'1' in x.s", &data), Ok(true));
    assert_eq!(holds("'1' in x.e", &data), Ok(false));
    assert_eq!(holds("x.b and not x.e", &data), Ok(true));
    assert_eq!(holds("x.n > -1 and offer is not defined", &data), Ok(true));
}

#[test]
fn a_single_expression_keeps_its_type_and_a_text_is_a_text() {
    let data =
        json!({"a": {"n": 3, "f": 2.5, "e": null, "b": false, "l": [1, {"k": [null]}], "s": "x"}});
    assert_eq!(text("{{ a.n }}", &data), Ok(json!(3)));
    assert_eq!(text("{{ a.f }}", &data), Ok(json!(2.5)));
    assert_eq!(text("{{ a.e }}", &data), Ok(Value::Null));
    assert_eq!(text("{{ a.l }}", &data), Ok(json!([1, {"k": [null]}])));
    assert_eq!(
        text("{{ a.b if a.n == 3 else a.l }}", &data),
        Ok(json!(false))
    );
    assert_eq!(
        text("{{ a.n }}/{{ a.f }}/{{ a.e }}/{{ a.b }}/{{ a.s }}", &data),
        Ok(json!("3/2.5//false/x"))
    );
    assert_eq!(text(" {{ a.n }}", &data), Ok(json!(" 3")));
    assert_eq!(
        text("line\n", &data),
        Ok(json!("line\n")),
        "no newline is eaten"
    );
    assert_eq!(text("", &data), Ok(json!("")));
    assert_eq!(text("a } b }} c", &data), Ok(json!("a } b }} c")));
    assert_eq!(text("{{ '}}{{' }}<&>", &data), Ok(json!("}}{{<&>")));
    assert!(failed(text("x {{ a.l }}", &data)).contains("join"));
}

#[test]
fn data_is_never_read_as_source() {
    let evil = "{{ a.secret }} {% for x in y %} ') or true or ('";
    let data = json!({"a": {"s": evil, "secret": "no"}});
    assert_eq!(text("{{ a.s }}", &data), Ok(json!(evil)));
    assert_eq!(text("> {{ a.s }}", &data), Ok(json!(format!("> {evil}"))));
    assert_eq!(holds("a.s == 'x'", &data), Ok(false));
}

#[test]
fn filters_change_texts_and_lists() {
    let data = json!({"x": {
        "name": "  ANA o'brien-LÓPEZ ", "e": null, "l": ["b", null, "c", 3], "none": [],
        "tags": [{"id": "tag_1", "name": "remote"}], "n": 5
    }});
    for (source, wanted) in [
        ("x.name | trim | title", json!("Ana O'Brien-López")),
        ("x.name | trim | lower", json!("ana o'brien-lópez")),
        ("x.name | trim | upper", json!("ANA O'BRIEN-LÓPEZ")),
        (
            "x.name | trim | replace('ANA', 'Eva')",
            json!("Eva o'brien-LÓPEZ"),
        ),
        (
            "x.e | lower | title | trim | replace('a', 'b')",
            Value::Null,
        ),
        ("x.l | join(', ')", json!("b, c, 3")),
        ("x.l | join", json!("bc3")),
        ("x.e | join(', ')", json!("")),
        ("x.l | first", json!("b")),
        ("x.l | last", json!(3)),
        ("x.none | first", Value::Null),
        ("x.none | first | default('-', true)", json!("-")),
        ("x.l | length", json!(4)),
        ("x.e | length", json!(0)),
        ("x.name | trim | length", json!(17)),
        ("x.l[1]", Value::Null),
        ("x.l[0]", json!("b")),
        ("x.l[9]", Value::Null),
    ] {
        assert_eq!(value(source, &data), wanted, "{source}");
    }
    assert!(failed(eval("x.n | lower", &data)).contains("`lower` needs a text"));
    assert!(failed(eval("x.tags | join", &data)).contains("list of texts"));
}

#[test]
fn numbers_are_exact() {
    let data =
        json!({"o": {"pay": "85000.00", "n": 7, "f": 2.345, "e": null, "s": "abc", "l": [1]}});
    for (source, wanted) in [
        ("o.pay | mul(1.1)", json!("93500.00")),
        ("o.pay | mul(1.1) | round", json!("93500")),
        ("o.n | mul(12)", json!(84)),
        ("o.n | mul(-1)", json!(-7)),
        ("o.n | mul(0.5)", json!(3.5)),
        ("o.n | mul(o.n)", json!(49)),
        ("o.f | round(2)", json!(2.35)),
        ("o.f | round", json!(2)),
        ("o.e | mul(2) | round", Value::Null),
        ("o.n | mul(o.e)", Value::Null),
    ] {
        assert_eq!(value(source, &data), wanted, "{source}");
    }
    assert!(failed(eval("o.s | mul(2)", &data)).contains("numbers only"));
    assert!(failed(eval("o.l | mul(2)", &data)).contains("numbers only"));
    assert!(failed(eval("o.l | round", &data)).contains("needs a number"));
    assert!(
        refused("o.n | mul('abc')")[0]
            .message
            .contains("number only")
    );
    assert!(refused("o.n | round(99)")[0].message.contains("0 to 12"));
}

#[test]
fn dates_and_zones() {
    let data = json!({"x": {
        "at": "2026-03-29T00:30:00.000Z", "on": "2026-12-01", "bad": "soon", "e": null,
        "zone": "Asia/Tokyo", "nowhere": "Mars/Base"
    }});
    for (source, wanted) in [
        ("x.on | date('%d.%m.%Y')", json!("01.12.2026")),
        ("x.on | date", json!("2026-12-01")),
        ("x.at | date('%H:%M')", json!("00:30")),
        (
            "x.at | in_zone('Europe/Berlin') | date('%H:%M')",
            json!("01:30"),
        ),
        (
            "x.at | in_zone('America/New_York') | date('%Y-%m-%d')",
            json!("2026-03-28"),
        ),
        (
            "x.at | in_zone(x.zone) | date('%H:%M %Z')",
            json!("09:30 JST"),
        ),
        (
            "x.e | in_zone('Europe/Berlin') | date('%H:%M')",
            Value::Null,
        ),
    ] {
        assert_eq!(value(source, &data), wanted, "{source}");
    }
    assert!(failed(eval("x.on | in_zone('Europe/Berlin')", &data)).contains("same everywhere"));
    assert!(failed(eval("x.on | date('%H:%M')", &data)).contains("no time of day"));
    assert!(failed(eval("x.bad | date", &data)).contains("needs a date"));
    assert!(failed(eval("x.at | in_zone(x.nowhere)", &data)).contains("does not know"));
    assert!(
        refused("x.at | in_zone('Mars/Base')")[0]
            .message
            .contains("no time zone")
    );
    assert!(
        refused("x.at | date('%Q%!')")[0]
            .message
            .contains("no date format")
    );
}

#[test]
fn a_value_table_maps_by_text() {
    let data = json!({"x": {"s": "full_time", "n": 2, "b": true, "e": null, "o": "gig"}});
    let table = "map_to('full_time=FT', 'part_time = PT', '2=two', 'true=yes')";
    let with_default = "map_to('full_time=FT', default='other')";
    for (source, wanted) in [
        (format!("x.s | {table}"), json!("FT")),
        (format!("x.n | {table}"), json!("two")),
        (format!("x.b | {table}"), json!("yes")),
        (format!("x.e | {table}"), Value::Null),
        (format!("x.e | {with_default}"), json!("other")),
        (format!("x.o | {with_default}"), json!("other")),
        ("x.o | map_to('a=b', default=0)".into(), json!(0)),
        ("x.o | map_to('gig=a=b')".into(), json!("a=b")),
    ] {
        assert_eq!(value(&source, &data), wanted, "{source}");
    }
    let message = failed(eval("x.o | map_to('a=b')", &data));
    assert!(message.contains("no entry"), "{message}");
    assert!(
        !message.contains("gig"),
        "an error holds no value of the data"
    );
    for bad in [
        "x.o | map_to('a')",
        "x.o | map_to()",
        "x.o | map_to(default='a')",
        "x.o | map_to(y)",
        "x.o | map_to('a=b', 'a=c')",
        "x.o | map_to('a=b', other='c')",
    ] {
        refused(bad);
    }
}

#[test]
fn tags_are_asked_by_name_or_id_and_read_only_the_tags() {
    let data = json!({"candidate": {"tags": [{"id": "tag_1", "name": "remote"}, "night"]}});
    assert_eq!(holds("candidate.has_tag('remote')", &data), Ok(true));
    assert_eq!(holds("candidate.has_tag('tag_1')", &data), Ok(true));
    assert_eq!(holds("candidate.has_tag('night')", &data), Ok(true));
    assert_eq!(holds("candidate.has_tag('day')", &data), Ok(false));
    assert_eq!(
        holds("candidate.has_tag('x')", &json!({"candidate": {}})),
        Err(missing("candidate.tags"))
    );
    let condition = Condition::parse("candidate.has_tag('x')").expect("allowed");
    let paths: Vec<_> = condition.paths().map(ToString::to_string).collect();
    assert_eq!(paths, ["candidate.tags"]);
}

#[test]
fn people_across_tools_are_not_in_this_version() {
    let fault = &refused("job.hiring_manager | on('chat')")[0];
    assert!(fault.message.contains("does not have yet"), "{fault}");
}

#[test]
fn the_paths_read_are_known_at_load() {
    let source = "{{ candidate.full_name }} {{ offer.custom['cost_centre'] | default(job.code) }} {{ x.l[0].n }}";
    let text = Text::parse(source).expect("allowed");
    let paths: Vec<_> = text.paths().map(ToString::to_string).collect();
    assert_eq!(
        paths,
        [
            "candidate.full_name",
            "offer.custom.cost_centre",
            "job.code",
            "x.l.0.n"
        ]
    );
}

#[test]
fn what_grows_is_stopped_by_size_or_by_fuel() {
    let big = "a".repeat(200 * 1024);
    let data = json!({"x": {"a": "aaaaaaaaaaaaaaaa", "big": big}});
    let blow = "|replace('a', 'aaaaaaaaaaaaaaaa')".repeat(8);
    let message = failed(eval(&format!("x.a{blow}"), &data));
    assert!(message.contains("`replace` would make"), "{message}");
    // One step alone could make 600 MB; it is refused before it is made.
    let one = format!("x.big | replace('a', '{}')", "b".repeat(3000));
    let message = failed(eval(&one, &data));
    assert!(message.contains("`replace` would make"), "{message}");

    // Each step stays under the size limit; together they are too much work for what was read.
    let grow = "|replace('a', 'aaaaaaaaaaaaaaaa')".repeat(3) + "|replace('a', 'aaa')";
    assert!(eval(&format!("x.a{grow}"), &data).is_ok());
    let work = "|upper|lower".repeat(15);
    let message = failed(eval(&format!("x.a{grow}{work}"), &data));
    assert!(message.contains("too much work"), "{message}");

    let message = failed(text("{{ x.big }}{{ x.big }}", &data));
    assert!(message.contains("256 KB"), "{message}");

    let many = json!({"x": {"l": vec!["a".repeat(1000); 300]}});
    assert!(failed(eval("x.l", &many)).contains("256 KB"));
    let through = failed(eval("x.l if x.l is defined else none", &many));
    assert!(through.contains("256 KB"), "{through}");
    assert!(failed(eval("x.l | join", &many)).contains("256 KB"));
    assert_eq!(value("x.l | length", &many), json!(300));
    let huge = json!({"x": {"l": vec!["a".repeat(1 << 20); 17]}});
    assert!(failed(eval("x.l | length", &huge)).contains("16 MB"));
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!([deep]);
    }
    assert!(failed(eval("x.l", &json!({"x": {"l": deep}}))).contains("deeply"));
}

#[test]
fn an_error_holds_no_value_of_the_data() {
    let data = json!({"x": {"s": "Kowalczyk", "l": [{"n": "Kowalczyk"}]}});
    for source in [
        "x.s | date",
        "x.s | round",
        "x.s | mul(2)",
        "x.s > 3",
        "x.s | first",
        "x.l | join",
        "x.l | lower",
        "x.s | in_zone('Europe/Berlin')",
        "3 in x.s",
        "x.s | map_to('a=b')",
    ] {
        let error = eval(source, &data).expect_err("fails");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("Kowalczyk"), "{source}: {shown}");
    }
}
