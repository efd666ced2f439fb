//! What a run came to.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// Figures of a run so far.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) cycles: u64,
    pub(super) random_kills: u64,
    pub(super) point_kills: u64,
    pub(super) orders: u64,
    /// Acknowledgements and refusals that the clients got, each held against what was there later.
    pub(super) answers: u64,
    pub(super) audits: u64,
    /// Requests that were sent again under their `Idempotency-Key`, and how many of them had been answered.
    pub(super) repeated: u64,
    pub(super) repeated_answers: u64,
    pub(super) verifications: u64,
    pub(super) longest_restart: Duration,
    /// How late, in milliseconds, the latest timer fired, its server's start aside.
    pub(super) latest_timer_ms: i64,
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cycles, killed {} times at random and {} times at named points; {} orders, {} acknowledgements and \
             refusals checked in {} readings of orders; {} requests repeated under their key and {} answers given again; verify clean {} times; longest restart {} ms, latest timer \
             {} ms late",
            self.cycles,
            self.random_kills,
            self.point_kills,
            self.orders,
            self.answers,
            self.audits,
            self.repeated,
            self.repeated_answers,
            self.verifications,
            self.longest_restart.as_millis(),
            self.latest_timer_ms,
        )
    }
}
