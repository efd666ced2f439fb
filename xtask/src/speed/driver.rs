//! The driver: starts orders by the names that any Temporal client knows, pays them at once, awaits their results.

use super::site::Site;
use crate::command::{read, without_own_servers};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::process::Command;

/// When it gives up.
const LIMIT: &str = "5m";

/// Orders that are driven before those that are measured.
pub(super) const WARM_UP: u32 = 50;

/// What one drive found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drive {
    pub(super) orders_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Averages an order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Histories {
    pub(super) events: f64,
    pub(super) workflow_tasks: f64,
    pub(super) activity_tasks: f64,
}

/// Drives `orders`, after some that are not measured; every one of them must complete.
pub(super) fn drive(site: &Site<'_>, orders: u32, in_flight: u32) -> Result<Drive> {
    let [orders, in_flight, warm_up] = [orders, in_flight, WARM_UP].map(|number| number.to_string());
    let report = report(site, &["-n", &orders, "-conc", &in_flight, "-warmup", &warm_up])?;
    let figure = |name: &str| report[name].as_f64().with_context(|| format!("no {name} in {report}"));
    Ok(Drive { orders_per_s: figure("orders_per_s")?, p50_ms: figure("p50_ms")?, p99_ms: figure("p99_ms")? })
}

/// Drives `orders` and reads the histories of some of them.
pub(super) fn histories(site: &Site<'_>, orders: u32) -> Result<Histories> {
    let report = report(site, &["-n", &orders.to_string(), "-conc", "20", "-sample", "50"])?;
    let history = &report["history"];
    let figure = |name: &str| history[name].as_f64().with_context(|| format!("no {name} in {report}"));
    Ok(Histories {
        events: figure("events")?,
        workflow_tasks: figure("workflow_tasks")?,
        activity_tasks: figure("activity_tasks")?,
    })
}

fn report(site: &Site<'_>, words: &[&str]) -> Result<Value> {
    let mut driver = Command::new(site.baseline);
    without_own_servers(&mut driver)
        .args(["drive", "-address", &site.address(), "-limit", LIMIT])
        .args(words);
    let said = read(driver)?;
    let report: Value = serde_json::from_str(&said).with_context(|| format!("no report: {said}"))?;
    ensure!(report["failed"] == 0, "orders did not complete: {report}");
    Ok(report)
}
