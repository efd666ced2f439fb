//! `GET /orders/{id}/timeline`: every event of an order.

use super::view::At;
use super::{Api, order_id};
use crate::Problem;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use omniflow_engine::TimelineEntry;
use serde::Serialize;
use serde_json::Value;

/// One event as the API shows it.
#[derive(Serialize)]
struct EntryView {
    seq: u32,
    r#type: &'static str,
    at: At,
    actor: String,
    reason: Option<String>,
    data: Value,
    hash: String,
}

#[derive(Serialize)]
struct Timeline {
    data: Vec<EntryView>,
    /// A timeline is one page: an order's life is short.
    next_cursor: Option<&'static str>,
}

pub(super) async fn timeline(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = order_id(id)?;
    let entries = api.engine.timeline(&id).await?;
    let data = entries.into_iter().map(EntryView::of).collect::<Result<_, _>>().map_err(Problem::internal)?;
    let mut response = Json(Timeline { data, next_cursor: None }).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl EntryView {
    fn of(TimelineEntry { entry, hash }: TimelineEntry) -> serde_json::Result<Self> {
        // An event is stored as {"its_type": {its data}}.
        let data = match serde_json::to_value(&entry.event)? {
            Value::Object(event) => event.into_iter().next().map_or(Value::Null, |(_, data)| data),
            other => other,
        };
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
