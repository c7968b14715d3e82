//! Which parts of a JSON value stay: a tree of keys, whose leaves are kept whole. Everything that is not in it goes; a value that is
//! only needed to be there stays as null.

use crate::path::{Path, Step};
use serde_json::Value;
use std::collections::BTreeMap;

/// A tree of what stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mask {
    whole: bool,
    keys: BTreeMap<String, Mask>,
    items: Option<Box<Mask>>,
    /// Of the items of a list, by the word in each of them.
    by: Option<Box<(Path, BTreeMap<String, Mask>)>>,
}

impl Mask {
    /// All of the value there stays.
    pub(crate) fn whole(&mut self, path: &Path) {
        self.at(path, &|m| m.whole = true);
    }

    /// The value there stays as far as something else keeps it; else as null.
    pub(crate) fn there(&mut self, path: &Path) {
        self.at(path, &|_| {});
    }

    /// What `inner` keeps stays of the value there, and of each item where it is a list.
    pub(crate) fn each(&mut self, path: &Path, inner: &Mask) {
        self.at(path, &|m| {
            m.add(inner);
            m.items.get_or_insert_default().add(inner);
        });
    }

    /// What `inner` keeps stays of the value there.
    pub(crate) fn below(&mut self, path: &Path, inner: &Mask) {
        self.at(path, &|m| m.add(inner));
    }

    /// What stays below `name`, by word, stays of the items of the list at `at` that say that word at `by`.
    pub(crate) fn by_word(&mut self, name: &str, at: &Path, by: &Path) {
        let mut words = self.keys.remove(name).unwrap_or_default().keys;
        words.values_mut().for_each(|item| item.whole(by));
        self.at(at, &|m| m.by = Some(Box::new((by.clone(), words.clone()))));
    }

    /// What stays becomes what stays of each item of the list at `at`; what stays below `around` stays of what holds the list.
    pub(crate) fn spread(&mut self, at: &Path, around: &str) {
        let mut item = std::mem::take(self);
        *self = item.keys.remove(around).unwrap_or_default();
        self.at(at, &|m| {
            *m.items.get_or_insert_default().as_mut() = item.clone()
        });
    }

    fn at(&mut self, path: &Path, then: &dyn Fn(&mut Mask)) {
        self.walk(path.steps(), then);
    }

    fn walk(&mut self, steps: &[Step], then: &dyn Fn(&mut Mask)) {
        match steps.split_first() {
            None => then(self),
            Some((Step::Key(key), rest)) => {
                self.keys.entry(key.clone()).or_default().walk(rest, then);
            }
            // a place in a list, or a key that looks like one
            Some((Step::Index(n), rest)) => {
                self.items.get_or_insert_default().walk(rest, then);
                let key = self.keys.entry(n.to_string()).or_default();
                key.walk(rest, then);
            }
        }
    }

    fn add(&mut self, other: &Mask) {
        self.whole |= other.whole;
        for (key, inner) in &other.keys {
            self.keys.entry(key.clone()).or_default().add(inner);
        }
        if let Some(items) = &other.items {
            self.items.get_or_insert_default().add(items);
        }
        if let Some(other) = &other.by {
            let (_, words) = &mut **self
                .by
                .get_or_insert_with(|| Box::new((other.0.clone(), BTreeMap::new())));
            for (word, inner) in &other.1 {
                words.entry(word.clone()).or_default().add(inner);
            }
        }
    }

    /// Cuts everything else; true where something went.
    pub(crate) fn cut(&self, value: &mut Value) -> bool {
        if self.whole {
            return false;
        }
        match value {
            Value::Null => false,
            Value::Object(map) => {
                let before = map.len();
                map.retain(|key, _| self.keys.contains_key(key));
                let mut cut = map.len() != before;
                for (key, inner) in map.iter_mut() {
                    cut |= self.keys.get(key).is_some_and(|m| m.cut(inner));
                }
                cut
            }
            Value::Array(list) => match (&self.items, &self.by) {
                (Some(mask), _) => list.iter_mut().fold(false, |cut, i| cut | mask.cut(i)),
                (None, Some(by)) => {
                    let before = list.len();
                    list.retain(|i| by.1.contains_key(word(&by.0, i)));
                    let short = list.len() != before;
                    list.iter_mut().fold(short, |cut, i| {
                        let mask = by.1.get(word(&by.0, i));
                        cut | mask.is_some_and(|m| m.cut(i))
                    })
                }
                (None, None) => {
                    let some = !list.is_empty();
                    list.clear();
                    some
                }
            },
            other => {
                *other = Value::Null;
                true
            }
        }
    }
}

fn word<'v>(by: &Path, item: &'v Value) -> &'v str {
    by.get(item).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> Path {
        Path::parse(text).expect("a path")
    }

    #[test]
    fn only_what_is_in_the_tree_stays() {
        let mut mask = Mask::default();
        mask.whole(&path("a.id"));
        mask.there(&path("name"));
        mask.whole(&path("jobs.0.id"));
        let mut inner = Mask::default();
        inner.whole(&path("v"));
        mask.each(&path("list"), &inner);
        let mut value = json!({"a": {"id": 1, "x": "MARK"}, "name": "MARK", "other": "MARK", "jobs": [{"id": 2, "t": "MARK"}, {"id": 3}], "list": [{"v": 4, "w": "MARK"}, "MARK"]});
        assert!(mask.cut(&mut value));
        assert_eq!(
            value,
            json!({"a": {"id": 1}, "name": null, "jobs": [{"id": 2}, {"id": 3}], "list": [{"v": 4}, null]})
        );
        assert!(!mask.cut(&mut value), "what was cut is not cut again");
        let mut single = json!({"list": {"v": 5, "w": "MARK"}, "a": "MARK"});
        mask.cut(&mut single);
        assert_eq!(single, json!({"list": {"v": 5}, "a": null}));
    }

    #[test]
    fn of_a_list_by_word_only_the_named_words_stay() {
        let mut mask = Mask::default();
        mask.whole(&path("name"));
        mask.whole(&path("found.salary.value"));
        mask.by_word("found", &path("fields"), &path("type"));
        let mut value = json!({"name": 1, "fields": [
            {"type": "salary", "value": 5, "x": "MARK"}, {"type": "other", "value": "MARK"}, "MARK"]});
        assert!(mask.cut(&mut value));
        assert_eq!(
            value,
            json!({"name": 1, "fields": [{"type": "salary", "value": 5}]})
        );
    }

    #[test]
    fn of_a_spread_list_each_item_and_what_holds_it_are_cut() {
        let mut mask = Mask::default();
        mask.whole(&path("id"));
        mask.whole(&path("of.status"));
        mask.spread(&path("events"), "of");
        let mut value = json!({"status": "s", "by": "MARK", "events": [{"id": 1, "x": "MARK"}]});
        assert!(mask.cut(&mut value));
        assert_eq!(value, json!({"status": "s", "events": [{"id": 1}]}));
    }
}
