//! Looks for orders that were claimed and whose workflow may never have been started: whoever claimed them may
//! have ended in between, or Temporal was not there.
//!
//! Starting one that runs changes nothing. So processes need not agree on who looks, and nothing is kept of it.
//! What is left of orders that were refused before anybody knew of them is removed here too, once no payment can
//! be on its way to them any more.

use super::{EngineSettings, start_options};
use crate::connection::Link;
use crate::store::{Store, Undecided};
use crate::workflow::{OrderWorkflow, input};
use omniflow_core::{OrderId, Timestamp};
use omniflow_engine::{Clock, Error};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Orders that are started in one round at most.
const MOST_AT_ONCE: usize = 100;
/// How long an order that was refused is kept, hidden, for a payment that somebody may have sent meanwhile.
const FORGETS_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// Refused orders that are removed in one round at most.
const MOST_FORGOTTEN: usize = 1_000;
/// How long starting one may take.
const STARTS_WITHIN: Duration = Duration::from_secs(3);

/// The search, until dropped.
pub(super) struct Sweeping(JoinHandle<()>);

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Sweep {
    link: Link,
    settings: EngineSettings,
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Sweeping {
    pub(super) fn begin(
        link: &Link,
        settings: &EngineSettings,
        store: &Store,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let (link, settings, store, clock) =
            (link.clone(), settings.clone(), store.clone(), Arc::clone(clock));
        Self(tokio::spawn(Sweep { link, settings, store, clock }.run()))
    }
}

impl Sweep {
    async fn run(self) {
        let pause = self.settings.sweep_after / 3;
        let mut after = None;
        loop {
            sleep(pause).await;
            match self.round(after).await {
                Ok(last) => after = last,
                // What is not there is said of each request, and by the health.
                Err(error) => tracing::debug!(%error, "orders without a workflow are not looked for now"),
            }
        }
    }

    /// Starts some, from behind a place on. Returns where to go on, `None` at the beginning again.
    async fn round(&self, after: Option<i64>) -> Result<Option<i64>, Error> {
        self.store.forget_withdrawn(self.before_now(FORGETS_AFTER), MOST_FORGOTTEN).await?;
        let claimed_before = self.before_now(self.settings.sweep_after);
        let found = self.store.undecided(claimed_before, after, MOST_AT_ONCE).await?;
        if !found.is_empty() {
            self.link.alive().await?;
        }
        for Undecided { order_id, place } in &found {
            if let Err(error) = self.start(order_id).await {
                tracing::warn!(%order_id, %error, "the workflow of a claimed order was not started");
                // It must not keep others from being started.
                return Ok(Some(*place));
            }
        }
        Ok(found.last().filter(|_| found.len() == MOST_AT_ONCE).map(|last| last.place))
    }

    fn before_now(&self, age: Duration) -> Timestamp {
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.clock.now().as_millis().saturating_sub(age_ms))
    }

    async fn start(&self, id: &OrderId) -> Result<(), Error> {
        let client = self.link.client().await?;
        let options = start_options(&self.settings, id);
        let started = client.start_workflow(OrderWorkflow::run, input::stored(id), options);
        match timeout(STARTS_WITHIN, started).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(Error::Unavailable(error.to_string())),
            Err(_) => Err(Error::Unavailable("Temporal did not start a workflow in time".to_owned())),
        }
    }
}
