//! `[workspace]`: the time zone, working week and holidays that times in flows are counted in.
//! Holidays are dates, or `file:` and the name of a file with one date a line.

use std::fs;

use stagewire_engine::time::Calendar;

use super::document::{Reader, Section, Setting};
use super::{WORKSPACE, variable};

/// Reads the section; what is wrong stands for itself and changes nothing.
pub(super) fn calendar(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Calendar {
    let section = reader.section(root, "workspace");
    if let Some(section) = &section {
        reader.only(section, WORKSPACE, &[]);
    }
    let mut calendar = Calendar::default();
    let name = variable("workspace", "time_zone");
    let zone = match env(&name) {
        Some(value) => Some(Setting::from_env(name, value)),
        None => section.as_ref().and_then(|s| reader.text(s, "time_zone")),
    };
    if let Some(zone) = zone {
        let hint = "write it as \"Europe/Berlin\"";
        let changed = calendar.clone().in_zone(zone.value.trim());
        calendar = taken(reader, &zone, changed, hint).unwrap_or(calendar);
    }
    let week = section
        .as_ref()
        .and_then(|s| reader.text(s, "working_week"));
    if let Some(week) = week {
        let hint = "write it as \"Mon-Fri\" or \"Sun, Mon, Tue\"";
        let changed = calendar.clone().with_week(&week.value);
        calendar = taken(reader, &week, changed, hint).unwrap_or(calendar);
    }
    let listed = match &section {
        Some(section) => reader.texts(section, "holidays"),
        None => Vec::new(),
    };
    for entry in listed {
        for day in days(reader, &entry) {
            let hint = "write it as \"2026-12-25\"";
            let changed = calendar.clone().with_holiday(&day);
            calendar = taken(reader, &entry, changed, hint).unwrap_or(calendar);
        }
    }
    calendar
}

fn taken(
    reader: &mut Reader<'_>,
    setting: &Setting,
    changed: Result<Calendar, String>,
    hint: &str,
) -> Option<Calendar> {
    changed
        .map_err(|says| reader.problem(setting, says, Some(hint)))
        .ok()
}

/// The days an entry names: itself, or the lines of its file; what follows a `#` is for people.
fn days(reader: &mut Reader<'_>, entry: &Setting) -> Vec<String> {
    let Some(file) = entry.value.strip_prefix("file:") else {
        return vec![entry.value.clone()];
    };
    let path = reader.beside(file.trim());
    match fs::read_to_string(&path) {
        Ok(text) => text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect(),
        Err(error) => {
            let says = format!("{} cannot be read: {error}", path.display());
            reader.problem(entry, says, None);
            Vec::new()
        }
    }
}
