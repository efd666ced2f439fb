//! Rule 6: what has not been paid for can be cancelled.

use super::World;
use super::acts::words;
use super::cart::{Cart, TEA};
use crate::simulated::{Act, ProviderName};
use omniflow_core::{Command, ReasonCode, StateKind};

const CANCEL: Command = Command::Cancel { reason: None };

pub(super) async fn an_order_awaiting_its_payment_can_be_cancelled(w: &mut World) {
    let order = w.placed(Cart::of(TEA, 4)).await;
    w.stock_is(TEA, 10, 4).await;
    w.cancel(&order).await;
    let cancelled = w.until_undone(&order, ReasonCode::CancelledOnRequest).await;
    assert_eq!(cancelled.state.reason().and_then(|reason| reason.detail.clone()), words("changed my mind"));
    w.stock_is(TEA, 10, 0).await;
    w.tells(&order, &["order_placed", "stock_reserved", "cancel_requested", "stock_released"]).await;
}

pub(super) async fn an_order_in_review_can_be_cancelled(w: &mut World) {
    let order = w.placed(Cart::precious()).await;
    w.until_state(&order, StateKind::InReview).await;
    w.cancel(&order).await;
    w.until_undone(&order, ReasonCode::CancelledOnRequest).await;
    w.stock_is(TEA, 10, 0).await;
}

pub(super) async fn a_cancel_again_changes_nothing(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.cancel(&order).await;
    w.until_state(&order, StateKind::Cancelled).await;
    w.takes_idly(&order, CANCEL).await;
}

pub(super) async fn a_cancelled_order_ships_nothing_and_never_expires(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let order = w.placed(Cart::one().window_ms(wait_ms)).await;
    w.cancel(&order).await;
    w.pass(2 * wait_ms).await;
    w.until_undone(&order, ReasonCode::CancelledOnRequest).await;
    w.took(ProviderName::Carrier, &order, &[]);
    assert_eq!(w.count(&order, "payment_window_elapsed").await, 0);
}

pub(super) async fn from_shipping_on_a_cancel_is_refused(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.script(ProviderName::Carrier, Act::Accept, 1, w.pace().wait_ms).await;
    w.pay(&order).await;
    w.settle().await;
    w.is(&order, StateKind::Shipping).await;
    w.refuses(&order, CANCEL).await;
    w.until_state(&order, StateKind::Completed).await;
    w.refuses(&order, CANCEL).await;
}

pub(super) async fn what_ended_otherwise_cannot_be_cancelled(w: &mut World) {
    let order = w.placed(Cart::one().window_ms(w.pace().wait_ms)).await;
    w.until_state(&order, StateKind::Expired).await;
    w.refuses(&order, CANCEL).await;
}
