//! `cargo xtask temporal`: the tests of the Temporal engine, on a real Temporal server and a real PostgreSQL.

use crate::checkout::Checkout;
use crate::command::run as run_command;
use crate::servers::{Postgres, Temporal};
use crate::signals::{self, AtStop};
use crate::tools::{CARGO_NEXTEST, TEMPORAL};
use anyhow::Result;
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, id};

/// Tests at once.
const THREADS: &str = "12";

/// The engine's own tests and the program's with it. Those that record are asked for by name.
const ALL: &str = "(package(omniflow-temporal) & not test(/^recording::/)) \
                   | (package(omniflow) & binary(product) & test(/^temporal::/))";

/// What `cargo xtask test` runs, unless it is asked for the rest with `--stack`: the conformance suite with a worker that is killed after each step of each case
/// takes some seven minutes on two cores, so there only the cases with most to lose are run so.
const QUICK: &str = "not test(/crashing::/) | test(/crashing::(interrupted|racing|shipping)::/)";

const RECORDING: &str = "package(omniflow-temporal) & test(/^recording::/)";

/// The whole workspace with all features, so that all steps of a check share one build of Temporal's SDK.
const WHOLE: [&str; 3] = ["--workspace", "--all-features", "--locked"];

/// How many of the tests to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only what `cargo xtask test` runs: fewer cases with a worker killed after each step
    #[arg(long)]
    quick: bool,

    /// Run only what --quick leaves out
    #[arg(long, conflicts_with = "quick")]
    rest: bool,

    /// Run no tests, but record anew the histories that they replay
    #[arg(long, conflicts_with_all = ["quick", "rest"])]
    record_histories: bool,
}

/// Runs the tests.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let servers = Servers::start(&checkout)?;
    if options.record_histories {
        run_command(servers.named_to(recording(&checkout)?, &checkout)?)?.success()?;
    } else {
        run_command(servers.named_to(tests(&checkout, options)?, &checkout)?)?.success()?;
    }
    // Where a test has failed, the servers' logs stay.
    fs::remove_dir_all(&servers.folder)?;
    Ok(ExitCode::SUCCESS)
}

fn tests(checkout: &Checkout, options: &Options) -> Result<Command> {
    let tests = match (options.quick, options.rest) {
        (true, _) => format!("({ALL}) & ({QUICK})"),
        (_, true) => format!("({ALL}) & not ({QUICK})"),
        _ => ALL.to_owned(),
    };
    // Those of the program are ignored where nobody has started servers for them.
    nextest(checkout, &tests, "all")
}

/// They are tests, so that they have all that tests have, and ignored, since they write.
fn recording(checkout: &Checkout) -> Result<Command> {
    nextest(checkout, RECORDING, "only")
}

fn nextest(checkout: &Checkout, tests: &str, ignored: &str) -> Result<Command> {
    let mut command = checkout.program(CARGO_NEXTEST.program(checkout)?, ["nextest", "run"]);
    // Most of them wait most of the time.
    command.args(WHOLE).args(["--test-threads", THREADS, "--run-ignored", ignored, "--filterset", tests]);
    Ok(command)
}

/// Both servers of one run.
struct Servers {
    temporal: Temporal,
    postgres: Postgres,
    /// Where they log.
    folder: PathBuf,
    _at_stop: AtStop,
}

impl Servers {
    /// Tells a command where they are.
    fn named_to(&self, mut command: Command, checkout: &Checkout) -> Result<Command> {
        command.env("OMNIFLOW_TEST_TEMPORAL", self.temporal.address());
        command.env("OMNIFLOW_TEST_TEMPORAL_CLI", TEMPORAL.program(checkout)?);
        command.env("OMNIFLOW_TEST_POSTGRES", self.postgres.url());
        // Some start a server of their own, to end it.
        command.env("OMNIFLOW_TEST_POSTGRES_BIN", self.postgres.programs());
        command.env("OMNIFLOW_TEST_POSTGRES_USER", self.postgres.user().unwrap_or_default());
        Ok(command)
    }

    fn start(checkout: &Checkout) -> Result<Self> {
        let folder = checkout.tools().join(format!("servers-{}", id()));
        let _at_stop = signals::folder(&folder)?;
        let postgres = Postgres::start(&folder)?;
        let temporal = Temporal::start(checkout, &folder)?;
        println!("Temporal listens on {}, PostgreSQL is {}", temporal.address(), postgres.url());
        Ok(Self { temporal, postgres, folder, _at_stop })
    }
}
