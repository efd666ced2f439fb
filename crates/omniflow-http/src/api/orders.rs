//! Placing and reading orders.

use super::conditional::{self, Tags};
use super::path::OrderPath;
use super::placing::SkuPlaces;
use super::post::Post;
use super::query::NoQuery;
use super::reading::unread;
use super::view::{DetailsView, OrderView};
use super::{Api, etag, order_response, placing};
use crate::openapi::{answers, bodies, parameters, refusals};
use crate::{Code, FieldError, Problem};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use omniflow_core::{Order, OrderId, Sku};
use omniflow_engine::{Error, Placement};
use std::sync::Arc;
use std::time::Duration;

/// `POST /orders`: 201 with the order once its stock is decided and durable, 202 where that takes too long.
#[utoipa::path(
    post, path = "/api/v1/orders", tag = "orders", operation_id = "placeOrder",
    summary = "Place an order",
    description = "Reserves stock for every line or for none: with too little of it there is no order.",
    params(parameters::Key, parameters::Language), request_body = bodies::NewOrder,
    responses(answers::Placed, refusals::Placing)
)]
pub(super) async fn place(
    State(api): State<Api>,
    Post { headers, body, mark }: Post,
) -> Result<Response, Problem> {
    let placing::Sent { terms, details, skus } = placing::read(&body, &api.policies)?;
    let details = Some(details).filter(|details| !details.is_empty());
    let lines: Vec<Sku> = terms.lines.iter().map(|line| line.sku.clone()).collect();
    let (engine, actor) = (Arc::clone(&api.engine), api.actor());
    let placed = mark.carry_out(|idempotency| async move {
        engine.place(Placement { terms, details, actor, idempotency }).await
    });
    let placed = placed.await.map_err(|error| match error {
        Error::UnknownSku(unknown) => unknown_lines(&lines, &skus, &unknown),
        other => other.into(),
    })?;
    let mut response = api.show(&placed, &headers);
    if !placed.pending {
        *response.status_mut() = StatusCode::CREATED;
    }
    if let Ok(location) = HeaderValue::try_from(format!("/api/v1/orders/{}", placed.order.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Every line whose SKU is unknown, by its pointer.
fn unknown_lines(lines: &[Sku], skus: &SkuPlaces, unknown: &[Sku]) -> Problem {
    let faults = (0..).zip(lines).filter(|(_, sku)| unknown.contains(sku)).map(|(line, sku)| {
        let detail = format!("is not in the catalogue ({sku}); PUT /api/v1/inventory/{{sku}} adds a SKU");
        FieldError::at(Code::UnknownSku, skus.pointer(line), detail)
    });
    Problem::of_fields(faults.collect())
}

/// `GET /orders/{id}`; with `If-None-Match` and `Prefer: wait`, as soon as it has changed.
#[utoipa::path(
    get,
    path = "/api/v1/orders/{id}",
    tag = "orders",
    operation_id = "readOrder",
    summary = "Read an order",
    description = "With `If-None-Match` and `Prefer: wait=N` as soon as it has changed.",
    params(parameters::OrderId, parameters::Conditions, parameters::Language),
    responses(answers::OrderRead, refusals::Reading)
)]
pub(super) async fn read(
    State(api): State<Api>,
    OrderPath(id): OrderPath,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let required = conditional::if_match(&headers)?;
    let known = conditional::if_none_match(&headers)?;
    let wait = conditional::wait(&headers)?;
    let mut order = api.engine.read(&id).await.map_err(unread)?;
    if required.is_some_and(|required| !required.match_strongly(order.version)) {
        return Err(Error::VersionMismatch { current: order.version }.into());
    }
    if let Some(known) = known
        && known.match_weakly(order.version)
    {
        match changed(&api, &id, &order, &known, wait.unwrap_or_default()).await? {
            Some(newer) => order = newer,
            None => return Ok(not_modified(&order)),
        }
    }
    show_whole(&api, &order, &headers).await
}

/// The order as soon as it is none that the caller knows, `None` when the time is up first.
async fn changed(
    api: &Api,
    id: &OrderId,
    order: &Order,
    known: &Tags,
    wait: Duration,
) -> Result<Option<Arc<Order>>, Problem> {
    if wait.is_zero() {
        return Ok(None);
    }
    let change = async {
        let mut version = order.version;
        loop {
            let newer = api.engine.changed(id, version).await?;
            if !known.match_weakly(newer.version) {
                return Ok(newer);
            }
            version = newer.version;
        }
    };
    tokio::select! {
        changed = change => changed.map(Some).map_err(unread),
        () = tokio::time::sleep(wait) => Ok(None),
        () = api.shutdown.begun() => Ok(None),
    }
}

fn not_modified(order: &Order) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag(order.version));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The order with its address and metadata, null where there are none or they were erased.
async fn show_whole(api: &Api, order: &Order, headers: &HeaderMap) -> Result<Response, Problem> {
    let mut view = OrderView::of(order, api.locale(headers), api.engine.now());
    let details = match order.details {
        Some(_) => api.engine.details(&order.id).await.map_err(unread)?.unwrap_or_default(),
        None => Default::default(),
    };
    view.details =
        Some(DetailsView { shipping_address: details.shipping_address, metadata: details.metadata });
    Ok(order_response(order, &view))
}

/// For routes of one order: it must be there, whatever else is asked.
pub(super) async fn require(api: &Api, id: &OrderId) -> Result<Arc<Order>, Problem> {
    api.engine.read(id).await.map_err(Problem::from)
}
