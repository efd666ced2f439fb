//! The orders that readers see: every open one, and the latest that ended. Only what is committed is
//! ever put here.

use crate::error::StorageError;
use crate::key::OrderKey;
use crate::record::Record;
use omniflow_core::Order;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

const SHARDS: usize = 64;

/// Ended orders kept for those who read them just after; the rest is read from disk.
const ENDED_PER_SHARD: usize = 128;

/// An order as published: encoded, so that a million open ones fit.
type Encoded = Box<[u8]>;

#[derive(Default)]
struct Shard {
    open: HashMap<OrderKey, Encoded>,
    ended: HashMap<OrderKey, Encoded>,
    ended_first: VecDeque<OrderKey>,
    waiting: HashMap<OrderKey, Vec<oneshot::Sender<Arc<Order>>>>,
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

/// What a wait for a change begins with.
pub(crate) enum Watch {
    /// Another version is there already.
    Changed(Box<Record>),
    /// The next change arrives here.
    Later(oneshot::Receiver<Arc<Order>>),
    /// Not in memory: it has ended, or never was.
    Absent,
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

    /// Forgets all, at recovery. Who waits is told nothing and asks again.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = Shard::default();
        }
    }

    /// Shows a committed order; returns who waited for it.
    pub(crate) fn publish(&self, publication: &mut Publication) -> Vec<oneshot::Sender<Arc<Order>>> {
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
        shard.waiting.remove(&key).unwrap_or_default()
    }

    /// Waits for a version other than `version`, with no gap between looking and waiting.
    pub(crate) fn watch(&self, key: OrderKey, version: u32) -> Result<Watch, StorageError> {
        let mut shard = self.shard(key);
        let Some(encoded) = shard.open.get(&key).or_else(|| shard.ended.get(&key)) else {
            return Ok(Watch::Absent);
        };
        let record = Record::decode(encoded)?;
        if record.order.version != version {
            return Ok(Watch::Changed(Box::new(record)));
        }
        let (sender, receiver) = oneshot::channel();
        let waiting = shard.waiting.entry(key).or_default();
        waiting.retain(|waiter| !waiter.is_closed());
        waiting.push(sender);
        Ok(Watch::Later(receiver))
    }

    /// How many orders are open.
    pub(crate) fn open_orders(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).open.len()).sum()
    }
}
