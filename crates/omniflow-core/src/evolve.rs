//! What a fact leads to: the lifecycle's table of transitions, and the bookkeeping of each axis.

mod axes;
#[cfg(test)]
mod tests;

use crate::{
    CaptureUse, Decision, Entry, Event, Fulfillment, Order, Payments, RULES, Reason, ReasonCode, ReasonText,
    State, StockHold, StockRefusal, Timestamp, Verdict,
};
use axes::remember;

/// Events that are no order's life.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// There are none.
    #[error("no events")]
    Empty,
    /// The first one is not the placing.
    #[error("the first event is {0}, not order_placed")]
    NotPlaced(&'static str),
    /// An order is placed once.
    #[error("event {0} is order_placed, and the order was placed before")]
    PlacedAgain(u32),
    /// One is missing or out of place.
    #[error("event {found} stands where {expected} belongs")]
    Gap {
        /// The number that belongs there.
        expected: u32,
        /// The number that is there.
        found: u32,
    },
    /// Placed under rules that this program does not know.
    #[error("placed under rules {0}, newer than this program knows")]
    NewerRules(u16),
}

/// The order that a placing makes.
///
/// # Errors
/// [`FoldError`] when the entry is no placing, not the first, or of rules that this program does not know.
pub fn placed(entry: &Entry) -> Result<Order, FoldError> {
    let Event::OrderPlaced { order_id, terms, details } = &entry.event else {
        return Err(FoldError::NotPlaced(entry.event.name()));
    };
    if entry.seq != 1 {
        return Err(FoldError::Gap { expected: 1, found: entry.seq });
    }
    if terms.policies.rules > RULES {
        return Err(FoldError::NewerRules(terms.policies.rules));
    }
    Ok(Order {
        id: order_id.clone(),
        terms: (**terms).clone(),
        state: State::Reserving,
        stock: StockHold::Undecided,
        payments: Payments::default(),
        fulfillment: Fulfillment::NotStarted,
        shipment_times: None,
        verdict: None,
        cancel: None,
        details: *details,
        ignored: 0,
        version: entry.seq,
        created_at: entry.at,
        updated_at: entry.at,
        ended_at: None,
    })
}

/// Folds a whole life.
///
/// # Errors
/// [`FoldError`] with the place at which the entries stop being one order's life.
pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Order, FoldError> {
    let mut entries = entries.into_iter();
    let mut order = placed(entries.next().ok_or(FoldError::Empty)?)?;
    for entry in entries {
        if entry.seq != order.version + 1 {
            return Err(FoldError::Gap { expected: order.version + 1, found: entry.seq });
        }
        if let Event::OrderPlaced { .. } = entry.event {
            return Err(FoldError::PlacedAgain(entry.seq));
        }
        order = evolve(order, entry);
    }
    Ok(order)
}

/// Folds one entry into an order.
pub fn evolve(mut order: Order, entry: &Entry) -> Order {
    let Entry { at, event, .. } = entry;
    order.version = entry.seq;
    order.updated_at = *at;
    remember(&mut order, event, *at);
    match transition(&order, event) {
        Move::Stay => {}
        Move::Reserved => after_reserving(&mut order, *at),
        Move::Cleared => after_review(&mut order, *at),
        Move::Paid => ship(&mut order, *at),
        Move::Undo(reason) => undo(&mut order, reason, *at),
        Move::Complete => order.state = State::Completed,
    }
    finish(&mut order, *at);
    order
}

/// Where a fact moves an order.
enum Move {
    Stay,
    Reserved,
    Cleared,
    Paid,
    Undo(Reason),
    Complete,
}

/// The transitions of the lifecycle. What is not in this table moves no state.
fn transition(order: &Order, event: &Event) -> Move {
    use Event as E;
    use ReasonCode as Why;
    use State as S;
    let undo = |code, detail: &Option<ReasonText>| Move::Undo(Reason { code, detail: detail.clone() });
    match (&order.state, event) {
        (S::Reserving, E::StockReserved {}) => Move::Reserved,
        (S::Reserving, E::StockRefused { refusal }) => Move::Undo(Reason::bare(match refusal {
            StockRefusal::OutOfStock(_) => Why::OutOfStock,
            StockRefusal::UnknownSku(_) => Why::UnknownSku,
        })),
        (S::InReview, E::DecisionRecorded { decision: Decision::Approve, .. }) => Move::Cleared,
        (S::InReview, E::DecisionRecorded { decision: Decision::Reject, reason }) => {
            undo(Why::ReviewRejected, reason)
        }
        (S::InReview | S::AwaitingPayment { .. }, E::CancelRequested { reason }) => {
            undo(Why::CancelledOnRequest, reason)
        }
        (S::AwaitingPayment { .. }, E::PaymentCaptured { r#use: CaptureUse::Keep, .. }) => Move::Paid,
        (S::AwaitingPayment { .. }, E::PaymentFailed { reason, .. }) => undo(Why::PaymentFailed, reason),
        (S::AwaitingPayment { .. }, E::PaymentWindowElapsed {}) => undo(Why::PaymentTimeout, &None),
        (S::Shipping, E::ShipmentRefused { reason, .. }) => undo(Why::ShippingFailed, reason),
        (S::Shipping, E::CompensationRequested { reason, .. }) => undo(Why::CompensatedOnRequest, reason),
        (S::Shipping, E::StockConsumed {}) => Move::Complete,
        _ => Move::Stay,
    }
}

/// Stock is there: what was asked for meanwhile is applied, a wish to cancel first.
fn after_reserving(order: &mut Order, at: Timestamp) {
    if let Some(reason) = order.cancel.clone() {
        return undo(order, reason, at);
    }
    match &order.verdict {
        _ if !order.terms.needs_review() => after_review(order, at),
        None => order.state = State::InReview,
        Some(Verdict { decision: Decision::Approve, .. }) => after_review(order, at),
        Some(Verdict { decision: Decision::Reject, reason }) => {
            let reason = Reason { code: ReasonCode::ReviewRejected, detail: reason.clone() };
            undo(order, reason, at);
        }
    }
}

/// Nothing stands between the order and its payment, which may be there already.
fn after_review(order: &mut Order, at: Timestamp) {
    if order.payments.is_paid() {
        return ship(order, at);
    }
    order.state = State::AwaitingPayment { due_at: at.plus_millis(order.terms.policies.payment_window_ms) };
}

fn ship(order: &mut Order, at: Timestamp) {
    order.state = State::Shipping;
    order.fulfillment = Fulfillment::Requested { round: 1 };
    order.shipment_times = Some((at, at));
}

/// Undoes what was done: the payment goes back here, the stock by [`next`](crate::next()).
fn undo(order: &mut Order, reason: Reason, at: Timestamp) {
    if order.payments.is_paid()
        && let Some(kept) = order.payments.kept.and_then(|kept| order.payments.list.get_mut(kept as usize))
    {
        kept.give_back(at);
    }
    order.state = State::Compensating { reason };
}

/// Ended states are shown only when every compensation has been acknowledged.
fn finish(order: &mut Order, at: Timestamp) {
    if let State::Compensating { reason } = &order.state
        && order.stock != StockHold::Held
        && order.payments.refunds().all(|(_, _, refund)| !refund.is_pending())
    {
        order.state = State::Undone { reason: reason.clone() };
    }
    if order.ended_at.is_none() && order.kind().is_ended() {
        order.ended_at = Some(at);
    }
}
