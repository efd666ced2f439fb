//! What each route can be refused with: every code, and with it every status of a problem document.

use crate::{Code, problem};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

use Code::*;

/// What any request can get, whatever it asks for.
const ANYWHERE: &[Code] = &[MalformedRequest, RequestTimeout, UriTooLong, HeadersTooLarge, Internal];
/// What a body can get.
const BODY: &[Code] = &[InvalidJson, TooLarge, InvalidField, UnknownField];
/// What an `Idempotency-Key` can get.
const KEY: &[Code] = &[InvalidField, IdempotencyKeyReused, IdempotencyInProgress];
/// What a question to the engine can get.
const READS: &[Code] = &[EngineUnavailable, Overloaded];
/// What a request to the engine to change something can get.
const CHANGES: &[Code] = &[EngineUnavailable, Overloaded, OutcomeUnknown];

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = [$($group:expr),*];)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                responses(&[ANYWHERE, $($group),*].concat())
            }
        }
    )+};
}

refusals! {
    /// Of constants.
    Constant = [];
    /// Of `/readyz`.
    Readiness = [&[EngineUnavailable]];
    /// Of files under `/docs`.
    Files = [&[UnknownRoute]];
    /// Of `GET /orders`.
    Listing = [READS, &[InvalidField]];
    /// Of `POST /orders`.
    Placing = [BODY, KEY, CHANGES, &[OutOfStock, ExternalIdTaken, UnknownSku, UnsupportedCurrency]];
    /// Of `GET /orders/{id}`.
    Reading = [READS, &[OrderNotFound, VersionMismatch, InvalidField]];
    /// Of `GET /orders/{id}/timeline`.
    Telling = [READS, &[OrderNotFound, InvalidField]];
    /// Of `GET /events`.
    Following = [READS, &[InvalidField]];
    /// Of `GET /orders/{id}/events`.
    FollowingOrder = [READS, &[OrderNotFound, InvalidField]];
    /// Of `POST /orders/{id}/pay`.
    Paying = [BODY, KEY, CHANGES, &[OrderNotFound, VersionMismatch, TooManyPayments]];
    /// Of the other actions.
    Acting = [BODY, KEY, CHANGES, &[OrderNotFound, VersionMismatch, ActionNotAllowed]];
    /// Of `DELETE /orders/{id}/details`.
    Erasing = [CHANGES, &[OrderNotFound, VersionMismatch, ActionNotAllowed, InvalidField]];
    /// Of `GET /inventory/{sku}`.
    StockReading = [READS, &[SkuNotFound, InvalidField]];
    /// Of `PUT /inventory/{sku}`.
    StockSetting = [BODY, CHANGES, &[BelowReserved, VersionMismatch]];
    /// Of `POST /inventory/adjustments`.
    StockAdjusting = [BODY, KEY, CHANGES, &[UnknownSku, BelowReserved]];
    /// Of `PUT /dev/providers/{provider}`.
    DevChanging = [BODY, &[UnknownRoute]];
    /// Of `POST /dev/clock`.
    ClockMoving = [BODY, KEY, &[UnknownRoute]];
    /// Of `DELETE /dev/providers/{provider}`.
    DevClearing = [&[UnknownRoute, InvalidField]];
}

/// One response a status, with all its codes.
fn responses(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let of_status = by_status.entry(code.status().as_str().to_owned()).or_default();
        if !of_status.contains(code) {
            of_status.push(*code);
        }
    }
    let described = by_status.into_iter().map(|(status, codes)| (status, super::response(document(&codes))));
    described.collect()
}

fn document(codes: &[Code]) -> Value {
    let sentences = codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title()));
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let mut headers = json!({});
    if codes.iter().any(|code| code.retry_after_s().is_some()) {
        headers = json!({"Retry-After": {
            "description": "Seconds after which to ask again.",
            "schema": {"type": "integer", "minimum": 1},
        }});
    }
    json!({
        "description": sentences.collect::<Vec<_>>().join(" "),
        "headers": headers,
        "content": {problem::MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "x-problem-codes": words,
    })
}
