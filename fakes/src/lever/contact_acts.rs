//! Acts about a person: a change, or being made anonymous. Subscribers are told; the opportunities of
//! the person do not move their `updatedAt`.

use super::acts::{Acted, ContactEdit, Hand, Result, Touched, id_in};
use super::id::Id;
use super::opportunity_acts::contact_news;
use super::rows::{Contact, Phone};

impl Hand<'_> {
    pub(crate) fn edit_contact(&mut self, edit: ContactEdit) -> Result {
        let id = id_in("contacts", &edit.contact_id)?;
        let mut contact = self.world.contact(id)?;
        contact.name = edit.name.unwrap_or(contact.name);
        contact.headline = edit.headline.unwrap_or(contact.headline);
        contact.location = edit.location.or(contact.location);
        if let Some(email) = edit.email {
            contact.emails = vec![email];
        }
        if let Some(value) = edit.phone {
            contact.phones = vec![Phone { kind: None, value }];
        }
        self.world.put_contact(contact);
        Ok(contact_acted(id))
    }

    pub(crate) fn anonymize(&mut self, id: Id) -> Result {
        let contact = self.world.contact(id)?;
        self.world.put_contact(Contact {
            id: contact.id,
            name: String::new(),
            headline: String::new(),
            location: None,
            emails: Vec::new(),
            phones: Vec::new(),
            anonymized: true,
        });
        Ok(contact_acted(id))
    }
}

fn contact_acted(id: Id) -> Acted {
    Acted {
        news: vec![contact_news("contactUpdated", id)],
        touched: Touched {
            contact_id: Some(id.to_string()),
            ..Touched::default()
        },
    }
}
