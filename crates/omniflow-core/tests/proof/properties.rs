//! Whatever an order is told, in whichever order: nothing breaks, and it can always come to an end.

use crate::history::{Ending, History, Machine, config, ops, settle, totals};
use crate::invariants::check;
use omniflow_core::{
    Action, ChainHash, Command, Decision, Entry, Event, Locale, StateKind, allowed_actions, decide, fold,
    next, status,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(config(768))]

    #[test]
    fn no_life_breaks_an_invariant(minor in totals(), ops in ops(60)) {
        let history = History::lived(Machine::REAL, minor, &ops);
        if let Err(broken) = check(Machine::REAL, &history) {
            prop_assert!(false, "{}: {}", broken.invariant, broken.at);
        }
    }

    #[test]
    fn what_is_stored_is_the_life_that_was_lived(minor in totals(), ops in ops(40)) {
        let history = History::lived(Machine::REAL, minor, &ops);
        let mut hash = ChainHash::default();
        let mut read = vec![];
        for link in &history.links {
            hash = hash.after(&link.line);
            prop_assert_eq!(hash, link.hash);
            prop_assert!(!link.line.contains(&b'\n'));
            read.push(Entry::decode(&link.line).unwrap());
        }
        prop_assert_eq!(&read, &history.entries);
        prop_assert_eq!(fold(&read), Ok(history.order));
    }

    #[test]
    fn every_order_can_come_to_an_end(minor in totals(), ops in ops(40), way in 0..4_u8) {
        let mut history = History::lived(Machine::REAL, minor, &ops);
        for _ in 0..100 {
            if history.order.is_at_rest() {
                break;
            }
            let before = history.order.version;
            let command = onward(&history, way);
            history.tell(command);
            prop_assert!(history.order.version > before, "{:?}", history.told.last());
        }
        prop_assert!(history.order.is_at_rest(), "{:?}", history.order);
        prop_assert!(history.order.kind().is_ended());
        prop_assert_eq!(check(Machine::REAL, &history), Ok(()));
    }

    #[test]
    fn what_is_allowed_is_taken_and_what_is_not_is_refused(minor in totals(), ops in ops(40)) {
        let order = History::lived(Machine::REAL, minor, &ops).order;
        let allowed = allowed_actions(&order);
        for (action, command) in [
            (Action::Approve, Command::Decide { decision: Decision::Approve, reason: None }),
            (Action::Reject, Command::Decide { decision: Decision::Reject, reason: None }),
            (Action::Cancel, Command::Cancel { reason: None }),
            (Action::Retry, Command::Retry),
            (Action::Skip, Command::Skip { reason: None }),
            (Action::Compensate, Command::Compensate { reason: None }),
        ] {
            let answer = decide(&order, &command);
            if allowed.contains(&action) {
                prop_assert!(answer.is_ok_and(|events| !events.is_empty()), "{}", action);
            } else {
                prop_assert!(!answer.is_ok_and(|events| !events.is_empty()), "{}", action);
            }
        }
    }

    #[test]
    fn every_order_has_words_for_people(minor in totals(), ops in ops(40), later in 0..60_000_u64) {
        let order = History::lived(Machine::REAL, minor, &ops).order;
        let now = order.updated_at.plus_millis(later);
        for locale in Locale::ALL {
            let text = status::text(&order, *locale, now);
            prop_assert!(!text.is_empty());
            if order.attention().is_none() && order.kind() == StateKind::AwaitingPayment {
                let left = next(&order).due_at().unwrap().millis_since(now).div_ceil(1_000);
                let seconds = format!("{}s", left);
                prop_assert!(text.contains(&seconds), "{}", text);
            }
        }
    }
}

/// One step nearer to an end: everything goes well, or every effect is accepted, refused or given up first.
fn onward(history: &History, way: u8) -> Command {
    let order = &history.order;
    let next = next(order);
    if let Some(wanted) = next.effects.first() {
        let at_provider = !wanted.key.step.is_stock();
        let ending = match way {
            1 if at_provider => Ending::Accepted,
            2 if at_provider => Ending::Refused,
            3 if at_provider => Ending::Exhausted,
            _ => Ending::Done,
        };
        return settle(wanted.key, ending);
    }
    if order.attention().is_some() {
        return Command::Skip { reason: None };
    }
    if let Some(timer) = next.timers.last() {
        return Command::Elapse(timer.id);
    }
    Command::Decide { decision: Decision::Approve, reason: None }
}

/// Random sequences that never came far would prove nothing.
#[test]
fn sequences_come_to_every_state_and_record_every_event() {
    let mut runner = TestRunner::deterministic();
    let (mut states, mut recorded) = (BTreeSet::new(), BTreeSet::from(["order_placed"]));
    for _ in 0..600 {
        let (minor, ops) = (totals(), ops(60)).new_tree(&mut runner).unwrap().current();
        let history = History::lived(Machine::REAL, minor, &ops);
        states.extend(history.told.iter().map(|told| (told.after.kind(), told.after.attention().is_some())));
        recorded.extend(history.entries.iter().map(|entry| entry.event.name()));
    }
    for kind in StateKind::ALL {
        assert!(states.contains(&(*kind, false)), "{kind}");
        assert!(states.contains(&(*kind, true)), "{kind} with attention");
    }
    assert_eq!(recorded, Event::TYPES.iter().copied().collect());
}
