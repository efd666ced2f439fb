//! PostgreSQL: the record of orders, stock and marks on the Temporal engine, as SQLite is on the embedded
//! one. It knows nothing of Temporal, and nothing outside of this module knows SQL.
//!
//! Whatever a function answers is committed. Everything that changes an order locks its row first, then
//! stock in the order of SKUs, so that no two wait for each other; what others were in the way of is tried
//! again. Each function may be asked again after [`StoreError::OutcomeUnknown`]: nothing is done twice, but
//! for stock that is changed by hand without a mark.

mod announce;
mod answers;
mod appended;
mod begin;
mod changes;
mod claim;
mod connection;
mod driven;
mod error;
mod feed;
mod lists;
mod marks;
mod migrate;
mod movement;
mod publish;
mod read;
mod record;
mod settings;
mod standings;
mod stock;
mod tables;
mod undecided;
mod verify;

pub use answers::{Acknowledged, Begun, Claim, Kept, Publish, Published, SaltedDetails, Stored, Undecided};
pub use changes::{Change, Changes};
pub use error::StoreError;
pub use migrate::Schema;
pub use settings::StoreSettings;

use connection::Connections;
use omniflow_core::OrderId;
use omniflow_engine::CursorSeal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, mpsc};
use tokio_postgres::Config;

/// PostgreSQL, through a pool of connections. Clones share it.
#[derive(Clone)]
pub struct Store {
    connections: Connections,
    config: Config,
    patience: Duration,
    announced: mpsc::UnboundedSender<OrderId>,
    seal: Arc<OnceCell<CursorSeal>>,
}

impl Store {
    /// A store at an address; called where tokio runs. Nothing is connected yet: a server that is down is an
    /// error of what is asked of it, and once it is up again it is used again. Its tables are brought up to date
    /// before they are first used.
    ///
    /// # Errors
    /// [`StoreError::Settings`].
    pub fn connect(settings: &StoreSettings) -> Result<Self, StoreError> {
        let connections = Connections::new(settings)?;
        Ok(Self {
            announced: announce::start(connections.clone()),
            connections,
            config: settings.config()?,
            patience: settings.patience(),
            seal: Arc::default(),
        })
    }

    /// The server's host and port.
    pub fn address(&self) -> &str {
        self.connections.address()
    }

    /// Asks the server for a sign of life, in bounded time, once its tables are up to date.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::NewerSchema`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.connections.rows("SELECT 1", &[]).await.map(drop)
    }

    /// Tells whoever listens that an order has new events.
    fn announce(&self, order_id: &OrderId) {
        // Nobody takes it only where the runtime ends.
        drop(self.announced.send(order_id.clone()));
    }
}
