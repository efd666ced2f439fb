//! Which orders a list shows next, and which are open.

use super::bucket::Bucket;
use crate::error::StorageError;
use crate::key::OrderKey;
use omniflow_engine::Filter;
use rusqlite::{Connection, Transaction, params};
use std::ops::Range;
use std::path::Path;

/// Which keys are asked for.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// What the orders must be like, but for its external ids.
    pub(crate) filter: Filter,
    /// Between which keys.
    pub(crate) range: Range<i64>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// Which there are.
pub(crate) struct Found {
    pub(crate) keys: Vec<OrderKey>,
    /// How far of the log the lists hold.
    pub(crate) held: u64,
}

/// The keys of the newest orders that are wanted, newest first.
///
/// Each part is read from an index, newest first and no further than the limit, and the parts are merged:
/// the cost does not depend on how many orders there are. They are read from one state of the file, so that
/// an order that moves from one part to another meanwhile is in one of them.
pub(crate) fn keys(lists: &Connection, wanted: &Wanted) -> Result<Found, StorageError> {
    let Wanted { filter, range, limit } = wanted;
    let snapshot = lists.unchecked_transaction()?;
    // A file that is being made anew has none.
    let held: i64 = snapshot.prepare_cached("SELECT position FROM meta")?.query_row([], |row| row.get(0))?;
    let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
    let buckets = Bucket::admitted(filter);
    let mut keys = vec![];
    if !filter.customer_ids.is_empty() {
        let sql = "SELECT key FROM listed WHERE customer = ?1 AND bucket = ?2 AND key >= ?3 AND key < ?4
                   ORDER BY key DESC LIMIT ?5";
        for customer in &filter.customer_ids {
            let next = "SELECT min(bucket) FROM listed WHERE customer = ?2 AND bucket > ?1";
            for bucket in present(&snapshot, next, Some(customer.as_str()), buckets.as_deref())? {
                let part = params![customer.as_str(), bucket, range.start, range.end, limit];
                collect(&snapshot, sql, part, &mut keys)?;
            }
        }
    } else if let Some(buckets) = buckets {
        let sql = "SELECT key FROM listed WHERE bucket = ?1 AND key >= ?2 AND key < ?3
                   ORDER BY key DESC LIMIT ?4";
        let next = "SELECT min(bucket) FROM listed WHERE bucket > ?1 AND ?2 IS NULL";
        for bucket in present(&snapshot, next, None, Some(&buckets))? {
            collect(&snapshot, sql, params![bucket, range.start, range.end, limit], &mut keys)?;
        }
    } else {
        let sql = "SELECT key FROM listed WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3";
        collect(&snapshot, sql, params![range.start, range.end, limit], &mut keys)?;
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
    keys.truncate(wanted.limit);
    Ok(Found { keys, held: held.cast_unsigned() })
}

/// The buckets that have orders, of those that are admitted. The index is leapt through, one read a bucket.
fn present(
    snapshot: &Transaction<'_>,
    next: &str,
    customer: Option<&str>,
    admitted: Option<&[i64]>,
) -> Result<Vec<i64>, StorageError> {
    let mut statement = snapshot.prepare_cached(next)?;
    let (mut found, mut last) = (vec![], i64::MIN);
    while let Some(bucket) = statement.query_row(params![last, customer], |row| row.get(0))? {
        if admitted.is_none_or(|admitted| admitted.contains(&bucket)) {
            found.push(bucket);
        }
        last = bucket;
    }
    Ok(found)
}

fn collect(
    snapshot: &Transaction<'_>,
    sql: &str,
    part: &[&dyn rusqlite::ToSql],
    keys: &mut Vec<OrderKey>,
) -> Result<(), StorageError> {
    let mut statement = snapshot.prepare_cached(sql)?;
    let mut rows = statement.query(part)?;
    while let Some(row) = rows.next()? {
        keys.push(OrderKey(row.get(0)?));
    }
    Ok(())
}

/// Hands over the key and the record of every open order. Without lists, or where they cannot be read, it
/// looks at every order.
pub(crate) fn open_orders(
    database: &Connection,
    lists: Option<&Path>,
    take: impl FnMut(OrderKey, Vec<u8>) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let every = "SELECT key, record FROM orders WHERE open = ?1";
    let Some(lists) = lists else { return hand_over(database, every, &[1], take) };
    match attach(database, lists) {
        Ok(()) => {
            let sql = "SELECT orders.key, orders.record
                       FROM lists.listed CROSS JOIN orders ON orders.key = listed.key
                       WHERE listed.bucket = ?1";
            hand_over(database, sql, &Bucket::open(), take)?;
            database.execute("DETACH DATABASE lists", [])?;
        }
        Err(error) => {
            tracing::error!(%error, "the lists cannot be read: looking at every order for the open ones");
            drop(database.execute("DETACH DATABASE lists", []));
            hand_over(database, every, &[1], take)?;
        }
    }
    Ok(())
}

/// Attaches the lists, and reads once what is about to be read.
fn attach(database: &Connection, lists: &Path) -> Result<(), StorageError> {
    database.execute("ATTACH DATABASE ?1 AS lists", [&lists.to_string_lossy()])?;
    let mut statement = database.prepare("SELECT count(*) FROM lists.listed WHERE bucket = ?1")?;
    for bucket in Bucket::open() {
        statement.query_row([bucket], |row| row.get::<_, i64>(0))?;
    }
    Ok(())
}

fn hand_over(
    database: &Connection,
    sql: &str,
    parts: &[i64],
    mut take: impl FnMut(OrderKey, Vec<u8>) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let mut statement = database.prepare(sql)?;
    for part in parts {
        let mut rows = statement.query([part])?;
        while let Some(row) = rows.next()? {
            take(OrderKey(row.get(0)?), row.get(1)?)?;
        }
    }
    Ok(())
}
