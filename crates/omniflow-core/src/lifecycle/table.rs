//! The tables, as Markdown.

use super::conditions::{Rule, Trigger};
use super::explore::Exploration;
use super::rules;
use crate::reason::{AttentionCode, ReasonCode};
use crate::{Locale, Order, StateKind, TimerId, allowed_actions, next, status};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PREFACE: &str = "\
# The life of an order

Printed by `omniflow lifecycle`. Nothing here is written by hand: sample orders are told everything that can
be told to an order, again and again, until no new situation comes, and this is what the core answered.
`omniflow lifecycle --mermaid` prints the transitions as a diagram.
";

/// Writes every table.
pub(super) fn write(explored: &Exploration) -> String {
    let mut text = PREFACE.to_owned();
    states(explored, &mut text);
    attention(&mut text);
    reasons(&mut text);
    let rules = rules(explored);
    transitions(&rules, &mut text);
    records(&rules, &mut text);
    text
}

fn states(explored: &Exploration, text: &mut String) {
    text.push_str(
        "\n## States\n\nIn parentheses is what may be asked, or is wanted outside, only in some situations of the \
         state.\n\n| `state` | `status`, zh-CN | `status`, en | may be asked | wanted outside |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for kind in StateKind::ALL {
        let orders: Vec<&Order> = explored.orders.iter().filter(|order| order.kind() == *kind).collect();
        let (zh, en) = (status_text(&orders, *kind, Locale::ZhCn), status_text(&orders, *kind, Locale::En));
        let asked = always_or_sometimes(&orders, asked);
        let wanted = always_or_sometimes(&orders, wanted);
        let _ = writeln!(text, "| `{kind}` | {zh} | {en} | {asked} | {wanted} |");
    }
}

/// The text when the state is first reached. A failure's goes on with its reason.
fn status_text(orders: &[&Order], kind: StateKind, locale: Locale) -> String {
    match orders.iter().find(|order| order.attention().is_none()) {
        Some(order) if kind != StateKind::Failed => status::text(order, locale, order.updated_at),
        _ => format!("{}…", status::fixed(kind, locale)),
    }
}

fn asked(order: &Order) -> Vec<String> {
    allowed_actions(order).iter().map(|action| format!("`{action}`")).collect()
}

fn wanted(order: &Order) -> Vec<String> {
    let next = next(order);
    let effects = next.effects.iter().map(|wanted| format!("`{}`", wanted.key.step.kind()));
    effects.chain(next.timers.iter().map(|timer| timer_name(timer.id))).collect()
}

pub(super) fn timer_name(timer: TimerId) -> String {
    match timer {
        TimerId::PaymentWindow => "the payment window's end".to_owned(),
        TimerId::ProviderDeadline(key) => format!("the time-out of an accepted `{}`", key.step.kind()),
    }
}

/// What all the orders have, then in parentheses what some of them have, each as first seen.
fn always_or_sometimes(orders: &[&Order], of: impl Fn(&Order) -> Vec<String>) -> String {
    let each: Vec<Vec<String>> = orders.iter().map(|order| of(order)).collect();
    let mut words: Vec<&String> = vec![];
    for word in each.iter().flatten() {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let (always, sometimes): (Vec<&String>, Vec<&String>) =
        words.into_iter().partition(|word| each.iter().all(|of_one| of_one.contains(word)));
    let sometimes = sometimes.into_iter().map(|word| format!("({word})"));
    always.into_iter().cloned().chain(sometimes).collect::<Vec<_>>().join(", ")
}

fn attention(text: &mut String) {
    text.push_str(
        "\n## Attention\n\nBeside any state, when the engine has given up on an effect. The status then says so:\n\n\
         | `attention.reason` | `status`, zh-CN | `status`, en |\n| --- | --- | --- |\n",
    );
    for code in AttentionCode::ALL {
        let [zh, en] = [Locale::ZhCn, Locale::En].map(|locale| status::needs_attention(*code, locale));
        let _ = writeln!(text, "| `{code}` | {zh} | {en} |");
    }
}

fn reasons(text: &mut String) {
    text.push_str(
        "\n## Why an order is undone\n\n| `reason.code` | zh-CN | en | ends as |\n| --- | --- | --- | --- |\n",
    );
    for code in ReasonCode::ALL {
        let (zh, en) = (code.text(Locale::ZhCn), code.text(Locale::En));
        let _ = writeln!(text, "| `{code}` | {zh} | {en} | `{}` |", code.ending());
    }
}

fn moves(trigger: &Trigger, rules: &[Rule]) -> bool {
    rules.iter().any(|rule| rule.to != trigger.from)
}

fn transitions(rules: &BTreeMap<Trigger, Vec<Rule>>, text: &mut String) {
    text.push_str(
        "\n## Transitions\n\nAn order is placed in `reserving`, by `order_placed`.\n\n\
         | from | what happens | while | recorded as | to |\n| --- | --- | --- | --- | --- |\n",
    );
    for (trigger, rules) in rules.iter().filter(|(trigger, rules)| moves(trigger, rules)) {
        let Trigger { from, cause, event } = trigger;
        for rule in rules {
            let _ =
                writeln!(text, "| `{from}` | {cause} | {} | {event} | `{}` |", rule.conditions(), rule.to);
        }
    }
}

fn records(rules: &BTreeMap<Trigger, Vec<Rule>>, text: &mut String) {
    text.push_str(
        "\n## What is recorded and moves no state\n\nAnything else that is told to an order is refused, or was \
         applied before; neither leaves a trace.\n\n| what happens | recorded as | in |\n| --- | --- | --- |\n",
    );
    let mut places: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for (Trigger { from, cause, event }, _) in rules.iter().filter(|(trigger, rules)| !moves(trigger, rules))
    {
        places.entry((cause, event)).or_default().push(format!("`{from}`"));
    }
    for ((cause, event), states) in places {
        let _ = writeln!(text, "| {cause} | {event} | {} |", states.join(", "));
    }
}
