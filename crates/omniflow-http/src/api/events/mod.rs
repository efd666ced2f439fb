//! `GET /events` and `GET /orders/{id}/events`: what happens, as it happens, as server-sent events.
//!
//! One message an event of a timeline. Its `id` is the event's place in the log, so whoever sends it back
//! as `Last-Event-ID` goes on behind it, also after a restart: nothing is missing and nothing comes twice.
//! A stream has no queue. Its reader's pace is the pace at which it is read from the log, so a slow reader
//! costs nobody anything; one that takes nothing is cut off by its connection's time-out.

mod chunk;
mod hub;
mod message;
mod pace;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use hub::Hub;
pub(super) use message::Told;

use super::Api;
use super::path::OrderPath;
use super::query::NoQuery;
use super::reading::unread;
use crate::Problem;
use crate::openapi::{answers, parameters, refusals};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use omniflow_engine::{FeedScope, Position};
use std::sync::Arc;
use stream::{OfAll, OfOne};

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Every order's events, from now on or from where the caller left off.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    operation_id = "followEvents",
    summary = "Follow every order's events",
    description = "Server-sent events from now on, or after `Last-Event-ID`.",
    params(parameters::LastEventId),
    responses(answers::Stream, refusals::Following)
)]
pub(super) async fn all(
    State(api): State<Api>,
    State(hub): State<Arc<Hub>>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let last = api.engine.last_position().await.map_err(unread)?;
    let at = left_off(&headers, last)?.unwrap_or(last);
    Ok(answer(OfAll::new(hub, at, api.shutdown)))
}

/// One order's events, from its first on or from where the caller left off.
#[utoipa::path(
    get,
    path = "/api/v1/orders/{id}/events",
    tag = "events",
    operation_id = "followOrder",
    summary = "Follow an order's events",
    description = "Server-sent events from the order's first on, or after `Last-Event-ID`.",
    params(parameters::OrderId, parameters::LastEventId),
    responses(answers::Stream, refusals::FollowingOrder)
)]
pub(super) async fn of_order(
    State(api): State<Api>,
    OrderPath(id): OrderPath,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.engine.read(&id).await.map_err(unread)?;
    let last = api.engine.last_position().await.map_err(unread)?;
    let at = left_off(&headers, last)?.unwrap_or_default();
    Ok(answer(OfOne::new(api.engine, FeedScope::Order(id), at, api.shutdown)))
}

/// The place that the caller saw last. One that the log has not reached is none of ours.
fn left_off(headers: &HeaderMap, last: Position) -> Result<Option<Position>, Problem> {
    let refuse = || {
        let detail =
            "must be the id of a message that this server sent, as it was; leave it out to begin anew";
        Problem::header("Last-Event-ID", detail)
    };
    let mut values = headers.get_all(&LAST_EVENT_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let digits = str::from_utf8(value.as_bytes()).ok();
    let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let place = digits.and_then(|digits| digits.parse().ok()).map(Position);
    match place.filter(|place| *place <= last && values.next().is_none()) {
        Some(place) => Ok(Some(place)),
        None => Err(refuse()),
    }
}

fn answer(messages: impl stream::Messages) -> Response {
    let mut response = Response::new(stream::body(messages));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that gathers an answer before it passes it on would pass on nothing.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
