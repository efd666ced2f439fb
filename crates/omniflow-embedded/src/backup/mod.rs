//! Copies of a data directory: one file each, that [`verify_file`] accepts and [`restore()`] takes.
//!
//! A copy is one committed state of everything, also of a directory that is in use: it is read in one read
//! transaction, which delays no writer; only the write-ahead log cannot be cut while it lasts. What was
//! erased before is not in it. It has no simulated provider's ledger (`providers.log`) and no lists
//! (`lists.db`), which are made anew from it.

mod restore;
#[cfg(test)]
mod tests;

pub use restore::{Restored, restore};

use crate::error::{OpenError, StorageError};
use crate::schema;
use crate::verify::{Report, verify_file};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Pages copied between two reports of progress: 4 MB.
const PAGES_A_STEP: i32 = 4_096;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The place is taken.
    #[error("{0} exists; nothing is overwritten: choose another name, or move that file away")]
    Exists(PathBuf),
    /// The place is taken.
    #[error("{0} is not empty; restore into a directory that is new or empty")]
    NotEmpty(PathBuf),
    /// It would be a copy of damage.
    #[error("{what} does not hold together ({} faults, the first: {}){advice}", .report.faults, first(.report))]
    NotClean {
        /// What was checked.
        what: String,
        /// What was found.
        report: Box<Report>,
        /// What to do.
        advice: &'static str,
    },
    /// It cannot be read or written.
    #[error("{path} cannot be used")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The data cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Open(StorageError::from(error).into())
    }
}

fn first(report: &Report) -> &str {
    report.described.first().map_or("none described", String::as_str)
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

/// How far a copy has come, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Copied.
    pub done: u64,
    /// In all.
    pub total: u64,
}

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its size.
    pub bytes: u64,
    /// What was found in it, unless it was not to be checked.
    pub report: Option<Report>,
}

/// Copies a data directory into one new file, also while a server uses it. With `check` the copy is verified
/// before it gets its name. The file appears whole, synced, or not at all; it is its owner's alone to read.
///
/// # Errors
/// [`Error`]; there is no file `to` then, unless there was one before.
pub fn backup(
    data_dir: &Path,
    to: &Path,
    check: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Copied, Error> {
    let from = schema::database_file(data_dir);
    if !from.is_file() {
        return Err(OpenError::NoData(data_dir.to_owned()).into());
    }
    if to.symlink_metadata().is_ok() {
        return Err(Error::Exists(to.to_owned()));
    }
    let parent = parent_of(to);
    let mut builder = tempfile::Builder::new();
    let partial = builder.prefix(".omniflow-backup-").suffix(".partial").tempfile_in(parent);
    let partial = partial.map_err(io_error(parent))?.into_temp_path();
    let bytes = copy(&from, &partial, progress)?;
    let report = check.then(|| verify_file(&partial)).transpose()?;
    if let Some(report) = report.as_ref().filter(|report| !report.is_clean()) {
        let (what, report) = (data_dir.display().to_string(), Box::new(report.clone()));
        return Err(Error::NotClean { what, report, advice: "; a copy of it as it is needs --no-verify" });
    }
    partial.persist_noclobber(to).map_err(|refused| match refused.error.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists(to.to_owned()),
        _ => Error::Io { path: to.to_owned(), source: refused.error },
    })?;
    sync(parent)?;
    Ok(Copied { bytes, report })
}

/// Copies one state of a database into a file that is empty or absent, and syncs it. Answers its size.
fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(Progress)) -> Result<u64, Error> {
    let source = schema::open_known(from)?;
    // A transaction that has read is one state, whatever is committed meanwhile.
    source.execute_batch("BEGIN")?;
    let page: u64 = source
        .query_row("SELECT count(*) FROM meta", [], |row| row.get::<_, i64>(0))
        .and_then(|_| source.query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0).map(u64::from)))?;
    let mut target = Connection::open(to)?;
    // Until it is whole, it is nothing; then it is synced.
    target.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF")?;
    copy_pages(&source, &mut target, page, progress)?;
    // A file alone, that needs no other beside it to be read.
    target.execute_batch("PRAGMA journal_mode = DELETE")?;
    target.close().map_err(|(_, error)| error)?;
    sync(to)?;
    to.metadata().map(|metadata| metadata.len()).map_err(io_error(to))
}

fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    page: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let copying = Backup::new(source, target)?;
    loop {
        let step = copying.step(PAGES_A_STEP)?;
        let pages = copying.progress();
        let of = |pages: i32| u64::from(pages.unsigned_abs()) * page;
        progress(Progress { done: of(pages.pagecount - pages.remaining), total: of(pages.pagecount) });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => {
                let detail = "the database is locked by another program; try again".to_owned();
                return Err(OpenError::from(StorageError::Diverged(detail)).into());
            }
        }
    }
}

/// The directory in which a path's last part is.
fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Syncs a file or a directory.
fn sync(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(io_error(path))
}
