//! Every order: its chain, its record, its columns, its details, its money.

use super::rows;
use crate::store::claim::reservation_of;
use crate::store::connection::Work;
use crate::store::error::Fault;
use crate::store::record;
use omniflow_core::{ChainHash, EffectKind, Order, StateKind, StockHold};
use omniflow_engine::Details;
use omniflow_engine::verify::{Holding, Report};
use std::collections::HashMap;
use tokio_postgres::Row;

/// Orders that are read at once.
const PAGE: i64 = 500;

const ORDERS: &str = "
    SELECT id, version, head, record_format, record, acknowledged, state, payment_status, attention,
           external_id, customer_id, reservation, settled
    FROM orders WHERE id > $1 ORDER BY id LIMIT $2";

const EVENTS: &str = "
    SELECT order_id, version, line, hash, position IS NOT NULL AS is_shown
    FROM order_events WHERE order_id = ANY ($1) ORDER BY order_id, version";

const DETAILS: &str = "SELECT order_id, salt, body FROM order_details WHERE order_id = ANY ($1)";

const ORPHANS: &str = "
    SELECT DISTINCT order_id FROM order_events
    WHERE NOT EXISTS (SELECT FROM orders WHERE id = order_id) LIMIT 100";

/// Checks every order; returns what each holds of stock.
pub(super) async fn check(work: &Work, report: &mut Report) -> Result<HashMap<String, Holding>, Fault> {
    let (mut holdings, mut after) = (HashMap::new(), String::new());
    loop {
        let orders = rows(work, ORDERS, &[&after, &PAGE]).await?;
        let Some(last) = orders.last() else { break };
        after = last.get("id");
        let ids: Vec<&str> = orders.iter().map(|row| row.get("id")).collect();
        let mut events: HashMap<String, Vec<Row>> = HashMap::new();
        for row in rows(work, EVENTS, &[&ids]).await? {
            events.entry(row.get("order_id")).or_default().push(row);
        }
        let details = rows(work, DETAILS, &[&ids]).await?;
        let details: HashMap<&str, &Row> = details.iter().map(|row| (row.get("order_id"), row)).collect();
        for row in &orders {
            let id: &str = row.get("id");
            let events = events.get(id).map_or(&[][..], Vec::as_slice);
            report.orders += 1;
            if let Some(order) = check_order(id, row, events, report) {
                check_details(&order, row, details.get(id).copied(), report);
                report.check_money(&order);
                holdings.insert(id.to_owned(), holding(&order, row)?);
            }
        }
    }
    for row in rows(work, ORPHANS, &[]).await? {
        report.fault(format!("there are events of {}, and no such order", row.get::<_, &str>(0)));
    }
    Ok(holdings)
}

/// An order against its events; what they fold to.
fn check_order(id: &str, row: &Row, events: &[Row], report: &mut Report) -> Option<Order> {
    let mut head = ChainHash::default();
    for (seq, event) in (1..).zip(events) {
        report.events += 1;
        head = head.after(event.get("line"));
        if event.get::<_, i32>("version") != seq {
            report.fault(format!("{id}: event {seq} is missing"));
            return None;
        }
        if event.get::<_, &[u8]>("hash") != head.0 {
            report.fault(format!("{id}: the chain breaks at event {seq}"));
        }
        if row.get::<_, bool>("acknowledged") && !event.get::<_, bool>("is_shown") {
            report.fault(format!("{id}: event {seq} has no place in the feed"));
        }
    }
    if row.get::<_, &[u8]>("head") != head.0
        || row.get::<_, i32>("version").unsigned_abs() as usize != events.len()
    {
        report.fault(format!("{id}: its row does not end where its events do"));
    }
    let order = match record::folded(events.iter().map(|event| event.get("line"))) {
        Ok(order) => order,
        Err(error) => {
            report.fault(format!("{id}: its events do not fold: {error}"));
            return None;
        }
    };
    if order.id.as_str() != id {
        report.fault(format!("{id} has the events of {}", order.id));
    }
    if record::decode(row.get("record_format"), row.get("record")).is_some_and(|record| record != order) {
        report.fault(format!("{id}: its record is not what its events fold to"));
    }
    check_columns(&order, row, report);
    Some(order)
}

/// What an order holds. Its stock is reserved with a run's beginning, and said by the event that follows.
fn holding(order: &Order, row: &Row) -> Result<Holding, Fault> {
    let mut holding = Holding::of(order);
    if order.stock == StockHold::Undecided && matches!(reservation_of(row.get("reservation"))?, Some(Ok(())))
    {
        holding.hold = StockHold::Held;
    }
    Ok(holding)
}

fn check_columns(order: &Order, row: &Row, report: &mut Report) {
    let text = |column: &str| row.get::<_, Option<&str>>(column);
    let external_id = order.terms.external_id.as_ref().map(|id| id.as_str());
    // What was refused before anybody knew of it has let go of its external id.
    let is_withdrawn = text("external_id").is_none() && order.kind().is_ended();
    let settled = match order.stock {
        StockHold::Released => Some(EffectKind::ReleaseStock.as_str()),
        StockHold::Consumed => Some(EffectKind::ConsumeStock.as_str()),
        _ => None,
    };
    let holds = [
        ("settled", text("settled") == settled),
        ("state", text("state") == Some(order.kind().as_str())),
        ("payment_status", text("payment_status") == Some(order.payments.status().as_str())),
        ("attention", row.get::<_, bool>("attention") == order.attention().is_some()),
        ("customer_id", text("customer_id") == order.terms.customer_id.as_ref().map(|id| id.as_str())),
        ("external_id", text("external_id") == external_id || is_withdrawn),
    ];
    for (column, _) in holds.iter().filter(|(_, holds)| !holds) {
        report.fault(format!("{}: its column {column} is not what its events say", order.id));
    }
}

fn check_details(order: &Order, row: &Row, details: Option<&Row>, report: &mut Report) {
    let hash = details.and_then(|details| {
        let salt = <[u8; 16]>::try_from(details.get::<_, &[u8]>("salt")).ok()?;
        Some(Details::hash(details.get("body"), &salt))
    });
    let is_withdrawn = hash.is_none() && order.kind().is_ended() && !row.get::<_, bool>("acknowledged");
    let is_shown_late = hash.is_none() && order.kind() == StateKind::Failed;
    if hash != order.details && !is_withdrawn && !is_shown_late {
        report.fault(format!("{}: its address and metadata are not those it was placed with", order.id));
    }
}
