//! What was placed: lines, amounts, policies. It never changes.

use crate::words::{from_text, words};
use crate::{CustomerId, ExternalId, LineId, Money, Policies, ReasonText, Sku};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// One line as sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Terms {
    /// The whole amount to pay.
    pub total: Money,
    /// The lines, as sent, 1 to 200.
    pub lines: Vec<Line>,
    /// Amounts beside the lines.
    #[serde(default)]
    pub adjustments: Vec<Adjustment>,
    /// The caller's own number.
    pub external_id: Option<ExternalId>,
    /// The shop's customer.
    pub customer_id: Option<CustomerId>,
    /// The policies that hold for this order.
    pub policies: Policies,
}

/// Writes a struct field by field. JSON leaves out what is absent, since every order keeps its line for
/// ever; a format without names needs every field in its place.
macro_rules! lean {
    ($name:ident { $($always:ident),* } unless_empty { $($maybe:ident: $is_empty:path),* } $($last:ident)?) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let is_named = serializer.is_human_readable();
                let fields = [$(stringify!($always),)* $(stringify!($maybe),)* $(stringify!($last))?].len();
                let mut fields = serializer.serialize_struct(stringify!($name), fields)?;
                $(fields.serialize_field(stringify!($always), &self.$always)?;)*
                $(if is_named && $is_empty(&self.$maybe) {
                    fields.skip_field(stringify!($maybe))?;
                } else {
                    fields.serialize_field(stringify!($maybe), &self.$maybe)?;
                })*
                $(fields.serialize_field(stringify!($last), &self.$last)?;)?
                fields.end()
            }
        }
    };
}

lean! { Adjustment { kind } unless_empty { label: Option::is_none } amount_minor }
lean! { Line { line_id, sku, quantity } unless_empty { unit_price_minor: Option::is_none } }
lean! {
    Terms { total, lines }
    unless_empty { adjustments: Vec::is_empty, external_id: Option::is_none, customer_id: Option::is_none }
    policies
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
