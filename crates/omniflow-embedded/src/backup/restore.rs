//! From a copy back to a data directory.

use super::{Error, Progress, copy, io_error, parent_of, sync};
use crate::recovery;
use crate::schema::{self, DirLock};
use crate::verify::{Report, verify_file};
use omniflow_core::Timestamp;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

/// What the database is called until it is whole.
const RESTORING: &str = "omniflow.db.restoring";

/// What a restored directory holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What was checked.
    pub report: Report,
    /// Orders that have not come to rest: the next start goes on with them.
    pub open_orders: u64,
    /// The latest time that it knows of.
    pub last_at: Timestamp,
}

/// Makes a data directory from a copy: the copy is verified first, then written to a directory that is new or
/// empty, and synced. A restore that is cut off leaves no database, and can be made again.
///
/// # Errors
/// [`Error`]; the directory holds no database then, unless it did before.
pub fn restore(from: &Path, data_dir: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Restored, Error> {
    refuse_unless_empty(data_dir)?;
    let report = verify_file(from)?;
    if !report.is_clean() {
        let (what, report) = (from.display().to_string(), Box::new(report));
        return Err(Error::NotClean { what, report, advice: "; take an earlier copy" });
    }
    std::fs::create_dir_all(data_dir).map_err(io_error(data_dir))?;
    let _lock = DirLock::take(data_dir)?;
    refuse_unless_empty(data_dir)?;
    let partial = data_dir.join(RESTORING);
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(&partial)(error)),
        _ => {}
    }
    copy(from, &partial, progress)?;
    let restored = describe(&partial, report)?;
    let database = schema::database_file(data_dir);
    std::fs::rename(&partial, &database).map_err(io_error(&database))?;
    sync(data_dir)?;
    sync(parent_of(data_dir))?;
    Ok(restored)
}

/// What a failed start or restore leaves does not count. Whoever uses a directory has its lock, and files.
fn refuse_unless_empty(data_dir: &Path) -> Result<(), Error> {
    let entries = match std::fs::read_dir(data_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(io_error(data_dir))?,
    };
    for entry in entries {
        let name = entry.map_err(io_error(data_dir))?.file_name();
        if ![OsStr::new("lock"), OsStr::new(RESTORING)].contains(&&*name) {
            if data_dir.join("lock").exists() {
                DirLock::take(data_dir)?;
            }
            return Err(Error::NotEmpty(data_dir.to_owned()));
        }
    }
    Ok(())
}

fn describe(database: &Path, report: Report) -> Result<Restored, Error> {
    let connection = schema::open_known(database)?;
    let sql = "SELECT count(*) FROM orders WHERE open <> 0";
    let open: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    let last_at = recovery::last_at(&connection)?;
    Ok(Restored { report, open_orders: open.unsigned_abs(), last_at })
}
