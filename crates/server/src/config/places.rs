//! Where a setting stands in its file. Kept for what is found wrong later: a field that the
//! connector does not know, a secret that is not there.

use std::collections::BTreeMap;

use stagewire_connector::Problem;

#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    /// What is wrong here.
    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        Problem {
            file: self.file.clone(),
            line: self.line,
            column: self.column,
            message: message.into(),
            hint: None,
        }
    }
}

/// The places of one `[[connection]]`.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The table itself.
    pub(crate) own: Place,
    /// The value of `connector`.
    pub(crate) connector: Place,
    /// The values of `[connection.fields]`, by name.
    pub(crate) fields: BTreeMap<String, Place>,
}

impl Places {
    pub(super) fn new(own: Place) -> Self {
        Self {
            connector: own.clone(),
            own,
            fields: BTreeMap::new(),
        }
    }

    /// The place that a sentence is about: the first field it names, else the whole table.
    pub(crate) fn of(&self, sentence: &str) -> &Place {
        let named = sentence.split('`').skip(1).step_by(2);
        let mut known = named.filter_map(|name| self.fields.get(name));
        known.next().unwrap_or(&self.own)
    }
}
