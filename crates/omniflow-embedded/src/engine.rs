//! The embedded engine as a whole: what it consists of, how it is opened and ended.
//!
//! What it is asked is in `orders`.

mod orders;

use crate::effects::{self, Effects};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::OpenError;
use crate::listed::Listed;
use crate::listing::Lists;
use crate::opening::{After, Opening};
use crate::queue::{Job, Queue};
use crate::reader::Readers;
use crate::schema::{self, DirLock};
use crate::timers::{self, Timers};
use crate::writer::{self, Shared};
use omniflow_engine::{Clock, EngineMetrics, Providers};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// How an engine is opened.
pub struct Options {
    /// Where its files are; made if absent.
    pub data_dir: PathBuf,
    /// Who ships and who gives money back.
    pub providers: Providers,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and salts.
    pub entropy: Box<dyn Entropy>,
    /// What it counts there.
    pub metrics: EngineMetrics,
    /// How many requests of clients may wait for the writer; more are [`omniflow_engine::Error::Overloaded`].
    pub queue_capacity: usize,
}

impl Options {
    /// The usual bound of the queue: about a second of the writer's work.
    pub const QUEUE_CAPACITY: usize = 32_768;

    /// Options for a data directory, with the system's randomness.
    pub fn new(data_dir: PathBuf, providers: Providers, clock: Arc<dyn Clock>) -> Self {
        let entropy = Box::new(SystemEntropy::default());
        let metrics = EngineMetrics::default();
        Self { data_dir, providers, clock, entropy, metrics, queue_capacity: Self::QUEUE_CAPACITY }
    }
}

/// What the engine counts, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commits since the start, those of refusals alone included.
    pub commits: u64,
    /// Jobs decided since the start.
    pub jobs: u64,
    /// Recoveries from a fault since the start.
    pub recoveries: u64,
    /// Jobs waiting now.
    pub queue_length: usize,
    /// Orders open now.
    pub open_orders: usize,
    /// Timers set now.
    pub timers: usize,
    /// Effects being tried now.
    pub effects: usize,
    /// Orders with which nothing is done, since working on them failed again after a recovery.
    pub set_aside: usize,
}

/// How an engine ended. Nothing that was acknowledged is lost either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was taken is done and on disk.
    Finished,
    /// The storage failed or had no room, or the end was not an orderly one: timers that had come due fire
    /// after the next start, and effects whose outcome was not written are asked for again.
    Unfinished,
}

/// The embedded engine: one process, one directory, one writer.
pub struct EmbeddedEngine {
    shared: Arc<Shared>,
    readers: Arc<Readers>,
    lists: Lists,
    effects: Arc<Effects>,
    stopped: watch::Receiver<Option<Ended>>,
    tasks: Vec<AbortHandle>,
    lock: Mutex<Option<DirLock>>,
}

impl EmbeddedEngine {
    /// Opens a data directory: checks the log, loads what is open, fires what came due meanwhile, and
    /// starts what is wanted. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`], with what to do.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let Options { data_dir, providers, clock, entropy, metrics, queue_capacity } = options;
        let fault = |source| OpenError::Io { path: data_dir.clone(), source };
        std::fs::create_dir_all(&data_dir).map_err(|source| fault(source).of(&data_dir))?;
        let lock = DirLock::take(&data_dir).map_err(|error| error.of(&data_dir))?;
        let file = schema::database_file(&data_dir);
        let queue = Arc::new(Queue::new(queue_capacity));
        let (timers, woken) = Timers::new();
        let timers = Arc::new(timers);
        let (overdue, now) = (Arc::clone(&timers), Arc::clone(&clock));
        metrics.ask_overdue(move || overdue.overdue(now.now()));
        let readers = Arc::new(Readers::new(file.clone()));
        let listed = Listed::new(file.clone());
        let shared = Arc::new(Shared::new(queue, timers, listed, metrics.clone(), Arc::clone(&clock)));
        let lists = Lists::new(&file, Arc::clone(&readers));
        let effects = Arc::new(Effects::new(
            Arc::clone(&shared.queue),
            providers,
            Arc::clone(&clock),
            Arc::clone(&readers),
            metrics.clone(),
        ));
        let (answers, answered) = mpsc::unbounded_channel();
        let (changes, changed) = mpsc::unbounded_channel();
        let entropy = Arc::new(Mutex::new(entropy));
        let opening = Opening { file, shared: Arc::clone(&shared), entropy, answers, effects: changes };
        let opened =
            tokio::task::spawn_blocking(move || opening.open(After::End).map(|writer| (opening, writer)));
        let opened = opened.await.map_err(|gone| fault(std::io::Error::other(gone)))?;
        let (opening, writer) = opened.map_err(|error| error.of(&data_dir))?;
        let mut tasks = vec![
            tokio::spawn(writer::answer(answered)).abort_handle(),
            tokio::spawn(effects::run(Arc::clone(&effects), changed)).abort_handle(),
        ];
        // Overdue timers enter the queue before anybody else can.
        let (due, _) = shared.timers.take_due(clock.now());
        if !due.is_empty() {
            drop(shared.queue.push(Job::Due(due), clock.busy()));
        }
        let timers = timers::run(Arc::clone(&shared.timers), Arc::clone(&shared.queue), clock, woken);
        tasks.push(tokio::spawn(timers).abort_handle());
        let (stopping, stopped) = watch::channel(None);
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                let shared = Arc::clone(&opening.shared);
                let mut ending = Ending { shared, stopping, ended: Ended::Unfinished };
                ending.ended = opening.keep_running(writer);
            })
            .map_err(|source| OpenError::Io { path: data_dir.clone(), source })?;
        Ok(Self { shared, readers, lists, effects, stopped, tasks, lock: Mutex::new(Some(lock)) })
    }

    /// Finishes what was taken, if the storage lets it, and closes the files. Requests from now on are refused.
    pub async fn stop(&self) -> Ended {
        self.shared.queue.stop();
        self.writer_ended().await
    }

    /// Ends as a power cut would: nothing is finished, and what is not on disk is gone. For tests.
    pub async fn abandon(&self) {
        self.end_tasks();
        self.shared.queue.abandon();
        self.writer_ended().await;
    }

    async fn writer_ended(&self) -> Ended {
        let mut stopped = self.stopped.clone();
        // The writer's thread sends this as its last act; if it is gone, it has ended too.
        let ended = stopped.wait_for(Option::is_some).await.ok().and_then(|ended| *ended);
        // Another engine may have the directory now, whoever still holds this one.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        ended.unwrap_or(Ended::Unfinished)
    }

    fn end_tasks(&self) {
        for task in &self.tasks {
            task.abort();
        }
        self.effects.abort_all();
    }

    /// What the engine counts.
    pub fn counters(&self) -> Counters {
        let metrics = &self.shared.metrics;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            commits: of(&metrics.commits),
            jobs: of(&metrics.jobs),
            recoveries: of(&metrics.recoveries),
            queue_length: self.shared.queue.len() + metrics.backlog.load(Ordering::Relaxed),
            open_orders: self.shared.table.open_orders(),
            timers: self.shared.timers.len(),
            effects: self.effects.len(),
            set_aside: self.shared.set_aside().len(),
        }
    }

    /// What it counts under the names that all engines have.
    pub fn metrics(&self) -> &EngineMetrics {
        &self.shared.observed
    }
}

/// However the writer's thread ends, also by a panic, nobody waits for it any more.
struct Ending {
    shared: Arc<Shared>,
    stopping: watch::Sender<Option<Ended>>,
    ended: Ended,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.queue.close("its writer has ended; it must be started again");
        // Whoever waits for a change looks again, and is told.
        self.shared.table.clear();
        self.shared.position.send_modify(|_| ());
        // It is done already where the end is an orderly one.
        self.shared.listed.abandon();
        self.stopping.send_replace(Some(self.ended));
    }
}

impl Drop for EmbeddedEngine {
    fn drop(&mut self) {
        self.end_tasks();
        self.shared.queue.stop();
    }
}
