//! What was placed: lines, amounts, policies. It never changes.

use crate::words::{from_text, words};
use crate::{CustomerId, ExternalId, LineId, Money, Policies, ReasonText, Sku};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
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

impl std::fmt::Debug for DetailsHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::chain::to_hex(&self.0))
    }
}

impl Serialize for DetailsHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::chain::to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for DetailsHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a SHA-256 in hex", |text| crate::chain::from_hex(text).map(Self))
    }
}
