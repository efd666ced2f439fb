//! The database file: its settings, its schema's versions, and who may open it.

use crate::error::{OpenError, StorageError};
use crate::idempotency;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// One file a schema version, and what the program does after it, in one transaction. Never edit one that was
/// released.
const MIGRATIONS: &[Migration] = &[
    (include_str!("sql/0001_initial.sql"), |_| Ok(())),
    (include_str!("sql/0002_lists_and_kept_answers.sql"), |_| Ok(())),
    (include_str!("sql/0003_salted_marks_and_open_orders.sql"), idempotency::salt_kept),
];

type Migration = (&'static str, fn(&Connection) -> Result<(), StorageError>);

/// The schema that this program writes.
pub(crate) const SCHEMA: i64 = MIGRATIONS.len() as i64;

const BUSY_TIMEOUT_MS: u64 = 10_000;

/// The database file in a data directory.
pub fn database_file(data_dir: &Path) -> PathBuf {
    data_dir.join("omniflow.db")
}

/// Held while a process has the data directory; freed by the system when the process dies.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    pub(crate) fn take(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join("lock");
        let fault = |source| OpenError::Io { path: path.clone(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(data_dir.to_owned())),
            Err(TryLockError::Error(source)) => Err(fault(source)),
        }
    }
}

/// The writer's connection: every commit is synced before it counts, checkpoints are made by hand.
pub(crate) fn open_writer(file: &Path) -> Result<Connection, OpenError> {
    let mut connection = Connection::open(file).map_err(StorageError::from)?;
    settings(&connection).map_err(StorageError::from)?;
    migrate(&mut connection)?;
    Ok(connection)
}

fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
    // After a fault nothing is written in place; a clean end checkpoints by itself.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // A small cache: SQLite goes through all of it at a commit that balanced a tree, and the pages that
    // the writer touches next are mostly those that it touched last.
    connection.execute_batch(
        "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -2048; PRAGMA foreign_keys = OFF;
         PRAGMA secure_delete = ON;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// A connection that only reads, and never changes the files, not even by closing.
pub(crate) fn open_reader(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_TIMEOUT_MS))?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -2048;")?;
    Ok(connection)
}

/// As [`open_reader`], of a file that must be there and have a schema that this program knows.
pub(crate) fn open_known(file: &Path) -> Result<Connection, OpenError> {
    if !file.is_file() {
        return Err(OpenError::NoData(file.to_owned()));
    }
    let foreign = || OpenError::Foreign(file.to_owned());
    let connection = match open_reader(file) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => return Err(foreign()),
        connection => connection.map_err(StorageError::from)?,
    };
    let found = match version(&connection) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => return Err(foreign()),
        found => found.map_err(StorageError::from)?,
    };
    if found > SCHEMA {
        return Err(OpenError::NewerSchema { found, known: SCHEMA });
    }
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name IN ('events', 'orders', 'stock_ledger')";
    match connection.query_row(sql, [], |row| row.get(0)).map_err(StorageError::from)? {
        3 => Ok(connection),
        _ => Err(foreign()),
    }
}

/// The connection that checkpoints beside the writer.
pub(crate) fn open_checkpointer(file: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(file)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL;")?;
    Ok(connection)
}

/// The schema's version of a database.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let found = version(connection).map_err(StorageError::from)?;
    if found > SCHEMA {
        return Err(OpenError::NewerSchema { found, known: SCHEMA });
    }
    for (number, migration) in (1..).zip(MIGRATIONS).filter(|(number, _)| *number > found) {
        apply(connection, number, migration)?;
    }
    Ok(())
}

fn apply(connection: &mut Connection, number: i64, (sql, then): &Migration) -> Result<(), StorageError> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(sql)?;
    then(&transaction)?;
    transaction.pragma_update(None, "user_version", number)?;
    Ok(transaction.commit()?)
}
