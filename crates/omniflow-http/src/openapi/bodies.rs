//! Bodies that no type of the API itself describes, as the document has them. Handlers read bodies by the strict reader of
//! [`crate::json`], which names every fault; that both agree is shown by the tests of the document.

#![expect(dead_code, reason = "the fields are read by the derive alone")]

use super::words::{AdjustmentSent, OrderAction, ProblemCode, ReportedOutcome, ReviewAction, ScriptedAct};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An order to place. Send `amount`, `amount_minor`, or both if they agree; where every line has a price, both
/// may be left out.
#[derive(ToSchema)]
pub(crate) struct NewOrder {
    /// The whole amount in major units of `currency`, an exact number.
    #[schema(exclusive_minimum = 0, maximum = 90071992547409_i64)]
    amount: Option<f64>,
    /// The whole amount in minor units.
    #[schema(minimum = 1, maximum = 9007199254740991_i64)]
    amount_minor: Option<i64>,
    /// ISO 4217; USD where left out. Those with a review threshold are accepted.
    #[schema(pattern = "^[A-Z]{3}$", example = "USD")]
    currency: Option<String>,
    /// The lines: SKUs, or objects with one.
    #[schema(min_items = 1, max_items = 200)]
    items: Vec<NewItem>,
    /// Amounts beside the lines.
    #[schema(max_items = 200)]
    adjustments: Option<Vec<NewAdjustment>>,
    /// The caller's own number; a second order with the same one is refused.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    external_id: Option<String>,
    /// The shop's customer.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    customer_id: Option<String>,
    /// How long to wait for the payment; the server's window where left out.
    #[schema(minimum = 1, maximum = 2592000)]
    payment_window_seconds: Option<i64>,
    /// Where to ship: texts of your choice, 4 KiB of JSON at most. Erasable.
    shipping_address: Option<BTreeMap<String, String>>,
    /// Anything else that you want to find again: texts, 4 KiB of JSON at most. Erasable.
    metadata: Option<BTreeMap<String, String>>,
}

/// A line to order: a SKU alone, or an object.
#[derive(ToSchema)]
#[serde(untagged)]
pub(crate) enum NewItem {
    Sku(#[schema(inline)] SkuAlone),
    Line(NewLine),
}

/// One piece of a SKU.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
pub(crate) struct SkuAlone(String);

/// A line to order.
#[derive(ToSchema)]
pub(crate) struct NewLine {
    /// What.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    sku: String,
    /// How many; 1 where left out.
    #[schema(minimum = 1, maximum = 1000000)]
    quantity: Option<i64>,
    /// The price of one, in major units; where one line has a price, all need one.
    #[schema(minimum = 0, maximum = 90071992547409_i64)]
    unit_price: Option<f64>,
    /// The price of one, in minor units.
    #[schema(minimum = 0, maximum = 9007199254740991_i64)]
    unit_price_minor: Option<i64>,
    /// Your name for the line; its place from 1 where left out.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    line_id: Option<String>,
}

/// An amount beside the lines, in `amount`, `amount_minor`, or both if they agree. Discounts are negative,
/// all others positive.
#[derive(ToSchema)]
pub(crate) struct NewAdjustment {
    #[schema(inline)]
    kind: AdjustmentSent,
    /// Your words for it.
    #[schema(min_length = 1, max_length = 100)]
    label: Option<String>,
    /// In major units.
    amount: Option<f64>,
    /// In minor units.
    #[schema(minimum = -9007199254740991_i64, maximum = 9007199254740991_i64)]
    amount_minor: Option<i64>,
}

/// What the payment provider did. All of it may be left out: then the whole amount was captured.
#[derive(ToSchema)]
pub(crate) struct PaymentReport {
    /// The payment; one default per order where left out.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    payment_id: Option<String>,
    /// The report; with `payment_id` it names it. The outcome where left out.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    event_id: Option<String>,
    #[schema(inline)]
    outcome: Option<ReportedOutcome>,
    /// How much, in major units; the order's amount where left out.
    #[schema(exclusive_minimum = 0, maximum = 90071992547409_i64)]
    amount: Option<f64>,
    /// How much, in minor units.
    #[schema(minimum = 1, maximum = 9007199254740991_i64)]
    amount_minor: Option<i64>,
    /// ISO 4217; the order's where left out.
    #[schema(pattern = "^[A-Z]{3}$", example = "USD")]
    currency: Option<String>,
    /// Why, in the provider's words.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// A reviewer's decision.
#[derive(ToSchema)]
pub(crate) struct Review {
    #[schema(inline)]
    action: ReviewAction,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// Why, if you want to say so.
#[derive(ToSchema)]
pub(crate) struct ReasonGiven {
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// Why; somebody must say so.
#[derive(ToSchema)]
pub(crate) struct ReasonRequired {
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Nothing to say.
#[derive(ToSchema)]
pub(crate) struct Nothing {}

/// Stock of one SKU as it should be.
#[derive(ToSchema)]
pub(crate) struct NewStock {
    /// How many are there.
    #[schema(minimum = 0, maximum = 9007199254740991_i64)]
    on_hand: i64,
    /// How many you believe are recorded; if there are others, nothing is changed.
    #[schema(minimum = 0, maximum = 9007199254740991_i64)]
    expected_on_hand: Option<i64>,
    /// Whether this is a count of what is really there, to be taken even below what is reserved.
    recount: Option<bool>,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// A change of stock.
#[derive(ToSchema)]
pub(crate) struct Adjustment {
    /// Which SKU.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    sku: String,
    /// How many more, or fewer.
    #[schema(minimum = -9007199254740991_i64, maximum = 9007199254740991_i64)]
    delta: i64,
    /// Why.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// How a simulated provider behaves, step by step; then as unscripted.
#[derive(ToSchema)]
pub(crate) struct ProviderScript {
    /// The steps.
    #[schema(min_items = 1, max_items = 1000)]
    script: Vec<ScriptStep>,
    /// For this order alone.
    #[schema(min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9._~-]+$")]
    order_id: Option<String>,
}

/// A step of a script.
#[derive(ToSchema)]
pub(crate) struct ScriptStep {
    #[schema(inline)]
    r#do: ScriptedAct,
    /// How many times; 1 where left out.
    #[schema(minimum = 1, maximum = 1000000)]
    times: Option<i64>,
    /// Milliseconds; 0 where left out.
    #[schema(minimum = 0, maximum = 2592000000_i64)]
    ms: Option<i64>,
    /// What the provider says.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// How far to move the test clock.
#[derive(ToSchema)]
pub(crate) struct ClockAdvance {
    /// ISO 8601, days as 24 hours.
    #[schema(pattern = "^P(([0-9]{1,3}D)(T[0-9]{1,4}[HMS])?|T[0-9]{1,4}[HMS])$", example = "PT72H")]
    advance: String,
}

/// What the test clock shows.
#[derive(ToSchema)]
pub(crate) struct ClockReading {
    /// The moment.
    #[schema(format = DateTime)]
    now: String,
}

/// How the server is.
#[derive(ToSchema)]
pub(crate) struct Health {
    /// `ok` or `ready`.
    status: String,
}

/// A refusal or failure (RFC 9457).
#[derive(ToSchema)]
pub(crate) struct Problem {
    /// `urn:problem-type:omniflow:` and the code.
    r#type: String,
    /// The same few words for every occurrence.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    code: ProblemCode,
    /// What to do.
    detail: String,
    /// The parts of the request that are at fault.
    #[schema(nullable = false)]
    errors: Option<Vec<ProblemPart>>,
    /// With `action_not_allowed`: what can be asked instead.
    #[schema(nullable = false)]
    allowed_actions: Option<Vec<OrderAction>>,
    /// With `out_of_stock`: what is available of each line that is short.
    #[schema(nullable = false)]
    lines: Option<Vec<ShortLine>>,
    /// With `external_id_taken`: the order that has it.
    #[schema(nullable = false)]
    order_id: Option<String>,
    /// The request's name, as in `X-Request-Id` and the log.
    request_id: String,
}

/// One part of a request that is at fault: a place in the body, a header or a parameter.
#[derive(ToSchema)]
pub(crate) struct ProblemPart {
    /// A JSON pointer into the body.
    #[schema(nullable = false)]
    pointer: Option<String>,
    /// A header's name.
    #[schema(nullable = false)]
    header: Option<String>,
    /// A parameter's name.
    #[schema(nullable = false)]
    parameter: Option<String>,
    code: ProblemCode,
    /// What to do; completes a sentence that begins with the place.
    detail: String,
}

/// A SKU of which there is too little.
#[derive(ToSchema)]
pub(crate) struct ShortLine {
    /// What.
    sku: String,
    /// How many were ordered.
    requested: u64,
    /// How many there are.
    available: u64,
}
