//! Decimal numbers that arrive with every digit as they were typed.

use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;
use std::str::FromStr;

/// A decimal number, in the form that JSON has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal(String);

impl FromStr for Decimal {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const TEACH: &str = "must be a decimal number with a point, such as 499.90";
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, part) =
            digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let has_point_in_place = are_digits(whole) && part.is_none_or(are_digits);
        let has_no_leading_zero = whole == "0" || !whole.starts_with('0');
        if has_point_in_place && has_no_leading_zero { Ok(Self(text.to_owned())) } else { Err(TEACH) }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.clone()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_arrives() {
        for text in ["0", "500", "10000.10", "-5.00", "123456789012345678901234567890.5"] {
            assert_eq!(serde_json::to_string(&text.parse::<Decimal>().unwrap()).unwrap(), text);
        }
        for text in ["", "-", ".5", "5.", "05", "1e3", "1,5", "5 ", "NaN", "--1", "+1"] {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
    }
}
