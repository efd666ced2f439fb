//! `GET /orders`: orders by filter, newest first, part by part.

use super::Api;
use super::query::Query;
use super::reading::unread;
use super::view::OrderView;
use crate::Problem;
use crate::openapi::{answers, parameters, refusals};
use axum::Json;
use axum::extract::{Query as Pairs, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, fmt::temporal::Pieces};
use omniflow_core::{CustomerId, ExternalId, PaymentStatus, StateKind, Timestamp};
use omniflow_engine::{Cursor, Error, Filter, Page};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// The most values that one filter takes: each is looked up by itself.
const MAX_VALUES: usize = 50;

/// Where moments are counted from.
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// A part of the list of orders.
#[derive(Serialize, ToSchema)]
pub(super) struct OrderList<'o> {
    /// Orders, newest first.
    data: Vec<OrderView<'o>>,
    /// Where the next part begins; null at the end.
    next_cursor: Option<String>,
}

/// A part of the list. A filter that is given several times admits any of its values.
#[utoipa::path(
    get,
    path = "/api/v1/orders",
    tag = "orders",
    operation_id = "listOrders",
    summary = "List orders",
    description = "Newest first, part by part. Filters of several names must all match; one that is repeated \
                   admits any of its values.",
    params(parameters::Filters, parameters::Part, parameters::Language),
    responses(answers::Orders, refusals::Listing)
)]
pub(super) async fn list(
    State(api): State<Api>,
    headers: HeaderMap,
    Pairs(pairs): Pairs<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let page = page(pairs)?;
    let listing = api.engine.list(page).await.map_err(|error| match error {
        Error::ForeignCursor => {
            Problem::parameter("cursor", "must be the next_cursor of an earlier page with the same filters")
        }
        other => unread(other),
    })?;
    let (locale, now) = (api.locale(&headers), api.engine.now());
    let data = listing.orders.iter().map(|order| OrderView::of(order, locale, now)).collect();
    let next_cursor = listing.next.map(|cursor| cursor.to_string());
    let mut response = Json(OrderList { data, next_cursor }).into_response();
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn page(pairs: Vec<(String, String)>) -> Result<Page, Problem> {
    let mut query = Query::new(pairs);
    let limit = query.take_limit()?;
    let after = query.take("cursor")?.map(Cursor::new);
    let attention = several(&mut query, "attention", "true or false", |text| match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    })?;
    let filter = Filter {
        states: several(&mut query, "state", &words(StateKind::ALL, |state| state.as_str()), |text| {
            StateKind::ALL.iter().copied().find(|state| state.as_str() == text)
        })?,
        payment_statuses: several(
            &mut query,
            "payment_status",
            &words(PaymentStatus::ALL, |status| status.as_str()),
            |text| PaymentStatus::ALL.iter().copied().find(|status| status.as_str() == text),
        )?,
        customer_ids: several(&mut query, "customer_id", ID, |text| CustomerId::new(text).ok())?,
        external_ids: several(&mut query, "external_id", ID, |text| ExternalId::new(text).ok())?,
        // Both is either.
        attention: attention.first().copied().filter(|_| attention.len() == 1),
        created_after: moment(&mut query, "created_after", 0)?,
        // Orders know milliseconds: one at 5 ms is before 5.4 ms.
        created_before: moment(&mut query, "created_before", 999_999)?,
    };
    query.finish()?;
    Ok(Page { filter, after, limit })
}

const ID: &str = "1 to 100 characters, none of them a control character";

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> String {
    format!("one of {}", all.iter().map(|value| word(*value)).collect::<Vec<_>>().join(", "))
}

/// A filter's values.
fn several<T: Ord>(
    query: &mut Query,
    name: &'static str,
    must_be: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<BTreeSet<T>, Problem> {
    let values = query.take_all(name);
    if values.len() > MAX_VALUES {
        return Err(Problem::parameter(name, format!("must be given at most {MAX_VALUES} times")));
    }
    let read =
        |text: String| read(&text).ok_or_else(|| Problem::parameter(name, format!("must be {must_be}")));
    values.into_iter().map(read).collect()
}

/// A time in whole milliseconds, after so many nanoseconds are added.
fn moment(query: &mut Query, name: &'static str, added_ns: i128) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = query.take(name)? else { return Ok(None) };
    let refuse = || Problem::parameter(name, "must be a time of RFC 3339, such as 2026-01-06T10:00:00Z");
    let nanos = Some(&text).filter(|text| is_rfc_3339(text)).and_then(|text| since_epoch(text));
    let nanos = nanos.ok_or_else(refuse)? + added_ns;
    let millis = i64::try_from(nanos.div_euclid(1_000_000)).map_err(|_| refuse())?;
    Ok(Some(Timestamp::from_millis(millis)))
}

/// Whether a text is written as RFC 3339 has it, in which there is less than in what [`Pieces`] reads.
fn is_rfc_3339(text: &str) -> bool {
    // A `0` stands for any digit.
    let is_shaped = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                other => byte.eq_ignore_ascii_case(&other),
            })
    };
    let Some((until_seconds, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|letter: char| letter.is_ascii_digit()),
        None => rest,
    };
    let is_offset = |text: &str| is_shaped(text, "+00:00") || is_shaped(text, "-00:00");
    let is_of_a_day = |text: &str| text[1..3] <= *"23" && text[4..] <= *"59";
    is_shaped(until_seconds, "0000-00-00T00:00:00")
        && (is_shaped(offset, "Z") || (is_offset(offset) && is_of_a_day(offset)))
}

/// The nanoseconds from 1970 to a moment. All years of four digits have some, also the last hours of 9999,
/// of which [`jiff::Timestamp`] has none.
fn since_epoch(text: &str) -> Option<i128> {
    let moment = Pieces::parse(text).ok()?;
    let (time, offset) = (moment.time()?, moment.to_numeric_offset()?);
    let civil = moment.date().to_datetime(time).duration_since(EPOCH);
    Some((civil - SignedDuration::from_secs(offset.seconds().into())).as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Result<i64, Problem> {
        let mut query = Query::new(vec![("at".to_owned(), text.to_owned())]);
        moment(&mut query, "at", 0).map(|at| at.unwrap().as_millis())
    }

    #[test]
    fn every_moment_of_rfc_3339_is_read() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.0019Z", 1),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("2026-01-06T12:00:00+02:00", 1_767_693_600_000),
            ("2026-01-06t09:30:00.5-00:30", 1_767_693_600_500),
            ("9999-12-30T22:00:00Z", 253_402_207_200_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
            ("9999-12-31T23:59:59.999999999-23:59", 253_402_387_139_999),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("0000-01-01T00:00:00+23:59", -62_167_305_540_000),
        ] {
            assert_eq!(after(text).ok(), Some(millis), "{text}");
        }
        for text in [
            "",
            "2026-01-06",
            "2026-01-06T10:00:00",
            "10:00:00Z",
            "2026-02-30T10:00:00Z",
            "10000-01-01T00:00:00Z",
            "-000001-01-01T00:00:00Z",
            "+009999-01-01T00:00:00Z",
            "2026-01-01T10:00Z",
            "20260101T100000Z",
            "2026-01-01T100000Z",
            "2026-01-01 10:00:00Z",
            "2026-01-01T10:00:00.Z",
            "2026-01-01T10:00:00,5Z",
            "2026-01-01T10:00:00+25:00",
            "2026-01-01T10:00:00+02:60",
            "2026-01-01T10:00:00+0200",
            "2026-01-01T10:00:00+02",
            "2026-01-01T10:00:00+02:00:00",
            "2026-01-01T10:00:00Z[Europe/Paris]",
            "2026-01-01T10:00:00Z ",
            "2026-01-01T10:00:0é",
            "2026-01-01T10:00:00é",
            "٢026-01-01T10:00:00Z",
        ] {
            assert!(after(text).is_err(), "{text}");
        }
    }
}
