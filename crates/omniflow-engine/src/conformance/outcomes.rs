//! Outcomes that come late, twice, or contradict what is recorded.

use super::World;
use super::acts::{REFUNDED, REFUSED, SHIP, refund, shipped};
use super::cart::Cart;
use super::compensating::rejected_after_payment;
use crate::Error;
use crate::simulated::{Act, ProviderName};
use omniflow_core::{
    AttentionCode, Command, EffectKey, Fulfillment, OrderId, Outcome, PaymentStatus, ReasonCode, Receipt,
    Rejection, StateKind, Step,
};

pub(super) async fn the_same_outcome_again_changes_nothing(w: &mut World) {
    let order = completed(w).await;
    let Fulfillment::Shipped { tracking_number } = w.order(&order).await.fulfillment.clone() else {
        panic!("a completed order was shipped")
    };
    w.takes_idly(&order, settle(SHIP, shipped(tracking_number.as_str()))).await;
    let rejected = refunded(w).await;
    w.takes_idly(&rejected, settle(refund(1), REFUNDED)).await;
}

pub(super) async fn a_refusal_again_changes_nothing(w: &mut World) {
    w.script(ProviderName::Payments, Act::Refuse, 1, 0).await;
    let order = rejected_after_payment(w, Cart::precious()).await;
    w.until_attention(&order, refund(1), AttentionCode::Refused).await;
    w.takes_idly(&order, settle(refund(1), REFUSED)).await;
}

pub(super) async fn only_a_decision_moves_what_was_accepted(w: &mut World) {
    w.script(ProviderName::Carrier, Act::Accept, 1, w.pace().wait_ms).await;
    let order = w.placed(Cart::one()).await;
    w.pay(&order).await;
    w.until(&order, "an acceptance", |order| matches!(order.fulfillment, Fulfillment::Accepted { .. })).await;
    for state in [StateKind::Shipping, StateKind::Completed] {
        w.until_state(&order, state).await;
        let (attempts, last_error) = (1, None);
        w.takes_idly(&order, settle(SHIP, Outcome::Accepted { reference: None })).await;
        w.takes_idly(&order, settle(SHIP, Outcome::Exhausted { attempts, last_error: last_error.clone() }))
            .await;
        w.takes_idly(&order, settle(SHIP, Outcome::Unknown { attempts, last_error })).await;
    }
}

pub(super) async fn an_outcome_that_contradicts_what_is_recorded_is_only_recorded(w: &mut World) {
    let order = completed(w).await;
    w.only_records(&order, settle(SHIP, REFUSED)).await;
    assert_eq!(w.count(&order, "signal_ignored").await, 1);
    let rejected = refunded(w).await;
    w.only_records(&rejected, settle(refund(1), REFUSED)).await;
    assert_eq!(w.count(&rejected, "signal_ignored").await, 1);
}

pub(super) async fn an_outcome_of_what_nobody_asked_for_is_only_recorded(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    w.only_records(&order, settle(SHIP, shipped("STRAY-1"))).await;
    w.is(&order, StateKind::AwaitingPayment).await;
    w.pay(&order).await;
    w.until_state(&order, StateKind::Completed).await;
}

pub(super) async fn an_outcome_of_an_earlier_round_is_only_recorded(w: &mut World) {
    w.script(ProviderName::Payments, Act::Refuse, 2, 0).await;
    let order = rejected_after_payment(w, Cart::precious()).await;
    w.until_attention(&order, refund(1), AttentionCode::Refused).await;
    w.retry(&order).await;
    let second = EffectKey { step: Step::RefundPayment(1), round: 2 };
    w.until_attention(&order, second, AttentionCode::Refused).await;
    w.only_records(&order, settle(refund(1), REFUNDED)).await;
    w.is(&order, StateKind::Compensating).await;
    w.skip(&order).await;
    w.until_undone(&order, ReasonCode::ReviewRejected).await;
    w.until_payment(&order, "P-1", PaymentStatus::RefundSkipped).await;
}

pub(super) async fn an_outcome_that_its_effect_cannot_have_is_refused(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let before = w.order(&order).await;
    for (effect, outcome) in [(SHIP, REFUNDED), (SHIP, Outcome::Done(Receipt::Stock)), (refund(1), REFUNDED)]
    {
        let told = w.tell(&order, settle(effect, outcome)).await;
        assert!(
            matches!(&told, Err(Error::Rejected(Rejection::ImpossibleOutcome { effect: of, .. })) if *of == effect),
            "{told:?}"
        );
    }
    assert_eq!(w.order(&order).await, before, "what was refused changes nothing");
}

pub(super) async fn at_most_a_hundred_senseless_signals_are_recorded(w: &mut World) {
    let order = completed(w).await;
    for number in 0..105 {
        let told = w.tell_quietly(&order, settle(SHIP, REFUSED)).await;
        assert!(told.is_ok(), "signal {number} is taken: {told:?}");
    }
    w.step("many signals make no sense").await;
    assert_eq!(w.count(&order, "signal_ignored").await, 100);
    w.is(&order, StateKind::Completed).await;
}

const fn settle(effect: EffectKey, outcome: Outcome) -> Command {
    Command::Settle { effect, outcome }
}

async fn completed(w: &mut World) -> OrderId {
    let order = w.placed(Cart::one()).await;
    w.pay(&order).await;
    w.until_state(&order, StateKind::Completed).await;
    order
}

async fn refunded(w: &mut World) -> OrderId {
    let order = rejected_after_payment(w, Cart::precious()).await;
    w.until_undone(&order, ReasonCode::ReviewRejected).await;
    order
}
