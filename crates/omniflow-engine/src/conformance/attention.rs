//! Rule 8, first part: a shipment that the engine gave up on waits for a person, and nothing is undone by
//! guess.

use super::World;
use super::acts::{ALWAYS, REFUSED, SHIP, capture, refund, shipped, words};
use super::cart::{Cart, TEA};
use super::paying::has_payments;
use crate::simulated::{Act, ProviderName};
use omniflow_core::{
    AttentionCode, Command, Fulfillment, OrderId, PaymentStatus, ReasonCode, ShipmentStatus, StateKind,
};

const CARRIER: ProviderName = ProviderName::Carrier;
const RETRY: Command = Command::Retry;
const SKIP: Command = Command::Skip { reason: None };
const COMPENSATE: Command = Command::Compensate { reason: None };

pub(super) async fn an_exhausted_shipment_needs_a_person_and_undoes_nothing(w: &mut World) {
    let order = stuck(w, Act::Fail, AttentionCode::AttemptsExhausted).await;
    waits_for_a_person(w, &order).await;
    w.took(CARRIER, &order, &[]);
}

pub(super) async fn an_unknown_shipment_needs_a_person_and_undoes_nothing(w: &mut World) {
    let order = stuck(w, Act::Hang, AttentionCode::OutcomeUnknown).await;
    waits_for_a_person(w, &order).await;
}

pub(super) async fn attention_lasts_across_restarts(w: &mut World) {
    let order = stuck(w, Act::Fail, AttentionCode::AttemptsExhausted).await;
    w.unscript(CARRIER).await;
    w.down_for(w.pace().wait_ms).await;
    waits_for_a_person(w, &order).await;
}

pub(super) async fn a_retried_shipment_ships(w: &mut World) {
    for (act, code) in
        [(Act::Fail, AttentionCode::AttemptsExhausted), (Act::Hang, AttentionCode::OutcomeUnknown)]
    {
        let order = stuck(w, act, code).await;
        w.unscript(CARRIER).await;
        w.retry(&order).await;
        let completed = w.until_state(&order, StateKind::Completed).await;
        assert_eq!(completed.attention(), None, "nobody needs to act any more");
        w.took(CARRIER, &order, &[SHIP]);
    }
}

pub(super) async fn a_retry_that_fails_needs_a_person_again(w: &mut World) {
    let order = stuck(w, Act::Fail, AttentionCode::AttemptsExhausted).await;
    w.retry(&order).await;
    w.until(&order, "attention again", |order| order.attention().is_some()).await;
    assert_eq!(w.count(&order, "attention_raised").await, 2);
}

pub(super) async fn a_skipped_shipment_counts_as_done(w: &mut World) {
    let order = stuck(w, Act::Fail, AttentionCode::AttemptsExhausted).await;
    w.skip(&order).await;
    let completed = w.until_state(&order, StateKind::Completed).await;
    assert_eq!(completed.fulfillment, Fulfillment::Skipped, "without a tracking number");
    assert_eq!(completed.fulfillment.shipment_status(), Some(ShipmentStatus::Skipped));
    w.stock_is(TEA, 9, 0).await;
    w.took(ProviderName::Payments, &order, &[]);
}

pub(super) async fn a_compensated_shipment_is_refunded(w: &mut World) {
    let order = stuck(w, Act::Hang, AttentionCode::OutcomeUnknown).await;
    w.compensate(&order).await;
    let failed = w.until_undone(&order, ReasonCode::CompensatedOnRequest).await;
    assert_eq!(failed.state.reason().and_then(|reason| reason.detail.clone()), words("the carrier lost it"));
    has_payments(&failed, &[PaymentStatus::Refunded]);
    w.stock_is(TEA, 10, 0).await;
    w.took(ProviderName::Payments, &order, &[refund(1)]);
}

pub(super) async fn a_shipment_reported_after_all_completes(w: &mut World) {
    let order = stuck(w, Act::Hang, AttentionCode::OutcomeUnknown).await;
    w.outcome(&order, SHIP, shipped("LATE-1")).await;
    let completed = w.until_state(&order, StateKind::Completed).await;
    assert_eq!(completed.attention(), None, "nobody needs to act any more");
}

pub(super) async fn a_shipment_refused_after_all_is_undone(w: &mut World) {
    let order = stuck(w, Act::Hang, AttentionCode::OutcomeUnknown).await;
    w.outcome(&order, SHIP, REFUSED).await;
    let failed = w.until_undone(&order, ReasonCode::ShippingFailed).await;
    has_payments(&failed, &[PaymentStatus::Refunded]);
}

pub(super) async fn without_attention_there_is_nothing_to_act_on(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    for command in [RETRY, SKIP, COMPENSATE] {
        w.refuses(&order, command).await;
    }
    w.pay(&order).await;
    w.until_state(&order, StateKind::Completed).await;
    for command in [RETRY, SKIP, COMPENSATE] {
        w.refuses(&order, command).await;
    }
}

pub(super) async fn of_two_the_oldest_is_acted_on_first(w: &mut World) {
    let order = stuck(w, Act::Fail, AttentionCode::AttemptsExhausted).await;
    w.pass(w.pace().backoff_ms).await;
    w.script(ProviderName::Payments, Act::Fail, ALWAYS, 0).await;
    w.report(&order, capture("P-2")).await;
    w.until(&order, "two attentions", |order| {
        order.payments.refunds().any(|(_, _, refund)| refund.status() == omniflow_core::RefundStatus::Pending)
            && omniflow_core::next(order).effects.is_empty()
    })
    .await;
    w.until_attention(&order, SHIP, AttentionCode::AttemptsExhausted).await;
    w.skip(&order).await;
    w.until_state(&order, StateKind::Completed).await;
    w.until_attention(&order, refund(2), AttentionCode::AttemptsExhausted).await;
    w.skip(&order).await;
    let order = w.until_payment(&order, "P-2", PaymentStatus::RefundSkipped).await;
    assert_eq!(order.attention(), None, "nobody needs to act any more");
}

/// A paid order whose carrier does so whenever it is asked, until the engine has given up.
async fn stuck(w: &mut World, act: Act, code: AttentionCode) -> OrderId {
    w.script(CARRIER, act, ALWAYS, 0).await;
    let order = w.placed(Cart::one()).await;
    w.report(&order, capture("P-1")).await;
    w.until_attention(&order, SHIP, code).await;
    order
}

async fn waits_for_a_person(w: &mut World, order: &OrderId) {
    w.pass(2 * w.pace().wait_ms).await;
    let waiting = w.is(order, StateKind::Shipping).await;
    assert!(waiting.attention().is_some(), "only a person can go on");
    assert_eq!(waiting.payments.status(), PaymentStatus::Paid);
    w.stock_is(TEA, 10, 1).await;
    w.took(ProviderName::Payments, order, &[]);
}
