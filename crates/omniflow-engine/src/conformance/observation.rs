//! What can be observed of a case in the end, as text: the same whether or not the engine crashed meanwhile.
//!
//! Times, hashes, ids and the number of attempts are left out, and so is the order of events, since effects
//! that run side by side may end either way round.

use super::audit::Snapshot;
use crate::simulated::{Record, taken};
use crate::{StockLevel, TimelineEntry};
use omniflow_core::{Fulfillment, Order, allowed_actions};

pub(super) fn observe(snapshot: &Snapshot, records: &[Record]) -> String {
    let taken = taken(records);
    let mut lines = Vec::new();
    for (order, timeline) in snapshot.orders.iter().zip(&snapshot.timelines) {
        lines.push(of_order(order, timeline));
        let of_order = taken.iter().filter(|record| record.effect_id.order_id == order.id);
        let effect = |record: &&Record| {
            format!("  {} took {} {:?}", record.provider, record.effect_id.key, record.amount)
        };
        let mut effects: Vec<String> = of_order.map(effect).collect();
        effects.sort();
        lines.append(&mut effects);
    }
    let stock =
        |level: &StockLevel| format!("{}: {} on hand, {} reserved", level.sku, level.on_hand, level.reserved);
    lines.extend(snapshot.stocks.iter().map(stock));
    lines.join("\n")
}

fn of_order(order: &Order, timeline: &[TimelineEntry]) -> String {
    let attention = order.attention().map(|attention| (attention.effect.to_string(), attention.code));
    let actions: Vec<_> = allowed_actions(order).iter().map(|action| action.as_str()).collect();
    let tracked = matches!(order.fulfillment, Fulfillment::Shipped { .. });
    let goods = (order.fulfillment.status(), order.fulfillment.shipment_status(), tracked);
    let payments: Vec<_> = order
        .payments
        .iter()
        .map(|payment| (payment.id.as_str(), payment.status(), payment.amount))
        .collect();
    let mut events: Vec<_> = timeline.iter().map(|entry| entry.entry.event.name()).collect();
    events.sort_unstable();
    format!(
        "{} {:?} {attention:?} {actions:?} {goods:?} {payments:?} {events:?}",
        order.kind(),
        order.state.reason(),
    )
}
