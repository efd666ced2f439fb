//! The closed loop: each connection carries one order at a time and starts the next at once.
//!
//! Everything runs on one thread. A request costs the client under 2 µs, so one thread loads more than a
//! server on the same machine can take, and what all connections share needs no locks.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

use super::answer::Answer;
use super::client::{self, Connection};
use super::progress::Progress;
use super::tally::{Failure, Step, Tally};

/// How often progress is drawn and silence is noticed.
const TICK: Duration = Duration::from_millis(100);

/// What one connection does again and again.
pub(super) trait Load {
    /// Carries one order to its end. `intended` is when it should have begun; whoever calls records
    /// [`Step::Order`] from then on, the load its own steps.
    async fn once(
        &self,
        connection: &mut Connection,
        tally: &RefCell<Tally>,
        intended: Instant,
    ) -> Result<(), Stop>;
}

/// Why an order was not carried to its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// This order failed; the next may not.
    Failed(Failure),
    /// The server is gone: no order will succeed.
    Unreachable(io::Error),
}

impl Stop {
    /// A failure at `step`.
    pub(super) fn failed(
        step: Step,
        status: Option<u16>,
        code: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Self {
        Self::Failed(Failure { step, status, code: code.into() })
    }

    /// An answer that `step` did not expect, by its problem's code.
    pub(super) fn unexpected(step: Step, answer: &Answer<'_>) -> Self {
        let code = answer.field("code").unwrap_or("no_code").to_owned();
        Self::failed(step, Some(answer.status), code)
    }
}

/// Sends one request for `step`.
pub(super) async fn ask<'c>(
    connection: &'c mut Connection,
    tally: &RefCell<Tally>,
    step: Step,
    request: &[u8],
) -> Result<Answer<'c>, Stop> {
    let answer = connection.exchange(request).await.map_err(|error| match error {
        client::Error::Unreachable(error) => Stop::Unreachable(error),
        client::Error::Lost => Stop::failed(step, None, "connection_lost"),
        client::Error::Unreadable(error) => Stop::failed(step, None, error.to_string()),
    })?;
    tally.borrow_mut().answers += 1;
    Ok(answer)
}

/// The connections of a run, kept open from one phase to the next.
pub(super) struct Pool {
    addresses: Rc<[SocketAddr]>,
    size: usize,
    idle: Vec<Connection>,
}

impl Pool {
    /// `size` connections to one server, none open yet.
    pub(super) fn new(addresses: Rc<[SocketAddr]>, size: usize) -> Self {
        Self { addresses, size, idle: Vec::new() }
    }

    /// A connection that was used before, or else a new one.
    pub(super) fn take(&mut self) -> Connection {
        self.idle.pop().unwrap_or_else(|| Connection::new(self.addresses.clone()))
    }
}

/// When a phase starts no more orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// After this time, but not before each connection has started one.
    For(Duration),
    /// After this many orders.
    Orders(u64),
}

/// How a phase ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// All that was started came to an end.
    Done,
    /// By Ctrl-C; orders then under way are not counted.
    Interrupted,
    /// Connections were refused.
    Unreachable(io::Error),
    /// No answer of any kind came for the time given.
    Silent(Duration),
}

/// What a phase measured.
pub(super) struct Phase {
    pub(super) tally: Tally,
    /// From the first order's start to the last one's end.
    pub(super) elapsed: Duration,
    pub(super) ended: Ended,
}

impl Phase {
    /// Orders done in a second.
    pub(super) fn rate(&self) -> f64 {
        self.tally.done as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }
}

/// Drives `load` over every connection of `pool` until `limit`, then lets what was started end. Gives up
/// when nothing at all is answered for `patience`.
pub(super) async fn drive<L: Load + 'static>(
    load: Rc<L>,
    pool: &mut Pool,
    limit: Limit,
    patience: Duration,
    progress: &Progress,
) -> io::Result<Phase> {
    // Lets the runtime learn which connections were closed while nothing ran.
    tokio::task::yield_now().await;
    let course = Rc::new(Course::new(load, limit));
    let mut workers = JoinSet::new();
    for _ in 0..pool.size {
        workers.spawn_local(work(course.clone(), pool.take()));
    }
    let mut ended = supervise(&course, &mut workers, pool, patience, progress).await?;
    let elapsed = course.begun.elapsed();
    workers.shutdown().await;
    if let Some(error) = course.gone.take() {
        ended = Ended::Unreachable(error);
    }
    Ok(Phase { tally: course.tally.replace(Tally::new()), elapsed, ended })
}

async fn supervise<L: Load>(
    course: &Course<L>,
    workers: &mut JoinSet<Connection>,
    pool: &mut Pool,
    patience: Duration,
    progress: &Progress,
) -> io::Result<Ended> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = (0, Instant::now());
    loop {
        tokio::select! {
            joined = workers.join_next() => match joined {
                Some(joined) => pool.idle.push(joined.unwrap_or_else(resume)),
                None => return Ok(Ended::Done),
            },
            _ = tick.tick() => {
                let tally = course.tally.borrow();
                progress.show(course.begun.elapsed(), tally.done, tally.failed());
                if heard.0 != tally.answers {
                    heard = (tally.answers, Instant::now());
                } else if heard.1.elapsed() >= patience {
                    return Ok(Ended::Silent(patience));
                }
            }
            _ = interrupt.recv() => return Ok(Ended::Interrupted),
        }
    }
}

/// A worker is never cancelled while it is waited for, so it can only have panicked.
fn resume(error: JoinError) -> Connection {
    std::panic::resume_unwind(error.into_panic())
}

/// What the connections of one phase share.
struct Course<L> {
    load: Rc<L>,
    tally: RefCell<Tally>,
    limit: Limit,
    begun: Instant,
    started: Cell<u64>,
    gone: RefCell<Option<io::Error>>,
}

impl<L> Course<L> {
    fn new(load: Rc<L>, limit: Limit) -> Self {
        Self {
            load,
            tally: RefCell::new(Tally::new()),
            limit,
            begun: Instant::now(),
            started: Cell::new(0),
            gone: RefCell::new(None),
        }
    }

    /// Whether one more order may start.
    fn admits(&self, now: Instant) -> bool {
        let started = self.started.replace(self.started.get() + 1);
        let within = match self.limit {
            Limit::For(time) => now.duration_since(self.begun) < time,
            Limit::Orders(orders) => started < orders,
        };
        within && self.gone.borrow().is_none()
    }
}

async fn work<L: Load>(course: Rc<Course<L>>, mut connection: Connection) -> Connection {
    let mut intended = course.begun;
    while course.admits(intended) {
        let outcome = course.load.once(&mut connection, &course.tally, intended).await;
        let now = Instant::now();
        let mut tally = course.tally.borrow_mut();
        match outcome {
            Ok(()) => {
                tally.done += 1;
                tally.record(Step::Order, now - intended);
            }
            Err(Stop::Failed(failure)) => tally.fail(failure),
            Err(Stop::Unreachable(error)) => {
                course.gone.replace(Some(error));
            }
        }
        intended = now;
    }
    connection
}
