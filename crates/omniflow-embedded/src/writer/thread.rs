//! The writer's thread: batches while all is well, recovery from disk after any fault.

use super::backlog::Backlog;
use super::batch::{Batch, Reply};
use super::commit::Committed;
use crate::checkpoint::Checkpoints;
use crate::effects::EffectChange;
use crate::error::StorageError;
use crate::feed::Recent;
use crate::key::{Mint, OrderKey};
use crate::listed::Listed;
use crate::queue::{Job, OrderReply, Queue, RECOVERING, StockReply, StockTold, Taken, Told};
use crate::stock::StockBook;
use crate::table::{Changes, Table};
use crate::timers::Timers;
use omniflow_core::Order;
use omniflow_engine::{Busy, Clock, CursorSeal, EngineMetrics, Error, StockLevel};
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// How long an end waits for other programs that use the database.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// What the writer shows to the rest of the engine.
pub(crate) struct Shared {
    pub(crate) queue: Arc<Queue>,
    pub(crate) table: Table,
    pub(crate) timers: Arc<Timers>,
    pub(crate) stock: RwLock<BTreeMap<omniflow_core::Sku, StockLevel>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) position: watch::Sender<u64>,
    /// The log's newest rows, for who follows it.
    pub(crate) recent: Recent,
    pub(crate) listed: Listed,
    pub(crate) seal: OnceLock<CursorSeal>,
    /// Orders on which the engine failed again after a recovery: nothing is done with them, so that they
    /// do not stop all others.
    pub(crate) set_aside: Mutex<HashSet<OrderKey>>,
    pub(crate) metrics: Metrics,
    pub(crate) observed: EngineMetrics,
}

impl Shared {
    pub(crate) fn new(
        queue: Arc<Queue>,
        timers: Arc<Timers>,
        listed: Listed,
        observed: EngineMetrics,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            queue,
            table: Table::default(),
            timers,
            stock: RwLock::default(),
            clock,
            position: watch::Sender::new(0),
            recent: Recent::default(),
            listed,
            seal: OnceLock::new(),
            set_aside: Mutex::default(),
            metrics: Metrics::default(),
            observed,
        }
    }

    /// What seals cursors of lists.
    pub(crate) fn seal(&self) -> Result<&CursorSeal, Error> {
        self.seal.get().ok_or_else(|| Error::Unavailable("it is starting".to_owned()))
    }

    pub(crate) fn set_aside(&self) -> MutexGuard<'_, HashSet<OrderKey>> {
        self.set_aside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counters of the writer.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) commits: AtomicU64,
    pub(crate) jobs: AtomicU64,
    pub(crate) recoveries: AtomicU64,
    /// What the writer has taken from the queue and not decided.
    pub(crate) backlog: AtomicUsize,
}

/// Answers to be handed out, off the writer.
pub(crate) struct Answers {
    pub(crate) orders: Vec<(OrderReply, Result<Told, Error>)>,
    pub(crate) stocks: Vec<(StockReply, Result<StockTold, Error>)>,
    pub(crate) waiters: Vec<(Changes, Arc<Order>)>,
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
    pub(crate) set_aside: HashSet<OrderKey>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) answers: mpsc::UnboundedSender<Answers>,
    pub(crate) effects: mpsc::UnboundedSender<Vec<EffectChange>>,
}

impl Writer {
    /// Works until the engine stops and says how it ended; an error is a fault of the storage, after which
    /// nothing in memory may be trusted.
    pub(crate) fn run(&mut self) -> Result<End, Fault> {
        let mut backlog = Backlog::default();
        let mut spare = Vec::new();
        loop {
            match self.shared.queue.take(spare, backlog.is_idle()) {
                Taken::Jobs(mut jobs) => {
                    backlog.extend(&mut jobs);
                    spare = jobs;
                }
                Taken::Stop if backlog.can_stop() => return Ok(End::Stopped),
                Taken::Stop => spare = vec![],
                Taken::Abandon => return Ok(End::Abandoned),
            }
            let jobs = backlog.next_batch();
            self.shared.metrics.backlog.store(backlog.len(), Ordering::Relaxed);
            if !jobs.is_empty()
                && let Err(fault) = self.batch(jobs)
            {
                backlog.refuse(RECOVERING);
                return Err(fault);
            }
        }
    }

    /// Decides, commits, shows and answers one batch.
    fn batch(&mut self, jobs: Vec<(Job, Busy)>) -> Result<(), Fault> {
        let mut tokens = Vec::with_capacity(jobs.len());
        let count = jobs.len() as u64;
        self.shared.queue.decided(jobs.iter().filter(|(job, _)| job.is_client()).count());
        let mut batch = Batch {
            connection: &self.connection,
            table: &self.shared.table,
            set_aside: &self.set_aside,
            stock: &mut self.stock,
            mint: &mut self.mint,
            at: self.shared.clock.now(),
            orders: HashMap::with_capacity(jobs.len()),
            changed: Vec::with_capacity(jobs.len()),
            settled: HashSet::new(),
            external_ids: HashMap::new(),
            replies: Vec::with_capacity(jobs.len()),
            marked: HashMap::new(),
            late: vec![],
            suspect: None,
            is_committing: false,
        };
        let mut result = Ok(vec![]);
        for (job, busy) in jobs {
            tokens.push(busy);
            match &result {
                Ok(_) => result = batch.decide(job).map(|()| vec![]),
                Err(_) => job.refuse(Error::Unavailable(RECOVERING.to_owned())),
            }
        }
        if result.is_ok() && batch.is_dirty() {
            let verified = self.checkpoints.take_verified();
            let begun = Instant::now();
            result = batch.write(&mut self.position, verified);
            self.shared.observed.committed(tokens.len(), begun.elapsed());
        }
        let written = match result {
            Ok(written) => written,
            Err(error) => {
                // Before the commit began nothing is on disk; after that nobody knows.
                let unknown = batch.is_committing;
                let order = batch.suspect.filter(|_| error.is_of_one_order());
                let fault = Fault { error, order };
                give_up(batch.replies, unknown);
                return Err(fault);
            }
        };
        if written.iter().any(|(_, order)| order.erased) {
            self.checkpoints.erase();
        }
        let committed = Committed::of(batch, written, self.position, &self.shared);
        self.count(count);
        self.show(committed, tokens);
        self.checkpoints.between_batches(&self.connection).map_err(|error| Fault { error, order: None })
    }

    /// Ends well: the log is folded into the database, and the next start need not verify it.
    pub(crate) fn close(self) {
        // Whoever reads or writes the database beside this does not keep the process.
        let impatient = self.connection.busy_timeout(LAST_PATIENCE).map_err(StorageError::from);
        let remembered = self.remember_verified();
        self.checkpoints.end();
        let emptied = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = impatient.and(remembered).and(emptied.map_err(StorageError::from)) {
            tracing::warn!(%error, "not closed cleanly; the next start verifies more of the log");
        }
    }

    /// Commits, alone, how far the log is good.
    pub(crate) fn remember_verified(&self) -> Result<(), StorageError> {
        let sql = "UPDATE meta SET value = ?1 WHERE name = 'verified_position'";
        self.connection.execute(sql, [self.position.cast_signed()])?;
        Ok(())
    }

    fn count(&self, jobs: u64) {
        self.shared.metrics.commits.fetch_add(1, Ordering::Relaxed);
        self.shared.metrics.jobs.fetch_add(jobs, Ordering::Relaxed);
    }

    /// Shows what is committed, starts what it calls for, and answers all who waited.
    fn show(&self, mut committed: Committed, tokens: Vec<Busy>) {
        if !committed.stock.is_empty() {
            let mut stock = self.shared.stock.write().unwrap_or_else(PoisonError::into_inner);
            stock.extend(committed.stock.into_iter().map(|level| (level.sku.clone(), level)));
        }
        let mut waiters = vec![];
        for publication in &mut committed.publications {
            if let Some(waiting) = self.shared.table.publish(publication) {
                waiters.push((waiting, Arc::clone(&publication.order)));
            }
        }
        self.shared.timers.change(&committed.timers, &self.shared.clock.busy());
        if !committed.publications.is_empty() {
            self.shared.recent.add(committed.rows);
            self.shared.position.send_replace(committed.position);
            self.shared.listed.changed(committed.listed);
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

/// A fault, and the order at work when it came, if it was one's.
pub(crate) struct Fault {
    pub(crate) error: StorageError,
    pub(crate) order: Option<OrderKey>,
}

/// Answers those whose requests were decided and are not known to be on disk.
fn give_up(replies: Vec<Reply>, unknown: bool) {
    let error = if unknown { Error::OutcomeUnknown } else { Error::Unavailable(RECOVERING.to_owned()) };
    for reply in replies {
        match reply {
            Reply::Order(reply, _) => drop(reply.send(Err(error.clone()))),
            Reply::Stock(reply, _) => drop(reply.send(Err(error.clone()))),
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
        for (waiting, order) in batch.waiters {
            waiting.send_replace(Some(order));
        }
        for (reply, answer) in batch.stocks {
            drop(reply.send(answer));
        }
        drop(batch.tokens);
    }
}
