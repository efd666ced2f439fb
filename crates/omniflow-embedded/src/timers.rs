//! Which order's timer is due when. One entry an order: its earliest timer.

use crate::key::OrderKey;
use crate::queue::{Job, Queue};
use omniflow_core::Timestamp;
use omniflow_engine::{Busy, Clock};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// An order's earliest timer before and after a commit.
pub(crate) struct TimerChange {
    pub(crate) key: OrderKey,
    pub(crate) before: Option<Timestamp>,
    pub(crate) after: Option<Timestamp>,
}

#[derive(Default)]
struct State {
    due: BTreeSet<(Timestamp, OrderKey)>,
    /// Those that the writer was told of and that have not fired.
    firing: BTreeSet<(Timestamp, OrderKey)>,
    /// Until when the task sleeps, `None` while it has nothing to sleep for.
    armed: Option<Timestamp>,
}

/// All timers.
pub(crate) struct Timers {
    state: Mutex<State>,
    wake: mpsc::UnboundedSender<Busy>,
}

impl Timers {
    /// The timers, and what wakes their task.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Busy>) {
        let (wake, woken) = mpsc::unbounded_channel();
        (Self { state: Mutex::default(), wake }, woken)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies what a commit changed; the task is woken where it sleeps too long.
    pub(crate) fn change(&self, changes: &[TimerChange], busy: &Busy) {
        let mut state = self.lock();
        for change in changes.iter().filter(|change| change.before != change.after) {
            if let Some(before) = change.before {
                state.due.remove(&(before, change.key));
                state.firing.remove(&(before, change.key));
            }
            if let Some(after) = change.after {
                state.due.insert((after, change.key));
            }
        }
        let first = state.due.first().map(|(at, _)| *at);
        let sleeps_too_long = first.is_some_and(|first| state.armed.is_none_or(|armed| first < armed));
        drop(state);
        if sleeps_too_long {
            drop(self.wake.send(busy.clone()));
        }
    }

    /// Forgets all, at recovery, also until when the task sleeps: the next change wakes it.
    pub(crate) fn clear(&self) {
        *self.lock() = State::default();
    }

    /// Sets one timer, at recovery.
    pub(crate) fn load(&self, key: OrderKey, due_at: Timestamp) {
        self.lock().due.insert((due_at, key));
    }

    /// Takes what is due, in order of deadline, and arms for the next.
    pub(crate) fn take_due(&self, now: Timestamp) -> (VecDeque<OrderKey>, Option<Timestamp>) {
        let mut state = self.lock();
        let mut keys = VecDeque::new();
        while let Some((at, key)) = state.due.first().copied()
            && at <= now
        {
            state.due.pop_first();
            state.firing.insert((at, key));
            keys.push_back(key);
        }
        state.armed = state.due.first().map(|(at, _)| *at);
        (keys, state.armed)
    }

    /// For how long the oldest timer that is due has not fired, zero where none is.
    pub(crate) fn overdue(&self, now: Timestamp) -> Duration {
        let state = self.lock();
        let oldest = state.firing.first().into_iter().chain(state.due.first()).map(|(at, _)| *at).min();
        oldest.map_or(Duration::ZERO, |oldest| Duration::from_millis(now.millis_since(oldest)))
    }

    /// How many timers are set.
    pub(crate) fn len(&self) -> usize {
        self.lock().due.len()
    }
}

/// Fires timers: sleeps until the first is due and hands the writer all that are.
pub(crate) async fn run(
    timers: Arc<Timers>,
    queue: Arc<Queue>,
    clock: Arc<dyn Clock>,
    mut woken: mpsc::UnboundedReceiver<Busy>,
) {
    let mut busy = clock.busy();
    loop {
        let (due, next) = timers.take_due(clock.now());
        if !due.is_empty() {
            // Timers always enter the queue.
            drop(queue.push(Job::Due(due), busy.clone()));
        }
        let sleep = async {
            match next {
                Some(next) => clock.sleep_until(next, busy).await,
                None => {
                    drop(busy);
                    std::future::pending().await
                }
            }
        };
        tokio::select! {
            awake = sleep => busy = awake,
            wake = woken.recv() => match wake {
                Some(token) => busy = token,
                None => return,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_overdue_from_when_it_is_due_until_it_has_fired() {
        let clock = omniflow_engine::clock::SystemClock::default();
        let (timers, _woken) = Timers::new();
        let at = Timestamp::from_millis;
        let overdue = |now| timers.overdue(at(now)).as_millis();
        for (key, due) in [(1, 1_000), (2, 2_000), (3, 9_000)] {
            timers.load(OrderKey(key), at(due));
        }
        assert_eq!((overdue(500), overdue(1_000), overdue(1_700)), (0, 0, 700));
        assert_eq!(timers.take_due(at(2_100)).0, [OrderKey(1), OrderKey(2)]);
        assert_eq!(overdue(2_500), 1_500, "the writer knows of it, and it has not fired");
        let fired = |key, due| TimerChange { key: OrderKey(key), before: Some(at(due)), after: None };
        timers.change(&[fired(1, 1_000)], &clock.busy());
        assert_eq!(overdue(2_500), 500);
        timers.change(&[fired(2, 2_000)], &clock.busy());
        assert_eq!((overdue(2_500), overdue(9_200)), (0, 200));
    }
}
