//! Effects at outside providers: started after the commit that calls for them, off the writer.

use crate::key::OrderKey;
use crate::queue::{Job, Queue};
use crate::reader::Readers;
use omniflow_core::{EffectKey, Order, RetryPolicy};
use omniflow_engine::{Busy, Clock, Details, EffectRequest, Providers, perform};
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
type Running = HashMap<(OrderKey, EffectKey), (u64, Option<AbortHandle>)>;

/// One effect to be tried until it is decided.
struct Task {
    number: u64,
    key: OrderKey,
    effect: EffectKey,
    request: EffectRequest,
    has_details: bool,
    retry: RetryPolicy,
}

/// Runs effects. Each is run by at most one task at a time.
pub(crate) struct Effects {
    running: Mutex<Running>,
    queue: Arc<Queue>,
    providers: Providers,
    clock: Arc<dyn Clock>,
    readers: Arc<Readers>,
    started: AtomicU64,
}

impl Effects {
    pub(crate) fn new(
        queue: Arc<Queue>,
        providers: Providers,
        clock: Arc<dyn Clock>,
        readers: Arc<Readers>,
    ) -> Self {
        Self { running: Mutex::default(), queue, providers, clock, readers, started: AtomicU64::new(0) }
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
                if let Some((_, Some(task))) = self.running().remove(&(key, effect)) {
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
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        match self.running().entry((key, effect)) {
            Entry::Occupied(_) => return,
            Entry::Vacant(vacant) => drop(vacant.insert((number, None))),
        }
        let task = Task { number, key, effect, request, has_details: order.details.is_some(), retry };
        let this = Arc::clone(self);
        let task = tokio::spawn(async move { this.run(task, busy).await });
        if let Some((running, handle)) = self.running().get_mut(&(key, effect))
            && *running == number
        {
            *handle = Some(task.abort_handle());
        }
    }

    async fn run(&self, task: Task, mut busy: Busy) {
        let Task { number, key, effect, mut request, has_details, retry } = task;
        if has_details && let EffectRequest::Shipment(shipment) = &mut request {
            (shipment.details, busy) = self.details(key, busy).await;
        }
        let (tried, busy) = perform(&self.providers, &*self.clock, &request, retry, busy).await;
        crate::crash::point("effect-answered");
        if let Entry::Occupied(entry) = self.running().entry((key, effect))
            && entry.get().0 == number
        {
            entry.remove();
        }
        // Outcomes always enter the queue.
        drop(self.queue.push(Job::Outcome(key, effect, Box::new(tried.outcome)), busy));
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
        for task in self.running().drain().filter_map(|(_, (_, task))| task) {
            task.abort();
        }
    }

    /// How many effects are being tried.
    pub(crate) fn len(&self) -> usize {
        self.running().len()
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
