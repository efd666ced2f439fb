//! `cargo xtask readers`: many clients that wait for one order cost memory and not CPU, and many readers of
//! `/events` cost a server under load little, get what happened whole, and go on where they left off.

mod follower;
mod load;
mod stream;
mod waits;

use crate::checkout::Checkout;
use crate::product;
use crate::product::server::Server;
use crate::product::verify::verify;
use crate::product::workplace::Workplace;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::process::ExitCode;

/// How many there are to be.
#[derive(Args)]
pub(crate) struct Options {
    /// Clients that wait for one order
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=28_000))]
    waiting: u64,

    /// Readers of /events beside the load
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=20_000))]
    readers: u64,

    /// Runs of the load with readers, and as many without
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: u64,
}

/// Starts a server, and measures both on it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let program = product::build(&checkout, "release", &[])?;
    let place = Workplace::new(&program, "readers")?;
    let (data, log) = (place.path().join("data"), place.path().join("server.log"));
    // It is started before this process raises its own limits, so it must raise its own itself.
    let mut server = Server::start(&program, &data, &["--carrier-delay", "0s"], &log)?;
    server.ready()?.with_context(|| format!("it does not start; see {}", log.display()))?;
    waits::raise_limit(options.waiting)?;

    let waited = waits::measure(&server, options.waiting)?;
    println!("readers: {waited}");
    let trial =
        load::Trial { program: &program, server: &server, folder: place.path(), readers: options.readers };
    let compared = trial.compare(options.rounds)?;
    println!("readers: {compared}");
    waited.judge()?;
    compared.judge()?;

    let (status, _) = server.terminate()?;
    ensure!(status.success(), "SIGTERM: {status}");
    verify(&program, &data)?.map_err(|found| anyhow::anyhow!("{found}"))?;
    place.remove()?;
    Ok(ExitCode::SUCCESS)
}
