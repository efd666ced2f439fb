//! What waits for the writer. Clients' requests are bounded; timers and outcomes always enter.

use crate::key::OrderKey;
use omniflow_core::{EffectKey, Outcome, Timestamp};
use omniflow_engine::{AdjustStock, Answered, Busy, Error, Placement, Request, SetStock, StockSet};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What clients are told while the engine recovers.
pub(crate) const RECOVERING: &str = "its storage failed; it is recovering";

/// What clients are told who want something written while there is no room for it.
pub(crate) const FULL: &str = "its disk is full; it goes on by itself once there is room";

/// What was decided about an order.
pub(crate) enum Told {
    /// Now.
    Now(Answered),
    /// Before, to a request with the same mark: the order stood at this version then.
    Earlier(OrderKey, u32, Timestamp),
}

/// What was decided about stock, and whether to an earlier request with the same mark.
pub(crate) type StockTold = (StockSet, bool);

/// Who waits for an order.
pub(crate) type OrderReply = oneshot::Sender<Result<Told, Error>>;
/// Who waits for stock.
pub(crate) type StockReply = oneshot::Sender<Result<StockTold, Error>>;

/// A change of stock by hand.
pub(crate) enum StockChange {
    Set(SetStock),
    Adjust(AdjustStock),
}

/// Something for the writer to do.
pub(crate) enum Job {
    Place(Box<Placement>, OrderReply),
    Command(OrderKey, Box<Request>, OrderReply),
    Stock(Box<StockChange>, StockReply),
    /// An effect was decided; nobody waits.
    Outcome(OrderKey, EffectKey, Box<Outcome>),
    /// The timers of these orders are due, in order of deadline.
    Due(VecDeque<OrderKey>),
}

impl Job {
    /// Whether a client asked for it, so that it counts against the bound.
    pub(crate) const fn is_client(&self) -> bool {
        matches!(self, Self::Place(..) | Self::Command(..) | Self::Stock(..))
    }

    /// Answers whoever waits with an error.
    pub(crate) fn refuse(self, error: Error) {
        match self {
            Self::Place(_, reply) | Self::Command(_, _, reply) => drop(reply.send(Err(error))),
            Self::Stock(_, reply) => drop(reply.send(Err(error))),
            Self::Outcome(..) | Self::Due(_) => {}
        }
    }
}

#[derive(Default)]
struct State {
    jobs: Vec<(Job, Busy)>,
    clients: usize,
    /// Why no client's job is taken, `None` while they are.
    closed: Option<String>,
    /// Whether what the engine shows may be read although no job is taken.
    readable: bool,
    stopping: bool,
    abandoned: bool,
}

/// The writer's queue.
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    capacity: usize,
}

/// What the writer takes.
pub(crate) enum Taken {
    Jobs(Vec<(Job, Busy)>),
    /// Everything was taken: end well.
    Stop,
    /// End at once, as a power cut would.
    Abandon,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), capacity }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a job; a client's only while the engine takes them and there is room.
    pub(crate) fn push(&self, job: Job, busy: Busy) -> Result<(), Error> {
        let mut state = self.lock();
        if job.is_client() {
            if let Some(reason) = &state.closed {
                return Err(Error::Unavailable(reason.clone()));
            }
            if state.clients >= self.capacity {
                return Err(Error::Overloaded);
            }
            state.clients += 1;
        }
        let was_empty = state.jobs.is_empty();
        state.jobs.push((job, busy));
        drop(state);
        if was_empty {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Swaps out everything that waits, at most once there is something or the engine stops.
    ///
    /// `spare` is the vector of the round before, so that none is allocated; with `wait` false it
    /// returns what is there, also nothing.
    pub(crate) fn take(&self, spare: Vec<(Job, Busy)>, wait: bool) -> Taken {
        let mut state = self.lock();
        while wait && state.jobs.is_empty() && !state.stopping {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.abandoned {
            return Taken::Abandon;
        }
        if state.jobs.is_empty() && state.stopping {
            return Taken::Stop;
        }
        Taken::Jobs(std::mem::replace(&mut state.jobs, spare))
    }

    /// How many jobs wait here; those that the writer has taken and not decided are its own.
    pub(crate) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// So many clients' jobs were decided: there is room for others.
    pub(crate) fn decided(&self, clients: usize) {
        let mut state = self.lock();
        state.clients = state.clients.saturating_sub(clients);
    }

    /// Takes no client's job any more, and answers those that wait.
    pub(crate) fn close(&self, reason: &str) {
        let refused: Vec<Job> = {
            let mut state = self.lock();
            (state.closed, state.readable) = (Some(reason.to_owned()), false);
            // After a fault the writer has dropped what it had taken; nothing else is counted twice.
            state.clients = 0;
            let (clients, others) = state.jobs.drain(..).partition::<Vec<_>, _>(|(job, _)| job.is_client());
            state.jobs = others;
            clients.into_iter().map(|(job, _)| job).collect()
        };
        for job in refused {
            job.refuse(Error::Unavailable(reason.to_owned()));
        }
    }

    /// Takes clients' jobs again.
    pub(crate) fn open(&self) {
        let mut state = self.lock();
        if !state.stopping {
            state.closed = None;
        }
    }

    /// Lets clients read again, and goes on refusing their jobs.
    pub(crate) fn open_for_reading(&self, reason: &str) {
        let mut state = self.lock();
        if !state.stopping {
            (state.closed, state.readable) = (Some(reason.to_owned()), true);
        }
    }

    /// Why clients' jobs are refused, if they are.
    pub(crate) fn closed(&self) -> Option<String> {
        self.lock().closed.clone()
    }

    /// Why nothing may be read, if so.
    pub(crate) fn unreadable(&self) -> Option<String> {
        let state = self.lock();
        state.closed.clone().filter(|_| !state.readable)
    }

    /// Lets the writer finish what it has and end.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        (state.closed, state.readable) = (Some("it is stopping".to_owned()), false);
        state.stopping = true;
        drop(state);
        self.wake.notify_all();
    }

    /// Drops what waits and has the writer end at once.
    pub(crate) fn abandon(&self) {
        self.close("it was ended");
        let mut state = self.lock();
        state.jobs.clear();
        (state.stopping, state.abandoned) = (true, true);
        drop(state);
        self.wake.notify_all();
    }

    /// Waits for at most `pause` or until the engine stops; says whether it stops.
    pub(crate) fn stopping_within(&self, pause: std::time::Duration) -> bool {
        let state = self.lock();
        let (state, _) = self
            .wake
            .wait_timeout_while(state, pause, |state| !state.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        state.stopping
    }
}
