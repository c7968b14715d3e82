//! SOAP 1.1: what stands in the body of an envelope, and the envelope around it. Knows no vendor's operations; the credentials are
//! put in when a request goes out.

use crate::auth::SECEXT;
use crate::http::{Request, Response};
use crate::protect::Unreadable;
use crate::xml;
use serde_json::Value;

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(crate) const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// The envelope of a request, with a place for credentials.
pub(crate) fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<env:Envelope xmlns:env=\"{ENVELOPE}\" xmlns:wsse=\"{SECEXT}\"><env:Header><wsse:Security/></env:Header><env:Body>{body}</env:Body></env:Envelope>"
    )
}

/// Whether a request carries an envelope.
pub(crate) fn is_soap(request: &Request) -> bool {
    request.header("content-type") == Some(CONTENT_TYPE)
}

/// Whether an answer says that it is XML.
pub(crate) fn is_xml(response: &Response) -> bool {
    response
        .header("content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().contains("xml"))
}

/// What stands in the body of an answer's envelope; of other XML the whole of it.
pub(crate) fn read(body: &[u8], max: usize) -> Result<Value, Unreadable> {
    let mut document = xml::to_json(body, max)?;
    Ok(match document.pointer_mut("/Envelope/Body") {
        Some(inner) => inner.take(),
        None => document,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_what_stands_in_the_body_of_its_envelope() {
        let ours = envelope("<w:Get xmlns:w=\"urn:w\"><w:Id>1</w:Id></w:Get>");
        assert_eq!(read(ours.as_bytes(), 999), Ok(json!({"Get": {"Id": "1"}})));
        assert_eq!(read(b"<page/>", 999), Ok(json!({"page": ""})));
    }
}
