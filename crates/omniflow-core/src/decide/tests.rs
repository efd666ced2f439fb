//! Who may do what, where, and what is recorded of it. Numbers are those of the contract's rules.

use crate::given::*;
use crate::{
    Action, CaptureUse, Command, Event, MAX_PAYMENTS, Order, Outcome, PaymentOutcome, PaymentReport, Receipt,
    Reference, Rejection, StateKind, StockHold, decide,
};

mod person {
    use super::*;

    #[test]
    fn each_state_allows_its_own_actions() {
        small().allows(&["pay", "approve", "reject", "cancel"]);
        in_review().allows(&["pay", "approve", "reject", "cancel"]);
        awaiting().allows(&["pay", "cancel"]);
        shipping().allows(&[]);
        completed().allows(&[]);
        awaiting().when(cancel()).is(StateKind::Compensating).allows(&[]);
        expired().allows(&[]);
        shipping().when(exhausted("ship.1")).allows(&["retry", "skip", "compensate"]);
        expired().when(captured()).when(refused("refund_payment-1.1")).allows(&["retry", "skip"]);
    }

    #[test]
    fn what_is_allowed_is_accepted_and_the_rest_refused() {
        let attention = shipping().when(unknown("ship.1"));
        let lives =
            [small(), large(), in_review(), awaiting(), shipping(), completed(), expired(), attention];
        for life in lives {
            for (action, command) in [
                (Action::Approve, approve()),
                (Action::Reject, reject()),
                (Action::Cancel, cancel()),
                (Action::Retry, Command::Retry),
                (Action::Skip, skip()),
                (Action::Compensate, compensate()),
            ] {
                if crate::allowed_actions(&life.order).contains(&action) {
                    assert_ne!(life.clone().tell(&command), Ok(vec![]), "{action}");
                } else {
                    life.clone().refuses(command);
                }
            }
        }
    }

    #[test]
    fn a_refusal_names_what_was_asked_where_and_what_could_be() {
        let refused = decide(&awaiting().order, &approve()).unwrap_err();
        let allowed = vec![Action::Pay, Action::Cancel];
        let expected =
            Rejection::ActionNotAllowed { action: "approve", state: StateKind::AwaitingPayment, allowed };
        assert_eq!(refused, expected);
        assert_eq!(refused.to_string(), "approve is not possible while the order is awaiting_payment");
    }

    /// Rule 2.
    #[test]
    fn a_decision_holds() {
        in_review().when(approve()).ignores(approve()).refuses(reject());
        in_review().when(reject()).ignores(reject()).refuses(approve());
        let approved =
            in_review().when(approve()).when(captured()).when(done("ship.1")).when(done("consume_stock.1"));
        approved.is(StateKind::Completed).ignores(approve()).refuses(reject());
    }

    /// Rule 2: while reserving, the first decision is kept.
    #[test]
    fn an_early_decision_holds_too() {
        large()
            .records(reject(), &["decision_recorded"])
            .is(StateKind::Reserving)
            .ignores(reject())
            .refuses(approve());
        small().records(approve(), &["decision_recorded"]).allows(&["pay", "cancel"]);
    }

    /// Rule 6.
    #[test]
    fn cancelling_is_possible_until_it_ships_and_again_at_any_time() {
        small().records(cancel(), &["cancel_requested"]).ignores(cancel());
        in_review().when(cancel()).ignores(cancel());
        awaiting().when(cancel()).ignores(cancel()).when(done("release_stock.1")).ignores(cancel());
        shipping().refuses(cancel());
        completed().refuses(cancel());
        expired().refuses(cancel());
    }

    /// `pay` is offered only while it can lead to shipping.
    #[test]
    fn an_order_that_was_given_up_while_reserving_is_not_to_be_paid() {
        large().when(cancel()).allows(&["approve", "reject"]);
        large().when(reject()).allows(&["cancel"]);
        small().when(reject()).allows(&["pay", "cancel"]);
        large().when(approve()).allows(&["pay", "cancel"]);
    }

    #[test]
    fn details_are_erased_once_ended() {
        for life in [small(), in_review(), awaiting(), shipping(), awaiting().when(cancel())] {
            life.refuses(Command::EraseDetails);
        }
        let erased =
            expired().records(Command::EraseDetails, &["details_erased"]).ignores(Command::EraseDetails);
        assert_eq!(erased.order.details, None);
        completed().records(Command::EraseDetails, &["details_erased"]);
    }
}

mod payment {
    use super::*;

    fn use_of(life: &Life, command: &Command) -> CaptureUse {
        match &decide(&life.order, command).unwrap()[..] {
            [Event::PaymentCaptured { r#use, .. }] => *r#use,
            other => panic!("{other:?}"),
        }
    }

    /// Rule 4.
    #[test]
    fn a_report_is_recorded_once() {
        awaiting().records(captured(), &["payment_captured"]).ignores(captured());
        awaiting().records(declined(), &["payment_declined"]).ignores(declined());
        let report = PaymentReport::new(None, None, PaymentOutcome::Declined);
        awaiting().when(declined()).records(again(report, "evt-2"), &["payment_declined"]);
    }

    #[test]
    fn the_defaults_are_the_whole_amount_one_payment_and_the_outcome() {
        let order = awaiting().when(captured()).order;
        let payment = order.payments.iter().next().unwrap();
        assert_eq!((payment.id.as_str(), payment.amount), ("default", order.terms.total));
        assert!(order.payments.has_report(&payment.id, &crate::PaymentEventId::new("captured").unwrap()));
    }

    #[test]
    fn the_first_whole_capture_is_kept_before_the_order_is_paid() {
        for life in [small(), large(), in_review(), awaiting()] {
            assert_eq!(use_of(&life, &captured()), CaptureUse::Keep);
        }
    }

    #[test]
    fn a_capture_is_kept_while_reserving_even_of_an_order_given_up() {
        assert_eq!(use_of(&small().when(cancel()), &captured()), CaptureUse::Keep);
        assert_eq!(use_of(&large().when(reject()), &captured()), CaptureUse::Keep);
    }

    #[test]
    fn every_other_capture_is_to_be_refunded() {
        let compensating = awaiting().when(cancel());
        for life in [
            shipping(),
            completed(),
            expired(),
            compensating,
            small().when(captured()),
            in_review().when(captured()),
        ] {
            assert_eq!(use_of(&life, &captured_as("other")), CaptureUse::Refund);
        }
        let yen = crate::Money::new(50_000, crate::Currency::from_code("JPY").unwrap());
        for amount in [usd(49_999), usd(50_001), yen] {
            assert_eq!(use_of(&awaiting(), &captured_amount("p", amount)), CaptureUse::Refund);
        }
        assert_eq!(use_of(&awaiting(), &captured_amount("p", usd(50_000))), CaptureUse::Keep);
    }

    #[test]
    fn a_capture_of_a_captured_payment_is_noted_whatever_it_says() {
        let more = PaymentReport { amount: Some(usd(1)), ..PaymentReport::captured() };
        for life in [shipping(), completed(), small().when(captured())] {
            assert_eq!(use_of(&life, &again(PaymentReport::captured(), "evt-2")), CaptureUse::Note);
            assert_eq!(use_of(&life, &again(more.clone(), "evt-3")), CaptureUse::Note);
        }
        let refunding = awaiting().when(captured_amount("p", usd(1)));
        assert_eq!(
            use_of(&refunding, &again(report("p", PaymentOutcome::Captured), "evt-2")),
            CaptureUse::Note
        );
    }

    #[test]
    fn reports_are_taken_in_every_state() {
        for life in
            [small(), in_review(), awaiting(), shipping(), completed(), expired(), awaiting().when(cancel())]
        {
            life.clone().records(captured_as("x"), &["payment_captured"]);
            life.clone().records(again(report("x", PaymentOutcome::Declined), "d"), &["payment_declined"]);
            life.records(again(report("x", PaymentOutcome::Failed), "f"), &["payment_failed"]);
        }
    }

    #[test]
    fn the_hundred_and_first_payment_is_refused_and_known_ones_are_not() {
        let mut life = expired();
        for number in 0..MAX_PAYMENTS {
            life = life.when(captured_as(&format!("p{number}")));
        }
        assert_eq!(life.tell(&captured_as("one-more")), Err(Rejection::TooManyPayments(MAX_PAYMENTS)));
        life.records(again(report("p1", PaymentOutcome::Failed), "f"), &["payment_failed"])
            .ignores(captured_as("p1"));
    }

    /// A report that was acknowledged before, of a capture.
    fn acknowledged(id: &str) -> Command {
        Command::RecordPayment(report(id, PaymentOutcome::Captured))
    }

    #[test]
    fn what_was_acknowledged_is_recorded_and_refunded_beyond_the_hundredth_payment() {
        let mut life = expired();
        for number in 0..MAX_PAYMENTS {
            life = life.when(captured_as(&format!("p{number}")));
        }
        for number in 1..=2 {
            let name = format!("one-more-{number}");
            assert_eq!(use_of(&life, &acknowledged(&name)), CaptureUse::Refund);
            life = life.when(acknowledged(&name)).ignores(acknowledged(&name)).ignores(captured_as(&name));
            let mut wanted = crate::next(&life.order).effects.into_iter().map(|wanted| wanted.key);
            let place = u32::try_from(MAX_PAYMENTS).unwrap() + number;
            assert_eq!(wanted.next_back(), Some(crate::EffectKey::first(crate::Step::RefundPayment(place))));
        }
        assert!(life.tell(&captured_as("another")).is_err(), "whoever waits for an answer is refused");
    }

    /// With a hundred payments, only one that was never captured can still pay.
    #[test]
    fn paying_is_offered_while_a_payment_can_still_be_taken_and_kept() {
        let mut life = awaiting();
        for number in 1..MAX_PAYMENTS {
            life = life.when(captured_amount(&format!("p{number}"), usd(1)));
        }
        life.clone().when(captured_amount("last", usd(1))).allows(&["cancel"]);
        life.when(Command::ReportPayment(report("last", PaymentOutcome::Declined)))
            .allows(&["pay", "cancel"])
            .when(captured_as("last"))
            .is(StateKind::Shipping);
    }

    /// The order after so many tries of its one payment that it takes no more.
    fn tried_a_thousand_times(mut life: Life) -> Life {
        let tries = 10 * MAX_PAYMENTS - life.order.payments.reports();
        for number in 0..tries {
            let event_id = crate::PaymentEventId::new(format!("try-{number}")).unwrap();
            let report = PaymentReport::new(None, Some(event_id), PaymentOutcome::Declined);
            let event = decide(&life.order, &Command::ReportPayment(report)).unwrap().remove(0);
            let (seq, at, actor) = (life.order.version + 1, life.now, crate::Actor::api());
            life.order = crate::evolve(life.order, &crate::Entry { seq, at, actor, event: event.clone() });
            life.entries.push(crate::Entry { seq, at, actor: crate::Actor::api(), event });
        }
        life
    }

    fn has_enough_of(life: &Life, command: &Command) {
        let rejection = decide(&life.order, command).unwrap_err();
        assert_eq!(rejection, Rejection::TooManyReports(life.order.payments.reports()), "{command:?}");
        assert_eq!(rejection.code(), "too_many_payments");
    }

    #[test]
    fn after_a_thousand_tries_money_is_still_taken_and_another_try_is_not() {
        let life = tried_a_thousand_times(awaiting());
        assert_eq!(use_of(&life, &captured()), CaptureUse::Keep);
        assert_eq!(use_of(&life, &captured_as("another card")), CaptureUse::Keep);
        has_enough_of(&life, &declined());
        has_enough_of(&life, &Command::ReportPayment(report("another card", PaymentOutcome::Declined)));
        let paid = life.when(captured()).is(StateKind::Shipping);
        has_enough_of(&paid, &again(PaymentReport::captured(), "evt-2"));
        has_enough_of(&paid, &failed());
        let said = PaymentReport::new(None, None, PaymentOutcome::Failed);
        paid.clone().records(Command::RecordPayment(said), &["payment_failed"]);
        assert_eq!(use_of(&paid, &captured_as("another card")), CaptureUse::Refund);
    }

    #[test]
    fn after_a_thousand_tries_a_payment_can_still_fail() {
        let of_another = Command::ReportPayment(report("another card", PaymentOutcome::Failed));
        for failure in [failed(), of_another.clone()] {
            let life = tried_a_thousand_times(awaiting()).records(failure, &["payment_failed"]);
            life.is(StateKind::Compensating).because_of("payment_failed");
        }
        // Where it ends nothing, it ends the payment, once.
        let life = tried_a_thousand_times(in_review()).records(failed(), &["payment_failed"]);
        let again_failed = again(PaymentReport::new(None, None, PaymentOutcome::Failed), "evt-2");
        has_enough_of(&life, &again_failed);
        let life = life.records(of_another, &["payment_failed"]).is(StateKind::InReview);
        // Once the order awaits payment, the same word ends it.
        life.when(approve()).records(again_failed, &["payment_failed"]).because_of("payment_failed");
    }
}

mod effect {
    use super::*;

    #[test]
    fn an_outcome_is_recorded_once() {
        small().records(done("reserve_stock.1"), &["stock_reserved"]).ignores(done("reserve_stock.1"));
        small().records(out_of_stock(), &["stock_refused"]).ignores(out_of_stock());
        shipping().records(done("ship.1"), &["shipped"]).ignores(done("ship.1"));
        shipping().records(refused("ship.1"), &["shipment_refused"]).ignores(refused("ship.1"));
        shipping().records(accepted("ship.1"), &["shipment_accepted"]).ignores(accepted("ship.1"));
        shipping().records(unknown("ship.1"), &["attention_raised"]).ignores(unknown("ship.1"));
        completed().ignores(done("consume_stock.1"));
        expired().ignores(done("release_stock.1"));
        let refunding = expired().when(captured());
        let refund = "refund_payment-1.1";
        refunding.clone().records(accepted(refund), &["refund_accepted"]).ignores(accepted(refund));
        refunding.clone().records(done(refund), &["payment_refunded"]).ignores(done(refund));
        refunding.clone().records(refused(refund), &["attention_raised"]).ignores(refused(refund));
        refunding
            .records(exhausted(refund), &["attention_raised"])
            .ignores(exhausted(refund))
            .ignores(unknown(refund));
    }

    #[test]
    fn what_was_given_up_can_still_turn_out_either_way() {
        let given_up = shipping().when(unknown("ship.1"));
        given_up.clone().records(done("ship.1"), &["shipped"]).allows(&[]);
        given_up.records(refused("ship.1"), &["shipment_refused"]).is(StateKind::Compensating);
        let refund = expired().when(captured()).when(exhausted("refund_payment-1.1"));
        refund.clone().records(done("refund_payment-1.1"), &["payment_refunded"]).allows(&[]);
        refund.records(refused("refund_payment-1.1"), &["attention_raised"]);
    }

    #[test]
    fn an_accepted_effect_ends_by_its_outcome_or_its_deadline() {
        let accepted_by_carrier = shipping().when(accepted("ship.1"));
        accepted_by_carrier.clone().records(done("ship.1"), &["shipped"]);
        accepted_by_carrier.clone().records(refused("ship.1"), &["shipment_refused"]);
        accepted_by_carrier.clone().ignores(exhausted("ship.1")).ignores(unknown("ship.1"));
        let late =
            accepted_by_carrier.records(overdue("ship.1"), &["attention_raised"]).ignores(overdue("ship.1"));
        assert_eq!(late.order.attention().unwrap().code, crate::AttentionCode::OutcomeUnknown);
    }

    #[test]
    fn a_contradiction_is_noted_and_changes_nothing() {
        small().when(out_of_stock()).notes(done("reserve_stock.1"));
        awaiting()
            .notes(out_of_stock())
            .notes(done("ship.1"))
            .notes(done("consume_stock.1"))
            .notes(done("release_stock.1"));
        shipping().when(done("ship.1")).notes(refused("ship.1"));
        shipping().when(refused("ship.1")).notes(done("ship.1"));
        completed().notes(done("release_stock.1"));
        expired().notes(done("consume_stock.1"));
        shipping().when(unknown("ship.1")).when(skip()).notes(done("ship.1"));
        shipping().when(unknown("ship.1")).when(compensate()).notes(done("ship.1"));
        shipping().notes(done("refund_payment-1.1"));
    }

    #[test]
    fn what_makes_no_sense_is_noted_whatever_the_state() {
        let nonsense = || Command::Misunderstand { signal: "SIGNAL_ADMIN_ACTION".to_owned(), reason: None };
        let life = shipping().notes(nonsense());
        (0..99).fold(life, |life, _| life.notes(nonsense())).ignores(nonsense());
    }

    #[test]
    fn a_hundred_contradictions_are_noted_and_no_more() {
        let mut life = completed();
        for _ in 0..100 {
            life = life.notes(refused("ship.1"));
        }
        life.ignores(refused("ship.1"));
    }

    /// Money that a provider gives back in a round that it had refused has left twice: that must be seen.
    #[test]
    fn a_round_answers_only_for_itself() {
        let second = expired().when(captured()).when(refused("refund_payment-1.1")).when(Command::Retry);
        second.clone().ignores(refused("refund_payment-1.1")).ignores(exhausted("refund_payment-1.1"));
        second.clone().notes(done("refund_payment-1.1")).notes(done("refund_payment-1.3"));
        second
            .when(done("refund_payment-1.2"))
            .ignores(done("refund_payment-1.2"))
            .notes(done("refund_payment-1.1"));
    }

    #[test]
    fn stale_timers_do_nothing() {
        for life in [small(), in_review(), shipping(), completed(), expired()] {
            life.ignores(window_ends()).ignores(overdue("ship.1")).ignores(overdue("refund_payment-1.1"));
        }
        shipping().when(accepted("ship.1")).ignores(overdue("ship.2"));
    }

    #[test]
    fn an_outcome_that_an_effect_cannot_have_is_a_fault() {
        let track = Receipt::Shipment { tracking_number: Reference::new("T").unwrap() };
        let stock = Outcome::Done(Receipt::Stock);
        for (order, command) in [
            (small(), settle("reserve_stock.1", Outcome::Done(track.clone()))),
            (small(), exhausted("reserve_stock.1")),
            (small(), refused("reserve_stock.1")),
            (shipping(), accepted("consume_stock.1")),
            (shipping(), settle("ship.1", stock.clone())),
            (shipping(), settle("refund_payment-1.1", stock)),
            (shipping(), settle("refund_payment-1.1", Outcome::Done(track))),
            (shipping(), done("refund_payment-7.1")),
            (shipping(), done("refund_payment-0.1")),
        ] {
            assert!(
                matches!(decide(&order.order, &command), Err(Rejection::ImpossibleOutcome { .. })),
                "{command:?}"
            );
        }
    }
}

mod attention {
    use super::*;

    /// Rule 8.
    #[test]
    fn nothing_can_be_done_about_what_nobody_gave_up() {
        for life in [awaiting(), shipping(), shipping().when(accepted("ship.1")), completed(), expired()] {
            life.refuses(Command::Retry).refuses(skip()).refuses(compensate());
        }
    }

    #[test]
    fn only_a_refusal_raises_the_round() {
        let refund = expired().when(captured());
        for (life, effect, retried) in [
            (shipping().when(exhausted("ship.1")), "ship.1", "ship.1"),
            (shipping().when(unknown("ship.1")), "ship.1", "ship.1"),
            (shipping().when(accepted("ship.1")).when(overdue("ship.1")), "ship.1", "ship.1"),
            (refund.clone().when(unknown("refund_payment-1.1")), "refund_payment-1.1", "refund_payment-1.1"),
            (refund.when(refused("refund_payment-1.1")), "refund_payment-1.1", "refund_payment-1.2"),
        ] {
            assert_eq!(life.order.attention().unwrap().effect, key(effect));
            life.records(Command::Retry, &["retried"]).wants(&[retried]).refuses(Command::Retry);
        }
    }

    #[test]
    fn the_oldest_is_acted_on_first() {
        let refund_first = shipping()
            .when(captured_as("twice"))
            .when(refused("refund_payment-2.1"))
            .when(exhausted("ship.1"))
            .allows(&["retry", "skip"])
            .refuses(compensate());
        refund_first
            .when(skip())
            .allows(&["retry", "skip", "compensate"])
            .when(compensate())
            .wants(&["release_stock.1", "refund_payment-1.1"]);
        let ship_first = shipping()
            .when(captured_as("twice"))
            .when(exhausted("ship.1"))
            .when(refused("refund_payment-2.1"));
        ship_first.allows(&["retry", "skip", "compensate"]);
    }

    #[test]
    fn a_person_acts_on_an_ended_order_too() {
        let life = completed().when(captured_as("late")).when(refused("refund_payment-2.1"));
        let life = life.is(StateKind::Completed).records(skip(), &["skipped"]).is(StateKind::Completed);
        life.pays("paid", &["captured", "refund_skipped"]).refuses(skip());
    }
}

#[test]
fn deciding_is_pure() {
    let life = shipping().when(exhausted("ship.1"));
    let before: Order = life.order.clone();
    for command in [Command::Retry, skip(), compensate(), cancel(), captured_as("x"), done("ship.1")] {
        assert_eq!(decide(&life.order, &command), decide(&before, &command));
    }
    assert_eq!(life.order, before);
    assert_eq!(life.order.stock, StockHold::Held);
}
