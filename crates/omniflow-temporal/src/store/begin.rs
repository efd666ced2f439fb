//! The beginning of a run: what is stored of the order is loaded, and its stock reserved, once.

use super::claim::{self, Placed, reservation_of};
use super::connection::{Sent, Work};
use super::error::Fault;
use super::movement::{self, LOCK_STOCK, MOVE_STOCK};
use super::record;
use super::{Begun, Claim, Store, StoreError};
use omniflow_core::{Entry, Order, OrderId, Step, StockRefusal, Timestamp, next};
use omniflow_engine::Error;
use tokio_postgres::{Row, Statement};

const LOCK: &str = "
    SELECT acknowledged, reservation, record_format, record FROM orders WHERE id = $1 FOR UPDATE";

const LINES: &str = "SELECT line FROM order_events WHERE order_id = $1 ORDER BY version";

const DECIDED: &str = "UPDATE orders SET reservation = $2 WHERE id = $1";

/// The statements of a beginning, prepared.
struct Statements {
    lock: Statement,
    lines: Statement,
    insert: Statement,
    holders: Statement,
    stock: Statement,
    movement: Statement,
    decided: Statement,
}

impl Statements {
    async fn of(work: &Work) -> Result<Self, Fault> {
        let sql = [LOCK, LINES, claim::INSERT, claim::HOLDERS, LOCK_STOCK, MOVE_STOCK, DECIDED];
        let [lock, lines, insert, holders, stock, movement, decided] = work.prepared(sql).await?;
        Ok(Self { lock, lines, insert, holders, stock, movement, decided })
    }
}

/// What is stored, in a transaction that has the order's row.
struct Found {
    lines: Vec<Vec<u8>>,
    acknowledged: bool,
    /// What became of reserving, `None` where it was not tried.
    reservation: Option<Result<(), StockRefusal>>,
    order: Order,
}

impl Store {
    /// Loads an order for a run, and reserves its stock where that is wanted and was not done: asked again,
    /// it answers the same. `placed` is an order that a foreign client starts: it is stored, acknowledged,
    /// where there is none of its id. `at` is when the stock is reserved.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::OutcomeUnknown`], [`StoreError::Diverged`], and
    /// [`Error::ExternalIdTaken`] as [`StoreError::Refused`] where another order has the external id of
    /// `placed`.
    pub async fn begin(
        &self,
        order_id: &OrderId,
        placed: Option<(&Entry, &Order)>,
        at: Timestamp,
    ) -> Result<Begun, StoreError> {
        let placed = placed.map(|(entry, order)| Placed::new(entry, order)).transpose()?;
        let begun = self.connections.again(|| self.begin_once(order_id, placed.as_ref(), at)).await;
        if placed.is_some() && matches!(begun, Ok(Begun::Order { acknowledged: true, .. })) {
            self.announce(order_id);
        }
        begun
    }

    async fn begin_once(
        &self,
        order_id: &OrderId,
        placed: Option<&Placed<'_>>,
        at: Timestamp,
    ) -> Result<Begun, Fault> {
        let work = self.connections.take().await?;
        let statements = Statements::of(&work).await?;
        let id = order_id.as_str();
        let client = work.client();
        let wanted: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&id];
        let round = async {
            futures::try_join!(
                work.open(),
                client.query_opt(&statements.lock, &wanted),
                client.query(&statements.lines, &wanted)
            )
        };
        let ((), row, lines) = work.ask(round).await?;
        let (found, is_new) = match (row, placed) {
            (Some(row), _) => (found(&row, &lines)?, false),
            (None, None) => return Ok(Begun::Missing),
            (None, Some(placed)) => (start(&work, &statements, placed).await?, true),
        };
        decide_stock(&work, &statements, found, is_new, at).await
    }
}

fn found(row: &Row, lines: &[Row]) -> Result<Found, StoreError> {
    let order = match record::decode(row.get(2), row.get(3)) {
        Some(order) => order,
        None => record::folded(lines.iter().map(|row| row.get(0)))?,
    };
    let lines = lines.iter().map(|row| row.get(0)).collect();
    Ok(Found { lines, acknowledged: row.get(0), reservation: reservation_of(row.get(1))?, order })
}

/// Stores an order that a foreign client starts.
async fn start(work: &Work, statements: &Statements, placed: &Placed<'_>) -> Result<Found, Fault> {
    if !work.ask(placed.insert(work, &statements.insert, None, true)).await? {
        return Err(match placed.holder(work, &statements.holders).await? {
            Claim::ExternalIdTaken { order_id, .. } => {
                StoreError::Refused(Error::ExternalIdTaken(order_id)).into()
            }
            // It was stored meanwhile.
            _ => Fault::Conflict,
        });
    }
    let lines = vec![placed.line.clone()];
    Ok(Found { lines, acknowledged: true, reservation: None, order: placed.order.clone() })
}

/// Reserves where that is wanted and was not done, and commits.
async fn decide_stock(
    work: &Work,
    statements: &Statements,
    found: Found,
    is_new: bool,
    at: Timestamp,
) -> Result<Begun, Fault> {
    let Found { lines, acknowledged, reservation, order } = found;
    let is_wanted = next(&order).effects.iter().any(|wanted| wanted.key.step == Step::ReserveStock);
    if !is_wanted || reservation.is_some() {
        if is_new {
            work.commit(vec![]).await?;
        }
        return Ok(Begun::Order { lines, acknowledged, reserved: reservation.filter(|_| is_wanted) });
    }
    let demand = order.terms.demand();
    let locked = movement::lock(work, &statements.stock, &demand).await?;
    let moved = movement::reserve(&locked, &demand);
    let outcome = moved.as_ref().map(|_| ()).map_err(Clone::clone);
    let stored = postcard::to_stdvec(&outcome)
        .map_err(|error| StoreError::Diverged(format!("a reservation cannot be encoded: {error}")))?;
    let (client, id) = (work.client(), order.id.as_str());
    let mut writes: Vec<Sent<'_>> =
        vec![Box::pin(async { client.execute(&statements.decided, &[&id, &stored]).await })];
    if let Ok(movement) = &moved {
        writes.push(movement.send(work, &statements.movement, &order.id, Step::ReserveStock, at));
    }
    work.commit(writes).await?;
    Ok(Begun::Order { lines, acknowledged, reserved: Some(outcome) })
}
