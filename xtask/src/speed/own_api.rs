//! The same lifecycle through our own API: placed, paid, and watched until it is completed.

use super::Store;
use super::site::{Site, Who};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::process::Command;

/// What was found with so many orders in flight.
pub(super) struct OwnApi {
    pub(super) store: Store,
    pub(super) in_flight: u32,
    pub(super) orders_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Orders that did not complete, and what their requests were answered.
    pub(super) failures: Vec<(u64, String)>,
}

/// Runs `omniflow bench lifecycle` against an API and a worker.
pub(super) fn run(site: &Site<'_>, in_flight: u32, orders: u32) -> Result<OwnApi> {
    let worker = site.worker(Who::Ours)?;
    let (api, address) = site.api()?;
    let mut bench = Command::new(site.program);
    bench.args(["bench", "lifecycle", "--json", "--keep-stock", "--url", &format!("http://{address}")]);
    bench.args(["--in-flight", &in_flight.to_string(), "--orders", &orders.to_string()]);
    // It ends with 1 where an order failed, and reports all the same.
    let output = bench.output().context("cannot run the bench")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&said)
        .with_context(|| format!("no report: {said}{}", String::from_utf8_lossy(&output.stderr)))?;
    api.stop()?;
    worker.stop()?;
    ensure!(report["ended"] == "done", "the bench did not come to its end: {report}");
    let failures = report["failures"].as_array().into_iter().flatten();
    let failures = failures.map(|failure| {
        let code = failure["code"].as_str().unwrap_or_default().to_owned();
        (failure["count"].as_u64().unwrap_or_default(), code)
    });
    let failures = failures.collect();
    // Where no order completed, there is no latency.
    let latency = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64).unwrap_or(f64::NAN);
    let figure = |pointer: &str| {
        report.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("no {pointer} in {report}"))
    };
    let found = OwnApi {
        store: site.store,
        in_flight,
        orders_per_s: figure("/orders_per_s")?,
        p50_ms: latency("/latency/order/p50_ms"),
        p99_ms: latency("/latency/order/p99_ms"),
        failures,
    };
    let OwnApi { orders_per_s, p50_ms, p99_ms, failures, .. } = &found;
    let name = site.store.name();
    println!(
        "speed: {name}, {in_flight} in flight, our API: {orders_per_s:.1} orders/s, p50 {p50_ms:.0} ms, p99 {p99_ms:.0} ms, \
         failed: {failures:?}"
    );
    Ok(found)
}
