//! Stock as people see and change it.

use crate::Idempotency;
use omniflow_core::{Actor, ReasonText, Sku};

/// Stock of one SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockLevel {
    /// The SKU.
    pub sku: Sku,
    /// How many are in the warehouse.
    pub on_hand: u64,
    /// How many of them are promised to orders. A recount can leave more promised than there are.
    pub reserved: u64,
}

impl StockLevel {
    /// The most that can be counted: beyond it, programs that read JSON numbers as doubles lose digits.
    pub const MAX: u64 = (1 << 53) - 1;

    /// How many an order can still have.
    pub const fn available(&self) -> u64 {
        self.on_hand.saturating_sub(self.reserved)
    }

    /// How many are promised and not there.
    pub const fn short(&self) -> u64 {
        self.reserved.saturating_sub(self.on_hand)
    }
}

/// Sets what is on hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetStock {
    /// Of which SKU; created where it is new.
    pub sku: Sku,
    /// How many there are, at most [`StockLevel::MAX`].
    pub on_hand: u64,
    /// Only if so many were on hand before.
    pub expected_on_hand: Option<u64>,
    /// The number is a count of what is really there: it holds even below what is reserved.
    pub recount: bool,
    /// Why.
    pub reason: Option<ReasonText>,
    /// Who.
    pub actor: Actor,
}

/// What setting stock did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockSet {
    /// The stock now.
    pub level: StockLevel,
    /// Whether the SKU is new.
    pub created: bool,
}

/// Adds to or takes from what is on hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdjustStock {
    /// Of which SKU.
    pub sku: Sku,
    /// How many more, or fewer.
    pub delta: i64,
    /// Why.
    pub reason: ReasonText,
    /// Who.
    pub actor: Actor,
    /// Marks it, so that it is done once however often it is sent.
    pub idempotency: Option<Idempotency>,
}

/// What adjusting stock did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjusted {
    /// The stock as it stood then.
    pub level: StockLevel,
    /// Whether this answers a request that was answered before.
    pub replayed: bool,
}
