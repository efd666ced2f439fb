//! Collecting what is wrong with a draft, and reading the values that can be wrong.

use super::{DraftAmount, FieldError, FieldFault, MAX_WINDOW_SECONDS};
use crate::{Adjustment, Currency, Line, Money, PolicyBook, TextError};

/// Collects every fault, so that a caller mends them all at once.
#[derive(Default)]
pub(super) struct Faults<'f> {
    found: Vec<FieldError>,
    /// Pointers of the fields that were at fault before.
    unread: &'f [String],
}

impl<'f> Faults<'f> {
    pub(super) fn beside(unread: &'f [String]) -> Self {
        Self { found: vec![], unread }
    }

    /// Whether nothing is wrong, neither here nor before.
    pub(super) fn is_clean(&self) -> bool {
        self.found.is_empty() && self.unread.is_empty()
    }

    /// How many were noted, also where nothing is to be said.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Those that are no fault of what only stands in for an unread field.
    pub(super) fn into_found(self) -> Vec<FieldError> {
        let Self { mut found, unread } = self;
        found.retain(|fault| !unread.iter().any(|unread| is_within(&fault.pointer, unread)));
        found
    }

    pub(super) fn invalid(&mut self, pointer: &str, detail: String) {
        self.found.push(FieldError { pointer: pointer.to_owned(), fault: FieldFault::Invalid, detail });
    }

    pub(super) fn unsupported(&mut self, code: &str) {
        let (fault, pointer) = (FieldFault::UnsupportedCurrency, "/currency".to_owned());
        let detail = format!("{code:?} is not taken here; its review threshold must be configured first");
        self.found.push(FieldError { pointer, fault, detail });
    }

    /// The currency that the amounts are read in, also where orders in it are not taken: one fault at a time.
    pub(super) fn currency(&mut self, code: Option<&str>, book: &PolicyBook) -> Currency {
        let currency = code.map_or(Some(Currency::USD), Currency::from_code);
        if !currency.is_some_and(|currency| book.accepts(currency)) {
            let shown: String = code.unwrap_or(Currency::USD.code()).chars().take(12).collect();
            self.unsupported(&shown);
        }
        currency.unwrap_or(Currency::USD)
    }

    pub(super) fn text<T>(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        new: impl Fn(String) -> Result<T, TextError>,
    ) -> Option<T> {
        match new(text?.to_owned()) {
            Ok(text) => Some(text),
            Err(error) => {
                self.invalid(pointer, error.to_string());
                None
            }
        }
    }

    pub(super) fn amount(&mut self, pointer: &str, amount: &DraftAmount, currency: Currency) -> Option<i64> {
        let major = amount.major.as_deref().map(|text| Money::from_major(text, currency));
        match (major, amount.minor) {
            (Some(Err(error)), _) => {
                self.invalid(pointer, error.to_string());
                None
            }
            (Some(Ok(major)), Some(minor)) if major.minor != minor => {
                self.invalid(&format!("{pointer}_minor"), format!("must agree with {}", major.to_major()));
                None
            }
            (Some(Ok(major)), _) => Some(major.minor),
            (None, minor) => minor,
        }
    }

    pub(super) fn window(&mut self, seconds: Option<i64>) -> Option<u64> {
        let seconds = seconds?;
        match u64::try_from(seconds) {
            Ok(seconds) if (1..=MAX_WINDOW_SECONDS).contains(&seconds) => Some(seconds * 1_000),
            _ => {
                let detail = format!("must be a whole number from 1 to {MAX_WINDOW_SECONDS}");
                self.invalid("/payment_window_seconds", detail);
                None
            }
        }
    }

    /// Lines plus adjustments, `None` in it where a line has no price; `None` after a fault.
    pub(super) fn sum(&mut self, lines: &[Line], adjustments: &[Adjustment]) -> Option<Option<i64>> {
        let sum = sum(lines, adjustments);
        if sum.is_none() {
            self.invalid("/items", "add up to more than can be counted".to_owned());
        }
        sum
    }
}

/// Whether a pointer is another one, or of a part of what that is of.
fn is_within(pointer: &str, whole: &str) -> bool {
    pointer.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Lines plus adjustments: `None` when it cannot be counted, `Some(None)` when a line has no price.
fn sum(lines: &[Line], adjustments: &[Adjustment]) -> Option<Option<i64>> {
    let mut sum: i64 = 0;
    for line in lines {
        let Some(price) = line.unit_price_minor else { return Some(None) };
        sum = sum.checked_add(price.checked_mul(i64::from(line.quantity))?)?;
    }
    for adjustment in adjustments {
        sum = sum.checked_add(adjustment.amount_minor)?;
    }
    Some(Some(sum))
}
