//! Checks a data directory from end to end, changing nothing: the chain of every order, every record
//! against its events, stock against its ledger, reservations against orders, money, the answers kept for
//! requests that are sent again, and the lists.
//!
//! It reads one consistent state, also of a directory that is in use.

mod kept;
mod orders;
mod stock;

use crate::error::{OpenError, StorageError};
use crate::listed;
use crate::schema;
pub use omniflow_engine::verify::Report;
use std::path::Path;

/// Checks a data directory.
///
/// # Errors
/// [`OpenError`] when there is none, or it cannot be read at all. What does not hold is in the report.
pub fn verify(data_dir: &Path) -> Result<Report, OpenError> {
    let file = schema::database_file(data_dir);
    if !file.is_file() {
        return Err(OpenError::NoData(data_dir.to_owned()));
    }
    checked(&file, Some(&listed::lists_file(&file)))
}

/// Checks a database file, such as a [backup](crate::backup).
///
/// # Errors
/// As [`verify`].
pub fn verify_file(file: &Path) -> Result<Report, OpenError> {
    checked(file, None)
}

fn checked(file: &Path, lists: Option<&Path>) -> Result<Report, OpenError> {
    let connection = schema::open_known(file)?;
    // One transaction is one state of everything.
    connection.execute_batch("BEGIN").map_err(StorageError::from)?;
    let mut report = Report::default();
    let chains = orders::check_log(&connection, &mut report)?;
    let held = orders::check_orders(&connection, &chains, &mut report)?;
    stock::check(&connection, &held, &mut report)?;
    kept::check(&connection, &chains, &mut report)?;
    if let Some(lists) = lists {
        listed::check(&connection, lists, |fault| report.fault(fault))?;
    }
    connection.execute_batch("COMMIT").map_err(StorageError::from)?;
    Ok(report)
}
