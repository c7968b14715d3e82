//! XML as JSON, under limits: what a vendor answers in XML is turned into JSON once, so that paths, mappings and rules need not know.
//! Names lose their namespace, attributes are `@name`, a repeated element is a list, text beside attributes or elements is `#text`.
//! Refuses document types and their entities.

use crate::protect::{MAX_DEPTH, Unreadable};
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value};

/// Elements, texts and comments of one document.
const MAX_NODES: u32 = 8_000_000;

/// The document as an object with one key, its root's name.
pub(crate) fn to_json(body: &[u8], max: usize) -> Result<Value, Unreadable> {
    if body.len() > max {
        return Err(Unreadable::TooLarge);
    }
    let text = std::str::from_utf8(body).map_err(|_| Unreadable::NotUtf8)?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|_| Unreadable::NotJson)?;
    let root = document.root_element();
    let mut out = Map::new();
    out.insert(root.tag_name().name().to_owned(), element(root, 1)?);
    Ok(Value::Object(out))
}

fn element(node: Node<'_, '_>, depth: usize) -> Result<Value, Unreadable> {
    if depth > MAX_DEPTH {
        return Err(Unreadable::TooDeep);
    }
    let mut map = Map::new();
    for attribute in node.attributes() {
        map.insert(format!("@{}", attribute.name()), attribute.value().into());
    }
    let mut text = String::new();
    for child in node.children() {
        if child.is_element() {
            let value = element(child, depth + 1)?;
            add(&mut map, child.tag_name().name(), value);
        } else if child.is_text() {
            text.push_str(child.text().unwrap_or_default());
        }
    }
    if map.is_empty() {
        return Ok(Value::String(text.trim().to_owned()));
    }
    if !text.trim().is_empty() {
        map.insert("#text".to_owned(), text.trim().into());
    }
    Ok(Value::Object(map))
}

/// The same name again makes a list.
fn add(map: &mut Map<String, Value>, name: &str, value: Value) {
    match map.get_mut(name) {
        Some(Value::Array(items)) => items.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
        None => {
            map.insert(name.to_owned(), value);
        }
    }
}

/// A value as the text of an element; characters that XML cannot hold are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c < ' ' || c == '\u{FFFE}' || c == '\u{FFFF}' => {}
            c => out.push(c),
        }
    }
    out
}

/// Where the text of the first element of that name stands, the name as it is written in a body of ours.
fn span(body: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let start = body.find(&format!("<{name}>"))? + name.len() + 2;
    let end = start + body[start..].find(&format!("</{name}>"))?;
    Some(start..end)
}

/// The text of the first element of that name.
pub(crate) fn text_of(body: &str, name: &str) -> Option<String> {
    span(body, name).map(|at| body[at].to_owned())
}

/// Puts a text into the first element of that name; `None` where there is none.
pub(crate) fn set_text(body: &str, name: &str, text: &str) -> Option<String> {
    let (text, empty) = (escape(text), format!("<{name}/>"));
    if body.contains(&empty) {
        return Some(body.replacen(&empty, &format!("<{name}>{text}</{name}>"), 1));
    }
    let at = span(body, name)?;
    Some(format!("{}{text}{}", &body[..at.start], &body[at.end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<Value, Unreadable> {
        to_json(text.as_bytes(), 1 << 20)
    }

    #[test]
    fn elements_attributes_and_texts_have_one_form_each() {
        let text = "<?xml version=\"1.0\"?><a:Root xmlns:a=\"urn:a\" a:version=\"v1\"><!-- no --><a:One>x &amp; y</a:One><a:Empty/>\
            <a:Many>1</a:Many><a:Many a:type=\"T\">2</a:Many><a:In><a:Deep> z </a:Deep></a:In><a:Raw><![CDATA[<b>]]></a:Raw></a:Root>";
        assert_eq!(
            read(text),
            Ok(
                json!({"Root": {"@version": "v1", "One": "x & y", "Empty": "", "Many": ["1", {"@type": "T", "#text": "2"}],
                "In": {"Deep": "z"}, "Raw": "<b>"}})
            )
        );
    }

    #[test]
    fn what_could_harm_is_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>";
        assert_eq!(read(bomb), Err(Unreadable::NotJson));
        assert_eq!(
            read("<!DOCTYPE a SYSTEM \"file:///x\"><a/>"),
            Err(Unreadable::NotJson)
        );
        assert_eq!(read("<a>&unknown;</a>"), Err(Unreadable::NotJson));
        assert_eq!(read("<a><b></a>"), Err(Unreadable::NotJson));
        assert_eq!(read("<html><br></html>"), Err(Unreadable::NotJson));
        assert_eq!(to_json(b"<a/>", 3), Err(Unreadable::TooLarge));
        assert_eq!(to_json(b"<a>\xff</a>", 99), Err(Unreadable::NotUtf8));
        let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        assert_eq!(read(&deep(MAX_DEPTH + 1)), Err(Unreadable::TooDeep));
        assert!(read(&deep(100_000)).is_err());
        assert!(read(&deep(MAX_DEPTH)).is_ok());
    }

    #[test]
    fn a_text_is_put_where_it_belongs_and_escaped() {
        let once = set_text("<r><w:Page/><w:Count>9</w:Count></r>", "w:Page", "1<2");
        let once = once.expect("there is such an element");
        assert_eq!(once, "<r><w:Page>1&lt;2</w:Page><w:Count>9</w:Count></r>");
        assert_eq!(
            set_text(&once, "w:Page", "2").as_deref(),
            Some("<r><w:Page>2</w:Page><w:Count>9</w:Count></r>")
        );
        assert_eq!(text_of(&once, "w:Count").as_deref(), Some("9"));
        assert_eq!(
            (set_text("<r/>", "w:Page", "2"), text_of("<r/>", "x")),
            (None, None)
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back_as_it_went_in(text in "[^\u{0}-\u{1f}\u{fffe}\u{ffff}]{0,40}") {
            let body = format!("<a>{}</a>", escape(&text));
            proptest::prop_assert_eq!(read(&body), Ok(json!({"a": text.trim()})));
        }
    }
}
