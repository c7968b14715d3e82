//! Is a delivery from who it says it is: the manifest's signature recipe over raw bytes, in constant time. Parses no body and
//! refuses whatever it cannot read.

use crate::mac::{self, Algorithm, Written};
use crate::manifest::Reader;
use crate::settings::Settings;
use stagewire_model::Micros;

/// What a look at a signature found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Signed with one of the secrets.
    Verified,
    /// This vendor signs nothing: fetch before trusting.
    Unsigned,
    /// Not signed, wrongly signed, or signed too long ago.
    Bad,
    /// No secret is filled in yet.
    NoSecret,
}

/// Finds a header by its name, whatever its case.
pub type Headers<'f, 'h> = &'f dyn Fn(&str) -> Option<&'h str>;

/// How a vendor signs.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    algorithm: Algorithm,
    over: Vec<Over>,
    header: String,
    /// Before and after the hash.
    around: (String, String),
    written: Written,
    /// Between several signatures in one header.
    between: Option<String>,
    secret: String,
    whsec: bool,
    time: Option<(String, i64)>,
}

#[derive(Clone, Debug)]
enum Over {
    Body,
    Header(String),
    Text(String),
}

impl Recipe {
    pub(crate) fn read(r: &Reader<'_>) -> Option<Recipe> {
        use Algorithm::{Sha1, Sha256, Sha512};
        let algorithm = r.word(
            "scheme",
            &[
                ("hmac_sha1", Sha1),
                ("hmac_sha256", Sha256),
                ("hmac_sha512", Sha512),
            ],
        )?;
        let over = match r.texts("over") {
            list if list.is_empty() => vec![Over::Body],
            list => list.iter().filter_map(|t| over(r, t)).collect(),
        };
        let shape = r.text("shape").unwrap_or_else(|| "{hex}".into());
        let (written, around) = match [("{hex}", Written::Hex), ("{base64}", Written::Base64)]
            .iter()
            .find_map(|(mark, w)| Some((*w, shape.split_once(mark)?)))
        {
            Some((written, (before, after))) => (written, (before.to_owned(), after.to_owned())),
            None => {
                r.wrong_at("shape", "`shape` should hold `{hex}` or `{base64}`");
                return None;
            }
        };
        let time = r.table("timestamp").map(|t| {
            let time = (t.need("header"), t.duration("tolerance").unwrap_or(300_000));
            t.done();
            time
        });
        let whsec = r
            .word("key", &[("text", false), ("whsec", true)])
            .unwrap_or(false);
        Some(Recipe {
            algorithm,
            over,
            header: r.need("header"),
            around,
            written,
            between: r.text("between"),
            secret: r.need("secret"),
            whsec,
            time,
        })
    }

    pub(crate) fn secret_field(&self) -> &str {
        &self.secret
    }

    pub(crate) fn verify(
        &self,
        settings: &Settings,
        headers: Headers<'_, '_>,
        body: &[u8],
        now: Micros,
    ) -> Verdict {
        let secrets = settings.all(&self.secret);
        if secrets.is_empty() {
            return Verdict::NoSecret;
        }
        match self.signed(&secrets, headers, body, now) {
            Some(true) => Verdict::Verified,
            _ => Verdict::Bad,
        }
    }

    /// `None` where the request lacks something the recipe needs.
    fn signed(
        &self,
        secrets: &[&str],
        headers: Headers<'_, '_>,
        body: &[u8],
        now: Micros,
    ) -> Option<bool> {
        let header = headers(&self.header)?;
        if let Some((name, tolerance)) = &self.time {
            let told: i64 = headers(name)?.trim().parse().ok()?;
            let apart = now.seconds().checked_sub(told)?.checked_abs()?;
            if apart.saturating_mul(1000) > *tolerance {
                return Some(false);
            }
        }
        let mut parts: Vec<&[u8]> = Vec::with_capacity(self.over.len());
        for over in &self.over {
            parts.push(match over {
                Over::Body => body,
                Over::Header(name) => headers(name)?.as_bytes(),
                Over::Text(text) => text.as_bytes(),
            });
        }
        let given: Vec<Vec<u8>> = match &self.between {
            Some(between) => header
                .split(between.as_str())
                .filter_map(|one| self.hash_in(one))
                .collect(),
            None => self.hash_in(header).into_iter().collect(),
        };
        // Every secret is tried against every signature: how many match, or which, does not show in the time.
        let mut any = false;
        for secret in secrets {
            let key = if self.whsec {
                mac::whsec(secret)
            } else {
                secret.as_bytes().to_vec()
            };
            let ours = mac::hmac(self.algorithm, &key, &parts);
            for theirs in given.iter().take(16) {
                any |= mac::same(&ours, theirs);
            }
        }
        Some(any)
    }

    fn hash_in(&self, text: &str) -> Option<Vec<u8>> {
        let inner = text
            .trim()
            .strip_prefix(self.around.0.as_str())?
            .strip_suffix(self.around.1.as_str())?;
        mac::read(self.written, inner)
    }

    /// Signs as the vendor would: for fixtures.
    pub(crate) fn sign(
        &self,
        secret: &str,
        headers: Headers<'_, '_>,
        body: &[u8],
    ) -> Option<(String, String)> {
        let key = if self.whsec {
            mac::whsec(secret)
        } else {
            secret.as_bytes().to_vec()
        };
        let mut parts: Vec<&[u8]> = Vec::new();
        for over in &self.over {
            parts.push(match over {
                Over::Body => body,
                Over::Header(name) => headers(name)?.as_bytes(),
                Over::Text(text) => text.as_bytes(),
            });
        }
        let hash = mac::write(self.written, &mac::hmac(self.algorithm, &key, &parts));
        Some((
            self.header.clone(),
            format!("{}{hash}{}", self.around.0, self.around.1),
        ))
    }
}

fn over(r: &Reader<'_>, text: &str) -> Option<Over> {
    match text.split_once(':') {
        None if text == "body" => Some(Over::Body),
        Some(("header", name)) => Some(Over::Header(name.into())),
        Some(("text", text)) => Some(Over::Text(text.into())),
        _ => {
            r.wrong_at("over", format!("`{text}` is no part of a signature; there are `body`, `header:<name>` and `text:<constant>`"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Doc, Sink};

    fn recipe(toml: &str) -> Recipe {
        let sink = Sink::default();
        let doc = Doc::parse("webhooks.toml", toml, &sink);
        let recipe = Recipe::read(&Reader::new(&doc.root, &sink));
        assert_eq!(sink.take(), []);
        recipe.expect("a recipe")
    }

    const PLAIN: &str = "scheme = \"hmac_sha256\"\nheader = \"Signature\"\nshape = \"sha256 {hex}\"\nsecret = \"hook\"";
    const TIMED: &str = "scheme = \"hmac_sha256\"\nover = [\"header:webhook-id\", \"text:.\", \"header:webhook-timestamp\", \"text:.\", \"body\"]\n\
        header = \"webhook-signature\"\nshape = \"v1,{base64}\"\nbetween = \" \"\nkey = \"whsec\"\nsecret = \"hook\"\n\
        timestamp = { header = \"webhook-timestamp\", tolerance = \"5m\" }";

    fn check(
        recipe: &Recipe,
        secret: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        now: i64,
    ) -> Verdict {
        let settings = Settings::default().with("hook", secret);
        let find = |name: &str| {
            headers
                .iter()
                .find(|(n, _)| n.eq_ignore_ascii_case(name))
                .map(|(_, v)| *v)
        };
        recipe.verify(&settings, &find, body, Micros(now * 1_000_000))
    }

    // A made-up secret (`right`) and body; the digest was computed with another program.
    const BODY: &[u8] = br#"{"action":"ping","payload":{"name":"M\u00e4rz \u003c3"}}"#;
    const DIGEST: &str = "sha256 4f5604ed9640b5b0761f21da8cbff01bdb8dc3d90fd7cae2f50c2754da8cbc0c";

    #[test]
    fn any_secret_of_a_list_is_enough_and_one_changed_byte_is_not() {
        let recipe = recipe(PLAIN);
        let good = DIGEST.to_owned();
        assert_eq!(
            recipe
                .sign("right", &|_| None, BODY)
                .expect("a signature")
                .1,
            good
        );
        assert_eq!(
            check(&recipe, "right", &[("signature", &good)], BODY, 0),
            Verdict::Verified
        );
        assert_eq!(
            check(&recipe, "wrong, right", &[("signature", &good)], BODY, 0),
            Verdict::Verified
        );
        assert_eq!(
            check(&recipe, "wrong", &[("signature", &good)], BODY, 0),
            Verdict::Bad
        );
        let mut changed = BODY.to_vec();
        changed[3] ^= 1;
        assert_eq!(
            check(&recipe, "right", &[("signature", &good)], &changed, 0),
            Verdict::Bad
        );
        assert_eq!(
            check(&recipe, "right", &[("signature", &good[..40])], BODY, 0),
            Verdict::Bad,
            "a short hash is no hash"
        );
        assert_eq!(
            check(&recipe, "right", &[("signature", &good[7..])], BODY, 0),
            Verdict::Bad,
            "without the prefix"
        );
        assert_eq!(check(&recipe, "right", &[], BODY, 0), Verdict::Bad);
        assert_eq!(
            check(&recipe, " ", &[("signature", &good)], BODY, 0),
            Verdict::NoSecret
        );
    }

    #[test]
    fn a_timed_list_of_signatures_is_read_as_its_specification_says() {
        // From the reference libraries of Standard Webhooks.
        let recipe = recipe(TIMED);
        let (secret, body) = (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            br#"{"email":"test@example.com","username":"test_user"}"#,
        );
        let good = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        let run = |signature: &str, now| {
            let headers = [
                ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
                ("webhook-timestamp", "1649367553"),
                ("webhook-signature", signature),
            ];
            check(&recipe, secret, &headers, body, now)
        };
        assert_eq!(run(good, 1_649_367_553), Verdict::Verified);
        assert_eq!(
            run(&format!("nonsense v1a,AAAA {good}"), 1_649_367_553),
            Verdict::Verified
        );
        assert_eq!(
            run(good, 1_649_367_553 + 300),
            Verdict::Verified,
            "exactly 300 s apart"
        );
        assert_eq!(run(good, 1_649_367_553 - 301), Verdict::Bad);
        assert_eq!(
            run(
                "v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU=",
                1_649_367_553
            ),
            Verdict::Bad
        );
    }
}
