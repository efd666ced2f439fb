//! An order as it is sent, and the rules that make it one that can be placed.

mod faults;
#[cfg(test)]
mod tests;

use crate::{
    Adjustment, AdjustmentKind, Currency, CustomerId, ExternalId, Line, LineId, Money, PolicyBook,
    ReasonText, Sku, Terms,
};
use faults::Faults;
use std::collections::HashSet;

/// The most lines of an order.
pub const MAX_LINES: usize = 200;
/// The most of one line.
pub const MAX_QUANTITY: u32 = 1_000_000;
/// The longest payment window that a caller may ask for: 30 days.
pub const MAX_WINDOW_SECONDS: u64 = 2_592_000;
/// The largest amount in minor units: beyond it, programs that read JSON numbers as doubles lose digits.
pub const MAX_MINOR: i64 = (1 << 53) - 1;

/// An amount as sent: in major units as written, in minor units, or both if they agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftAmount {
    /// The JSON number of major units, as written.
    pub major: Option<String>,
    /// Minor units.
    pub minor: Option<i64>,
}

/// One line as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftLine {
    /// The caller's name for it.
    pub line_id: Option<String>,
    /// What.
    pub sku: String,
    /// How many; 1 where left out.
    pub quantity: i64,
    /// Price of one.
    pub unit_price: DraftAmount,
}

/// An amount beside the lines, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftAdjustment {
    /// One of the [`AdjustmentKind`]s.
    pub kind: String,
    /// The shop's words.
    pub label: Option<String>,
    /// How much; discounts are negative.
    pub amount: DraftAmount,
}

/// An order as sent, types already right, nothing else checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The whole amount.
    pub amount: DraftAmount,
    /// ISO 4217; USD where left out.
    pub currency: Option<String>,
    /// The lines.
    pub items: Vec<DraftLine>,
    /// Amounts beside the lines.
    pub adjustments: Vec<DraftAdjustment>,
    /// The caller's own number.
    pub external_id: Option<String>,
    /// The shop's customer.
    pub customer_id: Option<String>,
    /// The payment window asked for.
    pub payment_window_seconds: Option<i64>,
}

/// What kind of fault a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// Its value is not allowed.
    Invalid,
    /// A currency that exists or not, but is not taken here.
    UnsupportedCurrency,
}

/// A field that cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into what was sent.
    pub pointer: String,
    /// What kind of fault.
    pub fault: FieldFault,
    /// What to do about it; completes a sentence that begins with the field's name.
    pub detail: String,
}

impl Draft {
    /// Checks an order under the policies in force.
    ///
    /// # Errors
    /// Every field that is at fault.
    pub fn check(&self, book: &PolicyBook) -> Result<Terms, Vec<FieldError>> {
        self.read(book, Faults::default()).map_err(Faults::into_found)
    }

    /// What is wrong with an order beside these fields, by JSON pointer, which were not what they must be
    /// already as they were read. What stands in their place is not judged, nor is what they may be the
    /// cause of.
    pub fn faults_beside(&self, book: &PolicyBook, unread: &[String]) -> Vec<FieldError> {
        self.read(book, Faults::beside(unread)).map_or_else(Faults::into_found, |_| vec![])
    }

    fn read<'f>(&self, book: &PolicyBook, mut faults: Faults<'f>) -> Result<Terms, Faults<'f>> {
        let currency = faults.currency(self.currency.as_deref(), book);
        let lines = self.lines(currency, &mut faults);
        let adjustments = self.adjustments(currency, &mut faults);
        let total = self.total(currency, &lines, &adjustments, &mut faults);
        let external_id = faults.text("/external_id", self.external_id.as_deref(), ExternalId::new);
        let customer_id = faults.text("/customer_id", self.customer_id.as_deref(), CustomerId::new);
        let window_ms = faults.window(self.payment_window_seconds);
        let (Some(total), true) = (total, faults.is_clean()) else { return Err(faults) };
        let total = Money::new(total, currency);
        let Some(policies) = book.for_order(total, window_ms) else {
            faults.unsupported(currency.code());
            return Err(faults);
        };
        Ok(Terms { total, lines, adjustments, external_id, customer_id, policies })
    }

    fn lines(&self, currency: Currency, faults: &mut Faults<'_>) -> Vec<Line> {
        if self.items.is_empty() || self.items.len() > MAX_LINES {
            faults.invalid("/items", format!("must have 1 to {MAX_LINES} lines"));
            return vec![];
        }
        let mut seen = HashSet::new();
        let mut lines = Vec::with_capacity(self.items.len());
        for (place, item) in self.items.iter().enumerate() {
            let Some(line) = item.check(place, currency, faults) else { continue };
            if !seen.insert(line.line_id.clone()) {
                let detail =
                    format!("must be unique in the order, and {} is taken by a line before", line.line_id);
                faults.invalid(&format!("/items/{place}/line_id"), detail);
            }
            lines.push(line);
        }
        lines
    }

    fn adjustments(&self, currency: Currency, faults: &mut Faults<'_>) -> Vec<Adjustment> {
        if self.adjustments.len() > MAX_LINES {
            faults.invalid("/adjustments", format!("must have at most {MAX_LINES} entries"));
            return vec![];
        }
        (0..)
            .zip(&self.adjustments)
            .filter_map(|(place, adjustment)| adjustment.check(place, currency, faults))
            .collect()
    }

    /// The whole amount in minor units: as given, or as the priced lines add up to; `None` after a fault.
    fn total(
        &self,
        currency: Currency,
        lines: &[Line],
        adjustments: &[Adjustment],
        faults: &mut Faults<'_>,
    ) -> Option<i64> {
        let given = faults.amount("/amount", &self.amount, currency);
        if self.amount == DraftAmount::default() && self.lacks_a_price() {
            let detail = "is required: the whole amount, a number above zero (it may be left out where \
                          every line has a unit_price)";
            faults.invalid("/amount", detail.to_owned());
        }
        // Where anything is wrong already, that may be why it does not add up.
        let added = if faults.is_clean() { faults.sum(lines, adjustments)? } else { None };
        if let (Some(given), Some(added)) = (given, added)
            && given != added
        {
            let added = Money::new(added, currency).to_major();
            faults.invalid("/amount", format!("must equal lines plus adjustments, {added}, or be left out"));
            return None;
        }
        let total = given.or(added)?;
        if !(1..=MAX_MINOR).contains(&total) {
            let most = Money::new(MAX_MINOR, currency).to_major();
            faults.invalid(
                self.amount.pointer("/amount").as_str(),
                format!("must be above zero and at most {most}"),
            );
        }
        Some(total)
    }

    /// Whether the lines cannot say what the order costs.
    fn lacks_a_price(&self) -> bool {
        self.items.is_empty() || self.items.iter().any(|item| item.unit_price == DraftAmount::default())
    }
}

impl DraftAmount {
    /// The field that was sent, for messages: `base` or its minor twin.
    fn pointer(&self, base: &str) -> String {
        if self.major.is_none() && self.minor.is_some() { format!("{base}_minor") } else { base.to_owned() }
    }
}

impl DraftLine {
    fn check(&self, place: usize, currency: Currency, faults: &mut Faults<'_>) -> Option<Line> {
        let at = format!("/items/{place}");
        let before = faults.count();
        let sku = faults.text(&format!("{at}/sku"), Some(&self.sku), Sku::new);
        let line_id = match &self.line_id {
            Some(id) => faults.text(&format!("{at}/line_id"), Some(id), LineId::new),
            None => Some(LineId::of_place(place + 1)),
        };
        let quantity = u32::try_from(self.quantity).ok().filter(|q| (1..=MAX_QUANTITY).contains(q));
        if quantity.is_none() {
            faults.invalid(
                &format!("{at}/quantity"),
                format!("must be a whole number from 1 to {MAX_QUANTITY}"),
            );
        }
        let price_at = format!("{at}/unit_price");
        let unit_price_minor = faults.amount(&price_at, &self.unit_price, currency);
        if unit_price_minor.is_some_and(|price| !(0..=MAX_MINOR).contains(&price)) {
            faults.invalid(
                &self.unit_price.pointer(&price_at),
                "must not be negative or beyond counting".to_owned(),
            );
        }
        (faults.count() == before).then_some(Line {
            line_id: line_id?,
            sku: sku?,
            quantity: quantity?,
            unit_price_minor,
        })
    }
}

impl DraftAdjustment {
    fn check(&self, place: usize, currency: Currency, faults: &mut Faults<'_>) -> Option<Adjustment> {
        let at = format!("/adjustments/{place}");
        let before = faults.count();
        let kind = AdjustmentKind::from_word(&self.kind);
        if kind.is_none() {
            faults.invalid(&format!("{at}/kind"), "must be shipping, tax, discount or fee".to_owned());
        }
        let label = faults.text(&format!("{at}/label"), self.label.as_deref(), ReasonText::new);
        let amount_at = format!("{at}/amount");
        let amount = faults.amount(&amount_at, &self.amount, currency);
        match (kind, amount) {
            (Some(kind), Some(amount)) if !kind.takes(amount) => {
                let is_discount = kind == AdjustmentKind::Discount;
                let detail = if is_discount { "must not be above zero" } else { "must not be negative" };
                faults.invalid(&self.amount.pointer(&amount_at), format!("{detail}, or beyond counting"));
            }
            (_, None) if self.amount == DraftAmount::default() => {
                faults.invalid(&amount_at, "is required".to_owned());
            }
            _ => {}
        }
        (faults.count() == before).then_some(Adjustment { kind: kind?, label, amount_minor: amount? })
    }
}

impl AdjustmentKind {
    /// Discounts lower what is to pay, the others raise it.
    fn takes(self, amount: i64) -> bool {
        let raises = if self == Self::Discount { amount.checked_neg() } else { Some(amount) };
        raises.is_some_and(|raises| (0..=MAX_MINOR).contains(&raises))
    }
}
