//! Stock: reading it, setting it, adjusting it.

use super::Api;
use super::path::SkuPath;
use super::post::{Post, mark_replayed};
use super::query::{NoQuery, Query};
use super::reading::unread;
use crate::openapi::{answers, bodies, parameters, refusals};
use crate::{Code, Payload, Problem, json};
use axum::Json;
use axum::extract::{Query as Pairs, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use omniflow_core::{ReasonText, Sku};
use omniflow_engine::{AdjustStock, Cursor, CursorSeal, Error, SetStock, StockLevel};
use serde::Serialize;
use utoipa::ToSchema;

/// Stock of one SKU.
#[derive(Serialize, ToSchema)]
#[schema(as = Stock)]
pub(super) struct StockView<'s> {
    /// What.
    sku: &'s str,
    /// How many are there.
    on_hand: u64,
    /// How many of them orders hold.
    reserved: u64,
    /// How many can be ordered.
    available: u64,
    /// How many orders hold that are not there, after a recount.
    short: u64,
}

impl<'s> StockView<'s> {
    fn of(level: &'s StockLevel) -> Self {
        let (sku, on_hand, reserved) = (level.sku.as_str(), level.on_hand, level.reserved);
        Self { sku, on_hand, reserved, available: level.available(), short: level.short() }
    }
}

/// A part of the catalogue.
#[derive(Serialize, ToSchema)]
#[schema(as = StockList)]
pub(super) struct Page<'s> {
    /// SKUs, sorted.
    data: Vec<StockView<'s>>,
    /// Where the next part begins; null at the end.
    next_cursor: Option<String>,
}

fn show(status: StatusCode, body: impl Serialize) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET /inventory`: every SKU, sorted.
#[utoipa::path(
    get,
    path = "/api/v1/inventory",
    tag = "inventory",
    operation_id = "listStock",
    summary = "Read the stock of all SKUs",
    description = "Sorted by SKU, part by part.",
    params(parameters::Part),
    responses(answers::Stocks, refusals::Listing)
)]
pub(super) async fn list(
    State(api): State<Api>,
    Pairs(pairs): Pairs<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let mut query = Query::new(pairs);
    let limit = query.take_limit()?;
    let after = query.take("cursor")?.map(|cursor| SEAL.open_sku(&Cursor::new(cursor))).transpose();
    let after =
        after.map_err(|_| Problem::parameter("cursor", "must be the next_cursor of an earlier page"))?;
    query.finish()?;
    let levels = api.engine.stocks(after.as_ref(), limit + 1).await.map_err(unread)?;
    let page = &levels[..levels.len().min(limit)];
    let last = page.last().filter(|_| levels.len() > limit);
    let next_cursor = last.map(|level| SEAL.seal_sku(&level.sku).to_string());
    Ok(show(StatusCode::OK, Page { data: page.iter().map(StockView::of).collect(), next_cursor }))
}

/// A SKU is no secret, so neither is the seal of a place behind it: it tells cursors from what is none.
static SEAL: CursorSeal = CursorSeal::new(*b"all SKUs");

/// `GET /inventory/{sku}`.
#[utoipa::path(
    get,
    path = "/api/v1/inventory/{sku}",
    tag = "inventory",
    operation_id = "readStock",
    summary = "Read the stock of one SKU",
    description = "404 `unknown_sku` where there is none.",
    params(parameters::SkuName),
    responses(answers::StockRead, refusals::StockReading)
)]
pub(super) async fn read(
    State(api): State<Api>,
    SkuPath(sku): SkuPath,
    _: NoQuery,
) -> Result<Response, Problem> {
    let level = api.engine.stock(&sku).await.map_err(unread)?;
    Ok(show(StatusCode::OK, StockView::of(&level)))
}

/// `PUT /inventory/{sku}`: sets what is on hand; 201 where the SKU is new.
#[utoipa::path(
    put, path = "/api/v1/inventory/{sku}", tag = "inventory", operation_id = "setStock",
    summary = "Set the stock of a SKU",
    description = "Creates the SKU where it is new. Below what is reserved only as a `recount`.",
    params(parameters::SkuName), request_body = bodies::NewStock,
    responses(answers::StockSet, refusals::StockSetting)
)]
pub(super) async fn set(
    State(api): State<Api>,
    SkuPath(sku): SkuPath,
    _: NoQuery,
    Payload(body): Payload,
) -> Result<Response, Problem> {
    let count = 0..=StockLevel::MAX.cast_signed();
    let change = json::read(&body, |stock| {
        let on_hand = stock.need("on_hand").and_then(|number| number.integer(count.clone()));
        let expected = stock.get("expected_on_hand").and_then(|number| number.integer(count.clone()));
        let recount = stock.get("recount").and_then(|recount| recount.boolean()).unwrap_or(false);
        let reason = stock.get("reason").and_then(|reason| reason.text_as(|text| ReasonText::new(text)));
        Some(SetStock {
            sku,
            on_hand: on_hand?.unsigned_abs(),
            expected_on_hand: expected.map(i64::unsigned_abs),
            recount,
            reason,
            actor: api.actor(),
        })
    })?;
    let set = api.engine.set_stock(change).await.map_err(|error| refused(error, "/on_hand"))?;
    let status = if set.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(show(status, StockView::of(&set.level)))
}

/// `POST /inventory/adjustments`: adds to or takes from what is on hand.
#[utoipa::path(
    post, path = "/api/v1/inventory/adjustments", tag = "inventory", operation_id = "adjustStock",
    summary = "Adjust the stock of a SKU", description = "Adds to what is on hand, or takes from it.",
    params(parameters::Key), request_body = bodies::Adjustment,
    responses(answers::StockAfter, refusals::StockAdjusting)
)]
pub(super) async fn adjust(
    State(api): State<Api>,
    Post { body, mark, .. }: Post,
) -> Result<Response, Problem> {
    let most = StockLevel::MAX.cast_signed();
    let change = json::read(&body, |adjustment| {
        let sku = adjustment.need("sku").and_then(|sku| sku.text_as(|text| Sku::new(text)));
        let delta = adjustment.need("delta").and_then(|delta| delta.integer(-most..=most));
        let reason =
            adjustment.need("reason").and_then(|reason| reason.text_as(|text| ReasonText::new(text)));
        Some(AdjustStock { sku: sku?, delta: delta?, reason: reason?, actor: api.actor(), idempotency: None })
    })?;
    let adjusted = mark.carry_out(|idempotency| async move {
        api.engine.adjust_stock(AdjustStock { idempotency, ..change }).await
    });
    let adjusted = adjusted.await.map_err(|error| match error {
        Error::UnknownSku(_) => Problem::field(
            Code::UnknownSku,
            "/sku",
            "is not in the catalogue; PUT /api/v1/inventory/{sku} adds it",
        ),
        other => refused(other, "/delta"),
    })?;
    let mut response = show(StatusCode::OK, StockView::of(&adjusted.level));
    mark_replayed(&mut response, adjusted.replayed);
    Ok(response)
}

/// A refusal, with the pointer of the number that was asked for where that is too large.
fn refused(error: Error, number: &'static str) -> Problem {
    match error {
        Error::StockTooLarge => {
            let detail = format!("must leave no more than {} on hand", StockLevel::MAX);
            Problem::field(Code::InvalidField, number, detail)
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;

    #[test]
    fn too_much_stock_is_a_fault_of_the_number_that_makes_it() {
        let problem = refused(Error::StockTooLarge, "/on_hand");
        assert_eq!(problem.code(), Code::InvalidField);
        assert_eq!(problem.errors()[0].place, Place::Pointer("/on_hand".to_owned()));
        assert_eq!(refused(Error::Overloaded, "/on_hand").code(), Code::Overloaded);
    }
}
