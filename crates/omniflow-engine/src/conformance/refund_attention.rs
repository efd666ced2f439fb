//! Rule 8, second part: a refund that the engine gave up on waits for a person, also beside an ended order.

use super::World;
use super::acts::{ALWAYS, REFUNDED, capture, refund};
use super::cart::{Cart, TEA};
use super::compensating::rejected_after_payment;
use crate::simulated::{Act, ProviderName, What};
use omniflow_core::{AttentionCode, Command, EffectKey, OrderId, PaymentStatus, ReasonCode, StateKind, Step};

const PAYMENTS: ProviderName = ProviderName::Payments;

pub(super) async fn a_refused_refund_needs_a_person(w: &mut World) {
    let order = stuck(w, Act::Refuse, 1, AttentionCode::Refused).await;
    let waiting = w.is(&order, StateKind::Compensating).await;
    assert_eq!(waiting.payments.status(), PaymentStatus::RefundPending);
    w.took(PAYMENTS, &order, &[]);
    w.stock_is(TEA, 10, 0).await;
}

pub(super) async fn a_refused_refund_is_asked_for_again_under_a_new_key(w: &mut World) {
    let order = stuck(w, Act::Refuse, 1, AttentionCode::Refused).await;
    w.retry(&order).await;
    w.until_undone(&order, ReasonCode::ReviewRejected).await;
    w.took(PAYMENTS, &order, &[EffectKey { step: Step::RefundPayment(1), round: 2 }]);
    let refused = w.records().into_iter().filter(|record| record.what == What::Refused);
    assert!(refused.map(|record| record.effect_id.key).eq([refund(1)]), "the first round was refused");
}

pub(super) async fn an_exhausted_refund_is_asked_for_again_under_the_same_key(w: &mut World) {
    let order = stuck(w, Act::Fail, ALWAYS, AttentionCode::AttemptsExhausted).await;
    retries_in_the_same_round(w, &order).await;
}

pub(super) async fn an_unknown_refund_is_asked_for_again_under_the_same_key(w: &mut World) {
    let order = stuck(w, Act::Hang, ALWAYS, AttentionCode::OutcomeUnknown).await;
    retries_in_the_same_round(w, &order).await;
}

pub(super) async fn a_skipped_refund_ends_the_order(w: &mut World) {
    let order = stuck(w, Act::Refuse, 1, AttentionCode::Refused).await;
    w.skip(&order).await;
    w.until_undone(&order, ReasonCode::ReviewRejected).await;
    w.until_payment(&order, "P-1", PaymentStatus::RefundSkipped).await;
    w.took(PAYMENTS, &order, &[]);
}

pub(super) async fn a_refund_cannot_be_compensated(w: &mut World) {
    let order = stuck(w, Act::Refuse, 1, AttentionCode::Refused).await;
    w.refuses(&order, Command::Compensate { reason: None }).await;
}

pub(super) async fn a_refund_reported_after_all_ends_the_order(w: &mut World) {
    let order = stuck(w, Act::Hang, ALWAYS, AttentionCode::OutcomeUnknown).await;
    w.outcome(&order, refund(1), REFUNDED).await;
    let rejected = w.until_undone(&order, ReasonCode::ReviewRejected).await;
    assert_eq!(rejected.attention(), None, "nobody needs to act any more");
}

pub(super) async fn an_ended_order_can_need_a_person_for_its_refund(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.report(&order, capture("P-1")).await;
    w.until_state(&order, StateKind::Completed).await;
    w.script(PAYMENTS, Act::Fail, ALWAYS, 0).await;
    w.report(&order, capture("P-2")).await;
    w.until_attention(&order, refund(2), AttentionCode::AttemptsExhausted).await;
    let completed = w.is(&order, StateKind::Completed).await;
    assert_eq!(completed.payments.status(), PaymentStatus::Paid, "the kept payment stays kept");
    w.unscript(PAYMENTS).await;
    w.retry(&order).await;
    w.until_payment(&order, "P-2", PaymentStatus::Refunded).await;
    w.is(&order, StateKind::Completed).await;
}

async fn retries_in_the_same_round(w: &mut World, order: &OrderId) {
    w.is(order, StateKind::Compensating).await;
    w.took(PAYMENTS, order, &[]);
    w.unscript(PAYMENTS).await;
    w.retry(order).await;
    w.until_undone(order, ReasonCode::ReviewRejected).await;
    w.took(PAYMENTS, order, &[refund(1)]);
}

/// A rejected order whose payment provider does so so often, until the engine has given up.
async fn stuck(w: &mut World, act: Act, times: u32, code: AttentionCode) -> OrderId {
    w.script(PAYMENTS, act, times, 0).await;
    let order = rejected_after_payment(w, Cart::precious()).await;
    w.until_attention(&order, refund(1), code).await;
    order
}
