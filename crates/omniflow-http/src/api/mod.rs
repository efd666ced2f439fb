//! The routes under `/api/v1`, and those beside it.
//!
//! Each handler reads like the contract's line about it: take the request apart, ask the engine, show the
//! answer. The engine is `dyn`: nothing here knows which one runs.

mod actions;
mod conditional;
mod dev;
mod events;
mod health;
mod in_progress;
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
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod stub;
mod timeline;
#[cfg(test)]
mod unavailable;
mod view;

pub use dev::Dev;

use crate::language;
use crate::openapi::{bodies, reader, schema_of};
use crate::{BodyLimits, Metrics, Shutdown};
use axum::Router;
use axum::extract::FromRef;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use omniflow_core::{Actor, Locale, Order, PolicyBook};
use omniflow_engine::{Answered, OrderEngine};
use std::sync::Arc;
use std::time::Duration;
use utoipa::openapi::{ComponentsBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

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
    let mut routes = everywhere();
    if let Some(dev) = &api.dev {
        routes = routes.merge(in_dev());
        if dev.clock.is_some() {
            routes = routes.merge(with_test_clock());
        }
    }
    let (router, _) = routes.split_for_parts();
    router.with_state(Shared::new(api))
}

/// The routes that tell how a process is, for one that takes no orders itself.
pub fn monitoring(api: Api) -> Router {
    let routes = OpenApiRouter::new()
        .routes(routes!(health::home))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics));
    let (router, _) = routes.split_for_parts();
    router.with_state(Shared::new(api))
}

/// What handlers stand on: the [`Api`], and what requests have in common.
#[derive(Clone)]
struct Shared(Arc<Common>);

struct Common {
    api: Api,
    hub: Arc<events::Hub>,
    in_progress: in_progress::InProgress,
    advances: Arc<dev::Advances>,
}

impl Shared {
    fn new(api: Api) -> Self {
        let hub = Arc::new(events::Hub::new(Arc::clone(&api.engine), api.metrics.clone()));
        Self(Arc::new(Common { api, hub, in_progress: Default::default(), advances: Default::default() }))
    }

    fn api(&self) -> &Api {
        &self.0.api
    }

    fn in_progress(&self) -> in_progress::InProgress {
        self.0.in_progress.clone()
    }
}

/// What all routes together are, for [`crate::openapi`].
pub(crate) fn described() -> OpenApi {
    let schemas = [
        schema_of::<view::OrderView<'_>>(),
        schema_of::<view::DetailsView>(),
        schema_of::<lists::OrderList<'_>>(),
        schema_of::<timeline::Timeline>(),
        schema_of::<events::Told<'_>>(),
        schema_of::<inventory::Page<'_>>(),
        schema_of::<bodies::ClockReading>(),
        schema_of::<bodies::Health>(),
        schema_of::<bodies::Problem>(),
    ];
    let components = ComponentsBuilder::new().schemas_from_iter(schemas.into_iter().flatten()).build();
    let document = OpenApiBuilder::new().components(Some(components)).build();
    let all =
        OpenApiRouter::with_openapi(document).merge(everywhere()).merge(in_dev()).merge(with_test_clock());
    all.into_openapi()
}

// Handlers come with their paths, so that what is served is what is documented: no route is added otherwise.

fn everywhere() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(health::home))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(reader::openapi))
        .routes(routes!(reader::docs))
        .routes(routes!(reader::file))
        .routes(routes!(lists::list, orders::place))
        .routes(routes!(orders::read))
        .routes(routes!(payments::pay))
        .routes(routes!(actions::audit))
        .routes(routes!(actions::cancel))
        .routes(routes!(actions::retry))
        .routes(routes!(actions::skip))
        .routes(routes!(actions::compensate))
        .routes(routes!(actions::erase_details))
        .routes(routes!(timeline::timeline))
        .routes(routes!(events::of_order))
        .routes(routes!(events::all))
        .routes(routes!(inventory::list))
        .routes(routes!(inventory::adjust))
        .routes(routes!(inventory::read, inventory::set))
}

fn in_dev() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(dev::script_provider, dev::clear_provider))
}

fn with_test_clock() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(dev::advance_clock))
}

impl FromRef<Shared> for Api {
    fn from_ref(shared: &Shared) -> Self {
        shared.api().clone()
    }
}

impl FromRef<Shared> for BodyLimits {
    fn from_ref(shared: &Shared) -> Self {
        shared.api().body
    }
}

impl FromRef<Shared> for Arc<events::Hub> {
    fn from_ref(shared: &Shared) -> Self {
        Arc::clone(&shared.0.hub)
    }
}

impl FromRef<Shared> for Arc<dev::Advances> {
    fn from_ref(shared: &Shared) -> Self {
        Arc::clone(&shared.0.advances)
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

    /// An order as an answer, with the headers that every one of them has: 200, or 202 where what was asked is
    /// taken and not yet done.
    fn show(&self, answered: &Answered, headers: &HeaderMap) -> Response {
        let Answered { order, at, replayed, pending } = answered;
        let view = view::OrderView::of(order, self.locale(headers), *at);
        let mut response = order_response(order, &view);
        post::mark_replayed(&mut response, *replayed);
        if *pending {
            *response.status_mut() = StatusCode::ACCEPTED;
        }
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
