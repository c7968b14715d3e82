//! XML as a tree: built and written here, read next door. No schema, no style.

/// One element. What we build carries its prefix in `name`; what we read carries its namespace in
/// `space` and no prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) space: String,
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    pub(crate) text: String,
}

impl Element {
    /// An element of the vendor's namespace.
    pub(crate) fn wd(name: &str) -> Self {
        Element {
            name: format!("wd:{name}"),
            ..Element::default()
        }
    }

    /// One with text.
    pub(crate) fn leaf(name: &str, text: impl Into<String>) -> Self {
        let mut element = Element::wd(name);
        element.text = text.into();
        element
    }

    /// One with these children.
    pub(crate) fn of(name: &str, children: impl IntoIterator<Item = Element>) -> Self {
        let mut element = Element::wd(name);
        element.children.extend(children);
        element
    }

    pub(crate) fn with(mut self, attribute: &str, value: &str) -> Self {
        self.attributes.push((attribute.into(), value.into()));
        self
    }

    /// Adds a leaf if there is something to say.
    pub(crate) fn maybe(&mut self, name: &str, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.children.push(Element::leaf(name, text));
        }
    }

    /// The first child of this name, read ones only.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text at the end of a path of names.
    pub(crate) fn text_at(&self, path: &[&str]) -> Option<&str> {
        let mut here = self;
        for name in path {
            here = here.child(name)?;
        }
        Some(here.text.trim())
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(known, _)| known == name)?;
        Some(&found.1)
    }

    pub(crate) fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape(value, out);
            out.push('"');
        }
        if self.children.is_empty() && self.text.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        escape(&self.text, out);
        for child in &self.children {
            child.write(out);
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

/// Text made safe between tags and between double quotes.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}
