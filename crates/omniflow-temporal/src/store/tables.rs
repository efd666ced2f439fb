//! The tables are up to date before they are first used, whenever the server is there for the first time.

use super::connection::Connections;
use super::error::Fault;
use super::{StoreError, migrate};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::time::timeout;

type Migration = Shared<BoxFuture<'static, Result<(), StoreError>>>;

/// What is known of a schema's tables.
#[derive(Default)]
pub(super) struct Tables {
    are_ready: AtomicBool,
    /// One migration at a time, which goes on where nobody waits for it any more.
    migration: Mutex<Option<Migration>>,
}

impl Tables {
    /// They are as this program knows them.
    pub(super) fn set_ready(&self) {
        self.are_ready.store(true, Ordering::Release);
    }

    /// Brings them up to date where that was not done yet, and waits for it as long as for any answer.
    pub(super) async fn ready(&self, connections: &Connections) -> Result<(), Fault> {
        if self.are_ready.load(Ordering::Acquire) {
            return Ok(());
        }
        match timeout(connections.patience(), self.migration(connections)).await {
            Ok(migrated) => Ok(migrated?),
            Err(_) => Err(Fault::Unavailable("its tables are being brought up to date".to_owned())),
        }
    }

    /// The migration that runs. One that failed is followed by another when it is next asked for.
    fn migration(&self, connections: &Connections) -> Migration {
        let mut running = self.migration.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(migration) = &*running
            && migration.peek().is_none()
        {
            return migration.clone();
        }
        let connections = connections.clone();
        let migrating = tokio::spawn(async move { migrate::run(&connections).await });
        let migration = migrating.map(|ended| match ended {
            Ok(migrated) => migrated,
            Err(error) => Err(StoreError::Diverged(format!("the migration broke down: {error}"))),
        });
        running.insert(migration.boxed().shared()).clone()
    }
}
