//! What an order wants now, from its state alone. Recovery needs no second record: load an order, ask
//! [`next`], go on.

#[cfg(test)]
mod tests;

use crate::{
    EffectKey, Fulfillment, Order, Payments, RefundProgress, RetryPolicy, State, Step, StockHold, TimerId,
    Timestamp,
};

/// An effect that the order wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which; with the order's id it is the provider's idempotency key.
    pub key: EffectKey,
    /// How it is tried.
    pub retry: RetryPolicy,
}

/// A timer that the order wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedTimer {
    /// Which.
    pub id: TimerId,
    /// When it fires: never earlier.
    pub due_at: Timestamp,
}

/// Everything that an order wants, in a fixed order. The engine compares it with what is running:
/// starts what is new, cancels what is no longer wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// Effects, those on stock first, refunds last.
    pub effects: Vec<Wanted>,
    /// Timers, the order's own first.
    pub timers: Vec<WantedTimer>,
}

impl Next {
    /// When the earliest timer is due.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.timers.iter().map(|timer| timer.due_at).min()
    }
}

/// Says what the order wants.
pub fn next(order: &Order) -> Next {
    let mut next = Next::default();
    stock(order, &mut next);
    shipment(order, &mut next);
    refunds(order, &mut next);
    if let State::AwaitingPayment { due_at } = order.state {
        next.timers.insert(0, WantedTimer { id: TimerId::PaymentWindow, due_at });
    }
    next
}

/// A reservation is consumed once the goods have left, and released when the order is undone.
fn stock(order: &Order, next: &mut Next) {
    let left = matches!(order.fulfillment, Fulfillment::Shipped { .. } | Fulfillment::Skipped);
    let policies = &order.terms.policies;
    let (step, retry) = match (&order.state, &order.stock) {
        (State::Reserving, StockHold::Undecided) => (Step::ReserveStock, policies.forward),
        (State::Shipping, StockHold::Held) if left => (Step::ConsumeStock, policies.forward),
        (State::Compensating { .. }, StockHold::Held) => (Step::ReleaseStock, policies.compensation),
        _ => return,
    };
    next.effects.push(Wanted { key: EffectKey::first(step), retry });
}

fn shipment(order: &Order, next: &mut Next) {
    let policies = &order.terms.policies;
    match order.fulfillment {
        Fulfillment::Requested { round } => {
            next.effects.push(Wanted { key: EffectKey { step: Step::Ship, round }, retry: policies.forward });
        }
        Fulfillment::Accepted { round, due_at, .. } => {
            let id = TimerId::ProviderDeadline(EffectKey { step: Step::Ship, round });
            next.timers.push(WantedTimer { id, due_at });
        }
        _ => {}
    }
}

/// Refunds undo captures, in every state: also beside an order that goes on, and after its end.
fn refunds(order: &Order, next: &mut Next) {
    for (number, _, refund) in order.payments.refunds() {
        let key = Payments::refund_key(number, refund);
        match refund.progress {
            RefundProgress::Requested => {
                next.effects.push(Wanted { key, retry: order.terms.policies.compensation });
            }
            RefundProgress::Accepted { due_at } => {
                next.timers.push(WantedTimer { id: TimerId::ProviderDeadline(key), due_at });
            }
            _ => {}
        }
    }
}
