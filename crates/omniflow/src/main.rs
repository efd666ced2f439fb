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
mod openapi;
mod orders;
mod output;
mod serve;
mod server;
mod telemetry;
#[cfg(feature = "otlp")]
mod traces;
mod verify;

use anyhow::Context;
use clap::Parser;
use cli::{Cli, Command};
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
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
