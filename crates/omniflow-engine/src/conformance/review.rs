//! Rule 2: an order over the threshold waits until a person decides.

use super::World;
use super::acts::words;
use super::cart::{Cart, TEA, THRESHOLD};
use omniflow_core::{Command, Decision, ReasonCode, StateKind};

const APPROVE: Command = Command::Decide { decision: Decision::Approve, reason: None };
const REJECT: Command = Command::Decide { decision: Decision::Reject, reason: None };

pub(super) async fn only_a_total_strictly_above_the_threshold_is_reviewed(w: &mut World) {
    let at = w.placed(Cart::one().worth(THRESHOLD)).await;
    let above = w.placed(Cart::one().worth(THRESHOLD + 1)).await;
    w.until_state(&at, StateKind::AwaitingPayment).await;
    w.until_state(&above, StateKind::InReview).await;
}

pub(super) async fn an_approved_order_awaits_its_payment(w: &mut World) {
    let order = w.placed(Cart::precious()).await;
    w.until_state(&order, StateKind::InReview).await;
    w.approve(&order).await;
    w.is(&order, StateKind::AwaitingPayment).await;
    w.pay(&order).await;
    w.until_state(&order, StateKind::Completed).await;
}

pub(super) async fn the_window_begins_with_the_approval(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let order = w.placed(Cart::precious().window_ms(wait_ms)).await;
    w.until_state(&order, StateKind::InReview).await;
    w.pass(wait_ms).await;
    let before = w.is(&order, StateKind::InReview).await;
    w.approve(&order).await;
    let due_at = w.due_at(&order).await;
    assert!(due_at.millis_since(before.created_at) >= 2 * wait_ms, "no part of the window has passed");
    w.until_undone(&order, ReasonCode::PaymentTimeout).await;
}

pub(super) async fn a_rejected_order_frees_its_stock(w: &mut World) {
    let order = w.placed(Cart::precious()).await;
    w.until_state(&order, StateKind::InReview).await;
    w.stock_is(TEA, 10, 1).await;
    w.reject(&order).await;
    let order = w.until_undone(&order, ReasonCode::ReviewRejected).await;
    assert_eq!(order.state.reason().and_then(|reason| reason.detail.clone()), words("not our customer"));
    w.stock_is(TEA, 10, 0).await;
    w.tells(&order.id, &["order_placed", "stock_reserved", "decision_recorded", "stock_released"]).await;
}

pub(super) async fn the_same_decision_again_changes_nothing(w: &mut World) {
    let (approved, rejected) = (w.placed(Cart::precious()).await, w.placed(Cart::precious()).await);
    w.until_state(&approved, StateKind::InReview).await;
    w.until_state(&rejected, StateKind::InReview).await;
    w.approve(&approved).await;
    w.takes_idly(&approved, APPROVE).await;
    w.reject(&rejected).await;
    w.until_state(&rejected, StateKind::Rejected).await;
    w.takes_idly(&rejected, REJECT).await;
}

pub(super) async fn the_other_decision_is_refused(w: &mut World) {
    let (approved, rejected) = (w.placed(Cart::precious()).await, w.placed(Cart::precious()).await);
    w.until_state(&approved, StateKind::InReview).await;
    w.until_state(&rejected, StateKind::InReview).await;
    w.approve(&approved).await;
    w.refuses(&approved, REJECT).await;
    w.reject(&rejected).await;
    w.until_state(&rejected, StateKind::Rejected).await;
    w.refuses(&rejected, APPROVE).await;
}

pub(super) async fn a_decision_without_a_review_is_refused(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.until_state(&order, StateKind::AwaitingPayment).await;
    w.refuses(&order, APPROVE).await;
    w.refuses(&order, REJECT).await;
    w.pay(&order).await;
    w.until_state(&order, StateKind::Completed).await;
    w.refuses(&order, REJECT).await;
}
