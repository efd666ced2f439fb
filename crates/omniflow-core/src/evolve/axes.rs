//! The bookkeeping of each axis but the state: stock, payments, the shipment, attention, what was kept.

use crate::payment::Report;
use crate::{
    Attention, CaptureUse, Event, Fulfillment, Order, Payment, PaymentState, Payments, Reason, ReasonCode,
    RefundProgress, Step, StockHold, Timestamp, Verdict,
};

/// Keeps each axis but the state up to date.
pub(super) fn remember(order: &mut Order, event: &Event, at: Timestamp) {
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
    let payment = Payment {
        id: id.clone(),
        amount: *amount,
        state,
        reason: reason.clone(),
        created_at,
        updated_at: at,
    };
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
    // A refund given up earlier and refused now has needed a person since then.
    let since = match &refund.progress {
        RefundProgress::Stuck(attention) => attention.since,
        _ => at,
    };
    refund.progress = match event {
        Event::RefundAccepted { .. } => RefundProgress::Accepted { due_at: deadline },
        Event::PaymentRefunded { reference, .. } => RefundProgress::Done { reference: reference.clone(), at },
        Event::AttentionRaised { .. } => match attention(event, since) {
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
