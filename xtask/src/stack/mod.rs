//! `cargo xtask stack`: API and workers as the Compose file runs them, without containers. It plays scenarios A, B
//! and C against the API, kills a worker in the middle of many orders, and shows that nothing is lost.

mod compose;
mod here;
mod killing;
mod process;
mod scenarios;
mod servers;
mod shop;

pub(crate) use compose::{Compose, FILE as COMPOSE};
pub(crate) use here::Here;
pub(crate) use process::Process;
pub(crate) use servers::run as run_service;

use crate::checkout::Checkout;
use crate::product;
use crate::signals;
use anyhow::{Context, Result};
use clap::Args;
use servers::Stack;
use shop::Shop;
use std::fs;
use std::path::PathBuf;
use std::process::{ExitCode, id};

/// What is sold.
const CATALOGUE: &[(&str, u32)] = &[("iPhone 15", 1_000), ("Mac Pro", 50)];

/// How to run it.
#[derive(Args)]
pub(crate) struct Options {
    /// Go on until Ctrl-C after the scenarios, and print where everything is
    #[arg(long)]
    keep: bool,

    /// The program, built with the feature `temporal`; it is built unless given
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Starts it, plays the scenarios, ends it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let program = match &options.program {
        Some(program) => program.canonicalize().with_context(|| format!("no {}", program.display()))?,
        None => product::build(&checkout, "release", &["temporal"])?,
    };
    let folder = checkout.tools().join(format!("stack-{}", id()));
    let _at_stop = signals::folder(&folder)?;
    let mut stack = Stack::start(&checkout, &program, &folder)
        .with_context(|| format!("the stack does not start; logs are in {}", folder.display()))?;
    println!("stack: http://{}/api/v1 is well, with {} workers", stack.address, stack.workers.len());
    play(&mut stack).with_context(|| format!("logs are in {}", folder.display()))?;
    if options.keep {
        keep(&stack);
    }
    stack.stop()?;
    fs::remove_dir_all(&folder)?;
    Ok(ExitCode::SUCCESS)
}

fn play(stack: &mut Stack) -> Result<()> {
    let mut shop = Shop::new(stack.address);
    CATALOGUE.iter().try_for_each(|(sku, pieces)| shop.stock_up(sku, *pieces))?;
    let unpaid = scenarios::nobody_pays(&mut shop).context("scenario B")?;
    scenarios::paid_and_shipped(&mut shop).context("scenario A")?;
    println!("stack: scenario A, paid and shipped: as promised");
    scenarios::reviewed(&mut shop).context("scenario C")?;
    println!("stack: scenario C, reviewed: as promised");
    scenarios::expires(&mut shop, &unpaid).context("scenario B")?;
    println!("stack: scenario B, nobody pays: as promised");

    let killed = killing::kill_one(stack).context("a killed worker")?;
    let (orders, open, took) = (killed.orders, killed.open, killed.took.as_secs_f64());
    println!(
        "stack: all {orders} orders completed once and the stock adds up, {took:.1} s after the worker died"
    );
    println!("stack: {open} of them were under way when it died");
    stack.workers.remove(0);
    stack.add_worker().context("a new worker in its place")?;
    Ok(())
}

/// Prints where everything is, and waits for Ctrl-C.
fn keep(stack: &Stack) {
    let workers: Vec<_> = stack.workers.iter().map(|worker| worker.pid().to_string()).collect();
    println!("\n  API         http://{}/api/v1", stack.address);
    println!("  Temporal    {}", stack.temporal.address());
    println!("  PostgreSQL  {} (stock and orders)", stack.stock.url());
    println!("  Processes   API {}, workers {}", stack.api.pid(), workers.join(" and "));
    println!("\nCtrl-C ends all of it.");
    signals::until_told();
}
