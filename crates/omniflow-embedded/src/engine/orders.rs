//! What the engine is asked: commands through the writer, reads from memory or disk.

use super::EmbeddedEngine;
use crate::error::StorageError;
use crate::feed;
use crate::key::OrderKey;
use crate::queue::{Job, StockChange, Told};
use crate::record::Record;
use omniflow_core::{Order, OrderId, Sku, Timestamp};
use omniflow_engine::{
    AdjustStock, Adjusted, Answer, Answered, Details, Error, FeedEntry, FeedScope, Health, Listing,
    OrderEngine, Page, Placement, Position, Request, SetStock, StockLevel, StockSet, TimelineEntry,
};
use std::sync::{Arc, PoisonError};
use tokio::sync::oneshot;

impl EmbeddedEngine {
    /// Whether what it shows may be read.
    fn readable(&self) -> Result<(), Error> {
        self.shared.queue.unreadable().map_or(Ok(()), |reason| Err(Error::Unavailable(reason)))
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
        self.readable()?;
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
                Ok(Answered { order, at, replayed: true, pending: false })
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
            self.readable()?;
            position.borrow_and_update();
            let recent = self.shared.recent.after(after, limit);
            let entries = match recent {
                Some(rows) => feed::entries_of(&rows, after, limit).map_err(unreadable)?,
                None => self.readers.feed(after, limit).await.map_err(unreadable)?,
            };
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
            self.readable()?;
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

    fn last_position(&self) -> Answer<'_, Result<Position, Error>> {
        Box::pin(async move {
            self.readable()?;
            Ok(self.shared.recent.last())
        })
    }

    fn stock<'a>(&'a self, sku: &'a Sku) -> Answer<'a, Result<StockLevel, Error>> {
        Box::pin(async move {
            self.readable()?;
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
            self.readable()?;
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

    fn health(&self) -> Answer<'_, Health> {
        Box::pin(async { self.shared.queue.closed().map_or(Health::Ready, Health::Unavailable) })
    }

    fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}

fn unreadable(error: StorageError) -> Error {
    tracing::error!(%error, "a read failed");
    Error::Unavailable("its storage cannot be read".to_owned())
}
