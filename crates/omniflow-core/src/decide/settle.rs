//! What became of an effect: the outcome, as the engine or a provider reports it, and the timers beside it.

use crate::{
    AttentionCode, EffectKey, Event, Fulfillment, Order, Outcome, ReasonText, Receipt, Refund,
    RefundProgress, Rejection, Step, StockHold, TimerId, next,
};

/// Signals without sense that are recorded; further ones are dropped.
const MAX_IGNORED: u8 = 100;

/// What became of an effect. The same outcome again changes nothing; one that contradicts what is
/// recorded is noted and changes nothing either.
pub(super) fn settle(order: &Order, effect: EffectKey, outcome: &Outcome) -> Result<Vec<Event>, Rejection> {
    let Some(event) = event_of(order, effect, outcome) else {
        return Err(Rejection::ImpossibleOutcome { effect, outcome: outcome.word().to_owned() });
    };
    let known = || agrees(order, effect, outcome);
    Ok(match Standing::of(order, effect) {
        Standing::Wanted => vec![event],
        // Only a decision moves an effect whose attempts have stopped.
        Standing::Waiting if is_decision(outcome) && !known() => vec![event],
        Standing::Waiting => vec![],
        Standing::Settled if known() => vec![],
        Standing::Settled => ignore(order, format!("{effect} {}", outcome.word()), None),
    })
}

/// The fact that an outcome is. `None` where the effect cannot end so, or there is no such payment.
fn event_of(order: &Order, effect: EffectKey, outcome: &Outcome) -> Option<Event> {
    let payment = match effect.step {
        Step::RefundPayment(number) => Some(order.payments.number(number)?),
        _ => None,
    };
    Some(match (effect.step, outcome) {
        (Step::ReserveStock, Outcome::Done(Receipt::Stock)) => Event::StockReserved {},
        (Step::ReserveStock, Outcome::NoStock(refusal)) => Event::StockRefused { refusal: refusal.clone() },
        (Step::ReleaseStock, Outcome::Done(Receipt::Stock)) => Event::StockReleased {},
        (Step::ConsumeStock, Outcome::Done(Receipt::Stock)) => Event::StockConsumed {},
        (Step::Ship, Outcome::Done(Receipt::Shipment { tracking_number })) => {
            Event::Shipped { effect, tracking_number: tracking_number.clone() }
        }
        (Step::Ship, Outcome::Accepted { reference }) => {
            Event::ShipmentAccepted { effect, reference: reference.clone() }
        }
        (Step::Ship, Outcome::Refused { reason }) => {
            Event::ShipmentRefused { effect, reason: reason.clone() }
        }
        (Step::RefundPayment(_), Outcome::Done(Receipt::Refund { reference })) => {
            let payment_id = payment?.id.clone();
            Event::PaymentRefunded { effect, payment_id, reference: reference.clone() }
        }
        (Step::RefundPayment(_), Outcome::Accepted { reference }) => {
            Event::RefundAccepted { effect, reference: reference.clone() }
        }
        (Step::RefundPayment(_), Outcome::Refused { reason }) => {
            attention(effect, AttentionCode::Refused, 1, reason)
        }
        (Step::Ship | Step::RefundPayment(_), Outcome::Exhausted { attempts, last_error }) => {
            attention(effect, AttentionCode::AttemptsExhausted, *attempts, last_error)
        }
        (Step::Ship | Step::RefundPayment(_), Outcome::Unknown { attempts, last_error }) => {
            attention(effect, AttentionCode::OutcomeUnknown, *attempts, last_error)
        }
        _ => return None,
    })
}

fn attention(effect: EffectKey, code: AttentionCode, attempts: u32, detail: &Option<ReasonText>) -> Event {
    Event::AttentionRaised { effect, code, attempts, detail: detail.clone() }
}

const fn is_decision(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done(_) | Outcome::NoStock(_) | Outcome::Refused { .. })
}

/// How an order regards an effect.
enum Standing {
    /// It is wanted now.
    Wanted,
    /// Accepted by its provider, or given up by the engine: only its outcome is still of interest.
    Waiting,
    /// It is decided, was never wanted, or belongs to another round.
    Settled,
}

impl Standing {
    fn of(order: &Order, effect: EffectKey) -> Self {
        if next(order).effects.iter().any(|wanted| wanted.key == effect) {
            return Self::Wanted;
        }
        let waiting = match effect.step {
            Step::Ship => match &order.fulfillment {
                Fulfillment::Accepted { round, .. } => *round == effect.round,
                Fulfillment::Stuck(attention) => attention.effect == effect,
                _ => false,
            },
            Step::RefundPayment(number) => {
                order.payments.number(number).and_then(|p| p.refund()).is_some_and(|refund| {
                    refund.round == effect.round
                        && matches!(
                            refund.progress,
                            RefundProgress::Accepted { .. } | RefundProgress::Stuck(_)
                        )
                })
            }
            _ => false,
        };
        if waiting { Self::Waiting } else { Self::Settled }
    }
}

/// Whether an outcome is the one already recorded, or says nothing that an order could still record.
fn agrees(order: &Order, effect: EffectKey, outcome: &Outcome) -> bool {
    use Fulfillment as F;
    use StockHold as H;
    if !is_decision(outcome) {
        return true;
    }
    match (effect.step, outcome) {
        (Step::ReserveStock, Outcome::NoStock(_)) => matches!(order.stock, H::Refused(_)),
        (Step::ReserveStock, _) => matches!(order.stock, H::Held | H::Released | H::Consumed),
        (Step::ReleaseStock, _) => order.stock == H::Released,
        (Step::ConsumeStock, _) => order.stock == H::Consumed,
        (Step::Ship, Outcome::Done(_)) => matches!(order.fulfillment, F::Shipped { .. }),
        (Step::Ship, _) => order.fulfillment == F::Refused,
        (Step::RefundPayment(number), _) => order
            .payments
            .number(number)
            .and_then(|payment| payment.refund())
            .is_some_and(|refund| refund_agrees(refund, effect.round, outcome)),
    }
}

/// Only a refusal raises the round, so every earlier round was refused.
fn refund_agrees(refund: &Refund, round: u32, outcome: &Outcome) -> bool {
    match (&refund.progress, outcome) {
        (_, Outcome::Refused { .. }) if round < refund.round => true,
        (RefundProgress::Stuck(attention), Outcome::Refused { .. }) => {
            round == refund.round && attention.code == AttentionCode::Refused
        }
        (RefundProgress::Done { .. }, Outcome::Done(_)) => round == refund.round,
        _ => false,
    }
}

/// Records what makes no sense, unless there is too much of it.
pub(super) fn ignore(order: &Order, signal: String, reason: Option<ReasonText>) -> Vec<Event> {
    if order.ignored < MAX_IGNORED { vec![Event::SignalIgnored { signal, reason }] } else { vec![] }
}

/// A timer that is no longer wanted fired too late to matter.
pub(super) fn elapse(order: &Order, timer: TimerId) -> Vec<Event> {
    if !next(order).timers.iter().any(|wanted| wanted.id == timer) {
        return vec![];
    }
    match timer {
        TimerId::PaymentWindow => vec![Event::PaymentWindowElapsed {}],
        TimerId::ProviderDeadline(effect) => {
            vec![attention(effect, AttentionCode::OutcomeUnknown, 1, &None)]
        }
    }
}
