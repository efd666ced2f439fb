//! The invariants of the design, as far as one order can see them, checked against the recorded facts rather
//! than against what the order says of itself.

use crate::history::{History, Machine, Told};
use omniflow_core::{
    AttentionCode, CaptureUse, Command, EffectKey, Entry, Event, Fulfillment, Money, Order, PaymentId,
    PaymentOutcome, PaymentStatus, State, StateKind, Step, StockHold, TimerId, Timestamp,
};
use std::collections::{HashMap, HashSet};

/// An invariant that does not hold, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) invariant: &'static str,
    pub(crate) at: String,
}

/// What the facts alone say.
#[derive(Default)]
struct Facts {
    reserved: u32,
    refused: u32,
    released: u32,
    consumed: u32,
    approved: bool,
    left: bool,
    kept: Vec<PaymentId>,
    captured: Vec<(PaymentId, Money)>,
    refunded: Vec<PaymentId>,
    skipped: HashSet<Step>,
    decided: HashSet<EffectKey>,
    accepted: HashMap<EffectKey, Timestamp>,
    ignored: u32,
}

/// Checks a whole life, event by event.
pub(crate) fn check(machine: Machine, history: &History) -> Result<(), Broken> {
    let mut order = omniflow_core::placed(&history.entries[0]).unwrap();
    let mut facts = Facts::default();
    check_order(machine, &order, &facts)?;
    for entry in &history.entries[1..] {
        let before = order.clone();
        order = (machine.evolve)(order, entry);
        facts.add(entry);
        check_order(machine, &order, &facts)?;
        check_step(&before, &order, entry)?;
    }
    hold("rebuilt state equals live state", order == history.order, &order)?;
    history.told.iter().try_for_each(|told| check_told(machine, told))
}

fn hold(invariant: &'static str, holds: bool, at: &dyn std::fmt::Debug) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken { invariant, at: format!("{at:?}") }) }
}

impl Facts {
    fn add(&mut self, entry: &Entry) {
        match &entry.event {
            Event::StockReserved {} => self.decide_stock(Step::ReserveStock, |facts| &mut facts.reserved),
            Event::StockRefused { .. } => self.decide_stock(Step::ReserveStock, |facts| &mut facts.refused),
            Event::StockReleased {} => self.decide_stock(Step::ReleaseStock, |facts| &mut facts.released),
            Event::StockConsumed {} => self.decide_stock(Step::ConsumeStock, |facts| &mut facts.consumed),
            Event::DecisionRecorded { decision, .. } => self.approved = decision.as_str() == "APPROVE",
            Event::PaymentCaptured { payment_id, amount, r#use, .. } => {
                if !self.captured.iter().any(|(known, _)| known == payment_id) {
                    self.captured.push((payment_id.clone(), *amount));
                }
                if *r#use == CaptureUse::Keep {
                    self.kept.push(payment_id.clone());
                }
            }
            Event::Shipped { effect, .. } => {
                self.left = true;
                self.decided.insert(*effect);
            }
            Event::ShipmentRefused { effect, .. } => _ = self.decided.insert(*effect),
            Event::PaymentRefunded { effect, payment_id, .. } => {
                self.decided.insert(*effect);
                self.refunded.push(payment_id.clone());
            }
            Event::AttentionRaised { effect, code: AttentionCode::Refused, .. } => {
                _ = self.decided.insert(*effect)
            }
            Event::Skipped { effect, .. } => {
                self.left |= effect.step == Step::Ship;
                self.skipped.insert(effect.step);
            }
            Event::ShipmentAccepted { effect, .. } | Event::RefundAccepted { effect, .. } => {
                self.accepted.insert(*effect, entry.at);
            }
            Event::SignalIgnored { .. } => self.ignored += 1,
            _ => {}
        }
    }

    fn decide_stock(&mut self, step: Step, count: impl Fn(&mut Self) -> &mut u32) {
        *count(self) += 1;
        self.decided.insert(EffectKey { step, round: 1 });
    }

    fn stock(&self) -> Option<&'static str> {
        match (self.reserved, self.refused, self.released, self.consumed) {
            (0, 0, 0, 0) => Some("undecided"),
            (0, 1, 0, 0) => Some("refused"),
            (1, 0, 0, 0) => Some("held"),
            (1, 0, 1, 0) => Some("released"),
            (1, 0, 0, 1) => Some("consumed"),
            _ => None,
        }
    }
}

/// What an order must be after any event.
fn check_order(machine: Machine, order: &Order, facts: &Facts) -> Result<(), Broken> {
    check_stock(order, facts)?;
    check_money(order, facts)?;
    check_wants(machine, order, facts)?;
    check_rest(machine, order)?;
    let noted = u32::from(order.ignored);
    hold("at most 100 signals are noted", noted <= 100 && noted == facts.ignored, order)
}

/// Every reservation ends once, released or consumed.
fn check_stock(order: &Order, facts: &Facts) -> Result<(), Broken> {
    let hold_word = match order.stock {
        StockHold::Undecided => "undecided",
        StockHold::Refused(_) => "refused",
        StockHold::Held => "held",
        StockHold::Released => "released",
        StockHold::Consumed => "consumed",
    };
    hold("every reservation ends once", facts.stock().is_some(), order)?;
    hold("the hold on stock is what the facts say", facts.stock() == Some(hold_word), order)?;
    let fits = match order.kind() {
        StateKind::Reserving => hold_word == "undecided",
        StateKind::InReview | StateKind::AwaitingPayment | StateKind::Shipping => hold_word == "held",
        StateKind::Completed => hold_word == "consumed",
        StateKind::Compensating => hold_word != "undecided" && hold_word != "consumed",
        _ => hold_word == "released" || hold_word == "refused",
    };
    hold("an ended order holds nothing", fits, order)
}

/// At most one capture is kept, every other one is given back, whole, and by nobody twice.
fn check_money(order: &Order, facts: &Facts) -> Result<(), Broken> {
    let payments = &order.payments;
    let captured: Vec<_> = payments.iter().filter(|payment| payment.was_captured()).collect();
    let undoing = matches!(order.state, State::Compensating { .. } | State::Undone { .. });
    hold("at most one capture is kept", facts.kept.len() <= 1, order)?;
    hold(
        "the kept capture stays the kept one",
        payments.kept().map(|kept| &kept.id) == facts.kept.first(),
        order,
    )?;
    hold("no report of money is lost", captured.len() == facts.captured.len(), order)?;
    for payment in captured {
        let kept = facts.kept.contains(&payment.id);
        let returned = facts.refunded.iter().filter(|id| **id == payment.id).count();
        let amount = facts.captured.iter().find(|(id, _)| *id == payment.id).map(|(_, amount)| *amount);
        hold("a refund is of what was captured", amount == Some(payment.amount), order)?;
        hold(
            "every capture that is not kept goes back",
            payment.refund().is_some() != (kept && !undoing),
            order,
        )?;
        hold("money goes back once", returned <= 1, order)?;
        let said = payment.status() == PaymentStatus::Refunded;
        hold("a refund is done when its provider said so", said == (returned == 1), order)?;
    }
    let all_captured = facts.refunded.iter().all(|id| facts.captured.iter().any(|(known, _)| known == id));
    hold("only what was captured goes back", all_captured, order)
}

/// Effects and timers are wanted in the right situations only, and never again once decided.
fn check_wants(machine: Machine, order: &Order, facts: &Facts) -> Result<(), Broken> {
    let next = (machine.next)(order);
    let keys: HashSet<_> = next.effects.iter().map(|wanted| wanted.key).collect();
    hold("an effect is wanted once", keys.len() == next.effects.len(), order)?;
    hold("what was decided is never wanted again", keys.is_disjoint(&facts.decided), order)?;
    for key in keys {
        let kind = order.kind();
        let fits = match key.step {
            Step::ReserveStock => kind == StateKind::Reserving,
            Step::ReleaseStock => kind == StateKind::Compensating && facts.stock() == Some("held"),
            Step::ConsumeStock => kind == StateKind::Shipping && facts.left,
            Step::Ship => {
                let cleared = facts.approved || !order.terms.needs_review();
                let ready = cleared && order.payments.is_paid() && order.cancel.is_none();
                kind == StateKind::Shipping && ready && facts.stock() == Some("held") && !facts.left
            }
            Step::RefundPayment(number) => {
                let payment = order.payments.number(number);
                payment.is_some_and(|payment| payment.status() == PaymentStatus::RefundPending)
                    && !facts.skipped.contains(&key.step)
            }
        };
        hold("an effect is wanted only where it is due", fits, &(key, order))?;
    }
    for timer in next.timers {
        let due_at = match timer.id {
            TimerId::PaymentWindow => match order.state {
                State::AwaitingPayment { due_at } => Some(due_at),
                _ => None,
            },
            TimerId::ProviderDeadline(key) => {
                facts.accepted.get(&key).map(|at| at.plus_millis(order.terms.policies.provider_deadline_ms))
            }
        };
        hold("a timer is due when its waiting began plus its time", due_at == Some(timer.due_at), order)?;
    }
    Ok(())
}

/// An order at rest wants nothing; any other wants something, or waits for a person or a payment.
fn check_rest(machine: Machine, order: &Order) -> Result<(), Broken> {
    let next = (machine.next)(order);
    let wants = !next.effects.is_empty() || !next.timers.is_empty();
    let waits = order.attention().is_some() || !omniflow_core::allowed_actions(order).is_empty();
    if order.is_at_rest() {
        hold("an order at rest wants nothing", !wants && !waits, order)
    } else {
        hold("no order is stuck", wants || waits, order)
    }
}

/// What one event may change.
fn check_step(before: &Order, after: &Order, entry: &Entry) -> Result<(), Broken> {
    let at = &(entry, before, after);
    hold("what was placed never changes", before.terms == after.terms && before.id == after.id, at)?;
    hold("time and numbers go on", after.version == before.version + 1 && after.updated_at == entry.at, at)?;
    if let (State::AwaitingPayment { due_at: was }, State::AwaitingPayment { due_at: is }) =
        (&before.state, &after.state)
    {
        hold("nothing moves the payment window", was == is, at)?;
    }
    let entered = after.kind() != before.kind();
    if let State::AwaitingPayment { due_at } = after.state
        && entered
    {
        let window = after.terms.policies.payment_window_ms;
        hold("the payment window starts with the waiting", due_at == entry.at.plus_millis(window), at)?;
    }
    if before.kind().is_ended() {
        let same =
            (&before.state, &before.stock, &before.ended_at) == (&after.state, &after.stock, &after.ended_at);
        hold("an ended order stays ended", same, at)?;
        hold("goods stay where they are after the end", before.fulfillment == after.fulfillment, at)?;
    } else if after.kind().is_ended() {
        let undone = after.kind() != StateKind::Completed;
        let acknowledged = after.payments.refunds().all(|(_, _, refund)| !refund.is_pending());
        hold("an end is shown when everything is undone", !undone || acknowledged, at)?;
        hold("an end has its time", after.ended_at == Some(entry.at), at)?;
    }
    let left =
        |order: &Order| matches!(order.fulfillment, Fulfillment::Shipped { .. } | Fulfillment::Skipped);
    hold("nothing moves a fulfillment back", left(after) || !left(before), at)
}

/// A refusal, or what was applied before, leaves everything; deciding has no memory of its own.
fn check_told(machine: Machine, told: &Told) -> Result<(), Broken> {
    let silent = told.answer.as_ref().map_or(true, Vec::is_empty);
    hold("a refusal changes nothing", !silent || told.before == told.after, told)?;
    hold("deciding is pure", (machine.decide)(&told.before, &told.command) == told.answer, told)?;
    if let Command::ReportPayment(report) = &told.command {
        let payments = &told.after.payments;
        hold(
            "every payment report is taken",
            payments.has_report(&report.payment_id, &report.event_id),
            told,
        )?;
        // One event id names one report: what is sent under it later is the same report again.
        let known = told.before.payments.has_report(&report.payment_id, &report.event_id);
        let captured = payments.find(&report.payment_id).is_some_and(|payment| payment.was_captured());
        let money = report.outcome == PaymentOutcome::Captured && !known;
        hold("no report of money is lost", captured || !money, told)?;
    }
    Ok(())
}
