//! `stagewire replay` and `stagewire verify-log`: trying failures again, and proving the audit log.

use std::time::Duration;

use serde_json::{Map, Value, json};
use stagewire_engine::hub::Hub;
use stagewire_model::ActionState;

use crate::cli::Replay;
use crate::door::Door;
use crate::local;
use crate::setup::Installation;
use crate::told::{Format, Stop, answer};

/// How long a command waits for what it sent itself.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tries again what is in the inbox. Without a server, what goes again is sent by this process.
pub(crate) async fn replay(
    installation: &Installation,
    asked: &Replay,
    format: Format,
) -> Result<(), Stop> {
    let door = Door::open(installation, !asked.plan).await?;
    let (path, body) = match asked.failure {
        Some(id) => (format!("/api/v1/failures/{id}/replay"), json!({})),
        None => (
            "/api/v1/failures/replay".to_owned(),
            json!({"filter": filter(asked), "plan": asked.plan}),
        ),
    };
    let value = door.done("POST", &path, Some(&body)).await?;
    if let (false, Door::Here(_, opened)) = (asked.plan, &door) {
        let ids = value["again"].as_array().into_iter().flatten();
        let ids: Vec<i64> = ids.filter_map(number).collect();
        let ended = ended(&opened.hub, &ids);
        if tokio::time::timeout(PATIENCE, ended).await.is_err() {
            tracing::warn!("not everything has ended; the server goes on with it when it starts");
        }
        // Nothing new begins, and what else was due is not left in the air.
        opened.hub.set_effects(false);
        let landed = crate::serve::landed(&opened.hub);
        let _ = tokio::time::timeout(PATIENCE, landed).await;
    }
    answer(format, &value, || told(&value, asked.plan));
    Ok(())
}

/// What has not ended yet.
const GOING: [ActionState; 4] = [
    ActionState::Planned,
    ActionState::Claimed,
    ActionState::Later,
    ActionState::Unsure,
];

/// Waits until none of these actions is on its way; what has to wait longer is the server's.
async fn ended(hub: &Hub, actions: &[i64]) {
    for id in actions {
        loop {
            let row = hub.store.action(*id).await.ok().flatten();
            if row.is_none_or(|row| !GOING.contains(&row.state)) {
                break;
            }
            hub.env.sleep(50).await;
        }
    }
}

/// Ids are texts on the surface.
fn number(id: &Value) -> Option<i64> {
    id.as_i64().or_else(|| id.as_str()?.parse().ok())
}

fn filter(asked: &Replay) -> Value {
    let words = [
        ("code", &asked.code),
        ("connection", &asked.connection),
        ("flow", &asked.flow),
    ];
    let given = words.into_iter().filter_map(|(key, word)| {
        let word = word.as_deref()?;
        Some((key.to_owned(), Value::from(word)))
    });
    Value::Object(given.collect::<Map<_, _>>())
}

fn told(value: &Value, plan: bool) -> String {
    let count = |key: &str| value[key].as_array().map_or(0, Vec::len);
    let verb = match plan {
        true => "would be tried again",
        false => "tried again",
    };
    let mut lines = vec![format!(
        "{} {verb}, {} left as they are",
        count("again"),
        count("left")
    )];
    for left in value["left"].as_array().into_iter().flatten() {
        let [id, reason] =
            ["action_id", "reason"].map(|key| left[key].as_str().unwrap_or_default());
        lines.push(format!("  action {id}: {reason}"));
    }
    lines.join("\n")
}

pub(crate) async fn verify_log(installation: &Installation, format: Format) -> Result<(), Stop> {
    let door = Door::open(installation, false).await?;
    let value = door.done("GET", local::VERIFY_LOG, None).await?;
    if value["intact"] != true {
        let says = format!(
            "the audit log is broken at entry {}: it or one before it was changed",
            value["broken_at"]
        );
        return Err(anyhow::anyhow!(says).into());
    }
    answer(format, &value, || {
        format!("the audit log is intact: {} entries", value["entries"])
    });
    Ok(())
}
