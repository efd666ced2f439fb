//! The order: what was placed, and where it stands on each of its axes.
//!
//! State, stock, payment, fulfillment and attention are separate: a refund never moves a fulfillment
//! back, and a refund that keeps failing can stand on an ended order. Each variant owns the data that is
//! valid only there: a parcel that the carrier took cannot lack its tracking number.

use crate::words::words;
use crate::{
    AttentionCode, CustomerId, Decision, EffectKey, ExternalId, LineId, Money, OrderId, Payments, Policies,
    Reason, ReasonText, Reference, Sku, StockRefusal, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One line as sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The caller's name for it, or `"1"`, `"2"`, ….
    pub line_id: LineId,
    /// What.
    pub sku: Sku,
    /// How many, 1 to 1,000,000.
    pub quantity: u32,
    /// Price of one, in minor units of the order's currency.
    pub unit_price_minor: Option<i64>,
}

words! {
    /// What an adjustment is for.
    pub enum AdjustmentKind {
        /// Carriage.
        Shipping = "shipping",
        /// Tax.
        Tax = "tax",
        /// A discount, never above zero.
        Discount = "discount",
        /// A fee.
        Fee = "fee",
    }
}

/// An amount beside the lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// What for.
    pub kind: AdjustmentKind,
    /// The shop's words for it.
    pub label: Option<ReasonText>,
    /// In minor units of the order's currency; discounts are negative.
    pub amount_minor: i64,
}

/// The salted SHA-256 of an order's address and metadata, which live outside events so that they can be
/// erased.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DetailsHash(pub [u8; 32]);

/// What was placed. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The whole amount to pay.
    pub total: Money,
    /// The lines, as sent, 1 to 200.
    pub lines: Vec<Line>,
    /// Amounts beside the lines.
    pub adjustments: Vec<Adjustment>,
    /// The caller's own number.
    pub external_id: Option<ExternalId>,
    /// The shop's customer.
    pub customer_id: Option<CustomerId>,
    /// The policies that hold for this order.
    pub policies: Policies,
}

/// How many of one SKU an order wants, all its lines together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The SKU.
    pub sku: Sku,
    /// How many.
    pub quantity: u64,
}

impl Terms {
    /// What the order wants of stock: each SKU once, sorted, so that stock is always locked in one order.
    pub fn demand(&self) -> Vec<Demand> {
        if let [line] = &self.lines[..] {
            return vec![Demand { sku: line.sku.clone(), quantity: u64::from(line.quantity) }];
        }
        let mut sums: BTreeMap<&Sku, u64> = BTreeMap::new();
        for line in &self.lines {
            *sums.entry(&line.sku).or_default() += u64::from(line.quantity);
        }
        sums.into_iter().map(|(sku, quantity)| Demand { sku: sku.clone(), quantity }).collect()
    }

    /// Whether a person must approve the order: its total is strictly above the threshold.
    pub fn needs_review(&self) -> bool {
        self.total.minor > self.policies.review_threshold_minor
    }
}

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

words! {
    /// Where the goods are, for programs.
    pub enum FulfillmentStatus {
        /// Not on the way.
        Unfulfilled = "unfulfilled",
        /// Being handed to the carrier.
        InProgress = "in_progress",
        /// The carrier has them, or a person said so.
        Fulfilled = "fulfilled",
    }
}

words! {
    /// Where a shipment stands.
    pub enum ShipmentStatus {
        /// The carrier is being asked.
        Pending = "pending",
        /// The carrier accepted it and will report.
        Accepted = "accepted",
        /// The carrier has the goods.
        Shipped = "shipped",
        /// The carrier refused it for good.
        Refused = "refused",
        /// A person counts it as done.
        Skipped = "skipped",
        /// A person had the order undone instead.
        Cancelled = "cancelled",
    }
}

/// How far the goods have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fulfillment {
    /// Not wanted yet.
    NotStarted,
    /// The carrier is being asked, in this round.
    Requested {
        /// From 1.
        round: u32,
    },
    /// The carrier accepted it and will report by then.
    Accepted {
        /// From 1.
        round: u32,
        /// The carrier's name for it, where it gave one.
        reference: Option<Reference>,
        /// When a person is called.
        due_at: Timestamp,
    },
    /// The engine has given up; a person must act.
    Stuck(Attention),
    /// The carrier has the goods.
    Shipped {
        /// Where to look for them.
        tracking_number: Reference,
    },
    /// A person counts it as done.
    Skipped,
    /// The carrier refused it for good.
    Refused,
    /// A person had the order undone instead.
    Cancelled,
}

impl Fulfillment {
    /// The word for where the goods are.
    pub fn status(&self) -> FulfillmentStatus {
        match self {
            Self::NotStarted | Self::Refused | Self::Cancelled => FulfillmentStatus::Unfulfilled,
            Self::Requested { .. } | Self::Accepted { .. } | Self::Stuck(_) => FulfillmentStatus::InProgress,
            Self::Shipped { .. } | Self::Skipped => FulfillmentStatus::Fulfilled,
        }
    }

    /// The shipment's status, `None` before there is one.
    pub fn shipment_status(&self) -> Option<ShipmentStatus> {
        match self {
            Self::NotStarted => None,
            Self::Requested { .. } | Self::Stuck(_) => Some(ShipmentStatus::Pending),
            Self::Accepted { .. } => Some(ShipmentStatus::Accepted),
            Self::Shipped { .. } => Some(ShipmentStatus::Shipped),
            Self::Skipped => Some(ShipmentStatus::Skipped),
            Self::Refused => Some(ShipmentStatus::Refused),
            Self::Cancelled => Some(ShipmentStatus::Cancelled),
        }
    }
}

/// An effect on which the engine has given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// The effect, in the round that was given up.
    pub effect: EffectKey,
    /// Why.
    pub code: AttentionCode,
    /// What was last heard, in the provider's words.
    pub detail: Option<ReasonText>,
    /// Attempts made.
    pub attempts: u32,
    /// Since when.
    pub since: Timestamp,
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
            crate::RefundProgress::Stuck(attention) => Some(attention),
            _ => None,
        });
        shipment.into_iter().chain(refunds).min_by_key(|attention| attention.since)
    }

    /// Whether the order has ended and wants nothing more: no effect, no timer, no person.
    pub fn is_at_rest(&self) -> bool {
        self.kind().is_ended() && self.payments.refunds().all(|(_, _, refund)| !refund.is_pending())
    }
}

impl std::fmt::Debug for DetailsHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::chain::to_hex(&self.0))
    }
}

impl Serialize for DetailsHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::chain::to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for DetailsHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        crate::chain::from_hex(&text).map(Self).ok_or_else(|| serde::de::Error::custom("not a SHA-256 in hex"))
    }
}
