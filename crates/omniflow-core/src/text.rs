//! Checked texts: an `OrderId` cannot be passed as a `Sku`, and neither can hold a control character.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text was refused. The message completes a sentence that begins with the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing in it.
    #[error("must not be empty")]
    Empty,
    /// More characters than allowed.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// A control character (Unicode category Cc), NUL among them.
    #[error("must not contain control characters")]
    Control,
    /// A character that a URL path segment would need to escape.
    #[error("may only contain letters, digits and . _ ~ -")]
    NotUrlSafe,
}

fn check(text: &str, most: usize) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > most && text.chars().count() > most {
        return Err(TextError::TooLong(most));
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::Control);
    }
    Ok(())
}

fn check_url_safe(text: &str, most: usize) -> Result<(), TextError> {
    check(text, most)?;
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-')) {
        Ok(())
    } else {
        Err(TextError::NotUrlSafe)
    }
}

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident, $most:literal, $check:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// The most characters it may have.
            pub const MAX_CHARS: usize = $most;

            /// Checks and takes a text.
            ///
            /// # Errors
            /// [`TextError`] when it is empty, too long, or has a character that is not allowed.
            pub fn new(text: impl Into<Box<str>>) -> Result<Self, TextError> {
                let text = text.into();
                $check(&text, $most)?;
                Ok(Self(text))
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )+};
}

text! {
    /// An order's id: `ORD-` and a time-ordered unique part; on Temporal any URL-safe text.
    OrderId, 100, check_url_safe;
    /// A stock-keeping unit: what is counted in stock.
    Sku, 100, check;
    /// The caller's name for one line of an order.
    LineId, 100, check;
    /// The shop's customer.
    CustomerId, 100, check;
    /// The caller's own, unique number for an order.
    ExternalId, 100, check;
    /// One payment at the payment provider.
    PaymentId, 100, check;
    /// One report about a payment; with the payment's id it names the report.
    PaymentEventId, 100, check;
    /// Why somebody did something, in their own words.
    ReasonText, 500, check;
    /// A name that a provider gave: a tracking number, a refund, an accepted request.
    Reference, 500, check;
    /// Who caused an event: a key's name, or one of the engine's own.
    Actor, 100, check;
}

impl ReasonText {
    /// Takes what a machine said, cut and cleaned so that it always fits.
    pub fn lossy(text: &str) -> Option<Self> {
        let clean: String = text.chars().filter(|c| !c.is_control()).take(Self::MAX_CHARS).collect();
        Self::new(clean).ok()
    }
}

impl PaymentId {
    /// The one payment of an order whose payments are not named.
    pub fn default_of_order() -> Self {
        Self("default".into())
    }
}

impl PaymentEventId {
    /// The one report of an outcome that is not named otherwise.
    pub fn of_outcome(outcome: crate::PaymentOutcome) -> Self {
        Self(outcome.as_str().into())
    }
}

impl LineId {
    /// The name of the line at this place, counted from 1, that its caller did not name.
    pub fn of_place(place: usize) -> Self {
        Self(place.to_string().into())
    }
}

impl Actor {
    /// Someone who called the API without a key.
    pub fn api() -> Self {
        Self("api".into())
    }
    /// The engine itself: timers, stock, what it concluded.
    pub fn engine() -> Self {
        Self("engine".into())
    }
    /// The carrier, as it answered.
    pub fn carrier() -> Self {
        Self("carrier".into())
    }
    /// The payment provider, as it answered a refund.
    pub fn payments() -> Self {
        Self("payments".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_characters_and_refuse_control_characters() {
        assert!(Sku::new("苹".repeat(100)).is_ok());
        assert_eq!(Sku::new("苹".repeat(101)), Err(TextError::TooLong(100)));
        assert_eq!(Sku::new(""), Err(TextError::Empty));
        assert_eq!(Sku::new("a\0b"), Err(TextError::Control));
        assert!(ReasonText::new("\u{202e}مرحبا").is_ok(), "right-to-left text is ordinary text");
    }

    #[test]
    fn an_order_id_is_safe_in_a_url() {
        assert!(OrderId::new("ORD-01J.x_y~z").is_ok());
        assert_eq!(OrderId::new("ORD/1"), Err(TextError::NotUrlSafe));
    }
}
