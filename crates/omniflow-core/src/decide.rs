//! What may be done to an order, and which facts follow.
//!
//! [`decide`] never sees stock and takes no time: what is in stock is the outcome of an effect, and only
//! a timer's own command expires an order. `Ok` with no events means that the command was applied before.

mod settle;
#[cfg(test)]
mod tests;

use crate::{
    Action, AttentionCode, CaptureUse, Command, Decision, EffectKey, Event, MAX_PAYMENTS, Order, Payment,
    PaymentOutcome, PaymentReport, PaymentState, Rejection, State, Step,
};
use settle::{elapse, ignore, settle};

/// Reports that one order takes, a bound on what a misbehaving caller can store. Only those that are no more
/// than listed are bound by it: neither money nor the end of a payment is turned away for the number of tries
/// before. That an order has at most [`MAX_PAYMENTS`] payments bounds those too, as the contract says. Neither
/// bounds what was acknowledged already, [`Command::RecordPayment`].
const MAX_REPORTS: usize = 10 * MAX_PAYMENTS;

/// Decides what a command does.
///
/// # Errors
/// A [`Rejection`] when the order's state forbids it; nothing is recorded then.
pub fn decide(order: &Order, command: &Command) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::ReportPayment(report) => report_payment(order, report),
        Command::RecordPayment(report) => Ok(record_payment(order, report)),
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
        Command::Misunderstand { signal, reason } => Ok(ignore(order, signal.clone(), reason.clone())),
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
        Action::Pay => {
            can_be_kept(order) && has_room_for_a_capture(order) && !(reserving && is_given_up(order))
        }
        Action::Approve | Action::Reject => (reserving || in_review) && order.verdict.is_none(),
        Action::Cancel => (reserving || in_review || awaiting) && order.cancel.is_none(),
        Action::Retry | Action::Skip => order.attention().is_some(),
        Action::Compensate => order.attention().is_some_and(|attention| attention.effect.step == Step::Ship),
    }
}

/// Whether a capture now would pay for the order.
fn can_be_kept(order: &Order) -> bool {
    matches!(order.state, State::Reserving | State::InReview | State::AwaitingPayment { .. })
        && !order.payments.is_paid()
}

/// Whether the order takes a capture that it has not seen: of another payment, or of one that was only tried.
fn has_room_for_a_capture(order: &Order) -> bool {
    let payments = &order.payments;
    payments.iter().len() < MAX_PAYMENTS || payments.iter().any(|payment| !payment.was_captured())
}

/// Whether what was kept while reserving will undo the order as soon as its stock is decided.
fn is_given_up(order: &Order) -> bool {
    let rejected = order.verdict.as_ref().is_some_and(|verdict| verdict.decision == Decision::Reject);
    order.cancel.is_some() || (rejected && order.terms.needs_review())
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

/// Payment reports are taken in every state, within bounds.
fn report_payment(order: &Order, report: &PaymentReport) -> Result<Vec<Event>, Rejection> {
    let payments = &order.payments;
    let events = record_payment(order, report);
    if events.is_empty() {
        return Ok(events);
    }
    let known = payments.find(&report.payment_id);
    if known.is_none() && payments.iter().len() >= MAX_PAYMENTS {
        return Err(Rejection::TooManyPayments(payments.iter().len()));
    }
    if payments.reports() >= MAX_REPORTS && is_only_listed(order, known, report.outcome) {
        return Err(Rejection::TooManyReports(payments.reports()));
    }
    Ok(events)
}

/// What a payment report does, once.
fn record_payment(order: &Order, report: &PaymentReport) -> Vec<Event> {
    if order.payments.has_report(&report.payment_id, &report.event_id) {
        return vec![];
    }
    let (payment_id, event_id) = (report.payment_id.clone(), report.event_id.clone());
    let amount = report.amount.unwrap_or(order.terms.total);
    let reason = report.reason.clone();
    vec![match report.outcome {
        PaymentOutcome::Captured => {
            let r#use = use_of_capture(order, report);
            Event::PaymentCaptured { payment_id, event_id, amount, r#use, reason }
        }
        PaymentOutcome::Declined => Event::PaymentDeclined { payment_id, event_id, amount, reason },
        PaymentOutcome::Failed => Event::PaymentFailed { payment_id, event_id, amount, reason },
    }]
}

/// Whether a report would change nothing but the list of reports and what is shown of the last one.
fn is_only_listed(order: &Order, payment: Option<&Payment>, outcome: PaymentOutcome) -> bool {
    let was_captured = payment.is_some_and(Payment::was_captured);
    match outcome {
        PaymentOutcome::Captured => was_captured,
        PaymentOutcome::Declined => true,
        PaymentOutcome::Failed if matches!(order.state, State::AwaitingPayment { .. }) => false,
        PaymentOutcome::Failed => {
            was_captured || payment.is_some_and(|payment| payment.state == PaymentState::Failed)
        }
    }
}

/// A capture is kept only where it can still pay for the order; any other must be given back.
fn use_of_capture(order: &Order, report: &PaymentReport) -> CaptureUse {
    if order.payments.find(&report.payment_id).is_some_and(|payment| payment.was_captured()) {
        return CaptureUse::Note;
    }
    let whole_amount = report.amount.is_none_or(|amount| amount == order.terms.total);
    if can_be_kept(order) && whole_amount { CaptureUse::Keep } else { CaptureUse::Refund }
}
