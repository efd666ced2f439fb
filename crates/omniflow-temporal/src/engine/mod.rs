//! The engine, as the API asks it: requests go to workflows, everything that is read comes from PostgreSQL.
//!
//! What PostgreSQL has is durable, and all that was acknowledged is there. So what an order refuses as it is
//! stored is refused here, and what it has done before is answered here; a workflow hears only of what moves it.

mod asking;
mod health;
mod ids;
mod insisting;
mod placing;
mod sweep;

use crate::connection::Link;
use crate::lately::Lately;
use crate::names;
use crate::store::{Changes, Store};
use ids::Ids;
use omniflow_core::{Order, OrderId, Sku, Timestamp};
use omniflow_engine::{
    AdjustStock, Adjusted, Answer, Answered, Clock, Details, Error, FeedEntry, FeedScope, Health, Listing,
    OrderEngine, Page, Placement, Position, Request, SetStock, StockLevel, StockSet, TimelineEntry,
};
use std::sync::Arc;
use std::time::Duration;
use sweep::Sweeping;
use temporalio_client::{
    Client, RpcOptions, WorkflowIdConflictPolicy, WorkflowStartOptions, WorkflowUpdateWithStartOptions,
};

/// The pause before Temporal is asked again that could not be.
const ASKS_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// How orders' workflows are started.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// The queue that the workers work on.
    pub task_queue: String,
    /// How long a worker has for one task. One that is killed costs its orders as much.
    pub task_timeout: Duration,
    /// How long a workflow may take to answer before its request counts as unanswered.
    pub patience: Duration,
    /// How old a claim is whose workflow is started once more, since whoever made it may have ended before.
    pub sweep_after: Duration,
}

impl EngineSettings {
    /// The usual settings of a task queue.
    pub fn new(task_queue: impl Into<String>) -> Self {
        Self {
            task_queue: task_queue.into(),
            task_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(10),
            sweep_after: Duration::from_secs(15),
        }
    }
}

/// The engine of one API process.
pub struct TemporalEngine {
    link: Link,
    settings: EngineSettings,
    store: Store,
    changes: Changes,
    clock: Arc<dyn Clock>,
    ids: Ids,
    health: Lately<Health>,
    _sweeping: Sweeping,
}

impl TemporalEngine {
    /// An engine on servers that may be down; called where tokio runs. It also looks, until it is dropped, for
    /// orders that were claimed and whose workflow may never have been started.
    ///
    /// While a server is down, each request that needs them is
    /// [`Unavailable`](Error::Unavailable).
    pub fn new(link: Link, settings: EngineSettings, store: Store, clock: Arc<dyn Clock>) -> Self {
        let changes = store.changes();
        let sweeping = Sweeping::begin(&link, &settings, &store, &clock);
        let (ids, health) = (Ids::default(), Lately::new(health::HOLDS_FOR));
        Self { link, settings, store, changes, clock, ids, health, _sweeping: sweeping }
    }

    /// A connection to a server that is there.
    async fn client(&self) -> Result<Client, Error> {
        self.link.alive().await?;
        Ok(self.link.client().await?)
    }

    /// How an order's workflow is asked, and started where it does not run.
    fn update_options(&self, id: &OrderId, update_id: Option<String>) -> WorkflowUpdateWithStartOptions {
        WorkflowUpdateWithStartOptions::new(
            self.settings.task_queue.as_str(),
            names::workflow_id(id),
            WorkflowIdConflictPolicy::UseExisting,
        )
        .maybe_update_id(update_id)
        .task_timeout(self.settings.task_timeout)
        .rpc_options(RpcOptions::builder().timeout(self.settings.patience).build())
        .build()
    }

    /// An acknowledged order.
    async fn stored(&self, id: &OrderId) -> Result<Arc<Order>, Error> {
        match self.store.load(id).await? {
            Some(stored) if stored.acknowledged => Ok(Arc::new(stored.order)),
            _ => Err(Error::OrderNotFound),
        }
    }

    /// An order as it stood when something was answered.
    async fn answered(
        &self,
        id: &OrderId,
        version: u32,
        at: Timestamp,
        replayed: bool,
    ) -> Result<Answered, Error> {
        let order = self.store.at_version(id, version).await?.ok_or(Error::OrderNotFound)?;
        Ok(Answered { order: Arc::new(order), at, replayed, pending: false })
    }
}

/// How an order's workflow is started where it does not run.
fn start_options(settings: &EngineSettings, id: &OrderId) -> WorkflowStartOptions {
    WorkflowStartOptions::new(settings.task_queue.as_str(), names::workflow_id(id))
        .id_conflict_policy(WorkflowIdConflictPolicy::UseExisting)
        .task_timeout(settings.task_timeout)
        .build()
}

impl OrderEngine for TemporalEngine {
    fn place(&self, placement: Placement) -> Answer<'_, Result<Answered, Error>> {
        Box::pin(self.place_order(placement))
    }

    fn command(&self, request: Request) -> Answer<'_, Result<Answered, Error>> {
        Box::pin(self.ask(request))
    }

    fn read<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Arc<Order>, Error>> {
        Box::pin(self.stored(id))
    }

    fn changed<'a>(&'a self, id: &'a OrderId, version: u32) -> Answer<'a, Result<Arc<Order>, Error>> {
        Box::pin(async move {
            let mut change = self.changes.of_order(id);
            loop {
                let order = self.stored(id).await?;
                if order.version != version {
                    return Ok(order);
                }
                change.changed().await;
            }
        })
    }

    fn details<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Option<Details>, Error>> {
        Box::pin(async move {
            self.stored(id).await?;
            Ok(self.store.details(id).await?)
        })
    }

    fn list(&self, page: Page) -> Answer<'_, Result<Listing, Error>> {
        Box::pin(async move { Ok(self.store.list(&page).await?) })
    }

    fn timeline<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Vec<TimelineEntry>, Error>> {
        Box::pin(async move {
            self.stored(id).await?;
            self.store.timeline(id).await?.ok_or(Error::OrderNotFound)
        })
    }

    fn feed<'a>(
        &'a self,
        scope: &'a FeedScope,
        after: Position,
        limit: usize,
    ) -> Answer<'a, Result<Vec<FeedEntry>, Error>> {
        Box::pin(async move {
            if let FeedScope::Order(id) = scope {
                self.stored(id).await?;
            }
            Ok(self.store.next_of_feed(&self.changes, scope, after, limit).await?)
        })
    }

    fn last_position(&self) -> Answer<'_, Result<Position, Error>> {
        Box::pin(async move { Ok(self.store.last_position().await?) })
    }

    fn stock<'a>(&'a self, sku: &'a Sku) -> Answer<'a, Result<StockLevel, Error>> {
        Box::pin(
            async move { self.store.stock(sku).await?.ok_or_else(|| Error::UnknownSku(vec![sku.clone()])) },
        )
    }

    fn stocks<'a>(
        &'a self,
        after: Option<&'a Sku>,
        limit: usize,
    ) -> Answer<'a, Result<Vec<StockLevel>, Error>> {
        Box::pin(async move { Ok(self.store.stocks(after, limit).await?) })
    }

    fn set_stock(&self, change: SetStock) -> Answer<'_, Result<StockSet, Error>> {
        Box::pin(async move { Ok(self.store.set_stock(&change, self.clock.now()).await?) })
    }

    fn adjust_stock(&self, change: AdjustStock) -> Answer<'_, Result<Adjusted, Error>> {
        Box::pin(async move { Ok(self.store.adjust_stock(&change, self.clock.now()).await?) })
    }

    fn health(&self) -> Answer<'_, Health> {
        Box::pin(self.recent_health())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
