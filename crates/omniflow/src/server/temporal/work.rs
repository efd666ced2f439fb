//! A worker on a thread and a runtime of its own: what it runs never waits for a request, nor a request for it.

use anyhow::Context;
use omniflow_http::Shutdown;
use omniflow_temporal::{Client, Link, Worker, WorkerError, WorkerParts};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long a task waits for the worker that has its order in memory before any worker may take it: what a
/// worker that was killed costs the next step of its orders.
pub(super) const STICKY_TIMEOUT: Duration = Duration::from_secs(5);
/// The first and the longest pause between tries to reach Temporal.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// A worker that runs.
pub(super) struct Work {
    stop: Shutdown,
    end: oneshot::Receiver<Result<(), WorkerError>>,
}

impl Work {
    /// Begins, as soon as Temporal can be reached. Where it ends by itself, that ends the process.
    pub(super) fn begin(
        link: Link,
        task_queue: String,
        parts: WorkerParts,
        process: Shutdown,
    ) -> anyhow::Result<Self> {
        let (ended, end) = oneshot::channel();
        let stop = Shutdown::new();
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let run = move || {
            let outcome = runtime.block_on(run(link, &task_queue, parts, &stopped));
            process.begin();
            // Nobody waits any more where the process has run out of patience.
            drop(ended.send(outcome));
            runtime.shutdown_background();
        };
        thread::Builder::new().name("worker".to_owned()).spawn(run).context("the worker has no thread")?;
        Ok(Self { stop, end })
    }

    /// Ends it, and waits for that until a moment.
    pub(super) async fn end(self, until: Instant) -> anyhow::Result<()> {
        self.stop.begin();
        match tokio::time::timeout_at(until, self.end).await {
            Ok(Ok(outcome)) => {
                outcome?;
                tracing::info!("stopped; the orders that ran here go on at other workers");
            }
            Ok(Err(_)) => anyhow::bail!("the worker broke down; what it ran goes on at other workers"),
            Err(_) => tracing::warn!("the worker was cut off; what it ran goes on at other workers"),
        }
        Ok(())
    }
}

async fn run(link: Link, task_queue: &str, parts: WorkerParts, stop: &Shutdown) -> Result<(), WorkerError> {
    let Some(client) = connected(&link, stop).await else { return Ok(()) };
    let mut worker = Worker::new(client, task_queue, parts)?;
    let stops = worker.stopper();
    let begun = stop.clone();
    tokio::spawn(async move {
        begun.begun().await;
        stops();
    });
    tracing::info!(task_queue, temporal = link.address(), "the worker takes orders");
    worker.run().await
}

/// The connection, once there is one. `None` where it is to stop before.
async fn connected(link: &Link, stop: &Shutdown) -> Option<Client> {
    let (mut pause, longest) = PAUSES;
    loop {
        let tried = tokio::select! {
            () = stop.begun() => return None,
            tried = link.connect() => tried,
        };
        match tried {
            Ok(client) => return Some(client),
            Err(error) => tracing::warn!(%error, "the worker waits for Temporal"),
        }
        tokio::select! {
            () = stop.begun() => return None,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(longest),
        }
    }
}
