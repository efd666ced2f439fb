//! The engine, as the API asks it: requests go to workflows, everything that is read comes from PostgreSQL.
//!
//! What PostgreSQL has is durable, and all that was acknowledged is there. So what an order refuses as it is
//! stored is refused here, and what it has done before is answered here; a workflow hears only of what moves it.

mod asking;
mod ids;
mod placing;

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
use temporalio_client::{Client, RpcOptions, WorkflowIdConflictPolicy, WorkflowUpdateWithStartOptions};

/// How orders' workflows are started.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// The queue that the workers work on.
    pub task_queue: String,
    /// How long a worker has for one task. One that is killed costs its orders as much.
    pub task_timeout: Duration,
    /// How long a workflow may take to answer before its request counts as unanswered.
    pub patience: Duration,
}

impl EngineSettings {
    /// The usual settings of a task queue.
    pub fn new(task_queue: impl Into<String>) -> Self {
        Self {
            task_queue: task_queue.into(),
            task_timeout: Duration::from_secs(5),
            patience: Duration::from_secs(10),
        }
    }
}

/// The engine of one API process.
pub struct TemporalEngine {
    client: Client,
    settings: EngineSettings,
    store: Store,
    changes: Changes,
    clock: Arc<dyn Clock>,
    ids: Ids,
}

impl TemporalEngine {
    /// An engine on a server and a store whose tables are up to date.
    pub fn new(client: Client, settings: EngineSettings, store: Store, clock: Arc<dyn Clock>) -> Self {
        let changes = store.changes();
        Self { client, settings, store, changes, clock, ids: Ids::default() }
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
        Ok(Answered { order: Arc::new(order), at, replayed })
    }
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

    fn health(&self) -> Health {
        Health::Ready
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
