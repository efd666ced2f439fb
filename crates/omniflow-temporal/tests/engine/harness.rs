//! A worker and an engine on real servers, each with a task queue and a schema of its own.

use omniflow_engine::clock::SystemClock;
use omniflow_engine::conformance::{Harness, Pace};
use omniflow_engine::simulated::{self, Simulated};
use omniflow_engine::{Answer, Clock, EngineMetrics, OrderEngine};
use omniflow_temporal::store::{Store, StoreSettings};
use omniflow_temporal::{EngineSettings, Link, TemporalEngine, Worker, WorkerParts};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

static CASES: AtomicU32 = AtomicU32::new(0);

/// How long is waited for what is at work to have settled.
const SETTLES: Duration = Duration::from_millis(20);

/// Where the servers are.
#[derive(Clone)]
pub(crate) struct Servers {
    pub(crate) temporal: String,
    pub(crate) postgres: String,
}

impl Default for Servers {
    /// Those that all tests share.
    fn default() -> Self {
        Self { temporal: setting("OMNIFLOW_TEST_TEMPORAL"), postgres: setting("OMNIFLOW_TEST_POSTGRES") }
    }
}

pub(crate) struct Temporal {
    servers: Servers,
    queue: String,
    clock: Arc<SystemClock>,
    simulated: Simulated,
    kill: Option<oneshot::Sender<()>>,
    worker: Option<std::thread::JoinHandle<()>>,
}

pub(crate) fn setting(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} must name a running server; `cargo xtask temporal` starts one"))
}

pub(crate) fn link(temporal: &str) -> Link {
    Link::new(Some(temporal)).unwrap()
}

impl Temporal {
    pub(crate) fn new() -> Self {
        Self::on(Servers::default())
    }

    /// On servers of one's own.
    pub(crate) fn on(servers: Servers) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .with_test_writer()
            .try_init();
        let clock = Arc::new(SystemClock::default());
        let options = simulated::Options {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            carrier_delay_ms: 0,
            log: None,
        };
        let simulated = Simulated::open(options).unwrap();
        let case = CASES.fetch_add(1, Ordering::Relaxed);
        let queue = format!("case_{}_{case}", std::process::id());
        Self { servers, queue, clock, simulated, kill: None, worker: None }
    }

    pub(crate) fn queue(&self) -> &str {
        &self.queue
    }

    /// Another process of the API.
    pub(crate) fn engine(&self) -> Arc<dyn OrderEngine> {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let mut settings = EngineSettings::new(self.queue.clone());
        settings.task_timeout = Duration::from_secs(1);
        settings.patience = Duration::from_secs(30);
        Arc::new(TemporalEngine::new(link(&self.servers.temporal), settings, self.store(), clock))
            as Arc<dyn OrderEngine>
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    pub(crate) fn servers(&self) -> &Servers {
        &self.servers
    }

    /// A connection to this case's tables.
    pub(crate) async fn postgres(&self) -> tokio_postgres::Client {
        let (postgres, connection) =
            tokio_postgres::connect(&self.servers.postgres, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        postgres.batch_execute(&format!("SET search_path = {}", self.queue)).await.unwrap();
        postgres
    }

    pub(crate) fn store(&self) -> Store {
        let mut settings = StoreSettings::new(self.servers.postgres.as_str());
        settings.schema.clone_from(&self.queue);
        settings.connections = 4;
        Store::connect(&settings).unwrap()
    }
}

/// Runs a worker on a thread of its own until it is killed: nothing is finished then.
fn run(
    temporal: &str,
    queue: &str,
    store: Store,
    parts: (Simulated, Arc<SystemClock>),
    ready: std::sync::mpsc::Sender<()>,
    killed: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (simulated, clock) = parts;
    runtime.block_on(async {
        let client = link(temporal).connect().await.unwrap();
        let parts = WorkerParts {
            store,
            providers: simulated.providers(),
            clock,
            metrics: EngineMetrics::default(),
            pollers: 8,
            sticky_timeout: Duration::from_millis(500),
        };
        let mut worker = Worker::new(client, queue, parts).unwrap();
        ready.send(()).unwrap();
        tokio::select! {
            ended = worker.run() => ended.expect("the worker runs until it is killed"),
            _ = killed => {}
        }
    });
    runtime.shutdown_background();
}

impl Harness for Temporal {
    fn start(&mut self) -> Answer<'_, Arc<dyn OrderEngine>> {
        Box::pin(async move {
            self.store().migrate().await.unwrap();
            let (kill, killed) = oneshot::channel();
            let (ready, is_ready) = std::sync::mpsc::channel();
            let (queue, parts) = (self.queue.clone(), (self.simulated.clone(), Arc::clone(&self.clock)));
            let (temporal, worker_store) = (self.servers.temporal.clone(), self.store());
            let worker =
                std::thread::spawn(move || run(&temporal, &queue, worker_store, parts, ready, killed));
            (self.kill, self.worker) = (Some(kill), Some(worker));
            tokio::task::spawn_blocking(move || is_ready.recv()).await.unwrap().expect("the worker starts");
            self.engine()
        })
    }

    fn crash(&mut self) -> Answer<'_, ()> {
        Box::pin(async move {
            if let (Some(kill), Some(worker)) = (self.kill.take(), self.worker.take()) {
                let _ = kill.send(());
                // The SDK may panic where it is dropped in the middle of its work: it is gone all the same.
                let _ = tokio::task::spawn_blocking(move || worker.join()).await.unwrap();
            }
        })
    }

    fn advance(&mut self, by: Duration) -> Answer<'_, ()> {
        Box::pin(tokio::time::sleep(by + SETTLES))
    }

    fn simulated(&self) -> Simulated {
        self.simulated.clone()
    }

    fn pace(&self) -> Pace {
        // A killed worker costs its orders the time-out of a task, twice at worst. What is said in half of what a case
        // waits out comes in time all the same.
        Pace { wait_ms: 5_000, late_ms: 2_500, guard: Duration::from_secs(40), ..Pace::REAL }
    }
}
