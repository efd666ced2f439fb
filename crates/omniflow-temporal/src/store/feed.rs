//! The feed: all events in one order, which readers may follow from any place.
//!
//! Transactions do not commit in the order in which they began. A position is the number of the transaction
//! that showed the event, and the event's number in it; and nobody sees one while a transaction with a lower
//! number may still commit. So what is seen is always a beginning of what will be, and nothing is missed. A
//! transaction that is left open anywhere on the server holds the feed back, so that none may be.
//!
//! On one order the row's lock makes transactions follow each other, so that its own feed need not wait.

use super::claim::id_of;
use super::read::timeline_entry;
use super::{Changes, Store, StoreError};
use omniflow_engine::{FeedEntry, FeedScope, Position};
use tokio_postgres::Row;

/// Places before this one do not change any more.
macro_rules! horizon {
    () => {
        "(((SELECT value FROM meta WHERE name = 'feed_base')
           + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 12)"
    };
}

const OF_ALL: &str = concat!(
    "SELECT position, order_id, line, hash FROM order_events WHERE position > $1 AND position < ",
    horizon!(),
    " ORDER BY position LIMIT $2"
);

const OF_ONE: &str = "
    SELECT position, order_id, line, hash FROM order_events
    WHERE order_id = $3 AND position > $1 ORDER BY version LIMIT $2";

/// How far a feed has come.
pub(super) const LAST: &str =
    concat!("SELECT max(position) FROM order_events WHERE position IS NOT NULL AND position < ", horizon!());

/// Whose events a feed has got since a place.
pub(super) const TOUCHED: &str = concat!(
    "SELECT position, order_id FROM order_events WHERE position > $1 AND position < ",
    horizon!(),
    " ORDER BY position LIMIT $2"
);

impl Store {
    /// Events after a position, first to last, at most `limit`, without waiting.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn feed(
        &self,
        scope: &FeedScope,
        after: Position,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut after = i64::try_from(after.0).unwrap_or(i64::MAX);
        loop {
            let rows = match scope {
                FeedScope::All => self.connections.rows(OF_ALL, &[&after, &limit]).await?,
                FeedScope::Order(id) => {
                    self.connections.rows(OF_ONE, &[&after, &limit, &id.as_str()]).await?
                }
            };
            let Some(last) = rows.last() else { return Ok(vec![]) };
            after = last.get(0);
            let entries: Vec<FeedEntry> = rows.iter().filter_map(readable).collect();
            if !entries.is_empty() {
                return Ok(entries);
            }
        }
    }

    /// The same, as soon as there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn next_of_feed(
        &self,
        changes: &Changes,
        scope: &FeedScope,
        after: Position,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, StoreError> {
        let mut change = match scope {
            FeedScope::All => changes.of_any(),
            FeedScope::Order(id) => changes.of_order(id),
        };
        loop {
            let entries = self.feed(scope, after, limit).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            change.changed().await;
        }
    }

    /// The place of the last event that a feed shows: after it comes what is to come, and nothing else.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn last_position(&self) -> Result<Position, StoreError> {
        let rows = self.connections.rows(LAST, &[]).await?;
        let last = rows.first().and_then(|row| row.get::<_, Option<i64>>(0));
        Ok(Position(last.unwrap_or_default().unsigned_abs()))
    }
}

/// An event of a feed. One that cannot be read stops no stream: it is left out and logged.
fn readable(row: &Row) -> Option<FeedEntry> {
    let entry = |row: &Row| {
        let position = Position(row.get::<_, i64>(0).unsigned_abs());
        Ok::<_, StoreError>(FeedEntry { position, order_id: id_of(row.get(1))?, entry: timeline_entry(row)? })
    };
    entry(row)
        .inspect_err(|error| {
            let position: i64 = row.get(0);
            tracing::error!(position, %error, "an event cannot be read and is left out");
        })
        .ok()
}
