//! `stagewire check`: everything that is wrong with configuration, connectors and flows, at once.
//! Reads files only; with `--connections` it also asks each vendor, and says what each connection has to keep at least.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use stagewire_engine::connection::Connection;
use stagewire_engine::engine::Configured;
use stagewire_engine::flows::{Connections, check as check_flow};
use stagewire_store::ConnectionRow;

use crate::cli::Check;
use crate::config::{self, Poll};
use crate::door::Door;
use crate::setup::{Installation, environment, filled_in};
use crate::told::{Format, Problem, Stop, answer};

/// Days of completeness that are shown.
const DAYS: u32 = 7;

pub(crate) async fn check(file: Option<&Path>, asked: &Check, format: Format) -> Result<(), Stop> {
    let installation = Installation::read(file, &environment)?;
    let (configured, problems) = installation.connections_and_problems(&environment);
    let mut problems: Vec<Problem> = problems.into_iter().map(Problem::of_config).collect();
    let connections = configured.len();
    let mut flows = 0;
    match installation.flow_files() {
        Err(found) => problems.extend(found.into_iter().map(Problem::of_config)),
        Ok(files) => {
            let catalog = catalog(configured);
            flows = files.len();
            for (id, source) in &files {
                let wrong = check_flow(id, source, &catalog).err().unwrap_or_default();
                let folder = &installation.config.server.flows;
                problems.extend(wrong.iter().map(|p| Problem::of_flow(folder, p)));
            }
        }
    }
    if !problems.is_empty() {
        return Err(Stop::Problems(problems));
    }
    let tested = match asked.connections {
        true => tests(&installation).await?,
        false => Vec::new(),
    };
    let bad = tested.iter().filter(|test| test["ok"] == false).count();
    let value =
        json!({"problems": [], "connections": connections, "flows": flows, "tested": tested});
    answer(format, &value, || {
        let counted = format!("{connections} connection(s) and {flows} flow(s): nothing is wrong");
        let lines = tested.iter().map(line);
        std::iter::once(counted)
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n")
    });
    match bad {
        0 => Ok(()),
        bad => Err(anyhow::anyhow!("{bad} connection(s) did not pass their test").into()),
    }
}

/// The connections as the flows see them, with nothing started.
fn catalog(configured: Vec<Configured>) -> Connections {
    let connection = |c: Configured| {
        let settings = filled_in(&c.spec, &c.fields);
        let unknown = ConnectionRow::default();
        Connection::new(c.spec, c.connector, settings, &unknown)
    };
    Connections(configured.into_iter().map(connection).collect())
}

async fn tests(installation: &Installation) -> Result<Vec<Value>, Stop> {
    let door = Door::open(installation, false).await?;
    let mut tested = Vec::new();
    for connection in &installation.config.connections {
        let id = &connection.id;
        let path = format!("/api/v1/connections/{id}/check");
        let answer = door.ask("POST", &path, None).await?;
        let told = answer.good();
        let (ok, says) = match &told {
            Ok(body) => (body["ok"] != false, sentence(body)),
            Err(error) => (false, error.to_string()),
        };
        let path = format!("/api/v1/connections/{id}");
        let detail = door.done("GET", &path, None).await?;
        let (lacking, keep) = (lacking(&detail), &detail["keep_needed"]);
        let days = completeness(&door, id).await?;
        tested.push(json!({"connection": id, "ok": ok, "says": says, "measured": measured(installation, connection), "completeness": days, "needs_scopes": lacking, "keep": keep}));
    }
    Ok(tested)
}

/// How its changes of the last days were learned, newest day first.
async fn completeness(door: &Door, id: &str) -> anyhow::Result<Value> {
    let path = format!("/api/v1/completeness?connection={id}&limit={DAYS}");
    Ok(door.done("GET", &path, None).await?["items"].take())
}

/// Whether polls are compared with what its webhooks brought; nothing where it has no webhooks.
fn measured(installation: &Installation, connection: &config::Connection) -> Option<bool> {
    let connector = installation.shelf.get(&connection.connector)?;
    connector.intake()?;
    Some(!connector.streams().is_empty() && connection.poll != Poll::Never)
}

/// The permissions without which something is not read.
fn lacking(connection: &Value) -> Vec<&str> {
    let lacking = connection["not_available"].as_array().into_iter().flatten();
    let scopes = lacking.filter_map(|l| l["scope"].as_str());
    scopes.collect::<BTreeSet<_>>().into_iter().collect()
}

fn sentence(body: &Value) -> String {
    body["sentence"].as_str().unwrap_or("answered").to_owned()
}

fn line(test: &Value) -> String {
    let word = match test["ok"] == true {
        true => "ok",
        false => "NOT OK",
    };
    let text = |key: &str| test[key].as_str().unwrap_or_default().to_owned();
    let mut lines = format!("{}: {word}: {}", text("connection"), text("says"));
    let scopes = test["needs_scopes"].as_array().into_iter().flatten();
    let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
    if !scopes.is_empty() {
        lines += &format!("\n  not granted, so not read: {}", scopes.join(", "));
    }
    if test["measured"] == false {
        lines += "\n  completeness: not measured, since it is not polled";
    }
    for day in test["completeness"].as_array().into_iter().flatten() {
        let told = ["seen_live", "late", "recovered", "missed"];
        let told = told.map(|how| format!("{} {}", day[how], how.replace("seen_", "")));
        let date = day["day"].as_str().unwrap_or_default();
        lines += &format!("\n  {date}: {}", told.join(", "));
    }
    if let Some(keep) = test["keep"].as_array().filter(|k| !k.is_empty()) {
        // JSON's lists of texts are TOML's too
        let list: Vec<String> = keep.iter().map(Value::to_string).collect();
        let list = list.join(", ");
        lines += &format!("\n  enough for its flows and subscriptions: keep = [{list}]");
    }
    lines
}
