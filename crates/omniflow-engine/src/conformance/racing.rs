//! Requests that come at once: the first one recorded wins, and the other is answered by what it finds.

use super::World;
use super::acts::{SHIP, capture, refund};
use super::cart::{Cart, POT, TEA, actor};
use crate::simulated::ProviderName;
use crate::{Error, Request};
use omniflow_core::{Command, Decision, Order, OrderId, PaymentStatus, Rejection, StateKind};
use std::sync::Arc;

const CANCEL: Command = Command::Cancel { reason: None };

type Told = Result<Arc<Order>, Error>;

pub(super) async fn the_last_pieces_are_sold_once(w: &mut World) {
    let buyers = (0..12).map(|_| {
        let (engine, placement) = (w.engine(), Cart::of(POT, 2).placement(w.pace()));
        tokio::spawn(async move { engine.place(placement).await })
    });
    let mut placed = vec![];
    for buyer in buyers.collect::<Vec<_>>() {
        match buyer.await {
            Ok(Ok(answered)) => placed.push(answered.order.id.clone()),
            Ok(Err(Error::OutOfStock(_))) => {}
            answer => panic!("{answer:?}"),
        }
    }
    assert_eq!(placed.len(), 2, "five pots serve two buyers of two");
    w.orders.extend(placed);
    w.step("twelve buy at once").await;
    w.stock_is(POT, 5, 4).await;
}

pub(super) async fn of_two_captures_one_is_kept(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let [first, second] = ["P-1", "P-2"].map(|id| Command::ReportPayment(capture(id)));
    let answers = both(w, &order, first, second).await;
    assert!(answers.iter().all(Result::is_ok), "reports are always taken: {answers:?}");
    w.until_state(&order, StateKind::Completed).await;
    let done = w.until(&order, "a refund", |order| {
        order.payments.iter().any(|payment| payment.status() == PaymentStatus::Refunded)
    });
    assert_eq!(done.await.payments.iter().filter(|p| p.status() == PaymentStatus::Captured).count(), 1);
    w.took(ProviderName::Carrier, &order, &[SHIP]);
    w.varies();
}

pub(super) async fn the_same_report_twice_at_once_is_one(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let report = Command::ReportPayment(capture("P-1"));
    let answers = both(w, &order, report.clone(), report).await;
    assert!(answers.iter().all(Result::is_ok), "reports are always taken: {answers:?}");
    w.until_state(&order, StateKind::Completed).await;
    assert_eq!(w.count(&order, "payment_captured").await, 1);
    w.took(ProviderName::Payments, &order, &[]);
}

pub(super) async fn of_two_decisions_one_is_refused(w: &mut World) {
    let order = w.placed(Cart::precious()).await;
    w.until_state(&order, StateKind::InReview).await;
    let decide = |decision| Command::Decide { decision, reason: None };
    let answers = both(w, &order, decide(Decision::Approve), decide(Decision::Reject)).await;
    one_is_refused(&answers);
    assert_eq!(w.count(&order, "decision_recorded").await, 1);
    w.varies();
}

pub(super) async fn a_payment_and_a_cancel_leave_nothing_half_done(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let answers = both(w, &order, Command::ReportPayment(capture("P-1")), CANCEL).await;
    if answers[1].is_ok() {
        assert!(answers[0].is_ok(), "reports are always taken: {answers:?}");
        ends_unpaid(w, &order, StateKind::Cancelled).await;
    } else {
        one_is_refused(&answers);
        ends_paid(w, &order).await;
    }
    w.varies();
}

pub(super) async fn a_payment_and_the_end_of_the_window_leave_nothing_half_done(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let order = w.placed(Cart::one().window_ms(wait_ms)).await;
    w.until_state(&order, StateKind::AwaitingPayment).await;
    let told = w.tell_while_passing(&order, Command::ReportPayment(capture("P-1")), wait_ms).await;
    assert!(told.is_ok(), "reports are always taken: {told:?}");
    w.until(&order, "an end", |order| order.is_at_rest()).await;
    if w.order(&order).await.kind() == StateKind::Completed {
        ends_paid(w, &order).await;
    } else {
        ends_unpaid(w, &order, StateKind::Expired).await;
    }
    w.varies();
}

async fn ends_paid(w: &mut World, order: &OrderId) {
    w.until_state(order, StateKind::Completed).await;
    w.took(ProviderName::Carrier, order, &[SHIP]);
    w.took(ProviderName::Payments, order, &[]);
    w.stock_is(TEA, 9, 0).await;
}

async fn ends_unpaid(w: &mut World, order: &OrderId, state: StateKind) {
    w.until_state(order, state).await;
    w.until_payment(order, "P-1", PaymentStatus::Refunded).await;
    w.took(ProviderName::Carrier, order, &[]);
    w.took(ProviderName::Payments, order, &[refund(1)]);
    w.stock_is(TEA, 10, 0).await;
}

fn one_is_refused(answers: &[Told]) {
    let refused = |answer: &&Told| matches!(answer, Err(Error::Rejected(Rejection::ActionNotAllowed { .. })));
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(refused).count(), 1, "{answers:?}");
}

/// Tells an order two things at once.
async fn both(w: &mut World, order: &OrderId, first: Command, second: Command) -> [Told; 2] {
    let ask = |command| {
        let (engine, order_id) = (w.engine(), order.clone());
        let request = Request { order_id, command, actor: actor(), if_version: None, idempotency: None };
        tokio::spawn(async move { engine.command(request).await.map(|answered| answered.order) })
    };
    let [first, second] = [ask(first), ask(second)];
    let answers = match (first.await, second.await) {
        (Ok(first), Ok(second)) => [first, second],
        died => panic!("{died:?}"),
    };
    w.step("two things at once").await;
    answers
}
