//! SQLite: one writer thread with group commit, a few read-only connections, a locked data directory. Refuses old SQLite
//! versions that can corrupt a log, databases of newer versions, and a directory another server holds.

mod actions;
mod apply;
mod audit;
mod checkpoint;
mod connections;
mod deliveries;
mod failures;
mod flows;
mod history;
mod holds;
mod hooks;
mod keeping;
mod lists;
mod migrate;
mod names;
mod reads;
mod records;
mod replay;
mod rows;
mod subscriptions;
mod timers;
mod tx;
mod upkeep;
mod writer;

use crate::seal::{Keys, random};
use crate::{Error, Table};
use names::Names;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
pub(crate) use tx::{Rx, Tx};

/// What SQLite said.
pub type SqliteError = rusqlite::Error;

/// 3.51.3: older versions can corrupt the database when a log is reset.
const OLDEST: i32 = 3_051_003;

/// The version of SQLite in this program.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// How to open.
#[derive(Clone, Debug)]
pub struct Options {
    /// The key that wraps all others.
    pub master: [u8; 32],
    /// Now, for the backup's name before a migration.
    pub now: i64,
}

/// The data directory, held by this process alone.
pub struct DataDir {
    /// Where it is.
    pub path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Creates the directory if needed (owner only) and takes its lock.
    ///
    /// # Errors
    /// [`Error::Refused`] where another process holds it or it cannot be made.
    pub fn hold(path: &Path) -> Result<DataDir, Error> {
        let refused = |e: std::io::Error| {
            Error::Refused(format!("data_dir {} cannot be used: {e}", path.display()))
        };
        std::fs::create_dir_all(path).map_err(refused)?;
        owner_only(path).map_err(refused)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(refused)?;
        lock.try_lock().map_err(|_| {
            Error::Refused(format!("data_dir {} is in use by another stagewire process; stop it, or talk to it with the command line", path.display()))
        })?;
        Ok(DataDir {
            path: path.to_path_buf(),
            _lock: lock,
        })
    }
}

#[cfg(unix)]
fn owner_only(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn owner_only(_: &Path) -> std::io::Result<()> {
    Ok(())
}

pub(crate) struct Shared {
    pub(crate) keys: Keys,
    pub(crate) names: Names,
    ids: [AtomicI64; Table::ALL.len()],
    /// The installation's own key, read at the start.
    install: OnceLock<[u8; 32]>,
    /// The last moment of change that was given out; only the writer moves it.
    changed: AtomicI64,
}

impl Shared {
    pub(crate) fn install(&self) -> &[u8; 32] {
        self.install.get().unwrap_or(&[0; 32])
    }

    /// The moment of a change: now, but later than that of every change before it, so that a reader who has read up to one
    /// misses nothing that is committed after it, whichever lane it comes from and whatever the clock does.
    pub(crate) fn change_at(&self, now: i64) -> i64 {
        let at = now.max(self.changed.load(Ordering::Relaxed) + 1);
        self.changed.store(at, Ordering::Relaxed);
        at
    }
}

/// A store on one SQLite file.
pub struct Sqlite {
    shared: Arc<Shared>,
    writer: writer::Writer,
    readers: reads::Readers,
    _dir: DataDir,
}

impl Sqlite {
    /// Opens or creates the database in a held directory, backs up and migrates an older one.
    ///
    /// # Errors
    /// Where the directory, the version or the master key does not fit.
    pub fn open(dir: DataDir, options: &Options) -> Result<Sqlite, Error> {
        if rusqlite::version_number() < OLDEST {
            return Err(Error::Refused(format!(
                "SQLite {} can corrupt its log; 3.51.3 or later is needed",
                rusqlite::version()
            )));
        }
        let file = dir.path.join("stagewire.db");
        let mut conn = Connection::open(&file)?;
        pragmas(&conn)?;
        migrate::migrate(&conn, &file, options.now)?;
        let shared = Arc::new(Shared {
            keys: Keys::new(options.master),
            names: Names::default(),
            ids: Default::default(),
            install: OnceLock::new(),
            changed: AtomicI64::new(0),
        });
        let _ = shared.install.set(bootstrap(&conn, &shared)?);
        shared
            .changed
            .store(records::last_change(&conn)?, Ordering::Relaxed);
        let readers = reads::Readers::start(&file, &shared, 3)?;
        let moving = checkpoint::start(&file, &mut conn, checkpoint::LOG)?;
        let writer = writer::Writer::start(conn, shared.clone(), moving)?;
        Ok(Sqlite {
            shared,
            writer,
            readers,
            _dir: dir,
        })
    }

    pub(crate) fn shared_keys(&self) -> &Keys {
        &self.shared.keys
    }

    pub(crate) fn next_id(&self, table: Table) -> i64 {
        self.shared.ids[table as usize].fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn install(&self) -> &[u8; 32] {
        self.shared.install()
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run(f).await
    }

    pub(crate) async fn write_soon<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run_soon(f).await
    }

    pub(crate) async fn write_or_busy<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Tx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run_or_busy(f).await
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Rx) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.readers.run(f).await
    }
}

fn pragmas(conn: &Connection) -> Result<(), Error> {
    conn.execute_batch(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
         PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY;
         PRAGMA secure_delete = FAST;",
    )?;
    conn.set_prepared_statement_cache_capacity(256);
    Ok(())
}

fn read_only(file: &Path) -> Result<Connection, Error> {
    let conn = Connection::open_with_flags(
        file,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.execute_batch("PRAGMA cache_size = -4000; PRAGMA busy_timeout = 2000;")?;
    conn.set_prepared_statement_cache_capacity(256);
    Ok(conn)
}

/// Loads keys, names and the next numbers; makes the installation's own key at the first start.
fn bootstrap(conn: &Connection, shared: &Shared) -> Result<[u8; 32], Error> {
    let stored: Option<Vec<u8>> = conn
        .query_row("SELECT v FROM meta WHERE k = 'install_key'", [], |r| {
            r.get(0)
        })
        .ok();
    let install = match stored {
        Some(sealed) => shared
            .keys
            .unwrap("install", &sealed)?
            .try_into()
            .map_err(|_| Error::Corrupt("meta"))?,
        None => {
            let key = random::<32>();
            conn.execute(
                "INSERT INTO meta(k, v) VALUES('install_key', ?1)",
                [shared.keys.wrap("install", &key)],
            )?;
            key
        }
    };
    let mut keys = conn.prepare("SELECT id, ws, class, day, wrapped FROM key")?;
    let mut rows = keys.query([])?;
    while let Some(r) = rows.next()? {
        shared.keys.load(
            r.get(0)?,
            r.get(1)?,
            r.get(2)?,
            r.get(3)?,
            &r.get::<_, Vec<u8>>(4)?,
        )?;
    }
    shared.names.load(conn)?;
    for table in Table::ALL {
        let (name, column) = match table {
            Table::Body => ("body", "id"),
            Table::Delivery => ("delivery", "id"),
            Table::Record => ("record", "rid"),
            Table::Event => ("event", "id"),
            Table::Run => ("run", "id"),
            Table::Action => ("action", "id"),
            Table::Place => ("action", "place"),
            Table::Call => ("call", "id"),
            Table::Subscription => ("subscription", "id"),
            Table::Hook => ("hook", "id"),
        };
        // a purged row's number must not come back: the highest ever used is kept when rows are purged
        let max: i64 = conn.query_row(
            &format!("SELECT COALESCE(MAX({column}), 0) FROM {name}"),
            [],
            |r| r.get(0),
        )?;
        let kept: i64 = conn
            .query_row(
                "SELECT v FROM meta WHERE k = ?1",
                [format!("max_{name}_{column}")],
                |r| r.get::<_, Vec<u8>>(0),
            )
            .ok()
            .and_then(|v| v.try_into().ok().map(i64::from_be_bytes))
            .unwrap_or(0);
        shared.ids[table as usize].store(max.max(kept) + 1, Ordering::Relaxed);
    }
    Ok(install)
}
