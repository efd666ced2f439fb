//! Rule 4, second part: a capture that the order cannot keep is given back, and moves no state.

use super::World;
use super::acts::{SHIP, capture, refund, report};
use super::cart::{Cart, PRICE, TEA};
use super::paying::has_payments;
use crate::simulated::{Act, ProviderName, taken};
use omniflow_core::{
    Currency, Money, OrderId, PaymentOutcome, PaymentReport, PaymentStatus, ReasonCode, StateKind,
};

pub(super) async fn a_second_payment_is_refunded(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.report(&order, capture("P-1")).await;
    w.report(&order, capture("P-2")).await;
    w.until_state(&order, StateKind::Completed).await;
    let order_now = w.until_payment(&order, "P-2", PaymentStatus::Refunded).await;
    has_payments(&order_now, &[PaymentStatus::Captured, PaymentStatus::Refunded]);
    assert_eq!(order_now.payments.status(), PaymentStatus::Paid);
    w.took(ProviderName::Payments, &order, &[refund(2)]);
    w.took(ProviderName::Carrier, &order, &[SHIP]);
}

pub(super) async fn a_capture_of_another_amount_is_refunded(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    for (payment, minor) in [("P-1", PRICE - 1), ("P-2", PRICE + 1)] {
        let amount = Some(Money::new(minor, Currency::USD));
        w.report(&order, PaymentReport { amount, ..capture(payment) }).await;
        w.until_payment(&order, payment, PaymentStatus::Refunded).await;
        w.is(&order, StateKind::AwaitingPayment).await;
    }
    let amount = Some(Money::new(PRICE, Currency::USD));
    w.report(&order, PaymentReport { amount, ..capture("P-3") }).await;
    let completed = w.until_state(&order, StateKind::Completed).await;
    let (refunded, captured) = (PaymentStatus::Refunded, PaymentStatus::Captured);
    has_payments(&completed, &[refunded, refunded, captured]);
}

pub(super) async fn a_capture_in_another_currency_is_refunded_in_it(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let Some(euro) = Currency::from_code("EUR") else { panic!("EUR is a currency") };
    let amount = Some(Money::new(PRICE, euro));
    w.report(&order, PaymentReport { amount, ..capture("P-1") }).await;
    w.until_payment(&order, "P-1", PaymentStatus::Refunded).await;
    w.is(&order, StateKind::AwaitingPayment).await;
    let records = w.records();
    let given_back: Vec<_> = taken(&records).iter().filter_map(|record| record.amount).collect();
    assert_eq!(given_back, [Money::new(PRICE, euro)]);
}

pub(super) async fn a_capture_in_review_ships_once_approved(w: &mut World) {
    let order = paid_in_review(w).await;
    w.took(ProviderName::Carrier, &order, &[]);
    w.approve(&order).await;
    w.until_state(&order, StateKind::Completed).await;
    w.took(ProviderName::Carrier, &order, &[SHIP]);
    w.took(ProviderName::Payments, &order, &[]);
}

pub(super) async fn a_capture_in_review_is_refunded_once_rejected(w: &mut World) {
    let order = paid_in_review(w).await;
    w.reject(&order).await;
    let rejected = w.until_undone(&order, ReasonCode::ReviewRejected).await;
    has_payments(&rejected, &[PaymentStatus::Refunded]);
    w.took(ProviderName::Payments, &order, &[refund(1)]);
    w.stock_is(TEA, 10, 0).await;
}

pub(super) async fn a_capture_in_review_is_refunded_once_cancelled(w: &mut World) {
    let order = paid_in_review(w).await;
    w.cancel(&order).await;
    let cancelled = w.until_undone(&order, ReasonCode::CancelledOnRequest).await;
    has_payments(&cancelled, &[PaymentStatus::Refunded]);
    w.took(ProviderName::Payments, &order, &[refund(1)]);
}

pub(super) async fn a_second_capture_in_review_is_refunded_at_once(w: &mut World) {
    let order = paid_in_review(w).await;
    w.report(&order, capture("P-2")).await;
    w.until_payment(&order, "P-2", PaymentStatus::Refunded).await;
    let waiting = w.is(&order, StateKind::InReview).await;
    assert_eq!(waiting.payments.status(), PaymentStatus::Paid);
}

pub(super) async fn a_capture_after_the_end_is_refunded(w: &mut World) {
    let expired = w.placed(Cart::one().window_ms(w.pace().wait_ms)).await;
    w.until_state(&expired, StateKind::Expired).await;
    let cancelled = w.placed(Cart::one()).await;
    w.cancel(&cancelled).await;
    w.until_state(&cancelled, StateKind::Cancelled).await;
    let completed = w.placed(Cart::one()).await;
    w.report(&completed, capture("P-0")).await;
    w.until_state(&completed, StateKind::Completed).await;
    for order in [&expired, &cancelled, &completed] {
        let before = w.order(order).await;
        w.pass(w.pace().margin_ms).await;
        w.report(order, capture("P-1")).await;
        let after = w.until_payment(order, "P-1", PaymentStatus::Refunded).await;
        assert_eq!(after.state, before.state, "a late payment moves no state");
        assert_eq!(after.ended_at, before.ended_at, "an order ends once");
    }
}

pub(super) async fn the_kept_payment_says_where_the_orders_payment_stands(w: &mut World) {
    let order = paid_in_review(w).await;
    w.reject(&order).await;
    w.until_state(&order, StateKind::Rejected).await;
    let declined = w.report(&order, report("P-2", PaymentOutcome::Declined)).await;
    assert_eq!(declined.payments.status(), PaymentStatus::Refunded, "not the latest payment's");
    has_payments(&declined, &[PaymentStatus::Refunded, PaymentStatus::Declined]);
}

pub(super) async fn a_capture_while_compensating_is_refunded(w: &mut World) {
    let order = paid_in_review(w).await;
    w.script(ProviderName::Payments, Act::Accept, 1, w.pace().wait_ms).await;
    w.reject(&order).await;
    w.settle().await;
    w.is(&order, StateKind::Compensating).await;
    w.report(&order, capture("P-2")).await;
    let rejected = w.until_undone(&order, ReasonCode::ReviewRejected).await;
    has_payments(&rejected, &[PaymentStatus::Refunded, PaymentStatus::Refunded]);
}

/// An order that was paid with `P-1` while in review.
async fn paid_in_review(w: &mut World) -> OrderId {
    let order = w.placed(Cart::precious()).await;
    w.until_state(&order, StateKind::InReview).await;
    let paid = w.report(&order, capture("P-1")).await;
    assert_eq!(paid.kind(), StateKind::InReview, "the state does not move");
    assert_eq!(paid.payments.status(), PaymentStatus::Paid);
    order
}
