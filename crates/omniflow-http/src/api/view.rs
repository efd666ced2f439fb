//! An order as the API shows it.

mod lines;
mod payments;
mod shipments;
mod values;

pub(super) use lines::{AdjustmentView, LineView, adjustments, lines};
pub(super) use values::{At, Major};

use crate::openapi::words;
use omniflow_core::{
    Action, EffectId, FulfillmentStatus, Locale, Order, PaymentStatus, State, StateKind, Timestamp,
    allowed_actions, status,
};
use payments::{PaymentView, RefundView, refunds};
use serde::Serialize;
use shipments::{ShipmentView, shipment};
use std::collections::BTreeMap;
use utoipa::ToSchema;

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
