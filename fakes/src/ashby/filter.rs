//! Which rows a list leaves out: by its filters, and by what the key may not see. What is left out
//! by the key is a quiet gap, never an error.

use serde_json::Value;

use super::endpoints::Test;
use super::ids::Kind;
use super::keys::Key;
use super::list::Asked;
use super::problem::Problem;
use super::world::World;
use crate::clock::Time;

type Check<'a> = Box<dyn Fn(&World, u64) -> bool + 'a>;

/// The filters of one request.
pub(crate) struct Filter<'a> {
    kind: Kind,
    key: &'a Key,
    checks: Vec<Check<'a>>,
}

impl<'a> Filter<'a> {
    pub(crate) fn read(asked: &Asked<'a>) -> Result<Filter<'a>, Problem> {
        let kind = asked.list.kind;
        let mut checks: Vec<Check> = Vec::new();
        for test in asked.list.tests {
            checks.extend(check(asked, kind, *test)?);
        }
        // A cursor stands behind the moment already; with a token it leaves older rows out.
        if let Some(ms) = asked.fields.integer("createdAfter")? {
            let after = Time::from_ms(ms);
            checks.push(Box::new(move |world, n| {
                made_at(world, kind, n) > Some(after)
            }));
        }
        Ok(Filter {
            kind,
            key: asked.key,
            checks,
        })
    }

    pub(crate) fn passes(&self, world: &World, n: u64) -> bool {
        self.checks.iter().all(|check| check(world, n)) && sees(world, self.key, self.kind, n)
    }
}

fn check<'a>(asked: &Asked<'a>, kind: Kind, test: Test) -> Result<Option<Check<'a>>, Problem> {
    let fields = asked.fields;
    let name = test.field();
    let off = |name| fields.flag(name).map(|flag| flag != Some(true));
    Ok(Some(match test {
        Test::Archived if off(name)? => {
            Box::new(move |world, n| world.field(kind, n, "isArchived") != &Value::Bool(true))
        }
        Test::Deactivated if off(name)? => {
            Box::new(move |world, n| world.field(kind, n, "isEnabled") == &Value::Bool(true))
        }
        Test::Regions if off(name)? => {
            Box::new(move |world, n| world.text(kind, n, "type") != "LocationHierarchy")
        }
        Test::Listed if !off(name)? => {
            Box::new(move |world, n| world.field(kind, n, "isListed") == &Value::Bool(true))
        }
        Test::Status => match fields.text(name)? {
            Some(status @ ("Hired" | "Archived" | "Active" | "Lead")) => {
                Box::new(move |world, n| {
                    let row = world.applications.get(n);
                    row.is_some_and(|entry| world.status(&entry.row) == status)
                })
            }
            Some(_) => return Err(Problem::input(name, "No such status")),
            None => return Ok(None),
        },
        Test::Job => match fields.text(name)? {
            Some(job) => {
                let job = asked.world.find(Kind::Job, job)?;
                Box::new(move |world, n| {
                    let row = world.applications.get(n);
                    row.is_some_and(|entry| entry.row.job == job)
                })
            }
            None => return Ok(None),
        },
        Test::Needs(_, column) => {
            let wanted = fields.need(name)?;
            Box::new(move |world, n| world.text(kind, n, column) == wanted)
        }
        Test::Same(_, column) => match fields.text(name)? {
            Some(wanted) => Box::new(move |world, n| world.text(kind, n, column) == wanted),
            None => return Ok(None),
        },
        Test::AnyOf(_) => match fields.texts(name)? {
            Some(wanted) => Box::new(move |world, n| wanted.contains(&world.text(kind, n, name))),
            None => return Ok(None),
        },
        Test::After(_, column) => match fields.integer(name)? {
            Some(ms) => Box::new(move |world, n| {
                let at = Time::parse(world.text(kind, n, column));
                at.is_some_and(|at| at.ms() > ms)
            }),
            None => return Ok(None),
        },
        Test::Before(_, column) => match fields.integer(name)? {
            Some(ms) => Box::new(move |world, n| {
                let at = Time::parse(world.text(kind, n, column));
                at.is_some_and(|at| at.ms() < ms)
            }),
            None => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

fn made_at(world: &World, kind: Kind, n: u64) -> Option<Time> {
    match kind {
        Kind::Candidate => world.candidates.get(n).map(|entry| entry.created),
        Kind::Application => world.applications.get(n).map(|entry| entry.created),
        kind => world.table(kind).stored(n).map(|entry| entry.created),
    }
}

/// Whether a key sees a record: confidential jobs and projects, what belongs to them, and private
/// notes are for some keys only.
pub(crate) fn sees(world: &World, key: &Key, kind: Kind, n: u64) -> bool {
    if kind == Kind::Note && !key.private_fields {
        return world.field(kind, n, "isPrivate") != &Value::Bool(true);
    }
    if key.confidential {
        return true;
    }
    let open = |kind, n| world.field(kind, n, "confidential") != &Value::Bool(true);
    let of_application = |n: u64| {
        let entry = world.applications.get(n);
        entry.is_none_or(|entry| open(Kind::Job, entry.row.job))
    };
    match kind {
        Kind::Job | Kind::Project => open(kind, n),
        Kind::Application => of_application(n),
        Kind::Candidate => {
            let entry = world.candidates.get(n);
            entry.is_none_or(|entry| {
                let all = &entry.row.applications;
                all.is_empty() || all.iter().any(|n| of_application(*n))
            })
        }
        kind => {
            let job = world.points_at(kind, n, "jobId", Kind::Job);
            let application = world.points_at(kind, n, "applicationId", Kind::Application);
            job.is_none_or(|job| open(Kind::Job, job)) && application.is_none_or(of_application)
        }
    }
}
