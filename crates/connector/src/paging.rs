//! From one page to the next, and how to know that it was the last. Never leaves the origin it began at, never adds a parameter to
//! a cursor that travels alone.

mod param;

use crate::http::{Request, Response, origin, path_of};
use crate::manifest::Reader;
use crate::path::{Path, scalar_text};
use param::clear;
pub(crate) use param::{param, set_param};
use serde_json::{Value, json};
use std::collections::HashSet;

/// No scan has more pages than this.
pub(crate) const MAX_PAGES: usize = 100_000;

/// Why a scan ended before its end. What was read stands; nothing may be concluded from what is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The answer is not a list of rows.
    #[error("the answer is not a list of rows")]
    NotRows,
    /// The next page is one that was read before.
    #[error("the vendor sent us to a page we had read")]
    Repeats,
    /// The next page is at another origin.
    #[error("the next page is at another address")]
    OtherOrigin,
    /// The next page cannot be told.
    #[error("the next page cannot be read")]
    BadCursor,
    /// The vendor says there are more rows than came.
    #[error("fewer rows came than the vendor says there are")]
    Short,
    /// A full page without a next one, where the vendor always says which is the last.
    #[error("a full page without a next one")]
    FullLastPage,
    /// No end in sight.
    #[error("too many pages")]
    TooManyPages,
    /// The stream cannot be asked that way.
    #[error("this stream cannot be asked that way")]
    NotSupported,
}

/// How a vendor pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paging {
    style: Style,
    /// The query name for the size of a page.
    pub(crate) size: Option<String>,
    /// Rows of a page.
    pub(crate) per_page: u32,
    full_is_partial: bool,
}

#[derive(Clone, Debug, Default)]
enum Style {
    /// One document.
    #[default]
    Single,
    /// `Link: <…>; rel="next"`, followed as it is.
    LinkNext,
    /// A cursor in the body, sent beside the first request's parameters, or alone.
    BodyCursor {
        at: Path,
        param: String,
        alone: bool,
        /// Where the vendor says that there is more; what it says counts, not the cursor.
        more: Option<Path>,
    },
    /// A number: of the first row of the page, or of the page itself.
    Count {
        param: String,
        first: u64,
        by_page: bool,
        /// Where the vendor says how many rows (or pages) there are; else a page that is not full ends it.
        total: Option<Path>,
    },
}

impl Paging {
    pub(crate) fn read(r: &Reader<'_>) -> Paging {
        #[derive(Clone, Copy)]
        enum Word {
            Single,
            Link,
            Cursor,
            Offset,
            Page,
        }
        let style = match r.word(
            "style",
            &[
                ("single", Word::Single),
                ("link_next", Word::Link),
                ("body_cursor", Word::Cursor),
                ("offset", Word::Offset),
                ("page", Word::Page),
            ],
        ) {
            Some(Word::Link) => Style::LinkNext,
            Some(Word::Cursor) => {
                let at = r.path("cursor");
                if at.is_none() {
                    r.wrong("`cursor` is missing: where the cursor stands in the answer");
                }
                Style::BodyCursor {
                    at: at.unwrap_or_default(),
                    param: r.text("param").unwrap_or_else(|| "cursor".into()),
                    alone: r.flag("alone"),
                    more: r.path("more"),
                }
            }
            Some(word @ (Word::Offset | Word::Page)) => {
                let by_page = matches!(word, Word::Page);
                let usual = if by_page { "page" } else { "offset" };
                Style::Count {
                    param: r.text("param").unwrap_or_else(|| usual.into()),
                    first: u64::from(r.number("first").unwrap_or(u32::from(by_page))),
                    by_page,
                    total: r.path("total"),
                }
            }
            _ => Style::Single,
        };
        Paging {
            style,
            size: r.text("size"),
            per_page: r.number("per_page").unwrap_or(100),
            full_is_partial: r
                .word("full_last_page", &[("partial", true), ("end", false)])
                .unwrap_or(true),
        }
    }

    /// What the first request carries beside its own parameters.
    pub(crate) fn start(&self) -> Option<(String, Value)> {
        match &self.style {
            Style::Count { param, first, .. } => Some((param.clone(), json!(first))),
            _ => None,
        }
    }

    /// The next page, or none after the last. `rows` counts this one's rows, where that matters; `whole` = the scan
    /// should see everything.
    pub(crate) fn next(
        &self,
        request: &Request,
        response: &Response,
        body: &dyn Fn() -> Option<Value>,
        rows: &dyn Fn() -> usize,
        whole: bool,
    ) -> Result<Option<Request>, ScanError> {
        let here = origin(&request.url).ok_or(ScanError::BadCursor)?;
        let mut next = request.clone();
        match &self.style {
            Style::Single => return Ok(None),
            Style::LinkNext => {
                let header = response
                    .headers
                    .iter()
                    .filter(|(n, _)| n.eq_ignore_ascii_case("link"));
                match header.into_iter().find_map(|(_, v)| next_link(v)) {
                    Some(link) if link.starts_with('/') => next.url = format!("{here}{link}"),
                    Some(link) => next.url = link,
                    None => return self.last(rows, whole),
                }
            }
            Style::BodyCursor {
                at,
                param,
                alone,
                more,
            } => {
                let body = body().ok_or(ScanError::NotRows)?;
                let cursor = at
                    .get(&body)
                    .and_then(scalar_text)
                    .filter(|c| !c.is_empty());
                let more = more.as_ref().map(|p| p.get(&body) == Some(&json!(true)));
                let cursor = match (more, cursor) {
                    (Some(false), _) | (None, None) => return Ok(None),
                    (Some(true), None) => return Err(ScanError::BadCursor),
                    (_, Some(cursor)) => cursor,
                };
                if *alone {
                    clear(&mut next);
                }
                set_param(&mut next, param, &json!(cursor))?;
            }
            Style::Count {
                param: name,
                first,
                by_page,
                total,
            } => {
                let now = param(request, name)
                    .and_then(|t| t.parse::<u64>().ok())
                    .unwrap_or(*first);
                let came = rows() as u64;
                let step = if *by_page { 1 } else { came };
                let told = match total {
                    Some(at) => Some(
                        body()
                            .as_ref()
                            .and_then(|b| at.get(b))
                            .and_then(scalar_text)
                            .and_then(|t| t.parse::<u64>().ok())
                            .ok_or(ScanError::NotRows)?,
                    ),
                    None => None,
                };
                let over = match told {
                    Some(pages) if *by_page => now + 1 >= pages + first,
                    Some(rows) => now + came >= rows + first,
                    None => came < u64::from(self.per_page.max(1)),
                };
                if over {
                    return Ok(None);
                }
                if came == 0 {
                    return Err(ScanError::Short);
                }
                set_param(&mut next, name, &json!(now + step))?;
            }
        }
        if next.url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(ScanError::BadCursor);
        }
        // A cursor never takes us to another host, nor out of the API's part of it.
        if origin(&next.url).as_deref() != Some(here.as_str())
            || first_step(&next.url) != first_step(&request.url)
        {
            return Err(ScanError::OtherOrigin);
        }
        if next == *request {
            return Err(ScanError::Repeats);
        }
        Ok(Some(next))
    }

    /// No next page: the end, unless the vendor always says which page is the last.
    fn last(&self, rows: &dyn Fn() -> usize, whole: bool) -> Result<Option<Request>, ScanError> {
        if whole && self.full_is_partial {
            let rows = rows();
            if rows > 0 && rows >= self.per_page as usize {
                return Err(ScanError::FullLastPage);
            }
        }
        Ok(None)
    }
}

/// Remembers the pages of one scan, so that no page is read twice and every scan ends.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    met: HashSet<[u8; 16]>,
}

impl Scan {
    /// A scan that has read nothing.
    pub fn new() -> Scan {
        Scan::default()
    }

    /// Notes the page that was read and the one to come.
    pub fn step(
        &mut self,
        read: &Request,
        next: Option<Request>,
    ) -> Result<Option<Request>, ScanError> {
        self.met.insert(page_key(read));
        match next {
            Some(next) if self.met.contains(&page_key(&next)) => Err(ScanError::Repeats),
            Some(_) if self.met.len() >= MAX_PAGES => Err(ScanError::TooManyPages),
            next => Ok(next),
        }
    }
}

/// The target with `rel="next"` of a `Link` header.
fn next_link(header: &str) -> Option<String> {
    let mut rest = header;
    while let Some(open) = rest.find('<') {
        let close = open + rest[open..].find('>')?;
        let target = &rest[open + 1..close];
        let params = &rest[close + 1..];
        let end = params.find('<').unwrap_or(params.len());
        let is_next = params[..end].split([';', ',']).any(|p| {
            let p = p.trim();
            p.get(..4).is_some_and(|k| k.eq_ignore_ascii_case("rel="))
                && p[4..]
                    .trim_matches('"')
                    .split_whitespace()
                    .any(|w| w.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = &params[end..];
    }
    None
}

fn page_key(request: &Request) -> [u8; 16] {
    use sha2::Digest;
    let hash = sha2::Sha256::new()
        .chain_update(request.url.as_bytes())
        .chain_update([0])
        .chain_update(&request.body)
        .finalize();
    std::array::from_fn(|i| hash[i])
}

fn first_step(url: &str) -> Option<&str> {
    path_of(url).split(['/', '?']).nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Paging {
        Paging {
            style: Style::LinkNext,
            per_page: 2,
            full_is_partial: true,
            ..Paging::default()
        }
    }

    fn answer(link: Option<&str>) -> Response {
        Response {
            status: 200,
            headers: link
                .map(|l| ("Link".to_owned(), l.to_owned()))
                .into_iter()
                .collect(),
            body: b"[]".to_vec(),
        }
    }

    fn next(link_header: Option<&str>, rows: usize) -> Result<Option<String>, ScanError> {
        let request = Request::get("https://api.example.com/v3/x?per_page=2", "/v3/x");
        link()
            .next(&request, &answer(link_header), &|| None, &|| rows, true)
            .map(|r| r.map(|r| r.url))
    }

    #[test]
    fn the_next_link_is_followed_as_it_is() {
        let header = "<https://api.example.com/v3/x?cursor=a>; rel=\"prev\", <https://api.example.com/v3/x?cursor=b%3D>; rel=\"next\"";
        assert_eq!(
            next(Some(header), 2),
            Ok(Some("https://api.example.com/v3/x?cursor=b%3D".into()))
        );
        assert_eq!(next(None, 1), Ok(None));
    }

    #[test]
    fn a_page_elsewhere_or_met_before_or_full_without_a_next_one_is_partial() {
        assert_eq!(
            next(
                Some("<https://evil.example/v3/x?cursor=b>; rel=\"next\""),
                2
            ),
            Err(ScanError::OtherOrigin)
        );
        assert_eq!(
            next(
                Some("<https://api.example.com@evil.example/v3/x?cursor=b>; rel=\"next\""),
                2
            ),
            Err(ScanError::OtherOrigin)
        );
        assert_eq!(
            next(
                Some("<https://api.example.com/admin/x?cursor=b>; rel=\"next\""),
                2
            ),
            Err(ScanError::OtherOrigin)
        );
        assert_eq!(
            next(
                Some("<https://api.example.com/v3/x?per_page=2>; rel=\"next\""),
                2
            ),
            Err(ScanError::Repeats)
        );
        assert_eq!(next(None, 2), Err(ScanError::FullLastPage));
        let mut scan = Scan::new();
        let (a, b) = (
            Request::get("https://a.example/1", ""),
            Request::get("https://a.example/2", ""),
        );
        assert_eq!(
            scan.step(&a, Some(b.clone())).map(|n| n.map(|n| n.url)),
            Ok(Some(b.url.clone()))
        );
        assert_eq!(
            scan.step(&b, Some(a)).map(|n| n.map(|n| n.url)),
            Err(ScanError::Repeats)
        );
    }

    #[test]
    fn a_cursor_from_the_body_replaces_the_last_one_and_an_empty_one_ends() {
        let paging = Paging {
            style: Style::BodyCursor {
                at: Path::parse("meta.next").expect("a path"),
                param: "cursor".into(),
                alone: false,
                more: None,
            },
            ..Paging::default()
        };
        let request = Request::get("https://api.example.com/list?limit=2&cursor=old", "/list");
        let ask = |body: &str| {
            let json = || serde_json::from_str(body).ok();
            paging
                .next(&request, &Response::default(), &json, &|| 2, true)
                .map(|r| r.map(|r| r.url))
        };
        assert_eq!(
            ask(r#"{"meta":{"next":"a=="}}"#),
            Ok(Some(
                "https://api.example.com/list?limit=2&cursor=a%3D%3D".into()
            ))
        );
        assert_eq!(ask(r#"{"meta":{"next":""}}"#), Ok(None));
        assert_eq!(ask("oops"), Err(ScanError::NotRows));
    }

    fn counted(total: Option<&str>, by_page: bool) -> Paging {
        Paging {
            style: Style::Count {
                param: "at".into(),
                first: u64::from(by_page),
                by_page,
                total: total.and_then(Path::parse),
            },
            per_page: 2,
            ..Paging::default()
        }
    }

    #[test]
    fn a_count_goes_on_to_the_vendors_total_and_too_few_rows_are_partial() {
        let ask = |paging: &Paging, at: u64, rows: usize, total: u64| {
            let request = Request::get(format!("https://a.example/x?at={at}"), "/x");
            let body = || Some(json!({"total": total}));
            paging
                .next(&request, &Response::default(), &body, &|| rows, true)
                .map(|n| n.map(|n| n.url))
        };
        let by_row = counted(Some("total"), false);
        assert_eq!(
            ask(&by_row, 0, 2, 3),
            Ok(Some("https://a.example/x?at=2".into()))
        );
        assert_eq!(ask(&by_row, 2, 1, 3), Ok(None));
        assert_eq!(ask(&by_row, 2, 0, 3), Err(ScanError::Short));
        let by_page = counted(Some("total"), true);
        assert_eq!(
            ask(&by_page, 1, 2, 2),
            Ok(Some("https://a.example/x?at=2".into()))
        );
        assert_eq!(ask(&by_page, 2, 2, 2), Ok(None));
        let untold = counted(None, false);
        assert_eq!(
            ask(&untold, 4, 2, 0),
            Ok(Some("https://a.example/x?at=6".into()))
        );
        assert_eq!(ask(&untold, 4, 1, 0), Ok(None));
    }

    #[test]
    fn what_the_vendor_says_of_more_pages_counts_and_an_empty_page_is_no_end() {
        let paging = Paging {
            style: Style::BodyCursor {
                at: Path::parse("nextCursor").expect("a path"),
                param: "cursor".into(),
                alone: true,
                more: Path::parse("more"),
            },
            ..Paging::default()
        };
        let mut request = Request::get("https://a.example/x.list", "/x.list");
        (request.method, request.body) = ("POST".into(), b"{\"limit\":2}".to_vec());
        let ask = |body: Value| {
            let json = || Some(body.clone());
            paging.next(&request, &Response::default(), &json, &|| 0, true)
        };
        let next = ask(json!({"more": true, "nextCursor": "c"})).expect("a page");
        assert_eq!(
            next.map(|n| String::from_utf8_lossy(&n.body).into_owned()),
            Some("{\"cursor\":\"c\"}".into())
        );
        assert_eq!(ask(json!({"more": false, "nextCursor": "c"})), Ok(None));
        assert_eq!(
            ask(json!({"more": true, "nextCursor": null})),
            Err(ScanError::BadCursor)
        );
    }
}
