//! What survives a crash, and how events get there.

use super::Bug;
use super::marks::Kept;
use omniflow_core::{
    Actor, ChainHash, Entry, Event, ExternalId, FoldError, Order, OrderId, Sku, Timestamp, fold,
};
use omniflow_engine::{Details, StockLevel, TimelineEntry};
use std::collections::{BTreeMap, HashMap};

/// What survives a crash.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) timelines: BTreeMap<OrderId, Vec<TimelineEntry>>,
    /// Whose event is in which position, and which of its events it is.
    pub(crate) log: Vec<(OrderId, usize)>,
    pub(crate) details: HashMap<OrderId, Details>,
    pub(crate) external_ids: HashMap<ExternalId, OrderId>,
    pub(crate) stock: BTreeMap<Sku, StockLevel>,
    /// What was answered to marked requests, by their marks.
    pub(crate) marks: HashMap<[u8; 32], Kept>,
    /// How many events the last commit wrote.
    last_commit: usize,
}

impl Disk {
    /// Writes events behind those of an order.
    pub(crate) fn append(
        &mut self,
        id: &OrderId,
        events: Vec<Event>,
        at: Timestamp,
        actor: &Actor,
        bug: Option<Bug>,
    ) {
        self.last_commit = events.len();
        let timeline = self.timelines.entry(id.clone()).or_default();
        for event in events {
            let seq = u32::try_from(timeline.len()).unwrap() + 1;
            let entry = Entry { seq, at, actor: actor.clone(), event };
            let previous = timeline.last().map_or(ChainHash::default(), |entry| entry.hash);
            let previous = if bug == Some(Bug::ChainsNothing) { ChainHash::default() } else { previous };
            let hash = entry.link(&previous).hash;
            timeline.push(TimelineEntry { entry, hash });
            self.log.push((id.clone(), timeline.len() - 1));
        }
    }

    /// The order that a timeline makes.
    pub(crate) fn load(&self, id: &OrderId) -> Result<Order, FoldError> {
        fold(self.timelines.get(id).into_iter().flatten().map(|entry| &entry.entry))
    }

    /// Takes the last commit back, as a disk does that was not synced.
    pub(crate) fn lose_last_commit(&mut self) {
        for _ in 0..std::mem::take(&mut self.last_commit) {
            if let Some((id, _)) = self.log.pop() {
                let timeline = self.timelines.get_mut(&id).unwrap();
                timeline.pop();
                if timeline.is_empty() {
                    self.timelines.remove(&id);
                }
            }
        }
    }
}
