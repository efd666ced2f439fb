//! `cargo xtask temporal`: the tests of the Temporal engine, on a real Temporal server and a real PostgreSQL.

use crate::checkout::Checkout;
use crate::command::run as run_command;
use crate::servers::{Postgres, Temporal};
use crate::tools::{CARGO_NEXTEST, TEMPORAL};
use anyhow::{Context, Result};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, id};

/// Tests at once.
const THREADS: &str = "12";

/// What `cargo xtask test` runs: the conformance suite with a worker that is killed after each step of each case
/// takes some seven minutes on two cores, so there only the cases with most to lose are run so.
const QUICK: &str = "not test(/crashing::/) or test(/crashing::(interrupted|racing|shipping)::/)";

/// How many of the tests to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only what `cargo xtask test` runs: fewer cases with a worker killed after each step
    #[arg(long)]
    quick: bool,
}

/// Runs the tests.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let servers = Servers::start(&checkout)?;
    run_command(servers.named_to(store_tests(&checkout), &checkout)?)?.success()?;
    run_command(servers.named_to(engine_tests(&checkout, options)?, &checkout)?)?.success()?;
    // Where a test has failed, the servers' logs stay.
    fs::remove_dir_all(&servers.folder)?;
    Ok(ExitCode::SUCCESS)
}

/// One of them ends all of PostgreSQL's connections, and waits in its process until it may.
fn store_tests(checkout: &Checkout) -> Command {
    checkout.cargo(["test", "--package", "omniflow-temporal", "--locked", "--test", "store"])
}

fn engine_tests(checkout: &Checkout, options: &Options) -> Result<Command> {
    let nextest = CARGO_NEXTEST.program(checkout)?;
    let mut command =
        checkout.program(nextest, ["nextest", "run", "--package", "omniflow-temporal", "--locked"]);
    // Most of them wait most of the time.
    command.args(["--lib", "--test", "engine", "--test-threads", THREADS]);
    if options.quick {
        command.args(["--filterset", QUICK]);
    }
    Ok(command)
}

/// Both servers of one run.
struct Servers {
    temporal: Temporal,
    postgres: Postgres,
    /// Where they log.
    folder: PathBuf,
}

impl Servers {
    /// Tells a command where they are.
    fn named_to(&self, mut command: Command, checkout: &Checkout) -> Result<Command> {
        command.env("OMNIFLOW_TEST_TEMPORAL", self.temporal.address());
        command.env("OMNIFLOW_TEST_TEMPORAL_CLI", TEMPORAL.program(checkout)?);
        command.env("OMNIFLOW_TEST_POSTGRES", self.postgres.url());
        Ok(command)
    }

    fn start(checkout: &Checkout) -> Result<Self> {
        let folder = checkout.tools().join(format!("servers-{}", id()));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let postgres = Postgres::start(&folder)?;
        let temporal = Temporal::start(checkout, &folder)?;
        println!("Temporal listens on {}, PostgreSQL is {}", temporal.address(), postgres.url());
        Ok(Self { temporal, postgres, folder })
    }
}
