//! Whether an order is still driven: a workflow may have been terminated, or be missing in a Temporal that was
//! restored. Nobody is told of that, so it is looked, where an order is not where it should have come by now.
//!
//! When that is is written with each of its events. Whoever looks takes some orders for a while, so that of
//! several processes one does; and however many orders there are, no more is read than is taken.

use super::claim::id_of;
use super::error::Fault;
use super::{Store, StoreError};
use omniflow_core::{Order, OrderId, Timestamp, next};

/// How long an order that has something to do may stay as it is.
const STALLED_MS: u64 = 5 * 60_000;
/// How long after a timer was due it must have come.
const LATE_MS: u64 = 60_000;
/// The same where it only waits for a person, whose word starts a workflow where there is none.
const IDLE_MS: u64 = 24 * 3_600_000;

/// How long nobody else looks at an order that was taken.
const TAKEN_MS: i64 = 5 * 60_000;

/// Takes orders to look at for a while.
const TAKE: &str = "
    WITH due AS (
        SELECT id FROM orders WHERE look_at <= $1 ORDER BY look_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    UPDATE orders SET look_at = $1 + $3 FROM due WHERE orders.id = due.id RETURNING orders.id";

/// The next time for orders that are driven is a pause from now; for those that have ended there is none.
const LOOKED: &str = "UPDATE orders SET look_at = $2 + look_pause WHERE id = ANY ($1)";

/// When to look at an order, and how often from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) at_ms: i64,
    pub(super) pause_ms: i64,
}

impl Look {
    /// `None` where nothing is to come of the order any more.
    pub(super) fn at(order: &Order, now: Timestamp) -> Option<Self> {
        let next = next(order);
        let stalled = (!next.effects.is_empty()).then(|| now.plus_millis(STALLED_MS));
        let late = next.due_at().map(|due_at| due_at.max(now).plus_millis(LATE_MS));
        let (at, pause_ms) = match stalled.into_iter().chain(late).min() {
            Some(at) => (at, STALLED_MS),
            None if order.is_at_rest() => return None,
            None => (now.plus_millis(IDLE_MS), IDLE_MS),
        };
        Some(Self { at_ms: at.as_millis(), pause_ms: pause_ms.cast_signed() })
    }
}

impl Store {
    /// Takes orders that are not where they should have come by `now`, those that are late the longest first, at
    /// most `limit`. They are not taken again for five minutes.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::OutcomeUnknown`].
    pub async fn take_late(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, StoreError> {
        self.connections.again(|| self.take_once(now, limit)).await
    }

    /// They are driven: the next time for them is five minutes from `now`, or a day where they wait for a person.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::OutcomeUnknown`].
    pub async fn looked_at(&self, orders: &[OrderId], now: Timestamp) -> Result<(), StoreError> {
        let ids: Vec<&str> = orders.iter().map(OrderId::as_str).collect();
        self.connections.rows(LOOKED, &[&ids, &now.as_millis()]).await.map(drop)
    }

    async fn take_once(&self, now: Timestamp, limit: usize) -> Result<Vec<OrderId>, Fault> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let work = self.connections.take().await?;
        let [take] = work.prepared([TAKE]).await?;
        let rows = work.ask(work.client().query(&take, &[&now.as_millis(), &limit, &TAKEN_MS])).await?;
        rows.iter().map(|row| id_of(row.get(0)).map_err(Fault::from)).collect()
    }
}
