//! How long a page of `GET /orders` takes among a million orders, by filter.

use super::fill::BIG_CUSTOMER;
use crate::product::http::Connection;
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::time::Duration;

/// What half of the pages of a filter must be answered in. The slowest of a hundred is shown and not judged: on
/// two cores that others use too, it is the others' work that it tells, up to 40 ms, and differs from run to run.
const LONGEST_PAGE: Duration = Duration::from_millis(5);
/// Pages that are measured of each filter, after those that warm it up.
const PAGES: usize = 200;
const WARM_UP: usize = 20;
/// Orders on a page: as many as unless asked, and as many as there can be.
const LIMITS: [usize; 2] = [50, 200];
/// More than a page shows.
const MANY: usize = usize::MAX;
const NO_OP: &str = "/healthz";

/// Orders placed before and after all others, half of them cancelled.
const MARKERS: usize = 100;
/// How many of them there are in the end.
pub(super) const ALL_MARKERS: u64 = 2 * MARKERS as u64;

/// How long one filter's pages took.
struct Measured {
    name: String,
    orders: usize,
    p50: Duration,
    p99: Duration,
}

/// Places orders of a customer with numbers of its own, and cancels every other one: those that are older
/// than a million others, and those that are newer.
pub(super) fn place_markers(address: SocketAddr, name: &str) -> Result<()> {
    let mut connection = Connection::new(address);
    for number in 0..MARKERS {
        let body = format!(
            r#"{{"amount":5,"items":["HomePod"],"customer_id":"{name}","external_id":"{name}-{number}","payment_window_seconds":2592000}}"#
        );
        let placed = connection.ask("POST", "/api/v1/orders", "", Some(&body))?;
        ensure!(placed.status == 201, "an order is not taken: {placed:?}");
        if number % 2 == 0 {
            let id = placed.body["order_id"].as_str().context("no id")?;
            let cancelled = connection.ask("POST", &format!("/api/v1/orders/{id}/cancel"), "", None)?;
            ensure!(cancelled.status == 200, "an order cannot be cancelled: {cancelled:?}");
        }
    }
    Ok(())
}

/// Measures the pages of every filter, prints them, and fails where one is slow. Answers how the slowest did.
pub(super) fn measure(address: SocketAddr) -> Result<String> {
    let mut connection = Connection::new(address);
    let bounds = bounds(&mut connection)?;
    let deep = deep(&mut connection)?;
    let (mut slowest, mut slow) = (None::<Measured>, vec![]);
    for limit in LIMITS {
        let no_op = times(NO_OP, &mut connection, NO_OP)?;
        println!("a page of {limit} orders, by filter; the no-op route: {}", shown(&no_op));
        for (filter, least) in filters(&bounds, &deep) {
            let path = format!("/api/v1/orders?limit={limit}{filter}");
            let measured = times(if filter.is_empty() { "(none)" } else { &filter }, &mut connection, &path)?;
            println!("  {} orders, {}: {}", measured.orders, shown(&measured), measured.name);
            let least = least.min(limit);
            ensure!(measured.orders >= least, "{path} shows {} orders, not {least}", measured.orders);
            if measured.p50 > LONGEST_PAGE {
                slow.push(path);
            }
            if slowest.as_ref().is_none_or(|slowest| measured.p50 > slowest.p50) {
                slowest = Some(measured);
            }
        }
    }
    ensure!(slow.is_empty(), "half of the pages take longer than {LONGEST_PAGE:?} by: {}", slow.join(", "));
    let slowest = slowest.context("nothing was measured")?;
    Ok(format!("pages of {} orders by {} are the slowest, {}", slowest.orders, slowest.name, shown(&slowest)))
}

/// Filters, and how many orders there are at least.
fn filters((oldest, newest): &(String, String), deep: &str) -> Vec<(String, usize)> {
    let big = format!("&customer_id={BIG_CUSTOMER}");
    [
        ("", MANY),
        ("&state=awaiting_payment", MANY),
        ("&state=in_review", MANY),
        ("&state=completed", MANY),
        ("&state=expired", MANY),
        ("&state=cancelled", MARKERS),
        ("&state=awaiting_payment&state=cancelled&state=completed", MANY),
        ("&state=shipping", 0),
        ("&payment_status=pending", MANY),
        ("&payment_status=paid&payment_status=refunded", MANY),
        ("&state=in_review&payment_status=paid", 0),
        (&big, MANY),
        (&format!("{big}&state=awaiting_payment"), MANY),
        (&format!("{big}&state=cancelled"), 0),
        (&format!("{big}&customer_id=old&attention=false"), MANY),
        (&format!("{big}&created_before={oldest}"), 0),
        ("&customer_id=old", MARKERS),
        ("&customer_id=old&customer_id=new&customer_id=nobody", MARKERS),
        ("&customer_id=old&state=cancelled&payment_status=pending&attention=false", MARKERS / 2),
        ("&external_id=old-7", 1),
        ("&external_id=old-7&external_id=new-7&external_id=none", 2),
        ("&attention=false", MANY),
        ("&attention=true", 0),
        (&format!("&created_after={newest}"), 0),
        (&format!("&created_after={oldest}"), MANY),
        (&format!("&created_before={newest}"), MANY),
        (&format!("&created_before={newest}&created_after={oldest}&state=cancelled"), MARKERS / 2),
        (&format!("&state=awaiting_payment&cursor={deep}"), MANY),
    ]
    .map(|(filter, least)| (filter.to_owned(), least))
    .into()
}

/// When the first and the last order were placed.
fn bounds(connection: &mut Connection) -> Result<(String, String)> {
    let mut at = |path: &str| -> Result<String> {
        let answer = connection.get(path)?;
        let at = answer.body["data"][0]["created_at"].as_str();
        at.map(str::to_owned).with_context(|| format!("{path} shows none: {answer:?}"))
    };
    Ok((at("/api/v1/orders?external_id=old-0")?, at("/api/v1/orders?limit=1")?))
}

/// A cursor some pages down.
fn deep(connection: &mut Connection) -> Result<String> {
    let mut cursor = None::<String>;
    for _ in 0..20 {
        let after = cursor.map_or(String::new(), |cursor| format!("&cursor={cursor}"));
        let path = format!("/api/v1/orders?limit=200&state=awaiting_payment{after}");
        let answer = connection.get(&path)?;
        let next = answer.body["next_cursor"].as_str();
        cursor = Some(next.with_context(|| format!("{path} is the last page"))?.to_owned());
    }
    cursor.context("there is no page")
}

fn times(name: &str, connection: &mut Connection, path: &str) -> Result<Measured> {
    let mut times = Vec::with_capacity(PAGES);
    let mut orders = 0;
    for page in 0..WARM_UP + PAGES {
        let (answer, took) = connection.get_timed(path)?;
        ensure!(answer.status == 200, "{path} is answered {answer:?}");
        if page >= WARM_UP {
            times.push(took);
        }
        orders = answer.body["data"].as_array().map_or(0, Vec::len);
    }
    times.sort_unstable();
    let (p50, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    Ok(Measured { name: name.to_owned(), orders, p50, p99 })
}

fn shown(measured: &Measured) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms", ms(measured.p50), ms(measured.p99))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_of_the_contract_is_measured() {
        let filters = filters(&("a".to_owned(), "b".to_owned()), "c");
        let parameters =
            "state payment_status customer_id external_id attention created_after created_before cursor";
        for parameter in parameters.split(' ') {
            let part = format!("&{parameter}=");
            assert!(filters.iter().any(|(filter, _)| filter.contains(&part)), "{parameter}");
        }
    }
}
