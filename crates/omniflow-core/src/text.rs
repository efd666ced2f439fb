//! Checked texts: an `OrderId` cannot be passed as a `Sku`, and neither can hold a control character.
//! What people write in their own words may have line breaks and tabs, and no other one.

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
    /// A control character (Unicode category Cc), NUL among them, that the text may not have.
    #[error("must not contain control characters")]
    Control,
    /// A character that a URL path segment would need to escape.
    #[error("may only contain letters, digits and . _ ~ -")]
    NotUrlSafe,
}

fn check_length(text: &str, most: usize) -> Result<(), TextError> {
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > most && text.chars().count() > most {
        return Err(TextError::TooLong(most));
    }
    Ok(())
}

fn check(text: &str, most: usize) -> Result<(), TextError> {
    check_length(text, most)?;
    if text.chars().any(char::is_control) { Err(TextError::Control) } else { Ok(()) }
}

fn check_prose(text: &str, most: usize) -> Result<(), TextError> {
    check_length(text, most)?;
    if text.chars().any(unfit_for_prose) { Err(TextError::Control) } else { Ok(()) }
}

fn unfit_for_prose(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
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
    ReasonText, 500, check_prose;
    /// A name that a provider gave: a tracking number, a refund, an accepted request.
    Reference, 500, check;
    /// Who caused an event: a key's name, or one of the engine's own.
    Actor, 100, check;
}

impl ReasonText {
    /// Takes what a machine said, cut and cleaned so that it always fits.
    pub fn lossy(text: &str) -> Option<Self> {
        let clean: String = text.chars().filter(|c| !unfit_for_prose(*c)).take(Self::MAX_CHARS).collect();
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
    fn what_people_write_may_have_lines_and_nothing_that_a_database_refuses() {
        assert!(ReasonText::new("late again\r\n\tand broken").is_ok());
        assert_eq!(ReasonText::new("a\0b"), Err(TextError::Control));
        assert_eq!(Reference::new("a\nb"), Err(TextError::Control), "a name is no prose");
        assert!(ReasonText::new("x".repeat(500)).is_ok());
        assert_eq!(ReasonText::new("x".repeat(501)), Err(TextError::TooLong(500)));
    }

    #[test]
    fn what_a_machine_said_always_fits() {
        let said = format!("\0502\n{}", "é".repeat(600));
        let text = ReasonText::lossy(&said).unwrap();
        assert!(text.as_str().starts_with("502\né"));
        assert_eq!(text.as_str().chars().count(), 500);
        assert_eq!(ReasonText::lossy("\0\u{7f}"), None, "nothing is left");
    }

    #[test]
    fn an_order_id_is_safe_in_a_url() {
        assert!(OrderId::new("ORD-01J.x_y~z").is_ok());
        assert_eq!(OrderId::new("ORD/1"), Err(TextError::NotUrlSafe));
    }
}
