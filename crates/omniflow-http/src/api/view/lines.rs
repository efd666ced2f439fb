//! What was ordered.

use super::values::Major;
use crate::openapi::words;
use omniflow_core::{AdjustmentKind, Money, Terms};
use serde::Serialize;
use utoipa::ToSchema;

/// One line, as sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Line)]
pub(in crate::api) struct LineView<'o> {
    /// The caller's name for the line, or its place from 1.
    line_id: &'o str,
    /// What.
    sku: &'o str,
    /// How many.
    quantity: u32,
    /// The price of one, in major units.
    #[schema(value_type = Option<f64>)]
    unit_price: Option<Major>,
    /// The price of one, in minor units.
    unit_price_minor: Option<i64>,
}

/// One amount beside the lines.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderAdjustment)]
pub(in crate::api) struct AdjustmentView<'o> {
    #[schema(value_type = words::AdjustmentWord)]
    kind: AdjustmentKind,
    /// The shop's words for it.
    label: Option<&'o str>,
    /// In major units of the currency, exact.
    #[schema(value_type = f64)]
    amount: Major,
    /// In minor units.
    amount_minor: i64,
}

/// The lines, as sent.
pub(in crate::api) fn lines(terms: &Terms) -> Vec<LineView<'_>> {
    let views = terms.lines.iter().map(|line| LineView {
        line_id: line.line_id.as_str(),
        sku: line.sku.as_str(),
        quantity: line.quantity,
        unit_price: line.unit_price_minor.map(|minor| Major(Money::new(minor, terms.total.currency))),
        unit_price_minor: line.unit_price_minor,
    });
    views.collect()
}

/// The amounts beside the lines.
pub(in crate::api) fn adjustments(terms: &Terms) -> Vec<AdjustmentView<'_>> {
    let views = terms.adjustments.iter().map(|adjustment| AdjustmentView {
        kind: adjustment.kind,
        label: adjustment.label.as_ref().map(|label| label.as_str()),
        amount: Major(Money::new(adjustment.amount_minor, terms.total.currency)),
        amount_minor: adjustment.amount_minor,
    });
    views.collect()
}
