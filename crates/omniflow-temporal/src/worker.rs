//! A worker: it runs the orders of one task queue. There may be any number of them.

use crate::activities::OrderActivities;
use crate::store::Store;
use crate::workflow::OrderWorkflow;
use omniflow_engine::{Clock, EngineMetrics, Providers};
use std::sync::Arc;
use std::time::Duration;
use temporalio_client::Client;
use temporalio_sdk::runtime::{PollerBehavior, RuntimeOptions};
use temporalio_sdk::{Runtime, WorkerOptions};

/// Orders that a worker keeps in memory between their tasks.
const CACHED_ORDERS: usize = 5_000;
/// The part of them that asks for orders of which this worker has nothing in memory.
const NEW_ORDERS_SHARE: f32 = 0.8;
/// How long activities may go on once the worker is told to stop. Its process has twice as long to end.
const GRACE: Duration = Duration::from_secs(5);

/// What a worker needs.
pub struct WorkerParts {
    /// PostgreSQL.
    pub store: Store,
    /// Who ships and gives money back.
    pub providers: Providers,
    /// The clock that simulated providers sleep on.
    pub clock: Arc<dyn Clock>,
    /// Where attempts are counted.
    pub metrics: EngineMetrics,
    /// How many requests for work it holds open at the server, for orders and for attempts each.
    pub pollers: usize,
    /// How long a task waits for the worker that has its order in memory before any worker may take it.
    pub sticky_timeout: Duration,
}

/// A worker.
pub struct Worker(temporalio_sdk::Worker);

/// Why a worker does not run.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Temporal's SDK does not start.
    #[error("the worker cannot start: {0}")]
    Start(String),
    /// It ended by itself.
    #[error("the worker ended: {0}")]
    Run(String),
}

impl Worker {
    /// A worker of this task queue, on the current tokio runtime.
    ///
    /// # Errors
    /// [`WorkerError::Start`].
    pub fn new(client: Client, task_queue: &str, parts: WorkerParts) -> Result<Self, WorkerError> {
        let start = |error: &dyn std::fmt::Display| WorkerError::Start(error.to_string());
        let runtime = Runtime::from_current_tokio(RuntimeOptions::default()).map_err(|e| start(&e))?;
        let WorkerParts { store, providers, clock, metrics, pollers, sticky_timeout } = parts;
        let pollers = PollerBehavior::SimpleMaximum(pollers.max(2));
        let options = WorkerOptions::new(task_queue)
            .max_cached_workflows(CACHED_ORDERS)
            .workflow_task_poller_behavior(pollers)
            .activity_task_poller_behavior(pollers)
            .nonsticky_to_sticky_poll_ratio(NEW_ORDERS_SHARE)
            .graceful_shutdown_period(GRACE)
            .sticky_queue_schedule_to_start_timeout(sticky_timeout)
            .register_workflow::<OrderWorkflow>()
            .map_err(|e| start(&e))?
            .register_activities(OrderActivities { store, providers, clock, metrics })
            .build();
        temporalio_sdk::Worker::new(&runtime, client, options).map(Self).map_err(|e| start(&e))
    }

    /// What tells the worker to stop: it takes no more work, and [`run`](Self::run) returns once it has none.
    pub fn stopper(&self) -> impl Fn() + use<> {
        self.0.shutdown_handle()
    }

    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// [`WorkerError::Run`].
    pub async fn run(&mut self) -> Result<(), WorkerError> {
        self.0.run().await.map_err(|error| WorkerError::Run(error.to_string()))
    }
}
