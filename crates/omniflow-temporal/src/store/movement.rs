//! What orders do to stock: reserve for every line or for none, and end a reservation once.
//!
//! The rows are locked before, in the order of SKUs, so that nobody else can take what is counted on here; and no
//! sooner than what must be known of them, since all who want the same goods wait for each other.
//! The table's own constraint says once more that nothing is promised twice.

use super::StoreError;
use super::connection::{Sent, Work};
use super::error::Fault;
use omniflow_core::{Demand, OrderId, Sku, Step, StockRefusal, StockShort, Timestamp};
use omniflow_engine::StockLevel;
use std::collections::HashMap;
use tokio_postgres::{Row, Statement};

/// Locks the stock of these SKUs; `$1` may be in any order.
pub(super) const LOCK_STOCK: &str =
    "SELECT sku, on_hand, reserved FROM stock WHERE sku = ANY ($1) ORDER BY sku FOR UPDATE";

/// Moves stock that is locked, and writes it down.
pub(super) const MOVE_STOCK: &str = "
    WITH moved AS (
        UPDATE stock
        SET on_hand = stock.on_hand + move.on_hand,
            reserved = stock.reserved + move.reserved,
            recounted_short = LEAST(recounted_short, GREATEST(0,
                stock.reserved + move.reserved - stock.on_hand - move.on_hand))
        FROM unnest($1::text[], $2::bigint[], $3::bigint[]) move (sku, on_hand, reserved)
        WHERE stock.sku = move.sku
        RETURNING stock.sku, move.on_hand, move.reserved
    )
    INSERT INTO stock_ledger (sku, at, kind, on_hand_delta, reserved_delta, order_id)
    SELECT sku, $4, $5, on_hand, reserved, $6 FROM moved";

/// Ends a reservation of stock: locks it, gives it back or (`$3`) takes it out, and writes it down. A recount may
/// have found fewer than leave now: there are never less than none. What was reserved and is gone cannot be
/// written down, so that nothing is done.
pub(super) const SETTLE_STOCK: &str = "
    WITH locked AS (
        SELECT sku, on_hand FROM stock WHERE sku = ANY ($1) ORDER BY sku FOR UPDATE
    ), move AS (
        SELECT sku, quantity, CASE WHEN $3 THEN LEAST(quantity, locked.on_hand) ELSE 0 END AS leaving
        FROM unnest($1::text[], $2::bigint[]) wanted (sku, quantity) LEFT JOIN locked USING (sku)
    ), moved AS (
        UPDATE stock
        SET on_hand = stock.on_hand - move.leaving,
            reserved = stock.reserved - move.quantity,
            recounted_short = LEAST(recounted_short, GREATEST(0,
                stock.reserved - move.quantity - stock.on_hand + move.leaving))
        FROM move
        WHERE stock.sku = move.sku
        RETURNING stock.sku
    )
    INSERT INTO stock_ledger (sku, at, kind, on_hand_delta, reserved_delta, order_id)
    SELECT move.sku, $4, $5, CASE WHEN moved.sku IS NOT NULL THEN -leaving END, -quantity, $6
    FROM move LEFT JOIN moved ON moved.sku = move.sku";

/// What is to be added to stock, SKU by SKU.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Movement {
    skus: Vec<String>,
    on_hand: Vec<i64>,
    reserved: Vec<i64>,
}

impl Movement {
    fn push(&mut self, sku: &Sku, on_hand: i64, reserved: i64) {
        self.skus.push(sku.as_str().to_owned());
        self.on_hand.push(on_hand);
        self.reserved.push(reserved);
    }

    /// Sends it, as what an order's step did.
    pub(super) fn send<'a>(
        &'a self,
        work: &'a Work,
        statement: &'a Statement,
        order_id: &'a OrderId,
        step: Step,
        at: Timestamp,
    ) -> Sent<'a> {
        let kind = step.kind().as_str();
        Box::pin(async move {
            let Self { skus, on_hand, reserved } = self;
            let at = at.as_millis();
            work.client().execute(statement, &[skus, on_hand, reserved, &at, &kind, &order_id.as_str()]).await
        })
    }
}

/// The end of an order's reservation, SKU by SKU.
pub(super) struct Settlement {
    step: Step,
    skus: Vec<String>,
    quantities: Vec<i64>,
}

impl Settlement {
    /// What a step does to what an order has reserved. `None` where it ends no reservation.
    pub(super) fn of(step: Step, demand: &[Demand]) -> Option<Self> {
        matches!(step, Step::ReleaseStock | Step::ConsumeStock).then(|| Self {
            step,
            skus: demand.iter().map(|want| want.sku.as_str().to_owned()).collect(),
            quantities: demand.iter().map(|want| want.quantity.cast_signed()).collect(),
        })
    }

    /// Which way it ends.
    pub(super) fn kind(&self) -> &'static str {
        self.step.kind().as_str()
    }

    /// Sends it, as what an order's step did.
    pub(super) fn send<'a>(
        &'a self,
        work: &'a Work,
        statement: &'a Statement,
        order_id: &'a OrderId,
        at: Timestamp,
    ) -> Sent<'a> {
        Box::pin(async move {
            let (leaves, at) = (self.step == Step::ConsumeStock, at.as_millis());
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
                [&self.skus, &self.quantities, &leaves, &at, &self.kind(), &order_id.as_str()];
            work.client().execute(statement, &values).await
        })
    }
}

/// The names of what an order wants, sorted.
pub(super) fn skus_of(demand: &[Demand]) -> Vec<&str> {
    demand.iter().map(|want| want.sku.as_str()).collect()
}

/// The stock in rows of sku, on hand and reserved.
pub(super) fn level_of(row: &Row) -> Result<StockLevel, StoreError> {
    let sku: &str = row.get(0);
    let sku = Sku::new(sku).map_err(|error| StoreError::Diverged(format!("a stored SKU {error}")))?;
    let count = |at: usize| row.get::<_, i64>(at).unsigned_abs();
    Ok(StockLevel { sku, on_hand: count(1), reserved: count(2) })
}

/// Locked stock, by SKU.
fn levels_of(rows: &[Row]) -> Result<HashMap<Sku, StockLevel>, StoreError> {
    rows.iter().map(|row| level_of(row).map(|level| (level.sku.clone(), level))).collect()
}

/// Reserves for every line or for none.
pub(super) fn reserve(
    locked: &HashMap<Sku, StockLevel>,
    demand: &[Demand],
) -> Result<Movement, StockRefusal> {
    let (mut unknown, mut short, mut movement) = (vec![], vec![], Movement::default());
    for want in demand {
        let Some(level) = locked.get(&want.sku) else {
            unknown.push(want.sku.clone());
            continue;
        };
        let available = level.available();
        if available < want.quantity {
            short.push(StockShort { sku: want.sku.clone(), requested: want.quantity, available });
        }
        movement.push(&want.sku, 0, want.quantity.cast_signed());
    }
    if !unknown.is_empty() {
        return Err(StockRefusal::UnknownSku(unknown));
    }
    if short.is_empty() { Ok(movement) } else { Err(StockRefusal::OutOfStock(short)) }
}

/// Locks the stock that is wanted.
pub(super) async fn lock(
    work: &Work,
    statement: &Statement,
    demand: &[Demand],
) -> Result<HashMap<Sku, StockLevel>, Fault> {
    let skus = skus_of(demand);
    let rows = work.ask(work.client().query(statement, &[&skus])).await?;
    Ok(levels_of(&rows)?)
}
