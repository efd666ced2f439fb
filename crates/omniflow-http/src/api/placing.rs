//! An order as JSON, read into a [`Draft`]; what makes it one that can be placed is the core's to say.

use crate::json::{self, Object, Value};
use crate::{Code, FieldError, Problem};
use omniflow_core::{
    Draft, DraftAdjustment, DraftAmount, DraftLine, FieldFault, MAX_LINES, MAX_MINOR, MAX_QUANTITY,
    MAX_WINDOW_SECONDS,
};
use omniflow_engine::Details;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The most bytes of an address or of metadata, as JSON.
const MAX_STRINGS_BYTES: usize = 4 * 1024;

type Strings = BTreeMap<String, String>;

/// Reads the body of `POST /orders`.
pub(super) fn read(body: &[u8]) -> Result<(Draft, Details), Problem> {
    // A getter that gives nothing has noted why, so defaults stand in until all fields were read.
    json::read(body, |order| {
        let draft = Draft {
            amount: amount(order, "amount", "amount_minor"),
            currency: text(order, "currency"),
            items: order.need("items").and_then(|items| items.array(1..=MAX_LINES, line)).unwrap_or_default(),
            adjustments: order
                .get("adjustments")
                .and_then(|adjustments| adjustments.array(0..=MAX_LINES, adjustment))
                .unwrap_or_default(),
            external_id: text(order, "external_id"),
            customer_id: text(order, "customer_id"),
            payment_window_seconds: whole(
                order,
                "payment_window_seconds",
                1..=MAX_WINDOW_SECONDS.cast_signed(),
            ),
        };
        let shipping_address = order.get("shipping_address").and_then(strings);
        let metadata = order.get("metadata").and_then(strings);
        Some((draft, Details { shipping_address, metadata }))
    })
}

/// What the core found at fault.
pub(super) fn problem(faults: Vec<omniflow_core::FieldError>) -> Problem {
    let code = |fault| match fault {
        FieldFault::Invalid => Code::InvalidField,
        FieldFault::UnsupportedCurrency => Code::UnsupportedCurrency,
    };
    let errors =
        faults.into_iter().map(|fault| FieldError::at(code(fault.fault), fault.pointer, fault.detail));
    Problem::of_fields(errors.collect())
}

/// A line: a SKU alone, or an object.
fn line(item: Value<'_, '_>) -> Option<DraftLine> {
    use json::Kind;
    match item.kind() {
        Kind::Text => {
            let sku = item.any_text()?.into_owned();
            Some(DraftLine { line_id: None, sku, quantity: 1, unit_price: DraftAmount::default() })
        }
        Kind::Object => item.object(|item| {
            let sku = item.need("sku").and_then(|sku| sku.any_text()).unwrap_or_default().into_owned();
            Some(DraftLine {
                line_id: text(item, "line_id"),
                sku,
                quantity: whole(item, "quantity", 1..=i64::from(MAX_QUANTITY)).unwrap_or(1),
                unit_price: amount(item, "unit_price", "unit_price_minor"),
            })
        }),
        _ => {
            item.refuse(Code::InvalidField, "must be a SKU or an object with one");
            None
        }
    }
}

fn adjustment(adjustment: Value<'_, '_>) -> Option<DraftAdjustment> {
    adjustment.object(|adjustment| {
        let kind = adjustment.need("kind").and_then(|kind| kind.any_text()).unwrap_or_default().into_owned();
        let amount = amount(adjustment, "amount", "amount_minor");
        Some(DraftAdjustment { kind, label: text(adjustment, "label"), amount })
    })
}

fn text(object: &Object<'_, '_>, key: &str) -> Option<String> {
    object.get(key).and_then(|value| value.any_text()).map(|text| text.into_owned())
}

fn whole(object: &Object<'_, '_>, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
    object.get(key).and_then(|value| value.integer(range))
}

/// An amount in major units, minor units, or both.
pub(super) fn amount(object: &Object<'_, '_>, major: &str, minor: &str) -> DraftAmount {
    let number = object.get(major).and_then(|value| value.number());
    DraftAmount { major: number.map(str::to_owned), minor: whole(object, minor, -MAX_MINOR..=MAX_MINOR) }
}

/// An object of strings, bounded.
fn strings(value: Value<'_, '_>) -> Option<Strings> {
    if value.json().len() > MAX_STRINGS_BYTES {
        value.refuse(Code::InvalidField, format!("must have at most {MAX_STRINGS_BYTES} bytes of JSON"));
        return None;
    }
    value.object(|object| {
        let entries = object.entries().map(|(key, value)| {
            if key.is_empty() || key.chars().any(char::is_control) {
                value.refuse(Code::InvalidField, "must have a name without control characters");
                return None;
            }
            Some((key.to_owned(), value.text(0..=MAX_STRINGS_BYTES)?))
        });
        let entries: Option<Vec<_>> = entries.collect();
        Some(entries?.into_iter().map(|(key, text)| (key, text.into_owned())).collect())
    })
}
