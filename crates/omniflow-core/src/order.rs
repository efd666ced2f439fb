//! The order: what was placed, and where it stands on each of its axes.
//!
//! State, stock, payment, fulfillment and attention are separate: a refund never moves a fulfillment
//! back, and a refund that keeps failing can stand on an ended order. Each variant owns the data that is
//! valid only there: a parcel that the carrier took cannot lack its tracking number.

use crate::words::words;
use crate::{
    Attention, Decision, DetailsHash, Fulfillment, OrderId, Payments, Reason, ReasonText, RefundProgress,
    StockRefusal, Terms, Timestamp,
};
use serde::{Deserialize, Serialize};

words! {
    /// An order's state, for programs.
    pub enum StateKind {
        /// Stock is being reserved.
        Reserving = "reserving",
        /// A person must decide.
        InReview = "in_review",
        /// The payment window is open.
        AwaitingPayment = "awaiting_payment",
        /// Paid: with the carrier, or on the way there.
        Shipping = "shipping",
        /// Everything was done.
        Completed = "completed",
        /// What was done is being undone.
        Compensating = "compensating",
        /// Nobody paid in time.
        Expired = "expired",
        /// A reviewer refused it.
        Rejected = "rejected",
        /// Cancelled on request.
        Cancelled = "cancelled",
        /// It could not be fulfilled.
        Failed = "failed",
    }
}

impl StateKind {
    /// Whether an order stays here for good.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Expired | Self::Rejected | Self::Cancelled | Self::Failed)
    }
}

/// Where the order stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Stock is being reserved.
    Reserving,
    /// A person must decide.
    InReview,
    /// The payment window is open.
    AwaitingPayment {
        /// When it ends.
        due_at: Timestamp,
    },
    /// Paid.
    Shipping,
    /// Shipped, and its stock has left.
    Completed,
    /// What was done is being undone.
    Compensating {
        /// Why.
        reason: Reason,
    },
    /// Everything was undone.
    Undone {
        /// Why. Its code says which ended state this is.
        reason: Reason,
    },
}

impl State {
    /// The state's word.
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Reserving => StateKind::Reserving,
            Self::InReview => StateKind::InReview,
            Self::AwaitingPayment { .. } => StateKind::AwaitingPayment,
            Self::Shipping => StateKind::Shipping,
            Self::Completed => StateKind::Completed,
            Self::Compensating { .. } => StateKind::Compensating,
            Self::Undone { reason } => reason.code.ending(),
        }
    }

    /// Why the order is being or was undone.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Compensating { reason } | Self::Undone { reason } => Some(reason),
            _ => None,
        }
    }
}

/// The order's hold on stock. A reservation ends once: released or consumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StockHold {
    /// Not decided yet.
    Undecided,
    /// Refused: nothing is held.
    Refused(StockRefusal),
    /// Held for this order.
    Held,
    /// Given back.
    Released,
    /// Left the warehouse.
    Consumed,
}

/// A reviewer's decision and its grounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: Option<ReasonText>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What was placed.
    pub terms: Terms,
    /// Where it stands.
    pub state: State,
    /// Its hold on stock.
    pub stock: StockHold,
    /// Its payments.
    pub payments: Payments,
    /// How far the goods have come.
    pub fulfillment: Fulfillment,
    /// When the shipment was first wanted and when it last changed.
    pub shipment_times: Option<(Timestamp, Timestamp)>,
    /// The reviewer's decision, kept from before the review where it came early.
    pub verdict: Option<Verdict>,
    /// Somebody's wish to cancel, kept from before it could be applied.
    pub cancel: Option<Reason>,
    /// Names the address and metadata, `None` when there are none or they were erased.
    pub details: Option<DetailsHash>,
    /// Signals that made no sense and were recorded, at most 100.
    pub ignored: u8,
    /// The last event's number.
    pub version: u32,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When its last event was recorded.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Order {
    /// The state's word.
    pub fn kind(&self) -> StateKind {
        self.state.kind()
    }

    /// What a person must look at first: of several, the oldest.
    pub fn attention(&self) -> Option<&Attention> {
        let shipment = match &self.fulfillment {
            Fulfillment::Stuck(attention) => Some(attention),
            _ => None,
        };
        let refunds = self.payments.refunds().filter_map(|(_, _, refund)| match &refund.progress {
            RefundProgress::Stuck(attention) => Some(attention),
            _ => None,
        });
        shipment.into_iter().chain(refunds).min_by_key(|attention| attention.since)
    }

    /// Whether the order has ended and wants nothing more: no effect, no timer, no person.
    pub fn is_at_rest(&self) -> bool {
        self.kind().is_ended() && self.payments.refunds().all(|(_, _, refund)| !refund.is_pending())
    }
}
