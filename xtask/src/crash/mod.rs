//! `cargo xtask crash`: the real binary, under load over HTTP, is killed again and again; a client outside
//! holds what it was told against what is there after each restart.
//!
//! A run is made of generations, each on a data directory of its own, and a generation of cycles: start, check,
//! load, kill. Every few cycles all orders are brought to their end first, and stock and providers are
//! reckoned up.

mod answers;
mod audit;
mod auditor;
mod figures;
mod generation;
mod journal;
mod kill;
mod random;
mod repeating;
mod settle;
mod shop;
mod shopper;
mod wish;

use crate::checkout::Checkout;
use crate::product;
use crate::product::workplace::Workplace;
use anyhow::{Context, Result};
use clap::Args;
use figures::Figures;
use generation::Generation;
use random::Random;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

/// What the clients order: SKUs and how many of each there are at first.
const SKUS: &[(&str, u64)] = &[("plum", 1_000_000), ("apple", 60), ("pear", 45), (RARE, 25)];
/// What is short most of the time.
const RARE: &str = "quince";
/// What there is not.
const UNKNOWN_SKU: &str = "unicorn";
/// How many SKUs `omniflow dev` puts into a new data directory.
const DEMO_SKUS: usize = 10;

/// How long an order waits for its payment unless it says otherwise.
const WINDOW_MS: i64 = 1_000;
/// How the server is started: everything is quick, so that much happens between two kills.
const FLAGS: &[&str] = &[
    "--payment-window=1s",
    "--carrier-delay=20ms",
    "--attempts=2",
    "--attempt-timeout=250ms",
    "--backoff=10ms",
];

/// Cycles on one data directory: enough for its log to be checkpointed more than once.
const GENERATION: u64 = 30;

/// How the binary is to be killed.
#[derive(Args)]
pub(crate) struct Options {
    /// How often to kill it
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    cycles: u64,

    /// Repeats the choices of an earlier run, as far as timing allows
    #[arg(long)]
    seed: Option<u64>,

    /// Cargo's profile for the binary
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
}

/// What all generations share.
struct Run {
    program: PathBuf,
    seed: u64,
    random: Random,
    figures: Figures,
}

/// Runs the cycles; the exit code says whether everything held.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let built = product::build(&checkout, &options.profile, &["crash-points"])?;
    let place = Workplace::new(&built, "crash")?;
    let seed = options.seed.unwrap_or_else(|| RandomState::new().hash_one(process::id()) >> 32);
    println!("seed {seed}; the data is in {}", place.path().display());
    let program = place.path().join("omniflow");
    fs::copy(&built, &program).with_context(|| format!("cannot copy {}", built.display()))?;
    let mut run = Run { program, seed, random: Random::new(seed), figures: Figures::default() };
    let mut left = options.cycles;
    while left > 0 {
        let cycles = left.min(GENERATION);
        let dir = place.path().join(format!("from-cycle-{}", run.figures.cycles + 1));
        if let Some(faults) = generation(&mut run, &dir, cycles)? {
            return Ok(failed(&run, &dir, &faults));
        }
        left -= cycles;
    }
    place.remove()?;
    println!("crash: {}", run.figures);
    Ok(ExitCode::SUCCESS)
}

/// Runs some cycles on a new data directory, which stays where something does not hold.
fn generation(run: &mut Run, dir: &Path, cycles: u64) -> Result<Option<Vec<String>>> {
    let mut generation = Generation::new(run, dir)?;
    generation.run(cycles).with_context(|| format!("the run broke off; see {}", dir.display()))?;
    let faults = generation.faults();
    if faults.is_empty() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
        return Ok(None);
    }
    Ok(Some(faults))
}

fn failed(run: &Run, dir: &Path, faults: &[String]) -> ExitCode {
    const SHOWN: usize = 20;
    // The summary of all checks quotes what follows the closing line.
    println!("crash: {} faults in seed {} after {}", faults.len(), run.seed, run.figures);
    faults.iter().take(SHOWN).for_each(|fault| println!("  fault: {fault}"));
    println!("data, journal.jsonl and server.log are kept in {}", dir.display());
    ExitCode::FAILURE
}
