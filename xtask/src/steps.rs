//! The checks and tests, one entry each, in the order in which they run: what answers soonest comes first.

use crate::checkout::Checkout;
use crate::command::run;
use crate::tools::{CARGO_DENY, CARGO_NEXTEST};
use crate::{api, architecture, deploy, house};
use anyhow::{Result, anyhow};
use std::process::Command;

/// One group of checks that can be run alone.
pub(crate) struct Step {
    /// What `--only` and `--skip` call it.
    pub(crate) name: &'static str,
    /// What holds when it passes.
    pub(crate) promise: &'static str,
    /// An error is a failed check; its text says what to do.
    pub(crate) run: fn(&Checkout) -> Result<Verdict>,
}

/// How a step ended that did not fail.
pub(crate) enum Verdict {
    /// It passed; with the lines that its runner closed with.
    Passed(Vec<String>),
    /// It could not be had on this machine, and why. The summary shows it: it is not a pass.
    NotReachable(String),
}

/// The steps that are run only where they are asked for: all cases with a killed worker take some seven minutes on
/// two cores, and the stack builds a Temporal server first.
pub(crate) const LONG: &[&str] = &["crashing", "stack"];

/// Every step of `cargo xtask test`.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "fmt", promise: "every file is formatted", run: fmt },
    Step {
        name: "house",
        promise: "files are short, finished and named for what they do",
        run: house::check,
    },
    Step { name: "layers", promise: "no crate reaches what it must not know", run: architecture::check },
    Step {
        name: "deploy",
        promise: "the Compose file is one, Prometheus takes its configuration, and the alerts tell what they should",
        run: deploy::check,
    },
    Step { name: "deny", promise: "licences, bans and sources of all dependencies are in order", run: deny },
    Step { name: "advisories", promise: "no dependency has a known vulnerability", run: advisories },
    Step { name: "clippy", promise: "no warning, in any target", run: clippy },
    Step { name: "doc", promise: "the documentation builds without a warning", run: doc },
    Step { name: "test", promise: "every test passes, each within its time limit", run: test },
    Step {
        name: "temporal",
        promise: "the Temporal engine keeps what every engine keeps, on a real server and a real PostgreSQL",
        run: temporal,
    },
    Step {
        name: "crashing",
        promise: "the Temporal engine keeps it also where a worker is killed after any step of any case",
        run: crashing,
    },
    Step {
        name: "stack",
        promise: "what the Compose file runs keeps its promises, also when a worker dies",
        run: stack,
    },
    Step { name: "doctest", promise: "every example in the documentation works", run: doctest },
    Step {
        name: "docs",
        promise: "every command of the README and the documentation runs and prints what is shown",
        run: docs,
    },
    Step {
        name: "api",
        promise: "the document is valid OpenAPI, and a server keeps to it whatever it is asked",
        run: api::check,
    },
    Step {
        name: "clients",
        promise: "clients made from the document compile and drive an order to its end",
        run: api::clients::check,
    },
    Step { name: "crash", promise: "30 kills of the real binary lose nothing", run: crash },
    Step {
        name: "readers",
        promise: "10,000 waiting clients cost memory alone, and 1,000 readers of /events little of the rate",
        run: readers,
    },
    Step {
        name: "million",
        promise: "a million open orders start in 5 s, take 400 MB and end in time",
        run: million,
    },
];

fn fmt(checkout: &Checkout) -> Result<Verdict> {
    passed(checkout.cargo(["fmt", "--all", "--check"]))
}

fn deny(checkout: &Checkout) -> Result<Verdict> {
    let deny = CARGO_DENY.program(checkout)?;
    passed(
        checkout
            .program(deny, ["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]),
    )
}

fn advisories(checkout: &Checkout) -> Result<Verdict> {
    let deny = CARGO_DENY.program(checkout)?;
    let mut fetch = checkout.program(&deny, ["fetch", "db"]);
    // A connection that stalls must end as "not reachable", not hold up the run.
    fetch.envs([("GIT_TERMINAL_PROMPT", "0"), ("GIT_HTTP_LOW_SPEED_LIMIT", "1000")]);
    fetch.env("GIT_HTTP_LOW_SPEED_TIME", "30");
    let fetched = run(fetch)?;
    if fetched.failed_with("failed to fetch").is_some() {
        return Ok(Verdict::NotReachable("the advisory database could not be fetched".to_owned()));
    }
    fetched.success()?;
    passed(checkout.program(deny, ["--locked", "check", "advisories"]))
}

fn clippy(checkout: &Checkout) -> Result<Verdict> {
    let everything = ["clippy", "--workspace", "--all-targets", "--all-features", "--locked"];
    let mut command = checkout.cargo(everything);
    command.args(["--", "--deny", "warnings"]);
    passed(command)
}

fn doc(checkout: &Checkout) -> Result<Verdict> {
    let mut command = checkout.cargo(["doc", "--workspace", "--no-deps", "--all-features", "--locked"]);
    command.env("RUSTDOCFLAGS", "-Dwarnings");
    passed(command)
}

fn test(checkout: &Checkout) -> Result<Verdict> {
    let nextest = CARGO_NEXTEST.program(checkout)?;
    let mut command =
        checkout.program(nextest, ["nextest", "run", "--workspace", "--all-features", "--locked"]);
    // Those need servers, and have a step of their own; built here all the same, since that step builds the same.
    command.args(["--filterset", "not package(omniflow-temporal)"]);
    // A check leaves the tree as it was: a snapshot that differs fails, and is accepted by hand.
    command.env("INSTA_UPDATE", "no");
    closing_with("Summary [", command)
}

fn temporal(checkout: &Checkout) -> Result<Verdict> {
    closing_with("Summary [", checkout.cargo(["xtask", "temporal", "--quick"]))
}

fn crashing(checkout: &Checkout) -> Result<Verdict> {
    closing_with("Summary [", checkout.cargo(["xtask", "temporal", "--rest"]))
}

fn stack(checkout: &Checkout) -> Result<Verdict> {
    closing_with("stack: ", checkout.cargo(["xtask", "stack"]))
}

fn doctest(checkout: &Checkout) -> Result<Verdict> {
    let command = checkout.cargo(["test", "--doc", "--workspace", "--all-features", "--locked"]);
    closing_with("test result: ", command)
}

fn docs(checkout: &Checkout) -> Result<Verdict> {
    closing_with("docs: ", checkout.cargo(["xtask", "docs"]))
}

fn crash(checkout: &Checkout) -> Result<Verdict> {
    closing_with("crash: ", checkout.cargo(["xtask", "crash", "--cycles", "30"]))
}

fn readers(checkout: &Checkout) -> Result<Verdict> {
    closing_with("readers: ", checkout.cargo(["xtask", "readers"]))
}

fn million(checkout: &Checkout) -> Result<Verdict> {
    closing_with("million: ", checkout.cargo(["xtask", "million"]))
}

fn passed(command: Command) -> Result<Verdict> {
    run(command)?.success()?;
    Ok(Verdict::Passed(Vec::new()))
}

/// Runs a command that closes with lines beginning with `start`. Those that tell of any test are kept for the
/// summary; a failure quotes all that follows the last of them, where runners name what failed.
fn closing_with(start: &str, command: Command) -> Result<Verdict> {
    let finished = run(command)?;
    let named = finished.closing(start).join("\n");
    let lines = finished.success().map_err(|failure| anyhow!("{failure}\n{named}"))?;
    let closing = lines.iter().map(|line| line.trim_start()).filter(|line| line.starts_with(start));
    let telling = closing.filter(|line| !line.contains(" 0 passed; 0 failed"));
    Ok(Verdict::Passed(telling.map(str::to_owned).collect()))
}
