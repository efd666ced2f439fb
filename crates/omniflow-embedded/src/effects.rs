//! Effects at outside providers: started after the commit that calls for them, off the writer.

use crate::key::OrderKey;
use crate::queue::{Job, Queue};
use crate::reader::Readers;
use omniflow_core::{EffectKey, Order, Outcome, ReasonText, RetryPolicy};
use omniflow_engine::{Busy, Clock, Details, EffectRequest, EngineMetrics, Providers, perform};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

const READ_PAUSE_MS: u64 = 1_000;

/// An effect to start, or one to end because the order no longer wants it.
pub(crate) enum EffectChange {
    Start { order: Arc<Order>, key: OrderKey, effect: EffectKey, retry: RetryPolicy, busy: Busy },
    Cancel { key: OrderKey, effect: EffectKey },
}

/// Effects being tried. The number tells a task from one that took its place.
type Running = HashMap<(OrderKey, EffectKey), (u64, AbortHandle)>;

/// Runs effects. Each is run by at most one task at a time.
pub(crate) struct Effects {
    running: Mutex<Running>,
    queue: Arc<Queue>,
    providers: Providers,
    clock: Arc<dyn Clock>,
    readers: Arc<Readers>,
    metrics: EngineMetrics,
    started: AtomicU64,
}

impl Effects {
    pub(crate) fn new(
        queue: Arc<Queue>,
        providers: Providers,
        clock: Arc<dyn Clock>,
        readers: Arc<Readers>,
        metrics: EngineMetrics,
    ) -> Self {
        Self {
            running: Mutex::default(),
            queue,
            providers,
            clock,
            readers,
            metrics,
            started: AtomicU64::new(0),
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(self: &Arc<Self>, change: EffectChange) {
        match change {
            EffectChange::Start { order, key, effect, retry, busy } => {
                self.start(&order, key, effect, retry, busy)
            }
            EffectChange::Cancel { key, effect } => {
                let running = self.running().remove(&(key, effect));
                if let Some((_, task)) = running {
                    task.abort();
                }
            }
        }
    }

    fn start(
        self: &Arc<Self>,
        order: &Order,
        key: OrderKey,
        effect: EffectKey,
        retry: RetryPolicy,
        busy: Busy,
    ) {
        let Some(request) = EffectRequest::of(order, effect) else { return };
        let mut running = self.running();
        let Entry::Vacant(vacant) = running.entry((key, effect)) else { return };
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let trying = Trying { effects: Arc::clone(self), number, key, effect };
        let has_details = order.details.is_some();
        let task = tokio::spawn(async move { trying.run(request, has_details, retry, busy).await });
        vacant.insert((number, task.abort_handle()));
    }

    /// The order's address, however long it takes to read: nothing is shipped without it.
    async fn details(&self, key: OrderKey, mut busy: Busy) -> (Option<Details>, Busy) {
        loop {
            match self.readers.details(key).await {
                Ok(details) => return (details, busy),
                Err(error) => tracing::error!(%error, key = key.0, "an address cannot be read; trying again"),
            }
            busy = self.clock.sleep_until(self.clock.now().plus_millis(READ_PAUSE_MS), busy).await;
        }
    }

    /// Ends every attempt where it is.
    pub(crate) fn abort_all(&self) {
        let running = std::mem::take(&mut *self.running());
        for (_, task) in running.into_values() {
            task.abort();
        }
    }

    /// How many effects are being tried.
    pub(crate) fn len(&self) -> usize {
        self.running().len()
    }
}

/// One effect while it is tried; it counts as running until this is dropped.
struct Trying {
    effects: Arc<Effects>,
    number: u64,
    key: OrderKey,
    effect: EffectKey,
}

impl Trying {
    async fn run(self, mut request: EffectRequest, has_details: bool, retry: RetryPolicy, mut busy: Busy) {
        let effects = Arc::clone(&self.effects);
        let (key, effect) = (self.key, self.effect);
        if has_details && let EffectRequest::Shipment(shipment) = &mut request {
            (shipment.details, busy) = effects.details(key, busy).await;
        }
        let (tried, busy) =
            perform(&effects.providers, &*effects.clock, &effects.metrics, &request, retry, busy).await;
        crate::crash::point("effect-answered");
        drop(self);
        // Outcomes always enter the queue.
        drop(effects.queue.push(Job::Outcome(key, effect, Box::new(tried.outcome)), busy));
    }
}

impl Drop for Trying {
    fn drop(&mut self) {
        if let Entry::Occupied(entry) = self.effects.running().entry((self.key, self.effect))
            && entry.get().0 == self.number
        {
            entry.remove();
        }
        if std::thread::panicking() {
            // A provider's own fault: what it did is not known, so a person must look.
            let last_error = ReasonText::new("the provider's adapter panicked").ok();
            let outcome = Box::new(Outcome::Unknown { attempts: 1, last_error });
            drop(
                self.effects
                    .queue
                    .push(Job::Outcome(self.key, self.effect, outcome), self.effects.clock.busy()),
            );
        }
    }
}

/// Takes what each commit calls for, in bulk.
pub(crate) async fn run(effects: Arc<Effects>, mut changes: mpsc::UnboundedReceiver<Vec<EffectChange>>) {
    while let Some(batch) = changes.recv().await {
        for change in batch {
            effects.change(change);
        }
    }
}
