//! The store against a real PostgreSQL, which `OMNIFLOW_TEST_POSTGRES` names.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on may panic wherever it is"
)]

mod changes;
mod cutter;
mod driven;
mod faults;
mod feed;
mod lists;
mod marks;
mod orders;
mod placings;
mod publish;
mod stock;
mod tables;
mod verify;
mod world;
