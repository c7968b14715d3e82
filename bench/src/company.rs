//! The server under measurement: one source that cannot be read, so that nothing but webhooks moves it, and with a flow, one
//! destination.

use crate::machine::{self, Threads};
use crate::template::{SECRET, Template};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use stagewire_testkit::process::Server;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const FLOW: &str = "name = \"Tell the receiver\"\nowner = \"ana@example.com\"\nrung = \"write-back\"\n[when]\nevent = \"application.stage_changed\"\nconnection = \"gh\"\n[[step]]\nid = \"tell\"\nuse = \"http.request\"\nconnection = \"hook\"\n";

/// A server and the webhooks that fit it.
pub(crate) struct Company {
    pub(crate) server: Server,
    pub(crate) template: Template,
}

impl Company {
    /// Starts it; with an address, one flow sends every change of stage there.
    pub(crate) async fn start(binary: &Path, hook: Option<&str>) -> Result<Company> {
        let mut config = format!(
            "[[connection]]\nid = \"gh\"\nconnector = \"greenhouse\"\nowner = \"ana@example.com\"\npoll = \"0\"\n[connection.fields]\nclient_id = \"\"\nclient_secret = \"\"\nwebhook_secret = \"{SECRET}\"\n"
        );
        let mut flows = BTreeMap::new();
        if let Some(hook) = hook {
            config.push_str(&format!(
                "[[connection]]\nid = \"hook\"\nconnector = \"http\"\nbase_url = \"{hook}/hook\"\nowner = \"ana@example.com\"\n"
            ));
            flows.insert("tell".to_owned(), FLOW.to_owned());
        }
        let server = Server::start(binary, &config, &flows).await;
        if hook.is_some() {
            let body = json!({"rung": "write-back", "override": true, "reason": "bench"});
            let answer = server.post("flows/tell/rung", &body).await?;
            let said = String::from_utf8_lossy(&answer.body);
            ensure!(answer.status == 200, "the flow could not be raised: {said}");
        }
        // the connection exists from now on, and every date comes after that
        let template = Template::capture().await?;
        Ok(Company { server, template })
    }

    pub(crate) fn url(&self) -> &str {
        &self.server.url
    }

    pub(crate) fn threads(&self) -> Threads {
        self.server.id().map(Threads::of).unwrap_or_default()
    }

    /// Resident memory in MB.
    pub(crate) fn resident(&self) -> f64 {
        let bytes = self.server.id().and_then(machine::resident);
        bytes.unwrap_or(0) as f64 / 1e6
    }

    /// The size of the write-ahead log in MB.
    pub(crate) fn wal(&self) -> f64 {
        let file = self.server.folder().join("data/stagewire.db-wal");
        std::fs::metadata(file).map_or(0.0, |m| m.len() as f64 / 1e6)
    }

    /// Waits until no delivery waits for the mirror; how long that took.
    pub(crate) async fn mirrored(&self) -> Result<Duration> {
        let from = machine::now();
        loop {
            let page = self.server.get("deliveries?state=waiting&limit=1").await?;
            ensure!(page.status == 200, "deliveries cannot be listed");
            let page = page.json();
            let items = page["items"].as_array().context("a list has items")?;
            if items.is_empty() {
                return Ok(from.elapsed());
            }
            ensure!(
                from.elapsed() < Duration::from_secs(300),
                "deliveries still wait for the mirror after 300 s"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
