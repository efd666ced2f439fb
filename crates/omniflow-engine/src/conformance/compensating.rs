//! Rule 7: an end is shown only when everything is undone.

use super::World;
use super::acts::{capture, refund};
use super::cart::{Cart, TEA};
use super::paying::has_payments;
use crate::simulated::{Act, ProviderName};
use omniflow_core::{AttentionCode, OrderId, PaymentStatus, ReasonCode, StateKind};

const PAYMENTS: ProviderName = ProviderName::Payments;

pub(super) async fn an_end_is_shown_only_when_the_refund_is_acknowledged(w: &mut World) {
    let delay_ms = w.pace().attempt_timeout_ms / 2;
    w.script(PAYMENTS, Act::Delay, 1, delay_ms).await;
    let order = rejected_after_payment(w, Cart::precious()).await;
    w.settle().await;
    let waiting = w.is(&order, StateKind::Compensating).await;
    assert_eq!(waiting.ended_at, None, "it has not ended");
    assert_eq!(waiting.payments.status(), PaymentStatus::RefundPending);
    let rejected = w.until_undone(&order, ReasonCode::ReviewRejected).await;
    assert!(
        rejected.ended_at > Some(waiting.updated_at.plus_millis(delay_ms / 2)),
        "it ended with its refund"
    );
}

pub(super) async fn a_refund_that_fails_is_asked_for_again(w: &mut World) {
    w.script(PAYMENTS, Act::Fail, 2, 0).await;
    is_rejected_with_one_refund(w).await;
}

pub(super) async fn a_refund_that_is_not_answered_is_asked_for_again(w: &mut World) {
    w.script(PAYMENTS, Act::Hang, 1, 0).await;
    is_rejected_with_one_refund(w).await;
}

pub(super) async fn a_refund_slower_than_the_time_out_is_made_once(w: &mut World) {
    let timeout_ms = w.pace().attempt_timeout_ms;
    w.script(PAYMENTS, Act::Delay, 1, timeout_ms + timeout_ms / 2).await;
    is_rejected_with_one_refund(w).await;
}

pub(super) async fn an_accepted_refund_ends_the_order_once_it_is_reported(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    w.script(PAYMENTS, Act::Accept, 1, wait_ms).await;
    let order = rejected_after_payment(w, Cart::precious()).await;
    w.pass(wait_ms - w.pace().margin_ms).await;
    w.is(&order, StateKind::Compensating).await;
    w.stock_is(TEA, 10, 0).await;
    w.until_undone(&order, ReasonCode::ReviewRejected).await;
    w.took(PAYMENTS, &order, &[refund(1)]);
}

pub(super) async fn an_accepted_refund_without_a_report_needs_a_person(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    w.script(PAYMENTS, Act::Accept, 1, 4 * wait_ms).await;
    let order = rejected_after_payment(w, Cart::precious().deadline_ms(wait_ms)).await;
    w.until_attention(&order, refund(1), AttentionCode::OutcomeUnknown).await;
    w.is(&order, StateKind::Compensating).await;
    let rejected = w.until_undone(&order, ReasonCode::ReviewRejected).await;
    assert_eq!(rejected.attention(), None, "the late report ended it");
    w.took(PAYMENTS, &order, &[refund(1)]);
}

async fn is_rejected_with_one_refund(w: &mut World) {
    let order = rejected_after_payment(w, Cart::precious()).await;
    let rejected = w.until_undone(&order, ReasonCode::ReviewRejected).await;
    has_payments(&rejected, &[PaymentStatus::Refunded]);
    w.took(PAYMENTS, &order, &[refund(1)]);
    w.stock_is(TEA, 10, 0).await;
}

/// An order that was paid with `P-1` in review and then rejected.
pub(super) async fn rejected_after_payment(w: &mut World, cart: Cart) -> OrderId {
    let order = w.placed(cart).await;
    w.until_state(&order, StateKind::InReview).await;
    w.report(&order, capture("P-1")).await;
    w.reject(&order).await;
    order
}
