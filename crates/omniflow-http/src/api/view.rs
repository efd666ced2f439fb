//! An order as the API shows it.

use crate::openapi::words;
use jiff::Timestamp as Instant;
use omniflow_core::{
    Action, AdjustmentKind, EffectId, Fulfillment, FulfillmentStatus, Locale, Money, Order, Payment,
    PaymentStatus, RefundProgress, RefundStatus, ShipmentStatus, State, StateKind, Terms, Timestamp,
    allowed_actions, status,
};
use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use utoipa::ToSchema;

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

/// An order, field by field as in the contract.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub(super) struct OrderView<'o> {
    /// `ORD-` and a time-ordered unique part; safe in a URL.
    order_id: &'o str,
    /// The caller's own number.
    external_id: Option<&'o str>,
    /// The shop's customer.
    customer_id: Option<&'o str>,
    /// Where the order stands, for programs.
    #[schema(value_type = words::OrderState)]
    state: StateKind,
    /// Where the order stands, for people, in the language asked for.
    status: String,
    /// Why the order is undone.
    reason: Option<ReasonView<'o>>,
    /// What the engine has given up on, so that a person must act; beside the state.
    attention: Option<AttentionView<'o>>,
    #[schema(value_type = words::OrderPaymentStatus)]
    payment_status: PaymentStatus,
    #[schema(value_type = words::FulfillmentState)]
    fulfillment_status: FulfillmentStatus,
    /// In major units of the currency, exact.
    #[schema(value_type = f64)]
    amount: Major,
    /// In minor units.
    amount_minor: i64,
    /// ISO 4217.
    currency: &'o str,
    /// The lines, as sent.
    items: Vec<LineView<'o>>,
    /// The amounts beside the lines.
    adjustments: Vec<AdjustmentView<'o>>,
    /// Every payment that was reported.
    payments: Vec<PaymentView<'o>>,
    /// What is given back.
    refunds: Vec<RefundView<'o>>,
    /// What is shipped.
    shipments: Vec<ShipmentView<'o>>,
    /// When something ends by itself.
    deadlines: Deadlines,
    /// What can be asked of it now.
    #[schema(value_type = Vec<words::OrderAction>)]
    allowed_actions: Vec<Action>,
    /// Raised by every event; the number of the last one.
    version: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: At,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: At,
    /// When it came to its end.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<At>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub(super) details: Option<DetailsView>,
}

/// Address and metadata, shown where one order is read.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = OrderDetails)]
pub(super) struct DetailsView {
    /// Where to ship; null where there was none, or once erased.
    pub(super) shipping_address: Option<BTreeMap<String, String>>,
    /// The caller's own texts; null where there were none, or once erased.
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

/// Why.
#[derive(Serialize, ToSchema)]
#[schema(as = Reason)]
struct ReasonView<'o> {
    #[schema(value_type = words::Why)]
    code: &'static str,
    /// In the words of whoever caused it.
    detail: Option<&'o str>,
}

/// What needs a person.
#[derive(Serialize, ToSchema)]
#[schema(as = Attention)]
struct AttentionView<'o> {
    /// The effect, as providers know it.
    effect_id: String,
    #[schema(value_type = words::AttentionStep)]
    step: &'static str,
    reason: ReasonView<'o>,
    /// How often it was tried.
    attempts: u32,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: At,
}

/// One line, as sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Line)]
pub(super) struct LineView<'o> {
    /// The caller's name for the line, or its place from 1.
    line_id: &'o str,
    /// What.
    sku: &'o str,
    /// How many.
    quantity: u32,
    /// The price of one, in major units.
    #[schema(value_type = Option<f64>)]
    unit_price: Option<Major>,
    /// The price of one, in minor units.
    unit_price_minor: Option<i64>,
}

/// One amount beside the lines.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderAdjustment)]
pub(super) struct AdjustmentView<'o> {
    #[schema(value_type = words::AdjustmentWord)]
    kind: AdjustmentKind,
    /// The shop's words for it.
    label: Option<&'o str>,
    /// In major units of the currency, exact.
    #[schema(value_type = f64)]
    amount: Major,
    /// In minor units.
    amount_minor: i64,
}

/// One payment.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
struct PaymentView<'o> {
    /// The payment.
    payment_id: &'o str,
    /// Where the order stands, for people, in the language asked for.
    #[schema(value_type = words::OrderPaymentStatus)]
    status: PaymentStatus,
    /// In major units of the currency, exact.
    #[schema(value_type = f64)]
    amount: Major,
    /// In minor units.
    amount_minor: i64,
    /// ISO 4217.
    currency: String,
    /// The provider's words.
    reason: Option<&'o str>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: At,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: At,
}

/// One refund.
#[derive(Serialize, ToSchema)]
#[schema(as = Refund)]
struct RefundView<'o> {
    /// The refund.
    refund_id: String,
    /// The payment.
    payment_id: &'o str,
    /// In major units of the currency, exact.
    #[schema(value_type = f64)]
    amount: Major,
    /// In minor units.
    amount_minor: i64,
    /// ISO 4217.
    currency: String,
    /// Where the order stands, for people, in the language asked for.
    #[schema(value_type = words::RefundState)]
    status: RefundStatus,
    /// Why it is stuck.
    reason: Option<&'o str>,
    /// The payment provider's name for the refund.
    provider_reference: Option<&'o str>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: At,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: At,
}

/// One shipment.
#[derive(Serialize, ToSchema)]
#[schema(as = Shipment)]
struct ShipmentView<'o> {
    /// The shipment.
    shipment_id: String,
    /// Where the order stands, for people, in the language asked for.
    #[schema(value_type = words::ShipmentState)]
    status: ShipmentStatus,
    /// The carrier's number.
    tracking_number: Option<&'o str>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: At,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: At,
}

/// When something ends by itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Deadlines)]
struct Deadlines {
    /// When the payment window ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    payment_due_at: Option<At>,
    /// When the review ends by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
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
