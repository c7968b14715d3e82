//! `stagewire demo`: the real server with a made-up company whose vendors are fakes on this machine.
//! Writes nothing outside its own folder, which goes with it unless it is to be kept.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;
use stagewire_fakes::company::Company;
use tokio::net::TcpListener;

use crate::cli::Demo;
use crate::serve;
use crate::setup::{Installation, environment};
use crate::told::{Format, Stop, say};

/// Why flows of the demo stand higher than they have earned.
const REASON: &str = "demo: everybody here is made up";

pub(crate) async fn demo(asked: &Demo, format: Format) -> Result<(), Stop> {
    let ear = serve::Ear::open()?;
    let folder = Folder::of(asked)?;
    let company = Company::open().await.context("the fake vendors")?;
    lay_out(&folder.path, &company)?;
    let listener = listen(asked.listen).await?;
    let at = listener.local_addr()?;
    // The demo is its own: of the environment only what it sets itself counts, and the token.
    let set = |name: &str| match name {
        "STAGEWIRE__SERVER__LISTEN" => Some(at.to_string()),
        crate::tokens::VARIABLE => environment(name),
        _ => None,
    };
    let file = folder.path.join("stagewire.toml");
    let installation = Installation::read(Some(&file), &set)?;
    let connections = installation.connections(&set)?;
    let started = serve::run(&installation, connections, listener, Some(REASON), &set);
    let running = Box::pin(started).await?;
    let server = format!("http://{at}");
    if !company.announce_to(&server).await {
        tracing::warn!("the fake vendor's webhook did not reach the server; it is polled instead");
    }
    shown(&server, &company, running.first_token.as_deref(), format);
    ear.told_to_stop().await;
    running.stop().await;
    company.close().await;
    folder.leave();
    Ok(())
}

fn shown(server: &str, company: &Company, token: Option<&str>, format: Format) {
    if format == Format::Json {
        let links = company.links.iter();
        let links: Vec<_> = links
            .map(|(what, url)| json!({"what": what, "url": url}))
            .collect();
        let value = json!({"listening": server, "links": links, "admin_token": token});
        return say(&value.to_string());
    }
    say("A made-up company. Everything below is on this machine; stop it with Ctrl-C.");
    for (what, url) in &company.links {
        say(&format!("  {url}  {what}"));
    }
    match token {
        Some(token) => {
            say(&format!("admin token: {token}"));
            say(&format!(
                "  curl -H 'Authorization: Bearer {token}' {server}/api/v1/events"
            ));
        }
        None => say("the admin token is the one you have already"),
    }
    // Last, so that who waits for it has read everything before it.
    say(&format!("listening on {server}"));
}

/// The configuration and the flow files, as an operator would have written them.
fn lay_out(folder: &Path, company: &Company) -> anyhow::Result<()> {
    let flows = folder.join("flows");
    let written = || -> std::io::Result<()> {
        fs::create_dir_all(&flows)?;
        fs::write(folder.join("stagewire.toml"), &company.config)?;
        for (id, text) in &company.flows {
            fs::write(flows.join(format!("{id}.toml")), text)?;
        }
        Ok(())
    };
    written().with_context(|| format!("cannot write to {}", folder.display()))
}

/// The wanted port, or any other if somebody has it.
async fn listen(at: SocketAddr) -> Result<TcpListener, Stop> {
    match serve::listen(at).await {
        Ok(listener) => Ok(listener),
        Err(_) => serve::listen(SocketAddr::new(at.ip(), 0)).await,
    }
}

/// Where the demo lives.
struct Folder {
    path: PathBuf,
    passing: bool,
}

impl Folder {
    fn of(asked: &Demo) -> anyhow::Result<Self> {
        let own = || std::env::temp_dir().join(format!("stagewire-demo-{}", std::process::id()));
        let (path, passing) = match &asked.data {
            Some(path) => (path.clone(), false),
            None => (own(), true),
        };
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, passing })
    }

    fn leave(&self) {
        if self.passing {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
