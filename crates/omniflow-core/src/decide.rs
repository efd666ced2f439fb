//! What may be done to an order, and which facts follow.
//!
//! [`decide`] never sees stock and takes no time: what is in stock is the outcome of an effect, and only
//! a timer's own command expires an order. `Ok` with no events means that the command was applied before.

use crate::{
    Action, AttentionCode, CaptureUse, Command, Decision, EffectKey, Event, Fulfillment, MAX_PAYMENTS, Order,
    Outcome, PaymentOutcome, PaymentReport, Receipt, RefundProgress, Rejection, State, Step, StockHold,
    TimerId, next,
};

/// Reports that one payment takes through the API, a bound on what a misbehaving caller can store.
const MAX_REPORTS: usize = 10 * MAX_PAYMENTS;

/// Signals without sense that are recorded; further ones are dropped.
const MAX_IGNORED: u8 = 100;

/// Decides what a command does.
///
/// # Errors
/// A [`Rejection`] when the order's state forbids it; nothing is recorded then.
pub fn decide(order: &Order, command: &Command) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::ReportPayment(report) => report_payment(order, report),
        Command::Decide { decision, reason } => {
            let action = match decision {
                Decision::Approve => Action::Approve,
                Decision::Reject => Action::Reject,
            };
            match &order.verdict {
                Some(verdict) if verdict.decision == *decision => Ok(vec![]),
                _ => permit(order, action, || Event::DecisionRecorded {
                    decision: *decision,
                    reason: reason.clone(),
                }),
            }
        }
        Command::Cancel { .. } if order.cancel.is_some() => Ok(vec![]),
        Command::Cancel { reason } => {
            permit(order, Action::Cancel, || Event::CancelRequested { reason: reason.clone() })
        }
        Command::Retry => on_attention(order, Action::Retry, |effect, code| Event::Retried {
            effect: EffectKey { round: effect.round + u32::from(code == AttentionCode::Refused), ..effect },
        }),
        Command::Skip { reason } => {
            on_attention(order, Action::Skip, |effect, _| Event::Skipped { effect, reason: reason.clone() })
        }
        Command::Compensate { reason } => on_attention(order, Action::Compensate, |effect, _| {
            Event::CompensationRequested { effect, reason: reason.clone() }
        }),
        Command::EraseDetails => erase_details(order),
        Command::Settle { effect, outcome } => settle(order, *effect, outcome),
        Command::Elapse(timer) => Ok(elapse(order, *timer)),
    }
}

/// What people and shops may ask of the order now, in the order of the contract.
pub fn allowed_actions(order: &Order) -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| allows(order, *action)).collect()
}

fn allows(order: &Order, action: Action) -> bool {
    let reserving = order.state == State::Reserving;
    let in_review = order.state == State::InReview;
    let awaiting = matches!(order.state, State::AwaitingPayment { .. });
    match action {
        Action::Pay => (reserving || in_review || awaiting) && !order.payments.is_paid(),
        Action::Approve | Action::Reject => (reserving || in_review) && order.verdict.is_none(),
        Action::Cancel => (reserving || in_review || awaiting) && order.cancel.is_none(),
        Action::Retry | Action::Skip => order.attention().is_some(),
        Action::Compensate => order.attention().is_some_and(|attention| attention.effect.step == Step::Ship),
    }
}

fn permit(order: &Order, action: Action, event: impl FnOnce() -> Event) -> Result<Vec<Event>, Rejection> {
    if allows(order, action) { Ok(vec![event()]) } else { Err(refuse(order, action.as_str())) }
}

fn refuse(order: &Order, action: &'static str) -> Rejection {
    Rejection::ActionNotAllowed { action, state: order.kind(), allowed: allowed_actions(order) }
}

fn on_attention(
    order: &Order,
    action: Action,
    event: impl FnOnce(EffectKey, AttentionCode) -> Event,
) -> Result<Vec<Event>, Rejection> {
    match order.attention() {
        Some(attention) if allows(order, action) => Ok(vec![event(attention.effect, attention.code)]),
        _ => Err(refuse(order, action.as_str())),
    }
}

fn erase_details(order: &Order) -> Result<Vec<Event>, Rejection> {
    if !order.kind().is_ended() {
        return Err(refuse(order, "erase_details"));
    }
    Ok(order.details.map(|_| Event::DetailsErased {}).into_iter().collect())
}

/// Payment reports are taken in every state, each once.
fn report_payment(order: &Order, report: &PaymentReport) -> Result<Vec<Event>, Rejection> {
    let payments = &order.payments;
    if payments.has_report(&report.payment_id, &report.event_id) {
        return Ok(vec![]);
    }
    let is_new = payments.find(&report.payment_id).is_none();
    if (is_new && payments.iter().len() >= MAX_PAYMENTS) || payments.reports() >= MAX_REPORTS {
        return Err(Rejection::TooManyPayments(payments.iter().len()));
    }
    let (payment_id, event_id) = (report.payment_id.clone(), report.event_id.clone());
    let amount = report.amount.unwrap_or(order.terms.total);
    let reason = report.reason.clone();
    Ok(vec![match report.outcome {
        PaymentOutcome::Captured => {
            let r#use = use_of_capture(order, report);
            Event::PaymentCaptured { payment_id, event_id, amount, r#use, reason }
        }
        PaymentOutcome::Declined => Event::PaymentDeclined { payment_id, event_id, amount, reason },
        PaymentOutcome::Failed => Event::PaymentFailed { payment_id, event_id, amount, reason },
    }])
}

/// A capture is kept only where it can still pay for the order; any other must be given back.
fn use_of_capture(order: &Order, report: &PaymentReport) -> CaptureUse {
    if order.payments.find(&report.payment_id).is_some_and(|payment| payment.was_captured()) {
        return CaptureUse::Note;
    }
    let whole_amount = report.amount.is_none_or(|amount| amount == order.terms.total);
    if allows(order, Action::Pay) && whole_amount { CaptureUse::Keep } else { CaptureUse::Refund }
}

/// What became of an effect. The same outcome again changes nothing; one that contradicts what is
/// recorded is noted and changes nothing either.
fn settle(order: &Order, effect: EffectKey, outcome: &Outcome) -> Result<Vec<Event>, Rejection> {
    let event = match (effect.step, outcome) {
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
        (Step::Ship, Outcome::Refused { reason }) => Event::ShipmentRefused { effect, reason: reason.clone() },
        (Step::RefundPayment(number), Outcome::Done(Receipt::Refund { reference })) => {
            match order.payments.number(number) {
                Some(payment) => Event::PaymentRefunded {
                    effect,
                    payment_id: payment.id.clone(),
                    reference: reference.clone(),
                },
                None => return Err(impossible(effect, outcome)),
            }
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
        _ => return Err(impossible(effect, outcome)),
    };
    Ok(match Standing::of(order, effect) {
        Standing::Wanted => vec![event],
        // Only a decision moves an effect whose attempts have stopped.
        Standing::Waiting if is_decision(outcome) => vec![event],
        Standing::Waiting => vec![],
        Standing::Settled if agrees(order, effect, outcome) => vec![],
        Standing::Settled => ignore(order, format!("{effect} {}", word(outcome))),
    })
}

fn attention(
    effect: EffectKey,
    code: AttentionCode,
    attempts: u32,
    detail: &Option<crate::ReasonText>,
) -> Event {
    Event::AttentionRaised { effect, code, attempts, detail: detail.clone() }
}

fn impossible(effect: EffectKey, outcome: &Outcome) -> Rejection {
    Rejection::ImpossibleOutcome { effect, outcome: word(outcome).to_owned() }
}

const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Accepted { .. } => "accepted",
        Outcome::NoStock(_) => "no_stock",
        Outcome::Refused { .. } => "refused",
        Outcome::Exhausted { .. } => "exhausted",
        Outcome::Unknown { .. } => "unknown",
    }
}

const fn is_decision(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done(_) | Outcome::Refused { .. })
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

/// Whether an outcome is the one already recorded, or of an effect that nobody waits for.
fn agrees(order: &Order, effect: EffectKey, outcome: &Outcome) -> bool {
    match (effect.step, outcome) {
        (Step::ReserveStock, Outcome::NoStock(_)) => matches!(order.stock, StockHold::Refused(_)),
        (Step::ReserveStock | Step::ReleaseStock | Step::ConsumeStock, _) => true,
        (Step::Ship, Outcome::Done(_)) => matches!(order.fulfillment, Fulfillment::Shipped { .. }),
        (Step::Ship, Outcome::Refused { .. }) => order.fulfillment == Fulfillment::Refused,
        (Step::RefundPayment(number), Outcome::Done(_)) => order
            .payments
            .number(number)
            .and_then(|p| p.refund())
            .is_some_and(|refund| matches!(refund.progress, RefundProgress::Done { .. })),
        (Step::RefundPayment(_), Outcome::Refused { .. }) => false,
        (Step::Ship | Step::RefundPayment(_), _) => true,
    }
}

fn ignore(order: &Order, signal: String) -> Vec<Event> {
    if order.ignored < MAX_IGNORED { vec![Event::SignalIgnored { signal, reason: None }] } else { vec![] }
}

/// A timer that is no longer wanted fired too late to matter.
fn elapse(order: &Order, timer: TimerId) -> Vec<Event> {
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
