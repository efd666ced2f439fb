//! What a run found: one JSON object for scripts, a short table for people.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::drive::{Ended, Phase};
use super::flash_sale::Sale;
use super::floors::Floors;
use super::readers::EventReaders;
use super::stock::StockSet;
use super::tally::{Failure, Step, Tally};

/// A run's figures. The names of its fields are the JSON report's keys and stay as they are.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Which load: `place`, `lifecycle` or `flash-sale`.
    pub(super) bench: &'static str,
    /// The server's base URL.
    pub(super) url: String,
    /// Orders carried at a time, each on its own connection.
    pub(super) connections: usize,
    /// `done`, `interrupted`, `unreachable` or `silent`.
    pub(super) ended: &'static str,
    /// What to know about an end that is not `done`.
    pub(super) ended_detail: Option<String>,
    /// Orders that came to their expected end.
    pub(super) orders: u64,
    /// Orders that did not, the warm-up's included.
    pub(super) failed: u64,
    /// From the first order's start to the last one's end.
    pub(super) elapsed_s: f64,
    /// `orders` by `elapsed_s`.
    pub(super) orders_per_s: f64,
    /// By step; null where the load has no such step, or none was done.
    pub(super) latency: Latencies,
    /// Why orders failed, each kind once.
    pub(super) failures: Vec<Failures>,
    /// Taken just before and just after.
    pub(super) floors: FloorsAround,
    /// The generator's own CPU time, without that of `--event-readers`.
    pub(super) client_cpu_us_per_order: Option<f64>,
    /// The server process's figures, where `--server-pid` named it.
    pub(super) server: Option<Server>,
    /// What `--event-readers` got in the measured phase.
    pub(super) event_readers: Option<EventReaders>,
    /// Stock that was set before the run and stays so.
    pub(super) stock_set: Vec<StockSet>,
    /// How a flash sale went.
    pub(super) sale: Option<Sale>,
}

/// Latencies by step.
#[derive(Debug, Serialize)]
pub(super) struct Latencies {
    order: Option<Latency>,
    place: Option<Latency>,
    sold_out: Option<Latency>,
    pay: Option<Latency>,
    completed: Option<Latency>,
}

/// How long one step took.
#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    count: u64,
    mean_ms: f64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    p99_9_ms: f64,
    max_ms: f64,
}

/// One kind of failure.
#[derive(Debug, Serialize)]
pub(super) struct Failures {
    #[serde(flatten)]
    kind: Failure,
    count: u64,
}

/// The floors on both sides of the measured phase; none after one that was cut short.
#[derive(Debug, Serialize)]
pub(super) struct FloorsAround {
    pub(super) before: Floors,
    pub(super) after: Option<Floors>,
}

/// What the server process used in the measured phase.
#[derive(Debug, Serialize)]
pub(super) struct Server {
    pub(super) pid: u32,
    pub(super) cpu_us_per_order: Option<f64>,
    pub(super) written_bytes_per_order: Option<f64>,
    /// Memory resident at the end of the phase.
    pub(super) resident_bytes: u64,
}

impl Latencies {
    pub(super) fn of(tally: &Tally) -> Self {
        let step = |step| Latency::of(tally.latency(step));
        Self {
            order: step(Step::Order),
            place: step(Step::Place),
            sold_out: step(Step::SoldOut),
            pay: step(Step::Pay),
            completed: step(Step::Completed),
        }
    }

    /// Those that the table shows: an order that is only placed needs no line of its own.
    fn rows(&self) -> impl Iterator<Item = (Step, Latency)> {
        let order = if self.pay.is_some() { self.order } else { None };
        let rows = [
            (Step::Order, order),
            (Step::Place, self.place),
            (Step::SoldOut, self.sold_out),
            (Step::Pay, self.pay),
            (Step::Completed, self.completed),
        ];
        rows.into_iter().filter_map(|(step, latency)| Some((step, latency?)))
    }
}

impl Latency {
    fn of(micros: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| micros.value_at_quantile(quantile) as f64 / 1e3;
        (!micros.is_empty()).then(|| Self {
            count: micros.len(),
            mean_ms: rounded(micros.mean() / 1e3),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p99_9_ms: at(0.999),
            max_ms: at(1.0),
        })
    }
}

impl Failures {
    pub(super) fn of(tally: &Tally) -> Vec<Self> {
        tally.failures.iter().map(|(kind, count)| Self { kind: kind.clone(), count: *count }).collect()
    }

    /// What to do about it, where that is known.
    fn hint(&self) -> &'static str {
        match &*self.kind.code {
            "out_of_stock" => "  (raise the stock: leave out --keep-stock, or give --stock)",
            "in_review" => "  (needs a person: give an --amount under the review threshold)",
            _ => "",
        }
    }
}

/// The words for how a phase ended: a key, and a sentence unless all is well.
pub(super) fn ending(phase: &Phase) -> (&'static str, Option<String>) {
    match &phase.ended {
        Ended::Done => ("done", None),
        Ended::Interrupted => {
            ("interrupted", Some("Interrupted: orders under way are not counted.".to_owned()))
        }
        Ended::Unreachable(error) => (
            "unreachable",
            Some(format!(
                "No connection to the server any more ({error}): start it again, then repeat the run."
            )),
        ),
        Ended::Silent(time) => {
            ("silent", Some(format!("Nothing was answered for {} s: the run was given up.", time.as_secs())))
        }
    }
}

/// To three decimals, so that a report shows no digits that mean nothing.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connections, elapsed) = (self.connections, self.elapsed_s);
        writeln!(out, "{}: {connections} at a time for {elapsed:.1} s, {}\n", self.bench, self.url)?;
        let (rate, orders, failed) =
            (thousands(self.orders_per_s), thousands(self.orders as f64), self.failed);
        writeln!(out, "  {rate} orders/s   {orders} done, {failed} failed\n")?;
        self.write_sale(out)?;
        self.write_latencies(out)?;
        for failures in &self.failures {
            let Failure { step, status, code } = &failures.kind;
            let status = status.map_or(String::new(), |status| format!(" {status}"));
            writeln!(out, "  {} x {}{status} {code}{}", failures.count, step.name(), failures.hint())?;
        }
        self.write_floors(out)?;
        self.write_usage(out)?;
        self.event_readers.iter().try_for_each(|readers| writeln!(out, "  {readers}"))?;
        for StockSet { sku, on_hand } in &self.stock_set {
            writeln!(out, "  stock of {sku} set to {} before the run", thousands(*on_hand as f64))?;
        }
        self.ended_detail.iter().try_for_each(|detail| writeln!(out, "\n{detail}"))
    }
}

impl Report {
    fn write_sale(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(sale) = &self.sale else { return Ok(()) };
        let Sale { pieces, sold, sold_out, left } = sale;
        writeln!(out, "  {sold} of {pieces} pieces sold, {left} left; {sold_out} buyers came too late")?;
        let verdict =
            if sale.is_right() { "every piece is accounted for" } else { "THE PIECES DO NOT ADD UP" };
        writeln!(out, "  {verdict}\n")
    }

    fn write_latencies(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["ms", "p50", "p90", "p99", "p99.9", "max"];
        write!(out, "  {:<12}", heads[0])?;
        heads[1..].iter().try_for_each(|head| write!(out, "{head:>10}"))?;
        writeln!(out)?;
        for (step, took) in self.latency.rows() {
            write!(out, "  {:<12}", step.name())?;
            let figures = [took.p50_ms, took.p90_ms, took.p99_ms, took.p99_9_ms, took.max_ms];
            figures.iter().try_for_each(|figure| write!(out, "{figure:>10.2}"))?;
            writeln!(out)?;
        }
        writeln!(out)
    }

    fn write_floors(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let around = [("before", Some(self.floors.before)), ("after", self.floors.after)];
        for (when, floors) in around.iter().filter_map(|(when, floors)| Some((when, (*floors)?))) {
            let noop = floors
                .noop_requests_per_s
                .map_or("not there".to_owned(), |rate| format!("{}/s", thousands(rate)));
            let (p50, p99) = (floors.fdatasync_p50_ms, floors.fdatasync_p99_ms);
            writeln!(
                out,
                "  floors {when:<7} fdatasync p50 {p50:.2} ms, p99 {p99:.2} ms; GET /healthz {noop}"
            )?;
        }
        Ok(())
    }

    fn write_usage(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = |value: Option<f64>| value.map_or("?".to_owned(), thousands);
        if let Some(server) = &self.server {
            let (cpu, written) = (figure(server.cpu_us_per_order), figure(server.written_bytes_per_order));
            let resident = server.resident_bytes as f64 / 1e6;
            write!(
                out,
                "  server {cpu} µs of CPU and {written} bytes written an order, {resident:.0} MB resident; "
            )?;
            writeln!(out, "generator {} µs an order", figure(self.client_cpu_us_per_order))?;
        }
        Ok(())
    }
}

/// A whole number with its thousands set apart; small ones keep a decimal.
fn thousands(value: f64) -> String {
    if value < 100.0 && value.fract() != 0.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (position, digit) in digits.char_indices() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
