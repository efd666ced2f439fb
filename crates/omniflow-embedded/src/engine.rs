//! The embedded engine as an [`OrderEngine`].

use crate::effects::{self, Effects};
use crate::entropy::{Entropy, SystemEntropy};
use crate::error::{OpenError, StorageError};
use crate::key::OrderKey;
use crate::listed::Listed;
use crate::listing::Lists;
use crate::opening::{After, Opening};
use crate::queue::{Job, Queue, StockChange, Told};
use crate::reader::Readers;
use crate::record::Record;
use crate::schema::{self, DirLock};
use crate::timers::{self, Timers};
use crate::writer::{self, Shared};
use omniflow_core::{Order, OrderId, Sku, Timestamp};
use omniflow_engine::{
    AdjustStock, Adjusted, Answer, Answered, Clock, Details, Error, FeedEntry, FeedScope, Health, Listing,
    OrderEngine, Page, Placement, Position, Providers, Request, SetStock, StockLevel, StockSet,
    TimelineEntry,
};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

/// About a second of the writer's work.
const QUEUE_CAPACITY: usize = 32_768;

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
    /// How many requests of clients may wait for the writer; more are [`Error::Overloaded`].
    pub queue_capacity: usize,
}

impl Options {
    /// Options for a data directory, with the system's randomness.
    pub fn new(data_dir: PathBuf, providers: Providers, clock: Arc<dyn Clock>) -> Self {
        let entropy = Box::new(SystemEntropy::default());
        Self { data_dir, providers, clock, entropy, queue_capacity: QUEUE_CAPACITY }
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

/// The embedded engine: one process, one directory, one writer.
pub struct EmbeddedEngine {
    shared: Arc<Shared>,
    readers: Arc<Readers>,
    lists: Lists,
    effects: Arc<Effects>,
    stopped: watch::Receiver<bool>,
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
        let Options { data_dir, providers, clock, entropy, queue_capacity } = options;
        let fault = |source| OpenError::Io { path: data_dir.clone(), source };
        std::fs::create_dir_all(&data_dir).map_err(fault)?;
        let lock = DirLock::take(&data_dir)?;
        let file = schema::database_file(&data_dir);
        let queue = Arc::new(Queue::new(queue_capacity));
        let (timers, woken) = Timers::new();
        let timers = Arc::new(timers);
        let readers = Arc::new(Readers::new(file.clone()));
        let listed = Listed::new(file.clone());
        let shared = Arc::new(Shared::new(queue, timers, listed, Arc::clone(&clock)));
        let lists = Lists::new(&file, Arc::clone(&readers));
        let effects = Arc::new(Effects::new(
            Arc::clone(&shared.queue),
            providers,
            Arc::clone(&clock),
            Arc::clone(&readers),
        ));
        let (answers, answered) = mpsc::unbounded_channel();
        let (changes, changed) = mpsc::unbounded_channel();
        let entropy = Arc::new(Mutex::new(entropy));
        let opening = Opening { file, shared: Arc::clone(&shared), entropy, answers, effects: changes };
        let opened =
            tokio::task::spawn_blocking(move || opening.open(After::End).map(|writer| (opening, writer)));
        let (opening, writer) = opened.await.map_err(|gone| fault(std::io::Error::other(gone)))??;
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
        let (stopping, stopped) = watch::channel(false);
        std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                let _ending = Ending { shared: Arc::clone(&opening.shared), stopping };
                opening.keep_running(writer);
            })
            .map_err(|source| OpenError::Io { path: data_dir.clone(), source })?;
        Ok(Self { shared, readers, lists, effects, stopped, tasks, lock: Mutex::new(Some(lock)) })
    }

    /// Finishes what was taken and closes the files. Requests from now on are refused.
    pub async fn stop(&self) {
        self.shared.queue.stop();
        self.writer_ended().await;
    }

    /// Ends as a power cut would: nothing is finished, and what is not on disk is gone. For tests.
    pub async fn abandon(&self) {
        self.end_tasks();
        self.shared.queue.abandon();
        self.writer_ended().await;
    }

    async fn writer_ended(&self) {
        let mut stopped = self.stopped.clone();
        // The writer's thread sends this as its last act; if it is gone, it has ended too.
        drop(stopped.wait_for(|stopped| *stopped).await);
        // Another engine may have the directory now, whoever still holds this one.
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
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

    fn usable(&self) -> Result<(), Error> {
        self.shared.queue.closed().map_or(Ok(()), |reason| Err(Error::Unavailable(reason)))
    }

    async fn submit<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Job,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push(job(reply), self.shared.clock.busy())?;
        answer.await.unwrap_or(Err(Error::OutcomeUnknown))
    }

    /// The record of an order, from memory or disk.
    async fn record(&self, id: &OrderId) -> Result<(OrderKey, Record), Error> {
        self.usable()?;
        let key = OrderKey::of(id).ok_or(Error::OrderNotFound)?;
        let record = match self.shared.table.get(key) {
            Some(encoded) => Some(Record::decode(&encoded).map_err(unreadable)?),
            None => self.readers.record(key).await.map_err(unreadable)?,
        };
        match record {
            Some(record) if record.order.id == *id => Ok((key, record)),
            _ => Err(Error::OrderNotFound),
        }
    }

    /// An answer of the writer; an earlier one is read from the log.
    async fn told(&self, told: Told) -> Result<Answered, Error> {
        match told {
            Told::Now(answered) => Ok(answered),
            Told::Earlier(key, version, at) => {
                let order = self.readers.order_at(key, version).await.map_err(unreadable)?;
                let order = Arc::new(order.ok_or(Error::OrderNotFound)?);
                Ok(Answered { order, at, replayed: true })
            }
        }
    }

    async fn wait_for_change(&self, id: &OrderId, version: u32) -> Result<Arc<Order>, Error> {
        let key = OrderKey::of(id).ok_or(Error::OrderNotFound)?;
        loop {
            let waiter = self.shared.table.waiter(key);
            let (_, record) = self.record(id).await?;
            if record.order.version != version {
                return Ok(Arc::new(record.order));
            }
            if let Some(order) = waiter.changed().await {
                return Ok(order);
            }
        }
    }

    async fn next_of_all(&self, after: Position, limit: usize) -> Result<Vec<FeedEntry>, Error> {
        let mut position = self.shared.position.subscribe();
        loop {
            self.usable()?;
            position.borrow_and_update();
            let entries = self.readers.feed(after, limit).await.map_err(unreadable)?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            drop(position.changed().await);
        }
    }

    async fn next_of_one(
        &self,
        id: &OrderId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, Error> {
        let key = OrderKey::of(id).ok_or(Error::OrderNotFound)?;
        loop {
            let waiter = self.shared.table.waiter(key);
            let (_, record) = self.record(id).await?;
            let mut entries = self.readers.entries(record).await.map_err(unreadable)?;
            entries.retain(|entry| entry.position > after);
            entries.truncate(limit);
            if !entries.is_empty() {
                return Ok(entries);
            }
            drop(waiter.changed().await);
        }
    }
}

/// However the writer's thread ends, also by a panic, nobody waits for it any more.
struct Ending {
    shared: Arc<Shared>,
    stopping: watch::Sender<bool>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.queue.close("its writer has ended; it must be started again");
        // Whoever waits for a change looks again, and is told.
        self.shared.table.clear();
        self.shared.position.send_modify(|_| ());
        self.stopping.send_replace(true);
    }
}

impl Drop for EmbeddedEngine {
    fn drop(&mut self) {
        self.end_tasks();
        self.shared.queue.stop();
    }
}

fn unreadable(error: StorageError) -> Error {
    tracing::error!(%error, "a read failed");
    Error::Unavailable("its storage cannot be read".to_owned())
}

impl OrderEngine for EmbeddedEngine {
    fn place(&self, placement: Placement) -> Answer<'_, Result<Answered, Error>> {
        Box::pin(async move {
            self.told(self.submit(|reply| Job::Place(Box::new(placement), reply)).await?).await
        })
    }

    fn command(&self, request: Request) -> Answer<'_, Result<Answered, Error>> {
        Box::pin(async move {
            let key = OrderKey::of(&request.order_id).ok_or(Error::OrderNotFound)?;
            if !self.shared.table.contains(key) {
                // Read off the writer, which then finds it in the system's cache.
                self.record(&request.order_id).await?;
            }
            self.told(self.submit(|reply| Job::Command(key, Box::new(request), reply)).await?).await
        })
    }

    fn read<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Arc<Order>, Error>> {
        Box::pin(async move { self.record(id).await.map(|(_, record)| Arc::new(record.order)) })
    }

    fn changed<'a>(&'a self, id: &'a OrderId, version: u32) -> Answer<'a, Result<Arc<Order>, Error>> {
        Box::pin(self.wait_for_change(id, version))
    }

    fn details<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Option<Details>, Error>> {
        Box::pin(async move {
            let (key, record) = self.record(id).await?;
            if record.order.details.is_none() {
                return Ok(None);
            }
            self.readers.details(key).await.map_err(unreadable)
        })
    }

    fn list(&self, page: Page) -> Answer<'_, Result<Listing, Error>> {
        Box::pin(async move {
            self.usable()?;
            self.lists.list(&self.shared, page).await
        })
    }

    fn timeline<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Vec<TimelineEntry>, Error>> {
        Box::pin(async move {
            let (_, record) = self.record(id).await?;
            let entries = self.readers.entries(record).await.map_err(unreadable)?;
            Ok(entries.into_iter().map(|entry| entry.entry).collect())
        })
    }

    fn feed<'a>(
        &'a self,
        scope: &'a FeedScope,
        after: Position,
        limit: usize,
    ) -> Answer<'a, Result<Vec<FeedEntry>, Error>> {
        Box::pin(async move {
            match scope {
                FeedScope::All => self.next_of_all(after, limit).await,
                FeedScope::Order(id) => self.next_of_one(id, after, limit).await,
            }
        })
    }

    fn stock<'a>(&'a self, sku: &'a Sku) -> Answer<'a, Result<StockLevel, Error>> {
        Box::pin(async move {
            self.usable()?;
            let stock = self.shared.stock.read().unwrap_or_else(PoisonError::into_inner);
            stock.get(sku).cloned().ok_or_else(|| Error::UnknownSku(vec![sku.clone()]))
        })
    }

    fn stocks<'a>(
        &'a self,
        after: Option<&'a Sku>,
        limit: usize,
    ) -> Answer<'a, Result<Vec<StockLevel>, Error>> {
        Box::pin(async move {
            use std::ops::Bound;
            self.usable()?;
            let stock = self.shared.stock.read().unwrap_or_else(PoisonError::into_inner);
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            Ok(stock
                .range::<Sku, _>((from, Bound::Unbounded))
                .take(limit)
                .map(|(_, level)| level.clone())
                .collect())
        })
    }

    fn set_stock(&self, change: SetStock) -> Answer<'_, Result<StockSet, Error>> {
        let submit = self.submit(|reply| Job::Stock(Box::new(StockChange::Set(change)), reply));
        Box::pin(async move { submit.await.map(|(set, _)| set) })
    }

    fn adjust_stock(&self, change: AdjustStock) -> Answer<'_, Result<Adjusted, Error>> {
        let submit = self.submit(|reply| Job::Stock(Box::new(StockChange::Adjust(change)), reply));
        Box::pin(async move { submit.await.map(|(set, replayed)| Adjusted { level: set.level, replayed }) })
    }

    fn health(&self) -> Health {
        self.shared.queue.closed().map_or(Health::Ready, Health::Unavailable)
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}
