//! How a program shows who it is at a vendor's token service: its id and secret as a header or inside the form. Knows no grant.

use super::basic;
use crate::http::{Request, encode, path_of, rebase};
use crate::manifest::Reader;
use crate::settings::Settings;
use crate::template::Template;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The field with the id.
    pub(crate) id: String,
    /// The field with the secret.
    pub(crate) secret: String,
    placed: Placed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Placed {
    /// `Authorization: <word> base64(id:secret)`.
    Header(String),
    /// Two more fields of the form.
    Form,
}

impl Client {
    pub(crate) fn read(r: &Reader<'_>) -> Client {
        let form = r.word("client_as", &[("basic", false), ("form", true)]);
        let word = r.text("client_word");
        if form == Some(true) && word.is_some() {
            r.wrong_at(
                "client_word",
                "`client_word` belongs to `client_as = \"basic\"`",
            );
        }
        Client {
            id: r.text("client_id").unwrap_or_else(|| "client_id".into()),
            secret: r
                .text("client_secret")
                .unwrap_or_else(|| "client_secret".into()),
            placed: match form {
                Some(true) => Placed::Form,
                _ => Placed::Header(word.unwrap_or_else(|| "Basic".into())),
            },
        }
    }

    /// A form sent in this client's name; `None` where its id or secret is empty, or the address cannot be made.
    pub(crate) fn post(
        &self,
        address: &Template,
        settings: &Settings,
        mut form: Vec<(String, String)>,
    ) -> Option<Request> {
        let (id, secret) = (settings.get(&self.id)?, settings.get(&self.secret)?);
        if self.placed == Placed::Form {
            form.push(("client_id".into(), id.into()));
            form.push(("client_secret".into(), secret.into()));
        }
        let url = super::fill(address, settings, encode)?;
        let mut request = Request::get(
            rebase(&url, settings.auth_url.as_deref()),
            path_of(&address.pattern()),
        );
        request.method = "POST".into();
        request.body = encoded(&form).into_bytes();
        request.set_header("content-type", "application/x-www-form-urlencoded");
        if let Placed::Header(word) = &self.placed {
            request.set_header("authorization", basic(word, id, secret));
        }
        Some(request)
    }
}

/// `a=b&c=d`
pub(crate) fn encoded(form: &[(String, String)]) -> String {
    let pairs: Vec<String> = form
        .iter()
        .map(|(k, v)| format!("{}={}", encode(k), encode(v)))
        .collect();
    pairs.join("&")
}
