//! Stock against what the orders hold and have taken away.

use super::super::journal::{Adjustment, Order};
use std::collections::BTreeMap;

/// A SKU's stock as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crash) struct StockFound {
    pub(in crate::crash) on_hand: i64,
    pub(in crate::crash) reserved: i64,
}

/// Checks every SKU once nothing moves and every order was audited. `base` is what was on hand before any of
/// them, and `adjustments` are those made since; one that was not answered was done or not.
pub(in crate::crash) fn check_stock(
    base: &BTreeMap<&'static str, i64>,
    adjustments: &[Adjustment],
    orders: &[Order],
    found: &BTreeMap<&'static str, StockFound>,
) -> Vec<String> {
    let mut faults = vec![];
    for (sku, base) in base {
        let Some(stock) = found.get(sku) else {
            faults.push(format!("{sku} is gone"));
            continue;
        };
        let held = pieces_of(sku, orders.iter().filter(|order| order.holds_stock));
        let consumed = pieces_of(sku, orders.iter().filter(|order| order.consumed));
        if stock.reserved != held {
            faults.push(format!("{sku}: {} are reserved, the orders hold {held}", stock.reserved));
        }
        let of_sku = || adjustments.iter().filter(|adjustment| adjustment.sku == *sku);
        let known: i64 = of_sku().filter(|a| a.acknowledged).map(|a| a.delta).sum();
        let open: Vec<i64> = of_sku().filter(|a| !a.acknowledged).map(|a| a.delta).collect();
        let unexplained = stock.on_hand - (base + known - consumed);
        if !is_sum_of_some(unexplained, &open) {
            faults.push(format!(
                "{sku}: {} on hand; {base} at first, {known:+} by hand, {consumed} consumed, {open:?} unanswered",
                stock.on_hand
            ));
        }
    }
    faults
}

/// How many pieces of a SKU some orders wanted.
pub(in crate::crash) fn pieces_of<'o>(sku: &str, orders: impl Iterator<Item = &'o Order>) -> i64 {
    let lines = orders.flat_map(|order| &order.wish.lines).filter(|(of, _)| *of == sku);
    lines.map(|(_, quantity)| i64::from(*quantity)).sum()
}

/// Whether some of the numbers, perhaps none, add up to `sum`.
fn is_sum_of_some(sum: i64, of: &[i64]) -> bool {
    match of {
        [] => sum == 0,
        [first, rest @ ..] => is_sum_of_some(sum, rest) || is_sum_of_some(sum - first, rest),
    }
}
