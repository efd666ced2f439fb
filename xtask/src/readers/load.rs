//! What readers of `/events` cost `bench lifecycle`: runs with and without them, in turn.

use super::follower::Follower;
use crate::product::http::Connection;
use crate::product::server::Server;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fmt;
use std::path::Path;
use std::process::Command;

/// How long each run starts new orders.
const RUN: &str = "4s";
/// Events of an order that is placed, paid and shipped: placed, reserved, captured, shipped, consumed.
const EVENTS: u64 = 5;
/// The share of the rate that must be left beside the readers, by the medians. They are to cost 15 % at most,
/// and equal runs on a small machine differ by up to 30 %: only what no noise explains fails here.
const LEAST_RATE: f64 = 0.5;
/// How much more CPU the server may take an order, in units of the generator's own, which noise slows alike, so
/// that this is judged where the rate cannot be: from 1.01 to 1.38 were seen.
const MOST_CPU: f64 = 1.6;

/// What is measured where.
pub(super) struct Trial<'t> {
    pub(super) program: &'t Path,
    pub(super) server: &'t Server,
    /// Where the disk is measured.
    pub(super) folder: &'t Path,
    pub(super) readers: u64,
}

/// A run's figures.
#[derive(Clone, Copy, Debug)]
struct Run {
    orders_per_s: f64,
    /// The server's CPU time by the generator's, both for an order.
    cpu: f64,
    /// Messages of all its orders.
    messages: f64,
}

/// Runs with and without readers.
pub(super) struct Compared {
    readers: u64,
    alone: Vec<Run>,
    beside: Vec<Run>,
    /// By run, what share of its messages the slowest reader had got when the load ended. Readers are paced, so
    /// under steady load they fall behind; what a reader misses nothing of, `followed` says.
    slowest: Vec<f64>,
    /// What the one reader that must miss nothing got, and how often it came again.
    followed: (u64, u64),
}

impl Trial<'_> {
    /// Runs both kinds in turn, so often, after a run that warms the server up.
    pub(super) fn compare(&self, rounds: u64) -> Result<Compared> {
        self.bench(0)?;
        let mut compared = Compared {
            readers: self.readers,
            alone: vec![],
            beside: vec![],
            slowest: vec![],
            followed: (0, 0),
        };
        for round in 0..rounds {
            compared.alone.push(Run::of(&self.bench(0)?)?);
            let report = self.followed_bench(round, &mut compared)?;
            let run = Run::of(&report)?;
            compared.beside.push(run);
            let got = &report["event_readers"];
            let open = got["open_at_end"].as_u64();
            ensure!(open == Some(self.readers), "of {} readers {open:?} are left: {got}", self.readers);
            let fewest = got["fewest"].as_f64().context("no messages are told")?;
            compared.slowest.push(fewest / run.messages);
        }
        Ok(compared)
    }

    /// A run with readers, and one more that must see every event of every order, whole and in order.
    fn followed_bench(&self, round: u64, compared: &mut Compared) -> Result<Value> {
        let last = format!("after-round-{round}");
        let follower = Follower::begin(self.server.address()?, last.clone())?;
        let report = self.bench(self.readers)?;
        let order = closing_order(&last).to_string();
        let placed =
            Connection::new(self.server.address()?).ask("POST", "/api/v1/orders", "", Some(&order))?;
        ensure!(placed.status == 201, "an order is not taken: {placed:?}");
        let followed = follower.end()?;
        let (orders, seen) = (report["orders"].as_u64(), followed.orders_with(EVENTS) as u64);
        ensure!(orders == Some(seen), "of {orders:?} orders it saw all {EVENTS} events of {seen}");
        compared.followed.0 += followed.messages;
        compared.followed.1 += followed.resumed;
        Ok(report)
    }

    fn bench(&self, readers: u64) -> Result<Value> {
        let mut bench = Command::new(self.program);
        bench.args(["bench", "lifecycle", "--json", "--warmup", "0s", "--duration", RUN]);
        bench.args(["--url", &format!("http://{}", self.server.address()?)]);
        bench.args(["--server-pid", &self.server.pid().to_string()]);
        bench.args(["--event-readers", &readers.to_string(), "--floor-dir"]).arg(self.folder);
        let answer = bench.output().context("cannot run bench")?;
        let (report, told) =
            (String::from_utf8_lossy(&answer.stdout), String::from_utf8_lossy(&answer.stderr));
        ensure!(answer.status.success(), "bench ended with {}: {report}{told}", answer.status);
        Ok(serde_json::from_str(&report)?)
    }
}

impl Run {
    fn of(report: &Value) -> Result<Self> {
        let figure = |value: &Value| value.as_f64().filter(|figure| *figure > 0.0);
        let figures = (
            figure(&report["orders_per_s"]),
            figure(&report["server"]["cpu_us_per_order"]),
            figure(&report["client_cpu_us_per_order"]),
            figure(&report["orders"]),
        );
        let (Some(orders_per_s), Some(server), Some(generator), Some(orders)) = figures else {
            anyhow::bail!("a figure is missing in {report}")
        };
        Ok(Self { orders_per_s, cpu: server / generator, messages: orders * EVENTS as f64 })
    }
}

/// The order that a follower's round ends with. It outlives all rounds, or the end of its payment window would
/// be an event of an order that the followers of later ones never saw.
fn closing_order(external_id: &str) -> Value {
    json!({"amount": 5, "items": ["HomePod"], "external_id": external_id, "payment_window_seconds": 86_400})
}

impl Compared {
    /// The rate beside the readers by that without them.
    fn rate(&self) -> f64 {
        let rate = |runs: &[Run]| median(runs.iter().map(|run| run.orders_per_s));
        rate(&self.beside) / rate(&self.alone)
    }

    /// The server's CPU time an order, in units of the generator's, beside the readers by that without them.
    fn cpu(&self) -> f64 {
        let cpu = |runs: &[Run]| median(runs.iter().map(|run| run.cpu));
        cpu(&self.beside) / cpu(&self.alone)
    }

    /// Fails where the readers cost what no noise explains, or one of them got nothing.
    pub(super) fn judge(&self) -> Result<()> {
        let (rate, cpu) = (self.rate(), self.cpu());
        ensure!(self.slowest.iter().all(|share| *share > 0.0), "a reader got no message");
        ensure!(
            rate >= LEAST_RATE,
            "beside the readers the rate is {rate:.2} of that without them, under {LEAST_RATE}"
        );
        ensure!(cpu <= MOST_CPU, "beside the readers an order takes {cpu:.2} times the CPU, over {MOST_CPU}");
        Ok(())
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() % 2 {
        0 => (figures[middle - 1] + figures[middle]) / 2.0,
        _ => figures[middle],
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |figures: &mut dyn Iterator<Item = String>| figures.collect::<Vec<_>>().join(", ");
        let rates = |runs: &[Run]| list(&mut runs.iter().map(|run| format!("{:.0}", run.orders_per_s)));
        let cpu = |runs: &[Run]| list(&mut runs.iter().map(|run| format!("{:.2}", run.cpu)));
        let slowest = list(&mut self.slowest.iter().map(|share| format!("{:.0} %", share * 100.0)));
        writeln!(
            out,
            "{} readers of /events: {} orders/s beside them, {} without, {:.2} by the medians",
            self.readers,
            rates(&self.beside),
            rates(&self.alone),
            self.rate(),
        )?;
        writeln!(
            out,
            "readers: the server's CPU an order, by the generator's: {} beside them, {} without, {:.2} times \
             by the medians, {MOST_CPU} at most",
            cpu(&self.beside),
            cpu(&self.alone),
            self.cpu(),
        )?;
        write!(
            out,
            "readers: when the load ended, the slowest had {slowest} of the messages; one that broke off {} \
             times saw all {}",
            self.followed.1, self.followed.0,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(alone: &[(f64, f64)], beside: &[(f64, f64)]) -> Compared {
        let runs = |figures: &[(f64, f64)]| {
            figures
                .iter()
                .map(|(orders_per_s, cpu)| Run { orders_per_s: *orders_per_s, cpu: *cpu, messages: 5.0 })
                .collect()
        };
        let slowest = vec![1.0, 0.4];
        Compared { readers: 10, alone: runs(alone), beside: runs(beside), slowest, followed: (1, 1) }
    }

    #[test]
    fn medians_are_compared_so_that_one_run_says_nothing() {
        let alone = [(100.0, 2.0), (110.0, 2.0), (10.0, 9.0)];
        let even = compared(&alone, &[(90.0, 2.2), (1.0, 99.0), (95.0, 2.0)]);
        assert!(even.judge().is_ok());
        assert_eq!((even.rate(), even.cpu()), (0.9, 1.1));
        assert!(compared(&alone, &[(40.0, 2.0), (49.0, 2.0), (99.0, 2.0)]).judge().is_err());
        assert!(compared(&alone, &[(99.0, 2.7), (99.0, 2.8), (99.0, 1.0)]).judge().is_ok());
        assert!(compared(&alone, &[(99.0, 3.3), (99.0, 3.4), (99.0, 1.0)]).judge().is_err());
        let told = even.to_string();
        for part in ["2.20, 99.00, 2.00 beside them", "1.10 times", "the slowest had 100 %, 40 %"] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        assert!(told.lines().skip(1).all(|line| line.starts_with("readers: ")), "the summary takes these");
        assert!(Compared { slowest: vec![1.0, 0.0], ..even }.judge().is_err());
    }

    #[test]
    fn the_order_that_ends_a_round_outlives_all_rounds() {
        assert!(closing_order("last")["payment_window_seconds"].as_u64() >= Some(3_600));
    }

    #[test]
    fn figures_that_are_missing_are_told() {
        let report = json!({"orders": 20, "orders_per_s": 5.0, "server": {"cpu_us_per_order": 9.0}, "client_cpu_us_per_order": 3.0});
        let run = Run::of(&report).unwrap();
        assert_eq!((run.orders_per_s, run.cpu, run.messages), (5.0, 3.0, 100.0));
        assert!(Run::of(&json!({"orders_per_s": 0.0})).is_err());
    }
}
