//! How fast all readers together are written to.
//!
//! A thousand readers cost a thousand writes for each event, so what they get is bounded in all: each
//! write has a price, and so has each byte. Who is written to takes a turn, in the order in which they
//! asked, and gets then what has come meanwhile: under load fewer and larger writes. While there is little
//! else to do, the prices are lower.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The price of a write in nanoseconds of the time that all share: 2,000 small writes a second.
const WRITE_NS: u64 = 500_000;

/// The price of a byte: with that of a write, some 34 MB/s in all for large writes.
const BYTE_NS: u64 = 22;

/// From so many requests a second on, these are the prices. With half as many they are half as high.
const BUSY_REQUESTS: u64 = 4_000;

/// How much cheaper it is at most.
const MOST_EASE: u64 = 16;

/// Turns that nobody took are kept so long: what comes to a quiet server is written at once.
const KEPT: Duration = Duration::from_millis(100);

/// How often it is looked whether there is else to do.
const LOOK: Duration = Duration::from_millis(250);

/// Gives turns.
#[derive(Debug)]
pub(super) struct Pace(Mutex<Course>);

#[derive(Debug)]
struct Course {
    /// When the next turn is.
    next: Instant,
    looked_at: Instant,
    answered: u64,
    ease: u64,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Course { next: now, looked_at: now, answered: 0, ease: MOST_EASE }))
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when it is the caller's turn to write. `answered` counts the server's answers so far.
    pub(super) async fn turn(&self, answered: impl Fn() -> u64) {
        let turn = {
            let (now, mut course) = (Instant::now(), self.course());
            course.look(now, answered);
            let turn = course.next.max(now.checked_sub(KEPT).unwrap_or(now));
            course.next = turn + Duration::from_nanos(WRITE_NS / course.ease);
            turn
        };
        sleep_until(turn).await;
    }

    /// Whoever had its turn has written so much.
    pub(super) fn wrote(&self, bytes: usize) {
        let mut course = self.course();
        let price = Duration::from_nanos(bytes as u64 * BYTE_NS / course.ease);
        course.next += price;
    }
}

impl Course {
    fn look(&mut self, now: Instant, answered: impl Fn() -> u64) {
        let passed = now.saturating_duration_since(self.looked_at);
        if passed < LOOK {
            return;
        }
        let answered = answered();
        let requests = answered.saturating_sub(self.answered);
        let a_second = (requests as f64 / passed.as_secs_f64()) as u64;
        self.ease = (BUSY_REQUESTS / a_second.max(1)).clamp(1, MOST_EASE);
        (self.looked_at, self.answered) = (now, answered);
    }
}
