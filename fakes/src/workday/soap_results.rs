//! The results of SOAP requests: made once, kept for about two hours, given out in pages. With an
//! As_Of_Entry_DateTime all pages come from one snapshot; without it the next change moves them.

use std::sync::Arc;

use super::cell::Look;
use super::rows::{Kind, number, number_of_wid};
use super::soap::Fault;
use super::soap_ask::{Ask, Criteria, Id, Operation};
use super::table::Window;
use super::world::World;
use super::xml::Element;
use super::{soap_jobs, soap_people};
use crate::clock::Time;

const KEEP_SECS: i64 = 2 * 3600;
const KEEP: usize = 16;

/// What a request found, and the data it was found in.
#[derive(Clone)]
pub(crate) struct Results {
    world: Arc<World>,
    ids: Arc<Vec<u64>>,
}

impl Default for Results {
    fn default() -> Self {
        Results {
            world: Arc::new(World::empty()),
            ids: Arc::default(),
        }
    }
}

/// The results kept.
#[derive(Default)]
pub(crate) struct Cache(Vec<Kept>);

struct Kept {
    key: String,
    made_at: Time,
    results: Results,
}

impl Cache {
    /// The result of a request: the kept one, or a new one from `world`. A past that nobody has
    /// kept is not rebuilt; what was created or happened after the moment is left out, no more.
    pub(crate) fn find(
        &mut self,
        ask: &Ask,
        user: &str,
        world: Arc<World>,
        now: Time,
    ) -> Result<Results, Fault> {
        let state = match ask.as_of {
            Some(at) => at.to_string(),
            None => format!("live {}", world.generation),
        };
        let key = format!("{:?} {user} {state} {:?}", ask.operation, ask.criteria);
        self.0
            .retain(|kept| now < kept.made_at.plus_secs(KEEP_SECS));
        if let Some(kept) = self.0.iter().find(|kept| kept.key == key) {
            return Ok(kept.results.clone());
        }
        let ids = Arc::new(select(&world, ask)?);
        let results = Results { world, ids };
        if self.0.len() == KEEP {
            self.0.remove(0);
        }
        self.0.push(Kept {
            key,
            made_at: now,
            results: results.clone(),
        });
        Ok(results)
    }
}

fn select(world: &World, ask: &Ask) -> Result<Vec<u64>, Fault> {
    let wanted = &ask.criteria;
    let requisitions = wanted.requisitions.iter();
    let requisitions = requisitions
        .map(|id| resolve(world, id, Kind::Requisition))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(references) = &wanted.references {
        let ids = references.iter();
        let ids = ids.map(|id| resolve(world, id, ask.operation.kind()));
        return ids.collect();
    }
    let touched = wanted.touched.map(|(from, through)| {
        let through = [through, ask.as_of].into_iter().flatten().min();
        (from, through)
    });
    let ids = match (ask.operation, touched) {
        (Operation::Candidates, Some(window)) => world.candidates_touched(window),
        (Operation::Candidates, None) => world.candidates.ids((None, None)),
        (_, Some(window)) => world.requisitions_touched(window),
        (_, None) => world.requisitions.ids((None, None)),
    };
    let ids = ids.into_iter();
    let ids = ids.filter(|id| match ask.operation {
        Operation::Candidates => candidate(world, *id, wanted, &requisitions, ask.as_of),
        Operation::Requisitions => requisitions.is_empty() || requisitions.contains(id),
        Operation::Postings => {
            let named = requisitions.is_empty() || requisitions.contains(id);
            named && posting(world, *id, wanted)
        }
    });
    Ok(ids.collect())
}

fn candidate(
    world: &World,
    id: u64,
    wanted: &Criteria,
    requisitions: &[u64],
    as_of: Option<Time>,
) -> bool {
    let Some(row) = world.candidates.get(id) else {
        return false;
    };
    let same = |wanted: &Option<String>, text: &str| {
        let wanted = wanted.as_ref();
        wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(text))
    };
    let plain = as_of.is_none_or(|at| row.created_at <= at)
        && within(row.created_at, wanted.created)
        && same(&wanted.first_name, &row.first_name)
        && same(&wanted.last_name, &row.last_name)
        && same(&wanted.email, row.email.as_deref().unwrap_or_default());
    if !plain {
        return false;
    }
    if requisitions.is_empty() && wanted.stages.is_empty() && wanted.applied.is_none() {
        return true;
    }
    world.applications_of(id).iter().any(|application| {
        let stages = &wanted.stages;
        let here = |id: &Id| id.value == application.stage.name;
        within(application.applied_at, wanted.applied)
            && (requisitions.is_empty() || requisitions.contains(&application.requisition_id))
            && (stages.is_empty() || stages.iter().any(here))
    })
}

fn posting(world: &World, id: u64, wanted: &Criteria) -> bool {
    let row = world.requisitions.get(id);
    row.is_some_and(|row| {
        let active = row.is_posted() || !wanted.only_active;
        let posting = row.posting.as_ref();
        posting.is_some_and(|posting| active && (posting.external || !wanted.only_external))
    })
}

fn within(at: Time, window: Option<Window>) -> bool {
    let (from, through) = window.unwrap_or_default();
    from.is_none_or(|from| from <= at) && through.is_none_or(|through| at <= through)
}

/// The number that a reference names; naming nothing is a validation error.
fn resolve(world: &World, id: &Id, kind: Kind) -> Result<u64, Fault> {
    let word = match kind {
        Kind::Candidate => "Candidate_ID",
        Kind::Posting => "Job_Posting_ID",
        _ => "Job_Requisition_ID",
    };
    let found = match id.kind.as_str() {
        "WID" => number_of_wid(kind, &id.value),
        named if named == word => number(kind, &id.value),
        _ => None,
    };
    let lives = |found: &u64| match kind {
        Kind::Candidate => world.candidates.get(*found).is_some(),
        Kind::Posting => {
            let row = world.requisitions.get(*found);
            row.is_some_and(|row| row.posting.is_some())
        }
        _ => world.requisitions.get(*found).is_some(),
    };
    found.filter(lives).ok_or_else(|| {
        let text = format!(
            "Invalid ID value. {} is not a valid ID value for type = {}",
            id.value, id.kind
        );
        Fault::validation(text, id.xpath.as_str())
    })
}

/// One page of a result as the response element.
pub(crate) fn respond(ask: &Ask, results: &Results, version: &str, look: &Look) -> Element {
    let total = results.ids.len();
    let start = (ask.page - 1).saturating_mul(ask.count).min(total);
    let ids = &results.ids[start..(start + ask.count).min(total)];
    let world = &results.world;
    let data = ids.iter().filter_map(|id| match ask.operation {
        Operation::Candidates => soap_people::candidate(world, *id, ask, look),
        Operation::Requisitions => soap_jobs::requisition(world, *id, ask, look),
        Operation::Postings => soap_jobs::posting(world, *id, ask, look),
    });
    let data = Element::of("Response_Data", data);
    let numbers = [
        ("Total_Results", total),
        ("Total_Pages", total.div_ceil(ask.count)),
        ("Page_Results", ids.len()),
        ("Page", ask.page),
    ];
    let numbers = numbers.map(|(name, number)| Element::leaf(name, number.to_string()));
    let name = format!("{}_Response", ask.operation.name());
    let mut response = Element::of(&name, [Element::of("Response_Results", numbers)]);
    if !data.children.is_empty() {
        response.children.push(data);
    }
    response.with("wd:version", version)
}
