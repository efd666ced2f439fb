//! Every setting of a server and of a worker.

use clap::ValueEnum;
use omniflow_core::{Locale, PolicyBook};
use omniflow_embedded::Options;
use omniflow_http::Limits;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// An engine, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineName {
    /// SQLite, in this process.
    Embedded,
    /// Temporal with PostgreSQL.
    Temporal,
}

/// Every setting of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Which engine runs orders.
    pub(crate) engine: EngineName,
    /// Where the embedded engine's data is.
    pub(crate) data_dir: PathBuf,
    /// Where the Temporal engine's servers are.
    pub(crate) servers: Servers,
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

/// PostgreSQL and Temporal, and how they are used. Where Temporal is, the variables and the profile say that all
/// of Temporal's clients share.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Servers {
    /// The task queue of the workers.
    pub(crate) task_queue: String,
    /// PostgreSQL's address.
    pub(crate) postgres: String,
    /// A file with its password; empty where the address has it, or none is needed.
    pub(crate) postgres_password_file: String,
    /// The schema of the tables.
    pub(crate) schema: String,
    /// Connections to PostgreSQL.
    pub(crate) connections: usize,
    /// Requests for work that a worker holds open at Temporal, for orders and for attempts each.
    pub(crate) pollers: usize,
    /// Where a worker tells how it is.
    pub(crate) worker_listen: SocketAddr,
}

impl Default for Settings {
    /// What `serve` does where nothing else is configured.
    fn default() -> Self {
        Self {
            engine: EngineName::Embedded,
            data_dir: PathBuf::from("./omniflow-data"),
            servers: Servers::default(),
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

impl Default for Servers {
    fn default() -> Self {
        Self {
            task_queue: "OMNIFLOW_TASK_QUEUE".to_owned(),
            postgres: String::new(),
            postgres_password_file: String::new(),
            schema: "omniflow".to_owned(),
            connections: 16,
            pollers: 64,
            worker_listen: SocketAddr::from(([127, 0, 0, 1], 8_001)),
        }
    }
}

impl fmt::Debug for Servers {
    /// Without the address of PostgreSQL, which may have a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers")
            .field("task_queue", &self.task_queue)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}
