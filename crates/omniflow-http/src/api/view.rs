//! An order as the API shows it.

use jiff::Timestamp as Instant;
use omniflow_core::{
    Action, AdjustmentKind, EffectId, Fulfillment, FulfillmentStatus, Locale, Money, Order, Payment,
    PaymentStatus, RefundProgress, RefundStatus, ShipmentStatus, State, StateKind, Terms, Timestamp,
    allowed_actions, status,
};
use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Major units as an exact JSON number.
pub(super) struct Major(pub(super) Money);

impl Serialize for Major {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_major()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// A moment in RFC 3339, UTC.
pub(super) struct At(pub(super) Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let instant = Instant::from_millisecond(self.0.as_millis()).map_err(ser::Error::custom)?;
        serializer.collect_str(&instant)
    }
}

/// The order. Field by field as in the contract.
#[derive(Serialize)]
pub(super) struct OrderView<'o> {
    order_id: &'o str,
    external_id: Option<&'o str>,
    customer_id: Option<&'o str>,
    state: StateKind,
    status: String,
    reason: Option<ReasonView<'o>>,
    attention: Option<AttentionView<'o>>,
    payment_status: PaymentStatus,
    fulfillment_status: FulfillmentStatus,
    amount: Major,
    amount_minor: i64,
    currency: &'o str,
    items: Vec<LineView<'o>>,
    adjustments: Vec<AdjustmentView<'o>>,
    payments: Vec<PaymentView<'o>>,
    refunds: Vec<RefundView<'o>>,
    shipments: Vec<ShipmentView<'o>>,
    deadlines: Deadlines,
    allowed_actions: Vec<Action>,
    version: u32,
    created_at: At,
    updated_at: At,
    ended_at: Option<At>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) details: Option<DetailsView>,
}

/// Address and metadata, shown where one order is read.
#[derive(Default, Serialize)]
pub(super) struct DetailsView {
    pub(super) shipping_address: Option<BTreeMap<String, String>>,
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct ReasonView<'o> {
    code: &'static str,
    detail: Option<&'o str>,
}

#[derive(Serialize)]
struct AttentionView<'o> {
    effect_id: String,
    step: &'static str,
    reason: ReasonView<'o>,
    attempts: u32,
    since: At,
}

/// One line, as sent.
#[derive(Serialize)]
pub(super) struct LineView<'o> {
    line_id: &'o str,
    sku: &'o str,
    quantity: u32,
    unit_price: Option<Major>,
    unit_price_minor: Option<i64>,
}

/// One amount beside the lines.
#[derive(Serialize)]
pub(super) struct AdjustmentView<'o> {
    kind: AdjustmentKind,
    label: Option<&'o str>,
    amount: Major,
    amount_minor: i64,
}

#[derive(Serialize)]
struct PaymentView<'o> {
    payment_id: &'o str,
    status: PaymentStatus,
    amount: Major,
    amount_minor: i64,
    currency: String,
    reason: Option<&'o str>,
    created_at: At,
    updated_at: At,
}

#[derive(Serialize)]
struct RefundView<'o> {
    refund_id: String,
    payment_id: &'o str,
    amount: Major,
    amount_minor: i64,
    currency: String,
    status: RefundStatus,
    reason: Option<&'o str>,
    provider_reference: Option<&'o str>,
    created_at: At,
    updated_at: At,
}

#[derive(Serialize)]
struct ShipmentView<'o> {
    shipment_id: String,
    status: ShipmentStatus,
    tracking_number: Option<&'o str>,
    created_at: At,
    updated_at: At,
}

#[derive(Serialize)]
struct Deadlines {
    payment_due_at: Option<At>,
    review_due_at: Option<At>,
}

impl<'o> OrderView<'o> {
    /// Shows an order as read at `now`.
    pub(super) fn of(order: &'o Order, locale: Locale, now: Timestamp) -> Self {
        let terms = &order.terms;
        Self {
            order_id: order.id.as_str(),
            external_id: terms.external_id.as_ref().map(|id| id.as_str()),
            customer_id: terms.customer_id.as_ref().map(|id| id.as_str()),
            state: order.kind(),
            status: status::text(order, locale, now),
            reason: order.state.reason().map(|reason| ReasonView {
                code: reason.code.as_str(),
                detail: reason.detail.as_ref().map(|detail| detail.as_str()),
            }),
            attention: attention(order),
            payment_status: order.payments.status(),
            fulfillment_status: order.fulfillment.status(),
            amount: Major(terms.total),
            amount_minor: terms.total.minor,
            currency: currency_of(order),
            items: lines(terms),
            adjustments: adjustments(terms),
            payments: order.payments.iter().map(PaymentView::of).collect(),
            refunds: refunds(order),
            shipments: shipment(order).into_iter().collect(),
            deadlines: Deadlines { payment_due_at: payment_due_at(order), review_due_at: None },
            allowed_actions: allowed_actions(order),
            version: order.version,
            created_at: At(order.created_at),
            updated_at: At(order.updated_at),
            ended_at: order.ended_at.map(At),
            details: None,
        }
    }
}

fn currency_of(order: &Order) -> &str {
    order.terms.total.currency.code()
}

fn payment_due_at(order: &Order) -> Option<At> {
    match order.state {
        State::AwaitingPayment { due_at } => Some(At(due_at)),
        _ => None,
    }
}

fn attention(order: &Order) -> Option<AttentionView<'_>> {
    let attention = order.attention()?;
    Some(AttentionView {
        effect_id: EffectId { order_id: order.id.clone(), key: attention.effect }.to_string(),
        step: attention.effect.step.kind().as_str(),
        reason: ReasonView {
            code: attention.code.as_str(),
            detail: attention.detail.as_ref().map(|detail| detail.as_str()),
        },
        attempts: attention.attempts,
        since: At(attention.since),
    })
}

/// The lines, as sent.
pub(super) fn lines(terms: &Terms) -> Vec<LineView<'_>> {
    let views = terms.lines.iter().map(|line| LineView {
        line_id: line.line_id.as_str(),
        sku: line.sku.as_str(),
        quantity: line.quantity,
        unit_price: line.unit_price_minor.map(|minor| Major(Money::new(minor, terms.total.currency))),
        unit_price_minor: line.unit_price_minor,
    });
    views.collect()
}

/// The amounts beside the lines.
pub(super) fn adjustments(terms: &Terms) -> Vec<AdjustmentView<'_>> {
    let views = terms.adjustments.iter().map(|adjustment| AdjustmentView {
        kind: adjustment.kind,
        label: adjustment.label.as_ref().map(|label| label.as_str()),
        amount: Major(Money::new(adjustment.amount_minor, terms.total.currency)),
        amount_minor: adjustment.amount_minor,
    });
    views.collect()
}

impl<'o> PaymentView<'o> {
    fn of(payment: &'o Payment) -> Self {
        Self {
            payment_id: payment.id.as_str(),
            status: payment.status(),
            amount: Major(payment.amount),
            amount_minor: payment.amount.minor,
            currency: payment.amount.currency.to_string(),
            reason: payment.reason.as_ref().map(|reason| reason.as_str()),
            created_at: At(payment.created_at),
            updated_at: At(payment.updated_at),
        }
    }
}

fn refunds(order: &Order) -> Vec<RefundView<'_>> {
    let views = order.payments.refunds().map(|(number, payment, refund)| {
        let (reason, provider_reference) = match &refund.progress {
            RefundProgress::Stuck(attention) => {
                (attention.detail.as_ref().map(|detail| detail.as_str()), None)
            }
            RefundProgress::Done { reference, .. } => (None, reference.as_ref().map(|r| r.as_str())),
            _ => (None, None),
        };
        RefundView {
            refund_id: format!("{}.refund-{number}", order.id),
            payment_id: payment.id.as_str(),
            amount: Major(payment.amount),
            amount_minor: payment.amount.minor,
            currency: payment.amount.currency.to_string(),
            status: refund.status(),
            reason,
            provider_reference,
            created_at: At(refund.requested_at),
            updated_at: At(refund.updated_at),
        }
    });
    views.collect()
}

fn shipment(order: &Order) -> Option<ShipmentView<'_>> {
    let (created_at, updated_at) = order.shipment_times?;
    Some(ShipmentView {
        shipment_id: format!("{}.shipment-1", order.id),
        status: order.fulfillment.shipment_status()?,
        tracking_number: match &order.fulfillment {
            Fulfillment::Shipped { tracking_number } => Some(tracking_number.as_str()),
            _ => None,
        },
        created_at: At(created_at),
        updated_at: At(updated_at),
    })
}
