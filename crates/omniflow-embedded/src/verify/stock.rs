//! Stock against its ledger, and the ledger against the orders.

use super::Report;
use crate::error::StorageError;
use crate::stock::{Movement, MovementStep};
use omniflow_engine::verify::{Holding, Moved};
use rusqlite::Connection;
use std::collections::HashMap;

/// Adds the ledger up and compares it with stock and with every order.
pub(super) fn check(
    connection: &Connection,
    holdings: &HashMap<i64, Holding>,
    report: &mut Report,
) -> Result<(), StorageError> {
    let skus = check_levels(connection, holdings, report)?;
    let moved = read_movements(connection, &skus, report)?;
    for (key, holding) in holdings {
        for (sku, quantity) in &holding.demand {
            let moved = moved.get(&(*key, sku.as_str())).copied().unwrap_or_default();
            report.check_holding(holding, sku, *quantity, moved);
        }
    }
    for (key, sku) in moved.keys() {
        if !holdings.get(key).is_some_and(|holding| holding.demand.contains_key(*sku)) {
            report.fault(format!("the ledger moves {sku} for an order with key {key} that did not want it"));
        }
    }
    Ok(())
}

/// Each SKU's sums; returns the SKUs by id.
fn check_levels(
    connection: &Connection,
    holdings: &HashMap<i64, Holding>,
    report: &mut Report,
) -> Result<HashMap<i64, String>, StorageError> {
    let promised = Holding::promised(holdings.values());
    let mut statement = connection.prepare(
        "SELECT s.id, s.sku, s.on_hand, s.reserved,
                coalesce(sum(l.on_hand_delta), 0), coalesce(sum(l.reserved_delta), 0)
         FROM stock s LEFT JOIN stock_ledger l ON l.stock_id = s.id GROUP BY s.id",
    )?;
    let mut rows = statement.query([])?;
    let mut skus = HashMap::new();
    while let Some(row) = rows.next()? {
        let (id, sku): (i64, String) = (row.get(0)?, row.get(1)?);
        let (on_hand, reserved): (i64, i64) = (row.get(2)?, row.get(3)?);
        let ledger: (i64, i64) = (row.get(4)?, row.get(5)?);
        let promised = promised.get(sku.as_str()).copied().unwrap_or_default();
        report.check_level(&sku, (on_hand, reserved), ledger, promised);
        skus.insert(id, sku);
    }
    Ok(skus)
}

fn read_movements<'s>(
    connection: &Connection,
    skus: &'s HashMap<i64, String>,
    report: &mut Report,
) -> Result<HashMap<(i64, &'s str), Moved>, StorageError> {
    let mut moved: HashMap<(i64, &str), Moved> = HashMap::new();
    let mut statement = connection.prepare(
        "SELECT id, stock_id, on_hand_delta, reserved_delta, entries FROM stock_ledger ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    let mut on_hands: HashMap<i64, i64> = HashMap::new();
    while let Some(row) = rows.next()? {
        let (id, stock_id): (i64, i64) = (row.get(0)?, row.get(1)?);
        let deltas: (i64, i64) = (row.get(2)?, row.get(3)?);
        let on_hand = on_hands.entry(stock_id).or_default();
        let before = *on_hand;
        *on_hand += deltas.0;
        let entries: Option<Vec<u8>> = row.get(4)?;
        let Some(entries) = entries else { continue }; // By hand.
        let movements: Vec<Movement> = postcard::from_bytes(&entries).map_err(StorageError::Record)?;
        let Some(sku) = skus.get(&stock_id) else {
            report.fault(format!("row {id} of the ledger is of no SKU"));
            continue;
        };
        let mut sums = (0, 0);
        for movement in movements {
            report.movements += 1;
            let (on_hand, reserved) = movement.step.signs();
            sums.0 += on_hand * movement.quantity.cast_signed();
            sums.1 += reserved * movement.quantity.cast_signed();
            add(moved.entry((movement.order_key, sku)).or_default(), movement);
        }
        // Where a recount found fewer than leave, there are none after it, and never less.
        sums.0 = sums.0.max(-before);
        if sums != deltas {
            report.fault(format!("row {id} of the ledger says {deltas:?}, its movements {sums:?}"));
        }
    }
    Ok(moved)
}

/// Adds a movement to what the ledger says.
fn add(moved: &mut Moved, movement: Movement) {
    moved.movements += 1;
    match movement.step {
        MovementStep::Reserve => moved.reserved += movement.quantity,
        MovementStep::Release => moved.released += movement.quantity,
        MovementStep::Consume => moved.consumed += movement.quantity,
    }
}
