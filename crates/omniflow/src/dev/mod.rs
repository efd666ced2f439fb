//! `omniflow dev`: everything in one process, for trying and for tests.

mod catalogue;
mod directory;
mod welcome;

use crate::cli::DevArgs;
use crate::failure::Failure;
use crate::server::{self, Duty, EngineName, Server, Servers, Settings, temporal};
use crate::telemetry;
use directory::Directory;
use omniflow_core::{PolicyBook, RetryPolicy};
use omniflow_engine::Clock;
use omniflow_engine::clock::{ManualClock, SystemClock};
use omniflow_http::Dev;
use std::sync::Arc;
use std::time::Duration;

/// The longest pause between attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(args: DevArgs) -> Result<(), Failure> {
    check(&args)?;
    let _telemetry = telemetry::start()?;
    server::block_on(serve(args))?
}

fn check(args: &DevArgs) -> Result<(), Failure> {
    if args.engine == EngineName::Temporal {
        check_temporal(args)?;
    }
    if !args.listen.ip().is_loopback() {
        let message = "dev has no login, so it listens only on this machine: use --listen 127.0.0.1:PORT";
        return Err(Failure::usage(message));
    }
    if args.attempt_timeout <= args.carrier_delay {
        let message = "--attempt-timeout must be longer than --carrier-delay, or no shipment is ever \
                       answered in time";
        return Err(Failure::usage(message));
    }
    Ok(())
}

/// What the Temporal engine needs, and what it cannot do.
fn check_temporal(args: &DevArgs) -> Result<(), Failure> {
    if cfg!(not(feature = "temporal")) {
        return Err(Failure::without_feature("--engine temporal"));
    }
    if args.test_clock {
        return Err(Failure::usage("--test-clock cannot move Temporal's time: leave one of the two out"));
    }
    if args.ephemeral {
        let message = "--ephemeral keeps nothing, and with --engine temporal the servers keep everything: leave \
                       it out, and name a database of its own with OMNIFLOW_POSTGRES_URL";
        return Err(Failure::usage(message));
    }
    temporal::check(&servers(args)).map_err(Failure::usage)
}

fn servers(args: &DevArgs) -> Servers {
    Servers { postgres: args.postgres_url.clone().unwrap_or_default(), ..Servers::default() }
}

fn policies(args: &DevArgs) -> PolicyBook {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let retry = RetryPolicy {
        attempts: args.attempts,
        attempt_timeout_ms: millis(args.attempt_timeout),
        backoff_ms: millis(args.backoff),
        backoff_max_ms: millis(BACKOFF_MAX.max(args.backoff)),
    };
    let payment_window_ms = millis(args.payment_window);
    PolicyBook { payment_window_ms, forward: retry, compensation: retry, ..PolicyBook::default() }
}

fn settings(args: &DevArgs, directory: &Directory) -> Settings {
    Settings {
        engine: args.engine,
        data_dir: directory.path().to_owned(),
        servers: servers(args),
        listen: args.listen,
        policies: policies(args),
        implicit_capture: true,
        carrier_delay: args.carrier_delay,
        ..Settings::default()
    }
}

async fn serve(args: DevArgs) -> Result<(), Failure> {
    let directory = Directory::of(&args)?;
    let manual = args.test_clock.then(|| ManualClock::new(SystemClock::default().now()));
    let clock: Arc<dyn Clock> = match &manual {
        Some(clock) => Arc::new(clock.clone()),
        None => Arc::new(SystemClock::default()),
    };
    let server = Server::open(settings(&args, &directory), Duty::Dev, clock, &args.script).await?;
    match args.engine {
        EngineName::Embedded => catalogue::load_once(&*server.orders(), directory.path()).await?,
        EngineName::Temporal => catalogue::load(&*server.orders()).await.map_err(Failure::unreachable)?,
    }
    let dev = Dev { simulated: server.simulated.clone(), clock: manual };
    Ok(server.serve(Some(dev), |address| welcome::text(address, &args, directory.path())).await?)
}
