//! One parameter of a request, set where the request carries its parameters: the query of a GET, the JSON body of a POST,
//! the element of that name in a SOAP envelope. A parameter that is there already is replaced.

use super::ScanError;
use crate::http::{Request, encode};
use crate::path::scalar_text;
use crate::soap::is_soap;
use crate::xml::{set_text, text_of};
use serde_json::Value;

/// Sets one parameter. A list becomes the same query name again and again.
pub(crate) fn set_param(request: &mut Request, name: &str, value: &Value) -> Result<(), ScanError> {
    if is_soap(request) {
        let text = scalar_text(value).ok_or(ScanError::NotSupported)?;
        let body = std::str::from_utf8(&request.body).map_err(|_| ScanError::NotSupported)?;
        let body = set_text(body, name, &text).ok_or(ScanError::NotSupported)?;
        request.body = body.into_bytes();
        return Ok(());
    }
    if request.method != "GET" {
        let mut body: Value =
            serde_json::from_slice(&request.body).map_err(|_| ScanError::NotSupported)?;
        body.as_object_mut()
            .ok_or(ScanError::NotSupported)?
            .insert(name.to_owned(), value.clone());
        request.body = body.to_string().into_bytes();
        return Ok(());
    }
    let all = match value {
        Value::Array(items) => items.iter().map(scalar_text).collect::<Option<Vec<_>>>(),
        one => scalar_text(one).map(|t| vec![t]),
    }
    .ok_or(ScanError::NotSupported)?;
    drop_query(request, |n| n == name);
    for text in all {
        let sep = if request.url.contains('?') { '&' } else { '?' };
        request.url = format!("{}{sep}{name}={}", request.url, query(&text));
    }
    Ok(())
}

/// Takes all parameters off: what comes next travels alone.
pub(crate) fn clear(request: &mut Request) {
    if request.method == "GET" {
        drop_query(request, |_| true);
    } else {
        request.body = b"{}".to_vec();
    }
}

/// A parameter as text, where it is set.
pub(crate) fn param(request: &Request, name: &str) -> Option<String> {
    if is_soap(request) {
        return text_of(std::str::from_utf8(&request.body).ok()?, name);
    }
    if request.method != "GET" {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        return scalar_text(body.get(name)?);
    }
    let (_, query) = request.url.split_once('?')?;
    query
        .split('&')
        .filter_map(|p| p.split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, v)| v.to_owned())
}

/// A value in a query; commas and colons may stand there as they are, and lists of ids are usually written so.
fn query(text: &str) -> String {
    encode(text).replace("%2C", ",").replace("%3A", ":")
}

fn drop_query(request: &mut Request, gone: impl Fn(&str) -> bool) {
    let Some((path, query)) = request.url.split_once('?') else {
        return;
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|p| !p.is_empty() && !gone(p.split('=').next().unwrap_or_default()))
        .collect();
    request.url = match kept.as_slice() {
        [] => path.to_owned(),
        kept => format!("{path}?{}", kept.join("&")),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_parameter_is_replaced_where_the_request_carries_it() {
        let mut get = Request::get("https://a.example/x?limit=2&offset=1", "/x");
        set_param(&mut get, "offset", &json!("a b")).expect("set");
        set_param(&mut get, "expand", &json!(["one", "two"])).expect("set");
        assert_eq!(
            get.url,
            "https://a.example/x?limit=2&offset=a%20b&expand=one&expand=two"
        );
        assert_eq!(param(&get, "limit").as_deref(), Some("2"));
        clear(&mut get);
        assert_eq!(get.url, "https://a.example/x");
        let mut post = Request::get("https://a.example/x.list", "/x.list");
        (post.method, post.body) = ("POST".into(), b"{\"limit\":2,\"cursor\":\"a\"}".to_vec());
        set_param(&mut post, "cursor", &json!("b")).expect("set");
        let body: Value = serde_json::from_slice(&post.body).expect("json");
        assert_eq!(body, json!({"limit": 2, "cursor": "b"}));
        assert_eq!(param(&post, "cursor").as_deref(), Some("b"));
    }
}
