//! Which source paths feed what is kept, read off a shape: ids, dates, what tells how the record was seen, and the paths of the
//! fields that are kept. Everything else has no place in the mask, and so goes.

use super::field::{Field, From, How};
use super::observe::AROUND;
use super::{SeenAs, Shape, Shapes};
use crate::keep::Keep;
use crate::keep::mask::Mask;
use crate::path::Path;

/// How deep embedded records may hold embedded records.
const NESTED: usize = 4;

impl Shapes {
    /// What stays of a value in this shape.
    pub(crate) fn mask(&self, shape: &Shape, keep: &Keep) -> Mask {
        self.masked(shape, keep, 0).0
    }

    /// The mask, and the paths that are read from the record around this one.
    fn masked(&self, shape: &Shape, keep: &Keep, depth: usize) -> (Mask, Vec<Path>) {
        let (mut mask, mut up) = (Mask::default(), Vec::new());
        let ids = shape.ids.iter().chain(&shape.key);
        ids.for_each(|p| mask.whole(p));
        shape.dates.iter().for_each(|(_, p)| mask.whole(p));
        shape.own.iter().for_each(|(_, _, p)| mask.whole(p));
        shape.required.iter().for_each(|p| mask.there(p));
        match &shape.seen {
            SeenAs::Merged(paths) => paths.iter().for_each(|p| mask.whole(p)),
            SeenAs::Anonymized(path, _) => mask.whole(path),
            SeenAs::Part(path) => mask.whole(path),
            SeenAs::Present | SeenAs::Deleted | SeenAs::History => {}
        }
        shape.deleted_if.iter().for_each(|p| mask.whole(p));
        for field in &shape.fields {
            if keep.field(shape.entity, &field.name) {
                field.feeds(&mut mask, &mut up);
            }
        }
        if let Some(path) = &shape.custom
            && keep.field(shape.entity, "custom_fields")
        {
            mask.whole(path);
        }
        for index in &shape.index {
            mask.by_word(&index.name, &index.at, &index.by);
        }
        if let Some(at) = &shape.spread {
            mask.spread(at, AROUND);
        }
        for embed in shape.embeds.iter().filter(|_| depth < NESTED) {
            let inner = self.get(&embed.shape).filter(|s| keep.entity(s.entity));
            let Some(inner) = inner else {
                continue;
            };
            let (inner, around) = self.masked(inner, keep, depth + 1);
            mask.each(&embed.at, &inner);
            around.iter().for_each(|p| mask.whole(p));
        }
        (mask, up)
    }
}

impl Field {
    /// Adds the paths this field is read from.
    fn feeds(&self, mask: &mut Mask, up: &mut Vec<Path>) {
        self.null_if.iter().for_each(|p| mask.there(p));
        self.plus_minutes.iter().for_each(|p| mask.whole(p));
        let said = self.but.iter().flat_map(|b| &b.at);
        said.for_each(|p| mask.whole(p));
        match &self.from {
            From::Fixed(_) => {}
            From::Up(paths) => up.extend(paths.iter().cloned()),
            From::All(paths) => paths.iter().for_each(|p| mask.whole(p)),
            From::Lists(fields) => fields.iter().for_each(|f| f.feeds(mask, up)),
            From::Form(form) => {
                mask.whole(&form.form);
                mask.whole(&form.values);
            }
            From::First(paths) if matches!(self.how, How::Absent) => {
                paths.iter().for_each(|p| mask.whole(p));
            }
            From::First(paths) => {
                let mut value = Mask::default();
                self.needs.iter().for_each(|p| value.whole(p));
                match &self.how {
                    How::Object(fields) => fields.iter().for_each(|f| f.feeds(&mut value, up)),
                    _ => value.whole(&Path::default()),
                }
                for path in paths {
                    match &self.each {
                        Some(each) => {
                            let mut item = Mask::default();
                            item.below(each, &value);
                            mask.each(path, &item);
                        }
                        None => mask.below(path, &value),
                    }
                }
            }
        }
    }
}
