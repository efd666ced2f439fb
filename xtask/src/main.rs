//! The workspace's own commands, run as `cargo xtask …`.
//!
//! They check and exercise the workspace; nothing of the product is here, so that what checks it needs no
//! more than `clap`, `anyhow`, `rustix`, `signal-hook`, `serde_json` and `serde-saphyr` to build.

mod api;
mod apt;
mod architecture;
mod checkout;
mod command;
mod crash;
mod deploy;
mod docs;
mod go;
mod house;
mod million;
mod product;
mod promtool;
mod python;
mod readers;
mod report;
mod servers;
mod signals;
mod speed;
mod stack;
mod steps;
mod temporal;
mod test;
mod tools;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Checks and exercises the workspace")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the checks and tests, installing the tools that they need; --stack runs the longest of them too
    Test(test::Options),
    /// Kill the real binary under load, again and again, and check that nothing acknowledged is lost
    Crash(crash::Options),
    /// Start the real binary with a million open orders; measure its start, its memory and its timers
    Million(million::Options),
    /// Let 10,000 clients wait for one order, and 1,000 read all events beside a load; measure what they cost
    Readers(readers::Options),
    /// Run all tests of the Temporal engine, on a Temporal server and a PostgreSQL that this starts
    Temporal(temporal::Options),
    /// Measure the Temporal engine against a plain Go worker, with the same driver on the same servers
    Speed(speed::Options),
    /// Run API and workers as the Compose file does, without containers; play the scenarios, and kill a worker
    Stack(stack::Options),
    /// Run every command of the README and the documentation, and compare what it prints with what is shown
    Docs(docs::Options),
}

fn main() -> Result<ExitCode> {
    match Cli::parse().task {
        Task::Test(options) => test::run(&options),
        Task::Crash(options) => crash::run(&options),
        Task::Million(options) => million::run(&options),
        Task::Readers(options) => readers::run(&options),
        Task::Temporal(options) => temporal::run(&options),
        Task::Speed(options) => speed::run(&options),
        Task::Stack(options) => stack::run(&options),
        Task::Docs(options) => docs::run(&options),
    }
}
