//! What is wanted outside, in which order, and under which policies.

use crate::given::*;
use crate::{Command, RetryPolicy, TimerId, next};

#[test]
fn each_situation_wants_its_own_things() {
    small().wants(&["reserve_stock.1"]);
    in_review().wants(&[]);
    awaiting().wants(&["window"]);
    shipping().wants(&["ship.1"]);
    shipping().when(accepted("ship.1")).wants(&["deadline of ship.1"]);
    shipping().when(exhausted("ship.1")).wants(&[]);
    shipping().when(done("ship.1")).wants(&["consume_stock.1"]);
    completed().wants(&[]);
    awaiting().when(cancel()).wants(&["release_stock.1"]);
    expired().wants(&[]);
}

#[test]
fn the_order_is_fixed_stock_then_shipment_then_refunds_by_number() {
    let life = shipping().when(captured_as("b")).when(captured_as("c")).when(accepted("refund_payment-3.1"));
    let life = life.wants(&["ship.1", "refund_payment-2.1", "deadline of refund_payment-3.1"]);
    life.when(refused("ship.1")).wants(&[
        "release_stock.1",
        "refund_payment-1.1",
        "refund_payment-2.1",
        "deadline of refund_payment-3.1",
    ]);
    let waiting = awaiting().when(captured_amount("p", usd(1))).when(accepted("refund_payment-1.1"));
    let timers = next(&waiting.order).timers;
    assert_eq!(timers[0].id, TimerId::PaymentWindow);
    assert_eq!(next(&waiting.order).due_at(), Some(timers[0].due_at), "the earliest");
}

#[test]
fn what_must_be_undone_is_tried_for_longer() {
    let retry = |life: Life| next(&life.order).effects.iter().map(|wanted| wanted.retry).collect::<Vec<_>>();
    assert_eq!(retry(small()), [RetryPolicy::FORWARD]);
    assert_eq!(retry(shipping()), [RetryPolicy::FORWARD]);
    assert_eq!(retry(shipping().when(done("ship.1"))), [RetryPolicy::FORWARD]);
    assert_eq!(retry(shipping().when(refused("ship.1"))), [RetryPolicy::COMPENSATION; 2]);
}

#[test]
fn a_retry_after_a_deadline_waits_for_a_new_one() {
    let life = shipping().when(accepted("ship.1")).when(overdue("ship.1")).wants(&[]).when(Command::Retry);
    let life = life.wants(&["ship.1"]).when(accepted("ship.1"));
    assert_eq!(next(&life.order).due_at(), Some(life.now.plus_millis(72 * 3_600_000)));
}

#[test]
fn an_order_keeps_the_policies_it_was_placed_under() {
    let life = awaiting();
    assert_eq!(
        next(&life.order).due_at(),
        Some(life.now.plus_millis(life.order.terms.policies.payment_window_ms))
    );
}
