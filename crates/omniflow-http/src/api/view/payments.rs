//! What was paid, and what is given back.

use super::values::{At, Major};
use crate::openapi::words;
use omniflow_core::{Order, Payment, PaymentStatus, RefundProgress, RefundStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// One payment.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
pub(super) struct PaymentView<'o> {
    /// The payment.
    payment_id: &'o str,
    /// How it stands.
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
pub(super) struct RefundView<'o> {
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
    /// How it stands.
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

impl<'o> PaymentView<'o> {
    pub(super) fn of(payment: &'o Payment) -> Self {
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

pub(super) fn refunds(order: &Order) -> Vec<RefundView<'_>> {
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
