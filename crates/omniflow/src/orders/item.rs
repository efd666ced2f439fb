//! The small languages of `create`: items, adjustments, entries of an address.

use super::exact::Decimal;
use serde::Serialize;
use std::str::FromStr;

/// `SKU[=QUANTITY][@PRICE]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Item {
    sku: String,
    quantity: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_price: Option<Decimal>,
}

impl FromStr for Item {
    type Err = &'static str;

    /// Reads from the end: what is no number there is part of the SKU, which may hold any sign.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rest, unit_price) = match text.rsplit_once('@') {
            Some((rest, price)) => match price.parse() {
                Ok(price) => (rest, Some(price)),
                Err(_) => (text, None),
            },
            None => (text, None),
        };
        let (sku, quantity) = match rest.rsplit_once('=') {
            Some((sku, count)) => match count.parse() {
                Ok(count) => (sku, count),
                Err(_) => (rest, 1),
            },
            None => (rest, 1),
        };
        if sku.is_empty() {
            return Err("must begin with a SKU, such as \"iPhone 15=2@250\"");
        }
        Ok(Self { sku: sku.to_owned(), quantity, unit_price })
    }
}

/// `KIND=AMOUNT[:LABEL]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Adjustment {
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    amount: Decimal,
}

impl FromStr for Adjustment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const TEACH: &str = "must be shipping, tax, discount or fee with its amount, such as shipping=9.90 or \
                             \"discount=-5:spring sale\"";
        let (kind, rest) = text.split_once('=').ok_or(TEACH)?;
        let (amount, label) =
            rest.split_once(':').map_or((rest, None), |(amount, label)| (amount, Some(label)));
        let amount = amount.parse().map_err(|_| TEACH)?;
        Ok(Self { kind: kind.to_owned(), label: label.map(str::to_owned), amount })
    }
}

/// `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) value: String,
}

impl FromStr for Entry {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE, such as city=Berlin")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_from_their_end() {
        for (text, sku, quantity, price) in [
            ("iPhone 15", "iPhone 15", 1, None),
            ("iPhone 15=2", "iPhone 15", 2, None),
            ("iPhone 15@499.90", "iPhone 15", 1, Some("499.90")),
            ("iPhone 15=2@250", "iPhone 15", 2, Some("250")),
            ("苹果=3", "苹果", 3, None),
            ("a=b", "a=b", 1, None),
            ("a=2=1", "a=2", 1, None),
            ("me@home", "me@home", 1, None),
            ("me@home=4@1.5", "me@home", 4, Some("1.5")),
        ] {
            let unit_price = price.map(|price| price.parse().unwrap());
            assert_eq!(text.parse(), Ok(Item { sku: sku.to_owned(), quantity, unit_price }), "{text}");
        }
        for text in ["", "=2", "@5", "=2@5"] {
            assert!(text.parse::<Item>().is_err(), "{text}");
        }
    }

    #[test]
    fn adjustments_have_a_kind_an_amount_and_perhaps_a_label() {
        let read = |text: &str| serde_json::to_string(&text.parse::<Adjustment>().unwrap()).unwrap();
        assert_eq!(read("shipping=9.90"), r#"{"kind":"shipping","amount":9.90}"#);
        assert_eq!(read("discount=-5:a: b"), r#"{"kind":"discount","label":"a: b","amount":-5}"#);
        for text in ["shipping", "shipping=", "shipping=x", "=:"] {
            assert!(text.parse::<Adjustment>().is_err(), "{text}");
        }
    }
}
