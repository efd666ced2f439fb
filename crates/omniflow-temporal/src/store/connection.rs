//! Connections: taken from a pool, bounded in time, and given back as they were.

use super::error::{Fault, in_full};
use super::tables::Tables;
use super::{StoreError, StoreSettings};
use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use futures::future::try_join_all;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls, Row, Statement};

/// A statement on its way. Those of one connection are sent in the order in which they are first polled, and
/// none waits for the answer to another.
pub(super) type Sent<'a> = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + Send + 'a>>;

/// The longest pause before a transaction is tried again that others were in the way of.
const PAUSE_MS: u64 = 20;

/// How often a connection that is found dead is replaced at once.
const RECONNECTS: u32 = 3;

/// The connections to a server.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool,
    patience: Duration,
    server: Arc<Server>,
}

/// What is at the other end.
struct Server {
    address: String,
    schema: String,
    tables: Tables,
}

impl Connections {
    pub(super) fn new(settings: &StoreSettings) -> Result<Self, StoreError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let config = settings.config()?;
        let address = address_of(&config);
        let server = Server { address, schema: settings.schema.clone(), tables: Tables::default() };
        let manager = Manager::from_config(config, NoTls, recycling);
        let limit = Some(settings.connect_timeout);
        // Who has a connection has it for an answer or two. That many wait for one is no reason to give up sooner.
        let wait = Some(settings.patience());
        let pool = Pool::builder(manager)
            .max_size(settings.connections.max(1))
            .timeouts(Timeouts { wait, create: limit, recycle: limit })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Settings(error.to_string()))?;
        Ok(Self { pool, patience: settings.patience(), server: Arc::new(server) })
    }

    /// The same, where answers may take longer.
    pub(super) fn patient(&self, patience: Duration) -> Self {
        Self { pool: self.pool.clone(), patience, server: Arc::clone(&self.server) }
    }

    /// How long an answer may take.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// The server's host and port.
    pub(super) fn address(&self) -> &str {
        &self.server.address
    }

    /// Where the tables are, and what their changes are announced on.
    pub(super) fn schema(&self) -> &str {
        &self.server.schema
    }

    /// What is known of the tables.
    pub(super) fn tables(&self) -> &Tables {
        &self.server.tables
    }

    /// A connection on which nothing is under way, to tables that are up to date.
    pub(super) async fn take(&self) -> Result<Work, Fault> {
        self.tables().ready(self).await?;
        self.take_as_it_is().await
    }

    /// A connection on which nothing is under way, whatever the tables are like.
    pub(super) async fn take_as_it_is(&self) -> Result<Work, Fault> {
        let client = self.pool.get().await.map_err(|error| {
            Fault::Unavailable(match error {
                PoolError::Backend(error) => in_full(&error),
                PoolError::Timeout(TimeoutType::Wait) => "every connection is in use".to_owned(),
                PoolError::Timeout(_) => "it does not answer".to_owned(),
                error => error.to_string(),
            })
        })?;
        Ok(Work {
            client: Some(client),
            patience: self.patience,
            is_open: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
        })
    }

    /// Tries until nobody is in the way, for a bounded time.
    pub(super) async fn again<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let (begun, mut pause_ms, mut reconnects) = (Instant::now(), 0, 0);
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(Fault::Conflict) if begun.elapsed() < self.patience => {
                    pause_ms = PAUSE_MS.min(pause_ms + 1);
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                }
                // The pool may have more that died with the server.
                Err(Fault::Gone(_)) if reconnects < RECONNECTS => reconnects += 1,
                Err(fault) => return Err(fault.into_error(self.address())),
            }
        }
    }

    /// One statement that only reads.
    pub(super) async fn rows(
        &self,
        sql: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        self.again(|| async move {
            let work = self.take().await?;
            let [statement] = work.prepared([sql]).await?;
            work.ask(work.client().query(&statement, parameters)).await
        })
        .await
    }
}

/// What may be shown of an address.
fn address_of(config: &Config) -> String {
    let ports = config.get_ports();
    let of_host = |(place, host): (usize, &Host)| {
        let port = ports.get(place).or_else(|| ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(host) => format!("{host}:{port}"),
            Host::Unix(path) => format!("{}:{port}", path.display()),
        }
    };
    config.get_hosts().iter().enumerate().map(of_host).collect::<Vec<_>>().join(",")
}

/// A connection at work. Dropping it in a transaction undoes that.
pub(super) struct Work {
    client: Option<Object>,
    patience: Duration,
    /// A transaction is or may be open.
    is_open: AtomicBool,
    /// No answer came: the connection is of no use any more.
    is_lost: AtomicBool,
}

impl Work {
    /// The connection itself.
    pub(super) fn client(&self) -> &Object {
        match &self.client {
            Some(client) => client,
            None => unreachable!("only `drop` takes the connection away"),
        }
    }

    /// Statements as this connection knows them; those that are new to it are prepared in one round.
    pub(super) async fn prepared<const N: usize>(&self, sql: [&str; N]) -> Result<[Statement; N], Fault> {
        let all = self.ask(try_join_all(sql.map(|sql| self.client().prepare_cached(sql)))).await?;
        match all.try_into() {
            Ok(all) => Ok(all),
            Err(_) => unreachable!("each was prepared"),
        }
    }

    /// Waits for answers, but not for ever.
    pub(super) async fn ask<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        if let Ok(answer) = timeout(self.patience, answer).await {
            return Ok(answer?);
        }
        self.is_lost.store(true, Ordering::Relaxed);
        Err(Fault::Unavailable("it does not answer".to_owned()))
    }

    /// Opens a transaction. What is asked together with it goes behind it in the same round.
    pub(super) async fn open(&self) -> Result<(), tokio_postgres::Error> {
        self.is_open.store(true, Ordering::Relaxed);
        self.client().batch_execute("BEGIN").await
    }

    /// Sends what is to be written and the commit behind it, in one round. Nothing is written unless all is.
    pub(super) async fn commit<'a>(&'a self, mut writes: Vec<Sent<'a>>) -> Result<(), Fault> {
        writes.push(Box::pin(async { self.client().batch_execute("COMMIT").await.map(|()| 0) }));
        match timeout(self.patience, try_join_all(writes)).await {
            Ok(Ok(_)) => {
                self.is_open.store(false, Ordering::Relaxed);
                Ok(())
            }
            Ok(Err(error)) => Err(Fault::while_committing(&error)),
            Err(_) => {
                self.is_lost.store(true, Ordering::Relaxed);
                Err(Fault::Final(StoreError::OutcomeUnknown))
            }
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        if *self.is_lost.get_mut() {
            drop(Object::take(client));
        } else if *self.is_open.get_mut() {
            let patience = self.patience;
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn(undo(client, patience))),
                Err(_) => drop(Object::take(client)),
            }
        }
    }
}

/// Undoes what is open and gives the connection back; one that does not answer is closed, which undoes it too.
async fn undo(client: Object, patience: Duration) {
    let undone = timeout(patience, client.batch_execute("ROLLBACK")).await;
    if !matches!(undone, Ok(Ok(()))) {
        drop(Object::take(client));
    }
}
