//! The installation's mark: a small file outside the database that moves on with each start and
//! each minute. Where an older copy of the database comes back, the two disagree, and nothing may
//! leave until a person says that this is the live one. It cannot tell that the file came back too.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use stagewire_engine::hub::Hub;
use stagewire_model::canonical;
use stagewire_store::Store;

const FILE: &str = "mark.json";
/// How far the database is.
const AT: &str = "mark";
/// There while nothing may leave: why.
const UNCONFIRMED: &str = "unconfirmed";
const MINUTE_MS: u64 = 60_000;
const LOOK_MS: u64 = 2_000;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    /// Which installation it belongs to.
    installation: String,
    /// The database was at least this far.
    at: u64,
    /// A backup was put back since the last start.
    #[serde(default)]
    restored: bool,
}

/// Where a data directory's mark stands.
pub(crate) struct Marker {
    file: PathBuf,
    installation: String,
    /// A person has not confirmed yet.
    waiting: AtomicBool,
}

impl Marker {
    /// The mark of a store in this directory.
    pub(crate) fn of(data_dir: &Path, store: &dyn Store) -> Self {
        let hash = Sha256::digest(store.install_key());
        Self {
            file: data_dir.join(FILE),
            installation: canonical::hex(&hash[..8]),
            waiting: AtomicBool::new(false),
        }
    }

    /// Why nothing may leave, if so. Moves the mark on.
    pub(crate) async fn start(&self, store: &dyn Store) -> Result<Option<String>> {
        let known = store.meta(UNCONFIRMED.to_owned()).await?;
        let known = known.map(|why| String::from_utf8_lossy(&why).into_owned());
        let at = at(store).await?;
        let why = match known.filter(|why| !why.is_empty()) {
            Some(why) => Some(why),
            None => self.disagrees(at)?,
        };
        self.waiting.store(why.is_some(), Ordering::Release);
        if let Some(why) = &why {
            let why = why.clone().into_bytes();
            store.meta_put(UNCONFIRMED.to_owned(), why).await?;
        }
        // Never behind the file: else the next start would disagree again.
        let least = self.read()?.map_or(0, |mark| mark.at);
        self.move_to(store, at.max(least) + 1).await?;
        Ok(why)
    }

    fn disagrees(&self, at: u64) -> Result<Option<String>> {
        let why = match self.read()? {
            None if at == 0 => None,
            None => Some("the file mark.json is gone: this may be a copy of another installation"),
            Some(mark) if mark.restored => Some("a backup was restored"),
            Some(mark) if mark.installation != self.installation => {
                Some("the file mark.json belongs to another installation")
            }
            Some(mark) if mark.at > at => Some("the database is older than this installation"),
            Some(_) => None,
        };
        Ok(why.map(str::to_owned))
    }

    /// The database first, so that only an older database disagrees.
    async fn move_to(&self, store: &dyn Store, at: u64) -> Result<()> {
        store
            .meta_put(AT.to_owned(), at.to_be_bytes().to_vec())
            .await?;
        self.write(&Mark {
            installation: self.installation.clone(),
            at,
            restored: false,
        })
    }

    /// Moves on each minute until the server stops, and sees when a person has confirmed.
    pub(crate) async fn work(self: Arc<Self>, hub: Arc<Hub>) {
        loop {
            for _ in 0..MINUTE_MS / LOOK_MS {
                hub.env.sleep(LOOK_MS).await;
                self.confirmed(&hub).await;
            }
            let moved = async {
                let at = at(hub.store.as_ref()).await?;
                self.move_to(hub.store.as_ref(), at + 1).await
            };
            if let Err(error) = moved.await {
                tracing::error!(cause = %format!("{error:#}"), "the installation's mark did not move on");
            }
        }
    }

    /// Where effects were switched on again, the next start need not ask.
    pub(crate) async fn confirmed(&self, hub: &Hub) {
        if !hub.effects_on() || !self.waiting.load(Ordering::Acquire) {
            return;
        }
        let cleared = hub.store.meta_put(UNCONFIRMED.to_owned(), Vec::new()).await;
        match cleared {
            Ok(()) => self.waiting.store(false, Ordering::Release),
            Err(error) => {
                tracing::error!(cause = %error, "that this is the live installation could not be noted");
            }
        }
    }

    fn read(&self) -> Result<Option<Mark>> {
        read(&self.file)
    }

    fn write(&self, mark: &Mark) -> Result<()> {
        write(&self.file, mark)
    }
}

/// Notes that a backup was put back into this directory.
pub(crate) fn restored(data_dir: &Path) -> Result<()> {
    let file = data_dir.join(FILE);
    let mark = read(&file)?.unwrap_or(Mark {
        installation: String::new(),
        at: 0,
        restored: true,
    });
    write(
        &file,
        &Mark {
            restored: true,
            ..mark
        },
    )
}

async fn at(store: &dyn Store) -> Result<u64> {
    let held = store.meta(AT.to_owned()).await?;
    let held = held.and_then(|bytes| bytes.try_into().ok());
    Ok(held.map_or(0, u64::from_be_bytes))
}

fn read(file: &Path) -> Result<Option<Mark>> {
    match fs::read(file) {
        Ok(bytes) => {
            let mark = serde_json::from_slice(&bytes);
            let mark = mark.with_context(|| format!("{} is not readable", file.display()))?;
            Ok(Some(mark))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

/// Whole or not at all.
fn write(file: &Path, mark: &Mark) -> Result<()> {
    let beside = file.with_extension("new");
    let written = || -> Result<()> {
        let mut new = File::create(&beside)?;
        new.write_all(&serde_json::to_vec(mark)?)?;
        new.sync_all()?;
        fs::rename(&beside, file)?;
        Ok(())
    };
    written().with_context(|| format!("cannot write {}", file.display()))
}
