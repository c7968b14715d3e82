//! A folder's files become a connector, or a list of everything that is wrong with them. Reads texts, never the disk.

use crate::auth::Auth;
use crate::intake::Intake;
use crate::limits::LimitSpec;
use crate::manifest::{Doc, Reader, Sink};
use crate::mapping::{Shapes, read_shapes};
use crate::outcome::Reading;
use crate::paging::Paging;
use crate::path::scalar_text;
use crate::problem::{Problem, nearest};
use crate::protect::Protected;
use crate::settings::{Field, Settings, read_fields};
use crate::stream::{Since, Stream, read_streams};
use crate::subscription::{SecretFrom, Subscription};
use crate::template::Template;
use crate::write::read::Actions;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The files a folder may have.
pub const FILES: &[&str] = &[
    "connector.toml",
    "streams.toml",
    "webhooks.toml",
    "mapping.toml",
    "actions.toml",
];

/// One vendor, as data.
#[derive(Debug)]
pub struct Connector {
    /// The folder's name, and the first part of its actions' names.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is: `ats`, `chat`, `http` …
    pub kind: String,
    /// SHA-256 over its files.
    pub hash: [u8; 32],
    /// The day a person last compared the folder with the vendor's documentation.
    pub checked_on: String,
    /// What the connect form asks for.
    pub fields: Vec<Field>,
    /// Every connection must name its own address.
    pub base_url_required: bool,
    pub(crate) base_url: Option<String>,
    pub(crate) auth: Vec<Auth>,
    pub(crate) check: Option<Check>,
    pub(crate) limits: LimitSpec,
    pub(crate) reading: Reading,
    pub(crate) granted: Option<String>,
    pub(crate) protected: Protected,
    pub(crate) shapes: Shapes,
    pub(crate) intake: Option<Intake>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) actions: Actions,
}

/// "Test connection".
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) method: String,
    pub(crate) path: Template,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<serde_json::Map<String, serde_json::Value>>,
    pub(crate) scope: Option<String>,
    pub(crate) auth: Option<String>,
}

impl Connector {
    /// Reads a folder's files by their names; other files are left alone. All problems at once.
    pub fn load(name: &str, files: &BTreeMap<String, String>) -> Result<Connector, Vec<Problem>> {
        let sink = Sink::default();
        for file in files
            .keys()
            .filter(|f| f.ends_with(".toml") && !f.contains('/') && !FILES.contains(&f.as_str()))
        {
            let mut problem =
                Problem::of_file(file, "no such file belongs in a connector's folder");
            problem.hint =
                nearest(file, FILES.iter().copied()).map(|w| format!("did you mean `{w}`?"));
            sink.push(problem);
        }
        let doc = |file: &str| Doc::parse(file, files.get(file).map_or("", String::as_str), &sink);
        if !files.contains_key("connector.toml") {
            sink.push(Problem::of_file("connector.toml", "the file is missing"));
        }
        let main = doc("connector.toml");
        let r = Reader::new(&main.root, &sink);
        match r.number("format") {
            Some(1) => {}
            Some(_) => r.wrong_at("format", "only `format = 1` is known"),
            None => r.wrong("`format = 1` is missing"),
        }
        let id = r.need("id");
        if id != name
            || id.is_empty()
            || !id
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        {
            r.wrong_at(
                "id",
                format!(
                    "`id` must be the folder's name, `{name}`, in small letters, digits and `-`"
                ),
            );
        }
        let fields = read_fields(&r);
        let auth: Vec<Auth> = r
            .named("auth")
            .into_iter()
            .filter_map(|(name, a)| {
                let auth = Auth::read(name, &a);
                a.done();
                auth
            })
            .collect();
        for (auth, missing) in auth
            .iter()
            .flat_map(|a| {
                let required = a.requires.iter().map(String::as_str);
                required.chain(a.uses()).map(move |f| (a, f))
            })
            .filter(|(_, f)| !fields.iter().any(|k| k.key == *f))
        {
            let hint = nearest(missing, fields.iter().map(|f| f.key.as_str()))
                .map(|w| format!("; did you mean `{w}`?"));
            r.wrong_at(
                "auth",
                format!(
                    "`[auth.{}]` wants the field `{missing}`, which is not in `[fields]`{}",
                    auth.name,
                    hint.unwrap_or_default()
                ),
            );
        }
        let check = r.table("check").map(|c| {
            let get = c.template("get");
            let check = Check {
                method: if get.is_some() {
                    "GET".into()
                } else {
                    "POST".into()
                },
                path: get.or_else(|| c.template("post")).unwrap_or_default(),
                query: c
                    .map("query")
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|(k, v)| Some((k.clone(), scalar_text(v)?)))
                    .collect(),
                body: c.map("body"),
                scope: c.text("scope"),
                auth: c.text("auth"),
            };
            c.done();
            check
        });
        let limits = r.table("limits").map_or_else(LimitSpec::default, |l| {
            let limits = LimitSpec::read(&l);
            l.done();
            limits
        });
        let paging = r.table("paging").map_or_else(Paging::default, |p| {
            let paging = Paging::read(&p);
            p.done();
            paging
        });
        let reading = r.table("answers").map_or_else(Reading::default, |a| {
            let reading = Reading::read(&a);
            a.done();
            reading
        });
        let protected = r.table("protected").map_or_else(Protected::default, |p| {
            let protected = Protected::read(&p);
            p.done();
            protected
        });
        let mapping = doc("mapping.toml");
        let shapes = read_shapes(&mapping.root, &protected, &sink);
        let intake = files.contains_key("webhooks.toml").then(|| {
            let mut intake = Intake::read(&doc("webhooks.toml").root, &shapes, &sink);
            intake.spec.cuts = !protected.is_empty();
            intake
        });
        if let Some(secret) = intake
            .as_ref()
            .and_then(|i| i.spec.secret_field.as_ref())
            .filter(|s| !fields.iter().any(|f| f.key == **s))
        {
            sink.push(Problem::of_file(
                "webhooks.toml",
                format!("`verify.secret` wants the field `{secret}`, which is not in `[fields]`"),
            ));
        }
        let own = intake.as_ref().filter(|i| {
            let own = |s: &Subscription| !s.one_for_all && s.secret != SecretFrom::Nowhere;
            i.subscription.as_ref().is_some_and(own)
        });
        if let Some(field) = own.and_then(|i| i.spec.secret_field.as_ref())
            && fields.iter().any(|f| f.key == *field && !f.many)
        {
            sink.push(Problem::of_file(
                "connector.toml",
                format!(
                    "each webhook has its own secret, so the field `{field}` must say `many = true`"
                ),
            ));
        }
        let streams = read_streams(&doc("streams.toml").root, &shapes, &paging, &sink);
        for (event, entity) in intake.iter().flat_map(Intake::reads) {
            let polled =
                |s: &Stream| s.shows.contains(&entity) && s.lists() && s.since != Since::Never;
            if !streams
                .iter()
                .any(|s| s.plan(entity).is_some() || polled(s))
            {
                sink.push(Problem::of_file(
                    "webhooks.toml",
                    format!("`{event}` wants a read of a {entity}, and no stream can be asked for one by its id, or for what changed"),
                ));
            }
        }
        let open_fields: Vec<String> = fields
            .iter()
            .filter(|f| !f.secret)
            .map(|f| f.key.clone())
            .collect();
        let actions = Actions::read(&doc("actions.toml").root, &paging, &open_fields, &sink);
        for action in actions.all.iter().filter(|a| {
            a.auth
                .as_ref()
                .is_some_and(|n| !auth.iter().any(|x| x.name == *n))
        }) {
            sink.push(Problem::of_file(
                "actions.toml",
                format!(
                    "`{}` wants `[auth.{}]`, which is not there",
                    action.variant,
                    action.auth.as_deref().unwrap_or_default()
                ),
            ));
        }
        let connector = Connector {
            name: r.need("name"),
            kind: r.need("kind"),
            hash: hash(files),
            checked_on: r.need("checked_on"),
            base_url: r.text("base_url"),
            base_url_required: r.flag("base_url_required"),
            granted: r.text("granted_scopes"),
            id,
            fields,
            auth,
            check,
            limits,
            reading,
            protected,
            shapes,
            intake,
            streams,
            actions,
        };
        r.done();
        let problems = sink.take();
        if problems.is_empty() {
            Ok(connector)
        } else {
            Err(problems)
        }
    }

    /// What is wrong with what a connection has filled in; no values in it.
    pub fn check_settings(&self, settings: &Settings) -> Vec<String> {
        let mut wrong = Vec::new();
        for key in settings
            .fields
            .keys()
            .filter(|k| !self.fields.iter().any(|f| f.key == **k))
        {
            let hint = nearest(key, self.fields.iter().map(|f| f.key.as_str()))
                .map(|w| format!("; did you mean `{w}`?"));
            wrong.push(format!(
                "{} has no field `{key}`{}",
                self.name,
                hint.unwrap_or_default()
            ));
        }
        for field in &self.fields {
            match settings.get(&field.key) {
                None if field.required => wrong.push(format!("`{}` is not filled in", field.key)),
                Some(value)
                    if !field.one_of.is_empty() && !field.one_of.iter().any(|o| o == value) =>
                {
                    wrong.push(format!(
                        "`{}` must be one of {}",
                        field.key,
                        field.one_of.join(", ")
                    ));
                }
                _ => {}
            }
        }
        for (name, url) in [
            ("base_url", &settings.base_url),
            ("auth_url", &settings.auth_url),
        ] {
            if url
                .as_ref()
                .is_some_and(|u| crate::http::origin(u).is_none())
            {
                wrong.push(format!(
                    "`{name}` must be an address such as https://example.com"
                ));
            }
        }
        if self.base_url_required && settings.base_url.is_none() {
            wrong.push("`base_url` is not filled in: the address to call".into());
        }
        match self.auth(settings) {
            Err(why) => wrong.push(why.to_string()),
            Ok(auth) => wrong.extend(auth.wrong(settings)),
        }
        wrong
    }
}

fn hash(files: &BTreeMap<String, String>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for file in FILES {
        if let Some(text) = files.get(*file) {
            hasher.update(file.as_bytes());
            hasher.update([0]);
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hasher.finalize().into()
}
