//! Stock against its ledger, and the ledger against the orders.

use super::rows;
use crate::store::connection::Work;
use crate::store::error::Fault;
use omniflow_core::EffectKind;
use omniflow_engine::verify::{Holding, Moved, Report};
use std::collections::HashMap;

/// Rows of the ledger that are read at once.
const PAGE: i64 = 10_000;

const LEVELS: &str = "
    SELECT sku, on_hand, reserved,
           coalesce(sum(on_hand_delta), 0)::bigint, coalesce(sum(reserved_delta), 0)::bigint
    FROM stock LEFT JOIN stock_ledger USING (sku) GROUP BY sku";

const MOVEMENTS: &str = "
    SELECT id, order_id, sku, kind, reserved_delta FROM stock_ledger
    WHERE order_id IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";

/// What orders moved of each SKU.
type Movements = HashMap<(String, String), Moved>;

/// Adds the ledger up and compares it with stock and with every order.
pub(super) async fn check(
    work: &Work,
    holdings: &HashMap<String, Holding>,
    report: &mut Report,
) -> Result<(), Fault> {
    let promised = Holding::promised(holdings.values());
    for row in rows(work, LEVELS, &[]).await? {
        let sku: &str = row.get(0);
        let promised = promised.get(sku).copied().unwrap_or_default();
        report.check_level(sku, (row.get(1), row.get(2)), (row.get(3), row.get(4)), promised);
    }
    let mut moved = movements(work, report).await?;
    for (id, holding) in holdings {
        for (sku, quantity) in &holding.demand {
            let moved = moved.remove(&(id.clone(), sku.clone())).unwrap_or_default();
            report.check_holding(holding, sku, *quantity, moved);
        }
    }
    for (id, sku) in moved.keys() {
        report.fault(format!("the ledger moves {sku} for {id}, which did not want it"));
    }
    Ok(())
}

async fn movements(work: &Work, report: &mut Report) -> Result<Movements, Fault> {
    let (mut moved, mut after) = (Movements::new(), 0_i64);
    loop {
        let page = rows(work, MOVEMENTS, &[&after, &PAGE]).await?;
        let Some(last) = page.last() else { return Ok(moved) };
        after = last.get("id");
        for row in &page {
            let (kind, reserved): (&str, i64) = (row.get("kind"), row.get("reserved_delta"));
            let moved = moved.entry((row.get("order_id"), row.get("sku"))).or_default();
            report.movements += 1;
            moved.movements += 1;
            let is = |of: EffectKind| kind == of.as_str();
            if is(EffectKind::ReserveStock) && reserved > 0 {
                moved.reserved += reserved.unsigned_abs();
            } else if is(EffectKind::ReleaseStock) && reserved < 0 {
                moved.released += reserved.unsigned_abs();
            } else if is(EffectKind::ConsumeStock) && reserved < 0 {
                moved.consumed += reserved.unsigned_abs();
            } else {
                report
                    .fault(format!("row {} of the ledger is {kind} of {reserved}", row.get::<_, i64>("id")));
            }
        }
    }
}
