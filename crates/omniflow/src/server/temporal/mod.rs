//! The Temporal engine in this program: an engine for who asks, and a worker where one is wanted.

mod work;

use super::settings::Servers;
use crate::failure::Failure;
use omniflow_engine::verify::Report;
use omniflow_engine::{Clock, EngineMetrics, OrderEngine, Providers};
use omniflow_http::Shutdown;
use omniflow_temporal::store::{Schema, Store, StoreError, StoreSettings};
use omniflow_temporal::{EngineSettings, Link, TemporalEngine};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use work::Work;

/// How old the metrics of orders may be.
const COUNTS_EVERY: Duration = Duration::from_secs(10);

/// Whether the Temporal engine can run with these settings, as far as can be said without asking a server.
///
/// # Errors
/// What to write instead.
pub(crate) fn check(servers: &Servers) -> Result<(), String> {
    store_settings(servers)?.check().map_err(|error| of_url(&error.to_string()))?;
    Link::new(None).map(drop).map_err(|error| error.to_string())
}

/// What is wrong with the address. The driver quotes the name of an option that it does not know, which in an
/// address that is written wrong may be most of it, and have the password in it.
fn of_url(fault: &str) -> String {
    let is_name = |quoted: &str| quoted.chars().all(|sign| sign.is_ascii_lowercase() || sign == '_');
    match fault.split('`').skip(1).step_by(2).all(is_name) {
        true => format!("`postgres.url`: {fault}"),
        false => "`postgres.url` must be such as \"postgres://user@host/database\"".to_owned(),
    }
}

fn store_settings(servers: &Servers) -> Result<StoreSettings, String> {
    let Servers { postgres, postgres_password_file, schema, connections, .. } = servers;
    if postgres.is_empty() {
        return Err("PostgreSQL is not named, and the Temporal engine keeps its orders there: set \
                    OMNIFLOW_POSTGRES_URL=postgres://user@host/database, or url under [postgres]"
            .to_owned());
    }
    let mut settings = StoreSettings::new(postgres);
    settings.schema.clone_from(schema);
    settings.connections = *connections;
    if !postgres_password_file.is_empty() {
        let text = std::fs::read_to_string(postgres_password_file).map_err(|error| {
            format!("`postgres.password_file`: {postgres_password_file} cannot be read: {error}")
        })?;
        settings.password = text.lines().next().map(str::to_owned);
    }
    Ok(settings)
}

/// How PostgreSQL and Temporal are: what is there, or why it cannot be used. Each is asked once, and nothing is
/// changed.
pub(crate) async fn signs_of_life(servers: &Servers) -> [(&'static str, Result<String, String>); 2] {
    let postgres = async {
        let store = Store::connect(&store_settings(servers)?).map_err(|error| error.to_string())?;
        let schema = &servers.schema;
        match store.look().await.map_err(|error| error.to_string())? {
            Schema::Current => Ok(format!("it answers; the tables are in the schema {schema}")),
            Schema::Missing => {
                Ok(format!("it answers; the first process makes the tables in the schema {schema}"))
            }
            Schema::Older { found, known } => Ok(format!(
                "it answers; the first process brings the tables in the schema {schema} from version {found} to {known}"
            )),
            Schema::Newer { found, known } => Err(format!(
                "the tables in the schema {schema} are of version {found}, and this program knows {known}: use a \
                 newer one"
            )),
        }
    };
    let temporal = async {
        let link = Link::new(None).map_err(|error| error.to_string())?;
        link.check().await.map_err(|error| error.to_string())?;
        Ok(format!("{} answers, and has the namespace {}", link.address(), link.namespace()))
    };
    let (postgres, temporal) = tokio::join!(postgres, temporal);
    [("PostgreSQL", postgres), ("Temporal", temporal)]
}

/// Checks all that PostgreSQL has.
///
/// # Errors
/// Exit code 3 where it cannot be reached.
pub(crate) async fn verify(servers: &Servers) -> Result<Report, Failure> {
    let store = Store::connect(&store_settings(servers).map_err(Failure::usage)?)?;
    store.verify().await.map_err(|error| match error {
        StoreError::Unavailable { .. } => Failure::unreachable(error.into()),
        error => error.into(),
    })
}

/// Counts orders for as long as the process lives. What it could not count stays as it was: that PostgreSQL is
/// away is said elsewhere.
async fn count(store: Store, metrics: EngineMetrics) {
    loop {
        match store.standings().await {
            Ok(standings) => metrics.count(standings.into_iter()),
            Err(error) => tracing::debug!(%error, "orders cannot be counted now"),
        }
        tokio::time::sleep(COUNTS_EVERY).await;
    }
}

/// The engine, and the worker beside it.
pub(super) struct Engine {
    link: Link,
    store: Store,
    orders: Arc<TemporalEngine>,
    work: Option<Work>,
    metrics: EngineMetrics,
}

impl Engine {
    /// An engine on servers that may be down: it says so of each request, and works once they are up.
    pub(super) fn open(servers: &Servers, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let store = Store::connect(&store_settings(servers).map_err(anyhow::Error::msg)?)?;
        let link = Link::new(None)?;
        let settings = EngineSettings::new(servers.task_queue.as_str());
        let orders = Arc::new(TemporalEngine::new(link.clone(), settings, store.clone(), clock));
        Ok(Self { link, store, orders, work: None, metrics: EngineMetrics::default() })
    }

    /// Begins to run orders. Where that ends by itself, the process ends.
    pub(super) fn work(
        &mut self,
        servers: &Servers,
        providers: Providers,
        clock: Arc<dyn Clock>,
        process: &Shutdown,
    ) -> anyhow::Result<()> {
        let parts = omniflow_temporal::WorkerParts {
            store: self.store.clone(),
            providers,
            clock,
            metrics: self.metrics.clone(),
            pollers: servers.pollers,
            sticky_timeout: work::STICKY_TIMEOUT,
        };
        let work = Work::begin(self.link.clone(), servers.task_queue.clone(), parts, process.clone())?;
        self.work = Some(work);
        Ok(())
    }

    /// Whether it has a worker.
    pub(super) fn works(&self) -> bool {
        self.work.is_some()
    }

    pub(super) fn orders(&self) -> Arc<dyn OrderEngine> {
        Arc::clone(&self.orders) as Arc<dyn OrderEngine>
    }

    /// Attempts where it has a worker; where it takes orders, how they stand, which every such process says alike.
    pub(super) fn register(&self, registry: &mut Registry, takes_orders: bool) {
        if self.works() {
            self.metrics.register_attempts(registry);
        }
        if takes_orders {
            self.metrics.register_standings(registry);
            tokio::spawn(count(self.store.clone(), self.metrics.clone()));
        }
    }

    /// Ends the worker, and waits for that until a moment.
    ///
    /// # Errors
    /// Where it had ended by itself.
    pub(super) async fn stop(self, until: Instant) -> anyhow::Result<()> {
        match self.work {
            Some(work) => work.end(until).await,
            None => {
                tracing::info!("stopped; everything acknowledged is in PostgreSQL");
                Ok(())
            }
        }
    }
}
