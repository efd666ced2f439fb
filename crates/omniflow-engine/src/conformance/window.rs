//! Rule 3: the payment window, which no restart lengthens or shortens.

use super::World;
use super::acts::{named, report};
use super::cart::{Cart, TEA};
use crate::simulated::{Act, ProviderName};
use omniflow_core::{Event, OrderId, PaymentOutcome, ReasonCode, StateKind, Timestamp};

pub(super) async fn an_unpaid_order_expires_and_frees_its_stock(w: &mut World) {
    let order = waiting(w).await;
    w.stock_is(TEA, 10, 1).await;
    w.until_undone(&order, ReasonCode::PaymentTimeout).await;
    w.stock_is(TEA, 10, 0).await;
    w.tells(&order, &["order_placed", "stock_reserved", "payment_window_elapsed", "stock_released"]).await;
}

pub(super) async fn a_window_ends_in_time_and_never_early(w: &mut World) {
    let pace = w.pace();
    let order = waiting(w).await;
    let due_at = w.due_at(&order).await;
    assert!(due_at.millis_since(w.order(&order).await.created_at) >= pace.wait_ms, "the window is whole");
    w.pass(pace.wait_ms - pace.margin_ms).await;
    w.is(&order, StateKind::AwaitingPayment).await;
    w.pass(pace.margin_ms).await;
    w.until_state(&order, StateKind::Expired).await;
    ended_in_time(w, &order, due_at).await;
}

pub(super) async fn a_window_that_ends_while_the_engine_is_down_ends_after_the_start(w: &mut World) {
    let order = waiting(w).await;
    w.down_for(2 * w.pace().wait_ms).await;
    w.until_undone(&order, ReasonCode::PaymentTimeout).await;
    w.stock_is(TEA, 10, 0).await;
}

pub(super) async fn a_window_keeps_its_deadline_across_restarts(w: &mut World) {
    let pace = w.pace();
    let order = waiting(w).await;
    let due_at = w.due_at(&order).await;
    w.pass(pace.wait_ms / 4).await;
    w.down_for(pace.wait_ms / 4).await;
    assert_eq!(w.due_at(&order).await, due_at);
    w.pass(pace.wait_ms / 2).await;
    w.until_state(&order, StateKind::Expired).await;
    ended_in_time(w, &order, due_at).await;
}

pub(super) async fn windows_end_in_order_of_deadline(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let late = w.placed(Cart::one().window_ms(wait_ms + 1_000)).await;
    let early = w.placed(Cart::one().window_ms(wait_ms)).await;
    w.down_for(wait_ms + 2_000).await;
    w.until_state(&late, StateKind::Expired).await;
    w.until_state(&early, StateKind::Expired).await;
    let feed = w.feed(&crate::FeedScope::All, 8).await;
    let elapsed = feed.iter().filter(|e| matches!(e.entry.entry.event, Event::PaymentWindowElapsed {}));
    let mut elapsed: Vec<_> = elapsed.map(|entry| &entry.order_id).collect();
    if w.pace().late_ms > 0 {
        elapsed.sort_by_key(|id| **id == late); // Each order by itself may be late.
    }
    assert_eq!(elapsed, [&early, &late], "the earlier deadline first");
}

pub(super) async fn a_paid_order_never_expires(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let order = waiting(w).await;
    w.script(ProviderName::Carrier, Act::Accept, 1, 3 * wait_ms).await;
    w.pay(&order).await;
    w.pass(2 * wait_ms).await;
    w.is(&order, StateKind::Shipping).await;
    w.until_state(&order, StateKind::Completed).await;
    assert_eq!(w.count(&order, "payment_window_elapsed").await, 0);
}

pub(super) async fn a_declined_payment_does_not_lengthen_the_window(w: &mut World) {
    let order = waiting(w).await;
    let due_at = w.due_at(&order).await;
    w.pass(w.pace().wait_ms / 2).await;
    let declined = report("P-1", PaymentOutcome::Declined);
    w.report(&order, declined.clone()).await;
    w.report(&order, named(declined, "again")).await;
    assert_eq!(w.due_at(&order).await, due_at);
    w.until_undone(&order, ReasonCode::PaymentTimeout).await;
    ended_in_time(w, &order, due_at).await;
}

/// An order whose window is waited out.
async fn waiting(w: &mut World) -> OrderId {
    let order = w.placed(Cart::one().window_ms(w.pace().wait_ms)).await;
    w.until_state(&order, StateKind::AwaitingPayment).await;
    order
}

async fn ended_in_time(w: &World, order: &OrderId, due_at: Timestamp) {
    let timeline = w.timeline(order).await;
    let elapsed = timeline.iter().find(|e| matches!(e.entry.event, Event::PaymentWindowElapsed {}));
    let Some(elapsed) = elapsed else { panic!("the window of {order} never elapsed") };
    assert!(elapsed.entry.at >= due_at, "the window ended early");
    assert!(elapsed.entry.at.millis_since(due_at) <= w.pace().late_ms, "the window ended late");
}
