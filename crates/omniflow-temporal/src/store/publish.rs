//! Publishing: events are appended to an order if it stands where the caller thinks it does, and all that is
//! to be true with them becomes true in the same transaction.

use super::appended::{APPEND, Appended, Before};
use super::connection::{Sent, Work};
use super::error::Fault;
use super::marks::{self, About};
use super::movement::{SETTLE_STOCK, Settlement};
use super::record::column_of;
use super::{Publish, Published, Store, StoreError};
use tokio_postgres::{Row, Statement};

const LOCK: &str = "
    SELECT version, head, acknowledged, reservation IS NOT NULL, settled FROM orders
    WHERE id = $1 FOR UPDATE";

const TAIL: &str = "SELECT line FROM order_events WHERE order_id = $1 AND version > $2 ORDER BY version";

/// Shows the events from before an order was acknowledged.
pub(super) const SHOW: &str = "
    UPDATE order_events SET position = ((feed.value + pg_current_xact_id()::text::bigint) << 12) + version - 1
    FROM meta feed
    WHERE feed.name = 'feed_base' AND order_id = $1 AND version <= $2";

pub(super) const ACKNOWLEDGE: &str = "UPDATE orders SET acknowledged = true WHERE id = $1";

/// Lets go of all that others may want of an order that was refused before anybody knew of it.
const WITHDRAW: &str = "
    WITH marks AS (DELETE FROM idempotency WHERE order_id = $1 AND version IS NULL),
         details AS (DELETE FROM order_details WHERE order_id = $1)
    UPDATE orders SET external_id = NULL, withdrawn_at = COALESCE(withdrawn_at, $2) WHERE id = $1";

const ERASE: &str = "DELETE FROM order_details WHERE order_id = $1";

struct Statements {
    lock: Statement,
    tail: Statement,
    append: Statement,
    show: Statement,
    acknowledge: Statement,
    withdraw: Statement,
    erase: Statement,
    settle: Statement,
    keep: Statement,
    purge: Statement,
    answer: Statement,
}

impl Statements {
    async fn of(work: &Work) -> Result<Self, Fault> {
        let sql = [
            LOCK,
            TAIL,
            APPEND,
            SHOW,
            ACKNOWLEDGE,
            WITHDRAW,
            ERASE,
            SETTLE_STOCK,
            marks::KEEP,
            marks::PURGE,
            marks::ANSWER_PLACING,
        ];
        let [lock, tail, append, show, acknowledge, withdraw, erase, settle, keep, purge, answer] =
            work.prepared(sql).await?;
        Ok(Self { lock, tail, append, show, acknowledge, withdraw, erase, settle, keep, purge, answer })
    }
}

impl Store {
    /// Appends events to an order if it has the expected version, and does the rest of what is asked with
    /// them; otherwise it changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::OutcomeUnknown`], [`StoreError::Diverged`].
    pub async fn publish(&self, publish: Publish<'_>) -> Result<Published, StoreError> {
        let lines = u32::try_from(publish.lines.len()).unwrap_or(u32::MAX);
        if publish.expected.checked_add(lines) != Some(publish.order.version)
            || *publish.order_id != publish.order.id
        {
            let id = publish.order_id;
            return Err(StoreError::Diverged(format!("what is published of {id} is not what follows")));
        }
        let published = self.connections.again(|| self.publish_once(&publish)).await;
        if published.is_ok() {
            // Also where it was stored before, by somebody who may not have come to announcing it.
            self.announce(publish.order_id);
        }
        published
    }

    async fn publish_once(&self, publish: &Publish<'_>) -> Result<Published, Fault> {
        let work = self.connections.take().await?;
        let statements = Statements::of(&work).await?;
        let row = lock(&work, &statements, publish).await?;
        let Some(before) = row.map(|row| Before::of(&row)).transpose()? else {
            return Ok(Published::Behind { lines: vec![], acknowledged: false });
        };
        if before.version != publish.expected {
            return behind(&work, &statements, publish, &before).await;
        }
        let settlement = settlement(&before, publish)?;
        let appended = Appended::new(publish, &before, settlement.as_ref().map(Settlement::kind))?;
        let mut writes: Vec<Sent<'_>> = vec![];
        if !publish.lines.is_empty() || settlement.is_some() || appended.acknowledged != before.acknowledged {
            writes.push(Box::pin(appended.send(&work, &statements.append, publish)));
        }
        if let Some(settlement) = &settlement {
            writes.push(settlement.send(&work, &statements.settle, publish.order_id, publish.at));
        }
        rest(&work, &statements, publish, &before, &mut writes);
        work.commit(writes).await?;
        Ok(stored(publish, &before))
    }
}

/// What is answered where all of it is stored.
fn stored(publish: &Publish<'_>, before: &Before) -> Published {
    if publish.withdraw && before.acknowledged { Published::Kept } else { Published::Stored }
}

/// Opens the transaction and locks the order.
async fn lock(work: &Work, statements: &Statements, publish: &Publish<'_>) -> Result<Option<Row>, Fault> {
    let id = publish.order_id.as_str();
    let row = async { work.client().query_opt(&statements.lock, &[&id]).await };
    let ((), row) = work.ask(async { futures::try_join!(work.open(), row) }).await?;
    Ok(row)
}

/// How the order's reservation ends now, `None` where it does not, or has ended so before.
fn settlement(before: &Before, publish: &Publish<'_>) -> Result<Option<Settlement>, StoreError> {
    let demand = publish.order.terms.demand();
    let Some(settlement) = publish.stock.and_then(|step| Settlement::of(step, &demand)) else {
        return Ok(None);
    };
    let (id, step) = (publish.order_id, settlement.kind());
    match before.settled.as_deref() {
        Some(settled) if settled == step => Ok(None),
        Some(settled) => Err(StoreError::Diverged(format!("{id}: {step} after {settled}"))),
        None if !before.is_reserved => Err(StoreError::Diverged(format!("{id}: {step} of nothing"))),
        None => Ok(Some(settlement)),
    }
}

/// The order is not where the caller thinks. Where that is because the very same was published before, the
/// rest is made sure of.
async fn behind(
    work: &Work,
    statements: &Statements,
    publish: &Publish<'_>,
    before: &Before,
) -> Result<Published, Fault> {
    let id = publish.order_id.as_str();
    let expected = column_of(publish.expected)?;
    let tail = work.ask(work.client().query(&statements.tail, &[&id, &expected])).await?;
    let lines: Vec<Vec<u8>> = tail.iter().map(|row| row.get(0)).collect();
    if lines.is_empty() || lines != publish.lines {
        return Ok(Published::Behind { lines, acknowledged: before.acknowledged });
    }
    let mut writes: Vec<Sent<'_>> = vec![];
    rest(work, statements, publish, before, &mut writes);
    if publish.acknowledge && !before.acknowledged {
        writes.push(Box::pin(async move {
            work.client().execute(&statements.acknowledge, &[&publish.order_id.as_str()]).await
        }));
    }
    if !writes.is_empty() {
        work.commit(writes).await?;
    }
    Ok(stored(publish, before))
}

/// What is to be true beside the order's own row: what it shows, the answers that are kept, what is erased.
fn rest<'a>(
    work: &'a Work,
    statements: &'a Statements,
    publish: &'a Publish<'_>,
    before: &Before,
    writes: &mut Vec<Sent<'a>>,
) {
    let client = work.client();
    let Publish { order_id, order, at, .. } = publish;
    if publish.acknowledge && !before.acknowledged {
        let shown = before.version;
        writes.push(Box::pin(async move {
            let shown = column_of(shown).unwrap_or(i32::MAX);
            client.execute(&statements.show, &[&order_id.as_str(), &shown]).await
        }));
    }
    if publish.withdraw && !before.acknowledged {
        writes.push(Box::pin(async move {
            client.execute(&statements.withdraw, &[&order_id.as_str(), &at.as_millis()]).await
        }));
    } else if publish.acknowledge || publish.withdraw {
        writes.push(Box::pin(async move {
            let version = column_of(order.version).unwrap_or(i32::MAX);
            client.execute(&statements.answer, &[&order_id.as_str(), &version, &at.as_millis()]).await
        }));
    }
    for (mark, version) in &publish.marks {
        let about = About::Order { order_id, version: *version };
        writes.push(Box::pin(async move {
            marks::keep(work, &statements.keep, mark, about, *at).await.map(u64::from)
        }));
    }
    if !publish.marks.is_empty() {
        writes.push(marks::purge(work, &statements.purge, *at));
    }
    if publish.erase_details {
        writes.push(Box::pin(async move { client.execute(&statements.erase, &[&order_id.as_str()]).await }));
    }
}
