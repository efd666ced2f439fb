//! Whether the server lives and is ready, what it counts, and its front page.

use super::Api;
use crate::{Code, Problem, metrics};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use omniflow_engine::Health;

const JSON: &str = "application/json";

/// `GET /healthz`: constant, the cheapest route there is.
pub(super) async fn live() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, JSON)], r#"{"status":"ok"}"#)
}

/// `GET /readyz`: 503 while the engine cannot take orders.
pub(super) async fn ready(State(api): State<Api>) -> Result<impl IntoResponse, Problem> {
    match api.engine.health() {
        Health::Ready => Ok(([(header::CONTENT_TYPE, JSON)], r#"{"status":"ready"}"#)),
        Health::Unavailable(reason) => {
            Err(Problem::new(Code::EngineUnavailable, format!("The engine takes no orders: {reason}.")))
        }
    }
}

/// `GET /metrics`.
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let text = api.metrics.to_text().map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], text).into_response())
}

/// `GET /`: the lines to paste, until there is a console.
pub(super) async fn home(State(api): State<Api>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], api.home.to_string())
}
