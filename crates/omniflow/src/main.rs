//! The `omniflow` program: wires the parts together and speaks to people.

mod backup;
mod bench;
mod cli;
mod client;
mod completions;
mod config;
mod dev;
mod doctor;
mod failure;
mod inventory;
mod open_files;
mod openapi;
mod orders;
mod output;
mod serve;
mod server;
mod telemetry;
#[cfg(feature = "otlp")]
mod traces;
mod verify;
#[cfg(feature = "temporal")]
mod worker;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Command};
use failure::Failure;
use std::process::ExitCode;

/// Orders are made on one thread and let go on another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    check_environment(&cli.command)?;
    match cli.command {
        Command::Dev(args) => dev::run(args).map(|()| ExitCode::SUCCESS),
        Command::Serve(args) => serve::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Backup(args) => backup::backup(&args).map(|()| ExitCode::SUCCESS),
        Command::Restore(args) => backup::restore(&args).map(|()| ExitCode::SUCCESS),
        Command::Orders(args) => orders::run(args),
        Command::Inventory(args) => inventory::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => completions::run(&args).map(|()| ExitCode::SUCCESS),
        Command::Verify(args) => verify::run(&args),
        #[cfg(feature = "temporal")]
        Command::Worker(args) => worker::run(&args).map(|()| ExitCode::SUCCESS),
        #[cfg(not(feature = "temporal"))]
        Command::Worker { .. } => Err(Failure::without_feature("omniflow worker")),
        Command::Lifecycle(args) => {
            let text = match args.mermaid {
                true => omniflow_core::lifecycle::mermaid(),
                false => omniflow_core::lifecycle::table(),
            };
            output::print(|out| out.write_all(text.as_bytes()))
                .context("standard output cannot be written")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Openapi => {
            openapi::run().context("standard output cannot be written")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Bench(args) => bench::run(args)
            .map(|verdict| ExitCode::from(verdict.exit_code()))
            .map_err(|error| Failure::with_code(error.exit_code(), error)),
    }
}

/// Refuses a variable that is none, in commands that one may be meant for. `serve`, `worker` and `doctor` tell
/// it with all else that is wrong.
fn check_environment(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Serve(_) | Command::Doctor(_) => return Ok(()),
        Command::Completions(_) | Command::Lifecycle(_) | Command::Openapi | Command::Restore(_) => {
            return Ok(());
        }
        #[cfg(feature = "temporal")]
        Command::Worker(_) => return Ok(()),
        #[cfg(not(feature = "temporal"))]
        Command::Worker { .. } => return Ok(()),
        Command::Dev(_) | Command::Orders(_) | Command::Inventory(_) => {}
        Command::Bench(_) | Command::Verify(_) | Command::Backup(_) => {}
    }
    match config::variables::faults(std::env::vars_os()) {
        faults if faults.is_empty() => Ok(()),
        faults => Err(Failure::usage(faults.join("\n  "))),
    }
}
