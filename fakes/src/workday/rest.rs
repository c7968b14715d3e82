//! REST recruiting v4, as far as it is confirmed: job postings. Everything else is "not offered".

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Core;
use super::api::{Fake, Wrong, failure, http_caller, text};
use super::drift::{self, Drift};
use super::rows::{Kind, Requisition, number_of_wid, wid, word_wid};
use super::tokens::Access;

const MOST: usize = 100;
const USUAL: usize = 20;

pub(crate) async fn call(State(fake): State<Fake>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches("/ccx/api/");
    let path: Vec<&str> = path.split('/').collect();
    let [service, version, tenant, resource @ ..] = path.as_slice() else {
        return failure(404, "not found", &[]);
    };
    let name = resource.first().unwrap_or(&"");
    let method = request.method();
    let one = if resource.len() > 1 { "/{id}" } else { "" };
    fake.count(format!("{method} /ccx/api/{service}/{version}/{name}{one}"));
    let header = text(request.headers(), "authorization");
    let caller = match http_caller(&fake, tenant, header, false) {
        Ok(caller) => caller,
        Err(refused) => return *refused,
    };
    let offered = (*service, *version, *name) == ("recruiting", "v4", "jobPostings");
    if !offered || request.method() != Method::GET {
        return failure(404, "The resource does not exist", &[]);
    }
    if caller.access == Access::Forbidden {
        return failure(403, "permission denied", &[]);
    }
    let host = text(request.headers(), "host").unwrap_or("127.0.0.1");
    let core = fake.lock();
    match resource {
        [_] => {
            let asked = Query::<Vec<(String, String)>>::try_from_uri(request.uri());
            let Ok(Query(asked)) = asked else {
                return failure(400, "Invalid request", &[]);
            };
            match page(&asked) {
                Ok(_) if caller.access == Access::EmptyRows => {
                    Json(json!({"total": 0, "data": []})).into_response()
                }
                Ok(page) => Json(list(&core, page, host)).into_response(),
                Err(wrong) => failure(400, "Invalid request", &[wrong]),
            }
        }
        [_, id] => {
            let found = number_of_wid(Kind::Posting, id);
            let found = found.and_then(|id| core.world.requisitions.get(id));
            match found.filter(|row| row.is_posted() && caller.access == Access::Full) {
                Some(row) => Json(shown(&core, &row, host)).into_response(),
                None => failure(404, "The resource does not exist", &[]),
            }
        }
        _ => failure(404, "The resource does not exist", &[]),
    }
}

fn page(asked: &[(String, String)]) -> Result<(usize, usize), Wrong> {
    let (mut limit, mut offset) = (USUAL, 0);
    for (name, value) in asked {
        let number = value.parse::<usize>();
        match name.as_str() {
            "limit" => {
                limit = number
                    .ok()
                    .filter(|limit| (1..=MOST).contains(limit))
                    .ok_or_else(|| Wrong::new("limit must be from 1 to 100", name))?;
            }
            "offset" => {
                offset = number.map_err(|_| Wrong::new("offset must be a number", name))?;
            }
            _ => {}
        }
    }
    Ok((limit, offset))
}

/// Requisitions are few, whatever the crowd.
fn list(core: &Core, (limit, offset): (usize, usize), host: &str) -> Value {
    let posted = core.world.requisitions.iter().filter(|row| row.is_posted());
    let posted: Vec<&Requisition> = posted.collect();
    let rows = posted.iter().skip(offset).take(limit);
    let rows: Vec<Value> = rows.map(|row| shown(core, row, host)).collect();
    json!({"total": posted.len(), "data": rows})
}

fn shown(core: &Core, row: &Requisition, host: &str) -> Value {
    let word = |word: &str| json!({"id": word_wid(word), "descriptor": word});
    let id = wid(Kind::Posting, row.id);
    let since = row
        .posting
        .as_ref()
        .map_or(row.created_at, |posting| posting.since);
    let mut shown = json!({
        "id": id,
        "title": row.title,
        "url": format!("http://{host}/careers/{}", row.key()),
        "startDate": core.look.zone.day(since),
        "jobType": word("Regular"),
        "company": word(&core.organization),
        "timeType": word(row.time_type),
        "primaryLocation": {
            "id": wid(Kind::Location, row.location.id),
            "descriptor": row.location.name,
            "country": {
                "id": word_wid(row.location.country),
                "descriptor": row.location.country,
                "alpha3Code": row.location.alpha3,
            },
        },
        "jobDescription": format!("<p>{}</p>", row.description),
    });
    let drifts = core.drifts.iter();
    let drifts: Vec<Drift> = drifts
        .filter(|drift| drift.entity == "jobPostings")
        .cloned()
        .collect();
    drift::object(&mut shown, &drifts);
    shown
}
