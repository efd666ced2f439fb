//! Stock, as the writer holds it: exact, in memory, written back once a batch and SKU.
//!
//! A reservation takes every line or nothing, and never more than is available; the statement that
//! writes it says so once more. Every movement is in the ledger, each order's by its effect.

use crate::error::StorageError;
use crate::key::OrderKey;
use omniflow_core::{Actor, Demand, ReasonText, Sku, Step, StockRefusal, StockShort, Timestamp};
use omniflow_engine::{AdjustStock, Error, SetStock, StockLevel, StockSet};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What one effect moved of one SKU. With the order's key, the step is the effect's id: stock effects
/// have one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Movement {
    pub(crate) order_key: i64,
    pub(crate) step: MovementStep,
    pub(crate) quantity: u64,
}

/// The steps that move stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MovementStep {
    Reserve,
    Release,
    Consume,
}

impl MovementStep {
    /// What it does to (on hand, reserved), for one piece.
    pub(crate) const fn signs(self) -> (i64, i64) {
        match self {
            Self::Reserve => (0, 1),
            Self::Release => (0, -1),
            Self::Consume => (-1, -1),
        }
    }

    fn of(step: Step) -> Option<Self> {
        match step {
            Step::ReserveStock => Some(Self::Reserve),
            Step::ReleaseStock => Some(Self::Release),
            Step::ConsumeStock => Some(Self::Consume),
            Step::Ship | Step::RefundPayment(_) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    on_hand: i64,
    reserved: i64,
}

struct Row {
    id: i64,
    sku: Sku,
    stored: Counts,
    now: Counts,
    /// A recount may leave more reserved than there is.
    recounted: bool,
    is_new: bool,
    /// The last ledger row of this batch, which says also that the row was touched.
    ledger: Option<usize>,
}

/// A ledger row to be written.
struct LedgerRow {
    row: usize,
    kind: &'static str,
    on_hand_delta: i64,
    reserved_delta: i64,
    movements: Vec<Movement>,
    who: Option<(Actor, Option<ReasonText>)>,
}

/// All stock.
#[derive(Default)]
pub(crate) struct StockBook {
    rows: Vec<Row>,
    by_sku: HashMap<Sku, usize>,
    touched: Vec<usize>,
    ledger: Vec<LedgerRow>,
}

impl StockBook {
    pub(crate) fn load(connection: &Connection) -> Result<Self, StorageError> {
        let mut book = Self::default();
        let mut statement = connection.prepare("SELECT id, sku, on_hand, reserved FROM stock ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let sku: String = row.get(1)?;
            let sku = Sku::new(sku).map_err(|e| StorageError::Diverged(format!("a stored SKU {e}")))?;
            let counts = Counts { on_hand: row.get(2)?, reserved: row.get(3)? };
            book.add(row.get(0)?, sku, counts, false);
        }
        Ok(book)
    }

    fn add(&mut self, id: i64, sku: Sku, counts: Counts, is_new: bool) -> usize {
        let place = self.rows.len();
        self.by_sku.insert(sku.clone(), place);
        self.rows.push(Row { id, sku, stored: counts, now: counts, recounted: false, is_new, ledger: None });
        place
    }

    /// Whether anything is to be written.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.ledger.is_empty()
    }

    /// Reserves for every line or for none.
    pub(crate) fn reserve(&mut self, order: OrderKey, demand: &[Demand]) -> Result<(), StockRefusal> {
        let mut places = Vec::with_capacity(demand.len());
        let (mut unknown, mut short) = (vec![], vec![]);
        for want in demand {
            let Some(&place) = self.by_sku.get(&want.sku) else {
                unknown.push(want.sku.clone());
                continue;
            };
            let available = self.rows[place].level().available();
            if available < want.quantity {
                short.push(StockShort { sku: want.sku.clone(), requested: want.quantity, available });
            }
            places.push((place, want.quantity));
        }
        if !unknown.is_empty() {
            return Err(StockRefusal::UnknownSku(unknown));
        }
        if !short.is_empty() {
            return Err(StockRefusal::OutOfStock(short));
        }
        for (place, quantity) in places {
            self.shift(place, order, MovementStep::Reserve, quantity);
        }
        Ok(())
    }

    /// Releases or consumes what the order holds.
    pub(crate) fn settle(
        &mut self,
        order: OrderKey,
        step: Step,
        demand: &[Demand],
    ) -> Result<(), StorageError> {
        let Some(step) = MovementStep::of(step) else { return Ok(()) };
        for want in demand {
            let Some(&place) = self.by_sku.get(&want.sku) else {
                return Err(StorageError::Diverged(format!("SKU {} was reserved and is gone", want.sku)));
            };
            self.shift(place, order, step, want.quantity);
        }
        Ok(())
    }

    fn shift(&mut self, place: usize, order: OrderKey, step: MovementStep, quantity: u64) {
        let (on_hand, reserved) = step.signs();
        let pieces = quantity.cast_signed();
        // A recount may have found fewer than leave now: there are never less than none.
        let leaving = (on_hand * pieces).max(-self.rows[place].now.on_hand);
        let delta = (leaving, reserved * pieces);
        let movement = Movement { order_key: order.0, step, quantity };
        match self.rows[place].ledger.map(|last| &mut self.ledger[last]) {
            Some(last) if last.who.is_none() => {
                last.on_hand_delta += delta.0;
                last.reserved_delta += delta.1;
                last.movements.push(movement);
                self.rows[place].add(delta);
            }
            _ => self.book(LedgerRow {
                row: place,
                kind: "orders",
                on_hand_delta: delta.0,
                reserved_delta: delta.1,
                movements: vec![movement],
                who: None,
            }),
        }
    }

    fn book(&mut self, ledger: LedgerRow) {
        let row = &mut self.rows[ledger.row];
        if row.ledger.is_none() {
            self.touched.push(ledger.row);
        }
        row.ledger = Some(self.ledger.len());
        row.add((ledger.on_hand_delta, ledger.reserved_delta));
        self.ledger.push(ledger);
    }

    /// Sets what is on hand.
    pub(crate) fn set(&mut self, change: SetStock) -> Result<StockSet, Error> {
        if change.on_hand > StockLevel::MAX {
            return Err(Error::StockTooLarge);
        }
        let on_hand = change.on_hand.cast_signed();
        let known = self.by_sku.get(&change.sku).copied();
        let now = known.map_or(Counts { on_hand: 0, reserved: 0 }, |place| self.rows[place].now);
        if change.expected_on_hand.is_some_and(|expected| expected.cast_signed() != now.on_hand) {
            return Err(Error::StockChanged { on_hand: now.on_hand.unsigned_abs() });
        }
        if on_hand < now.reserved && !change.recount {
            return Err(Error::BelowReserved { reserved: now.reserved.unsigned_abs() });
        }
        let kind = if change.recount { "recount" } else { "set" };
        let place = known.unwrap_or_else(|| {
            let id = self.rows.last().map_or(1, |row| row.id + 1);
            self.add(id, change.sku, Counts { on_hand: 0, reserved: 0 }, true)
        });
        self.rows[place].recounted |= change.recount;
        self.book_by_hand(place, kind, on_hand - now.on_hand, change.actor, change.reason);
        Ok(StockSet { level: self.rows[place].level(), created: known.is_none() })
    }

    /// Adds to or takes from what is on hand.
    pub(crate) fn adjust(&mut self, change: AdjustStock) -> Result<StockSet, Error> {
        let Some(&place) = self.by_sku.get(&change.sku) else {
            return Err(Error::UnknownSku(vec![change.sku]));
        };
        let now = self.rows[place].now;
        let on_hand = now.on_hand.checked_add(change.delta).ok_or(Error::StockTooLarge)?;
        if on_hand > StockLevel::MAX.cast_signed() {
            return Err(Error::StockTooLarge);
        }
        // Taking needs what is not reserved; adding is always welcome, also where a recount left it short.
        if change.delta < 0 && on_hand < now.reserved {
            return Err(Error::BelowReserved { reserved: now.reserved.unsigned_abs() });
        }
        self.book_by_hand(place, "adjust", change.delta, change.actor, Some(change.reason));
        Ok(StockSet { level: self.rows[place].level(), created: false })
    }

    fn book_by_hand(
        &mut self,
        place: usize,
        kind: &'static str,
        delta: i64,
        actor: Actor,
        reason: Option<ReasonText>,
    ) {
        self.book(LedgerRow {
            row: place,
            kind,
            on_hand_delta: delta,
            reserved_delta: 0,
            movements: vec![],
            who: Some((actor, reason)),
        });
    }

    /// Writes what changed, inside the batch's transaction.
    pub(crate) fn write(&self, connection: &Connection, at: Timestamp) -> Result<(), StorageError> {
        let mut insert = connection
            .prepare_cached("INSERT INTO stock (id, sku, on_hand, reserved) VALUES (?1, ?2, 0, 0)")?;
        for row in self.touched.iter().map(|place| &self.rows[*place]).filter(|row| row.is_new) {
            insert.execute(params![row.id, row.sku.as_str()])?;
        }
        let mut update = connection.prepare_cached(
            "UPDATE stock SET on_hand = ?2, reserved = ?3
             WHERE id = ?1 AND on_hand = ?4 AND reserved = ?5
               AND (?3 <= ?2 OR ?3 - ?2 <= reserved - on_hand OR ?6)",
        )?;
        for row in self.touched.iter().map(|place| &self.rows[*place]) {
            let (now, stored) = (row.now, row.stored);
            let written = update.execute(params![
                row.id,
                now.on_hand,
                now.reserved,
                stored.on_hand,
                stored.reserved,
                row.recounted
            ])?;
            if written != 1 {
                let sku = &row.sku;
                return Err(StorageError::Diverged(format!(
                    "stock of {sku} is not {stored:?}, or {now:?} oversells"
                )));
            }
        }
        self.write_ledger(connection, at)
    }

    fn write_ledger(&self, connection: &Connection, at: Timestamp) -> Result<(), StorageError> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO stock_ledger (stock_id, at, kind, on_hand_delta, reserved_delta, entries, actor, reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for ledger in &self.ledger {
            let (actor, reason) = match &ledger.who {
                Some((actor, reason)) => (Some(actor.as_str()), reason.as_ref().map(ReasonText::as_str)),
                None => (None, None),
            };
            let entries = match ledger.movements.is_empty() {
                true => None,
                false => Some(postcard::to_allocvec(&ledger.movements).map_err(StorageError::Record)?),
            };
            insert.execute(params![
                self.rows[ledger.row].id,
                at.as_millis(),
                ledger.kind,
                ledger.on_hand_delta,
                ledger.reserved_delta,
                entries,
                actor,
                reason
            ])?;
        }
        Ok(())
    }

    /// After the commit: what was written is what is stored. Returns the stock that changed.
    pub(crate) fn committed(&mut self) -> Vec<StockLevel> {
        self.ledger.clear();
        let mut changed = Vec::with_capacity(self.touched.len());
        for place in self.touched.drain(..) {
            let row = &mut self.rows[place];
            row.stored = row.now;
            row.recounted = false;
            row.is_new = false;
            row.ledger = None;
            changed.push(row.level());
        }
        changed
    }

    /// Every SKU's stock.
    pub(crate) fn levels(&self) -> impl Iterator<Item = StockLevel> + '_ {
        self.rows.iter().map(Row::level)
    }
}

impl Row {
    fn add(&mut self, (on_hand, reserved): (i64, i64)) {
        self.now.on_hand += on_hand;
        self.now.reserved += reserved;
    }

    fn level(&self) -> StockLevel {
        StockLevel {
            sku: self.sku.clone(),
            on_hand: self.now.on_hand.unsigned_abs(),
            reserved: self.now.reserved.unsigned_abs(),
        }
    }
}
