//! Under which conditions an event leads to one state or to another, worked out from what was explored.

use crate::{Decision, Order, State, StateKind, StockHold};
use std::collections::BTreeSet;

/// How many facts are looked at.
const FACTS: usize = 7;
/// The place of the reason, which is a word for programs, not a phrase.
const REASON: usize = FACTS - 1;

/// What may matter for where an event leads: the least telling fact first, since it is left out first.
pub(super) type Facts = [&'static str; FACTS];

/// Something told to an order in a state, and what was recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trigger {
    pub(super) from: StateKind,
    pub(super) cause: String,
    pub(super) event: String,
}

/// Where a trigger leads, and for which values of each fact; a fact without values makes no difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) to: StateKind,
    values: [BTreeSet<&'static str>; FACTS],
}

impl Rule {
    /// What must hold for the rule to apply, in words; empty where it always does.
    pub(super) fn conditions(&self) -> String {
        let mut words = vec![];
        for (place, values) in self.values.iter().enumerate().rev().filter(|(_, values)| !values.is_empty()) {
            let values = Vec::from_iter(values.iter().copied());
            words.push(match place {
                REASON => format!("because of `{}`", values.join("` or `")),
                _ => values.join(" or "),
            });
        }
        words.join("; ")
    }

    pub(super) fn covers(&self, facts: &Facts) -> bool {
        self.values.iter().zip(facts).all(|(values, fact)| values.is_empty() || values.contains(fact))
    }
}

/// The facts of an order that something is told to.
pub(super) fn facts(order: &Order) -> Facts {
    let refunds = order.payments.refunds().filter(|(_, _, refund)| refund.is_pending()).count();
    let undoing = matches!(order.state, State::Compensating { .. });
    let left = refunds + usize::from(order.stock == StockHold::Held);
    let pick = |fact: bool, yes, no| if fact { yes } else { no };
    [
        pick(order.payments.is_paid(), "paid", "not paid"),
        match order.verdict.as_ref().map(|verdict| verdict.decision) {
            None => "not decided",
            Some(Decision::Approve) => "approved",
            Some(Decision::Reject) => "rejected",
        },
        pick(order.terms.needs_review(), "over the review threshold", "not over the review threshold"),
        pick(order.cancel.is_some(), "cancel asked for", "no cancel asked for"),
        pick(refunds > 0, "a refund pending", "no refund pending"),
        pick(undoing && left > 1, "more left to undo", "nothing else left to undo"),
        order.state.reason().map_or("", |reason| reason.code.as_str()),
    ]
}

/// The examples of one trigger, each with where it led, as the fewest and shortest rules.
///
/// A fact is left out where no example contradicts; rules that then differ in one fact only, and not in
/// where they lead, become one.
pub(super) fn shortest(examples: &BTreeSet<(Facts, StateKind)>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = vec![];
    for (facts, to) in examples {
        if !rules.iter().any(|rule| rule.to == *to && rule.covers(facts)) {
            rules.push(generalized(facts, *to, examples));
        }
    }
    for place in 0..FACTS {
        rules = joined(rules, place);
    }
    rules.sort_by_key(|rule| rule.to);
    rules
}

fn generalized(facts: &Facts, to: StateKind, examples: &BTreeSet<(Facts, StateKind)>) -> Rule {
    let mut rule = Rule { to, values: facts.map(|fact| BTreeSet::from([fact])) };
    for place in 0..FACTS {
        let values = std::mem::take(&mut rule.values[place]);
        if examples.iter().any(|(facts, end)| *end != to && rule.covers(facts)) {
            rule.values[place] = values;
        }
    }
    rule
}

fn joined(rules: Vec<Rule>, place: usize) -> Vec<Rule> {
    let mut kept: Vec<Rule> = vec![];
    for rule in rules {
        let same = |other: &&mut Rule| {
            let apart = (0..FACTS).filter(|fact| rule.values[*fact] != other.values[*fact]);
            rule.to == other.to && apart.eq([place]) && !other.values[place].is_empty()
        };
        match kept.iter_mut().find(same) {
            Some(other) if !rule.values[place].is_empty() => other.values[place].extend(&rule.values[place]),
            _ => kept.push(rule),
        }
    }
    kept
}
