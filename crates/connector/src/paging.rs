//! From one page to the next, and how to know that it was the last. Never leaves the origin it began at, never adds a parameter to
//! a cursor that travels alone.

use crate::http::{Request, Response, encode, origin, path_of};
use crate::manifest::Reader;
use crate::path::{Path, scalar_text};
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
    /// A cursor in the body, put into the query beside the first request's parameters, or alone.
    BodyCursor {
        at: Path,
        query: String,
        alone: bool,
    },
}

impl Paging {
    pub(crate) fn read(r: &Reader<'_>) -> Paging {
        #[derive(Clone, Copy)]
        enum Word {
            Single,
            Link,
            Cursor,
        }
        let style = match r.word(
            "style",
            &[
                ("single", Word::Single),
                ("link_next", Word::Link),
                ("body_cursor", Word::Cursor),
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
                    query: r.text("query").unwrap_or_else(|| "cursor".into()),
                    alone: r.flag("alone"),
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

    /// The next page, or none after the last. `rows` counts this one's rows, where that matters; `whole` = the scan
    /// should see everything.
    pub(crate) fn next(
        &self,
        request: &Request,
        response: &Response,
        rows: &dyn Fn() -> usize,
        whole: bool,
    ) -> Result<Option<Request>, ScanError> {
        let here = origin(&request.url).ok_or(ScanError::BadCursor)?;
        let url = match &self.style {
            Style::Single => return Ok(None),
            Style::LinkNext => response
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case("link"))
                .find_map(|(_, v)| next_link(v))
                .map(|link| {
                    if link.starts_with('/') {
                        format!("{here}{link}")
                    } else {
                        link
                    }
                }),
            Style::BodyCursor { at, query, alone } => {
                let body = response.json().ok_or(ScanError::NotRows)?;
                let cursor = at
                    .get(&body)
                    .and_then(scalar_text)
                    .filter(|c| !c.is_empty());
                cursor.map(|c| with_cursor(&request.url, query, &c, *alone))
            }
        };
        let Some(url) = url else {
            let cursor = matches!(self.style, Style::BodyCursor { .. });
            if whole && self.full_is_partial && !cursor {
                let rows = rows();
                if rows > 0 && rows >= self.per_page as usize {
                    return Err(ScanError::FullLastPage);
                }
            }
            return Ok(None);
        };
        if url.chars().any(|c| c.is_control() || c == ' ') {
            return Err(ScanError::BadCursor);
        }
        // A cursor never takes us to another host, nor out of the API's part of it.
        if origin(&url).as_deref() != Some(here.as_str())
            || first_step(&url) != first_step(&request.url)
        {
            return Err(ScanError::OtherOrigin);
        }
        if url == request.url {
            return Err(ScanError::Repeats);
        }
        Ok(Some(Request {
            url,
            ..request.clone()
        }))
    }
}

/// Remembers the pages of one scan, so that no page is read twice and every scan ends.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    met: HashSet<String>,
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
        self.met.insert(read.url.clone());
        match next {
            Some(next) if self.met.contains(&next.url) => Err(ScanError::Repeats),
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

fn with_cursor(url: &str, query: &str, cursor: &str, alone: bool) -> String {
    let (path, old) = url.split_once('?').unwrap_or((url, ""));
    let mut parts: Vec<String> = if alone {
        Vec::new()
    } else {
        old.split('&')
            .filter(|p| !p.is_empty() && p.split('=').next() != Some(query))
            .map(str::to_owned)
            .collect()
    };
    parts.push(format!("{query}={}", encode(cursor)));
    format!("{path}?{}", parts.join("&"))
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
            .next(&request, &answer(link_header), &|| rows, true)
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
                query: "cursor".into(),
                alone: false,
            },
            ..Paging::default()
        };
        let request = Request::get("https://api.example.com/list?limit=2&cursor=old", "/list");
        let ask = |body: &str| {
            paging
                .next(
                    &request,
                    &Response {
                        status: 200,
                        headers: vec![],
                        body: body.into(),
                    },
                    &|| 2,
                    true,
                )
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
}
