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
             refusals checked in {} readings of orders; verify clean {} times; longest restart {} ms, latest timer \
             {} ms late",
            self.cycles,
            self.random_kills,
            self.point_kills,
            self.orders,
            self.answers,
            self.audits,
            self.verifications,
            self.longest_restart.as_millis(),
            self.latest_timer_ms,
        )
    }
}
