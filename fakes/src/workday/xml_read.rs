//! Reads XML with namespaces into a tree. It refuses document types, unknown entities, undeclared
//! prefixes and depths that no envelope has.

use super::xml::Element;

const DEPTH: usize = 64;

/// Reads one document.
pub(crate) fn read(text: &str) -> Result<Element, String> {
    let mut reader = Reader {
        rest: text.trim_start_matches('\u{feff}'),
        scope: Vec::new(),
        depth: 0,
    };
    reader.skip()?;
    let root = reader.element()?;
    reader.skip()?;
    match reader.rest.is_empty() {
        true => Ok(root),
        false => Err("there is something behind the document element".into()),
    }
}

struct Reader<'a> {
    rest: &'a str,
    /// Prefixes and their namespaces, innermost last.
    scope: Vec<(&'a str, String)>,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Blanks, comments and instructions outside of the document element.
    fn skip(&mut self) -> Result<(), String> {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.starts_with("<!DOCTYPE") {
                return Err("a document type is not taken".into());
            }
            if !self.aside()? {
                return Ok(());
            }
        }
    }

    /// One comment or instruction, if here is one.
    fn aside(&mut self) -> Result<bool, String> {
        for (begin, end) in [("<!--", "-->"), ("<?", "?>")] {
            if let Some(rest) = self.rest.strip_prefix(begin) {
                let (_, after) = rest.split_once(end).ok_or("a comment does not end")?;
                self.rest = after;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn element(&mut self) -> Result<Element, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("elements are nested too deeply".into());
        }
        self.rest = self
            .rest
            .strip_prefix('<')
            .ok_or("an element is expected")?;
        let tag = self.name()?;
        let (attributes, closed) = self.attributes()?;
        let outer = self.scope.len();
        for (name, value) in &attributes {
            if *name == "xmlns" {
                self.scope.push(("", value.clone()));
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                self.scope.push((prefix, value.clone()));
            }
        }
        let (prefix, local) = tag.split_once(':').unwrap_or(("", tag));
        let mut element = Element {
            space: self.space(prefix)?,
            name: local.into(),
            ..Element::default()
        };
        for (name, value) in attributes {
            if name != "xmlns" && !name.starts_with("xmlns:") {
                let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
                element.attributes.push((local.into(), value));
            }
        }
        if !closed {
            self.content(tag, &mut element)?;
        }
        self.scope.truncate(outer);
        self.depth -= 1;
        Ok(element)
    }

    fn content(&mut self, tag: &str, element: &mut Element) -> Result<(), String> {
        loop {
            let at = self.rest.find('<').ok_or("an element does not end")?;
            let (text, rest) = self.rest.split_at(at);
            unescape(text, &mut element.text)?;
            self.rest = rest;
            if let Some(rest) = self.rest.strip_prefix("<![CDATA[") {
                let (text, rest) = rest.split_once("]]>").ok_or("CDATA does not end")?;
                element.text.push_str(text);
                self.rest = rest;
            } else if let Some(rest) = self.rest.strip_prefix("</") {
                self.rest = rest;
                if self.name()? != tag {
                    return Err(format!("<{tag}> is closed by something else"));
                }
                let rest = self.rest.trim_start().strip_prefix('>');
                self.rest = rest.ok_or("a closing tag does not end")?;
                return Ok(());
            } else if !self.aside()? {
                element.children.push(self.element()?);
            }
        }
    }

    fn attributes(&mut self) -> Result<(Vec<(&'a str, String)>, bool), String> {
        let mut found = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if let Some(rest) = self.rest.strip_prefix("/>") {
                self.rest = rest;
                return Ok((found, true));
            }
            if let Some(rest) = self.rest.strip_prefix('>') {
                self.rest = rest;
                return Ok((found, false));
            }
            let name = self.name()?;
            let rest = self.rest.trim_start().strip_prefix('=');
            let rest = rest.ok_or("an attribute has no value")?.trim_start();
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
            let quote = quote.ok_or("an attribute is not quoted")?;
            let (value, rest) = rest[1..]
                .split_once(quote)
                .ok_or("an attribute does not end")?;
            let mut text = String::new();
            unescape(value, &mut text)?;
            found.push((name, text));
            self.rest = rest;
        }
    }

    fn name(&mut self) -> Result<&'a str, String> {
        let part = |c: char| c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '.');
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        match name.is_empty() {
            true => Err("a name is expected".into()),
            false => Ok(name),
        }
    }

    fn space(&self, prefix: &str) -> Result<String, String> {
        let mut scope = self.scope.iter().rev();
        match scope.find(|(known, _)| *known == prefix) {
            Some((_, space)) => Ok(space.clone()),
            None if prefix.is_empty() => Ok(String::new()),
            None => Err(format!("the prefix {prefix} is not declared")),
        }
    }
}

fn unescape(text: &str, out: &mut String) -> Result<(), String> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, after) = after.split_once(';').ok_or("an entity does not end")?;
        let code = match entity.strip_prefix('#') {
            Some(hex) if hex.starts_with('x') => u32::from_str_radix(&hex[1..], 16).ok(),
            Some(number) => number.parse().ok(),
            None => match entity {
                "amp" => Some(38),
                "lt" => Some(60),
                "gt" => Some(62),
                "quot" => Some(34),
                "apos" => Some(39),
                _ => None,
            },
        };
        out.push(
            code.and_then(char::from_u32)
                .ok_or("an entity is not known")?,
        );
        rest = after;
    }
    out.push_str(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_its_namespaces_and_written_back() {
        let text = "<?xml version=\"1.0\"?><!-- a --><e:A xmlns:e='urn:e' xmlns=\"urn:d\">\
                    <B wd:type=\"x\" xmlns:wd='urn:wd'>a &amp; &#x62;<![CDATA[<c>]]></B><e:C/></e:A>";
        let root = read(text).unwrap();
        assert_eq!((root.space.as_str(), root.name.as_str()), ("urn:e", "A"));
        assert_eq!(root.text_at(&["B"]), Some("a & b<c>"));
        let b = root.child("B").unwrap();
        assert_eq!(
            (b.space.as_str(), b.attribute("type")),
            ("urn:d", Some("x"))
        );
        let mut out = String::new();
        Element::leaf("B", "a & <b>")
            .with("wd:type", "\"")
            .write(&mut out);
        assert_eq!(out, "<wd:B wd:type=\"&quot;\">a &amp; &lt;b&gt;</wd:B>");
    }

    #[test]
    fn what_no_envelope_needs_is_refused() {
        for text in [
            "<!DOCTYPE x><x/>",
            "<x>&unknown;</x>",
            "<a:x/>",
            "<x></y>",
            "<x/><y/>",
            "<x",
            "",
            "plain",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "<x>".repeat(100), "</x>".repeat(100));
        assert!(read(&deep).is_err());
    }
}
