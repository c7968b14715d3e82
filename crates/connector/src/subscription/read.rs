//! Reads `[subscription]` of `webhooks.toml`.

use super::{Call, Expect, HookCall, List, Row, SecretFrom, Subscription};
use crate::manifest::Reader;
use crate::paging::Paging;
use crate::path::{Path, scalar_text};
use crate::problem::nearest;
use crate::template::Shape;

const NAMES: &[&str] = &["id", "url", "event", "events", "secret"];

impl Subscription {
    /// `types`: the types of deliveries that the file knows.
    pub(crate) fn read(r: &Reader<'_>, types: &[&str]) -> Option<Subscription> {
        let one_for_all = r
            .word("each", &[("event", false), ("all", true)])
            .unwrap_or(false);
        let by_hand = known(r, "by_hand", types);
        let mut events = known(r, "events", types);
        if events.is_empty() {
            events = types
                .iter()
                .filter(|t| !by_hand.iter().any(|b| b == *t))
                .map(|t| (*t).to_owned())
                .collect();
            events.sort();
        }
        let secret = r.word(
            "secret",
            &[
                ("made", SecretWord::Made),
                ("returned", SecretWord::Returned),
            ],
        );
        let row = r.table("row").and_then(|t| {
            let row = (
                t.path("id"),
                t.path("url"),
                t.path("event"),
                t.path("enabled"),
                t.path("secret"),
            );
            t.done();
            Some(Row {
                id: row.0?,
                url: row.1?,
                event: row.2,
                enabled: row.3,
                secret: row.4,
            })
        });
        if row.is_none() {
            r.wrong("`row` should say where a webhook's `id` and `url` stand");
        }
        let expect = r.table("expect").map(|t| {
            let expect = Expect {
                at: t.path("at").unwrap_or_default(),
                holds: t.texts("holds"),
                events: known(&t, "events", types),
            };
            t.done();
            expect
        });
        let (mut calls, mut list) = (Vec::new(), None);
        for (key, which) in [
            ("list", HookCall::List),
            ("look", HookCall::Look),
            ("create", HookCall::Create),
            ("verify", HookCall::Verify),
            ("update", HookCall::Update),
            ("delete", HookCall::Delete),
        ] {
            let Some(t) = r.table(key) else { continue };
            if which == HookCall::List {
                list = Some(List {
                    rows: t.path("rows").or_else(|| Path::parse("."))?,
                    paging: t.table("paging").map_or_else(Paging::default, |p| {
                        let paging = Paging::read(&p);
                        p.done();
                        paging
                    }),
                });
            }
            calls.extend(call(&t).map(|c| (which, c)));
            t.done();
        }
        let subscription = Subscription {
            one_for_all,
            events,
            by_hand,
            scope: r.text("scope"),
            say: r.text("say"),
            secret: match secret {
                Some(SecretWord::Made) => SecretFrom::Made,
                Some(SecretWord::Returned) => SecretFrom::Returned,
                None => SecretFrom::Nowhere,
            },
            row: row?,
            expect,
            list,
            calls,
        };
        subscription.holds_together(r);
        Some(subscription)
    }

    fn holds_together(&self, r: &Reader<'_>) {
        for (key, call) in [("create", HookCall::Create), ("delete", HookCall::Delete)] {
            if !self.can(call) {
                r.wrong(format!("`[subscription.{key}]` is missing"));
            }
        }
        if !self.can(HookCall::List) && !self.can(HookCall::Look) {
            r.wrong("`[subscription.list]` is missing, or `look` where the vendor has no list");
        }
        let hands_over = |call: HookCall| {
            let call = self.call(call);
            call.is_none_or(|c| c.names().contains(&"secret"))
        };
        if self.secret == SecretFrom::Made && !hands_over(HookCall::Create) {
            r.wrong_at(
                "create",
                "the secret is made by us, and `create` does not hand it over: put `{secret}` into its body",
            );
        }
        if self.secret == SecretFrom::Returned && self.row.secret.is_none() {
            r.wrong_at(
                "row",
                "the vendor returns the secret: `row.secret` should say where it stands",
            );
        }
        if !self.one_for_all && self.row.event.is_none() {
            r.wrong_at(
                "row",
                "there is one webhook per type: `row.event` should say where its type stands",
            );
        }
    }
}

#[derive(Clone, Copy)]
enum SecretWord {
    Made,
    Returned,
}

impl Call {
    fn names(&self) -> Vec<&str> {
        let path = self.path.names();
        path.chain(self.body.iter().flat_map(Shape::names))
            .collect()
    }
}

fn call(t: &Reader<'_>) -> Option<Call> {
    let methods = [
        ("get", "GET"),
        ("post", "POST"),
        ("put", "PUT"),
        ("patch", "PATCH"),
        ("delete", "DELETE"),
    ];
    let mut told = methods
        .into_iter()
        .filter_map(|(key, method)| Some((method, t.template(key)?)));
    let first = told.next();
    if told.next().is_some() || first.is_none() {
        t.wrong("a call says one of `get`, `post`, `put`, `patch`, `delete`, with its path");
    }
    let (method, path) = first?;
    let body = t.value("body").and_then(|v| match Shape::parse(&v) {
        Ok(shape) => Some(shape),
        Err(why) => {
            t.wrong_at("body", why);
            None
        }
    });
    let query = t.map("query").unwrap_or_default();
    let mut at = t.paths("at");
    if at.is_empty() {
        at.extend(Path::parse("."));
    }
    let call = Call {
        method,
        path,
        query: query
            .iter()
            .filter_map(|(k, v)| Some((k.clone(), scalar_text(v)?)))
            .collect(),
        body,
        at,
    };
    for name in call.names().into_iter().filter(|n| !NAMES.contains(n)) {
        let hint = nearest(name, NAMES.iter().copied())
            .map(|w| format!("; did you mean `{w}`?"))
            .unwrap_or_default();
        t.wrong(format!("`{{{name}}}` can have no value here{hint}"));
    }
    Some(call)
}

fn known(r: &Reader<'_>, key: &'static str, types: &[&str]) -> Vec<String> {
    let all = r.texts(key);
    for word in all.iter().filter(|w| !types.contains(&w.as_str())) {
        let hint = nearest(word, types.iter().copied())
            .map(|w| format!("; did you mean `{w}`?"))
            .unwrap_or_default();
        r.wrong_at(key, format!("`[events]` has no type `{word}`{hint}"));
    }
    all
}
