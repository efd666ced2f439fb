//! Stock as people see and change it. What orders do to it is in [`super::movement`].

use super::connection::{Sent, Work};
use super::error::Fault;
use super::marks::{self, About};
use super::movement::level_of;
use super::{Kept, Store, StoreError};
use omniflow_core::{Actor, ReasonText, Sku, Timestamp};
use omniflow_engine::{AdjustStock, Adjusted, Error, Idempotency, SetStock, StockLevel, StockSet};
use tokio_postgres::Statement;

/// Makes the SKU where it is new, and locks it. `made`: whether it is new.
const MAKE: &str = "
    INSERT INTO stock (sku, on_hand, reserved) VALUES ($1, 0, 0) ON CONFLICT (sku) DO NOTHING RETURNING sku";

const LOCK: &str = "SELECT sku, on_hand, reserved FROM stock WHERE sku = $1 FOR UPDATE";

/// Changes what is on hand and writes down who did it. `$4`: it is a count of what is really there.
const WRITE: &str = "
    WITH written AS (
        UPDATE stock
        SET on_hand = on_hand + $2,
            recounted_short = CASE WHEN $4 THEN GREATEST(0, reserved - on_hand - $2)
                                   ELSE LEAST(recounted_short, GREATEST(0, reserved - on_hand - $2)) END
        WHERE sku = $1
        RETURNING sku
    )
    INSERT INTO stock_ledger (sku, at, kind, on_hand_delta, reserved_delta, actor, reason)
    SELECT sku, $3, $5, $2, 0, $6, $7 FROM written";

/// A change of stock that was decided.
struct ByHand<'a> {
    sku: &'a Sku,
    delta: i64,
    kind: &'static str,
    actor: &'a Actor,
    reason: Option<&'a ReasonText>,
    at: Timestamp,
}

impl ByHand<'_> {
    fn send<'a>(&'a self, work: &'a Work, statement: &'a Statement) -> Sent<'a> {
        Box::pin(async move {
            let (sku, at, is_recount) = (self.sku.as_str(), self.at.as_millis(), self.kind == "recount");
            let (actor, reason) = (self.actor.as_str(), self.reason.map(ReasonText::as_str));
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
                [&sku, &self.delta, &at, &is_recount, &self.kind, &actor, &reason];
            work.client().execute(statement, &values).await
        })
    }
}

impl Store {
    /// Stock of one SKU.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn stock(&self, sku: &Sku) -> Result<Option<StockLevel>, StoreError> {
        let sql = "SELECT sku, on_hand, reserved FROM stock WHERE sku = $1";
        let rows = self.connections.rows(sql, &[&sku.as_str()]).await?;
        rows.first().map(level_of).transpose()
    }

    /// Stock of every SKU after `after`, sorted by SKU, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn stocks(&self, after: Option<&Sku>, limit: usize) -> Result<Vec<StockLevel>, StoreError> {
        let sql = "SELECT sku, on_hand, reserved FROM stock WHERE sku > $1 ORDER BY sku LIMIT $2";
        let after = after.map_or("", Sku::as_str);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.connections.rows(sql, &[&after, &limit]).await?.iter().map(level_of).collect()
    }

    /// Sets what is on hand; creates the SKU where it is new.
    ///
    /// # Errors
    /// As [`StoreError::Refused`]: [`Error::StockTooLarge`], [`Error::StockChanged`],
    /// [`Error::BelowReserved`] unless it is a recount.
    pub async fn set_stock(&self, change: &SetStock, at: Timestamp) -> Result<StockSet, StoreError> {
        if change.on_hand > StockLevel::MAX {
            return Err(Error::StockTooLarge.into());
        }
        self.connections.again(|| self.set_once(change, at)).await
    }

    async fn set_once(&self, change: &SetStock, at: Timestamp) -> Result<StockSet, Fault> {
        let work = self.connections.take().await?;
        let [make, lock, write] = work.prepared([MAKE, LOCK, WRITE]).await?;
        let (client, sku) = (work.client(), change.sku.as_str());
        let wanted: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&sku];
        let round = async {
            futures::try_join!(
                work.open(),
                client.query_opt(&make, &wanted),
                client.query_opt(&lock, &wanted)
            )
        };
        let ((), made, row) = work.ask(round).await?;
        let mut level = level_of(&row.ok_or(Fault::Conflict)?)?;
        if change.expected_on_hand.is_some_and(|expected| expected != level.on_hand) {
            return Err(refused(Error::StockChanged { on_hand: level.on_hand }));
        }
        if change.on_hand < level.reserved && !change.recount {
            return Err(refused(Error::BelowReserved { reserved: level.reserved }));
        }
        let by_hand = ByHand {
            sku: &change.sku,
            delta: change.on_hand.cast_signed() - level.on_hand.cast_signed(),
            kind: if change.recount { "recount" } else { "set" },
            actor: &change.actor,
            reason: change.reason.as_ref(),
            at,
        };
        work.commit(vec![by_hand.send(&work, &write)]).await?;
        level.on_hand = change.on_hand;
        Ok(StockSet { level, created: made.is_some() })
    }

    /// Adds to or takes from what is on hand, with a mark only once.
    ///
    /// # Errors
    /// As [`StoreError::Refused`]: [`Error::UnknownSku`], [`Error::StockTooLarge`],
    /// [`Error::BelowReserved`], [`Error::IdempotencyKeyReused`].
    pub async fn adjust_stock(&self, change: &AdjustStock, at: Timestamp) -> Result<Adjusted, StoreError> {
        self.connections.again(|| self.adjust_once(change, at)).await
    }

    async fn adjust_once(&self, change: &AdjustStock, at: Timestamp) -> Result<Adjusted, Fault> {
        let work = self.connections.take().await?;
        let [lock, write, keep, find, purge] =
            work.prepared([LOCK, WRITE, marks::KEEP, marks::FIND, marks::PURGE]).await?;
        let (client, sku) = (work.client(), change.sku.as_str());
        let row = async { client.query_opt(&lock, &[&sku]).await };
        // Whoever comes second waits at the SKU, and then finds what the first has kept.
        let ((), row) = work.ask(async { futures::try_join!(work.open(), row) }).await?;
        if let Some(mark) = &change.idempotency
            && let Some(kept) = marks::find(&work, &find, mark, at).await?
        {
            return answered_before(kept);
        }
        let row = row.ok_or_else(|| refused(Error::UnknownSku(vec![change.sku.clone()])))?;
        let mut level = level_of(&row)?;
        level.on_hand = adjusted(&level, change).map_err(refused)?;
        let by_hand = ByHand {
            sku: &change.sku,
            delta: change.delta,
            kind: "adjust",
            actor: &change.actor,
            reason: Some(&change.reason),
            at,
        };
        if let Some(mark) = &change.idempotency {
            keep_adjusted(&work, &keep, mark, &level, at).await?;
        }
        let mut writes = vec![by_hand.send(&work, &write)];
        if change.idempotency.is_some() {
            writes.push(marks::purge(&work, &purge, at));
        }
        work.commit(writes).await?;
        Ok(Adjusted { level, replayed: false })
    }
}

/// What is on hand after a change.
fn adjusted(level: &StockLevel, change: &AdjustStock) -> Result<u64, Error> {
    let on_hand = level.on_hand.cast_signed().checked_add(change.delta).ok_or(Error::StockTooLarge)?;
    if on_hand > StockLevel::MAX.cast_signed() {
        return Err(Error::StockTooLarge);
    }
    // Taking needs what is not reserved; adding is always welcome, also where a recount left it short.
    if change.delta < 0 && on_hand < level.reserved.cast_signed() {
        return Err(Error::BelowReserved { reserved: level.reserved });
    }
    Ok(on_hand.unsigned_abs())
}

/// Keeps the answer to an adjustment. Where the same key came at once for another SKU, it is decided again.
async fn keep_adjusted(
    work: &Work,
    statement: &Statement,
    mark: &Idempotency,
    level: &StockLevel,
    at: Timestamp,
) -> Result<(), Fault> {
    match work.ask(marks::keep(work, statement, mark, About::Stock(level), at)).await? {
        true => Ok(()),
        false => Err(Fault::Conflict),
    }
}

fn answered_before(kept: Kept) -> Result<Adjusted, Fault> {
    match kept {
        Kept::Stock { level, .. } => Ok(Adjusted { level, replayed: true }),
        // Its path is part of a mark, so that it is of no order.
        Kept::Reused | Kept::Order { .. } => Err(refused(Error::IdempotencyKeyReused)),
    }
}

fn refused(error: Error) -> Fault {
    StoreError::Refused(error).into()
}
