//! `stagewire token new`: an API token, shown once.

use serde_json::json;

use crate::door::Door;
use crate::setup::Installation;
use crate::told::{Format, Stop, answer};

pub(crate) async fn new(
    installation: &Installation,
    name: &str,
    role: &str,
    scope: Option<&str>,
    format: Format,
) -> Result<(), Stop> {
    let door = Door::open(installation, false).await?;
    let scopes: Vec<&str> = scope.into_iter().collect();
    let body = json!({"name": name, "role": role, "scopes": scopes});
    let value = door.done("POST", "/api/v1/tokens", Some(&body)).await?;
    answer(format, &value, || {
        value["token"].as_str().unwrap_or_default().to_owned()
    });
    Ok(())
}
