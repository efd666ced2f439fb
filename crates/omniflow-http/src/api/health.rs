//! Whether the server lives and is ready, what it counts, and its front page.

use super::Api;
use crate::openapi::{answers, refusals};
use crate::{Code, Problem, metrics};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use omniflow_engine::Health;

const JSON: &str = "application/json";

/// `GET /healthz`: constant, the cheapest route there is.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "server",
    operation_id = "isLive",
    summary = "Whether it lives",
    description = "Constant.",
    responses(answers::Healthy, refusals::Constant)
)]
pub(super) async fn live() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, JSON)], r#"{"status":"ok"}"#)
}

/// `GET /readyz`: 503 while the engine cannot take orders.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "server",
    operation_id = "isReady",
    summary = "Whether it takes orders",
    description = "503 while the engine cannot.",
    responses(answers::Healthy, refusals::Readiness)
)]
pub(super) async fn ready(State(api): State<Api>) -> Result<impl IntoResponse, Problem> {
    match api.engine.health().await {
        Health::Ready => Ok(([(header::CONTENT_TYPE, JSON)], r#"{"status":"ready"}"#)),
        Health::Unavailable(reason) => {
            Err(Problem::new(Code::EngineUnavailable, format!("The engine takes no orders: {reason}.")))
        }
    }
}

/// `GET /metrics`.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "server",
    operation_id = "readMetrics",
    summary = "What it counts",
    description = "For Prometheus.",
    responses(answers::Counted, refusals::Constant)
)]
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let text = api.metrics.to_text().map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], text).into_response())
}

/// `GET /`: the lines to paste, until there is a console.
#[utoipa::path(
    get,
    path = "/",
    tag = "server",
    operation_id = "readHome",
    summary = "The front page",
    description = "Lines to paste, until there is a console.",
    responses(answers::Home, refusals::Constant)
)]
pub(super) async fn home(State(api): State<Api>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], api.home.to_string())
}
