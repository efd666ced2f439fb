//! `omniflow dev`: everything in one process, for trying and for tests.

mod catalogue;
mod counters;
mod directory;
mod welcome;

use crate::cli::{DevArgs, EngineName};
use crate::failure::Failure;
use crate::telemetry;
use anyhow::Context;
use directory::Directory;
use omniflow_core::{Locale, PolicyBook, RetryPolicy};
use omniflow_embedded::{EmbeddedEngine, Options};
use omniflow_engine::clock::{ManualClock, SystemClock};
use omniflow_engine::simulated::{self, Simulated};
use omniflow_engine::{Clock, OrderEngine};
use omniflow_http::{Api, Dev, Limits, Metrics, Shutdown};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The longest pause between attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(args: DevArgs) -> Result<(), Failure> {
    check(&args)?;
    telemetry::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(args));
    // What still blocks, a read of a slow disk say, must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

fn check(args: &DevArgs) -> Result<(), Failure> {
    if args.engine == EngineName::Temporal {
        return Err(Failure::without_feature("--engine temporal"));
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

async fn serve(args: DevArgs) -> Result<(), Failure> {
    let shutdown = Shutdown::new();
    tokio::spawn(stop_on_signal(shutdown.clone()));
    let directory = Directory::of(&args)?;
    let manual = args.test_clock.then(|| ManualClock::new(SystemClock::default().now()));
    let clock: Arc<dyn Clock> = match &manual {
        Some(clock) => Arc::new(clock.clone()),
        None => Arc::new(SystemClock::default()),
    };
    let simulated = Simulated::open(simulated::Options {
        clock: Arc::clone(&clock),
        carrier_delay_ms: u64::try_from(args.carrier_delay.as_millis()).unwrap_or(u64::MAX),
        log: Some(directory.path().join("providers.log")),
    })
    .context("the simulated providers' log cannot be opened")?;
    for (provider, script) in &args.script {
        simulated.script(*provider, None, script.clone());
    }
    let options = Options::new(directory.path().to_owned(), simulated.providers(), clock);
    let engine = Arc::new(EmbeddedEngine::open(options).await?);
    catalogue::load_once(&*engine, directory.path()).await?;
    let reports = tokio::spawn(simulated.run_reports(Arc::clone(&engine) as Arc<dyn OrderEngine>));
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!("cannot listen on {}; is another server there? use --listen", args.listen)
    })?;
    let welcome = welcome::text(listener.local_addr()?, &args, directory.path());
    let metrics = Metrics::new();
    metrics.register(|registry| counters::register(registry, Arc::clone(&engine)));
    let api = Api {
        engine: Arc::clone(&engine) as Arc<dyn OrderEngine>,
        policies: Arc::new(policies(&args)),
        locale: Locale::ZhCn,
        body: Limits::default().body,
        implicit_capture: true,
        keep_answers: Duration::from_secs(24 * 3_600),
        shutdown: shutdown.clone(),
        metrics: metrics.clone(),
        home: Arc::from(&*welcome),
        dev: Some(Dev { simulated, clock: manual }),
    };
    // Whoever does not read it does not need it.
    drop(writeln!(std::io::stdout(), "{welcome}"));
    omniflow_http::serve(listener, omniflow_http::routes(api), Limits::default(), metrics, shutdown).await;
    reports.abort();
    engine.stop().await;
    tracing::info!("stopped; everything taken is on disk");
    Ok(())
}

/// Begins the shutdown at SIGTERM or Ctrl-C.
async fn stop_on_signal(shutdown: Shutdown) {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be heard; use Ctrl-C");
                std::future::pending().await
            }
        }
    };
    tokio::select! {
        () = terminated => {}
        heard = tokio::signal::ctrl_c() => if let Err(error) = heard {
            tracing::error!(%error, "Ctrl-C cannot be heard");
        }
    }
    tracing::info!("stopping: taking nothing new, finishing what was taken");
    shutdown.begin();
}
