//! `stagewire backup` and `stagewire restore`. A backup is the database alone: the master key is
//! never in it. After a restore nothing leaves until a person says that this is the live one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use stagewire_engine::env::{Env as _, Machine};
use stagewire_store::{DataDir, Options, Sqlite};

use crate::door::Door;
use crate::setup::{Installation, environment};
use crate::told::{Format, Stop, answer};
use crate::{key, local, mark};

const DATABASE: &str = "stagewire.db";
/// What belongs to a database beside its file.
const LOGS: [&str; 2] = ["stagewire.db-wal", "stagewire.db-shm"];
const KEY_APART: &str =
    "the master key is not in it: keep a copy of data_dir/master.key somewhere else";

pub(crate) async fn backup(
    installation: &Installation,
    file: &Path,
    format: Format,
) -> Result<(), Stop> {
    let file = std::path::absolute(file).context("the file's path cannot be told")?;
    ensure(!file.exists(), || {
        format!("{} is there already; name a new file", file.display())
    })?;
    let door = Door::open(installation, false).await?;
    let body = json!({ "file": file });
    door.done("POST", local::BACKUP, Some(&body)).await?;
    let bytes = fs::metadata(&file).map(|meta| meta.len()).unwrap_or(0);
    let value = json!({"file": file, "bytes": bytes, "master_key": false});
    answer(format, &value, || {
        format!("wrote {} ({bytes} bytes); {KEY_APART}", file.display())
    });
    Ok(())
}

pub(crate) fn restore(
    installation: &Installation,
    file: &Path,
    format: Format,
) -> Result<(), Stop> {
    ensure(file.is_file(), || {
        format!("there is no file {}", file.display())
    })?;
    let data_dir = &installation.config.server.data_dir;
    // The lock also says that no server runs here.
    let held = DataDir::hold(data_dir)?;
    let now = Machine.now().0;
    fits(data_dir, file, now)?;
    let aside = put_aside(data_dir, now / 1_000_000)?;
    let database = data_dir.join(DATABASE);
    fs::copy(file, &database)
        .and_then(|_| owner_only(&database))
        .and_then(|()| fs::File::open(&database)?.sync_all())
        .with_context(|| format!("cannot write {}", database.display()))?;
    mark::restored(data_dir)?;
    drop(held);
    let value = json!({"restored": file, "kept": aside, "effects": false});
    answer(format, &value, || {
        let kept = aside
            .as_ref()
            .map(|aside| format!("; what was there is kept as {}", aside.display()));
        format!(
            "restored {}{}\nstart the server: it receives and reads, but sends nothing until somebody confirms that this is the live one: POST /api/v1/installation {{\"live\": true}}",
            file.display(),
            kept.unwrap_or_default()
        )
    });
    Ok(())
}

/// Opens a copy of the backup beside the data, with the key that is here: a backup that does not
/// open must not take the place of a database that does.
fn fits(data_dir: &Path, file: &Path, now: i64) -> Result<()> {
    let trial = data_dir.join("restore-trial");
    let tried = (|| {
        let dir = DataDir::hold(&trial)?;
        fs::copy(file, trial.join(DATABASE)).context("the backup cannot be read")?;
        ensure!(
            data_dir.join("master.key").exists() || environment(key::VARIABLE).is_some(),
            "the master key is not here; put it into {} or set {} before restoring",
            data_dir.join("master.key").display(),
            key::VARIABLE
        );
        let master = key::hold(data_dir, &environment, &Machine)?;
        let opened = Sqlite::open(dir, &Options { master, now });
        opened
            .map(drop)
            .context("the backup does not open; nothing was changed")
    })();
    let _ = fs::remove_dir_all(&trial);
    tried
}

/// Moves the database that was there away, with its logs; nothing is deleted.
fn put_aside(data_dir: &Path, second: i64) -> Result<Option<PathBuf>> {
    if !data_dir.join(DATABASE).exists() {
        return Ok(None);
    }
    let aside = data_dir.join(format!("before-restore-{second}"));
    fs::create_dir(&aside).with_context(|| format!("cannot make {}", aside.display()))?;
    for name in [DATABASE].iter().chain(&LOGS) {
        let from = data_dir.join(name);
        if from.exists() {
            fs::rename(&from, aside.join(name))
                .with_context(|| format!("cannot move {} away", from.display()))?;
        }
    }
    Ok(Some(aside))
}

fn owner_only(path: &Path) -> std::io::Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, mode)
}

fn ensure(holds: bool, says: impl FnOnce() -> String) -> Result<()> {
    if !holds {
        bail!(says());
    }
    Ok(())
}
