//! What all readers of `/events` share.
//!
//! Each place in the log is asked of the engine once, for all who wait behind it, and its messages are
//! written once. Nothing runs while nobody reads, and nothing is loaded before somebody has come to it:
//! where a thousand readers get less than is recorded, no more is written than they get. Readers that fall
//! behind meet again: a chunk that one of them loaded takes the others to the same place.

use super::chunk::{Chunk, Part, Shelf};
use super::pace::Pace;
use crate::Metrics;
use axum::body::Bytes;
use omniflow_engine::{Error, FeedScope, OrderEngine, Position};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::Instant;

/// Events loaded at once.
const EVENTS: usize = 256;

/// What a reader is given at once.
const PART_BYTES: usize = 64 * 1024;

/// What is kept of the newest messages, and as much of what readers further behind have loaded.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// Loading rests so many times as long as it worked: it takes a quarter of one core at most at the head,
/// and another behind it.
const REST: u32 = 3;

/// The pause after an error of the engine.
const PAUSE: Duration = Duration::from_secs(1);

/// The readers' common ground.
pub(in crate::api) struct Hub {
    engine: Arc<dyn OrderEngine>,
    metrics: Metrics,
    state: Mutex<State>,
    /// Who loads at the head, one after the other.
    at_head: Semaphore,
    /// Who loads behind it.
    behind: Semaphore,
    pace: Pace,
}

struct State {
    newest: Shelf,
    older: Shelf,
    /// The furthest place that was loaded.
    head: Position,
    /// Where something is being loaded, for as long as somebody waits for it.
    loads: HashMap<Position, Arc<Waited>>,
}

/// Wakes those who wait for a load.
type Waited = watch::Sender<()>;

impl Hub {
    pub(in crate::api) fn new(engine: Arc<dyn OrderEngine>, metrics: Metrics) -> Self {
        let (newest, older) = (Shelf::new(KEPT_BYTES), Shelf::new(KEPT_BYTES));
        let state = State { newest, older, head: Position::default(), loads: HashMap::new() };
        let (at_head, behind) = (Semaphore::new(1), Semaphore::new(1));
        Self { engine, metrics, state: Mutex::new(state), at_head, behind, pace: Pace::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes after a place, as soon as there is something.
    pub(super) async fn after(self: &Arc<Self>, place: Position) -> Chunk {
        loop {
            let mut landed = {
                let mut state = self.state();
                if let Some(chunk) = state.chunk_after(place) {
                    return chunk.clone();
                }
                self.load_of(&mut state, place)
            };
            // It is there, or its load has ended without it: look again.
            drop(landed.changed().await);
        }
    }

    /// What the caller is given of it when it is its turn: this chunk's, or more if there is more by then.
    pub(super) async fn take(&self, place: Position, chunk: Chunk) -> Option<Part> {
        self.pace.turn(|| self.metrics.answered_in_all()).await;
        let part = self.state().part_after(place, PART_BYTES);
        let (pieces, reached) = match part {
            Some(part) => part,
            None => chunk.piece_after(place, PART_BYTES).map(|(piece, reached)| (vec![piece], reached))?,
        };
        self.pace.wrote(pieces.iter().map(Bytes::len).sum());
        Some((pieces, reached))
    }

    /// The load of what comes after a place: one that is going on, or else a new one.
    fn load_of(self: &Arc<Self>, state: &mut State, place: Position) -> watch::Receiver<()> {
        if let Some(waited) = state.loads.get(&place) {
            return waited.subscribe();
        }
        let (waited, landed) = watch::channel(());
        let waited = Arc::new(waited);
        state.loads.insert(place, Arc::clone(&waited));
        tokio::spawn(Load { hub: Arc::clone(self), place, waited }.run());
        landed
    }
}

impl State {
    fn chunk_after(&self, place: Position) -> Option<&Chunk> {
        self.newest.chunk_after(place).or_else(|| self.older.chunk_after(place))
    }

    fn part_after(&self, place: Position, most: usize) -> Option<Part> {
        self.newest.part_after(place, most).or_else(|| self.older.part_after(place, most))
    }

    fn put(&mut self, chunk: Chunk, is_at_head: bool) {
        self.head = self.head.max(chunk.last());
        if is_at_head { self.newest.put(chunk) } else { self.older.put(chunk) }
    }
}

/// Loads what comes after a place, as long as anybody waits for it.
struct Load {
    hub: Arc<Hub>,
    place: Position,
    waited: Arc<Waited>,
}

impl Load {
    async fn run(self) {
        let landed = loop {
            tokio::select! {
                landed = self.load() => break landed,
                () = self.waited.closed() => {}
            }
            // Another reader may have come just now.
            let mut state = self.hub.state();
            if self.waited.receiver_count() == 0 {
                state.loads.remove(&self.place);
                return;
            }
        };
        tokio::time::sleep(landed.worked * REST).await;
    }

    async fn load(&self) -> Landed<'_> {
        loop {
            match self.try_load().await {
                Ok(landed) => return landed,
                Err(error) => tracing::warn!(%error, "events cannot be read; trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_load(&self) -> Result<Landed<'_>, Error> {
        let hub = &*self.hub;
        let is_at_head = self.place >= hub.state().head;
        let place_to_work = if is_at_head { &hub.at_head } else { &hub.behind };
        // Whoever waits for what has not happened yet keeps nobody from working.
        let waits = self.place >= hub.engine.last_position().await?;
        let awaited = match waits {
            true => Some(hub.engine.feed(&FeedScope::All, self.place, EVENTS).await?),
            false => None,
        };
        let place_at_work = place_to_work.acquire().await.ok();
        let begun = Instant::now();
        let entries = match awaited {
            Some(entries) => entries,
            None => hub.engine.feed(&FeedScope::All, self.place, EVENTS).await?,
        };
        let chunk = Chunk::of(self.place, entries);
        let worked = begun.elapsed();
        self.land(chunk, is_at_head);
        Ok(Landed { worked, _place_at_work: place_at_work })
    }

    /// Puts what was loaded where it is found, and wakes those who wait.
    fn land(&self, chunk: Chunk, is_at_head: bool) {
        let mut state = self.hub.state();
        state.put(chunk, is_at_head);
        state.loads.remove(&self.place);
        self.waited.send_replace(());
    }
}

impl Drop for Load {
    /// However it ends, nobody waits for it any more.
    fn drop(&mut self) {
        let mut state = self.hub.state();
        if state.loads.get(&self.place).is_some_and(|waited| Arc::ptr_eq(waited, &self.waited)) {
            state.loads.remove(&self.place);
        }
    }
}

/// What was loaded is there; the next load may begin after a rest.
struct Landed<'h> {
    worked: Duration,
    /// Nobody closes the semaphore, so this is there.
    _place_at_work: Option<SemaphorePermit<'h>>,
}
