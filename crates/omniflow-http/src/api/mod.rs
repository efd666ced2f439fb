//! The routes under `/api/v1`, and those beside it.
//!
//! Each handler reads like the contract's line about it: take the request apart, ask the engine, show the
//! answer. The engine is `dyn`: nothing here knows which one runs.

mod actions;
mod conditional;
mod dev;
mod health;
mod inventory;
mod lists;
mod orders;
mod path;
mod payments;
mod placing;
mod post;
mod query;
mod reading;
mod refusals;
mod timeline;
#[cfg(test)]
mod unavailable;
mod view;

pub use dev::Dev;

use crate::language;
use crate::{BodyLimits, Metrics, Shutdown};
use axum::Router;
use axum::extract::FromRef;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use omniflow_core::{Actor, Locale, Order, PolicyBook};
use omniflow_engine::{Answered, OrderEngine};
use std::sync::Arc;
use std::time::Duration;

/// What the routes stand on.
#[derive(Clone)]
pub struct Api {
    /// Who runs orders.
    pub engine: Arc<dyn OrderEngine>,
    /// The policies that new orders get.
    pub policies: Arc<PolicyBook>,
    /// The language of `status` where the caller asks for none.
    pub locale: Locale,
    /// What of a request's body is read.
    pub body: BodyLimits,
    /// Whether a payment report without a body means that the whole amount was captured.
    pub implicit_capture: bool,
    /// How long the answer to a request with an `Idempotency-Key` is kept.
    pub keep_answers: Duration,
    /// Ends those who wait.
    pub shutdown: Shutdown,
    /// What is counted.
    pub metrics: Metrics,
    /// What `/` shows.
    pub home: Arc<str>,
    /// Routes that exist only in `dev`.
    pub dev: Option<Dev>,
}

/// All routes, as [`crate::serve`] takes them; it puts [`crate::with_front`] around them.
pub fn routes(api: Api) -> Router {
    let mut router = Router::new()
        .route("/", get(health::home))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/orders", get(lists::list).post(orders::place))
        .route("/api/v1/orders/{id}", get(orders::read))
        .route("/api/v1/orders/{id}/pay", post(payments::pay))
        .route("/api/v1/orders/{id}/audit", post(actions::audit))
        .route("/api/v1/orders/{id}/cancel", post(actions::cancel))
        .route("/api/v1/orders/{id}/retry", post(actions::retry))
        .route("/api/v1/orders/{id}/skip", post(actions::skip))
        .route("/api/v1/orders/{id}/compensate", post(actions::compensate))
        .route("/api/v1/orders/{id}/details", delete(actions::erase_details))
        .route("/api/v1/orders/{id}/timeline", get(timeline::timeline))
        .route("/api/v1/inventory", get(inventory::list))
        .route("/api/v1/inventory/adjustments", post(inventory::adjust))
        .route("/api/v1/inventory/{sku}", get(inventory::read).put(inventory::set));
    if let Some(dev) = &api.dev {
        router = router
            .route("/api/v1/dev/providers/{provider}", put(dev::script_provider).delete(dev::clear_provider));
        if dev.clock.is_some() {
            router = router.route("/api/v1/dev/clock", post(dev::advance_clock));
        }
    }
    router.with_state(api)
}

impl FromRef<Api> for BodyLimits {
    fn from_ref(api: &Api) -> Self {
        api.body
    }
}

impl Api {
    /// Who asks. Without access keys everybody is the same.
    fn actor(&self) -> Actor {
        Actor::api()
    }

    fn locale(&self, headers: &HeaderMap) -> Locale {
        language::negotiate(headers, self.locale)
    }

    /// An order as an answer, with the headers that every one of them has.
    fn show(&self, answered: &Answered, headers: &HeaderMap) -> Response {
        let Answered { order, at, replayed } = answered;
        let view = view::OrderView::of(order, self.locale(headers), *at);
        let mut response = order_response(order, &view);
        post::mark_replayed(&mut response, *replayed);
        response
    }
}

fn order_response(order: &Order, view: &view::OrderView<'_>) -> Response {
    let mut response = axum::Json(view).into_response();
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag(order.version));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An order's version as an entity tag.
fn etag(version: u32) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}
