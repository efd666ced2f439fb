//! The clock as a port: the system's, or one that a test moves by hand.
//!
//! Whoever works holds a [`Busy`] token; whoever sleeps gives it up and gets one back on waking. With the
//! system's clock the tokens are empty. With a [`ManualClock`] they say when everything due has settled,
//! and only then does time move on: from due moment to due moment, so that each thing happens at its time.

use crate::Answer;
use omniflow_core::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// The longest sleep in one piece: timers of the runtime do not count while the machine sleeps.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// A clock to read and to wait on.
pub trait Clock: Send + Sync + 'static {
    /// The time now: never before what was read earlier, and never slower than time really passes.
    fn now(&self) -> Timestamp;

    /// Goes on from `at` at least: what was recorded before a restart is in the past, whatever the wall
    /// clock says.
    fn catch_up(&self, at: Timestamp);

    /// Sleeps until `at`, never less, giving up `busy` meanwhile. Dropping the future ends the sleep.
    fn sleep_until(&self, at: Timestamp, busy: Busy) -> Answer<'static, Busy>;

    /// A token for work that begins now.
    fn busy(&self) -> Busy;
}

/// Says that somebody is at work. Cheap to clone; dropping it says that the work is done.
#[derive(Default)]
pub struct Busy(Option<Arc<Shared>>);

/// The system's clock: wall time as it was when this was made, and from there on the time that passes,
/// also while the machine sleeps.
///
/// A wall clock that is set meanwhile, forward or back, moves nothing: no window ends early or late by
/// that. It is followed at the next start.
#[derive(Debug)]
pub struct SystemClock {
    /// From the time that passed to the time it is, in microseconds.
    offset: AtomicI64,
}

/// A clock that stands still until [`ManualClock::advance`].
#[derive(Clone)]
pub struct ManualClock(Arc<Shared>);

struct Shared {
    state: Mutex<Manual>,
    idle: Notify,
}

struct Manual {
    now: Timestamp,
    at_work: usize,
    sleepers: BTreeMap<(Timestamp, u64), oneshot::Sender<Busy>>,
    next_sleeper: u64,
}

impl Default for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the product reads the wall clock")]
    fn default() -> Self {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { offset: AtomicI64::new(micros(wall).saturating_sub(micros(passed()))) }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// The time that passed since some moment before the process began, sleep of the machine included.
#[cfg(target_os = "linux")]
fn passed() -> Duration {
    let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(since_boot).unwrap_or_default()
}

/// The time that passed since some moment, sleep of the machine included where its clock counts that.
#[cfg(not(target_os = "linux"))]
fn passed() -> Duration {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed()
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let offset = self.offset.load(Ordering::Relaxed);
        Timestamp::from_millis(offset.saturating_add(micros(passed())) / 1_000)
    }

    fn catch_up(&self, at: Timestamp) {
        let behind = at.millis_since(self.now());
        if behind > 0 {
            tracing::warn!(
                behind_ms = behind,
                "the clock is behind what is recorded; time goes on from there"
            );
            let offset = at.as_millis().saturating_mul(1_000).saturating_sub(micros(passed()));
            self.offset.fetch_max(offset, Ordering::Relaxed);
        }
    }

    fn sleep_until(&self, at: Timestamp, busy: Busy) -> Answer<'static, Busy> {
        let clock = Self { offset: AtomicI64::new(self.offset.load(Ordering::Relaxed)) };
        Box::pin(async move {
            loop {
                let left = Duration::from_millis(at.millis_since(clock.now()));
                if left.is_zero() {
                    return busy;
                }
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            }
        })
    }

    fn busy(&self) -> Busy {
        Busy(None)
    }
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        let manual = Manual { now, at_work: 0, sleepers: BTreeMap::new(), next_sleeper: 0 };
        Self(Arc::new(Shared { state: Mutex::new(manual), idle: Notify::new() }))
    }

    /// Moves time on by `by`, stopping at each moment at which something is due until it has settled.
    pub async fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let target = self.now().plus_millis(by);
        loop {
            self.settled().await;
            if !self.0.wake_first(target) {
                break;
            }
        }
        self.settled().await;
    }

    /// Waits until nobody is at work.
    pub async fn settled(&self) {
        loop {
            let idle = self.0.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if self.0.lock().at_work == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().now
    }

    fn catch_up(&self, at: Timestamp) {
        let mut state = self.0.lock();
        state.now = state.now.max(at);
    }

    fn sleep_until(&self, at: Timestamp, busy: Busy) -> Answer<'static, Busy> {
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let woken = {
                let mut state = shared.lock();
                if at <= state.now {
                    return busy;
                }
                let (waker, woken) = oneshot::channel();
                let number = state.next_sleeper;
                state.next_sleeper += 1;
                state.sleepers.insert((at, number), waker);
                woken
            };
            drop(busy);
            match woken.await {
                Ok(busy) => busy,
                // The clock never drops a sleeper that it has not woken; if it is gone, so is the test.
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn busy(&self) -> Busy {
        Busy::at(&self.0)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Manual> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves to the first due moment up to `target` and wakes who sleeps until then; `false` when nobody
    /// does, and time is at `target`.
    fn wake_first(self: &Arc<Self>, target: Timestamp) -> bool {
        let waker = {
            let mut state = self.lock();
            match state.sleepers.first_entry() {
                Some(first) if first.key().0 <= target => {
                    let ((at, _), waker) = first.remove_entry();
                    state.now = state.now.max(at);
                    waker
                }
                _ => {
                    state.now = state.now.max(target);
                    return false;
                }
            }
        };
        // A sleep that was given up drops the token at once.
        drop(waker.send(Busy::at(self)));
        true
    }
}

impl Busy {
    fn at(shared: &Arc<Shared>) -> Self {
        shared.lock().at_work += 1;
        Self(Some(Arc::clone(shared)))
    }
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        self.0.as_ref().map_or(Self(None), Self::at)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            let mut state = shared.lock();
            state.at_work -= 1;
            if state.at_work == 0 {
                shared.idle.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_clock_goes_on_from_what_was_recorded() {
        let clock = SystemClock::default();
        let recorded = clock.now().plus_millis(60_000);
        clock.catch_up(recorded);
        assert!(clock.now() >= recorded && clock.now() < recorded.plus_millis(30_000));
        clock.catch_up(Timestamp::from_millis(1_000));
        assert!(clock.now() >= recorded);
    }

    #[tokio::test]
    async fn each_sleeper_wakes_at_its_own_time_and_time_waits_for_it() {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let seen = Arc::new(Mutex::new(vec![]));
        for at in [300, 100, 200] {
            let (clock, seen, busy) = (clock.clone(), Arc::clone(&seen), clock.busy());
            tokio::spawn(async move {
                let busy = clock.sleep_until(Timestamp::from_millis(at), busy).await;
                tokio::task::yield_now().await;
                seen.lock().unwrap().push((at, clock.now().as_millis()));
                drop(busy);
            });
        }
        clock.advance(Duration::from_millis(250)).await;
        assert_eq!(*seen.lock().unwrap(), [(100, 100), (200, 200)]);
        assert_eq!(clock.now(), Timestamp::from_millis(250));
        clock.advance(Duration::from_millis(50)).await;
        assert_eq!(seen.lock().unwrap().last(), Some(&(300, 300)));
    }
}
