//! Orders that nobody was told of: claimed, and not decided, since no worker has come to them yet; or refused.

use super::claim::{first_place, id_of};
use super::connection::Sent;
use super::error::Fault;
use super::publish::{ACKNOWLEDGE, SHOW};
use super::{Acknowledged, Store, StoreError, Undecided, record};
use omniflow_core::{OrderId, StockHold, Timestamp};

const LOCK: &str = "SELECT acknowledged, record_format, record, version FROM orders WHERE id = $1 FOR UPDATE";

const LINES: &str = "SELECT line FROM order_events WHERE order_id = $1 ORDER BY version";

const LATE: &str = "
    SELECT id, place FROM orders WHERE state = 'reserving' AND place > $1 AND place < $2
    ORDER BY place LIMIT $3";

/// Orders that were refused before anybody knew of them, and that nobody has paid: those are shown.
const FORGET: &str = "
    WITH old AS (
        SELECT id FROM orders WHERE NOT acknowledged AND withdrawn_at < $1
        ORDER BY withdrawn_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), events AS (
        DELETE FROM order_events USING old WHERE order_id = old.id
    )
    DELETE FROM orders USING old WHERE orders.id = old.id";

impl Store {
    /// Removes what is left of orders that were refused before a moment, and before anybody knew of them. How
    /// many there were, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::OutcomeUnknown`].
    pub async fn forget_withdrawn(&self, refused_before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.connections.again(|| self.forget_once(refused_before, limit)).await
    }

    async fn forget_once(&self, refused_before: Timestamp, limit: usize) -> Result<u64, Fault> {
        let work = self.connections.take().await?;
        let [forget] = work.prepared([FORGET]).await?;
        let (before, limit) = (refused_before.as_millis(), i64::try_from(limit).unwrap_or(i64::MAX));
        let client = work.client();
        work.ask(client.execute(&forget, &[&before, &limit])).await
    }

    /// Shows an order whose placing is answered before its stock is decided, and says how it stands. The mark
    /// of its placing is answered later, with what is decided then.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::OutcomeUnknown`], [`StoreError::Diverged`].
    pub async fn acknowledge(&self, order_id: &OrderId) -> Result<Acknowledged, StoreError> {
        let acknowledged = self.connections.again(|| self.acknowledge_once(order_id)).await;
        if matches!(acknowledged, Ok(Acknowledged::Undecided(_))) {
            self.announce(order_id);
        }
        acknowledged
    }

    async fn acknowledge_once(&self, order_id: &OrderId) -> Result<Acknowledged, Fault> {
        let work = self.connections.take().await?;
        let [lock, lines, show, acknowledge] = work.prepared([LOCK, LINES, SHOW, ACKNOWLEDGE]).await?;
        let (client, id) = (work.client(), order_id.as_str());
        let wanted: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&id];
        let row = async { client.query_opt(&lock, &wanted).await };
        let ((), row) = work.ask(async { futures::try_join!(work.open(), row) }).await?;
        let Some(row) = row else { return Ok(Acknowledged::Missing) };
        let order = match record::decode(row.get(1), row.get(2)) {
            Some(order) => order,
            None => {
                let lines = work.ask(client.query(&lines, &wanted)).await?;
                record::folded(lines.iter().map(|row| row.get(0)))?
            }
        };
        let is_shown: bool = row.get(0);
        match &order.stock {
            StockHold::Undecided if is_shown => Ok(Acknowledged::Undecided(order)),
            StockHold::Undecided => {
                let version: i32 = row.get(3);
                let writes: Vec<Sent<'_>> = vec![
                    Box::pin(async { client.execute(&show, &[&id, &version]).await }),
                    Box::pin(async { client.execute(&acknowledge, &wanted).await }),
                ];
                work.commit(writes).await?;
                Ok(Acknowledged::Undecided(order))
            }
            StockHold::Refused(refusal) if !is_shown => Ok(Acknowledged::Refused(refusal.clone())),
            _ => Ok(Acknowledged::Decided(order)),
        }
    }

    /// Orders that were claimed before a moment and are not decided yet, oldest first, at most `limit`, from
    /// behind a place on.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn undecided(
        &self,
        claimed_before: Timestamp,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Undecided>, StoreError> {
        let (limit, after) = (i64::try_from(limit).unwrap_or(i64::MAX), after.unwrap_or(i64::MIN));
        let rows = self.connections.rows(LATE, &[&after, &first_place(claimed_before), &limit]).await?;
        rows.iter().map(|row| Ok(Undecided { order_id: id_of(row.get(0))?, place: row.get(1) })).collect()
    }
}
