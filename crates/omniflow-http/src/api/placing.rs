//! An order as JSON, read into a [`Draft`]; what makes it one that can be placed is the core's to say.
//!
//! Faults of both are told at once: what cannot be read leaves something in its place, so that the core can
//! judge the rest, and what the core says about the stand-in is dropped.

use crate::json::{self, Kind, Object, Value};
use crate::{Code, FieldError, Place, Problem};
use omniflow_core::{
    Draft, DraftAdjustment, DraftAmount, DraftLine, FieldFault, MAX_LINES, MAX_MINOR, MAX_QUANTITY,
    MAX_WINDOW_SECONDS, PolicyBook, Sku, Terms,
};
use omniflow_engine::Details;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The most bytes of an address or of metadata, as JSON.
const MAX_STRINGS_BYTES: usize = 4 * 1024;

type Strings = BTreeMap<String, String>;

/// An order that can be placed.
pub(super) struct Sent {
    pub(super) terms: Terms,
    pub(super) details: Details,
    pub(super) skus: SkuPlaces,
}

/// Where the lines' SKUs stand in the body.
#[derive(Default)]
pub(super) struct SkuPlaces {
    /// Whether the line is a SKU alone.
    is_bare: Vec<bool>,
}

/// Reads the body of `POST /orders` and checks it under the policies in force.
///
/// # Errors
/// Every fault, in the order of their pointers.
pub(super) fn read(body: &[u8], book: &PolicyBook) -> Result<Sent, Problem> {
    let mut skus = SkuPlaces::default();
    let ((draft, details), mut faults) =
        json::read_beside_faults(body, |order| Some((draft(order, &mut skus), details(order))))?;
    if faults.is_empty() {
        let terms = draft.check(book).map_err(|found| problem(found.into_iter().map(fault).collect()))?;
        return Ok(Sent { terms, details, skus });
    }
    faults.extend(draft.faults_beside(book, &unread(&faults)).into_iter().map(fault));
    Err(problem(faults))
}

impl SkuPlaces {
    /// The SKU's pointer, by its line's place.
    pub(super) fn pointer(&self, line: usize) -> String {
        let rest = if self.is_bare.get(line) == Some(&true) { "" } else { "/sku" };
        format!("/items/{line}{rest}")
    }
}

/// The fields that the core must not judge. It knows no unknown ones, of which there may be thousands: one of
/// them is enough to tell it that not everything was read.
fn unread(faults: &[FieldError]) -> Vec<String> {
    let (unknown, wrong): (Vec<_>, Vec<_>) =
        faults.iter().partition(|fault| fault.code == Code::UnknownField);
    unknown.into_iter().take(1).chain(wrong).filter_map(pointer).map(str::to_owned).collect()
}

/// What the core found at fault.
fn fault(found: omniflow_core::FieldError) -> FieldError {
    let code = match found.fault {
        FieldFault::Invalid => Code::InvalidField,
        FieldFault::UnsupportedCurrency => Code::UnsupportedCurrency,
    };
    FieldError::at(code, found.pointer, found.detail)
}

/// All that is at fault, array items in their order.
fn problem(mut faults: Vec<FieldError>) -> Problem {
    faults.sort_by_cached_key(|fault| {
        let keys = pointer(fault).unwrap_or_default().split('/');
        keys.map(|key| (key.parse::<usize>().ok(), key.to_owned())).collect::<Vec<_>>()
    });
    json::problem(faults)
}

fn pointer(fault: &FieldError) -> Option<&str> {
    match &fault.place {
        Place::Pointer(pointer) => Some(pointer),
        Place::Header(_) | Place::Parameter(_) => None,
    }
}

fn draft(order: &Object<'_, '_>, skus: &mut SkuPlaces) -> Draft {
    let items = order.need("items").map(|items| {
        let lines = items.array(0..=MAX_LINES, |item| {
            skus.is_bare.push(item.kind() == Kind::Text);
            Some(line(item))
        });
        lines.unwrap_or_else(|| vec![unread_line()])
    });
    let adjustments = order
        .get("adjustments")
        .and_then(|adjustments| adjustments.array(0..=MAX_LINES, |entry| Some(adjustment(entry))));
    Draft {
        amount: amount(order, "amount", "amount_minor"),
        currency: text(order, "currency"),
        items: items.unwrap_or_default(),
        adjustments: adjustments.unwrap_or_default(),
        external_id: text(order, "external_id"),
        customer_id: text(order, "customer_id"),
        payment_window_seconds: whole(order, "payment_window_seconds", 1..=MAX_WINDOW_SECONDS.cast_signed()),
    }
}

fn details(order: &Object<'_, '_>) -> Details {
    let shipping_address = order.get("shipping_address").and_then(strings);
    let metadata = order.get("metadata").and_then(strings);
    Details { shipping_address, metadata }
}

/// A line: a SKU alone, or an object.
fn line(item: Value<'_, '_>) -> DraftLine {
    match item.kind() {
        Kind::Text => {
            // Checked here, since its place is the item's own.
            let sku = item.text_as(|text| Sku::new(text)).map(|sku| sku.as_str().to_owned());
            DraftLine { sku: sku.unwrap_or_default(), unit_price: DraftAmount::default(), ..unread_line() }
        }
        Kind::Object => item.object(|item| Some(line_of(item))).unwrap_or_else(unread_line),
        _ => {
            item.refuse(Code::InvalidField, "must be a SKU or an object with one");
            unread_line()
        }
    }
}

fn line_of(item: &Object<'_, '_>) -> DraftLine {
    let sku = item.need("sku").and_then(|sku| sku.any_text()).unwrap_or_default().into_owned();
    DraftLine {
        line_id: text(item, "line_id"),
        sku,
        quantity: whole(item, "quantity", 1..=i64::from(MAX_QUANTITY)).unwrap_or(1),
        unit_price: amount(item, "unit_price", "unit_price_minor"),
    }
}

/// Stands for a line of which nothing is known, not even that it has no price.
fn unread_line() -> DraftLine {
    let unit_price = DraftAmount { major: None, minor: Some(0) };
    DraftLine { line_id: None, sku: String::new(), quantity: 1, unit_price }
}

fn adjustment(adjustment: Value<'_, '_>) -> DraftAdjustment {
    let read = adjustment.object(|adjustment| {
        let kind = adjustment.need("kind").and_then(|kind| kind.any_text()).unwrap_or_default().into_owned();
        let amount = amount(adjustment, "amount", "amount_minor");
        Some(DraftAdjustment { kind, label: text(adjustment, "label"), amount })
    });
    let unread = || DraftAdjustment { kind: String::new(), label: None, amount: DraftAmount::default() };
    read.unwrap_or_else(unread)
}

/// Text that the core will check. What is no text leaves an empty one, which no field takes.
fn text(object: &Object<'_, '_>, key: &str) -> Option<String> {
    object.get(key).map(|value| value.any_text().unwrap_or_default().into_owned())
}

fn whole(object: &Object<'_, '_>, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
    object.get(key).and_then(|value| value.integer(range))
}

/// An amount in major units, minor units, or both. That one was sent is known also where it cannot be read.
pub(super) fn amount(object: &Object<'_, '_>, major: &str, minor: &str) -> DraftAmount {
    let number = object.get(major).map(|value| value.number().unwrap_or_default());
    let count = object.get(minor).map(|value| value.integer(-MAX_MINOR..=MAX_MINOR).unwrap_or_default());
    DraftAmount { major: number.map(str::to_owned), minor: count }
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
        // All of them are read before one of them counts, so that every fault is noted.
        let entries: Vec<Option<_>> = entries.collect();
        entries.into_iter().map(|entry| entry.map(|(key, text)| (key, text.into_owned()))).collect()
    })
}
