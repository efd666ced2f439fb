//! What has happened to an order. Events are facts in the past tense; nothing is ever taken back.

use crate::{
    Actor, AttentionCode, Decision, DetailsHash, EffectKey, Money, OrderId, PaymentEventId, PaymentId,
    ReasonText, Reference, StockRefusal, Terms, Timestamp,
};
use serde::{Deserialize, Serialize};

/// What the order does with a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptureUse {
    /// It pays for the order.
    Keep,
    /// It must be given back.
    Refund,
    /// It was captured before: only noted.
    Note,
}

/// Everything that can happen to an order. The variant's name in snake case is the timeline's `type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields of a fact are named after what they hold")]
pub enum Event {
    /// A shop handed the order over.
    OrderPlaced {
        order_id: OrderId,
        terms: Box<Terms>,
        #[serde(skip_serializing_if = "Option::is_none")]
        details: Option<DetailsHash>,
    },
    /// Every line has its stock.
    StockReserved {},
    /// There was not enough; nothing is held.
    StockRefused { refusal: StockRefusal },
    /// A reviewer decided.
    DecisionRecorded {
        decision: Decision,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonText>,
    },
    /// The payment provider has the money.
    PaymentCaptured {
        payment_id: PaymentId,
        event_id: PaymentEventId,
        amount: Money,
        r#use: CaptureUse,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonText>,
    },
    /// One try to pay was declined.
    PaymentDeclined {
        payment_id: PaymentId,
        event_id: PaymentEventId,
        amount: Money,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonText>,
    },
    /// The payment has failed for good; while the order awaits payment, that ends it.
    PaymentFailed {
        payment_id: PaymentId,
        event_id: PaymentEventId,
        amount: Money,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonText>,
    },
    /// Nobody paid in time.
    PaymentWindowElapsed {},
    /// Somebody asked to cancel.
    CancelRequested {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonText>,
    },
    /// The carrier accepted the order and will report.
    ShipmentAccepted {
        effect: EffectKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    /// The carrier has the goods.
    Shipped { effect: EffectKey, tracking_number: Reference },
    /// The carrier refused the order for good.
    ShipmentRefused {
        effect: EffectKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonText>,
    },
    /// The payment provider accepted a refund and will report.
    RefundAccepted {
        effect: EffectKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    /// The payment provider gave the money back.
    PaymentRefunded {
        effect: EffectKey,
        payment_id: PaymentId,
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
    },
    /// The reservation was given back.
    StockReleased {},
    /// The reserved goods have left.
    StockConsumed {},
    /// The engine gave up on an effect; a person must act.
    AttentionRaised {
        effect: EffectKey,
        code: AttentionCode,
        attempts: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<ReasonText>,
    },
    /// An operator wants the effect tried again, under this key.
    Retried { effect: EffectKey },
    /// An operator counts the effect as done.
    Skipped {
        effect: EffectKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonText>,
    },
    /// An operator wants the order undone.
    CompensationRequested {
        effect: EffectKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonText>,
    },
    /// Something was heard that makes no sense here; it changed nothing.
    SignalIgnored {
        signal: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<ReasonText>,
    },
    /// Address and metadata were erased.
    DetailsErased {},
}

impl Event {
    /// Every type that a timeline can show.
    pub const TYPES: &'static [&'static str] = &[
        "order_placed",
        "stock_reserved",
        "stock_refused",
        "decision_recorded",
        "payment_captured",
        "payment_declined",
        "payment_failed",
        "payment_window_elapsed",
        "cancel_requested",
        "shipment_accepted",
        "shipped",
        "shipment_refused",
        "refund_accepted",
        "payment_refunded",
        "stock_released",
        "stock_consumed",
        "attention_raised",
        "retried",
        "skipped",
        "compensation_requested",
        "signal_ignored",
        "details_erased",
    ];

    /// The timeline's `type`.
    pub const fn name(&self) -> &'static str {
        let place = match self {
            Self::OrderPlaced { .. } => 0,
            Self::StockReserved {} => 1,
            Self::StockRefused { .. } => 2,
            Self::DecisionRecorded { .. } => 3,
            Self::PaymentCaptured { .. } => 4,
            Self::PaymentDeclined { .. } => 5,
            Self::PaymentFailed { .. } => 6,
            Self::PaymentWindowElapsed {} => 7,
            Self::CancelRequested { .. } => 8,
            Self::ShipmentAccepted { .. } => 9,
            Self::Shipped { .. } => 10,
            Self::ShipmentRefused { .. } => 11,
            Self::RefundAccepted { .. } => 12,
            Self::PaymentRefunded { .. } => 13,
            Self::StockReleased {} => 14,
            Self::StockConsumed {} => 15,
            Self::AttentionRaised { .. } => 16,
            Self::Retried { .. } => 17,
            Self::Skipped { .. } => 18,
            Self::CompensationRequested { .. } => 19,
            Self::SignalIgnored { .. } => 20,
            Self::DetailsErased {} => 21,
        };
        Self::TYPES[place]
    }

    /// The version of this type's shape. A new shape is a new number, and the old one is lifted when read.
    pub const fn version(&self) -> u16 {
        Self::version_of(self.name())
    }

    /// Every type is still in its first version.
    pub(crate) const fn version_of(_name: &str) -> u16 {
        1
    }

    /// Why, in the words of whoever caused it.
    pub const fn reason(&self) -> Option<&ReasonText> {
        match self {
            Self::DecisionRecorded { reason, .. }
            | Self::PaymentCaptured { reason, .. }
            | Self::PaymentDeclined { reason, .. }
            | Self::PaymentFailed { reason, .. }
            | Self::CancelRequested { reason }
            | Self::ShipmentRefused { reason, .. }
            | Self::Skipped { reason, .. }
            | Self::CompensationRequested { reason, .. }
            | Self::SignalIgnored { reason, .. }
            | Self::AttentionRaised { detail: reason, .. } => reason.as_ref(),
            _ => None,
        }
    }
}

/// One event as recorded: when, by whom, and in which place of its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event's number in its order, from 1.
    pub seq: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
    /// What happened.
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use crate::given::*;

    /// The timeline shows who gave which reason.
    #[test]
    fn a_reason_is_that_of_whoever_caused_the_event() {
        let last = |life: Life| life.entries.last().unwrap().event.reason().map(ToString::to_string);
        assert_eq!(last(in_review().when(reject())).as_deref(), Some("stolen card"));
        assert_eq!(last(awaiting().when(cancel())).as_deref(), Some("changed my mind"));
        assert_eq!(last(shipping().when(refused("ship.1"))).as_deref(), Some("no such street"));
        assert_eq!(last(shipping().when(exhausted("ship.1"))).as_deref(), Some("503"));
        assert_eq!(last(shipping().when(unknown("ship.1")).when(skip())).as_deref(), Some("done by hand"));
        assert_eq!(last(awaiting()), None);
    }
}
