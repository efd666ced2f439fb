//! Writing a batch: all of it in one transaction, one sync.

use super::batch::{Batch, Decided, Reply};
use super::thread::Shared;
use super::working::{Before, Working};
use crate::effects::EffectChange;
use crate::erasure::ERASE_DETAILS;
use crate::error::StorageError;
use crate::feed::Row;
use crate::key::OrderKey;
use crate::listed::Change;
use crate::queue::{OrderReply, StockReply, StockTold, Told};
use crate::record::{RecordRef, link_of};
use crate::table::Publication;
use crate::timers::TimerChange;
use omniflow_core::{EffectKey, Order, Wanted, next};
use omniflow_engine::{Answered, Clock, Error, Standing, StockLevel};
use rusqlite::{CachedStatement, Connection, params};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a commit has made true, to be shown and done now.
#[derive(Default)]
pub(crate) struct Committed {
    pub(crate) publications: Vec<Publication>,
    pub(crate) timers: Vec<TimerChange>,
    pub(crate) effects: Vec<EffectChange>,
    pub(crate) stock: Vec<StockLevel>,
    pub(crate) orders: Vec<(OrderReply, Result<Told, Error>)>,
    pub(crate) stocks: Vec<(StockReply, Result<StockTold, Error>)>,
    pub(crate) listed: Vec<Change>,
    /// The log's new rows, in its order.
    pub(crate) rows: Vec<Arc<Row>>,
    /// The log's last position.
    pub(crate) position: u64,
}

/// An order's row as it was written.
pub(crate) struct Encoded {
    bytes: Vec<u8>,
    at_rest: bool,
    was_open: bool,
    /// Whether its address and metadata were erased.
    pub(crate) erased: bool,
}

/// What a batch wrote, by order.
pub(crate) type Written = (OrderKey, Encoded);

struct Statements<'c> {
    event: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    update: CachedStatement<'c>,
    details: CachedStatement<'c>,
    external_id: CachedStatement<'c>,
    erase: CachedStatement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            event: connection.prepare_cached(
                "INSERT INTO events (position, order_key, first_seq, lines, link) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            insert: connection.prepare_cached(
                "INSERT INTO orders (key, version, open, due_at, record) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            update: connection.prepare_cached(
                "UPDATE orders SET version = ?2, open = ?3, due_at = ?4, record = ?5 WHERE key = ?1 AND version = ?6",
            )?,
            details: connection
                .prepare_cached("INSERT INTO order_details (order_key, salt, body) VALUES (?1, ?2, ?3)")?,
            external_id: connection
                .prepare_cached("INSERT INTO external_ids (external_id, order_key) VALUES (?1, ?2)")?,
            erase: connection.prepare_cached(ERASE_DETAILS)?,
        })
    }
}

impl Batch<'_> {
    /// Whether there is anything to write: a batch of refusals alone commits nothing.
    pub(crate) fn is_dirty(&self) -> bool {
        self.stock.is_dirty() || !self.changed.is_empty() || !self.marked.is_empty()
    }

    /// Writes the batch and syncs it. `position` is the log's last one, and the new last one after; `verified`
    /// says that the log is good up to the former.
    ///
    /// On an error nothing may be assumed: the caller stops and recovers from disk.
    pub(crate) fn write(&mut self, position: &mut u64, verified: bool) -> Result<Vec<Written>, StorageError> {
        execute(self.connection, "BEGIN IMMEDIATE")?;
        let good = *position;
        let written = self.write_orders(position)?;
        self.suspect = None;
        self.count_open(&written)?;
        self.stock.write(self.connection, self.at)?;
        self.write_marks()?;
        if verified {
            let sql = "UPDATE meta SET value = ?1 WHERE name = 'verified_position'";
            self.connection.prepare_cached(sql)?.execute([good.cast_signed()])?;
        }
        crate::crash::point("before-commit");
        self.is_committing = true;
        execute(self.connection, "COMMIT")?;
        crate::crash::point("after-commit");
        Ok(written)
    }

    /// Keeps how many orders are open, so that a start sees whether it has found all of them.
    fn count_open(&self, written: &[Written]) -> Result<(), StorageError> {
        let change = |order: &Encoded| i64::from(!order.at_rest) - i64::from(order.was_open);
        let more: i64 = written.iter().map(|(_, order)| change(order)).sum();
        if more != 0 {
            let sql = "UPDATE meta SET value = value + ?1 WHERE name = 'open_orders'";
            self.connection.prepare_cached(sql)?.execute([more])?;
        }
        Ok(())
    }

    fn write_orders(&mut self, position: &mut u64) -> Result<Vec<Written>, StorageError> {
        let mut statements = Statements::prepare(self.connection)?;
        let mut written = Vec::with_capacity(self.changed.len());
        for key in &self.changed {
            let Some(working) = self.orders.get_mut(key) else { continue };
            self.suspect = Some(*key);
            *position += 1;
            written.push((*key, write_order(&mut statements, *key, working, *position)?));
        }
        Ok(written)
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

fn write_order(
    statements: &mut Statements<'_>,
    key: OrderKey,
    working: &mut Working,
    position: u64,
) -> Result<Encoded, StorageError> {
    let link = link_of(&working.head);
    statements.event.execute(params![
        position.cast_signed(),
        key.0,
        working.first_seq,
        working.lines,
        link
    ])?;
    working.positions.push(position);
    let order = &working.order;
    let encoded = RecordRef { head: &working.head, positions: &working.positions, order }.encode()?;
    let at_rest = order.is_at_rest();
    let due_at = next(order).due_at().map(|due| due.as_millis());
    let mut erased = false;
    match &working.before {
        None => {
            statements.insert.execute(params![key.0, order.version, !at_rest, due_at, encoded])?;
            if let Some((salt, body)) = &working.details {
                statements.details.execute(params![key.0, &salt[..], body])?;
            }
            if let Some(external_id) = &order.terms.external_id {
                statements.external_id.execute(params![external_id.as_str(), key.0])?;
            }
        }
        Some(before) => {
            let row = params![key.0, order.version, !at_rest, due_at, encoded, before.version];
            if statements.update.execute(row)? != 1 {
                let detail = format!("{} is not at version {}", order.id, before.version);
                return Err(StorageError::Diverged(detail));
            }
            if order.details.is_none() {
                erased = statements.erase.execute([key.0])? != 0;
            }
        }
    }
    let was_open = working.before.as_ref().is_some_and(|before| before.open);
    Ok(Encoded { bytes: encoded, at_rest, was_open, erased })
}

impl Committed {
    /// What a written batch has made true.
    pub(crate) fn of(batch: Batch<'_>, written: Vec<Written>, position: u64, shared: &Shared) -> Self {
        let mut committed = Self { position, stock: batch.stock.committed(), ..Self::default() };
        for late in batch.late {
            shared.observed.timer_fired(late);
        }
        let mut orders = batch.orders;
        let mut published: HashMap<OrderKey, Arc<Order>> = HashMap::with_capacity(written.len());
        for (key, encoded) in written {
            let Some(working) = orders.remove(&key) else { continue };
            let Working { order, before, head, positions, lines, .. } = working;
            let (order, at_rest) = (Arc::new(order), encoded.at_rest);
            shared.observed.moved(before.as_ref().map(|before| before.standing), Standing::of(&order));
            committed.compare(key, before.as_ref(), &order, &batch.settled, &*shared.clock);
            let row = positions.last().copied().unwrap_or_default();
            let head_before = before.as_ref().map(|before| before.head).unwrap_or_default();
            let order_id = order.id.clone();
            committed.rows.push(Arc::new(Row { position: row, order_id, head: head_before, lines }));
            committed.listed.push(Change::new(key, &order, row, link_of(&head)));
            published.insert(key, Arc::clone(&order));
            committed.publications.push(Publication { key, encoded: encoded.bytes, order, at_rest });
        }
        for reply in batch.replies {
            match reply {
                Reply::Order(reply, Err(error)) => committed.orders.push((reply, Err(error))),
                Reply::Order(reply, Ok(Decided::Earlier(key, version, at))) => {
                    committed.orders.push((reply, Ok(Told::Earlier(key, version, at))));
                }
                Reply::Order(reply, Ok(decided @ (Decided::Now(key) | Decided::Again(key)))) => {
                    let unchanged = || orders.get(&key).map(|working| Arc::new(working.order.clone()));
                    let order = published.get(&key).cloned().or_else(unchanged);
                    let replayed = matches!(decided, Decided::Again(_));
                    let answered = |order| Answered { order, at: batch.at, replayed, pending: false };
                    let told = order.map(|order| Told::Now(answered(order)));
                    committed.orders.push((reply, told.ok_or(Error::OrderNotFound)));
                }
                Reply::Stock(reply, answer) => committed.stocks.push((reply, answer)),
            }
        }
        committed
    }

    /// Compares what the order wants now with what it wanted before. An effect that was settled and is
    /// wanted again, as by a retry in the same batch, is new.
    fn compare(
        &mut self,
        key: OrderKey,
        before: Option<&Before>,
        order: &Arc<Order>,
        settled: &HashSet<(OrderKey, EffectKey)>,
        clock: &dyn Clock,
    ) {
        let now = next(order);
        let (due_before, wanted_before): (_, &[Wanted]) =
            before.map_or((None, &[]), |before| (before.due_at, &before.wanted));
        self.timers.push(TimerChange { key, before: due_before, after: now.due_at() });
        let is_in = |list: &[Wanted], wanted: &Wanted| list.iter().any(|other| other.key == wanted.key);
        let is_tried =
            |wanted: &Wanted| is_in(wanted_before, wanted) && !settled.contains(&(key, wanted.key));
        for wanted in now.effects.iter().filter(|wanted| !is_tried(wanted)) {
            let (order, busy) = (Arc::clone(order), clock.busy());
            let (effect, retry) = (wanted.key, wanted.retry);
            self.effects.push(EffectChange::Start { order, key, effect, retry, busy });
        }
        for wanted in wanted_before.iter().filter(|wanted| !is_in(&now.effects, wanted)) {
            self.effects.push(EffectChange::Cancel { key, effect: wanted.key });
        }
    }
}
