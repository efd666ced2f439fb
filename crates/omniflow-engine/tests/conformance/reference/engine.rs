//! The engine's face.

use super::Bug;
use super::disk::Disk;
use super::marks::KeptAnswer;
use super::running::{Shared, State};
use omniflow_core::{Event, FoldError, Order, OrderId, Sku, Timestamp};
use omniflow_engine::clock::ManualClock;
use omniflow_engine::{
    AdjustStock, Adjusted, Answer, Answered, Clock, Details, Error, FeedEntry, FeedScope, Health, Listing,
    OrderEngine, Page, Placement, Position, Providers, Request, SetStock, StockLevel, StockSet,
    TimelineEntry,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// An engine over a disk.
pub(crate) struct ReferenceEngine(pub(super) Arc<Shared>);

impl ReferenceEngine {
    pub(crate) fn start(
        disk: Arc<Mutex<Disk>>,
        clock: ManualClock,
        providers: Providers,
        bug: Option<Bug>,
        restarted: bool,
    ) -> Result<Self, FoldError> {
        let (orders, running) = (HashMap::new(), HashMap::new());
        let state = Mutex::new(State { disk, orders, running, restarted, last_changed: None });
        let marking = Mutex::default();
        let commits = watch::channel(0).0;
        let shared = Arc::new(Shared { clock, providers, bug, state, marking, commits });
        shared.recover()?;
        Ok(Self(shared))
    }

    /// Ends everything that runs.
    pub(crate) async fn stop(&self) {
        let running: Vec<_> = self.0.lock().running.drain().collect();
        for (_, task) in running {
            task.abort();
            let _ = task.await;
        }
    }

    fn place_now(&self, placement: Placement) -> Result<Arc<Order>, Error> {
        let Placement { terms, details, actor, idempotency: _ } = placement;
        let bug = self.0.bug;
        let mut state = self.0.lock();
        let disk = Arc::clone(&state.disk);
        let mut disk = disk.lock().unwrap();
        if let Some(taken) = terms.external_id.as_ref().and_then(|id| disk.external_ids.get(id))
            && bug != Some(Bug::TakesExternalIdsTwice)
        {
            return Err(Error::ExternalIdTaken(taken.clone()));
        }
        let reserved = disk.reserve(&terms, bug);
        if bug != Some(Bug::KeepsRefusedOrders) {
            reserved?;
        }
        let id = OrderId::new(format!("ORD-{:06}", disk.log.len())).unwrap();
        if let Some(external_id) = &terms.external_id {
            disk.external_ids.insert(external_id.clone(), id.clone());
        }
        let hash = details.as_ref().map(|details| Details::hash(&details.encode().unwrap(), &[7; 16]));
        if let Some(details) = details {
            disk.details.insert(id.clone(), details);
        }
        drop(disk);
        let placed = Event::OrderPlaced { order_id: id.clone(), terms: Box::new(terms), details: hash };
        Ok(self.0.record(&mut state, &id, vec![placed], &actor))
    }

    fn command_now(&self, request: &Request) -> Result<Arc<Order>, Error> {
        let mut state = self.0.lock();
        let order = state.orders.get(&request.order_id).cloned().ok_or(Error::OrderNotFound)?;
        let current = order.version;
        let matches = request.if_version.is_none_or(|version| version == current);
        if !matches && self.0.bug != Some(Bug::IgnoresVersions) {
            return Err(Error::VersionMismatch { current });
        }
        self.0.apply(&mut state, &request.order_id, &request.command, &request.actor)
    }

    fn read_now(&self, id: &OrderId) -> Result<Arc<Order>, Error> {
        let state = self.0.lock();
        let order = state.orders.get(id).cloned().ok_or(Error::OrderNotFound)?;
        if self.0.bug == Some(Bug::ReadsAreStale) && order.version > 2 {
            let timeline = &state.disk.lock().unwrap().timelines[id];
            let before = timeline.split_last().unwrap().1;
            return Ok(Arc::new(omniflow_core::fold(before.iter().map(|entry| &entry.entry)).unwrap()));
        }
        Ok(order)
    }

    fn feed_now(&self, scope: &FeedScope, after: Position, limit: usize) -> Result<Vec<FeedEntry>, Error> {
        let state = self.0.lock();
        if let FeedScope::Order(id) = scope
            && !state.orders.contains_key(id)
        {
            return Err(Error::OrderNotFound);
        }
        let disk = state.disk.lock().unwrap();
        let after =
            if self.0.bug == Some(Bug::FeedsAreOffByOne) { after.0.saturating_sub(1) } else { after.0 };
        let anew = self.0.bug == Some(Bug::PositionsBeginAnew) && state.restarted;
        let shift = if anew { 1_000 } else { 0 };
        let entries = (1 + shift..).zip(&disk.log).map(|(position, (id, place))| FeedEntry {
            position: Position(position),
            order_id: id.clone(),
            entry: disk.timelines[id][*place].clone(),
        });
        let of_scope = |entry: &FeedEntry| match scope {
            FeedScope::All => true,
            FeedScope::Order(id) => entry.order_id == *id,
        };
        Ok(entries.filter(of_scope).filter(|entry| entry.position.0 > after).take(limit).collect())
    }

    fn of_disk<T>(&self, id: &OrderId, read: impl FnOnce(&Disk) -> T) -> Result<T, Error> {
        let state = self.0.lock();
        if !state.orders.contains_key(id) {
            return Err(Error::OrderNotFound);
        }
        let disk = state.disk.lock().unwrap();
        Ok(read(&disk))
    }

    /// Looks again after each commit until there is an answer.
    async fn look<T>(&self, mut look: impl FnMut() -> Result<Option<T>, Error>) -> Result<T, Error> {
        let mut commits = self.0.commits.subscribe();
        loop {
            if let Some(answer) = look()? {
                return Ok(answer);
            }
            if self.0.bug == Some(Bug::NeverWakes) || commits.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

fn now<'a, T: Send + 'a>(answer: impl FnOnce() -> T + Send + 'a) -> Answer<'a, T> {
    Box::pin(async move { answer() })
}

impl OrderEngine for ReferenceEngine {
    fn place(&self, placement: Placement) -> Answer<'_, Result<Answered, Error>> {
        now(move || {
            let mark = placement.idempotency;
            self.0.once(mark, || self.place_now(placement).map(KeptAnswer::Order)).map(KeptAnswer::answered)
        })
    }

    fn command(&self, request: Request) -> Answer<'_, Result<Answered, Error>> {
        now(move || {
            let mark = request.idempotency;
            self.0.once(mark, || self.command_now(&request).map(KeptAnswer::Order)).map(KeptAnswer::answered)
        })
    }

    fn read<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Arc<Order>, Error>> {
        now(|| self.read_now(id))
    }

    fn changed<'a>(&'a self, id: &'a OrderId, version: u32) -> Answer<'a, Result<Arc<Order>, Error>> {
        Box::pin(
            self.look(move || self.read_now(id).map(|order| (order.version != version).then_some(order))),
        )
    }

    fn details<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Option<Details>, Error>> {
        now(|| self.of_disk(id, |disk| disk.details.get(id).cloned()))
    }

    fn list(&self, page: Page) -> Answer<'_, Result<Listing, Error>> {
        now(move || self.list_now(&page))
    }

    fn timeline<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Vec<TimelineEntry>, Error>> {
        now(|| self.of_disk(id, |disk| disk.timelines[id].clone()))
    }

    fn feed<'a>(
        &'a self,
        scope: &'a FeedScope,
        after: Position,
        limit: usize,
    ) -> Answer<'a, Result<Vec<FeedEntry>, Error>> {
        Box::pin(self.look(move || {
            let entries = self.feed_now(scope, after, limit)?;
            Ok((!entries.is_empty()).then_some(entries))
        }))
    }

    fn last_position(&self) -> Answer<'_, Result<Position, Error>> {
        now(|| {
            let state = self.0.lock();
            let events = state.disk.lock().unwrap().log.len() as u64;
            let anew = self.0.bug == Some(Bug::PositionsBeginAnew) && state.restarted;
            let shift = if anew && events > 0 { 1_000 } else { 0 };
            let behind = u64::from(self.0.bug == Some(Bug::LastPositionIsBehind));
            Ok(Position((events + shift).saturating_sub(behind)))
        })
    }

    fn stock<'a>(&'a self, sku: &'a Sku) -> Answer<'a, Result<StockLevel, Error>> {
        now(|| {
            let state = self.0.lock();
            let disk = state.disk.lock().unwrap();
            disk.stock.get(sku).cloned().ok_or_else(|| Error::UnknownSku(vec![sku.clone()]))
        })
    }

    fn stocks<'a>(
        &'a self,
        after: Option<&'a Sku>,
        limit: usize,
    ) -> Answer<'a, Result<Vec<StockLevel>, Error>> {
        now(move || {
            let state = self.0.lock();
            let disk = state.disk.lock().unwrap();
            let later = disk.stock.values().filter(|level| after.is_none_or(|after| level.sku > *after));
            Ok(later.take(limit).cloned().collect())
        })
    }

    fn set_stock(&self, change: SetStock) -> Answer<'_, Result<StockSet, Error>> {
        now(|| self.0.lock().disk.lock().unwrap().set(change, self.0.bug))
    }

    fn adjust_stock(&self, change: AdjustStock) -> Answer<'_, Result<Adjusted, Error>> {
        now(move || {
            let adjust = || self.0.lock().disk.lock().unwrap().adjust(&change).map(KeptAnswer::Stock);
            self.0.once(change.idempotency, adjust).map(KeptAnswer::adjusted)
        })
    }

    fn health(&self) -> Answer<'_, Health> {
        Box::pin(std::future::ready(Health::Ready))
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}
