//! The printed life says what the core does, all of it, the same each time.

use super::conditions::facts;
use super::{explore, mermaid, rules, table, trigger};
use crate::{Action, Event, Locale, ReasonCode, StateKind, status};
use std::collections::BTreeSet;

/// Every transition of the contract, and no other. A change here is a change of the lifecycle.
#[test]
fn the_diagram_is_the_contracts_lifecycle() {
    insta::assert_snapshot!(mermaid(), @"
    stateDiagram-v2
        [*] --> reserving: order_placed
        reserving --> in_review: stock_reserved
        reserving --> awaiting_payment: stock_reserved
        reserving --> shipping: stock_reserved
        reserving --> compensating: stock_refused, stock_reserved
        reserving --> failed: stock_refused
        in_review --> awaiting_payment: decision_recorded
        in_review --> shipping: decision_recorded
        in_review --> compensating: cancel_requested, decision_recorded
        awaiting_payment --> shipping: payment_captured
        awaiting_payment --> compensating: cancel_requested, payment_failed, payment_window_elapsed
        shipping --> completed: stock_consumed
        shipping --> compensating: compensation_requested, shipment_refused
        compensating --> expired: payment_refunded, skipped, stock_released
        compensating --> rejected: payment_refunded, skipped, stock_released
        compensating --> cancelled: payment_refunded, skipped, stock_released
        compensating --> failed: payment_refunded, skipped, stock_released
        completed --> [*]
        expired --> [*]
        rejected --> [*]
        cancelled --> [*]
        failed --> [*]
    ");
}

#[test]
fn the_tables_name_every_state_event_action_and_reason() {
    let table = table();
    let words = StateKind::ALL.iter().map(|word| word.as_str());
    let words = words.chain(Event::TYPES.iter().copied()).chain(Action::ALL.iter().map(|word| word.as_str()));
    for word in words.chain(ReasonCode::ALL.iter().map(|word| word.as_str())) {
        assert!(table.contains(&format!("`{word}`")), "{word}");
    }
    for kind in StateKind::ALL {
        assert!(table.contains(status::fixed(*kind, Locale::ZhCn).trim_end()), "{kind}");
    }
}

/// A cell too many or too few is a table that renders as text.
#[test]
fn every_table_is_a_table_and_the_same_each_time() {
    let table = table();
    let mut columns = None;
    for line in table.lines() {
        let bars = line.matches('|').count();
        if bars > 0 {
            assert_eq!(*columns.get_or_insert(bars), bars, "{line}");
        } else {
            columns = None;
        }
    }
    assert_eq!(super::table(), table);
}

/// The rules say exactly what was seen: each example is covered, and by none that leads elsewhere.
#[test]
fn no_rule_says_what_was_not_seen() {
    let explored = explore();
    let rules = rules(&explored);
    for change in &explored.changes {
        let before = &explored.orders[change.before];
        let facts = facts(before);
        let covering = rules[&trigger(before, change)].iter().filter(|rule| rule.covers(&facts));
        let ends: BTreeSet<StateKind> = covering.map(|rule| rule.to).collect();
        assert_eq!(ends, BTreeSet::from([change.to]), "{}", change.cause);
    }
}

/// Conditions that an order of flesh and blood would meet, read back from the table.
#[test]
fn conditions_are_worked_out() {
    let table = table();
    for row in [
        "| `reserving` | `reserve_stock` done | cancel asked for | `stock_reserved` | `compensating` |",
        "| `reserving` | `reserve_stock` done | no cancel asked for; over the review threshold; not decided | \
         `stock_reserved` | `in_review` |",
        "| `reserving` | `reserve_stock` no stock | a refund pending | `stock_refused` | `compensating` |",
        "| `reserving` | `reserve_stock` no stock | no refund pending; not paid | `stock_refused` | `failed` |",
        "| `in_review` | `approve` | paid | `decision_recorded` (APPROVE) | `shipping` |",
        "| `compensating` | `release_stock` done | because of `payment_timeout`; nothing else left to undo | \
         `stock_released` | `expired` |",
    ] {
        assert!(table.contains(row), "{row}");
    }
}
