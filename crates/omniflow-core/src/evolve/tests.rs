//! Where each fact leads. Numbers are those of the contract's rules.

use crate::given::*;
use crate::{
    Actor, Command, Entry, Event, FoldError, FulfillmentStatus, PaymentOutcome, RULES, ReasonCode, StateKind,
    Timestamp,
};
use crate::{evolve, fold, placed};

#[test]
fn the_whole_way_without_and_with_review() {
    let life = small().wants(&["reserve_stock.1"]).when(done("reserve_stock.1"));
    let life = life.is(StateKind::AwaitingPayment).wants(&["window"]).pays("pending", &[]).when(captured());
    let life =
        life.is(StateKind::Shipping).wants(&["ship.1"]).pays("paid", &["captured"]).when(done("ship.1"));
    let life = life.is(StateKind::Shipping).wants(&["consume_stock.1"]).when(done("consume_stock.1"));
    let order = life.is(StateKind::Completed).wants(&[]).pays("paid", &["captured"]).order;
    assert_eq!(order.fulfillment.status(), FulfillmentStatus::Fulfilled);
    assert_eq!((order.version, order.ended_at), (5, Some(order.updated_at)));
    assert!(order.is_at_rest());

    in_review()
        .wants(&[])
        .when(approve())
        .is(StateKind::AwaitingPayment)
        .when(captured())
        .is(StateKind::Shipping);
}

/// Rule 1: an order that stands already is kept when its stock is refused.
#[test]
fn refused_stock_fails_the_order() {
    small().when(out_of_stock()).is(StateKind::Failed).because_of("out_of_stock").wants(&[]);
    small().when(unknown_sku()).is(StateKind::Failed).because_of("unknown_sku").wants(&[]);
    let paid = small().when(captured()).when(out_of_stock());
    let paid = paid
        .is(StateKind::Compensating)
        .wants(&["refund_payment-1.1"])
        .pays("refund_pending", &["refund_pending"]);
    paid.when(done("refund_payment-1.1")).is(StateKind::Failed).pays("refunded", &["refunded"]).wants(&[]);
    small().when(cancel()).when(out_of_stock()).is(StateKind::Failed).because_of("out_of_stock");
}

/// Rule 2: strictly over the threshold.
#[test]
fn only_orders_above_the_threshold_are_reviewed() {
    assert!(!terms(1_000_000).needs_review());
    assert!(terms(1_000_001).needs_review());
}

/// Rule 2.
#[test]
fn decisions_kept_while_reserving_are_applied_after() {
    let reserve = || done("reserve_stock.1");
    large().when(approve()).is(StateKind::Reserving).when(reserve()).is(StateKind::AwaitingPayment);
    large().when(reject()).when(reserve()).is(StateKind::Compensating).because_of("review_rejected");
    small().when(reject()).when(reserve()).is(StateKind::AwaitingPayment);
    small().when(approve()).when(reserve()).is(StateKind::AwaitingPayment);
}

#[test]
fn a_rejection_frees_the_stock_and_returns_what_was_paid() {
    let life = in_review().when(reject()).is(StateKind::Compensating).wants(&["release_stock.1"]);
    assert_eq!(life.order.state.reason().unwrap().detail, reason("stolen card"));
    life.when(done("release_stock.1")).is(StateKind::Rejected).wants(&[]);
    let paid =
        in_review().when(captured()).is(StateKind::InReview).pays("paid", &["captured"]).when(reject());
    paid.is(StateKind::Compensating).wants(&["release_stock.1", "refund_payment-1.1"]);
}

/// Rule 3: the window starts when the waiting starts, and nothing moves its end.
#[test]
fn the_window_starts_with_the_waiting() {
    let life = large().when(done("reserve_stock.1")).when(declined()).when(approve());
    let due_at = life.now.plus_millis(30_000);
    assert_eq!(life.order.state, crate::State::AwaitingPayment { due_at });
    let life =
        life.when(again(report("p", PaymentOutcome::Declined), "2")).when(captured_amount("q", usd(1)));
    assert_eq!(life.order.state, crate::State::AwaitingPayment { due_at });
    let life = life.when(window_ends()).is(StateKind::Compensating).because_of("payment_timeout");
    life.wants(&["release_stock.1", "refund_payment-3.1"]);
}

/// Rule 4: kept while reserving or in review, and used as soon as nothing else stands in the way.
#[test]
fn an_early_payment_ships_once_reserved_and_approved() {
    small().when(captured()).is(StateKind::Reserving).when(done("reserve_stock.1")).is(StateKind::Shipping);
    in_review().when(captured()).is(StateKind::InReview).when(approve()).is(StateKind::Shipping);
    let both = large().when(approve()).when(captured()).is(StateKind::Reserving);
    both.when(done("reserve_stock.1")).is(StateKind::Shipping).wants(&["ship.1"]);
}

/// Rule 4: one is kept, the others are refunded, and the state does not move.
#[test]
fn surplus_money_is_given_back_beside_the_order() {
    let life = shipping()
        .when(captured_as("twice"))
        .is(StateKind::Shipping)
        .pays("paid", &["captured", "refund_pending"]);
    let life =
        life.wants(&["ship.1", "refund_payment-2.1"]).when(done("ship.1")).when(done("consume_stock.1"));
    let life = life.is(StateKind::Completed).wants(&["refund_payment-2.1"]);
    assert!(!life.order.is_at_rest());
    let life = life
        .when(done("refund_payment-2.1"))
        .is(StateKind::Completed)
        .pays("paid", &["captured", "refunded"]);
    assert!(life.order.is_at_rest());

    let wrong = awaiting().when(captured_amount("p", usd(1))).is(StateKind::AwaitingPayment);
    let wrong = wrong.pays("refund_pending", &["refund_pending"]).allows(&["pay", "cancel"]);
    assert_eq!(
        wrong.order.payments.iter().next().unwrap().amount,
        usd(1),
        "what was captured is what is refunded"
    );
    wrong.when(captured()).is(StateKind::Shipping).pays("paid", &["refund_pending", "captured"]);
}

#[test]
fn money_after_the_end_goes_back_and_the_end_stays() {
    for (life, end) in [(expired(), StateKind::Expired), (completed(), StateKind::Completed)] {
        let ended_at = life.order.ended_at;
        let number = life.order.payments.iter().len() + 1;
        let refund = format!("refund_payment-{number}.1");
        let life = life.when(captured_as("late")).is(end).wants(&[&refund]);
        let life = life.when(accepted(&refund)).is(end).wants(&[&format!("deadline of {refund}")]);
        let life = life.when(done(&refund)).is(end).wants(&[]);
        assert_eq!(life.order.ended_at, ended_at);
        assert!(life.order.is_at_rest());
    }
}

/// Rule 4.
#[test]
fn a_decline_is_one_try_and_a_failure_the_end() {
    let declined_once =
        awaiting().when(declined()).is(StateKind::AwaitingPayment).pays("declined", &["declined"]);
    declined_once.clone().when(captured()).is(StateKind::Shipping).pays("paid", &["captured"]);
    let failed_then = declined_once.when(failed()).is(StateKind::Compensating).because_of("payment_failed");
    failed_then.pays("failed", &["failed"]).when(done("release_stock.1")).is(StateKind::Failed);
    for life in [small(), in_review(), shipping(), completed(), expired()] {
        let kind = life.order.kind();
        life.when(failed()).is(kind);
    }
    small()
        .when(failed())
        .when(done("reserve_stock.1"))
        .is(StateKind::AwaitingPayment)
        .when(captured())
        .is(StateKind::Shipping);
}

#[test]
fn what_is_said_of_a_payment_after_its_capture_is_only_in_the_timeline() {
    shipping().when(declined()).when(failed()).pays("paid", &["captured"]).is(StateKind::Shipping);
    let refunding = awaiting().when(captured_amount("p", usd(1)));
    refunding
        .when(again(report("p", PaymentOutcome::Declined), "d"))
        .pays("refund_pending", &["refund_pending"]);
}

#[test]
fn without_a_kept_capture_the_latest_payment_speaks_for_the_order() {
    let tried = awaiting().when(declined()).when(again(report("p2", PaymentOutcome::Declined), "d"));
    let tried = tried.pays("declined", &["declined", "declined"]).when(captured_amount("p3", usd(1)));
    tried.pays("refund_pending", &["declined", "declined", "refund_pending"]);
    expired().pays("pending", &[]).when(captured()).pays("refund_pending", &["refund_pending"]);
}

/// Rule 5.
#[test]
fn a_carrier_may_report_in_its_own_time() {
    let life = shipping().when(accepted("ship.1")).is(StateKind::Shipping).wants(&["deadline of ship.1"]);
    let due_at = crate::next(&life.order).due_at();
    assert_eq!(due_at, Some(life.now.plus_millis(72 * 3_600_000)));
    assert_eq!(life.order.fulfillment.status(), FulfillmentStatus::InProgress);
    life.when(done("ship.1"))
        .wants(&["consume_stock.1"])
        .when(done("consume_stock.1"))
        .is(StateKind::Completed);
}

/// Rule 5.
#[test]
fn a_refused_shipment_returns_the_money_and_frees_the_stock() {
    let life = shipping().when(refused("ship.1")).is(StateKind::Compensating).because_of("shipping_failed");
    assert_eq!(life.order.state.reason().unwrap().detail, reason("no such street"));
    assert_eq!(life.order.fulfillment.status(), FulfillmentStatus::Unfulfilled);
    life.wants(&["release_stock.1", "refund_payment-1.1"]);
}

/// Rule 6: a cancel kept while reserving wins over kept payments and decisions.
#[test]
fn an_early_cancel_wins() {
    let life = large().when(captured()).when(approve()).when(cancel()).is(StateKind::Reserving);
    let life = life.wants(&["reserve_stock.1"]).when(done("reserve_stock.1"));
    let life = life.is(StateKind::Compensating).because_of("cancelled_on_request");
    let life = life.wants(&["release_stock.1", "refund_payment-1.1"]);
    life.when(done("refund_payment-1.1")).when(done("release_stock.1")).is(StateKind::Cancelled);
    let rejected_too = large().when(reject()).when(cancel()).when(done("reserve_stock.1"));
    rejected_too.because_of("cancelled_on_request");
}

/// Rule 7.
#[test]
fn an_end_is_shown_when_every_compensation_has_been_acknowledged() {
    let life = shipping().when(captured_as("twice")).when(refused("ship.1"));
    let life = life.wants(&["release_stock.1", "refund_payment-1.1", "refund_payment-2.1"]);
    let life = life.when(done("release_stock.1")).is(StateKind::Compensating);
    let life = life.when(done("refund_payment-2.1")).is(StateKind::Compensating);
    assert_eq!(life.order.ended_at, None);
    let life = life.when(accepted("refund_payment-1.1")).is(StateKind::Compensating);
    let life = life.when(done("refund_payment-1.1")).is(StateKind::Failed);
    assert_eq!(life.order.ended_at, Some(life.now));
}

#[test]
fn money_that_comes_while_undoing_is_given_back_before_the_end() {
    let life =
        awaiting().when(cancel()).when(captured()).is(StateKind::Compensating).when(done("release_stock.1"));
    life.is(StateKind::Compensating).when(done("refund_payment-1.1")).is(StateKind::Cancelled);
}

/// Rule 8.
#[test]
fn attention_stands_beside_the_state() {
    let life = shipping().when(unknown("ship.1")).is(StateKind::Shipping).wants(&[]);
    let attention = life.order.attention().unwrap();
    assert_eq!((attention.attempts, attention.since), (10, life.now));
    assert_eq!(attention.detail, reason("no answer within 10000 ms"));
    assert_eq!(life.order.fulfillment.status(), FulfillmentStatus::InProgress);

    let skipped = life.clone().when(skip()).wants(&["consume_stock.1"]).when(done("consume_stock.1"));
    assert_eq!(skipped.order.fulfillment.status(), FulfillmentStatus::Fulfilled);
    assert_eq!(
        skipped.is(StateKind::Completed).order.fulfillment.shipment_status().unwrap().as_str(),
        "skipped"
    );

    let undone = life
        .when(compensate())
        .because_of("compensated_on_request")
        .wants(&["release_stock.1", "refund_payment-1.1"]);
    let undone = undone.when(done("release_stock.1")).when(done("refund_payment-1.1"));
    assert_eq!(
        undone.is(StateKind::Failed).order.fulfillment.shipment_status().unwrap().as_str(),
        "cancelled"
    );
}

#[test]
fn a_refund_that_fails_holds_the_end_up_until_a_person_acts() {
    let life = shipping().when(refused("ship.1")).when(done("release_stock.1"));
    let life = life.when(exhausted("refund_payment-1.1")).is(StateKind::Compensating).wants(&[]);
    life.clone().when(skip()).is(StateKind::Failed).pays("refund_skipped", &["refund_skipped"]);
    let life = life.when(Command::Retry).wants(&["refund_payment-1.1"]);
    life.when(done("refund_payment-1.1")).is(StateKind::Failed).pays("refunded", &["refunded"]);
}

#[test]
fn attention_lasts_since_it_was_first_needed() {
    let life = expired().when(captured()).when(unknown("refund_payment-1.1"));
    let since = life.now;
    let attention = life.when(refused("refund_payment-1.1")).order.attention().cloned().unwrap();
    assert_eq!((attention.code.as_str(), attention.since), ("refused", since));
}

#[test]
fn a_shipment_has_its_times() {
    assert_eq!(awaiting().order.shipment_times, None);
    let life = shipping();
    let wanted = life.now;
    let life = life.when(accepted("ship.1"));
    assert_eq!(life.order.shipment_times, Some((wanted, life.now)));
}

#[test]
fn every_reason_has_its_end() {
    let ends: Vec<_> = ReasonCode::ALL.iter().map(|code| code.ending().as_str()).collect();
    assert_eq!(ends, ["expired", "failed", "rejected", "cancelled", "failed", "failed", "failed", "failed"]);
}

mod folding {
    use super::*;

    #[test]
    fn a_life_folds_up_to_any_of_its_events() {
        let entries = completed().entries;
        assert_eq!(fold(&entries[..1]).unwrap(), small().order);
        assert_eq!(fold(&entries[..2]).unwrap(), awaiting().order);
        assert_eq!(fold(&entries[..3]).unwrap(), shipping().order);
    }

    #[test]
    fn what_is_no_life_says_where_it_stops_being_one() {
        let entries = completed().entries;
        assert_eq!(fold(&[]), Err(FoldError::Empty));
        assert_eq!(fold(&entries[1..]), Err(FoldError::NotPlaced("stock_reserved")));
        let gap = [&entries[0], &entries[1], &entries[3]];
        assert_eq!(fold(gap), Err(FoldError::Gap { expected: 3, found: 4 }));
        let twice = [&entries[0], &entries[1], &entries[1]];
        assert_eq!(fold(twice), Err(FoldError::Gap { expected: 3, found: 2 }));
        let later = Entry { seq: 4, ..entries[0].clone() };
        assert_eq!(placed(&later), Err(FoldError::Gap { expected: 1, found: 4 }));
        let again = Entry { seq: 2, ..entries[0].clone() };
        assert_eq!(fold([&entries[0], &again]), Err(FoldError::PlacedAgain(2)));
    }

    #[test]
    fn rules_of_a_newer_program_are_refused() {
        let mut entry = small().entries.remove(0);
        let Event::OrderPlaced { terms, .. } = &mut entry.event else { panic!("the first is the placing") };
        terms.policies.rules = RULES + 1;
        assert_eq!(placed(&entry), Err(FoldError::NewerRules(RULES + 1)));
    }

    #[test]
    fn what_fits_no_state_moves_none() {
        let order = completed().order;
        let (seq, at, actor) = (order.version + 1, Timestamp::from_millis(9), Actor::engine());
        let entry = Entry { seq, at, actor, event: Event::PaymentWindowElapsed {} };
        assert_eq!(evolve(order, &entry).kind(), StateKind::Completed);
    }
}
