//! What was answered to requests that may be sent again.

use crate::erasure::is_erased;
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
    body: KeptBody,
    /// When it was answered.
    pub(crate) at: Timestamp,
    pub(crate) answer: KeptAnswer,
}

/// What tells whether a request is the one that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum KeptBody {
    /// A hash of its body.
    Hash([u8; 32]),
    /// The same with the salt of its order's details.
    Salted([u8; 32], [u8; 16]),
    /// Nothing but its key, since the details were erased.
    Erased,
}

impl Kept {
    /// Whether a request with the same key is the one that was answered. Where its details were erased, nobody
    /// can say that it is not: it is taken for the same, so that no order is placed a second time.
    pub(crate) fn is_of(&self, mark: &Idempotency) -> bool {
        match &self.body {
            KeptBody::Hash(hash) => *hash == mark.body,
            KeptBody::Salted(hash, salt) => *hash == Idempotency::salted(&mark.body, salt),
            KeptBody::Erased => true,
        }
    }
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
    let sql = "SELECT kept.body, at, kept.order_key, version, sku, on_hand, reserved, salted, salt
               FROM idempotency kept LEFT JOIN order_details details
               ON salted AND details.order_key = kept.order_key
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
    let hash = <[u8; 32]>::try_from(row.get::<_, Vec<u8>>(0)?)
        .map_err(|hash| StorageError::Diverged(format!("a kept hash has {} bytes", hash.len())))?;
    let salt = row.get::<_, Option<Vec<u8>>>(8)?.and_then(|salt| <[u8; 16]>::try_from(salt).ok());
    let body = match (row.get(7)?, salt) {
        (false, _) => KeptBody::Hash(hash),
        (true, Some(salt)) if !is_erased(&salt) => KeptBody::Salted(hash, salt),
        (true, _) => KeptBody::Erased,
    };
    Ok(Kept { body, at: Timestamp::from_millis(row.get(1)?), answer })
}

/// Takes over what was kept before bodies were hashed with salt: all that is of orders with details.
pub(crate) fn salt_kept(connection: &Connection) -> Result<(), StorageError> {
    let sql = "SELECT key, unsalted.body, salt FROM unsalted JOIN order_details USING (order_key)";
    {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        let mut salted = connection.prepare(
            "INSERT INTO idempotency
             SELECT key, ?2, 1, at, order_key, version, sku, on_hand, reserved, expires_at
             FROM unsalted WHERE key = ?1",
        )?;
        while let Some(row) = rows.next()? {
            let (key, body, salt): (Vec<u8>, Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let body = match (<[u8; 32]>::try_from(body), <[u8; 16]>::try_from(salt)) {
                (Ok(body), Ok(salt)) if !is_erased(&salt) => Idempotency::salted(&body, &salt),
                (Ok(_), Ok(_)) => [0; 32],
                // No body is this one's any more, so that a request with its key is refused, not done again.
                _ => {
                    tracing::warn!("a kept answer is not whole; it will not be given again");
                    [0; 32]
                }
            };
            salted.execute(params![key, &body[..]])?;
        }
    }
    let others = "INSERT OR IGNORE INTO idempotency
        SELECT key, body, 0, at, order_key, version, sku, on_hand, reserved, expires_at FROM unsalted";
    connection.execute(others, [])?;
    Ok(connection.execute_batch("DROP TABLE unsalted")?)
}

/// An answer to keep.
pub(crate) struct ToKeep {
    pub(crate) mark: Idempotency,
    pub(crate) answer: KeptAnswer,
    /// The salt of the details that came with the request.
    pub(crate) salt: Option<[u8; 16]>,
}

/// Keeps answers, and lets go of some that have expired.
pub(crate) fn keep(connection: &Connection, answers: &[ToKeep], at: Timestamp) -> Result<(), StorageError> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO idempotency
             (key, body, salted, at, order_key, version, sku, on_hand, reserved, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for ToKeep { mark, answer, salt } in answers {
        let (order, stock) = match answer {
            KeptAnswer::Order(key, version) => (Some((key.0, *version)), None),
            KeptAnswer::Stock(level) => (None, Some(level)),
        };
        insert.execute(params![
            &mark.key[..],
            &salt.as_ref().map_or(mark.body, |salt| Idempotency::salted(&mark.body, salt))[..],
            salt.is_some(),
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
