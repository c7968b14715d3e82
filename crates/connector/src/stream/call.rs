//! One way to ask a stream: method, path, fixed parameters, where the rows stand. Fills values into their places, each quoted for
//! its place; knows no pages.

use crate::http::{Request, encode};
use crate::manifest::Reader;
use crate::paging::{ScanError, set_param};
use crate::path::{Path, scalar_text};
use crate::settings::Settings;
use crate::template::{Shape, Template, plain};
use crate::xml::escape;
use serde_json::{Map, Value, json};
use stagewire_model::Micros;

/// How a vendor wants times in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Times {
    /// `2026-11-23T18:57:04.120Z`
    #[default]
    Iso,
    /// Milliseconds since 1970.
    Millis,
    /// Seconds since 1970.
    Seconds,
    /// `2026-11-23`
    Date,
}

impl Times {
    pub(crate) fn value(self, at: Micros) -> Value {
        match self {
            Times::Iso => json!(at.text()),
            Times::Millis => json!(at.0.div_euclid(1000)),
            Times::Seconds => json!(at.seconds()),
            Times::Date => json!(at.text().chars().take(10).collect::<String>()),
        }
    }
}

/// One way to ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    post: bool,
    path: Template,
    /// Fixed parameters: in the query of a GET, in the body of a POST.
    params: Vec<(String, Shape)>,
    /// What stands in the body of a SOAP envelope, in place of parameters.
    soap: Option<Template>,
    /// Where the rows stand in the answer.
    pub(crate) rows: Path,
    /// A single object stands for a list of one, and a bare list needs no envelope.
    pub(crate) one_or_many: bool,
    /// Where rows are missing and this is there, there are none.
    empty_if: Option<Path>,
}

impl Call {
    /// Reads `get` or `post` with `query` or `body`; `None` where neither is there.
    pub(crate) fn read(r: &Reader<'_>) -> Option<Call> {
        let (get, post) = (r.template("get"), r.template("post"));
        let (path, post) = match (get, post) {
            (Some(_), Some(_)) => {
                r.wrong_at("post", "`get` and `post` do not go together");
                return None;
            }
            (Some(path), None) => (path, false),
            (None, Some(path)) => (path, true),
            (None, None) => return None,
        };
        let soap = r.template("soap");
        if soap.is_some() && (!post || r.has("body")) {
            r.wrong_at("soap", "`soap` goes with `post`, and in place of `body`");
        }
        let key = if post { "body" } else { "query" };
        let mut params = Vec::new();
        for (name, value) in r.map(key).unwrap_or_default() {
            match Shape::parse(&value) {
                Ok(shape) => params.push((name, shape)),
                Err(why) => r.wrong_at(key, why),
            }
        }
        Some(Call {
            post,
            path,
            params,
            soap,
            rows: r
                .path("rows")
                .or_else(|| Path::parse("."))
                .unwrap_or_default(),
            one_or_many: r.flag("one_or_many"),
            empty_if: r.path("empty_if"),
        })
    }

    /// The path without values, as requests carry it for the log.
    pub(crate) fn template(&self) -> String {
        self.path.pattern()
    }

    /// The parameter that holds nothing but this name.
    pub(crate) fn param_of(&self, name: &str) -> Option<&str> {
        let holds = |(_, shape): &&(String, Shape)| shape.names() == [name];
        self.params
            .iter()
            .find(holds)
            .map(|(param, _)| param.as_str())
    }

    /// The value that stands for `{id}` in the path of an address.
    pub(crate) fn id_in(&self, url: &str) -> Option<String> {
        let pattern = self.path.pattern();
        let (before, after) = pattern.split_once("{id}")?;
        let path = url.split('?').next()?.strip_suffix(after)?;
        let id = path.rsplit('/').next().filter(|_| before.ends_with('/'))?;
        decoded(id)
    }

    /// Whether it carries a SOAP envelope.
    pub(crate) fn is_soap(&self) -> bool {
        self.soap.is_some()
    }

    /// The names in it.
    pub(crate) fn names(&self) -> Vec<&str> {
        let fixed = self.params.iter().flat_map(|(_, s)| s.names());
        let soap = self.soap.iter().flat_map(Template::names);
        self.path.names().chain(fixed).chain(soap).collect()
    }

    /// The request: `values` fill the names, then the connection's fields do.
    pub(crate) fn request(
        &self,
        base: &str,
        settings: &Settings,
        values: &[(&str, Value)],
        more: &[(String, Value)],
    ) -> Result<Request, ScanError> {
        let get = |name: &str| {
            let own = values.iter().find(|(n, _)| *n == name);
            own.map(|(_, v)| v.clone())
                .or_else(|| settings.get(name).map(Value::from))
        };
        let lacks = |_| ScanError::NotSupported;
        let path = self.path.fill(&get, encode).map_err(lacks)?;
        let mut request = Request::get(format!("{base}{path}"), self.path.pattern());
        let mut more = more.to_vec();
        if let Some(soap) = &self.soap {
            let (parts, others): (Vec<_>, Vec<_>) = more
                .into_iter()
                .partition(|(name, _)| soap.names().any(|n| n == name));
            more = others;
            let quoted = |name: &str| {
                // a part is XML of the manifest's own; whatever is put into it was quoted then
                let part = parts.iter().find(|(n, _)| n == name);
                let value = part.map(|(_, v)| v.clone());
                value.or_else(|| Some(escape(&scalar_text(&get(name)?)?).into()))
            };
            let body = soap.fill(&quoted, plain).map_err(lacks)?;
            request.method = "POST".into();
            request.set_header("content-type", crate::soap::CONTENT_TYPE);
            request.set_header("accept", "text/xml");
            request.set_header("soapaction", "\"\"");
            request.body = crate::soap::envelope(&body).into_bytes();
        } else if self.post {
            request.method = "POST".into();
            request.set_header("content-type", "application/json");
            request.body = Value::Object(Map::new()).to_string().into_bytes();
        }
        for (name, shape) in &self.params {
            if let Some(value) = shape.fill(&get, &|_| false).map_err(lacks)? {
                set_param(&mut request, name, &value)?;
            }
        }
        for (name, value) in &more {
            set_param(&mut request, name, value)?;
        }
        Ok(request)
    }

    /// The rows of an answer's body.
    pub(crate) fn rows_of(&self, mut body: Value) -> Result<Vec<Value>, ScanError> {
        match (self.rows.take(&mut body), body) {
            (Some(Value::Array(rows)), _) => Ok(rows),
            (Some(one @ Value::Object(_)), _) if self.one_or_many => Ok(vec![one]),
            (None, Value::Array(rows)) if self.one_or_many => Ok(rows),
            (None, body)
                if self
                    .empty_if
                    .as_ref()
                    .is_some_and(|p| p.get(&body).is_some()) =>
            {
                Ok(Vec::new())
            }
            _ => Err(ScanError::NotRows),
        }
    }
}

/// What `encode` made of a text, back again.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend(part.get(2..)?.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// A window's parameters, with `{from}` and `{to}` in them.
pub(crate) fn window(
    params: &[(String, Template)],
    times: Times,
    from: Micros,
    to: Micros,
) -> Result<Vec<(String, Value)>, ScanError> {
    let (from, to) = (times.value(from), times.value(to));
    let get = |name: &str| match name {
        "from" => Some(from.clone()),
        "to" => Some(to.clone()),
        _ => None,
    };
    params
        .iter()
        .map(|(name, template)| {
            let only = Shape::Text(template.clone()).fill(&get, &|_| true);
            let value = match only {
                Ok(Some(value)) => value,
                _ => Value::String(
                    template
                        .fill(&get, plain)
                        .map_err(|_| ScanError::NotSupported)?,
                ),
            };
            Ok((name.clone(), value))
        })
        .collect()
}
