//! What people and shops ask of an order. Each answers with the order as it then stands.

use super::path::OrderPath;
use super::post::{Mark, Post};
use super::query::NoQuery;
use super::{Api, conditional};
use crate::openapi::{answers, bodies, parameters, refusals};
use crate::{Problem, json};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use omniflow_core::{Command, Decision, OrderId, ReasonText, TextError};
use omniflow_engine::Request;
use std::sync::Arc;

/// `POST /orders/{id}/audit`: a reviewer's decision.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/audit", tag = "orders", operation_id = "reviewOrder",
    summary = "Decide a review",
    description = "The same decision again changes nothing; the other one, once decided, is refused.",
    params(parameters::OrderId, parameters::Key, parameters::IfMatch, parameters::Language),
    request_body = bodies::Review, responses(answers::OrderAfter, refusals::Acting)
)]
pub(super) async fn audit(
    State(api): State<Api>,
    OrderPath(id): OrderPath,
    post: Post,
) -> Result<Response, Problem> {
    let command = json::read(&post.body, |audit| {
        let decision = audit.need("action").and_then(|action| action.word(Decision::ALL));
        let reason = reason(audit);
        Some(Command::Decide { decision: decision?, reason })
    })?;
    ask(&api, id, post, command).await
}

/// `POST /orders/{id}/cancel`.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/cancel", tag = "orders", operation_id = "cancelOrder",
    summary = "Cancel an order",
    description = "While it reserves, is in review or awaits payment.",
    params(parameters::OrderId, parameters::Key, parameters::IfMatch, parameters::Language),
    request_body = Option<bodies::ReasonGiven>, responses(answers::OrderAfter, refusals::Acting)
)]
pub(super) async fn cancel(
    State(api): State<Api>,
    OrderPath(id): OrderPath,
    post: Post,
) -> Result<Response, Problem> {
    let reason = only_reason(&post.body)?;
    ask(&api, id, post, Command::Cancel { reason }).await
}

/// `POST /orders/{id}/retry`: the effect that needs attention is tried again.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/retry", tag = "orders", operation_id = "retryEffect",
    summary = "Try again",
    description = "The effect that needs attention is tried again.",
    params(parameters::OrderId, parameters::Key, parameters::IfMatch, parameters::Language),
    request_body = Option<bodies::Nothing>, responses(answers::OrderAfter, refusals::Acting)
)]
pub(super) async fn retry(
    State(api): State<Api>,
    OrderPath(id): OrderPath,
    post: Post,
) -> Result<Response, Problem> {
    json::read_optional(&post.body, |_| Some(()))?;
    ask(&api, id, post, Command::Retry).await
}

/// `POST /orders/{id}/skip`: the effect that needs attention counts as done. Somebody must say why.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/skip", tag = "orders", operation_id = "skipEffect",
    summary = "Count as done",
    description = "The effect that needs attention counts as done.",
    params(parameters::OrderId, parameters::Key, parameters::IfMatch, parameters::Language),
    request_body = bodies::ReasonRequired, responses(answers::OrderAfter, refusals::Acting)
)]
pub(super) async fn skip(
    State(api): State<Api>,
    OrderPath(id): OrderPath,
    post: Post,
) -> Result<Response, Problem> {
    let reason =
        json::read(&post.body, |skip| skip.need("reason").and_then(|reason| reason.text_as(reason_text)))?;
    ask(&api, id, post, Command::Skip { reason: Some(reason) }).await
}

/// `POST /orders/{id}/compensate`: the order is undone instead of shipped.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/compensate", tag = "orders", operation_id = "compensateOrder",
    summary = "Undo instead of shipping",
    description = "A shipment that needs attention is given up: refund, release, `failed`.",
    params(parameters::OrderId, parameters::Key, parameters::IfMatch, parameters::Language),
    request_body = Option<bodies::ReasonGiven>, responses(answers::OrderAfter, refusals::Acting)
)]
pub(super) async fn compensate(
    State(api): State<Api>,
    OrderPath(id): OrderPath,
    post: Post,
) -> Result<Response, Problem> {
    let reason = only_reason(&post.body)?;
    ask(&api, id, post, Command::Compensate { reason }).await
}

/// `DELETE /orders/{id}/details`: address and metadata are erased, once the order has ended.
#[utoipa::path(
    delete,
    path = "/api/v1/orders/{id}/details",
    tag = "orders",
    operation_id = "eraseOrderDetails",
    summary = "Erase address and metadata",
    description = "Once the order has ended.",
    params(parameters::OrderId, parameters::IfMatch),
    responses(answers::Erased, refusals::Erasing)
)]
pub(super) async fn erase_details(
    State(api): State<Api>,
    OrderPath(id): OrderPath,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let sent = Post { headers, body: Bytes::new(), mark: Mark::default() };
    ask(&api, id, sent, Command::EraseDetails).await.map(|_| StatusCode::NO_CONTENT.into_response())
}

/// Asks something of an order, on the conditions that were sent.
pub(super) async fn ask(
    api: &Api,
    order_id: OrderId,
    sent: Post,
    command: Command,
) -> Result<Response, Problem> {
    let Post { headers, mark, .. } = sent;
    let if_match = conditional::if_match(&headers)?;
    let answered = mark.carry_out(|idempotency| {
        let request = Request { order_id, command, actor: api.actor(), if_version: None, idempotency };
        conditional::command(Arc::clone(&api.engine), request, if_match)
    });
    let answered = answered.await?;
    Ok(api.show(&answered, &headers))
}

fn reason(object: &json::Object<'_, '_>) -> Option<ReasonText> {
    object.get("reason").and_then(|reason| reason.text_as(reason_text))
}

fn reason_text(text: &str) -> Result<ReasonText, TextError> {
    ReasonText::new(text)
}

fn only_reason(body: &[u8]) -> Result<Option<ReasonText>, Problem> {
    json::read_optional(body, |object| Some(reason(object)))
}
