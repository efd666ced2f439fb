//! The order's life in tables and as a diagram, worked out by running the core itself.
//!
//! Nothing here states a rule. Sample orders are told everything that can be told to an order, again and
//! again, until no new situation comes; what [`decide`](crate::decide), [`evolve`](crate::evolve),
//! [`next`](crate::next()), [`allowed_actions`](crate::allowed_actions) and [`status`](crate::status)
//! answered is what is printed. So it cannot say anything else than the code does.

mod conditions;
mod explore;
mod table;
#[cfg(test)]
mod tests;

use crate::{CaptureUse, Event, Order, StateKind};
use conditions::{Rule, Trigger};
use explore::{Change, Exploration, explore};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The order's life as Markdown: its states, its transitions with their conditions, and what is recorded
/// without moving it.
pub fn table() -> String {
    table::write(&explore())
}

/// The order's life as a Mermaid `stateDiagram-v2`: each transition with the events that make it.
pub fn mermaid() -> String {
    let mut edges: BTreeMap<(StateKind, StateKind), BTreeSet<&'static str>> = BTreeMap::new();
    let explored = explore();
    for change in &explored.changes {
        let (from, to) = (explored.orders[change.before].kind(), change.to);
        if from != to {
            edges.entry((from, to)).or_default().insert(change.event.name());
        }
    }
    let mut text = "stateDiagram-v2\n    [*] --> reserving: order_placed\n".to_owned();
    for ((from, to), events) in edges {
        let events = Vec::from_iter(events).join(", ");
        let _ = writeln!(text, "    {from} --> {to}: {events}");
    }
    for state in StateKind::ALL.iter().filter(|state| state.is_ended()) {
        let _ = writeln!(text, "    {state} --> [*]");
    }
    text
}

/// An event's type, with what else decides where it leads.
fn label(event: &Event) -> String {
    let more = match event {
        Event::PaymentCaptured { r#use: CaptureUse::Keep, .. } => "kept",
        Event::PaymentCaptured { r#use: CaptureUse::Refund, .. } => "to be refunded",
        Event::PaymentCaptured { r#use: CaptureUse::Note, .. } => "only noted",
        Event::DecisionRecorded { decision, .. } => decision.as_str(),
        Event::AttentionRaised { effect, .. } | Event::Retried { effect } | Event::Skipped { effect, .. } => {
            effect.step.kind().as_str()
        }
        _ => return format!("`{}`", event.name()),
    };
    format!("`{}` ({more})", event.name())
}

/// What was seen, as rules in the shortest words.
fn rules(explored: &Exploration) -> BTreeMap<Trigger, Vec<Rule>> {
    let mut examples: BTreeMap<Trigger, BTreeSet<_>> = BTreeMap::new();
    for change in &explored.changes {
        let before = &explored.orders[change.before];
        examples.entry(trigger(before, change)).or_default().insert((conditions::facts(before), change.to));
    }
    examples.into_iter().map(|(trigger, examples)| (trigger, conditions::shortest(&examples))).collect()
}

fn trigger(before: &Order, change: &Change) -> Trigger {
    let cause = match change.event {
        Event::SignalIgnored { .. } => "an outcome that contradicts what is recorded",
        _ => &change.cause,
    };
    Trigger { from: before.kind(), cause: cause.to_owned(), event: label(&change.event) }
}
