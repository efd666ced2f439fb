//! What was answered to requests that may be sent again.
//!
//! The hash of a body that carries an address is salted with the salt of the order's details. Once those are
//! erased nobody can test a guess at it, nor say that another body is not the same: it is taken for the same,
//! so that no order is placed a second time.

use super::connection::{Sent, Work};
use super::error::Fault;
use super::record::column_of;
use super::{Kept, Store, StoreError};
use omniflow_core::{OrderId, Sku, Timestamp};
use omniflow_engine::{Idempotency, StockLevel};
use tokio_postgres::{Row, Statement};

/// Keeps a mark where there is none, or none that is still kept. No row where there is one.
pub(super) const KEEP: &str = "
    INSERT INTO idempotency
        (key, body, salted, at, order_id, version, sku, on_hand, reserved, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (key) DO UPDATE
    SET body = EXCLUDED.body, salted = EXCLUDED.salted, at = EXCLUDED.at, order_id = EXCLUDED.order_id,
        version = EXCLUDED.version, sku = EXCLUDED.sku, on_hand = EXCLUDED.on_hand,
        reserved = EXCLUDED.reserved, expires_at = EXCLUDED.expires_at
    WHERE idempotency.expires_at <= EXCLUDED.at
    RETURNING key";

/// Lets go of a few marks that have expired: so the table never holds many more than are kept.
pub(super) const PURGE: &str = "
    DELETE FROM idempotency WHERE key IN (
        SELECT key FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at LIMIT 2
        FOR UPDATE SKIP LOCKED)";

/// What is kept under a key.
pub(super) const FIND: &str = "
    SELECT kept.body, kept.at, kept.order_id, kept.version, kept.sku, kept.on_hand, kept.reserved,
           kept.salted, details.salt
    FROM idempotency kept
    LEFT JOIN order_details details ON kept.salted AND details.order_id = kept.order_id
    WHERE kept.key = $1 AND kept.expires_at > $2";

/// The placing of an order is answered: from now on its answer is kept.
pub(super) const ANSWER_PLACING: &str = "
    UPDATE idempotency SET version = $2, expires_at = expires_at + ($3 - at), at = $3
    WHERE order_id = $1 AND version IS NULL";

/// What an answer was about.
pub(super) enum About<'a> {
    /// A placing that is still at work.
    Placing { order_id: &'a OrderId, salt: Option<&'a [u8; 16]> },
    /// An order as it stood at a version.
    Order { order_id: &'a OrderId, version: u32 },
    /// Stock as it stood.
    Stock(&'a StockLevel),
}

/// Keeps a mark, at once. Whether it is kept now: not where another is.
pub(super) async fn keep(
    work: &Work,
    statement: &Statement,
    mark: &Idempotency,
    about: About<'_>,
    at: Timestamp,
) -> Result<bool, tokio_postgres::Error> {
    let salt = match about {
        About::Placing { salt, .. } => salt,
        _ => None,
    };
    let body = salt.map_or(mark.body, |salt| Idempotency::salted(&mark.body, salt));
    let (order_id, version) = match about {
        About::Placing { order_id, .. } => (Some(order_id.as_str()), None),
        About::Order { order_id, version } => (Some(order_id.as_str()), column_of(version).ok()),
        About::Stock(_) => (None, None),
    };
    let level = if let About::Stock(level) = about { Some(level) } else { None };
    let (sku, on_hand, reserved) = (
        level.map(|level| level.sku.as_str()),
        level.map(|level| level.on_hand.cast_signed()),
        level.map(|level| level.reserved.cast_signed()),
    );
    let expires_at = at.plus_millis(mark.keep_ms).as_millis();
    let rows = work
        .client()
        .query(
            statement,
            &[
                &&mark.key[..],
                &&body[..],
                &salt.is_some(),
                &at.as_millis(),
                &order_id,
                &version,
                &sku,
                &on_hand,
                &reserved,
                &expires_at,
            ],
        )
        .await?;
    Ok(!rows.is_empty())
}

/// Lets go of what has expired, behind other writes.
pub(super) fn purge<'a>(work: &'a Work, statement: &'a Statement, at: Timestamp) -> Sent<'a> {
    Box::pin(async move { work.client().execute(statement, &[&at.as_millis()]).await })
}

/// What is kept under a mark, read in a transaction.
pub(super) async fn find(
    work: &Work,
    statement: &Statement,
    mark: &Idempotency,
    now: Timestamp,
) -> Result<Option<Kept>, Fault> {
    let row = work.ask(work.client().query_opt(statement, &[&&mark.key[..], &now.as_millis()])).await?;
    Ok(row.map(|row| read(&row, mark)).transpose()?)
}

fn read(row: &Row, mark: &Idempotency) -> Result<Kept, StoreError> {
    if !is_of(row, mark) {
        return Ok(Kept::Reused);
    }
    let at = Timestamp::from_millis(row.get(1));
    if let Some(order_id) = row.get::<_, Option<&str>>(2) {
        let order_id = OrderId::new(order_id)
            .map_err(|error| StoreError::Diverged(format!("a kept order id {error}")))?;
        let version = row.get::<_, Option<i32>>(3).map(i32::unsigned_abs);
        return Ok(Kept::Order { order_id, answered: version.map(|version| (version, at)) });
    }
    let sku = row.get::<_, Option<&str>>(4).unwrap_or_default();
    let sku = Sku::new(sku).map_err(|error| StoreError::Diverged(format!("a kept SKU {error}")))?;
    let count = |at: usize| row.get::<_, Option<i64>>(at).unwrap_or_default().unsigned_abs();
    Ok(Kept::Stock { level: StockLevel { sku, on_hand: count(5), reserved: count(6) }, at })
}

/// Whether a request with the same key is the one that was answered.
fn is_of(row: &Row, mark: &Idempotency) -> bool {
    let body: &[u8] = row.get(0);
    let salt = row.get::<_, Option<&[u8]>>(8).map(<[u8; 16]>::try_from);
    match (row.get::<_, bool>(7), salt) {
        (false, _) => body == mark.body,
        (true, Some(Ok(salt))) => body == Idempotency::salted(&mark.body, &salt),
        // The details were erased.
        (true, _) => true,
    }
}

impl Store {
    /// What is kept under a mark, `None` where nothing is or it has expired.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Diverged`].
    pub async fn kept(&self, mark: &Idempotency, now: Timestamp) -> Result<Option<Kept>, StoreError> {
        let rows = self.connections.rows(FIND, &[&&mark.key[..], &now.as_millis()]).await?;
        rows.first().map(|row| read(row, mark)).transpose()
    }
}
