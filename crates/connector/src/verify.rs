//! Is a delivery from who it says it is: the manifest's signature recipe over raw bytes, in constant time. Where the signature
//! stands in the body, only the body's own fields are read, under the limits of every body; refuses whatever it cannot read.

mod parts;
#[cfg(test)]
mod tests;

use crate::mac::{self, Algorithm, Written};
use crate::manifest::Reader;
use crate::settings::Settings;
use parts::{Over, Place, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use stagewire_model::Micros;
use std::borrow::Cow;

/// What a look at a signature found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Signed with one of the secrets.
    Verified,
    /// This vendor signs nothing, or was not told to: fetch before trusting.
    Unsigned,
    /// Not signed, wrongly signed, or signed too long ago.
    Bad,
    /// No secret is filled in yet.
    NoSecret,
}

/// The whole of what a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whether it is proven.
    pub verdict: Verdict,
    /// SHA-256 of what was signed, where that is a token the vendor gives once: the same again with another body is no proof.
    pub once: Option<[u8; 32]>,
    /// Milliseconds since it says it was made, where that is only noted and longer than the manifest finds usual.
    pub old_ms: Option<i64>,
}

impl Proof {
    pub(crate) fn only(verdict: Verdict) -> Proof {
        Proof {
            verdict,
            once: None,
            old_ms: None,
        }
    }
}

/// Finds a header by its name, whatever its case.
pub type Headers<'f, 'h> = &'f dyn Fn(&str) -> Option<&'h str>;

/// How a vendor signs.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    scheme: Scheme,
    over: Vec<Over>,
    place: Place,
    /// Before and after the hash.
    around: (String, String),
    /// Between several signatures in one place.
    between: Option<String>,
    secret: String,
    whsec: bool,
    time: Option<Timestamp>,
    /// Nothing signed is taken where no secret is filled in: the vendor's form lets people leave it empty.
    optional: bool,
    /// What is signed is a token that the vendor never gives twice.
    guard: bool,
    /// The largest body that is read for its fields.
    max_body: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Hmac(Algorithm, Written),
    /// The secret itself is sent.
    Token,
}

impl Recipe {
    pub(crate) fn read(r: &Reader<'_>, max_body: usize) -> Option<Recipe> {
        use Algorithm::{Sha1, Sha256, Sha512};
        let algorithm = r.word(
            "scheme",
            &[
                ("hmac_sha1", Some(Sha1)),
                ("hmac_sha256", Some(Sha256)),
                ("hmac_sha512", Some(Sha512)),
                ("token", None),
            ],
        )?;
        let over = Over::read(r);
        let shape = r.text("shape");
        let (scheme, around) = match algorithm {
            Some(algorithm) => {
                let shape = shape.unwrap_or_else(|| "{hex}".into());
                let marks = [("{hex}", Written::Hex), ("{base64}", Written::Base64)];
                let found = marks
                    .iter()
                    .find_map(|(mark, w)| Some((*w, shape.split_once(mark)?)));
                let Some((written, (before, after))) = found else {
                    r.wrong_at("shape", "`shape` should hold `{hex}` or `{base64}`");
                    return None;
                };
                (
                    Scheme::Hmac(algorithm, written),
                    (before.to_owned(), after.to_owned()),
                )
            }
            None => {
                let shape = shape.unwrap_or_else(|| "{token}".into());
                let Some((before, after)) = shape.split_once("{token}") else {
                    r.wrong_at("shape", "`shape` should hold `{token}`");
                    return None;
                };
                if r.has("over") {
                    r.wrong_at("over", "a token is sent as it is, over nothing");
                }
                (Scheme::Token, (before.to_owned(), after.to_owned()))
            }
        };
        let guard = r.word("guard", &[("token", ())]).is_some();
        if guard && (scheme == Scheme::Token || over.iter().any(|o| matches!(o, Over::Body))) {
            r.wrong_at(
                "guard",
                "`guard` is for a signature over a token alone; where the body is signed, its hash guards it",
            );
        }
        Some(Recipe {
            scheme,
            over,
            place: Place::read(r)?,
            around,
            between: r.text("between"),
            secret: r.need("secret"),
            whsec: r
                .word("key", &[("text", false), ("whsec", true)])
                .unwrap_or(false),
            time: Timestamp::read(r),
            optional: r.flag("optional"),
            guard,
            max_body,
        })
    }

    /// The body without the signature, where it stands in the body.
    pub(crate) fn unsigned(&self, body: &[u8]) -> Vec<u8> {
        let (Place::Field(path), Ok(mut value)) =
            (&self.place, serde_json::from_slice::<Value>(body))
        else {
            return body.to_vec();
        };
        if let (Some(map), Some(key)) = (value.as_object_mut(), path.first_key()) {
            map.remove(key);
        }
        value.to_string().into_bytes()
    }

    pub(crate) fn secret_field(&self) -> &str {
        &self.secret
    }

    pub(crate) fn is_optional(&self) -> bool {
        self.optional
    }

    /// Whether a good signature proves every byte of the body.
    pub(crate) fn proves_body(&self) -> bool {
        self.scheme != Scheme::Token && self.over.iter().any(|o| matches!(o, Over::Body))
    }

    /// Whether nothing but a token is shown, so that the body stays unproven unless the manifest says otherwise.
    pub(crate) fn is_token(&self) -> bool {
        self.scheme == Scheme::Token
    }

    pub(crate) fn verify(
        &self,
        settings: &Settings,
        headers: Headers<'_, '_>,
        body: &[u8],
        now: Micros,
    ) -> Proof {
        let secrets = settings.all(&self.secret);
        // Where a secret is filled in, leaving the signature away is no way around it.
        if secrets.is_empty() {
            let told = || {
                let fields = self.fields(body)?;
                self.place.get(headers, fields.as_ref())
            };
            return Proof::only(if self.optional && told().is_none() {
                Verdict::Unsigned
            } else {
                Verdict::NoSecret
            });
        }
        self.signed(&secrets, headers, body, now)
            .unwrap_or_else(|| Proof::only(Verdict::Bad))
    }

    /// The parsed body, where the recipe reads fields of it; `None` where it cannot be read.
    fn fields(&self, body: &[u8]) -> Option<Option<Value>> {
        let needed = self.place.is_field()
            || self.over.iter().any(|o| matches!(o, Over::Field(_)))
            || self.time.as_ref().is_some_and(Timestamp::is_field);
        if !needed {
            return Some(None);
        }
        crate::protect::parse(body, self.max_body).ok().map(Some)
    }

    /// `None` where the request lacks something the recipe needs.
    fn signed(
        &self,
        secrets: &[&str],
        headers: Headers<'_, '_>,
        body: &[u8],
        now: Micros,
    ) -> Option<Proof> {
        let fields = self.fields(body)?;
        let fields = fields.as_ref();
        let told = self.place.get(headers, fields)?;
        let mut old_ms = None;
        if let Some(time) = &self.time {
            let apart = time.apart_ms(headers, fields, now);
            if time.refuses && apart.is_none_or(|a| a.saturating_abs() > time.tolerance) {
                return None;
            }
            old_ms = apart.filter(|a| *a > time.tolerance);
        }
        let parts = self.parts(headers, fields, body)?;
        let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
        let given: Vec<Vec<u8>> = match &self.between {
            Some(between) => told
                .split(between.as_str())
                .filter_map(|one| self.hash_in(one))
                .collect(),
            None => self.hash_in(&told).into_iter().collect(),
        };
        // Every secret is tried against every signature: how many match, or which, does not show in the time.
        let mut any = false;
        for secret in secrets {
            let ours = self.ours(secret, &parts);
            for theirs in given.iter().take(16) {
                any |= mac::same(&ours, theirs);
            }
        }
        if !any {
            return None;
        }
        let once = self.guard.then(|| {
            // Over the signed bytes and not over the token's field: where parts are joined without a mark between them, a byte
            // moved from one to the other would be another token under the same signature.
            parts
                .iter()
                .fold(Sha256::new(), |h, p| h.chain_update(p))
                .finalize()
                .into()
        });
        Some(Proof {
            verdict: Verdict::Verified,
            once,
            old_ms,
        })
    }

    fn parts<'b>(
        &'b self,
        headers: Headers<'_, '_>,
        fields: Option<&Value>,
        body: &'b [u8],
    ) -> Option<Vec<Cow<'b, [u8]>>> {
        self.over
            .iter()
            .map(|o| o.bytes(headers, fields, body))
            .collect()
    }

    /// What a holder of the secret would show; of a token its hash, so that the length does not show in the time.
    fn ours(&self, secret: &str, parts: &[&[u8]]) -> Vec<u8> {
        match self.scheme {
            Scheme::Hmac(algorithm, _) => {
                let key = if self.whsec {
                    mac::whsec(secret)
                } else {
                    secret.as_bytes().to_vec()
                };
                mac::hmac(algorithm, &key, parts)
            }
            Scheme::Token => Sha256::digest(secret.as_bytes()).to_vec(),
        }
    }

    fn hash_in(&self, text: &str) -> Option<Vec<u8>> {
        let inner = text
            .trim()
            .strip_prefix(self.around.0.as_str())?
            .strip_suffix(self.around.1.as_str())?;
        match self.scheme {
            Scheme::Hmac(_, written) => mac::read(written, inner),
            Scheme::Token => Some(Sha256::digest(inner.as_bytes()).to_vec()),
        }
    }

    /// Signs as the vendor would, for fixtures: the header or the body's field it goes to, and its value.
    pub(crate) fn sign(
        &self,
        secret: &str,
        headers: Headers<'_, '_>,
        body: &[u8],
    ) -> Option<(String, String)> {
        let fields = self.fields(body)?;
        let inner = match self.scheme {
            Scheme::Hmac(_, written) => {
                let parts = self.parts(headers, fields.as_ref(), body)?;
                let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
                mac::write(written, &self.ours(secret, &parts))
            }
            Scheme::Token => secret.to_owned(),
        };
        Some((
            self.place.name().to_owned(),
            format!("{}{inner}{}", self.around.0, self.around.1),
        ))
    }
}
