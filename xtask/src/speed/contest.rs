//! Both workers on one server, turn about.

use super::driver::{self, Drive};
use super::site::{Site, Who};
use super::{Plan, Store};
use crate::product::usage;
use anyhow::Result;
use std::fs;

/// All turns with so many orders in flight.
pub(super) struct Contest {
    pub(super) store: Store,
    pub(super) in_flight: u32,
    pub(super) go: Vec<Turn>,
    pub(super) ours: Vec<Turn>,
}

/// One turn of one worker.
pub(super) struct Turn {
    pub(super) drive: Drive,
    /// CPU time of the worker an order, those of the warm-up counted in.
    pub(super) cpu_ms: f64,
}

/// Drives both; the one that begins changes with each round.
pub(super) fn run(site: &Site<'_>, in_flight: u32, plan: &Plan) -> Result<Contest> {
    let mut contest = Contest { store: site.store, in_flight, go: vec![], ours: vec![] };
    for round in 0..plan.rounds {
        let both = if round % 2 == 0 { [Who::Go, Who::Ours] } else { [Who::Ours, Who::Go] };
        for who in both {
            let turn = turn(site, who, plan.orders(in_flight), in_flight)?;
            let Drive { orders_per_s, p50_ms, p99_ms } = turn.drive;
            println!(
                "speed: {}, {in_flight} in flight, {who:?}: {orders_per_s:.1} orders/s, p50 {p50_ms:.0} ms, p99 \
                 {p99_ms:.0} ms, worker {:.1} ms of CPU an order; the machine's load is {}",
                site.store.name(),
                turn.cpu_ms,
                load()
            );
            match who {
                Who::Go => contest.go.push(turn),
                Who::Ours => contest.ours.push(turn),
            }
        }
    }
    Ok(contest)
}

fn turn(site: &Site<'_>, who: Who, orders: u32, in_flight: u32) -> Result<Turn> {
    let worker = site.worker(who)?;
    let drive = driver::drive(site, orders, in_flight)?;
    let cpu_ms = usage::cpu(worker.pid())?.as_secs_f64() * 1e3 / f64::from(orders + driver::WARM_UP);
    worker.stop()?;
    Ok(Turn { drive, cpu_ms })
}

/// Processes that ran or waited for a core during the last minute, ours among them.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

impl Contest {
    /// Our orders/s by the Go worker's, round by round.
    pub(super) fn ratios(&self) -> impl Iterator<Item = f64> {
        self.ours.iter().zip(&self.go).map(|(ours, go)| ours.drive.orders_per_s / go.drive.orders_per_s)
    }
}
