//! Claims: orders that are stored before a run of theirs begins, and shown once their placing is answered.

use super::connection::Work;
use super::error::Fault;
use super::marks::{self, About};
use super::record::{self, RECORD_FORMAT};
use super::{Claim, Kept, SaltedDetails, Store, StoreError};
use omniflow_core::{ChainHash, Entry, Order, OrderId, StockRefusal, Timestamp};
use omniflow_engine::Idempotency;
use tokio_postgres::Statement;

/// Stores an order with its first event and its details, if neither its id nor its external id is taken.
/// Its place in lists begins with the moment of placing; see [`super::lists`].
pub(super) const INSERT: &str = "
    WITH made AS (
        INSERT INTO orders (id, place, version, head, record_format, record, acknowledged, external_id,
                            customer_id, state, payment_status, attention, created_at)
        VALUES ($1, ($2::bigint << 20) | (nextval('order_places') & 1048575), 1, $3, $4, $5, $6, $7,
                $8, $9, $10, $11, $2::bigint)
        ON CONFLICT DO NOTHING
        RETURNING id, acknowledged
    ), first AS (
        INSERT INTO order_events (order_id, version, position, line, hash)
        SELECT id, 1,
               CASE WHEN acknowledged THEN
                   ((SELECT value FROM meta WHERE name = 'feed_base')
                    + pg_current_xact_id()::text::bigint) << 12
               END,
               $12::bytea, $3
        FROM made
    ), details AS (
        INSERT INTO order_details (order_id, salt, body)
        SELECT id, $13::bytea, $14::bytea FROM made WHERE $13::bytea IS NOT NULL
    )
    SELECT id FROM made";

/// Who has what a claim wants: its id or its external id.
pub(super) const HOLDERS: &str = "
    SELECT id, acknowledged, (SELECT line FROM order_events WHERE order_id = id AND version = 1)
    FROM orders WHERE id = $1 OR external_id = $2";

/// The earliest and the latest moment that a place can begin with.
pub(super) const MOMENTS: std::ops::RangeInclusive<i64> = -(1 << 42)..=(1 << 42);

/// An order's first line and the hash after it.
pub(super) struct Placed<'a> {
    pub(super) order: &'a Order,
    pub(super) line: Vec<u8>,
    pub(super) head: ChainHash,
    pub(super) record: Vec<u8>,
}

impl<'a> Placed<'a> {
    pub(super) fn new(entry: &Entry, order: &'a Order) -> Result<Self, StoreError> {
        if order.version != 1 || entry.seq != 1 {
            return Err(StoreError::Diverged(format!("order {} is not newly placed", order.id)));
        }
        let link = entry.link(&ChainHash::default());
        Ok(Self { order, line: link.line, head: link.hash, record: record::encode(order)? })
    }

    /// Stores it. Whether it is stored now: not where its id or its external id is taken.
    pub(super) async fn insert(
        &self,
        work: &Work,
        statement: &Statement,
        details: Option<&SaltedDetails>,
        acknowledged: bool,
    ) -> Result<bool, tokio_postgres::Error> {
        let Self { order, line, head, record } = self;
        let created_at = order.created_at.as_millis().clamp(*MOMENTS.start(), *MOMENTS.end());
        let rows = work
            .client()
            .query(
                statement,
                &[
                    &order.id.as_str(),
                    &created_at,
                    &&head.0[..],
                    &RECORD_FORMAT,
                    record,
                    &acknowledged,
                    &order.terms.external_id.as_ref().map(|id| id.as_str()),
                    &order.terms.customer_id.as_ref().map(|id| id.as_str()),
                    &order.kind().as_str(),
                    &order.payments.status().as_str(),
                    &order.attention().is_some(),
                    line,
                    &details.map(|details| &details.salt[..]),
                    &details.map(|details| &details.body[..]),
                ],
            )
            .await?;
        Ok(!rows.is_empty())
    }

    /// Why it cannot be stored.
    pub(super) async fn holder(&self, work: &Work, statement: &Statement) -> Result<Claim, Fault> {
        let external_id = self.order.terms.external_id.as_ref().map(|id| id.as_str());
        let own = self.order.id.as_str();
        let rows = work.ask(work.client().query(statement, &[&own, &external_id])).await?;
        if let Some(row) = rows.iter().find(|row| row.get::<_, &str>(0) == own) {
            return if row.get::<_, Option<&[u8]>>(2) == Some(&self.line[..]) {
                Ok(Claim::Made)
            } else {
                Err(StoreError::Diverged(format!("another order is stored as {own}")).into())
            };
        }
        // It was there a moment ago.
        let row = rows.first().ok_or(Fault::Conflict)?;
        Ok(Claim::ExternalIdTaken { order_id: id_of(row.get(0))?, acknowledged: row.get(1) })
    }
}

/// A stored order id.
pub(super) fn id_of(text: &str) -> Result<OrderId, StoreError> {
    OrderId::new(text).map_err(|error| StoreError::Diverged(format!("a stored order id {error}")))
}

impl Store {
    /// Stores an order, not acknowledged, at version 1, with its details and the mark of its placing.
    ///
    /// Of several with one mark, or one external id, at once, one is [`Claim::Made`].
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::OutcomeUnknown`].
    pub async fn claim(
        &self,
        placed: &Entry,
        order: &Order,
        details: Option<&SaltedDetails>,
        mark: Option<&Idempotency>,
    ) -> Result<Claim, StoreError> {
        if order.details != details.map(SaltedDetails::hash) {
            return Err(StoreError::Diverged(format!("order {} names other details than it has", order.id)));
        }
        let placed = Placed::new(placed, order)?;
        self.connections.again(|| self.claim_once(&placed, details, mark)).await
    }

    async fn claim_once(
        &self,
        placed: &Placed<'_>,
        details: Option<&SaltedDetails>,
        mark: Option<&Idempotency>,
    ) -> Result<Claim, Fault> {
        let work = self.connections.take().await?;
        let [insert, keep, find, holders, purge] =
            work.prepared([INSERT, marks::KEEP, marks::FIND, HOLDERS, marks::PURGE]).await?;
        let (order_id, at) = (&placed.order.id, placed.order.created_at);
        let marking = async {
            let Some(mark) = mark else { return Ok(true) };
            let about = About::Placing { order_id, salt: details.map(|details| &details.salt) };
            marks::keep(&work, &keep, mark, about, at).await
        };
        let round =
            async { futures::try_join!(work.open(), marking, placed.insert(&work, &insert, details, false)) };
        let ((), is_marked, is_made) = work.ask(round).await?;
        if let (false, Some(mark)) = (is_marked, mark) {
            return claimed_before(marks::find(&work, &find, mark, at).await?, placed.order);
        }
        if !is_made {
            return placed.holder(&work, &holders).await;
        }
        let purging = mark.map(|_| marks::purge(&work, &purge, at));
        work.commit(purging.into_iter().collect()).await?;
        Ok(Claim::Made)
    }
}

/// The first place that an order placed at a moment can have.
pub(super) fn first_place(at: Timestamp) -> i64 {
    at.as_millis().clamp(*MOMENTS.start(), *MOMENTS.end()) << 20
}

/// What became of reserving stock, as it is stored.
pub(super) fn reservation_of(stored: Option<&[u8]>) -> Result<Option<Result<(), StockRefusal>>, StoreError> {
    let read = |bytes| postcard::from_bytes(bytes);
    let reservation = stored.map(read).transpose();
    reservation.map_err(|error| StoreError::Diverged(format!("a stored reservation cannot be read: {error}")))
}

/// What a claim is answered whose mark is there already.
fn claimed_before(kept: Option<Kept>, order: &Order) -> Result<Claim, Fault> {
    match kept {
        // Withdrawn or expired since.
        None => Err(Fault::Conflict),
        Some(Kept::Order { order_id, answered: None }) if order_id == order.id => Ok(Claim::Made),
        Some(Kept::Order { order_id, answered }) => Ok(Claim::Again { order_id, answered }),
        Some(Kept::Reused | Kept::Stock { .. }) => Ok(Claim::KeyReused),
    }
}
