//! Rule 4, first part: reports of payments, each recorded once.

use super::World;
use super::acts::{SHIP, capture, named, report, words};
use super::cart::{Cart, TEA};
use crate::simulated::ProviderName;
use omniflow_core::{
    CaptureUse, Command, Event, Fulfillment, OrderId, PaymentOutcome, PaymentReport, PaymentStatus,
    ReasonCode, StateKind,
};

pub(super) async fn a_capture_ships_the_order(w: &mut World) {
    let order = w.placed(Cart::of(TEA, 2)).await;
    w.pay(&order).await;
    let completed = w.until_state(&order, StateKind::Completed).await;
    assert!(matches!(completed.fulfillment, Fulfillment::Shipped { .. }));
    assert_eq!(completed.payments.status(), PaymentStatus::Paid);
    w.stock_is(TEA, 8, 0).await;
    w.took(ProviderName::Carrier, &order, &[SHIP]);
    w.took(ProviderName::Payments, &order, &[]);
    w.tells(&order, &["order_placed", "stock_reserved", "payment_captured", "shipped", "stock_consumed"])
        .await;
}

pub(super) async fn a_report_that_came_before_changes_nothing(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.report(&order, capture("P-1")).await;
    w.until_state(&order, StateKind::Completed).await;
    w.takes_idly(&order, Command::ReportPayment(capture("P-1"))).await;
    let other_words = PaymentReport { reason: words("once more"), ..capture("P-1") };
    w.takes_idly(&order, Command::ReportPayment(other_words)).await;
}

pub(super) async fn another_report_of_the_same_capture_is_only_recorded(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.report(&order, capture("P-1")).await;
    w.until_state(&order, StateKind::Completed).await;
    w.only_records(&order, Command::ReportPayment(named(capture("P-1"), "again"))).await;
    let last = w.timeline(&order).await.pop().map(|entry| entry.entry.event);
    assert!(matches!(last, Some(Event::PaymentCaptured { r#use: CaptureUse::Note, .. })), "{last:?}");
    w.took(ProviderName::Payments, &order, &[]);
}

pub(super) async fn a_declined_payment_may_be_tried_again(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let declined = w.report(&order, report("P-1", PaymentOutcome::Declined)).await;
    assert_eq!(declined.kind(), StateKind::AwaitingPayment);
    assert_eq!(declined.payments.status(), PaymentStatus::Declined);
    w.report(&order, named(report("P-1", PaymentOutcome::Declined), "second")).await;
    w.report(&order, capture("P-1")).await;
    let completed = w.until_state(&order, StateKind::Completed).await;
    assert_eq!(completed.payments.iter().len(), 1, "it is one payment, tried three times");
    assert_eq!(completed.payments.status(), PaymentStatus::Paid);
}

pub(super) async fn a_declined_payment_may_be_replaced(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.report(&order, report("P-1", PaymentOutcome::Declined)).await;
    w.report(&order, capture("P-2")).await;
    let completed = w.until_state(&order, StateKind::Completed).await;
    has_payments(&completed, &[PaymentStatus::Declined, PaymentStatus::Captured]);
    w.took(ProviderName::Payments, &order, &[]);
}

pub(super) async fn a_failed_payment_ends_the_order(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.report(&order, PaymentReport { reason: words("stolen card"), ..report("P-1", PaymentOutcome::Failed) })
        .await;
    let failed = w.until_undone(&order, ReasonCode::PaymentFailed).await;
    assert_eq!(failed.state.reason().and_then(|reason| reason.detail.clone()), words("stolen card"));
    has_payments(&failed, &[PaymentStatus::Failed]);
    w.stock_is(TEA, 10, 0).await;
    w.tells(&order, &["order_placed", "stock_reserved", "payment_failed", "stock_released"]).await;
}

pub(super) async fn a_failure_in_review_is_only_recorded(w: &mut World) {
    let order = w.placed(Cart::precious()).await;
    w.until_state(&order, StateKind::InReview).await;
    w.report(&order, report("P-1", PaymentOutcome::Failed)).await;
    w.is(&order, StateKind::InReview).await;
    w.approve(&order).await;
    w.is(&order, StateKind::AwaitingPayment).await;
    w.report(&order, capture("P-2")).await;
    w.until_state(&order, StateKind::Completed).await;
}

pub(super) async fn what_is_said_after_a_capture_is_only_recorded(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.report(&order, capture("P-1")).await;
    w.until_state(&order, StateKind::Completed).await;
    for outcome in [PaymentOutcome::Declined, PaymentOutcome::Failed] {
        w.only_records(&order, Command::ReportPayment(report("P-1", outcome))).await;
    }
    assert_eq!(w.order(&order).await.payments.status(), PaymentStatus::Paid);
}

pub(super) async fn a_report_after_the_end_moves_no_state(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.cancel(&order).await;
    w.until_state(&order, StateKind::Cancelled).await;
    for (payment, outcome) in [("P-1", PaymentOutcome::Declined), ("P-2", PaymentOutcome::Failed)] {
        w.report(&order, report(payment, outcome)).await;
        w.is(&order, StateKind::Cancelled).await;
    }
    has_payments(&*w.order(&order).await, &[PaymentStatus::Declined, PaymentStatus::Failed]);
}

pub(super) async fn an_order_takes_a_hundred_payments(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    report_many(w, &order, omniflow_core::MAX_PAYMENTS).await;
    let before = w.order(&order).await;
    let answer = w.tell(&order, Command::ReportPayment(capture("one too many"))).await;
    let too_many = omniflow_core::Rejection::TooManyPayments(omniflow_core::MAX_PAYMENTS);
    assert_eq!(answer.map(|order| order.version), Err(too_many.into()));
    assert_eq!(w.order(&order).await, before, "what was refused changes nothing");
    w.report(&order, capture("P-7")).await;
    w.until_state(&order, StateKind::Completed).await;
}

/// Declines that many payments, all in one step.
async fn report_many(w: &mut World, order: &OrderId, payments: usize) {
    for number in 0..payments {
        let declined = report(&format!("P-{number}"), PaymentOutcome::Declined);
        let told = w.tell_quietly(order, Command::ReportPayment(declined)).await;
        assert!(told.is_ok(), "payment {number} is taken: {told:?}");
    }
    w.step("many payments are declined").await;
}

/// Asserts the status of each payment.
pub(super) fn has_payments(order: &omniflow_core::Order, expected: &[PaymentStatus]) {
    let statuses: Vec<_> = order.payments.iter().map(|payment| payment.status()).collect();
    assert_eq!(statuses, expected, "the status of each payment");
}
