//! A server from its settings: the one way in which `dev` and `serve` open the data, listen, and end.

mod counters;
mod stop;

use crate::open_files;
use anyhow::Context;
use omniflow_core::{Locale, PolicyBook};
use omniflow_embedded::{EmbeddedEngine, Ended, Options};
use omniflow_engine::simulated::{self, ProviderName, Script, Simulated};
use omniflow_engine::{Clock, OrderEngine};
use omniflow_http::{Api, Dev, Limits, Metrics, Shutdown};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};

/// Every setting of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Where its data is.
    pub(crate) data_dir: PathBuf,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// The policies that new orders get.
    pub(crate) policies: PolicyBook,
    /// The language of texts for who asks for none.
    pub(crate) locale: Locale,
    /// Whether a payment report without a body means that the whole amount was captured.
    pub(crate) implicit_capture: bool,
    /// How long the answer to a request with an `Idempotency-Key` is kept.
    pub(crate) keep_answers: Duration,
    /// What clients may take of it.
    pub(crate) limits: Limits,
    /// How many requests may wait for the writer.
    pub(crate) queue_capacity: usize,
    /// How long the simulated carrier takes.
    pub(crate) carrier_delay: Duration,
}

impl Default for Settings {
    /// What `serve` does where nothing else is configured.
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./omniflow-data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8_000)),
            policies: PolicyBook::default(),
            locale: Locale::ZhCn,
            implicit_capture: false,
            keep_answers: Duration::from_secs(24 * 3_600),
            limits: Limits::default(),
            queue_capacity: Options::QUEUE_CAPACITY,
            carrier_delay: Duration::ZERO,
        }
    }
}

/// Runs a server's life to its end, on a runtime of its own.
pub(crate) fn block_on<T>(life: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(life);
    // What still blocks, a read of a slow disk say, must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(outcome)
}

/// A server whose data is open, and which does not listen yet.
pub(crate) struct Server {
    settings: Settings,
    pub(crate) engine: Arc<EmbeddedEngine>,
    pub(crate) simulated: Simulated,
    shutdown: Shutdown,
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

fn bind(listen: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The port of a server that has just ended is free at once.
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    socket.listen(BACKLOG)
}

impl Server {
    /// Opens the data and goes on with what is open there, with simulated providers that behave as scripted.
    /// From here on SIGTERM and Ctrl-C end it well.
    pub(crate) async fn open(
        settings: Settings,
        clock: Arc<dyn Clock>,
        scripts: &[(ProviderName, Script)],
    ) -> anyhow::Result<Self> {
        check_open_files(settings.limits.connections);
        let shutdown = Shutdown::new();
        tokio::spawn(stop::on_signal(shutdown.clone()));
        let data_dir = settings.data_dir.clone();
        std::fs::create_dir_all(&data_dir).with_context(|| format!("cannot make {}", data_dir.display()))?;
        let simulated = Simulated::open(simulated::Options {
            clock: Arc::clone(&clock),
            carrier_delay_ms: u64::try_from(settings.carrier_delay.as_millis()).unwrap_or(u64::MAX),
            log: Some(data_dir.join("providers.log")),
        })
        .context("the simulated providers' log cannot be opened")?;
        for (provider, script) in scripts {
            simulated.script(*provider, None, script.clone());
        }
        let mut options = Options::new(data_dir, simulated.providers(), clock);
        options.queue_capacity = settings.queue_capacity;
        let engine = Arc::new(EmbeddedEngine::open(options).await?);
        Ok(Self { settings, engine, simulated, shutdown })
    }

    /// Listens, prints what `welcome` says of the address, which `/` shows too, and serves until it is asked
    /// to end.
    pub(crate) async fn serve(
        self,
        dev: Option<Dev>,
        welcome: impl FnOnce(SocketAddr) -> String,
    ) -> anyhow::Result<()> {
        let Self { settings, engine, simulated, shutdown } = self;
        let listen = settings.listen;
        let listener = bind(listen)
            .with_context(|| format!("cannot listen on {listen}; is another server there? use --listen"))?;
        let reports = tokio::spawn(simulated.run_reports(Arc::clone(&engine) as Arc<dyn OrderEngine>));
        let welcome = welcome(listener.local_addr()?);
        let metrics = Metrics::new();
        metrics.register(|registry| counters::register(registry, Arc::clone(&engine)));
        let api = Api {
            engine: Arc::clone(&engine) as Arc<dyn OrderEngine>,
            policies: Arc::new(settings.policies),
            locale: settings.locale,
            body: settings.limits.body,
            implicit_capture: settings.implicit_capture,
            keep_answers: settings.keep_answers,
            shutdown: shutdown.clone(),
            metrics: metrics.clone(),
            home: Arc::from(&*welcome),
            dev,
        };
        // Whoever does not read it does not need it.
        drop(writeln!(std::io::stdout(), "{welcome}"));
        omniflow_http::serve(listener, omniflow_http::routes(api), settings.limits, metrics, shutdown).await;
        reports.abort();
        match engine.stop().await {
            Ended::Finished => tracing::info!("stopped; everything taken is on disk"),
            Ended::Unfinished => tracing::warn!(
                "stopped while the storage took nothing; everything acknowledged is on disk, and what came due \
                 since is done after the next start"
            ),
        }
        Ok(())
    }
}
