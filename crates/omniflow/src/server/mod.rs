//! A server from its settings: the one way in which `dev` and `serve` open the data, listen, and end.

mod counters;
mod engine;
#[cfg(not(feature = "temporal"))]
pub(crate) mod no_temporal;
mod settings;
mod stop;
#[cfg(feature = "temporal")]
pub(crate) mod temporal;

#[cfg(not(feature = "temporal"))]
pub(crate) use no_temporal as temporal;
pub(crate) use settings::{EngineName, Servers, Settings};

use crate::open_files;
use anyhow::Context;
use engine::Engine;
use omniflow_engine::simulated::{self, ProviderName, Script, Simulated};
use omniflow_engine::{Clock, OrderEngine};
#[cfg(feature = "temporal")]
use omniflow_http::Limits;
use omniflow_http::{Api, Dev, Metrics, Shutdown};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(feature = "temporal")]
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Runs a server's life to its end, on a runtime of its own.
pub(crate) fn block_on<T>(life: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(life);
    stop::let_go(runtime, stop::left());
    Ok(outcome)
}

/// What a process is for.
pub(crate) enum Duty {
    /// It takes orders, and runs them where its engine does not leave that to workers.
    Api,
    /// It takes orders and runs them, with what exists only for trying.
    Dev,
    /// It runs orders of the Temporal engine, and tells how it is.
    #[cfg(feature = "temporal")]
    Worker,
}

impl Duty {
    /// Where a process of this duty listens.
    fn listen(&self, settings: &Settings) -> SocketAddr {
        match self {
            Self::Api | Self::Dev => settings.listen,
            #[cfg(feature = "temporal")]
            Self::Worker => settings.servers.worker_listen,
        }
    }

    /// What makes it listen elsewhere.
    fn listen_flag(&self) -> &'static str {
        match self {
            Self::Api | Self::Dev => "--listen ADDRESS",
            #[cfg(feature = "temporal")]
            Self::Worker => "--set worker.listen=ADDRESS",
        }
    }
}

/// A server whose data is open. It has its address, and answers nobody yet.
pub(crate) struct Server {
    settings: Settings,
    duty: Duty,
    listener: TcpListener,
    engine: Engine,
    pub(crate) simulated: Simulated,
    shutdown: Shutdown,
    /// By when it is to have ended, once it is asked to.
    ends_at: JoinHandle<Instant>,
}

/// What a server has open beside its connections, and more.
const OTHER_FILES: u64 = 256;

/// Raises the limit of open files, and says where it is lower than the configured connections need.
fn check_open_files(connections: usize) {
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    if let Some(limit) = open_files::raise().filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "connections beyond the limit of open files will wait: raise it (LimitNOFILE in the unit, \
             `ulimit -n`), or lower limits.connections"
        );
    }
}

/// Connections that may wait to be accepted, as far as the system lets them (`net.core.somaxconn`). One that
/// finds no room is tried again by its client's system after a second.
const BACKLOG: u32 = 4_096;

fn listen(settings: &Settings, duty: &Duty) -> anyhow::Result<TcpListener> {
    let (address, flag) = (duty.listen(settings), duty.listen_flag());
    bind(address).with_context(|| {
        format!("cannot listen on {address}; is another server there? Name another address with {flag}")
    })
}

fn bind(listen: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The port of a server that has just ended is free at once.
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// Takes the address; then opens the data and goes on with what is open there, with simulated providers that
    /// behave as scripted. From here on SIGTERM and Ctrl-C end it well.
    ///
    /// # Errors
    /// Where the address is another's, with nothing begun; where the data cannot be opened.
    pub(crate) async fn open(
        settings: Settings,
        duty: Duty,
        clock: Arc<dyn Clock>,
        scripts: &[(ProviderName, Script)],
    ) -> anyhow::Result<Self> {
        check_open_files(settings.limits.connections);
        // First, or work would be taken by a process that ends at once.
        let listener = listen(&settings, &duty)?;
        let shutdown = Shutdown::new();
        tokio::spawn(stop::on_signal(shutdown.clone()));
        let ends_at = tokio::spawn(stop::ends_at(shutdown.clone()));
        let simulated = simulated(&settings, &duty, &clock)?;
        for (provider, script) in scripts {
            simulated.script(*provider, None, script.clone());
        }
        let works = !matches!(duty, Duty::Api);
        let engine = Engine::open(&settings, &simulated, clock, works, &shutdown).await?;
        Ok(Self { settings, duty, listener, engine, simulated, shutdown, ends_at })
    }

    /// The engine.
    pub(crate) fn orders(&self) -> Arc<dyn OrderEngine> {
        self.engine.orders()
    }

    /// Prints what `welcome` says of the address, which `/` shows too, and serves until it is asked to end.
    pub(crate) async fn serve(
        self,
        dev: Option<Dev>,
        welcome: impl FnOnce(SocketAddr) -> String,
    ) -> anyhow::Result<()> {
        let Self { settings, duty, listener, engine, simulated, shutdown, ends_at } = self;
        let limits = match duty {
            // Whoever asks a worker how it is must not keep it from ending.
            #[cfg(feature = "temporal")]
            Duty::Worker => {
                let drain = settings.limits.drain.min(Duration::from_secs(1));
                Limits { drain, ..settings.limits }
            }
            Duty::Api | Duty::Dev => settings.limits,
        };
        // Where no effect is run, nothing is ever accepted.
        let reports = engine.runs_effects().then(|| tokio::spawn(simulated.run_reports(engine.orders())));
        let welcome = welcome(listener.local_addr()?);
        let metrics = Metrics::new();
        engine.register(&metrics, matches!(duty, Duty::Api | Duty::Dev));
        let api = Api {
            engine: engine.orders(),
            policies: Arc::new(settings.policies),
            locale: settings.locale,
            body: limits.body,
            implicit_capture: settings.implicit_capture,
            keep_answers: settings.keep_answers,
            shutdown: shutdown.clone(),
            metrics: metrics.clone(),
            home: Arc::from(&*welcome),
            dev,
        };
        let routes = match duty {
            #[cfg(feature = "temporal")]
            Duty::Worker => omniflow_http::monitoring(api),
            Duty::Api | Duty::Dev => omniflow_http::routes(api),
        };
        // Whoever does not read it does not need it.
        drop(writeln!(std::io::stdout(), "{welcome}"));
        omniflow_http::serve(listener, routes, limits, metrics, shutdown).await;
        if let Some(reports) = reports {
            reports.abort();
        }
        // Only now: what was taken may need the worker for its answer.
        engine.stop(ends_at.await?).await
    }
}

/// The simulated providers. Where the data is on servers, what they took is forgotten at the end of the process:
/// it is nobody's shipment, and nobody's money.
fn simulated(settings: &Settings, duty: &Duty, clock: &Arc<dyn Clock>) -> anyhow::Result<Simulated> {
    let data_dir = &settings.data_dir;
    let log = match (settings.engine, duty) {
        (EngineName::Embedded, _) | (EngineName::Temporal, Duty::Dev) => {
            std::fs::create_dir_all(data_dir)
                .with_context(|| format!("cannot make {}", data_dir.display()))?;
            Some(data_dir.join("providers.log"))
        }
        (EngineName::Temporal, _) => None,
    };
    Simulated::open(simulated::Options {
        clock: Arc::clone(clock),
        carrier_delay_ms: u64::try_from(settings.carrier_delay.as_millis()).unwrap_or(u64::MAX),
        log,
    })
    .context("the simulated providers' log cannot be opened")
}
