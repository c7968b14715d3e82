//! Flow files and the server: `plan`, `apply`, `export`, `try`. The database holds the versions;
//! these commands compare, send and fetch, and decide nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};

use crate::cli::{Apply, Export, Try};
use crate::door::{Answer, Door};
use crate::setup::Installation;
use crate::told::{Format, Problem, Stop, answer};

pub(crate) async fn plan(installation: &Installation, format: Format) -> Result<(), Stop> {
    let files = installation.flow_files()?;
    let door = Door::open(installation, false).await?;
    let body = json!({ "files": files });
    let answered = door.ask("POST", "/api/v1/flows/plan", Some(&body)).await?;
    changes(installation, answered, format)
}

pub(crate) async fn apply(
    installation: &Installation,
    asked: &Apply,
    format: Format,
) -> Result<(), Stop> {
    let files = installation.flow_files()?;
    let door = Door::open(installation, false).await?;
    let mut body = json!({ "files": files });
    if let Some(side) = asked.take {
        body["take"] = side.as_str().into();
    }
    if let Some(reason) = &asked.override_reason {
        body["override_reason"] = reason.as_str().into();
    }
    let answered = door.ask("POST", "/api/v1/flows/apply", Some(&body)).await?;
    changes(installation, answered, format)
}

/// What changes, or the problems of the files with their places.
fn changes(installation: &Installation, answered: Answer, format: Format) -> Result<(), Stop> {
    let value = good(installation, answered)?;
    answer(format, &value, || {
        let rows = items(&value, "changes");
        let lines = rows.iter().map(|row| {
            let [flow, change, says] = ["flow", "change", "say"].map(|key| text(row, key));
            format!("{flow}: {change}: {says}")
        });
        match rows.is_empty() {
            true => "there are no flows".to_owned(),
            false => lines.collect::<Vec<_>>().join("\n"),
        }
    });
    Ok(())
}

pub(crate) async fn export(
    installation: &Installation,
    asked: &Export,
    format: Format,
) -> Result<(), Stop> {
    let door = Door::open(installation, false).await?;
    let value = door.done("GET", "/api/v1/flows/export", None).await?;
    let files = value["files"].as_object().context("no files were sent")?;
    let flows = &installation.config.server.flows;
    let folder = asked.folder.as_deref().unwrap_or(flows);
    let mut texts: BTreeMap<&str, &str> = BTreeMap::new();
    for (id, text) in files {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        match text.as_str() {
            Some(text) if id.chars().all(letters) => drop(texts.insert(id, text)),
            _ => return Err(anyhow!("`{id}` cannot be a file's name").into()),
        }
    }
    let written = write(folder, &texts, asked.force)?;
    answer(format, &json!({ "written": written }), || {
        match written.is_empty() {
            true => "every file is as the server has it".to_owned(),
            false => written.join("\n"),
        }
    });
    Ok(())
}

/// Writes what differs; nothing where a file would be replaced that nobody allowed to be.
fn write(folder: &Path, texts: &BTreeMap<&str, &str>, force: bool) -> anyhow::Result<Vec<String>> {
    let mut due = Vec::new();
    for (id, text) in texts {
        let file = folder.join(format!("{id}.toml"));
        match fs::read_to_string(&file) {
            Ok(there) if there == **text => {}
            Ok(_) if !force => bail!(
                "{} says something else than the server; look at `stagewire plan`, or give --force",
                file.display()
            ),
            _ => due.push((file, *text)),
        }
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut written = Vec::new();
    for (file, text) in due {
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        written.push(file.display().to_string());
    }
    Ok(written)
}

pub(crate) async fn try_flow(
    installation: &Installation,
    asked: &Try,
    format: Format,
) -> Result<(), Stop> {
    let mut body = match asked.events.is_empty() {
        true => json!({ "events": asked.last }),
        false => json!({ "events": asked.events }),
    };
    if let Some(file) = &asked.file {
        let source = fs::read_to_string(file);
        let source = source.with_context(|| format!("cannot read {}", file.display()))?;
        body["source"] = source.into();
    }
    let door = Door::open(installation, false).await?;
    let path = format!("/api/v1/flows/{}/try", asked.flow);
    let answered = door.ask("POST", &path, Some(&body)).await?;
    let value = good(installation, answered)?;
    answer(format, &value, || tried(&value));
    Ok(())
}

fn tried(value: &Value) -> String {
    let rows = items(value, "items");
    if rows.is_empty() {
        return "there is no recorded event to try it on".to_owned();
    }
    let mut lines = Vec::new();
    for row in rows {
        let because = match text(row, "because") {
            because if because.is_empty() => because,
            because => format!(": {because}"),
        };
        let [event, id, verdict] = ["event", "event_id", "verdict"].map(|key| text(row, key));
        lines.push(format!("{event} {id}: {verdict}{because}"));
        for step in items(row, "steps") {
            let [id, would] = ["step", "would"].map(|key| text(step, key));
            let with = step.get("with").or(step.get("because"));
            let with = with.map(|with| format!(" {with}")).unwrap_or_default();
            lines.push(format!("  {id}: {would}{with}"));
        }
    }
    lines.join("\n")
}

/// A good answer, or the problems of the files it was about.
fn good(installation: &Installation, answered: Answer) -> Result<Value, Stop> {
    let problems = answered.body.get("problems").and_then(Value::as_array);
    let bad = answered.status >= 400;
    match problems.filter(|list| bad && !list.is_empty()) {
        Some(list) => {
            let folder = &installation.config.server.flows;
            let problems = list.iter().map(|one| Problem::of_answer(folder, one));
            Err(Stop::Problems(problems.collect()))
        }
        None => Ok(answered.good()?),
    }
}

/// The rows of an answer, under their name or as lists have them.
fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    let rows = [value.get(name), value.get("items"), Some(value)];
    let rows = rows.into_iter().flatten().find_map(Value::as_array);
    rows.map_or(&[], Vec::as_slice)
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}
