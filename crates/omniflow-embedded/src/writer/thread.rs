//! The writer's thread: batches while all is well, recovery from disk after any fault.

use super::batch::{Batch, Reply};
use super::commit::Committed;
use crate::checkpoint::Checkpoints;
use crate::effects::EffectChange;
use crate::error::StorageError;
use crate::key::Mint;
use crate::queue::{Due, Job, OrderReply, Queue, StockReply, Taken};
use crate::stock::StockBook;
use crate::table::Table;
use crate::timers::Timers;
use omniflow_core::{Order, Timestamp};
use omniflow_engine::{Busy, Clock, Error, StockLevel, StockSet};
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use tokio::sync::{mpsc, oneshot, watch};

/// The most jobs of one commit: bounds its time and memory.
const BATCH: usize = 2_048;

/// What the writer shows to the rest of the engine.
pub(crate) struct Shared {
    pub(crate) queue: Arc<Queue>,
    pub(crate) table: Table,
    pub(crate) timers: Arc<Timers>,
    pub(crate) stock: RwLock<BTreeMap<omniflow_core::Sku, StockLevel>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) position: watch::Sender<u64>,
    pub(crate) metrics: Metrics,
}

impl Shared {
    pub(crate) fn new(queue: Arc<Queue>, timers: Arc<Timers>, clock: Arc<dyn Clock>) -> Self {
        Self {
            queue,
            table: Table::default(),
            timers,
            stock: RwLock::default(),
            clock,
            position: watch::Sender::new(0),
            metrics: Metrics::default(),
        }
    }
}

/// Counters of the writer.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) commits: AtomicU64,
    pub(crate) jobs: AtomicU64,
    pub(crate) recoveries: AtomicU64,
}

/// Answers to be handed out, off the writer.
pub(crate) struct Answers {
    pub(crate) orders: Vec<(OrderReply, Result<Arc<Order>, Error>)>,
    pub(crate) stocks: Vec<(StockReply, Result<StockSet, Error>)>,
    pub(crate) waiters: Vec<(oneshot::Sender<Arc<Order>>, Arc<Order>)>,
    /// The jobs' tokens: work is done when its answers are out.
    pub(crate) tokens: Vec<Busy>,
}

/// How a writer ended without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything taken is done.
    Stopped,
    /// At once.
    Abandoned,
}

/// The writer.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) shared: Arc<Shared>,
    pub(crate) stock: StockBook,
    pub(crate) mint: Mint,
    pub(crate) position: u64,
    pub(crate) last_at: Timestamp,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) answers: mpsc::UnboundedSender<Answers>,
    pub(crate) effects: mpsc::UnboundedSender<Vec<EffectChange>>,
}

impl Writer {
    /// Works until the engine stops and says how it ended; an error is a fault of the storage, after which
    /// nothing in memory may be trusted.
    pub(crate) fn run(&mut self) -> Result<End, StorageError> {
        let mut waiting: VecDeque<(Job, Busy)> = VecDeque::new();
        let mut due: VecDeque<(Due, Busy)> = VecDeque::new();
        let mut spare = Vec::new();
        loop {
            let idle = waiting.is_empty() && due.is_empty();
            match self.shared.queue.take(spare, idle) {
                Taken::Jobs(mut jobs) => {
                    waiting.extend(jobs.drain(..));
                    spare = jobs;
                }
                // Timers that are due and not decided come from the disk at the next start.
                Taken::Stop if waiting.is_empty() => return Ok(End::Stopped),
                Taken::Stop => spare = vec![],
                Taken::Abandon => return Ok(End::Abandoned),
            }
            let jobs = next_batch(&mut waiting, &mut due);
            if !jobs.is_empty() {
                self.batch(jobs)?;
            }
        }
    }

    /// Decides, commits, shows and answers one batch.
    fn batch(&mut self, jobs: Vec<(Job, Busy)>) -> Result<(), StorageError> {
        let mut tokens = Vec::with_capacity(jobs.len());
        let due_by =
            jobs.iter().filter_map(|(job, _)| if let Job::Due(due) = job { Some(due.by) } else { None });
        self.last_at = due_by.fold(self.last_at.max(self.shared.clock.now()), Timestamp::max);
        let count = jobs.len() as u64;
        self.shared.queue.decided(jobs.iter().filter(|(job, _)| job.is_client()).count());
        let mut batch = Batch {
            connection: &self.connection,
            table: &self.shared.table,
            stock: &mut self.stock,
            mint: &mut self.mint,
            at: self.last_at,
            orders: HashMap::with_capacity(jobs.len()),
            changed: Vec::with_capacity(jobs.len()),
            settled: HashSet::new(),
            external_ids: HashMap::new(),
            replies: Vec::with_capacity(jobs.len()),
        };
        let mut fault = None;
        for (job, busy) in jobs {
            tokens.push(busy);
            match &fault {
                Some(_) => job.refuse(Error::OutcomeUnknown),
                None => fault = batch.decide(job).err(),
            }
        }
        let written = match fault {
            Some(fault) => Err(fault),
            None if batch.is_dirty() => {
                let verified = self.checkpoints.take_verified();
                batch.write(&mut self.position, verified)
            }
            None => Ok(vec![]),
        };
        let written = match written {
            Ok(written) => written,
            Err(fault) => {
                give_up(batch.replies);
                return Err(fault);
            }
        };
        let committed = Committed::of(batch, written, self.position, &*self.shared.clock);
        self.count(count);
        self.show(committed, tokens);
        self.checkpoints.between_batches(&self.connection)
    }

    /// Ends well: the log is folded into the database, and the next start need not verify it.
    pub(crate) fn close(self) {
        let sql = "UPDATE meta SET value = ?1 WHERE name = 'verified_position'";
        let closed = self
            .connection
            .execute(sql, [self.position.cast_signed()])
            .and_then(|_| self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
        if let Err(error) = closed {
            tracing::warn!(%error, "not closed cleanly; the next start verifies more of the log");
        }
    }

    fn count(&self, jobs: u64) {
        self.shared.metrics.commits.fetch_add(1, Ordering::Relaxed);
        self.shared.metrics.jobs.fetch_add(jobs, Ordering::Relaxed);
    }

    /// Shows what is committed, starts what it calls for, and answers all who waited.
    fn show(&self, mut committed: Committed, tokens: Vec<Busy>) {
        if !committed.stock.is_empty() {
            let mut stock = self.shared.stock.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            stock.extend(committed.stock.into_iter().map(|level| (level.sku.clone(), level)));
        }
        let mut waiters = vec![];
        for publication in &mut committed.publications {
            for waiter in self.shared.table.publish(publication) {
                waiters.push((waiter, Arc::clone(&publication.order)));
            }
        }
        self.shared.timers.change(&committed.timers, &self.shared.clock.busy());
        if !committed.publications.is_empty() {
            self.shared.position.send_replace(committed.position);
        }
        crate::crash::point("before-answer");
        // The receivers end only with the engine itself.
        if !committed.effects.is_empty() {
            drop(self.effects.send(committed.effects));
        }
        let (orders, stocks) = (committed.orders, committed.stocks);
        drop(self.answers.send(Answers { orders, stocks, waiters, tokens }));
    }
}

/// The next jobs in the order in which they came. Timers that are due come as one long job; a bounded
/// part of it goes into each batch, so that clients are served in between.
fn next_batch(waiting: &mut VecDeque<(Job, Busy)>, due: &mut VecDeque<(Due, Busy)>) -> Vec<(Job, Busy)> {
    let mut batch = Vec::with_capacity(waiting.len().min(BATCH) + 1);
    if let Some((first, busy)) = due.front_mut() {
        let keys = first.keys.drain(..first.keys.len().min(BATCH / 2)).collect();
        batch.push((Job::Due(Due { keys, by: first.by }), busy.clone()));
        if first.keys.is_empty() {
            due.pop_front();
        }
    }
    while batch.len() < BATCH
        && let Some((job, busy)) = waiting.pop_front()
    {
        match job {
            Job::Due(more) => {
                due.push_back((more, busy));
                break;
            }
            job => batch.push((job, busy)),
        }
    }
    batch
}

/// The commit failed: nobody knows whether it is on disk.
fn give_up(replies: Vec<Reply>) {
    for reply in replies {
        match reply {
            Reply::Order(reply, _) => drop(reply.send(Err(Error::OutcomeUnknown))),
            Reply::Stock(reply, _) => drop(reply.send(Err(Error::OutcomeUnknown))),
        }
    }
}

/// Hands answers out, so that waking who waits does not cost the writer.
pub(crate) async fn answer(mut answers: mpsc::UnboundedReceiver<Answers>) {
    while let Some(batch) = answers.recv().await {
        // Whoever is gone is not answered: what was done stays done.
        for (reply, answer) in batch.orders {
            drop(reply.send(answer));
        }
        for (waiter, order) in batch.waiters {
            drop(waiter.send(order));
        }
        for (reply, answer) in batch.stocks {
            drop(reply.send(answer));
        }
        drop(batch.tokens);
    }
}
