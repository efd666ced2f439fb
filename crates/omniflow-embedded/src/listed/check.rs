//! Whether the lists say of every order what it is.

use super::bucket::{Bucket, FORMAT};
use super::file::in_log;
use crate::error::StorageError;
use crate::record::Record;
use crate::schema;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

/// What to do about any of it.
const MEND: &str = "stop the server and delete lists.db: the next start makes it anew";

/// Checks the lists of a database, if they hold exactly its log. Lists that are behind it, are being made, or
/// do not belong to it are not wrong: a start takes over what they lack, or replaces them.
pub(crate) fn check(
    database: &Connection,
    file: &Path,
    mut fault: impl FnMut(String),
) -> Result<(), StorageError> {
    if !file.is_file() {
        return Ok(());
    }
    match compare(database, file, &mut fault) {
        Err(error) if error.is_damage() => fault(format!("the lists cannot be read: {error}; {MEND}")),
        // Such as a table that is not there yet.
        Err(error @ StorageError::Sqlite(_)) => tracing::info!(%error, "the lists are not checked"),
        compared => return compared,
    }
    Ok(())
}

fn compare(database: &Connection, file: &Path, fault: &mut impl FnMut(String)) -> Result<(), StorageError> {
    let lists = schema::open_reader(file)?;
    let lists = lists.unchecked_transaction()?;
    if !holds_the_log(database, &lists)? {
        return Ok(());
    }
    let mut statement = database.prepare("SELECT key, record FROM orders ORDER BY key")?;
    let mut of_order = lists.prepare("SELECT bucket, customer FROM listed WHERE key = ?1")?;
    let mut rows = statement.query([])?;
    let mut orders = 0_i64;
    while let Some(row) = rows.next()? {
        let key: i64 = row.get(0)?;
        orders += 1;
        // A record that cannot be read is a fault of its own.
        let Ok(Record { order, .. }) = Record::decode(&row.get::<_, Vec<u8>>(1)?) else { continue };
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?));
        let listed = of_order.query_row([key], read).optional()?;
        let customer = order.terms.customer_id.as_ref().map(|id| id.as_str().to_owned());
        if listed != Some((Bucket::of(&order).number(), customer)) {
            let open = if order.is_at_rest() { "" } else { ", which is open," };
            fault(format!("{}{open} is not listed where it belongs; {MEND}", order.id));
        }
    }
    check_indexes(&lists, orders, fault)
}

/// Whether the lists are of this database, and hold its log to the last row.
fn holds_the_log(database: &Connection, lists: &Connection) -> Result<bool, StorageError> {
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let meta: Option<(i64, i64, i64)> =
        lists.query_row("SELECT format, position, link FROM meta", [], read).optional()?;
    let Some((format, position, link)) = meta else { return Ok(false) };
    let last = "SELECT coalesce(max(position), 0) FROM events";
    let last: i64 = database.query_row(last, [], |row| row.get(0))?;
    Ok(format == FORMAT && position == last && in_log(database, position)? == link)
}

/// Every row is found by the indexes that lists and starts use, and there are no others.
fn check_indexes(
    lists: &Connection,
    orders: i64,
    fault: &mut impl FnMut(String),
) -> Result<(), StorageError> {
    let rows: i64 = lists.query_row("SELECT count(*) FROM listed NOT INDEXED", [], |row| row.get(0))?;
    if rows != orders {
        fault(format!("{rows} orders are listed, there are {orders}; {MEND}"));
    }
    let mut statement = lists.prepare("PRAGMA integrity_check(3)")?;
    let found: Vec<String> = statement.query_map(params![], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for problem in found.iter().filter(|problem| *problem != "ok") {
        fault(format!("the lists' indexes do not hold: {problem}; {MEND}"));
    }
    Ok(())
}
