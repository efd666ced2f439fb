//! How far the goods have come, and the effects on which the engine has given up.

use crate::words::words;
use crate::{AttentionCode, EffectKey, ReasonText, Reference, Timestamp};
use serde::{Deserialize, Serialize};

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
