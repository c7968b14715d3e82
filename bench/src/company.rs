//! The server under measurement: one source that cannot be read, so that nothing but webhooks moves it, and with a flow, one
//! destination.

use crate::machine::{self, Threads};
use crate::template::{SECRET, Template};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use stagewire_testkit::process::{Folder, Server};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The connector of the source.
const SOURCE: &str = "greenhouse";
const FLOW: &str = "name = \"Tell the receiver\"\nowner = \"ana@example.com\"\nrung = \"write-back\"\n[when]\nevent = \"application.stage_changed\"\nconnection = \"gh\"\n[[step]]\nid = \"tell\"\nuse = \"http.request\"\nconnection = \"hook\"\n";

/// The server's binary, started so that the source needs no credentials: its own connector with nothing required, in a folder that
/// replaces the built-in one.
pub(crate) struct Launcher {
    folder: Folder,
}

impl Launcher {
    pub(crate) fn new(binary: &Path) -> Result<Launcher> {
        let folder = Folder::new("bench-launcher");
        let connectors = folder.0.join("connectors");
        for (name, files) in stagewire_connectors::built_in() {
            if name != SOURCE {
                continue;
            }
            std::fs::create_dir_all(connectors.join(name))?;
            for (file, text) in files {
                // nothing to read, nothing to write
                if file != "streams.toml" && file != "actions.toml" {
                    let text = without_credentials(&text);
                    std::fs::write(connectors.join(name).join(file), text)?;
                }
            }
        }
        let script = format!(
            "#!/bin/sh\nSTAGEWIRE__SERVER__CONNECTORS='{}' exec '{}' \"$@\"\n",
            connectors.display(),
            binary.display()
        );
        let launcher = Launcher { folder };
        let file = launcher.path();
        std::fs::write(&file, script)?;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
        Ok(launcher)
    }

    /// What to start.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.0.join("stagewire")
    }
}

/// A manifest with another way in: none at all.
fn without_credentials(manifest: &str) -> String {
    let mut out = String::new();
    let mut skipping = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            skipping = line.starts_with("[auth.");
            if skipping {
                out.push_str("[auth.none]\nscheme = \"none\"\n");
            }
        }
        if !skipping {
            out.push_str(&line.replace("required = true, ", ""));
            out.push('\n');
        }
    }
    out
}

/// A server and the webhooks that fit it.
pub(crate) struct Company {
    pub(crate) server: Server,
    pub(crate) template: Template,
}

impl Company {
    /// Starts it; with an address, one flow sends every change of stage there.
    pub(crate) async fn start(launcher: &Launcher, hook: Option<&str>) -> Result<Company> {
        let mut config = format!(
            "[[connection]]\nid = \"gh\"\nconnector = \"{SOURCE}\"\nowner = \"ana@example.com\"\npoll = \"0\"\n[connection.fields]\nwebhook_secret = \"{SECRET}\"\n"
        );
        let mut flows = BTreeMap::new();
        if let Some(hook) = hook {
            config.push_str(&format!(
                "[[connection]]\nid = \"hook\"\nconnector = \"http\"\nbase_url = \"{hook}/hook\"\nowner = \"ana@example.com\"\n"
            ));
            flows.insert("tell".to_owned(), FLOW.to_owned());
        }
        let server = Server::start(&launcher.path(), &config, &flows).await;
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
