//! What was answered to requests that may be sent again.

use crate::error::StorageError;
use crate::key::OrderKey;
use omniflow_core::{Sku, Timestamp};
use omniflow_engine::{Idempotency, StockLevel};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Expired answers that go with each new one: so the table never holds many more than are kept.
const PURGED_EACH: usize = 2;

/// An answer that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// A hash of the request's body.
    pub(crate) body: [u8; 32],
    /// When it was answered.
    pub(crate) at: Timestamp,
    pub(crate) answer: KeptAnswer,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeptAnswer {
    /// An order as it stood at a version.
    Order(OrderKey, u32),
    /// Stock as it stood.
    Stock(StockLevel),
}

/// The answer to an earlier request with this key, unless it has expired.
pub(crate) fn find(
    connection: &Connection,
    key: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Kept>, StorageError> {
    let sql = "SELECT body, at, order_key, version, sku, on_hand, reserved FROM idempotency
               WHERE key = ?1 AND expires_at > ?2";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row(params![&key[..], now.as_millis()], |row| Ok(read(row))).optional()?.transpose()
}

fn read(row: &Row<'_>) -> Result<Kept, StorageError> {
    let answer = match (row.get::<_, Option<i64>>(2)?, row.get::<_, Option<String>>(4)?) {
        (Some(key), None) => KeptAnswer::Order(OrderKey(key), row.get(3)?),
        (None, Some(sku)) => {
            let sku = Sku::new(sku).map_err(|error| StorageError::Diverged(format!("a kept SKU {error}")))?;
            let count = |at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
            KeptAnswer::Stock(StockLevel { sku, on_hand: count(5)?, reserved: count(6)? })
        }
        _ => return Err(StorageError::Diverged("a kept answer is of nothing".to_owned())),
    };
    Ok(Kept { body: row.get(0)?, at: Timestamp::from_millis(row.get(1)?), answer })
}

/// Keeps answers, and lets go of some that have expired.
pub(crate) fn keep(
    connection: &Connection,
    answers: &[(Idempotency, KeptAnswer)],
    at: Timestamp,
) -> Result<(), StorageError> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO idempotency
             (key, body, at, order_key, version, sku, on_hand, reserved, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (mark, answer) in answers {
        let (order, stock) = match answer {
            KeptAnswer::Order(key, version) => (Some((key.0, *version)), None),
            KeptAnswer::Stock(level) => (None, Some(level)),
        };
        insert.execute(params![
            &mark.key[..],
            &mark.body[..],
            at.as_millis(),
            order.map(|(key, _)| key),
            order.map(|(_, version)| version),
            stock.map(|level| level.sku.as_str()),
            stock.map(|level| level.on_hand.cast_signed()),
            stock.map(|level| level.reserved.cast_signed()),
            at.plus_millis(mark.keep_ms).as_millis(),
        ])?;
    }
    let purge = "DELETE FROM idempotency WHERE key IN
                     (SELECT key FROM idempotency WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    let most = (answers.len() * PURGED_EACH) as i64;
    connection.prepare_cached(purge)?.execute([at.as_millis(), most])?;
    Ok(())
}
