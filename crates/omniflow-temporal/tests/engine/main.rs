//! The Temporal engine on a real Temporal server and a real PostgreSQL, which `OMNIFLOW_TEST_TEMPORAL` and
//! `OMNIFLOW_TEST_POSTGRES` name; `cargo xtask temporal` starts both. Time really passes here.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on may panic wherever it is"
)]

mod client;
mod faults;
mod harness;
mod lost;
mod many;
mod orders;
mod recorder;
mod recording;
mod restored;
mod servers;
mod unanswered;
mod wire;
mod withdrawn;

mod conformance {
    use crate::harness::Temporal;

    omniflow_engine::conformance_suite!(Temporal::new);
    omniflow_engine::conformance_crash_suite!(Temporal::new);
}
