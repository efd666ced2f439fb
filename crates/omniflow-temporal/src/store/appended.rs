//! Events as they are appended to an order's row and its log, by one statement.

use super::connection::Work;
use super::driven::Look;
use super::record::{self, RECORD_FORMAT, column_of};
use super::{Publish, StoreError};
use omniflow_core::ChainHash;
use tokio_postgres::{Row, Statement};

/// Appends events and moves the order to where they lead. `$11` is the first version that this transaction
/// shows.
pub(super) const APPEND: &str = "
    WITH moved AS (
        UPDATE orders
        SET version = $2, head = $3, record_format = $4, record = $5, acknowledged = $6, state = $7,
            payment_status = $8, attention = $9, settled = COALESCE($10, settled), look_at = $15,
            look_pause = $16
        WHERE id = $1
    ), feed AS (
        SELECT (value + pg_current_xact_id()::text::bigint) << 12 AS place FROM meta WHERE name = 'feed_base'
    )
    INSERT INTO order_events (order_id, version, position, line, hash)
    SELECT $1, event.version, CASE WHEN $6 THEN feed.place + event.version - $11::integer END, event.line, event.hash
    FROM unnest($12::integer[], $13::bytea[], $14::bytea[]) event (version, line, hash), feed";

/// How many events a transaction can show: more have no number in it.
const MOST_SHOWN: u32 = 1 << 12;

/// Where the order stood.
pub(super) struct Before {
    pub(super) version: u32,
    pub(super) head: ChainHash,
    pub(super) acknowledged: bool,
    pub(super) is_reserved: bool,
    pub(super) settled: Option<String>,
}

impl Before {
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        let version: i32 = row.get(0);
        Ok(Self {
            version: version.unsigned_abs(),
            head: record::hash_of(row, "head")?,
            acknowledged: row.get(2),
            is_reserved: row.get(3),
            settled: row.get(4),
        })
    }
}

/// The lines to append with their versions and hashes, column by column.
pub(super) struct Appended<'a> {
    versions: Vec<i32>,
    lines: &'a [Vec<u8>],
    hashes: Vec<Vec<u8>>,
    head: ChainHash,
    record: Vec<u8>,
    version: i32,
    pub(super) acknowledged: bool,
    settled: Option<&'static str>,
    first_shown: i32,
    look: Option<Look>,
}

impl<'a> Appended<'a> {
    pub(super) fn new(
        publish: &'a Publish<'_>,
        before: &Before,
        settled: Option<&'static str>,
    ) -> Result<Self, StoreError> {
        let mut head = before.head;
        let (mut versions, mut hashes) = (vec![], vec![]);
        for (version, line) in (before.version + 1..).zip(&publish.lines) {
            head = head.after(line);
            versions.push(column_of(version)?);
            hashes.push(head.0.to_vec());
        }
        let acknowledged = before.acknowledged || publish.acknowledge;
        let first_shown = if before.acknowledged { before.version + 1 } else { 1 };
        if (publish.order.version + 1).saturating_sub(first_shown) > MOST_SHOWN {
            let id = &publish.order.id;
            return Err(StoreError::Diverged(format!("order {id} has too many events to show at once")));
        }
        Ok(Self {
            versions,
            lines: &publish.lines,
            hashes,
            head,
            record: record::encode(publish.order)?,
            version: column_of(publish.order.version)?,
            acknowledged,
            settled,
            first_shown: column_of(first_shown)?,
            look: Look::at(publish.order, publish.at),
        })
    }

    pub(super) async fn send(
        &self,
        work: &Work,
        statement: &Statement,
        publish: &Publish<'_>,
    ) -> Result<u64, tokio_postgres::Error> {
        let order = publish.order;
        work.client()
            .execute(
                statement,
                &[
                    &publish.order_id.as_str(),
                    &self.version,
                    &&self.head.0[..],
                    &RECORD_FORMAT,
                    &self.record,
                    &self.acknowledged,
                    &order.kind().as_str(),
                    &order.payments.status().as_str(),
                    &order.attention().is_some(),
                    &self.settled,
                    &self.first_shown,
                    &self.versions,
                    &self.lines,
                    &self.hashes,
                    &self.look.map(|look| look.at_ms),
                    &self.look.map(|look| look.pause_ms),
                ],
            )
            .await
    }
}
