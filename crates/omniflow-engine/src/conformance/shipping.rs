//! Rule 5: the carrier, who fails, is silent or slow, refuses, or accepts and reports later.

use super::World;
use super::acts::{REFUSED, SHIP, refund, shipped, words};
use super::cart::{Cart, TEA};
use super::paying::has_payments;
use crate::simulated::{Act, ProviderName};
use omniflow_core::{AttentionCode, Fulfillment, OrderId, PaymentStatus, ReasonCode, StateKind};

const CARRIER: ProviderName = ProviderName::Carrier;

pub(super) async fn a_carrier_that_fails_is_asked_again(w: &mut World) {
    w.script(CARRIER, Act::Fail, 2, 0).await;
    completes_with_one_shipment(w).await;
}

pub(super) async fn a_carrier_that_is_silent_is_asked_again(w: &mut World) {
    w.script(CARRIER, Act::Hang, 1, 0).await;
    completes_with_one_shipment(w).await;
}

pub(super) async fn a_slow_carrier_is_waited_for(w: &mut World) {
    w.script(CARRIER, Act::Delay, 1, w.pace().attempt_timeout_ms / 2).await;
    completes_with_one_shipment(w).await;
}

pub(super) async fn a_carrier_slower_than_the_time_out_ships_once(w: &mut World) {
    let timeout_ms = w.pace().attempt_timeout_ms;
    w.script(CARRIER, Act::Delay, 1, timeout_ms + timeout_ms / 2).await;
    completes_with_one_shipment(w).await;
}

pub(super) async fn a_refused_shipment_is_refunded_and_frees_the_stock(w: &mut World) {
    w.script(CARRIER, Act::Refuse, 1, 0).await;
    let order = paid(w).await;
    let failed = w.until_undone(&order, ReasonCode::ShippingFailed).await;
    assert_eq!(failed.state.reason().and_then(|reason| reason.detail.clone()), words("so it was scripted"));
    assert_eq!(failed.fulfillment, Fulfillment::Refused);
    has_payments(&failed, &[PaymentStatus::Refunded]);
    w.took(CARRIER, &order, &[]);
    w.took(ProviderName::Payments, &order, &[refund(1)]);
    w.stock_is(TEA, 10, 0).await;
}

pub(super) async fn an_accepted_shipment_completes_once_it_is_reported(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    w.script(CARRIER, Act::Accept, 1, wait_ms).await;
    let order = paid(w).await;
    w.until(&order, "an acceptance", |order| matches!(order.fulfillment, Fulfillment::Accepted { .. })).await;
    w.pass(wait_ms - w.pace().margin_ms).await;
    w.is(&order, StateKind::Shipping).await;
    w.stock_is(TEA, 10, 1).await;
    w.until_state(&order, StateKind::Completed).await;
    w.stock_is(TEA, 9, 0).await;
    assert_eq!(w.count(&order, "shipment_accepted").await, 1);
    w.took(CARRIER, &order, &[SHIP]);
}

pub(super) async fn a_report_that_came_while_the_engine_was_down_is_made_again(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    w.script(CARRIER, Act::Accept, 1, wait_ms).await;
    let order = paid(w).await;
    w.settle().await;
    w.down_for(2 * wait_ms).await;
    w.until_state(&order, StateKind::Completed).await;
    w.took(CARRIER, &order, &[SHIP]);
}

pub(super) async fn an_accepted_shipment_that_is_refused_later_is_undone(w: &mut World) {
    let order = accepted_and_forgotten(w, Cart::one()).await;
    w.outcome(&order, SHIP, REFUSED).await;
    let failed = w.until_undone(&order, ReasonCode::ShippingFailed).await;
    has_payments(&failed, &[PaymentStatus::Refunded]);
    w.stock_is(TEA, 10, 0).await;
}

pub(super) async fn an_accepted_shipment_without_a_report_needs_a_person(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let order = accepted_and_forgotten(w, Cart::one().deadline_ms(wait_ms)).await;
    w.pass(wait_ms - w.pace().margin_ms).await;
    assert_eq!(w.is(&order, StateKind::Shipping).await.attention(), None, "the deadline has not passed");
    w.pass(w.pace().margin_ms).await;
    w.until_attention(&order, SHIP, AttentionCode::OutcomeUnknown).await;
    w.is(&order, StateKind::Shipping).await;
    w.stock_is(TEA, 10, 1).await;
    w.took(ProviderName::Payments, &order, &[]);
}

pub(super) async fn a_deadline_that_passes_while_the_engine_is_down_is_noticed(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let order = accepted_and_forgotten(w, Cart::one().deadline_ms(wait_ms)).await;
    w.down_for(2 * wait_ms).await;
    w.until_attention(&order, SHIP, AttentionCode::OutcomeUnknown).await;
}

pub(super) async fn a_report_after_the_deadline_still_counts(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let order = accepted_and_forgotten(w, Cart::one().deadline_ms(wait_ms)).await;
    w.until_attention(&order, SHIP, AttentionCode::OutcomeUnknown).await;
    w.outcome(&order, SHIP, shipped("LATE-1")).await;
    let completed = w.until_state(&order, StateKind::Completed).await;
    assert_eq!(completed.attention(), None, "nobody needs to act any more");
    w.stock_is(TEA, 9, 0).await;
}

/// Pays for one tea.
async fn paid(w: &mut World) -> OrderId {
    let order = w.placed(Cart::one()).await;
    w.pay(&order).await;
    order
}

async fn completes_with_one_shipment(w: &mut World) {
    let order = paid(w).await;
    w.until_state(&order, StateKind::Completed).await;
    w.took(CARRIER, &order, &[SHIP]);
    w.took(ProviderName::Payments, &order, &[]);
    w.tells(&order, &["order_placed", "stock_reserved", "payment_captured", "shipped", "stock_consumed"])
        .await;
}

/// A paid order whose carrier has accepted it and reports only after every deadline of the suite.
async fn accepted_and_forgotten(w: &mut World, cart: Cart) -> OrderId {
    w.script(CARRIER, Act::Accept, 1, 100 * w.pace().patience_ms).await;
    let order = w.placed(cart).await;
    w.pay(&order).await;
    w.until(&order, "an acceptance", |order| matches!(order.fulfillment, Fulfillment::Accepted { .. })).await;
    order
}
