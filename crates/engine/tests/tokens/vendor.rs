//! A token service that gives out refresh tokens that work once (or for ever), and an API that takes the newest token only.

use serde_json::{Value, json};
use stagewire_connector::http::Sending;
use stagewire_connector::{MaybeSent, NotSent, Request, Response, SendError, Transport};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// What happens to the next call for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is done, and its answer is lost.
    Lost,
    /// It never arrives.
    Unreached,
    /// Answered with this status.
    Status(u16),
    /// It stays with the vendor until it is let go.
    Held,
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) fates: VecDeque<Fate>,
    /// Every call, by path and form.
    pub(crate) calls: Vec<(String, BTreeMap<String, String>)>,
    /// The token that works.
    pub(crate) access: String,
    /// The refresh token that works.
    pub(crate) refresh: String,
    pub(crate) single_use: bool,
    pub(crate) minted: usize,
    pub(crate) account: String,
    /// Whether the API takes anything at all.
    pub(crate) shut: bool,
}

#[derive(Default)]
pub(crate) struct Vendor {
    books: Mutex<Books>,
    pub(crate) came: Notify,
    pub(crate) go: Notify,
}

impl Vendor {
    pub(crate) fn new(single_use: bool) -> Vendor {
        let vendor = Vendor::default();
        let mut books = vendor.books();
        books.single_use = single_use;
        books.refresh = "typed".into();
        books.account = "org-1".into();
        drop(books);
        vendor
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no test panics with it in hand")
    }

    pub(crate) fn next(&self, fates: &[Fate]) {
        self.books().fates.extend(fates);
    }

    /// Somebody else mints, and ours ends.
    pub(crate) fn revoke(&self) {
        self.books().access = "another's".into();
    }

    pub(crate) fn calls(&self, path: &str) -> usize {
        let books = self.books();
        books.calls.iter().filter(|(p, _)| p == path).count()
    }

    pub(crate) fn form(&self, path: &str) -> BTreeMap<String, String> {
        let books = self.books();
        let last = books.calls.iter().rev().find(|(p, _)| p == path);
        last.expect("such a call").1.clone()
    }

    fn answer(
        &self,
        path: &str,
        bearer: Option<&str>,
        form: &BTreeMap<String, String>,
    ) -> Response {
        let mut books = self.books();
        let get = |key: &str| form.get(key).map(String::as_str);
        match path {
            "/token" => {
                let ok = match get("grant_type") {
                    Some("client_credentials") => true,
                    Some("authorization_code") => get("code") == Some("good"),
                    _ => get("refresh_token") == Some(books.refresh.as_str()),
                };
                if !ok {
                    // a used one ends the whole family
                    if books.single_use {
                        books.refresh = "ended".into();
                    }
                    return told(
                        400,
                        &json!({"error": "invalid_grant", "error_description": "it was used"}),
                    );
                }
                books.minted += 1;
                books.access = format!("a{}", books.minted);
                if books.single_use || get("grant_type") == Some("authorization_code") {
                    books.refresh = format!("r{}", books.minted);
                }
                let refresh = (get("grant_type") != Some("client_credentials"))
                    .then(|| books.refresh.clone());
                told(
                    200,
                    &json!({"access_token": books.access, "refresh_token": refresh, "expires_in": 3600}),
                )
            }
            "/look" => told(
                200,
                &json!({"active": true, "scope": "people:list notes:create", "org": {"id": books.account}}),
            ),
            _ if books.shut || bearer != Some(books.access.as_str()) => {
                told(401, &json!({"message": "no"}))
            }
            _ => told(200, &json!({"ok": true})),
        }
    }

    async fn call(&self, request: Request) -> Result<Response, SendError> {
        let path = stagewire_connector::http::path_of(&request.url).to_owned();
        let bearer = request
            .header("authorization")
            .and_then(|v| v.strip_prefix("Bearer "))
            .map(str::to_owned);
        let form = form(&String::from_utf8_lossy(&request.body));
        self.books().calls.push((path.clone(), form.clone()));
        let fate = match path.as_str() {
            "/token" => self.books().fates.pop_front(),
            _ => None,
        };
        match fate {
            None => Ok(self.answer(&path, bearer.as_deref(), &form)),
            Some(Fate::Lost) => {
                self.answer(&path, bearer.as_deref(), &form);
                Err(SendError::MaybeSent {
                    kind: MaybeSent::Timeout,
                })
            }
            Some(Fate::Unreached) => Err(SendError::NotSent {
                kind: NotSent::Refused,
            }),
            Some(Fate::Status(status)) => Ok(told(status, &json!({"error": "invalid_client"}))),
            Some(Fate::Held) => {
                let answer = self.answer(&path, bearer.as_deref(), &form);
                self.came.notify_one();
                self.go.notified().await;
                Ok(answer)
            }
        }
    }
}

impl Transport for Vendor {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.call(request))
    }
}

fn told(status: u16, body: &Value) -> Response {
    Response {
        status,
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
    }
}

/// `a=b&c=d`, decoded.
pub(crate) fn form(text: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let (mut out, mut rest) = (Vec::new(), text.as_bytes());
        while let Some((&b, tail)) = rest.split_first() {
            rest = tail;
            if b == b'%' && tail.len() >= 2 {
                let hex = std::str::from_utf8(&tail[..2]).expect("ASCII");
                out.push(u8::from_str_radix(hex, 16).expect("two digits"));
                rest = &tail[2..];
            } else {
                out.push(b);
            }
        }
        String::from_utf8(out).expect("UTF-8")
    };
    let pairs = text.split('&').filter_map(|p| p.split_once('='));
    pairs.map(|(k, v)| (decode(k), decode(v))).collect()
}
