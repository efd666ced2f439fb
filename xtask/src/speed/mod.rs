//! `cargo xtask speed`: OmniFlow's worker against a plain Go worker of the same lifecycle (`bench/`), with the
//! same driver on the same servers, turn about, in one run; then the same lifecycle through our own API.

mod contest;
mod counted;
mod driver;
mod own_api;
mod site;
mod table;

use crate::checkout::Checkout;
use crate::go::Go;
use crate::product;
use crate::signals;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use site::Site;
use std::fs;
use std::path::PathBuf;
use std::process::{ExitCode, id};
use table::Findings;

/// What is measured, and how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Temporal servers to measure on; all of them unless given
    #[arg(long, value_name = "SERVER", value_delimiter = ',')]
    on: Vec<Store>,

    /// Orders in flight
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [20, 100, 500],
          value_parser = clap::value_parser!(u32).range(1..=5_000))]
    in_flight: Vec<u32>,

    /// Turns of each worker; the table shows the middle one of each figure
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,

    /// One round with few orders, in memory and on PostgreSQL, 20 and 100 in flight
    #[arg(long, conflicts_with_all = ["on", "in_flight", "rounds"])]
    quick: bool,

    /// Leave our own API out
    #[arg(long)]
    skip_api: bool,

    /// The program, built with the feature `temporal`; it is built unless given
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Where Temporal keeps what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    /// The development server, in memory
    Memory,
    /// The development server, in a file
    File,
    /// The server as production has it
    Postgres,
}

/// What one run does.
struct Plan {
    stores: Vec<Store>,
    in_flight: Vec<u32>,
    rounds: u32,
    quick: bool,
    own_api: bool,
}

impl Plan {
    fn of(options: &Options) -> Self {
        let own_api = !options.skip_api;
        if options.quick {
            let stores = vec![Store::Memory, Store::Postgres];
            return Self { stores, in_flight: vec![20, 100], rounds: 1, quick: true, own_api };
        }
        let stores = match options.on.is_empty() {
            true => Store::value_variants().to_vec(),
            false => options.on.clone(),
        };
        Self { stores, in_flight: options.in_flight.clone(), rounds: options.rounds, quick: false, own_api }
    }

    /// Enough for a 99th percentile with so many in flight, few enough to come back to the other worker soon.
    fn orders(&self, in_flight: u32) -> u32 {
        let orders = (in_flight * 3).max(300);
        if self.quick { orders / 2 } else { orders }
    }
}

/// Measures, and prints tables in Markdown.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let plan = Plan::of(options);
    let program = match &options.program {
        Some(program) => program.canonicalize().with_context(|| format!("no {}", program.display()))?,
        None => product::build(&checkout, "release", &["temporal"])?,
    };
    let baseline = Go::find(&checkout)?
        .build(&checkout.root().join("bench/temporal-baseline"), "temporal-baseline")
        .context("the Go worker cannot be built")?;
    let folder = checkout.tools().join(format!("speed-{}", id()));
    let _at_stop = signals::folder(&folder)?;
    let mut findings = Findings::default();
    let measured = plan.stores.iter().try_for_each(|store| {
        let folder = folder.join(store.name());
        fs::create_dir_all(&folder)?;
        let site = Site::start(&checkout, *store, &program, &baseline, &folder)?;
        measure(&site, &plan, &mut findings)
    });
    // What was measured before something failed was measured.
    println!("\n{findings}");
    measured.with_context(|| format!("logs are in {}", folder.display()))?;
    fs::remove_dir_all(&folder)?;
    Ok(ExitCode::SUCCESS)
}

fn measure(site: &Site<'_>, plan: &Plan, findings: &mut Findings) -> Result<()> {
    site.stock_up()?;
    for &in_flight in &plan.in_flight {
        findings.contests.push(contest::run(site, in_flight, plan)?);
    }
    findings.counts.push(counted::run(site)?);
    if plan.own_api {
        for &in_flight in &plan.in_flight {
            findings.own_api.push(own_api::run(site, in_flight, plan.orders(in_flight))?);
        }
    }
    Ok(())
}

impl Store {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::File => "file",
            Self::Postgres => "PostgreSQL",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        options: Options,
    }

    fn plan(line: &str) -> Plan {
        Plan::of(&Program::parse_from(line.split(' ')).options)
    }

    #[test]
    fn unless_told_otherwise_everything_is_measured_three_times() {
        let whole = plan("speed");
        assert_eq!(whole.stores, [Store::Memory, Store::File, Store::Postgres]);
        assert_eq!((whole.in_flight.as_slice(), whole.rounds, whole.own_api), (&[20, 100, 500][..], 3, true));
        assert_eq!((whole.orders(20), whole.orders(500)), (300, 1_500));
        let some = plan("speed --on file,postgres --in-flight 7 --skip-api");
        assert_eq!(some.stores, [Store::File, Store::Postgres]);
        assert_eq!((some.in_flight.as_slice(), some.own_api), (&[7][..], false));
    }
}
