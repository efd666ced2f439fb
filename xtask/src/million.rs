//! `cargo xtask million`: a server with a million open orders, among others that have ended, starts soon, stays
//! small, is in time, and lists them quickly.

mod fill;
mod lists;

use crate::checkout::Checkout;
use crate::product;
use crate::product::http::Connection;
use crate::product::moment;
use crate::product::server::Server;
use crate::product::usage::resident_kb;
use crate::product::verify::verify;
use crate::product::workplace::Workplace;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How soon it must be ready, whatever its last end was like.
const LONGEST_START: Duration = Duration::from_secs(5);
/// How much memory it may then have.
const MOST_RESIDENT_MB: u64 = 400;
/// How late a timer may be: the 100 ms that are promised, and as many for a machine with other work.
const LATEST_TIMER_MS: i64 = 200;
/// Timers that are measured, with a window of one second each.
const TIMERS: u64 = 20;

/// How many orders there are to be.
#[derive(Args)]
pub(crate) struct Options {
    /// Open orders
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    orders: u64,
}

/// A data directory and the program that serves it.
struct Trial {
    program: PathBuf,
    place: Workplace,
}

/// What was measured at one start.
struct Start {
    server: Server,
    took: Duration,
    resident_mb: u64,
}

/// Fills a server, starts it again after a SIGKILL and after a SIGTERM, and measures.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let program = product::build(&checkout, "release", &[])?;
    let place = Workplace::new(&program, "million")?;
    let trial = Trial { program, place };
    let filling = Instant::now();
    let mut filled = trial.start()?.server;
    lists::place_markers(filled.address()?, "old")?;
    let ended_orders = fill::fill(&trial.program, trial.place.path(), filled.address()?, options.orders)?;
    filled.kill()?;
    println!(
        "{} open orders and {ended_orders} that end, after {} s",
        options.orders,
        filling.elapsed().as_secs()
    );

    let killed = trial.start()?;
    let late_ms = measure_timers(&killed.server)?;
    lists::place_markers(killed.server.address()?, "new")?;
    let slowest = lists::measure(killed.server.address()?)?;
    let (status, took) = killed.server.terminate()?;
    ensure!(status.success() && took < Duration::from_secs(10), "SIGTERM: {status} after {took:?}");
    let ended = trial.start()?;
    drop(ended.server);
    let orders = verify(&trial.program, &trial.place.path().join("data"))?;
    ensure!(orders == Ok(options.orders + ended_orders + TIMERS + lists::ALL_MARKERS), "verify: {orders:?}");

    println!(
        "million: {} open orders; ready {} ms after a SIGKILL, {} ms after a clean end; {} MB resident; the latest \
         of {TIMERS} timers {late_ms} ms late",
        options.orders,
        killed.took.as_millis(),
        ended.took.as_millis(),
        killed.resident_mb.max(ended.resident_mb),
    );
    println!("million: {slowest}");
    for start in [killed.took, ended.took] {
        ensure!(start <= LONGEST_START, "it was ready after {start:?}, not within {LONGEST_START:?}");
    }
    let resident_mb = killed.resident_mb.max(ended.resident_mb);
    ensure!(resident_mb <= MOST_RESIDENT_MB, "{resident_mb} MB are resident, more than {MOST_RESIDENT_MB}");
    ensure!(late_ms <= LATEST_TIMER_MS, "a timer was {late_ms} ms late");
    trial.place.remove()?;
    Ok(ExitCode::SUCCESS)
}

impl Trial {
    fn start(&self) -> Result<Start> {
        let (data, log) = (self.place.path().join("data"), self.place.path().join("server.log"));
        let mut server = Server::start(&self.program, &data, &["--carrier-delay", "0s"], &log)?;
        let took = server.ready()?.with_context(|| format!("it does not start; see {}", log.display()))?;
        let resident_mb = resident_kb(server.pid())? / 1_000;
        Ok(Start { server, took, resident_mb })
    }
}

/// Places orders with a window of one second among the others; answers how late the latest ended.
fn measure_timers(server: &Server) -> Result<i64> {
    let mut connection = Connection::new(server.address()?);
    let body = r#"{"amount":5,"items":["HomePod"],"payment_window_seconds":1}"#;
    let mut placed = vec![];
    for _ in 0..TIMERS {
        let answer = connection.ask("POST", "/api/v1/orders", "", Some(body))?;
        ensure!(answer.status == 201, "an order is not taken: {answer:?}");
        placed.push(answer.body);
    }
    let mut latest = 0;
    for order in placed {
        let time = |value: &Value| value.as_str().and_then(moment::read);
        let due = time(&order["deadlines"]["payment_due_at"]).context("it has no deadline")?;
        let ended = time(&expired(&mut connection, order)?["ended_at"]).context("it has no end")?;
        ensure!(ended >= due, "a timer was {} ms early", due - ended);
        latest = latest.max(ended - due);
    }
    Ok(latest)
}

/// The order as soon as its window has ended.
fn expired(connection: &mut Connection, mut order: Value) -> Result<Value> {
    let path = format!("/api/v1/orders/{}", order["order_id"].as_str().context("no id")?);
    while order["state"] != "expired" {
        let known = format!("if-none-match: \"{}\"\r\nprefer: wait=10\r\n", order["version"]);
        let answer = connection.ask("GET", &path, &known, None)?;
        match answer.status {
            200 => order = answer.body,
            other => bail!("{path} does not expire: {other} {}", answer.body),
        }
    }
    Ok(order)
}
