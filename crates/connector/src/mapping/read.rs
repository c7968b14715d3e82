//! Reads `mapping.toml`.

use super::field::{But, Field, From, How};
use super::form::Form;
use super::report::Columns;
use super::{Custom, Embed, Index, SeenAs, Shape, Shapes};
use crate::manifest::{Node, Reader, Sink, Table, named_tables};
use crate::path::Path;
use crate::problem::nearest;
use crate::protect::Protected;
use stagewire_model::Entity;
use std::collections::HashMap;

/// Tables and words of the file that are no shapes.
const RESERVED: &[&str] = &["custom", "format", "times"];

/// All shapes of a file, in its order.
pub(crate) fn read_shapes(root: &Table, protected: &Protected, sink: &Sink) -> Shapes {
    let mut shapes = Shapes::default();
    if let Some(table) = root.get("custom").and_then(|n| n.table()) {
        let r = Reader::new(table, sink);
        shapes.custom = Custom::read(&r, protected.clone());
        r.done();
    }
    let ms = match root.get("times").map(|n| n.text()) {
        None => false,
        Some(Some("ms")) => true,
        Some(_) => {
            Reader::new(root, sink).wrong_at(
                "times",
                "`times` can only be \"ms\": numbers are milliseconds since 1970",
            );
            false
        }
    };
    for (name, r) in named_tables(root, None, RESERVED, sink) {
        if let Some(mut shape) = read_shape(&name, &r) {
            if ms {
                shape.ms = true;
                shape.fields.iter_mut().for_each(Field::in_ms);
            }
            shapes.by_name.insert(name, shapes.all.len());
            shapes.all.push(shape);
        }
        r.done();
    }
    for (shape, table) in shapes
        .all
        .iter()
        .zip(named_tables(root, None, RESERVED, sink))
    {
        for embed in shape
            .embeds
            .iter()
            .filter(|e| !shapes.by_name.contains_key(&e.shape))
        {
            let hint = nearest(&embed.shape, shapes.by_name.keys().map(String::as_str))
                .map(|w| format!("; did you mean `{w}`?"));
            table.1.wrong(format!(
                "no shape is called `{}`{}",
                embed.shape,
                hint.unwrap_or_default()
            ));
        }
    }
    shapes
}

fn read_shape(name: &str, r: &Reader<'_>) -> Option<Shape> {
    let entity = r.need("entity");
    let entity = match Entity::parse(&entity) {
        Some(entity) => Some(entity),
        None => {
            r.wrong_at("entity", format!("the model has no entity `{entity}`"));
            None
        }
    };
    let (ids, parts) = (r.paths("id"), r.paths("key"));
    if ids.is_empty() == parts.is_empty() {
        r.wrong("`id` is missing, or `key` where several paths make the id; never both");
    }
    let spread = r.path("spread");
    let columns = Columns::read(r);
    let dates = dates(r);
    let own = own(r);
    let seen = seen(r);
    let id_as = r.text("id_as");
    let complete = r.flag("complete");
    let custom = r.path("custom");
    let mut fields: Vec<Field> = Vec::new();
    if let Some(table) = r.table("fields") {
        for (key, node) in table.entries() {
            fields.extend(read_field(key, node, &table));
        }
    }
    let embeds: Vec<Embed> = r
        .tables("embeds")
        .into_iter()
        .filter_map(|e| {
            let embed = Embed {
                at: e.path("at")?,
                shape: e.need("as"),
                deleted: e.flag("deleted"),
                only_here: e.flag("only_here"),
                split: e.text("split"),
            };
            e.done();
            Some(embed)
        })
        .collect();
    let drop = r.texts("drop");
    let index: Vec<Index> = r
        .tables("index")
        .into_iter()
        .filter_map(|i| {
            let index = (i.path("at"), i.path("by"), i.need("as"));
            if index.0.is_none() || index.1.is_none() {
                i.wrong("an index says the list it is `at`, the word it goes `by`, and what it is called (`as`)");
            }
            i.done();
            Some(Index {
                at: index.0?,
                by: index.1?,
                name: index.2,
            })
        })
        .collect();
    let deleted_if = r.path("deleted_if");
    let required = r.paths("required");
    let taken = r
        .word("rest", &[("extra", true), ("drop", false)])
        .unwrap_or(false)
        .then(|| {
            let mut taken: Vec<String> = drop;
            taken.extend(ids.iter().chain(&parts).filter_map(key));
            taken.extend(dates.iter().filter_map(|(_, p)| key(p)));
            taken.extend(own.iter().filter_map(|(_, _, p)| key(p)));
            taken.extend(embeds.iter().filter_map(|e| key(&e.at)));
            taken.extend(custom.iter().filter_map(key));
            taken.extend(deleted_if.iter().filter_map(key));
            taken.extend(index.iter().filter_map(|i| key(&i.at)));
            for field in &fields {
                keys_of(field, &mut taken);
            }
            taken.sort();
            taken.dedup();
            taken
        });
    if let Some(columns) = &columns {
        let mut used: Vec<&Path> = fields.iter().flat_map(at_of).collect();
        used.extend(ids.iter().chain(&parts).chain(&required));
        used.extend(dates.iter().map(|(_, p)| p));
        used.extend(own.iter().map(|(_, _, p)| p));
        used.extend(embeds.iter().map(|e| &e.at));
        let reached: Vec<&str> = index.iter().map(|i| i.name.as_str()).collect();
        columns.check(used.into_iter(), &reached, r);
    }
    let root = r.path("root");
    let entity = entity?;
    if matches!(seen, SeenAs::Part(_)) && entity == Entity::Application {
        r.wrong_at("part", "an application comes as one row, with its history");
    }
    if ids.is_empty() && parts.is_empty() {
        return None;
    }
    Some(Shape {
        name: name.to_owned(),
        entity,
        root,
        ids,
        id_as,
        key: parts,
        spread,
        columns,
        fields,
        dates,
        own,
        seen,
        complete,
        custom,
        taken,
        embeds,
        required,
        ms: false,
        index,
        deleted_if,
    })
}

fn key(path: &Path) -> Option<String> {
    path.first_key().map(str::to_owned)
}

fn keys_of(field: &Field, taken: &mut Vec<String>) {
    match &field.from {
        From::First(paths) | From::All(paths) => taken.extend(paths.iter().filter_map(key)),
        From::Lists(fields) => fields.iter().for_each(|f| keys_of(f, taken)),
        From::Form(form) => taken.extend([&form.form, &form.values].into_iter().filter_map(key)),
        From::Up(_) | From::Fixed(_) => {}
    }
}

/// The paths a field is taken from, and those that speak against it.
fn at_of(field: &Field) -> Vec<&Path> {
    let from: &[Path] = match &field.from {
        From::First(paths) | From::All(paths) => paths,
        From::Lists(_) | From::Form(_) | From::Up(_) | From::Fixed(_) => &[],
    };
    from.iter()
        .chain(field.but.iter().flat_map(|b| &b.at))
        .collect()
}

/// `dates = ["updated_at"]`, or `{ name = "path" }` where the name differs.
fn dates(r: &Reader<'_>) -> Vec<(String, Path)> {
    match r.node("dates").map(|n| n.table().is_some()) {
        Some(true) => r
            .text_map("dates")
            .into_iter()
            .filter_map(|(name, p)| Some((name, Path::parse(&p)?)))
            .collect(),
        _ => r
            .paths("dates")
            .into_iter()
            .map(|p| (p.last_key().to_owned(), p))
            .collect(),
    }
}

/// `own = { applied = "applied_at", entered = "created_at as entered_at" }`
fn own(r: &Reader<'_>) -> Vec<(String, String, Path)> {
    r.text_map("own")
        .into_iter()
        .filter_map(|(state, text)| {
            let (path, name) = text
                .split_once(" as ")
                .map_or((text.as_str(), None), |(p, n)| (p, Some(n)));
            let path = Path::parse(path)?;
            Some((
                state,
                name.unwrap_or_else(|| path.last_key()).to_owned(),
                path,
            ))
        })
        .collect()
}

fn seen(r: &Reader<'_>) -> SeenAs {
    if r.flag("deleted") {
        return SeenAs::Deleted;
    }
    if r.flag("history") {
        return SeenAs::History;
    }
    if let Some(row) = r.path("part") {
        return SeenAs::Part(row);
    }
    let into = r.paths("merged_into");
    if !into.is_empty() {
        return SeenAs::Merged(into);
    }
    let wipes = r.map("wipes").unwrap_or_default();
    match r.path("anonymized") {
        Some(path) => {
            let words = |v: &serde_json::Value| match v {
                serde_json::Value::Array(items) => items
                    .iter()
                    .filter_map(|i| i.as_str().map(str::to_owned))
                    .collect(),
                one => one.as_str().map(|s| vec![s.to_owned()]).unwrap_or_default(),
            };
            SeenAs::Anonymized(
                path,
                wipes
                    .iter()
                    .map(|(word, ours)| (word.clone(), words(ours)))
                    .collect(),
            )
        }
        None => SeenAs::Present,
    }
}

fn read_field(name: &str, node: &Node, around: &Reader<'_>) -> Option<Field> {
    let plain = |from, how| Field {
        name: name.to_owned(),
        from,
        how,
        each: None,
        split: None,
        but: Vec::new(),
        raw: false,
        null_if: None,
        needs: None,
        glue: None,
        plus_minutes: None,
    };
    if let Some(text) = node.text() {
        let Some(path) = Path::parse(text) else {
            around.wrong(format!("`{name}`: `{text}` is no path"));
            return None;
        };
        return Some(plain(From::First(vec![path]), How::Keep));
    }
    let Some(table) = node.table() else {
        around.wrong(format!("`{name}` should be a path or a table"));
        return None;
    };
    let r = Reader::new(table, around.sink());
    let field = field_table(name, &r);
    r.done();
    field
}

fn field_table(name: &str, r: &Reader<'_>) -> Option<Field> {
    let at = r.paths("at");
    let up = r.paths("up");
    let join = r.paths("join");
    let fixed = if r.flag("null") {
        Some(serde_json::Value::Null)
    } else {
        r.value("const")
    };
    let lists: Vec<Field> = r
        .tables("lists")
        .into_iter()
        .filter_map(|t| {
            let field = field_table(name, &t);
            t.done();
            field
        })
        .collect();
    let each = r.path("each");
    let split = r.text("split").filter(|s| !s.is_empty());
    let null_if = r.path("null_if");
    let needs = r.path("needs");
    let glue = r.text("glue");
    let plus_minutes = r.path("plus_minutes");
    let but = r
        .tables("but")
        .into_iter()
        .map(|b| {
            let is = match b.value("is") {
                Some(serde_json::Value::Array(items)) => {
                    items.iter().filter_map(crate::path::scalar_text).collect()
                }
                Some(one) => crate::path::scalar_text(&one).into_iter().collect(),
                None => Vec::new(),
            };
            let but = But {
                at: b.paths("at"),
                is,
                only: b.texts("only"),
                gives: b.value("gives").unwrap_or_else(|| {
                    b.wrong("`gives` is missing");
                    serde_json::Value::Null
                }),
            };
            b.done();
            but
        })
        .collect();
    let form = r.path("form").map(|form| Form {
        form,
        values: r.path("values").unwrap_or_default(),
    });
    let (how, words) = how(r)?;
    let raw = r.maybe_flag("raw").unwrap_or(words);
    let ways = [
        !at.is_empty(),
        !up.is_empty(),
        !join.is_empty(),
        fixed.is_some(),
        !lists.is_empty(),
        form.is_some(),
    ];
    if ways.iter().filter(|w| **w).count() != 1 {
        r.wrong(format!(
            "`{name}` needs one of `at`, `up`, `join`, `lists`, `form`, `const`, `null`"
        ));
        return None;
    }
    let from = match fixed {
        Some(fixed) => From::Fixed(fixed),
        None if form.is_some() => From::Form(form.unwrap_or_default()),
        None if !up.is_empty() => From::Up(up),
        None if !join.is_empty() => From::All(join),
        None if !lists.is_empty() => From::Lists(lists),
        None => From::First(at),
    };
    Some(Field {
        name: name.to_owned(),
        from,
        how,
        each,
        split,
        but,
        raw,
        null_if,
        needs,
        glue,
        plus_minutes,
    })
}

/// How the value is converted, and whether the vendor's word is kept beside it.
fn how(r: &Reader<'_>) -> Option<(How, bool)> {
    let reference = r.text("ref");
    let (id_as, take) = (r.text("id_as"), r.text("take"));
    if let (Some(take), Some(entity)) = (&take, &reference)
        && !take.starts_with("extra.")
        && stagewire_model::fields::field(entity, take).is_none()
    {
        r.wrong_at("take", format!("`{entity}` has no field `{take}`"));
    }
    let take_as = r.text("take_as").and_then(|name| {
        let entity = Entity::parse(&name);
        if entity.is_none() {
            r.wrong_at("take_as", format!("there is no entity `{name}`"));
        }
        entity
    });
    let map: HashMap<String, String> = r.text_map("map").into_iter().collect();
    let otherwise = r.text("otherwise");
    let guess = r.text_map("guess");
    // The model's `kind_source` beside `kind`: a guess says that it is one.
    let marked = r.flag("marked");
    let object: Option<Vec<Field>> = r.table("object").map(|t| {
        t.entries()
            .filter_map(|(key, node)| read_field(key, node, &t))
            .collect()
    });
    let not = r.flag("not");
    #[derive(Clone, Copy)]
    enum Parse {
        Text,
        Flag,
        Whole,
        Decimal,
        Instant,
        Date,
        Absent,
    }
    let parse = r.word(
        "parse",
        &[
            ("text", Parse::Text),
            ("bool", Parse::Flag),
            ("int", Parse::Whole),
            ("decimal", Parse::Decimal),
            ("instant", Parse::Instant),
            ("date", Parse::Date),
            ("absent", Parse::Absent),
        ],
    );
    if let Some(entity) = reference {
        return match Entity::parse(&entity) {
            Some(entity) => {
                let how = How::Ref {
                    entity,
                    id_as,
                    take,
                    take_as,
                };
                Some((how, false))
            }
            None => {
                r.wrong_at("ref", format!("the model has no entity `{entity}`"));
                None
            }
        };
    }
    if let (Some(Parse::Flag), false) = (parse, map.is_empty()) {
        let words = map.into_iter().map(|(word, told)| (word, told == "true"));
        let words = words.collect();
        return Some((How::Flag { not, words }, false));
    }
    if !map.is_empty() {
        return Some((
            How::Words {
                table: map,
                otherwise,
            },
            true,
        ));
    }
    if !guess.is_empty() {
        return Some((
            How::Guess {
                words: guess,
                marked,
            },
            false,
        ));
    }
    if let Some(fields) = object {
        return Some((How::Object(fields), false));
    }
    Some((
        match parse {
            Some(Parse::Text) => How::Text,
            Some(Parse::Flag) => How::Flag {
                not,
                words: HashMap::new(),
            },
            Some(Parse::Whole) => How::Whole,
            Some(Parse::Decimal) => How::Decimal,
            Some(Parse::Instant) => How::Instant { ms: false },
            Some(Parse::Date) => How::Date { ms: false },
            Some(Parse::Absent) => How::Absent,
            None => How::Keep,
        },
        false,
    ))
}
