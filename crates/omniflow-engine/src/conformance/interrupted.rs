//! A crash in the middle of a request: it was applied or it was not, and asking again makes it once.

use super::World;
use super::acts::{SHIP, capture, refund};
use super::cart::{Cart, POT, actor};
use crate::simulated::ProviderName;
use crate::{Error, Request};
use omniflow_core::{Command, Decision, OrderId, PaymentStatus, ReasonCode, StateKind};

pub(super) async fn a_report_that_a_crash_cut_off_is_taken_once(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    cut_off(w, &order, Command::ReportPayment(capture("P-1"))).await;
    w.report(&order, capture("P-1")).await;
    let completed = w.until_state(&order, StateKind::Completed).await;
    assert_eq!(completed.payments.iter().len(), 1);
    w.took(ProviderName::Carrier, &order, &[SHIP]);
    assert_eq!(w.count(&order, "payment_captured").await, 1);
}

pub(super) async fn a_cancel_that_a_crash_cut_off_is_taken_once(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    cut_off(w, &order, Command::Cancel { reason: None }).await;
    w.must(&order, Command::Cancel { reason: None }).await;
    w.until_undone(&order, ReasonCode::CancelledOnRequest).await;
    assert_eq!(w.count(&order, "cancel_requested").await, 1);
}

pub(super) async fn a_decision_that_a_crash_cut_off_is_taken_once(w: &mut World) {
    let order = w.placed(Cart::precious()).await;
    w.until_state(&order, StateKind::InReview).await;
    w.report(&order, capture("P-1")).await;
    let reject = Command::Decide { decision: Decision::Reject, reason: None };
    cut_off(w, &order, reject.clone()).await;
    w.must(&order, reject).await;
    w.until_undone(&order, ReasonCode::ReviewRejected).await;
    w.until_payment(&order, "P-1", PaymentStatus::Refunded).await;
    w.took(ProviderName::Payments, &order, &[refund(1)]);
    assert_eq!(w.count(&order, "decision_recorded").await, 1);
}

pub(super) async fn a_placing_that_a_crash_cut_off_is_whole_or_nothing(w: &mut World) {
    let cart = Cart::of(POT, 3).external_id("A-1");
    let (engine, placement) = (w.engine(), cart.placement(w.pace()));
    let placing = tokio::spawn(async move { engine.place(placement).await });
    tokio::task::yield_now().await;
    placing.abort();
    let _ = placing.await;
    w.restart().await;
    match w.place(cart).await {
        Ok(_) => {}
        Err(Error::ExternalIdTaken(first)) => w.orders.push(first),
        Err(error) => panic!("neither placed nor there: {error}"),
    }
    w.stock_is(POT, 5, 3).await;
}

/// Asks for something and crashes before it is answered, or just after: whoever asked does not know.
async fn cut_off(w: &mut World, order: &OrderId, command: Command) {
    let (engine, order_id) = (w.engine(), order.clone());
    let request = Request { order_id, command, actor: actor(), if_version: None, idempotency: None };
    let asked = tokio::spawn(async move { engine.command(request).await });
    tokio::task::yield_now().await;
    asked.abort();
    let _ = asked.await;
    w.restart().await;
}
