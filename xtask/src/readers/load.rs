//! What readers of `/events` cost `bench lifecycle`: runs with and without them, in turn.

use super::follower::Follower;
use crate::product::http::Connection;
use crate::product::server::Server;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
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
/// How much more CPU the server may take an order, in units of the generator's own, which noise slows alike: from
/// 1.01 to 1.38 were seen.
const MOST_CPU: f64 = 2.0;

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
}

/// Runs with and without readers.
pub(super) struct Compared {
    readers: u64,
    alone: Vec<Run>,
    beside: Vec<Run>,
    /// The fewest messages that a reader got in a run.
    fewest: u64,
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
            fewest: u64::MAX,
            followed: (0, 0),
        };
        for round in 0..rounds {
            compared.alone.push(Run::of(&self.bench(0)?)?);
            let report = self.followed_bench(round, &mut compared)?;
            compared.beside.push(Run::of(&report)?);
            let got = &report["event_readers"];
            let open = got["open_at_end"].as_u64();
            ensure!(open == Some(self.readers), "of {} readers {open:?} are left: {got}", self.readers);
            compared.fewest = compared.fewest.min(got["fewest"].as_u64().context("no messages are told")?);
        }
        Ok(compared)
    }

    /// A run with readers, and one more that must see every event of every order, whole and in order.
    fn followed_bench(&self, round: u64, compared: &mut Compared) -> Result<Value> {
        let last = format!("after-round-{round}");
        let follower = Follower::begin(self.server.address()?, last.clone())?;
        let report = self.bench(self.readers)?;
        let order = format!(r#"{{"amount":5,"items":["HomePod"],"external_id":"{last}"}}"#);
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
        );
        let (Some(orders_per_s), Some(server), Some(generator)) = figures else {
            anyhow::bail!("a figure is missing in {report}")
        };
        Ok(Self { orders_per_s, cpu: server / generator })
    }
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
        ensure!(self.fewest > 0, "a reader got no message");
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
        let rates = |runs: &[Run]| {
            let rates: Vec<_> = runs.iter().map(|run| format!("{:.0}", run.orders_per_s)).collect();
            rates.join(", ")
        };
        write!(
            out,
            "{} readers of /events: {} orders/s beside them, {} without, {:.2} by the medians; {:.2} times the \
             server's CPU an order; each got {} messages or more a run; one that broke off {} times saw all {}",
            self.readers,
            rates(&self.beside),
            rates(&self.alone),
            self.rate(),
            self.cpu(),
            self.fewest,
            self.followed.1,
            self.followed.0,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn compared(alone: &[(f64, f64)], beside: &[(f64, f64)]) -> Compared {
        let runs = |figures: &[(f64, f64)]| {
            figures.iter().map(|(orders_per_s, cpu)| Run { orders_per_s: *orders_per_s, cpu: *cpu }).collect()
        };
        Compared { readers: 10, alone: runs(alone), beside: runs(beside), fewest: 1, followed: (1, 1) }
    }

    #[test]
    fn medians_are_compared_so_that_one_run_says_nothing() {
        let alone = [(100.0, 2.0), (110.0, 2.0), (10.0, 9.0)];
        let even = compared(&alone, &[(90.0, 2.2), (1.0, 99.0), (95.0, 2.0)]);
        assert!(even.judge().is_ok());
        assert_eq!((even.rate(), even.cpu()), (0.9, 1.1));
        assert!(compared(&alone, &[(40.0, 2.0), (49.0, 2.0), (99.0, 2.0)]).judge().is_err());
        assert!(compared(&alone, &[(99.0, 4.1), (99.0, 4.2), (99.0, 1.0)]).judge().is_err());
        assert!(Compared { fewest: 0, ..even }.judge().is_err());
    }

    #[test]
    fn figures_that_are_missing_are_told() {
        let report =
            json!({"orders_per_s": 5.0, "server": {"cpu_us_per_order": 9.0}, "client_cpu_us_per_order": 3.0});
        let run = Run::of(&report).unwrap();
        assert_eq!((run.orders_per_s, run.cpu), (5.0, 3.0));
        assert!(Run::of(&json!({"orders_per_s": 0.0})).is_err());
    }
}
