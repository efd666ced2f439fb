//! Looks for orders that no workflow drives: whoever claimed them may have ended before it started one, Temporal may
//! not have been there, or a workflow was terminated, or is missing in a Temporal that was restored.
//!
//! Starting one that runs changes nothing. So processes need not agree on who looks, and nothing is kept of it.
//! What is left of orders that were refused before anybody knew of them is removed here too, after a day in which
//! a payment may have come to them. Each of these duties is done whatever becomes of the others.

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

/// Orders that each duty starts in one round at most: some 20 a second, however many there are.
const MOST_AT_ONCE: usize = 100;
/// How long an order that was refused is kept, hidden, for a payment that somebody may have sent meanwhile.
const FORGETS_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// Refused orders that are removed in one round at most.
const MOST_FORGOTTEN: usize = 1_000;
/// How long starting one may take.
const STARTS_WITHIN: Duration = Duration::from_secs(3);
/// How long one round may look after orders that are late. What it does not come to is looked after five minutes
/// later.
const LOOKS_FOR: Duration = Duration::from_secs(30);

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

/// Something that is done in each round.
struct Duty {
    what: &'static str,
    is_failing: bool,
}

impl Duty {
    const fn new(what: &'static str) -> Self {
        Self { what, is_failing: false }
    }

    /// What came of it. That it fails is said once, however long it lasts.
    fn ended<T>(&mut self, result: Result<T, Error>) -> Option<T> {
        let Self { what, is_failing } = self;
        match result {
            Ok(done) => {
                *is_failing = false;
                return Some(done);
            }
            Err(error) if *is_failing => tracing::debug!(%error, "the sweep still cannot {what}"),
            Err(error) => tracing::warn!(%error, "the sweep cannot {what} now; it tries again"),
        }
        *is_failing = true;
        None
    }
}

impl Sweep {
    async fn run(self) {
        let pause = self.settings.sweep_after / 3;
        let mut start = Duty::new("start the workflows of orders that are not decided");
        let mut restart = Duty::new("look after orders that do not move");
        let mut forget = Duty::new("remove orders that were refused");
        let mut after = None;
        loop {
            sleep(pause).await;
            after = start.ended(self.start_undecided(after).await).unwrap_or(after);
            restart.ended(self.restart_late().await);
            forget.ended(self.forget_withdrawn().await);
        }
    }

    /// Starts some that were claimed and not decided, from behind a place on. Returns where to go on, `None` at the
    /// beginning again.
    async fn start_undecided(&self, after: Option<i64>) -> Result<Option<i64>, Error> {
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

    /// Starts some that are not where they should have come by now. Most of them run, and have to wait: for a
    /// provider, or for a person.
    async fn restart_late(&self) -> Result<(), Error> {
        self.link.alive().await?;
        let now = self.clock.now();
        let late = self.store.take_late(now, MOST_AT_ONCE).await?;
        let mut driven = vec![];
        let starting = async {
            for order_id in late {
                match self.start(&order_id).await {
                    Ok(()) => driven.push(order_id),
                    Err(error) => {
                        tracing::warn!(%order_id, %error, "it is not known whether a workflow drives an order");
                        self.link.alive().await?;
                    }
                }
            }
            Ok(())
        };
        let started = timeout(LOOKS_FOR, starting).await.unwrap_or(Ok(()));
        if !driven.is_empty() {
            self.store.looked_at(&driven, now).await?;
        }
        started
    }

    async fn forget_withdrawn(&self) -> Result<(), Error> {
        let forgotten = self.store.forget_withdrawn(self.before_now(FORGETS_AFTER), MOST_FORGOTTEN).await;
        Ok(forgotten.map(drop)?)
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
