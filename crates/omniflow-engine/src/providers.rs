//! The ports: who does things outside, and what they can answer to one attempt.

use crate::{Answer, Busy, Details};
use omniflow_core::{
    EffectId, EffectKey, ExternalId, Line, Money, Order, PaymentId, ReasonText, Receipt, Reference, Step,
};
use std::sync::Arc;

/// One attempt's answer. Anything that is not sure to have been without effect is `Unknown`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Done.
    Done(Receipt),
    /// Accepted: the outcome will be reported.
    Accepted {
        /// The provider's name for it.
        reference: Option<Reference>,
    },
    /// Refused for good.
    Refused {
        /// In the provider's words.
        reason: Option<ReasonText>,
    },
    /// Not taken: ask again.
    NotTaken {
        /// What was heard.
        error: String,
    },
    /// It may have been taken: ask again with the same key.
    Unknown {
        /// What was heard.
        error: String,
    },
}

/// A shipment to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShipmentRequest {
    /// The idempotency key.
    pub effect_id: EffectId,
    /// The caller's own number of the order.
    pub external_id: Option<ExternalId>,
    /// What to ship.
    pub lines: Vec<Line>,
    /// Where to.
    pub details: Option<Details>,
}

/// A payment to give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The idempotency key.
    pub effect_id: EffectId,
    /// The caller's own number of the order.
    pub external_id: Option<ExternalId>,
    /// Which payment.
    pub payment_id: PaymentId,
    /// How much: all of it.
    pub amount: Money,
}

/// An effect at an outside provider, ready to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectRequest {
    /// For the carrier.
    Shipment(ShipmentRequest),
    /// For the payment provider.
    Refund(RefundRequest),
}

impl EffectRequest {
    /// Builds the request of an order's effect, without its details; `None` for stock, which no provider
    /// keeps, and for a payment that the order does not have.
    pub fn of(order: &Order, key: EffectKey) -> Option<Self> {
        let effect_id = EffectId { order_id: order.id.clone(), key };
        let external_id = order.terms.external_id.clone();
        match key.step {
            Step::Ship => Some(Self::Shipment(ShipmentRequest {
                effect_id,
                external_id,
                lines: order.terms.lines.clone(),
                details: None,
            })),
            Step::RefundPayment(number) => {
                let payment = order.payments.number(number)?;
                let (payment_id, amount) = (payment.id.clone(), payment.amount);
                Some(Self::Refund(RefundRequest { effect_id, external_id, payment_id, amount }))
            }
            Step::ReserveStock | Step::ReleaseStock | Step::ConsumeStock => None,
        }
    }

    /// The idempotency key.
    pub const fn effect_id(&self) -> &EffectId {
        match self {
            Self::Shipment(request) => &request.effect_id,
            Self::Refund(request) => &request.effect_id,
        }
    }
}

/// Who ships.
pub trait Carrier: Send + Sync + 'static {
    /// Makes one attempt. The same effect id asked twice has one effect.
    ///
    /// It holds `busy` while it works and gives it up only to sleep on the engine's clock.
    fn create_shipment<'a>(&'a self, request: &'a ShipmentRequest, busy: Busy)
    -> Answer<'a, (Attempt, Busy)>;
}

/// Who gives money back.
pub trait Payments: Send + Sync + 'static {
    /// Makes one attempt. The same effect id asked twice has one effect.
    ///
    /// It holds `busy` while it works and gives it up only to sleep on the engine's clock.
    fn refund<'a>(&'a self, request: &'a RefundRequest, busy: Busy) -> Answer<'a, (Attempt, Busy)>;
}

/// Everyone outside.
#[derive(Clone)]
pub struct Providers {
    /// Who ships.
    pub carrier: Arc<dyn Carrier>,
    /// Who gives money back.
    pub payments: Arc<dyn Payments>,
}

impl Providers {
    /// Makes one attempt at the provider whose effect it is.
    pub fn attempt<'a>(&'a self, request: &'a EffectRequest, busy: Busy) -> Answer<'a, (Attempt, Busy)> {
        match request {
            EffectRequest::Shipment(request) => self.carrier.create_shipment(request, busy),
            EffectRequest::Refund(request) => self.payments.refund(request, busy),
        }
    }
}
