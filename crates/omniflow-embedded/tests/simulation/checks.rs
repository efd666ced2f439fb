//! The invariants, as an outsider can see them.

use crate::world::{SKUS, World};
use omniflow_core::{
    Demand, Entry, Event, Fulfillment, Order, PaymentState, Sku, StateKind, Step, StockHold, fold,
};
use omniflow_engine::OrderEngine;
use omniflow_engine::simulated::{What, taken};
use std::collections::BTreeMap;

/// After every step: nothing acknowledged is lost, live state is rebuilt state, ended states stay, no timer
/// was early, nothing is oversold, money is kept at most once.
pub(crate) async fn after_a_step(world: &mut World) {
    world.clock.settled().await;
    let mut orders = vec![];
    for (id, version) in &world.orders {
        let order = world.engine.read(id).await.unwrap();
        assert!(order.version >= *version, "{id} was told version {version} and is at {}", order.version);
        if let Some(ended) = world.ended.get(id) {
            assert_eq!(order.kind(), *ended, "{id} had ended");
        }
        orders.push(order);
    }
    let place = world.chance.below(orders.len().max(1) as u64) as usize;
    if let Some(order) = orders.get(place) {
        rebuilt(world, order).await;
    }
    for order in &orders {
        money_is_kept_once(order);
        if order.kind().is_ended() {
            world.ended.insert(order.id.clone(), order.kind());
            assert_ne!(order.stock, StockHold::Held, "{} ended and holds stock", order.id);
        }
    }
    stock_is_conserved(world, orders.iter().map(|order| &**order)).await;
}

/// The order is what its events fold to, chained without a gap.
async fn rebuilt(world: &World, order: &Order) {
    let timeline = world.engine.timeline(&order.id).await.unwrap();
    let mut hash = omniflow_core::ChainHash::default();
    for entry in &timeline {
        hash = entry.entry.link(&hash).hash;
        assert_eq!(entry.hash, hash, "{} is chained", order.id);
    }
    let entries: Vec<&Entry> = timeline.iter().map(|entry| &entry.entry).collect();
    assert_eq!(fold(entries.iter().copied()).unwrap(), *order, "{} is what its events say", order.id);
    let window = order.terms.policies.payment_window_ms;
    let mut waiting_since = None;
    for entry in entries {
        match entry.event {
            Event::StockReserved {} | Event::DecisionRecorded { .. } => waiting_since = Some(entry.at),
            Event::PaymentWindowElapsed {} => {
                let since = waiting_since.unwrap();
                assert!(entry.at >= since.plus_millis(window), "{} expired early", order.id);
            }
            _ => {}
        }
    }
}

fn money_is_kept_once(order: &Order) {
    let kept = order.payments.iter().filter(|payment| payment.state == PaymentState::Captured).count();
    assert!(kept <= 1, "{} keeps {kept} captures", order.id);
    let must_be_paid = matches!(order.kind(), StateKind::Shipping | StateKind::Completed);
    assert!(!must_be_paid || order.payments.is_paid(), "{} is {} and not paid", order.id, order.kind());
}

/// What is there and what has left is what there was; what is reserved is what orders hold.
async fn stock_is_conserved(world: &World, orders: impl Iterator<Item = &Order> + Clone) {
    let sum = |hold: StockHold| {
        let mut sums = BTreeMap::<Sku, u64>::new();
        for order in orders.clone().filter(|order| order.stock == hold) {
            for Demand { sku, quantity } in order.terms.demand() {
                *sums.entry(sku).or_default() += quantity;
            }
        }
        sums
    };
    let (held, consumed) = (sum(StockHold::Held), sum(StockHold::Consumed));
    for (sku, delivered) in SKUS {
        let sku = Sku::new(sku).unwrap();
        let level = world.engine.stock(&sku).await.unwrap();
        let of = |sums: &BTreeMap<Sku, u64>| sums.get(&sku).copied().unwrap_or_default();
        assert_eq!(level.on_hand, delivered - of(&consumed), "{sku} on hand");
        assert_eq!(level.reserved, of(&held), "{sku} reserved");
        assert!(level.reserved <= level.on_hand, "{sku} is oversold");
    }
}

/// At the end: the directory verifies, and the providers did what the orders say, once. Returns how the
/// orders ended.
pub(crate) async fn at_rest(world: &mut World) -> Vec<StateKind> {
    let report = omniflow_embedded::verify::verify(world.directory.path()).unwrap();
    assert!(report.is_clean(), "{:#?}", report.described);
    assert_eq!(report.orders, world.orders.len() as u64);
    let records = world.simulated.ledger().records().unwrap();
    let taken = taken(&records);
    let mut kinds = vec![];
    for id in world.orders.keys() {
        let order = world.engine.read(id).await.unwrap();
        let of_order = || taken.iter().filter(|record| record.effect_id.order_id == *id);
        let shipments = of_order().filter(|record| record.effect_id.key.step == Step::Ship).count();
        assert!(shipments <= 1, "{id} was shipped {shipments} times");
        if matches!(order.fulfillment, Fulfillment::NotStarted) {
            assert_eq!(shipments, 0, "{id} was never to be shipped");
        }
        for (number, payment) in (1..).zip(order.payments.iter()) {
            let refunds: Vec<_> = of_order()
                .filter(|record| record.effect_id.key.step == Step::RefundPayment(number))
                .collect();
            assert!(refunds.len() <= 1, "{id}: payment {number} was refunded {} times", refunds.len());
            if !matches!(payment.state, PaymentState::Refunding(_)) {
                assert!(refunds.is_empty(), "{id}: payment {number} was not to be refunded");
            }
            for refund in refunds {
                assert!(matches!(refund.what, What::Done | What::Accepted));
                assert_eq!(refund.amount, Some(payment.amount), "{id}: payment {number}");
            }
        }
        kinds.push(order.kind());
    }
    kinds
}
