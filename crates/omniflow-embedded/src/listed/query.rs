//! Which orders a list shows next, and which are open.

use super::bucket::Bucket;
use crate::error::StorageError;
use crate::key::OrderKey;
use omniflow_engine::Filter;
use rusqlite::{Connection, params};
use std::ops::Range;

/// The keys of the newest orders in a range that a filter admits, but for its external ids: at most
/// `limit`, newest first.
///
/// Each part is read from an index, newest first and no further than the limit, and the parts are merged:
/// the cost does not depend on how many orders there are.
pub(crate) fn keys(
    lists: &Connection,
    filter: &Filter,
    range: &Range<i64>,
    limit: usize,
) -> Result<Vec<OrderKey>, StorageError> {
    let buckets = Bucket::admitted(filter);
    let mut keys = vec![];
    if !filter.customer_ids.is_empty() {
        for customer in &filter.customer_ids {
            for bucket in buckets.clone().unwrap_or_else(Bucket::numbers) {
                let sql =
                    "SELECT key FROM listed WHERE customer = ?1 AND bucket = ?2 AND key >= ?3 AND key < ?4
                           ORDER BY key DESC LIMIT ?5";
                let part = params![customer.as_str(), bucket, range.start, range.end, limit as i64];
                collect(lists, sql, part, &mut keys)?;
            }
        }
    } else if let Some(buckets) = buckets {
        for bucket in buckets {
            let sql = "SELECT key FROM listed WHERE bucket = ?1 AND key >= ?2 AND key < ?3
                       ORDER BY key DESC LIMIT ?4";
            collect(lists, sql, params![bucket, range.start, range.end, limit as i64], &mut keys)?;
        }
    } else {
        let sql = "SELECT key FROM listed WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3";
        collect(lists, sql, params![range.start, range.end, limit as i64], &mut keys)?;
    }
    keys.sort_unstable_by(|a, b| b.cmp(a));
    keys.truncate(limit);
    Ok(keys)
}

fn collect(
    lists: &Connection,
    sql: &str,
    part: &[&dyn rusqlite::ToSql],
    keys: &mut Vec<OrderKey>,
) -> Result<(), StorageError> {
    let mut statement = lists.prepare_cached(sql)?;
    let mut rows = statement.query(part)?;
    while let Some(row) = rows.next()? {
        keys.push(OrderKey(row.get(0)?));
    }
    Ok(())
}

/// Hands over the key and the record of every open order.
pub(crate) fn open_orders(
    database: &Connection,
    lists: &std::path::Path,
    mut take: impl FnMut(OrderKey, Vec<u8>) -> Result<(), StorageError>,
) -> Result<(), StorageError> {
    let path = lists.to_string_lossy();
    database.execute("ATTACH DATABASE ?1 AS lists", [&path])?;
    let sql =
        "SELECT orders.key, orders.record FROM lists.listed CROSS JOIN orders ON orders.key = listed.key
               WHERE listed.bucket = ?1";
    {
        let mut statement = database.prepare(sql)?;
        for bucket in Bucket::open() {
            let mut rows = statement.query([bucket])?;
            while let Some(row) = rows.next()? {
                take(OrderKey(row.get(0)?), row.get(1)?)?;
            }
        }
    }
    database.execute("DETACH DATABASE lists", [])?;
    Ok(())
}
