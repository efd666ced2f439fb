//! The orders that readers see: every open one, and the latest that ended. Only what is committed is
//! ever put here.

use crate::key::OrderKey;
use omniflow_core::Order;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

const SHARDS: usize = 64;

/// Ended orders kept for those who read them just after; the rest is read from disk.
const ENDED_PER_SHARD: usize = 128;

/// An order as published: encoded, so that a million open ones fit.
type Encoded = Box<[u8]>;

/// Where the next change of one order is told to all who wait for it.
pub(crate) type Changes = watch::Sender<Option<Arc<Order>>>;

#[derive(Default)]
struct Shard {
    open: HashMap<OrderKey, Encoded>,
    ended: HashMap<OrderKey, Encoded>,
    ended_first: VecDeque<OrderKey>,
    waiting: HashMap<OrderKey, Changes>,
}

/// The published orders, in shards so that readers seldom meet.
pub(crate) struct Table {
    shards: Vec<Mutex<Shard>>,
}

/// An order to publish.
pub(crate) struct Publication {
    pub(crate) key: OrderKey,
    pub(crate) encoded: Vec<u8>,
    pub(crate) order: Arc<Order>,
    pub(crate) at_rest: bool,
}

/// Waits for the next change of an order, from when it was made; when dropped, nothing of it is left.
pub(crate) struct Waiter<'t> {
    table: &'t Table,
    key: OrderKey,
    change: Option<watch::Receiver<Option<Arc<Order>>>>,
}

impl Waiter<'_> {
    /// The order after its next change. `None` when nobody will tell: look again.
    pub(crate) async fn changed(mut self) -> Option<Arc<Order>> {
        let change = self.change.as_mut()?;
        change.changed().await.ok()?;
        change.borrow().clone()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        drop(self.change.take());
        let mut shard = self.table.shard(self.key);
        if shard.waiting.get(&self.key).is_some_and(|changes| changes.receiver_count() == 0) {
            shard.waiting.remove(&self.key);
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Table {
    fn shard(&self, key: OrderKey) -> MutexGuard<'_, Shard> {
        // The low bits of a key count within a millisecond, the higher ones are time: mix both.
        let mixed = (key.0 ^ (key.0 >> 20)).unsigned_abs() as usize;
        self.shards[mixed % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The encoded order, `None` where only the disk can have it.
    pub(crate) fn get(&self, key: OrderKey) -> Option<Encoded> {
        let shard = self.shard(key);
        shard.open.get(&key).or_else(|| shard.ended.get(&key)).cloned()
    }

    /// Whether the order is in memory.
    pub(crate) fn contains(&self, key: OrderKey) -> bool {
        let shard = self.shard(key);
        shard.open.contains_key(&key) || shard.ended.contains_key(&key)
    }

    /// Puts an order that is open, at recovery.
    pub(crate) fn load(&self, key: OrderKey, encoded: Encoded) {
        self.shard(key).open.insert(key, encoded);
    }

    /// Forgets all, at recovery and at the end. Who waits is told nothing and asks again.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = Shard::default();
        }
    }

    /// Shows a committed order; returns where those wait who are to be told.
    pub(crate) fn publish(&self, publication: &mut Publication) -> Option<Changes> {
        let (key, encoded) = (publication.key, std::mem::take(&mut publication.encoded).into_boxed_slice());
        let mut shard = self.shard(key);
        if publication.at_rest {
            shard.open.remove(&key);
            if shard.ended.insert(key, encoded).is_none() {
                shard.ended_first.push_back(key);
            }
            if shard.ended_first.len() > ENDED_PER_SHARD
                && let Some(oldest) = shard.ended_first.pop_front()
            {
                shard.ended.remove(&oldest);
            }
        } else {
            if shard.ended.remove(&key).is_some() {
                shard.ended_first.retain(|ended| *ended != key);
            }
            shard.open.insert(key, encoded);
        }
        shard.waiting.remove(&key)
    }

    /// Begins to wait. Look at the order after that, so that no change falls in between.
    pub(crate) fn waiter(&self, key: OrderKey) -> Waiter<'_> {
        let mut shard = self.shard(key);
        let changes = shard.waiting.entry(key).or_insert_with(|| watch::Sender::new(None));
        Waiter { table: self, key, change: Some(changes.subscribe()) }
    }

    /// How many orders are waited for.
    #[cfg(test)]
    fn waited_for(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).waiting.len())
            .sum()
    }

    /// How many orders are open.
    pub(crate) fn open_orders(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).open.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_that_is_given_up_leaves_nothing_behind() {
        let table = Table::default();
        let (first, second) = (table.waiter(OrderKey(1)), table.waiter(OrderKey(1)));
        assert_eq!(table.waited_for(), 1);
        drop(first);
        assert_eq!(table.waited_for(), 1, "somebody else still waits");
        drop(second);
        assert_eq!(table.waited_for(), 0);
        let waiter = table.waiter(OrderKey(2));
        table.clear();
        assert!(waiter.changed().await.is_none(), "it looks again");
    }
}
