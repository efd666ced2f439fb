//! What every engine must prove: the lifecycle of the contract as executable cases.
//!
//! An engine's tests implement [`Harness`] and expand [`conformance_suite!`](crate::conformance_suite) into
//! one test a case:
//!
//! ```text
//! omniflow_engine::conformance_suite!(EmbeddedHarness::new);          // each case as it is
//! omniflow_engine::conformance_crash_suite!(EmbeddedHarness::new);    // again, with a crash after each step
//! ```
//!
//! Cases see an engine only as [`OrderEngine`], and the world outside as the simulated providers' ledger.
//! They assert states, payments, stock, timelines and ledgers, never attempts: how often an engine asks is
//! its own affair. Whatever the case, at its end every order is audited, the engine is crashed and started
//! again, and must show exactly the same.
//!
//! Behind the feature `conformance`, for dev-dependencies: the product does not build it.

mod acts;
mod audit;
mod cart;
mod cases;
mod checks;
mod observation;
mod run;
mod world;

mod attention;
mod cancelling;
mod compensating;
mod interrupted;
mod inventory;
mod listing;
mod outcomes;
mod paying;
mod placing;
mod racing;
mod reading;
mod refund_attention;
mod repeating;
mod review;
mod shipping;
mod surplus;
mod window;

pub use cases::CASES;
pub use run::{check, check_crashing, find};
pub use world::World;

use crate::simulated::Simulated;
use crate::{Answer, OrderEngine};
use std::sync::Arc;
use std::time::Duration;

/// What the tests of an engine provide. Each case has a new one, with nothing in it.
pub trait Harness: Send + Sync + 'static {
    /// Starts the engine on what the one before left behind. Returns when it takes orders.
    fn start(&mut self) -> Answer<'_, Arc<dyn OrderEngine>>;

    /// Ends the engine as `kill -9` does: nothing is finished, and what is not durable is lost. The suite has
    /// let go of the engine by then.
    fn crash(&mut self) -> Answer<'_, ()>;

    /// Lets time pass, also while the engine is down, and returns once what was due has settled, as far as
    /// the harness can know. No time at all only settles.
    fn advance(&mut self, by: Duration) -> Answer<'_, ()>;

    /// The providers that the engine is started with. They take no time unless scripted, and live through
    /// crashes; the suite scripts them, reads their ledger and has their reports delivered.
    fn simulated(&self) -> Simulated;

    /// How long the suite may wait, and how exact the harness is.
    fn pace(&self) -> Pace;
}

/// The times that the suite works with. Those that a case waits out are short where waiting is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// A payment window or a provider's deadline that a case waits out, in milliseconds.
    pub wait_ms: u64,
    /// How long one attempt may take, in milliseconds; shorter than `wait_ms`.
    pub attempt_timeout_ms: u64,
    /// The first pause between attempts, in milliseconds.
    pub backoff_ms: u64,
    /// How close to a moment the suite can look, in milliseconds: shorter than half of `wait_ms`.
    pub margin_ms: u64,
    /// How late a timer may fire, in milliseconds.
    pub late_ms: u64,
    /// How long the suite waits for what must come, in milliseconds of the engine's clock.
    pub patience_ms: u64,
    /// How long it waits, in real time, for an answer that must be there.
    pub guard: Duration,
}

impl Pace {
    /// For a clock that is moved by hand: everything at its very millisecond.
    pub const MANUAL: Self = Self {
        wait_ms: 30_000,
        attempt_timeout_ms: 10_000,
        backoff_ms: 1_000,
        margin_ms: 1,
        late_ms: 0,
        patience_ms: 600_000,
        guard: Duration::from_secs(10),
    };

    /// For an engine that really waits.
    pub const REAL: Self = Self {
        wait_ms: 2_000,
        attempt_timeout_ms: 500,
        backoff_ms: 50,
        margin_ms: 500,
        late_ms: 1_000,
        patience_ms: 20_000,
        guard: Duration::from_secs(20),
    };
}

/// One case of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What it is about: the module it is in.
    pub rule: &'static str,
    /// What it claims.
    pub name: &'static str,
    run: for<'a> fn(&'a mut World) -> Answer<'a, ()>,
}
