//! Deliberately wrong machines. Each must be caught by the invariant that it breaks, or the invariants are
//! worth nothing.

use crate::history::{History, Machine, Op, ops, totals};
use crate::invariants::{Broken, check};
use omniflow_core::{
    CaptureUse, Command, EffectKey, Entry, Event, Fulfillment, Next, Order, Outcome, PaymentReport, Reason,
    ReasonCode, Rejection, State, StateKind, Step, StockHold, TimerId, decide, evolve, next,
};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// The first broken invariant that random lives on this machine show.
fn caught(machine: Machine) -> Option<Broken> {
    let mut runner = TestRunner::deterministic();
    (0..2_000).find_map(|_| {
        let (minor, ops): (i64, Vec<Op>) = (totals(), ops(60)).new_tree(&mut runner).unwrap().current();
        check(machine, &History::lived(machine, minor, &ops)).err()
    })
}

#[track_caller]
fn breaks(machine: Machine, invariant: &str) {
    let broken = caught(machine).map(|broken| broken.invariant);
    assert_eq!(broken, Some(invariant));
}

fn with_evolve(evolve: fn(Order, &Entry) -> Order) -> Machine {
    Machine { evolve, ..Machine::REAL }
}

fn with_decide(decide: fn(&Order, &Command) -> Result<Vec<Event>, Rejection>) -> Machine {
    Machine { decide, ..Machine::REAL }
}

fn with_next(next: fn(&Order) -> Next) -> Machine {
    Machine { next, ..Machine::REAL }
}

/// The entry, in whose place nothing of importance happened.
fn forgotten(entry: &Entry) -> Entry {
    Entry {
        event: Event::RefundAccepted { effect: EffectKey::first(Step::RefundPayment(99)), reference: None },
        ..entry.clone()
    }
}

#[test]
fn the_real_machine_is_not_caught() {
    assert_eq!(caught(Machine::REAL), None);
}

#[test]
fn a_refund_asked_for_again_after_it_was_done() {
    breaks(
        with_evolve(|order, entry| match &entry.event {
            Event::PaymentRefunded { .. } => evolve(order, &forgotten(entry)),
            _ => evolve(order, entry),
        }),
        "a refund is done when its provider said so",
    );
    breaks(
        with_next(|order| {
            let mut next = next(order);
            let retry = order.terms.policies.compensation;
            let done = order.payments.refunds().filter(|(_, _, refund)| !refund.is_pending());
            next.effects.extend(done.map(|(number, _, refund)| omniflow_core::Wanted {
                key: EffectKey { step: Step::RefundPayment(number), round: refund.round },
                retry,
            }));
            next
        }),
        "what was decided is never wanted again",
    );
}

#[test]
fn a_refund_retried_under_the_key_that_was_refused() {
    breaks(
        with_decide(|order, command| {
            let mut events = decide(order, command)?;
            for event in &mut events {
                if let Event::Retried { effect } = event {
                    effect.round = 1;
                }
            }
            Ok(events)
        }),
        "what was decided is never wanted again",
    );
}

#[test]
fn a_refund_recorded_twice() {
    breaks(
        with_decide(|order, command| match command {
            Command::Settle { effect, outcome: Outcome::Done(_) } => match effect.step {
                Step::RefundPayment(number)
                    if order.payments.number(number).is_some_and(|p| p.was_captured()) =>
                {
                    let payment_id = order.payments.number(number).unwrap().id.clone();
                    Ok(vec![Event::PaymentRefunded { effect: *effect, payment_id, reference: None }])
                }
                _ => decide(order, command),
            },
            _ => decide(order, command),
        }),
        "money goes back once",
    );
}

#[test]
fn a_reservation_that_is_forgotten() {
    breaks(
        with_evolve(|order, entry| {
            let mut order = evolve(order, entry);
            if let State::Compensating { .. } = order.state {
                order.stock = StockHold::Released;
            }
            order
        }),
        "the hold on stock is what the facts say",
    );
    breaks(
        with_next(|order| {
            let mut next = next(order);
            next.effects.retain(|wanted| wanted.key.step != Step::ReleaseStock);
            next
        }),
        "no order is stuck",
    );
}

#[test]
fn a_reservation_that_ends_twice() {
    breaks(
        with_decide(|order, command| match command {
            Command::Settle { effect, outcome: Outcome::Done(_) } if effect.step == Step::ReleaseStock => {
                Ok(vec![Event::StockReleased {}])
            }
            _ => decide(order, command),
        }),
        "every reservation ends once",
    );
}

#[test]
fn an_order_completed_before_its_stock_has_left() {
    breaks(
        with_evolve(|order, entry| {
            let mut order = evolve(order, entry);
            if let Event::Shipped { .. } = entry.event {
                order.state = State::Completed;
            }
            order
        }),
        "an ended order holds nothing",
    );
}

#[test]
fn an_ended_order_that_moves() {
    breaks(
        with_evolve(|order, entry| {
            let ended = order.kind().is_ended();
            let mut order = evolve(order, entry);
            if let (true, Event::PaymentCaptured { .. }, State::Undone { .. }) =
                (ended, &entry.event, &order.state)
            {
                order.state = State::Undone { reason: Reason::bare(ReasonCode::PaymentFailed) };
            }
            order
        }),
        "an ended order stays ended",
    );
}

#[test]
fn an_end_that_is_shown_too_early() {
    breaks(
        with_evolve(|order, entry| {
            let mut order = evolve(order, entry);
            if let (State::Compensating { reason }, StockHold::Released) = (&order.state, &order.stock) {
                order.state = State::Undone { reason: reason.clone() };
                order.ended_at = Some(entry.at);
            }
            order
        }),
        "an end is shown when everything is undone",
    );
}

#[test]
fn a_second_capture_that_is_kept() {
    breaks(
        with_decide(|order, command| {
            let mut events = decide(order, command)?;
            for event in &mut events {
                if let Event::PaymentCaptured { r#use: r#use @ CaptureUse::Refund, .. } = event {
                    *r#use = CaptureUse::Keep;
                }
            }
            Ok(events)
        }),
        "at most one capture is kept",
    );
}

#[test]
fn a_surplus_capture_that_is_neither_kept_nor_given_back() {
    breaks(
        with_decide(|order, command| {
            let mut events = decide(order, command)?;
            for event in &mut events {
                if let Event::PaymentCaptured { r#use: r#use @ CaptureUse::Refund, .. } = event {
                    *r#use = CaptureUse::Note;
                }
            }
            Ok(events)
        }),
        "every capture that is not kept goes back",
    );
}

#[test]
fn a_payment_report_that_is_lost() {
    breaks(
        with_decide(|order, command| match command {
            Command::ReportPayment(_) if order.kind().is_ended() => Ok(vec![]),
            _ => decide(order, command),
        }),
        "every payment report is taken",
    );
    breaks(
        with_evolve(|order, entry| match &entry.event {
            Event::PaymentCaptured { .. } if order.kind() == StateKind::Compensating => {
                evolve(order, &forgotten(entry))
            }
            _ => evolve(order, entry),
        }),
        "no report of money is lost",
    );
}

#[test]
fn goods_that_leave_unpaid() {
    breaks(
        with_evolve(|order, entry| {
            let mut order = evolve(order, entry);
            if let (Event::DecisionRecorded { .. }, State::AwaitingPayment { .. }) =
                (&entry.event, &order.state)
            {
                order.state = State::Shipping;
                order.fulfillment = Fulfillment::Requested { round: 1 };
            }
            order
        }),
        "an effect is wanted only where it is due",
    );
}

#[test]
fn goods_that_leave_unapproved() {
    breaks(
        with_evolve(|order, entry| {
            let mut order = evolve(order, entry);
            if order.kind() == StateKind::InReview && order.payments.is_paid() {
                order.state = State::Shipping;
                order.fulfillment = Fulfillment::Requested { round: 1 };
            }
            order
        }),
        "an effect is wanted only where it is due",
    );
}

#[test]
fn a_window_that_starts_again_with_every_try() {
    breaks(
        with_evolve(|order, entry| {
            let mut order = evolve(order, entry);
            if let (Event::PaymentDeclined { .. }, State::AwaitingPayment { due_at }) =
                (&entry.event, &mut order.state)
            {
                *due_at = entry.at.plus_millis(order.terms.policies.payment_window_ms);
            }
            order
        }),
        "nothing moves the payment window",
    );
}

#[test]
fn an_accepted_effect_that_nobody_waits_for() {
    breaks(
        with_next(|order| {
            let mut next = next(order);
            next.timers.retain(|timer| timer.id == TimerId::PaymentWindow);
            next
        }),
        "no order is stuck",
    );
}

#[test]
fn a_decision_with_a_memory_of_its_own() {
    use std::cell::Cell;
    std::thread_local!(static ASKED: Cell<u32> = const { Cell::new(0) });
    breaks(
        with_decide(|order, command| {
            ASKED.set(ASKED.get() + 1);
            if ASKED.get().is_multiple_of(50) {
                return decide(order, &Command::ReportPayment(PaymentReport::captured()));
            }
            decide(order, command)
        }),
        "deciding is pure",
    );
}
