//! SOAP Recruiting: the envelope, who sends it, which operation it asks for, and the faults. What
//! the operations answer is next door.

use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::api::{Fake, failure, http_caller, text};
use super::soap_ask::{Ask, Operation};
use super::soap_results::{self, Results};
use super::tokens::{Access, Caller};
use super::xml::Element;
use super::{Workday, drift, xml_read};
use crate::faults::Lagging;

pub(crate) const BSVC: &str = "urn:com.workday/bsvc";
const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SECURITY: &str =
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
const PASSWORD_TEXT: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";

const LIMIT_BYTES: usize = 4 << 20;

/// A SOAP 1.1 fault.
#[derive(Debug)]
pub(crate) struct Fault {
    code: &'static str,
    text: String,
    /// Message and place of a validation error.
    validation: Option<(String, String)>,
}

impl Fault {
    pub(crate) fn validation(message: impl Into<String>, xpath: impl Into<String>) -> Self {
        let message = message.into();
        Fault {
            code: "env:Client.validationError",
            text: format!("Validation error occurred. {message}"),
            validation: Some((message, xpath.into())),
        }
    }

    fn new(code: &'static str, text: &str) -> Self {
        Fault {
            code,
            text: text.into(),
            validation: None,
        }
    }

    fn authentication(text: &str) -> Self {
        Fault::new("env:Client.authenticationError", text)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let plain = |name: &str, text: &str| Element {
            name: name.into(),
            text: text.into(),
            ..Element::default()
        };
        let mut fault = plain("env:Fault", "");
        fault.children.push(plain("faultcode", self.code));
        fault.children.push(plain("faultstring", &self.text));
        if let Some((message, xpath)) = self.validation {
            let error = Element::of(
                "Validation_Error",
                [
                    Element::leaf("Message", message),
                    Element::wd("Detail_Message"),
                    Element::leaf("Xpath", xpath),
                ],
            );
            let mut detail = plain("detail", "");
            detail
                .children
                .push(Element::of("Validation_Fault", [error]));
            fault.children.push(detail);
        }
        envelope(StatusCode::INTERNAL_SERVER_ERROR, &fault)
    }
}

/// "Too many" looks like any other failure here.
pub(crate) fn throttled() -> Response {
    let text = "Processing error occurred. The request could not be processed at this time.";
    Fault::new("env:Server.processingError", text).into_response()
}

fn envelope(status: StatusCode, content: &Element) -> Response {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!(
        "<env:Envelope xmlns:env=\"{ENVELOPE}\" xmlns:wd=\"{BSVC}\"><env:Body>"
    ));
    content.write(&mut out);
    out.push_str("</env:Body></env:Envelope>");
    (
        status,
        [(header::CONTENT_TYPE, "text/xml;charset=utf-8")],
        out,
    )
        .into_response()
}

pub(crate) async fn call(
    State(fake): State<Fake>,
    Path((tenant, version)): Path<(String, String)>,
    request: Request,
) -> Response {
    if !is_version(&version) || tenant != fake.options.tenant {
        fake.count("POST /ccx/service/Recruiting".into());
        return failure(404, "no such service", &[]);
    }
    let lagging = request.extensions().get::<Lagging>().is_some();
    let header = text(request.headers(), "authorization").map(str::to_owned);
    let bytes = to_bytes(request.into_body(), LIMIT_BYTES).await;
    let root = bytes
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes.into()).map_err(|error| error.to_string()))
        .and_then(|text| xml_read::read(&text));
    let (root, operation) = match root.and_then(opened) {
        Ok(opened) => opened,
        Err(text) => {
            fake.count("POST /ccx/service/Recruiting".into());
            return Fault::validation(text, "/").into_response();
        }
    };
    fake.count(format!("POST /ccx/service/Recruiting/{operation}"));
    let caller = match caller(&fake, &root, header.as_deref()) {
        Ok(caller) => caller,
        Err(refused) => return *refused,
    };
    match answer(&fake, &caller, &root, &version, lagging) {
        Ok(content) => envelope(StatusCode::OK, &content),
        Err(fault) => fault.into_response(),
    }
}

fn is_version(text: &str) -> bool {
    let parts = text.strip_prefix('v').and_then(|text| text.split_once('.'));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    parts.is_some_and(|(major, minor)| digits(major) && digits(minor))
}

/// The envelope and the name of the operation in its body.
fn opened(root: Element) -> Result<(Element, String), String> {
    if root.name != "Envelope" || root.space != ENVELOPE {
        return Err("This is no SOAP 1.1 envelope.".into());
    }
    let request = body(&root).ok_or("The body holds no request, or several.")?;
    let name = request.name.strip_suffix("_Request");
    let name = name.filter(|_| request.space == BSVC);
    let name = name.ok_or("Invalid request element.")?.to_owned();
    Ok((root, name))
}

fn body(root: &Element) -> Option<&Element> {
    match root.child("Body")?.children.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

/// The sender by UsernameToken, or by Bearer.
fn caller(fake: &Workday, root: &Element, header: Option<&str>) -> Result<Caller, Box<Response>> {
    let security = root.child("Header").and_then(|head| head.child("Security"));
    let token = security
        .filter(|security| security.space == SECURITY)
        .and_then(|security| security.child("UsernameToken"));
    let Some(token) = token else {
        return match header {
            Some(_) => http_caller(fake, &fake.options.tenant, header, false),
            None => {
                let text = "Authentication error: no credentials.";
                Err(Box::new(Fault::authentication(text).into_response()))
            }
        };
    };
    let password = token.child("Password");
    let plain = password.filter(|one| one.attribute("Type").is_none_or(|it| it == PASSWORD_TEXT));
    let found = token.text_at(&["Username"]).zip(plain);
    let found = found.and_then(|(name, password)| {
        let tokens = &fake.lock().tokens;
        tokens.username_token(name, password.text.trim(), &fake.options.tenant)
    });
    found.ok_or_else(|| {
        let text = "invalid username or password";
        Box::new(Fault::authentication(text).into_response())
    })
}

fn answer(
    fake: &Workday,
    caller: &Caller,
    root: &Element,
    version: &str,
    lagging: bool,
) -> Result<Element, Fault> {
    let request = body(root).ok_or_else(|| Fault::validation("Invalid request.", "/"))?;
    let ask = Ask::read(request, &fake.look.zone)?;
    if caller.access == Access::Forbidden {
        let text = "The task submitted is not authorized.";
        return Err(Fault::authentication(text));
    }
    let results = {
        let now = fake.now();
        let core = &mut *fake.lock();
        let world = match &core.replica {
            Some(replica) if lagging => Arc::clone(replica),
            _ => Arc::clone(&core.world),
        };
        core.results.find(&ask, &caller.user, world, now)?
    };
    let empty = Results::default();
    let results = match caller.access {
        Access::EmptyRows => &empty,
        _ => &results,
    };
    let mut response = soap_results::respond(&ask, results, version, &fake.look);
    let name = ask.operation.name();
    let core = fake.lock();
    let drifts = core.drifts.iter().filter(|drift| drift.entity == name);
    drift::tree(&mut response, &drifts.cloned().collect::<Vec<_>>());
    Ok(response)
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Candidates => "Get_Candidates",
            Operation::Requisitions => "Get_Job_Requisitions",
            Operation::Postings => "Get_Job_Postings",
        }
    }
}
