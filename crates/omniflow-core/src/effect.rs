//! Effects and timers by name. The closed set of [`Step`]s is everything OmniFlow does outside an order.

use crate::words::{from_text, words};
use crate::{OrderId, Sku};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What an effect does, for one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Reserve stock for every line or for none.
    ReserveStock,
    /// Free what `ReserveStock` reserved.
    ReleaseStock,
    /// Lower what is on hand by what was reserved: it has left.
    ConsumeStock,
    /// Hand the order to the carrier.
    Ship,
    /// Give back the payment of this number in the order, counted from 1.
    RefundPayment(u32),
}

words! {
    /// A step without its number: for metrics, attention and routing.
    pub enum EffectKind {
        /// [`Step::ReserveStock`].
        ReserveStock = "reserve_stock",
        /// [`Step::ReleaseStock`].
        ReleaseStock = "release_stock",
        /// [`Step::ConsumeStock`].
        ConsumeStock = "consume_stock",
        /// [`Step::Ship`].
        Ship = "ship",
        /// [`Step::RefundPayment`].
        RefundPayment = "refund_payment",
    }
}

impl Step {
    /// The step without its number.
    pub const fn kind(self) -> EffectKind {
        match self {
            Self::ReserveStock => EffectKind::ReserveStock,
            Self::ReleaseStock => EffectKind::ReleaseStock,
            Self::ConsumeStock => EffectKind::ConsumeStock,
            Self::Ship => EffectKind::Ship,
            Self::RefundPayment(_) => EffectKind::RefundPayment,
        }
    }

    /// Whether the effect is on stock, which the engine owns, rather than at an outside provider.
    pub const fn is_stock(self) -> bool {
        matches!(self, Self::ReserveStock | Self::ReleaseStock | Self::ConsumeStock)
    }
}

/// An effect's name within its order: step and round. The round rises only when a person retries
/// what a provider refused, since providers replay what they stored for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectKey {
    /// What it does.
    pub step: Step,
    /// Which round, from 1.
    pub round: u32,
}

impl EffectKey {
    /// The first round of a step.
    pub const fn first(step: Step) -> Self {
        Self { step, round: 1 }
    }

    /// Reads what `Display` writes: `ship.1`, `refund_payment-2.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let (step, round) = text.rsplit_once('.')?;
        let (name, number) = step.split_once('-').map_or((step, None), |(name, number)| (name, Some(number)));
        let step = match (EffectKind::from_word(name)?, number) {
            (EffectKind::ReserveStock, None) => Step::ReserveStock,
            (EffectKind::ReleaseStock, None) => Step::ReleaseStock,
            (EffectKind::ConsumeStock, None) => Step::ConsumeStock,
            (EffectKind::Ship, None) => Step::Ship,
            (EffectKind::RefundPayment, Some(number)) => Step::RefundPayment(number.parse().ok()?),
            _ => return None,
        };
        let key = Self { step, round: round.parse().ok()? };
        (key.to_string() == text).then_some(key)
    }
}

impl fmt::Display for EffectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Step::RefundPayment(number) => write!(f, "{}-{number}.{}", EffectKind::RefundPayment, self.round),
            step => write!(f, "{}.{}", step.kind(), self.round),
        }
    }
}

impl Serialize for EffectKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EffectKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "an effect", Self::parse)
    }
}

/// An effect's name everywhere: the idempotency key given to every provider, safe in a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EffectId {
    /// Whose effect.
    pub order_id: OrderId,
    /// Which effect.
    pub key: EffectKey,
}

impl EffectId {
    /// Reads what `Display` writes: `ORD-….ship.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.rsplitn(3, '.');
        let (round, step, order) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { order_id: OrderId::new(order).ok()?, key: EffectKey::parse(&format!("{step}.{round}"))? })
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.order_id, self.key)
    }
}

/// A timer's name within its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TimerId {
    /// The payment window ends.
    PaymentWindow,
    /// A provider accepted this effect and has not reported its outcome.
    ProviderDeadline(EffectKey),
}

/// One SKU that an order could not get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockShort {
    /// The SKU.
    pub sku: Sku,
    /// How many the order wants, all its lines together.
    pub requested: u64,
    /// How many there were to have.
    pub available: u64,
}

/// Why stock was not reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockRefusal {
    /// Too little of these.
    OutOfStock(Vec<StockShort>),
    /// The catalogue does not know these.
    UnknownSku(Vec<Sku>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effect_ids_read_back_whatever_the_order_is_called() {
        for order in ["ORD-1", "a.b.ship.1", "x-2.1"] {
            for step in [Step::ReserveStock, Step::Ship, Step::RefundPayment(12)] {
                let id =
                    EffectId { order_id: OrderId::new(order).unwrap(), key: EffectKey { step, round: 3 } };
                assert_eq!(EffectId::parse(&id.to_string()), Some(id));
            }
        }
    }

    #[test]
    fn stock_is_the_engines_own_and_the_rest_is_outside() {
        let steps =
            [Step::ReserveStock, Step::ReleaseStock, Step::ConsumeStock, Step::Ship, Step::RefundPayment(1)];
        assert_eq!(steps.map(Step::is_stock), [true, true, true, false, false]);
    }

    #[test]
    fn one_effect_has_one_name() {
        for text in
            ["ship", "ship.01", "ship.+1", "SHIP.1", "ship-1.1", "refund_payment.1", "refund_payment-01.1"]
        {
            assert_eq!(EffectKey::parse(text), None, "{text}");
        }
    }
}
