//! What a fact leads to: the lifecycle's table of transitions, and the bookkeeping of each axis.

use crate::{
    Attention, CaptureUse, Decision, Entry, Event, Fulfillment, Order, Payment, PaymentState,
    Payments, RULES, Reason, ReasonCode, ReasonText, RefundProgress, State, Step, StockHold, StockRefusal,
    Timestamp, Verdict, payment::Report,
};

/// Events that are no order's life.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// There are none.
    #[error("no events")]
    Empty,
    /// The first one is not the placing.
    #[error("the first event is {0}, not order_placed")]
    NotPlaced(&'static str),
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
/// [`FoldError`] when the entry is no placing, or of rules that this program does not know.
pub fn placed(entry: &Entry) -> Result<Order, FoldError> {
    let Event::OrderPlaced { order_id, terms, details } = &entry.event else {
        return Err(FoldError::NotPlaced(entry.event.name()));
    };
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

/// Keeps each axis but the state up to date.
fn remember(order: &mut Order, event: &Event, at: Timestamp) {
    match event {
        Event::OrderPlaced { .. } | Event::PaymentWindowElapsed {} => {}
        Event::StockReserved {} => order.stock = StockHold::Held,
        Event::StockRefused { refusal } => order.stock = StockHold::Refused(refusal.clone()),
        Event::StockReleased {} => order.stock = StockHold::Released,
        Event::StockConsumed {} => order.stock = StockHold::Consumed,
        Event::DecisionRecorded { decision, reason } => {
            order.verdict = Some(Verdict { decision: *decision, reason: reason.clone() });
        }
        Event::CancelRequested { reason } => {
            order.cancel = Some(Reason { code: ReasonCode::CancelledOnRequest, detail: reason.clone() });
        }
        Event::PaymentCaptured { .. } | Event::PaymentDeclined { .. } | Event::PaymentFailed { .. } => {
            remember_payment(&mut order.payments, event, at);
        }
        Event::ShipmentAccepted { .. }
        | Event::Shipped { .. }
        | Event::ShipmentRefused { .. }
        | Event::CompensationRequested { .. } => remember_shipment(order, event, at),
        Event::RefundAccepted { effect, .. }
        | Event::PaymentRefunded { effect, .. }
        | Event::AttentionRaised { effect, .. }
        | Event::Retried { effect }
        | Event::Skipped { effect, .. } => match effect.step {
            Step::RefundPayment(number) => remember_refund(order, number, event, at),
            _ => remember_shipment(order, event, at),
        },
        Event::SignalIgnored { .. } => order.ignored = order.ignored.saturating_add(1),
        Event::DetailsErased {} => order.details = None,
    }
}

fn remember_payment(payments: &mut Payments, event: &Event, at: Timestamp) {
    let (id, event_id, amount, reason, state) = match event {
        Event::PaymentCaptured { payment_id, event_id, amount, reason, .. } => {
            (payment_id, event_id, amount, reason, PaymentState::Captured)
        }
        Event::PaymentDeclined { payment_id, event_id, amount, reason } => {
            (payment_id, event_id, amount, reason, PaymentState::Declined)
        }
        Event::PaymentFailed { payment_id, event_id, amount, reason } => {
            (payment_id, event_id, amount, reason, PaymentState::Failed)
        }
        _ => return,
    };
    let known = payments.list.iter().position(|payment| payment.id == *id);
    let index = known.unwrap_or(payments.list.len());
    payments.reports.push(Report { payment: index as u32, event_id: event_id.clone() });
    if known.is_some_and(|known| payments.list[known].was_captured()) {
        return; // What is said of a payment after its capture is only in the timeline.
    }
    let created_at = known.map_or(at, |known| payments.list[known].created_at);
    let payment =
        Payment { id: id.clone(), amount: *amount, state, reason: reason.clone(), created_at, updated_at: at };
    match payments.list.get_mut(index) {
        Some(known) => *known = payment,
        None => payments.list.push(payment),
    }
    match event {
        Event::PaymentCaptured { r#use: CaptureUse::Keep, .. } => payments.kept = Some(index as u32),
        Event::PaymentCaptured { r#use: CaptureUse::Refund, .. } => payments.list[index].give_back(at),
        _ => {}
    }
}

fn remember_shipment(order: &mut Order, event: &Event, at: Timestamp) {
    order.fulfillment = match event {
        Event::ShipmentAccepted { effect, reference } => Fulfillment::Accepted {
            round: effect.round,
            reference: reference.clone(),
            due_at: at.plus_millis(order.terms.policies.provider_deadline_ms),
        },
        Event::Shipped { tracking_number, .. } => {
            Fulfillment::Shipped { tracking_number: tracking_number.clone() }
        }
        Event::ShipmentRefused { .. } => Fulfillment::Refused,
        Event::CompensationRequested { .. } => Fulfillment::Cancelled,
        Event::AttentionRaised { .. } => match attention(event, at) {
            Some(attention) => Fulfillment::Stuck(attention),
            None => return,
        },
        Event::Retried { effect } => Fulfillment::Requested { round: effect.round },
        Event::Skipped { .. } => Fulfillment::Skipped,
        _ => return,
    };
    order.shipment_times = order.shipment_times.map(|(created_at, _)| (created_at, at));
}

fn remember_refund(order: &mut Order, number: u32, event: &Event, at: Timestamp) {
    let deadline = at.plus_millis(order.terms.policies.provider_deadline_ms);
    let Some(payment) = order.payments.number_mut(number) else { return };
    let PaymentState::Refunding(refund) = &mut payment.state else { return };
    refund.progress = match event {
        Event::RefundAccepted { .. } => RefundProgress::Accepted { due_at: deadline },
        Event::PaymentRefunded { reference, .. } => RefundProgress::Done { reference: reference.clone(), at },
        Event::AttentionRaised { .. } => match attention(event, at) {
            Some(attention) => RefundProgress::Stuck(attention),
            None => return,
        },
        Event::Retried { effect } => {
            refund.round = effect.round;
            RefundProgress::Requested
        }
        Event::Skipped { .. } => RefundProgress::Skipped { at },
        _ => return,
    };
    refund.updated_at = at;
    payment.updated_at = at;
}

fn attention(event: &Event, since: Timestamp) -> Option<Attention> {
    match event {
        Event::AttentionRaised { effect, code, attempts, detail } => {
            let (effect, code, attempts, detail) = (*effect, *code, *attempts, detail.clone());
            Some(Attention { effect, code, detail, attempts, since })
        }
        _ => None,
    }
}
