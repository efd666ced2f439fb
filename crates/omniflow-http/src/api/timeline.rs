//! `GET /orders/{id}/timeline`: every event of an order.

use super::Api;
use super::path::OrderPath;
use super::query::NoQuery;
use super::reading::unread;
use super::view::{self, AdjustmentView, At, LineView, Major};
use crate::Problem;
use crate::openapi::{answers, parameters, refusals, words};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use omniflow_core::{Event, OrderId, Terms};
use omniflow_engine::TimelineEntry;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::time::Duration;
use utoipa::ToSchema;

/// One event of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = TimelineEntry)]
pub(super) struct EntryView {
    /// Its number in the order, from 1.
    seq: u32,
    #[schema(value_type = words::EventType)]
    pub(super) r#type: &'static str,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: At,
    /// Who caused it.
    actor: String,
    /// Why, in the words of whoever caused it.
    reason: Option<String>,
    /// What the type says of itself.
    #[schema(value_type = Object)]
    data: Value,
    /// SHA-256 over the hash before it and the stored bytes.
    hash: String,
}

/// Every event of an order.
#[derive(Serialize, ToSchema)]
pub(super) struct Timeline {
    /// Events, oldest first.
    data: Vec<EntryView>,
    /// A timeline is one page: an order's life is short.
    next_cursor: Option<&'static str>,
}

#[utoipa::path(
    get,
    path = "/api/v1/orders/{id}/timeline",
    tag = "events",
    operation_id = "readTimeline",
    summary = "Read every event of an order",
    description = "Oldest first, in one part.",
    params(parameters::OrderId),
    responses(answers::Told, refusals::Telling)
)]
pub(super) async fn timeline(
    State(api): State<Api>,
    OrderPath(id): OrderPath,
    _: NoQuery,
) -> Result<Response, Problem> {
    let entries = api.engine.timeline(&id).await.map_err(unread)?;
    let data = entries.into_iter().map(EntryView::of).collect::<Result<_, _>>().map_err(Problem::internal)?;
    let mut response = Json(Timeline { data, next_cursor: None }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl EntryView {
    pub(super) fn of(TimelineEntry { entry, hash }: TimelineEntry) -> serde_json::Result<Self> {
        let data = data(&entry.event)?;
        Ok(Self {
            seq: entry.seq,
            r#type: entry.event.name(),
            at: At(entry.at),
            actor: entry.actor.to_string(),
            reason: entry.event.reason().map(ToString::to_string),
            data,
            hash: hash.to_string(),
        })
    }
}

/// What an event says, with money as everywhere in the API. How it is stored is not shown.
fn data(event: &Event) -> serde_json::Result<Value> {
    if let Event::OrderPlaced { order_id, terms, details } = event {
        return serde_json::to_value(Placed::of(order_id, terms, details.is_some()));
    }
    // An event is written as {"its_type": {its data}}.
    let mut data = match serde_json::to_value(event)? {
        Value::Object(event) => event.into_iter().next().map_or(Value::Null, |(_, data)| data),
        other => other,
    };
    let amount = match event {
        Event::PaymentCaptured { amount, .. }
        | Event::PaymentDeclined { amount, .. }
        | Event::PaymentFailed { amount, .. } => Some(*amount),
        _ => None,
    };
    if let (Some(data), Some(amount)) = (data.as_object_mut(), amount) {
        data.insert("amount".to_owned(), serde_json::from_str(&amount.to_major())?);
        data.insert("amount_minor".to_owned(), amount.minor.into());
        data.insert("currency".to_owned(), amount.currency.code().into());
    }
    Ok(data)
}

/// A span in seconds: a whole number, as it is sent, unless the server's own window is no such number.
struct Seconds {
    ms: u64,
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.ms.is_multiple_of(1_000) {
            true => serializer.serialize_u64(self.ms / 1_000),
            false => serializer.serialize_f64(Duration::from_millis(self.ms).as_secs_f64()),
        }
    }
}

/// What was placed.
#[derive(Serialize)]
struct Placed<'t> {
    order_id: &'t str,
    external_id: Option<&'t str>,
    customer_id: Option<&'t str>,
    amount: Major,
    amount_minor: i64,
    currency: &'t str,
    items: Vec<LineView<'t>>,
    adjustments: Vec<AdjustmentView<'t>>,
    payment_window_seconds: Seconds,
    has_details: bool,
}

impl<'t> Placed<'t> {
    fn of(order_id: &'t OrderId, terms: &'t Terms, has_details: bool) -> Self {
        Self {
            order_id: order_id.as_str(),
            external_id: terms.external_id.as_ref().map(|id| id.as_str()),
            customer_id: terms.customer_id.as_ref().map(|id| id.as_str()),
            amount: Major(terms.total),
            amount_minor: terms.total.minor,
            currency: terms.total.currency.code(),
            items: view::lines(terms),
            adjustments: view::adjustments(terms),
            payment_window_seconds: Seconds { ms: terms.policies.payment_window_ms },
            has_details,
        }
    }
}
