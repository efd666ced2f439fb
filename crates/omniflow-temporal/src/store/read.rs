//! Reading orders: each read is one statement, and sees what is committed.

use super::record::{self, hash_of};
use super::{Store, StoreError, Stored};
use omniflow_core::{Entry, Order, OrderId};
use omniflow_engine::{Details, TimelineEntry};
use tokio_postgres::Row;

impl Store {
    /// The order as it stands.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Diverged`].
    pub async fn load(&self, order_id: &OrderId) -> Result<Option<Stored>, StoreError> {
        let sql = "SELECT head, acknowledged, record_format, record FROM orders WHERE id = $1";
        let rows = self.connections.rows(sql, &[&order_id.as_str()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let order = match record::decode(row.get(2), row.get(3)) {
            Some(order) => order,
            None => return self.rebuilt(order_id).await,
        };
        Ok(Some(Stored { order, head: hash_of(row, "head")?, acknowledged: row.get(1) }))
    }

    /// The order from its events, since its record is of another program's format.
    pub(super) async fn rebuilt(&self, order_id: &OrderId) -> Result<Option<Stored>, StoreError> {
        let sql = "SELECT event.line, event.hash, acknowledged
                   FROM orders JOIN order_events event ON event.order_id = id
                   WHERE id = $1 ORDER BY event.version";
        let rows = self.connections.rows(sql, &[&order_id.as_str()]).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let order = record::folded(rows.iter().map(|row| row.get(0)))?;
        Ok(Some(Stored { order, head: hash_of(last, "hash")?, acknowledged: last.get(2) }))
    }

    /// The order as it stood at a version, `None` where it has not come so far.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Diverged`].
    pub async fn at_version(&self, order_id: &OrderId, version: u32) -> Result<Option<Order>, StoreError> {
        let sql = "SELECT line FROM order_events WHERE order_id = $1 AND version <= $2 ORDER BY version";
        let Ok(column) = i32::try_from(version) else { return Ok(None) };
        let rows = self.connections.rows(sql, &[&order_id.as_str(), &column]).await?;
        if version == 0 || rows.len() < version as usize {
            return Ok(None);
        }
        record::folded(rows.iter().map(|row| row.get(0))).map(Some)
    }

    /// The order's address and metadata, `None` where there are none or they were erased.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Diverged`].
    pub async fn details(&self, order_id: &OrderId) -> Result<Option<Details>, StoreError> {
        let sql = "SELECT body FROM order_details WHERE order_id = $1";
        let rows = self.connections.rows(sql, &[&order_id.as_str()]).await?;
        let details = rows.first().map(|row| Details::decode(row.get(0))).transpose();
        details.map_err(|error| StoreError::Diverged(error.to_string()))
    }

    /// Every event of an order, first to last, acknowledged or not; `None` where there is no order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Diverged`].
    pub async fn timeline(&self, order_id: &OrderId) -> Result<Option<Vec<TimelineEntry>>, StoreError> {
        let sql = "SELECT line, hash FROM order_events WHERE order_id = $1 ORDER BY version";
        let rows = self.connections.rows(sql, &[&order_id.as_str()]).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        rows.iter().map(timeline_entry).collect::<Result<_, _>>().map(Some)
    }
}

/// An event from a row that has its line and its hash.
pub(super) fn timeline_entry(row: &Row) -> Result<TimelineEntry, StoreError> {
    let entry = Entry::decode(row.get("line")).map_err(|error| StoreError::Diverged(error.to_string()))?;
    Ok(TimelineEntry { entry, hash: hash_of(row, "hash")? })
}
