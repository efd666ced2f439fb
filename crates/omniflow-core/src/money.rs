//! Money as whole minor units and a currency. No floats anywhere: decimals are read digit by digit.

use crate::words::from_text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An ISO 4217 currency in use, with a known number of decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Why a text is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a JSON number.
    #[error("must be a number")]
    NotANumber,
    /// More decimals than the currency has.
    #[error("has more decimals than {0}, which has {1} of them")]
    TooPrecise(Currency, u32),
    /// Beyond what 64 bits of minor units hold.
    #[error("is too large")]
    TooLarge,
}

impl Currency {
    /// The US dollar.
    pub const USD: Self = Self(*b"USD");

    /// The currency of a code, in upper case.
    ///
    /// `None` for codes that ISO 4217 does not list, has withdrawn, or gives no decimals (gold, "no currency").
    pub fn from_code(code: &str) -> Option<Self> {
        let listed = iso_currency::Currency::from_code(code)?;
        let taken = listed.is_superseded().is_none() && listed.exponent().is_some();
        if taken { Self::stored(code) } else { None }
    }

    /// The currency of a code that was taken once. It stays readable for ever, also when the list is a newer
    /// one that does not have it any more.
    fn stored(code: &str) -> Option<Self> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// Decimals of the major unit: 2 for USD, 0 for JPY, 3 for BHD; 2 for one that is not listed any more.
    pub fn decimals(&self) -> u32 {
        if *self == Self::USD {
            return 2;
        }
        iso_currency::Currency::from_code(self.code()).and_then(|c| c.exponent()).map_or(2, u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, "a currency", Self::stored)
    }
}

/// An amount in minor units (cents) of a currency.
///
/// Its text, in events and logs, has every decimal of the currency: `500.00 USD`, `500 JPY`. The digits alone
/// are the minor units: they stay the same should the currency get other decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units: 50000 is $500.00.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// So many minor units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads an amount in major units exactly as written in JSON: `500`, `10000.01`, `5e2`.
    ///
    /// # Errors
    /// [`MoneyError`] when it is no JSON number, needs more decimals than the currency has, or does not fit.
    pub fn from_major(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let decimals = currency.decimals();
        let number = Decimal::read(text).ok_or(MoneyError::NotANumber)?;
        let minor = number.scaled(decimals).map_err(|fault| match fault {
            Misfit::TooPrecise => MoneyError::TooPrecise(currency, decimals),
            Misfit::TooLarge => MoneyError::TooLarge,
        })?;
        Ok(Self { minor, currency })
    }

    /// The amount in major units as an exact JSON number, without trailing zeros: `500`, `10000.01`.
    pub fn to_major(self) -> String {
        let decimals = self.currency.decimals();
        let unit = 10_u64.pow(decimals);
        let (whole, part) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        let sign = if self.minor < 0 { "-" } else { "" };
        if part == 0 {
            return format!("{sign}{whole}");
        }
        let digits = format!("{part:0width$}", width = decimals as usize);
        format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minor, currency) = (self.minor.unsigned_abs(), self.currency);
        let sign = if self.minor < 0 { "-" } else { "" };
        match currency.decimals() {
            0 => write!(f, "{sign}{minor} {currency}"),
            decimals => {
                let (unit, width) = (10_u64.pow(decimals), decimals as usize);
                write!(f, "{sign}{}.{:0width$} {currency}", minor / unit, minor % unit)
            }
        }
    }
}

impl Money {
    /// Reads what `Display` writes, or wrote when the currency had other decimals, and no other spelling of it.
    fn parse(text: &str) -> Option<Self> {
        let (amount, code) = text.split_once(' ')?;
        // A number without an exponent is its digits; they are asked for below.
        Decimal::read(amount)?;
        let minor = amount.replacen('.', "", 1).parse().ok()?;
        let minus_nothing = minor == 0 && amount.starts_with('-');
        if minus_nothing { None } else { Some(Self { minor, currency: Currency::stored(code)? }) }
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        (self.minor, self.currency).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return from_text(deserializer, "an amount such as 500.00 USD", Self::parse);
        }
        let (minor, currency) = Deserialize::deserialize(deserializer)?;
        Ok(Self { minor, currency })
    }
}

/// A JSON number taken apart: `digits` × 10^`exponent`.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

enum Misfit {
    TooPrecise,
    TooLarge,
}

impl Decimal {
    /// Reads the grammar of RFC 8259, section 6; `None` for anything else.
    fn read(text: &str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Self::read_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, part) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(both) => both,
            None => (mantissa, ""),
        };
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || (whole.len() > 1 && whole.starts_with('0'))
            || !all_digits(whole)
            || !all_digits(part)
        {
            return None;
        }
        let digits = whole.bytes().chain(part.bytes()).map(|b| b - b'0').collect();
        Some(Self { negative, digits, exponent: exponent.saturating_sub(part.len() as i64) })
    }

    fn read_exponent(text: &str) -> Option<i64> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // An exponent beyond i64 is as good as the largest one: it fits nothing but zero.
        let size = digits.parse::<i64>().unwrap_or(i64::MAX / 2);
        Some(if text.starts_with('-') { -size } else { size })
    }

    fn scaled(mut self, decimals: u32) -> Result<i64, Misfit> {
        let mut exponent = self.exponent.saturating_add(i64::from(decimals));
        while exponent < 0 && self.digits.last() == Some(&0) {
            self.digits.pop();
            exponent += 1;
        }
        if self.digits.is_empty() || self.digits.iter().all(|d| *d == 0) {
            return Ok(0);
        }
        if exponent < 0 {
            return Err(Misfit::TooPrecise);
        }
        let mut value: i64 = 0;
        for digit in self.digits {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(i64::from(digit)))
                .ok_or(Misfit::TooLarge)?;
        }
        let power =
            u32::try_from(exponent).ok().and_then(|e| 10_i64.checked_pow(e)).ok_or(Misfit::TooLarge)?;
        let value = value.checked_mul(power).ok_or(Misfit::TooLarge)?;
        Ok(if self.negative { -value } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(text: &str) -> Result<i64, MoneyError> {
        Money::from_major(text, Currency::USD).map(|m| m.minor)
    }

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!(usd("500"), Ok(50_000));
        assert_eq!(usd("10000.01"), Ok(1_000_001));
        assert_eq!(usd("10000.10"), Ok(1_000_010));
        assert_eq!(usd("0.070000"), Ok(7));
        assert_eq!(usd("5e2"), Ok(50_000));
        assert_eq!(usd("1.5E-1"), Ok(15));
        assert_eq!(usd("-3"), Ok(-300));
        assert_eq!(usd("0e999999999999999999999"), Ok(0));
    }

    #[test]
    fn what_is_no_amount_says_why() {
        assert!(matches!(usd("0.001"), Err(MoneyError::TooPrecise(..))));
        assert_eq!(usd("92233720368547758.08"), Err(MoneyError::TooLarge));
        assert_eq!(usd("1e99999999999999999999"), Err(MoneyError::TooLarge));
        for text in ["", "-", "1.", ".5", "01", "1e", "1e+", "+1", "NaN", "1 ", "٣", "1_0", "\"1\""] {
            assert_eq!(usd(text), Err(MoneyError::NotANumber), "{text}");
        }
    }

    #[test]
    fn currencies_have_their_own_decimals() {
        let of = |code| Currency::from_code(code).unwrap();
        assert_eq!(Money::from_major("500", of("JPY")).unwrap().minor, 500);
        assert!(Money::from_major("0.5", of("JPY")).is_err());
        assert_eq!(Money::from_major("1.234", of("BHD")).unwrap().minor, 1234);
        for refused in ["HRK", "XAU", "XXX", "usd", "US", "DOLLAR", ""] {
            assert_eq!(Currency::from_code(refused), None, "{refused}");
        }
    }

    fn stored(text: &str) -> Result<Money, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    #[test]
    fn a_stored_amount_is_one_text_with_every_decimal() {
        let of = |minor, code| Money::new(minor, Currency::from_code(code).unwrap());
        for (money, text) in [
            (of(50_000, "USD"), "500.00 USD"),
            (of(1, "USD"), "0.01 USD"),
            (of(-7, "USD"), "-0.07 USD"),
            (of(500, "JPY"), "500 JPY"),
            (of(1_234, "BHD"), "1.234 BHD"),
            (of(i64::MIN, "USD"), "-92233720368547758.08 USD"),
        ] {
            assert_eq!(serde_json::to_value(money).unwrap(), text);
            assert_eq!(stored(text).unwrap(), money);
        }
        let other = ["0500.00 USD", "00.50 USD", "+5.00 USD", "-0.00 USD", ".05 USD", "5. USD", "5e2 USD"];
        let broken = [
            "5.00  USD",
            "5.00USD",
            "5.00 usd",
            "5.00 US",
            "5.00 USDT",
            "5.00 U$D",
            "5.00 ÄB",
            "5..00 USD",
            "5.0.0 USD",
            "5.0e1 USD",
            "- USD",
            "",
            "92233720368547758.08 USD",
        ];
        for text in other.into_iter().chain(broken) {
            assert!(stored(text).is_err(), "{text}");
        }
        let refusal = stored("5e2 USD").unwrap_err().to_string();
        insta::assert_snapshot!(refusal, @r#"invalid value: string "5e2 USD", expected an amount such as 500.00 USD"#);
    }

    /// Withdrawing a currency must not make stored orders unreadable.
    #[test]
    fn a_withdrawn_currency_is_no_longer_taken_and_still_read() {
        assert_eq!(Currency::from_code("HRK"), None);
        assert_eq!(stored("7.50 HRK").unwrap(), Money::new(750, Currency(*b"HRK")));
    }

    /// What was stored has the decimals that its currency had then, and perhaps a code that is gone.
    #[test]
    fn a_stored_amount_keeps_its_minor_units_whatever_the_list_says_today() {
        for (text, minor, code) in [
            ("500 USD", 500, b"USD"),
            ("5.000 USD", 5_000, b"USD"),
            ("0.0005 USD", 5, b"USD"),
            ("5.00 JPY", 500, b"JPY"),
            ("-1.2 BHD", -12, b"BHD"),
            ("7.50 QQQ", 750, b"QQQ"),
            ("7 XAU", 7, b"XAU"),
        ] {
            let money = Money::new(minor, Currency(*code));
            assert_eq!(stored(text).unwrap(), money, "{text}");
            let bytes = postcard::to_stdvec(&money).unwrap();
            assert_eq!(postcard::from_bytes::<Money>(&bytes), Ok(money), "{text}");
            assert_eq!(stored(&money.to_string()).unwrap(), money, "{text} is stored again");
        }
        assert_eq!(Currency::from_code("QQQ"), None, "it is not taken");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(minor: i64, code in prop::sample::select(vec!["USD", "JPY", "BHD", "CLF"])) {
            prop_assume!(minor != i64::MIN);
            let money = Money::new(minor, Currency::from_code(code).unwrap());
            prop_assert_eq!(Money::from_major(&money.to_major(), money.currency), Ok(money));
            prop_assert_eq!(stored(&money.to_string()).unwrap(), money);
            let bytes = postcard::to_stdvec(&money).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Money>(&bytes), Ok(money));
        }
    }
}
