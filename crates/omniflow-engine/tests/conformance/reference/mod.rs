//! An engine as naive as can be: everything in memory, one lock, no cleverness. It shows that the suite asks
//! for nothing that only a clever engine has, and, with a [`Bug`] planted, that the suite can fail.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a fault of this engine's own is a failed test")]

mod bug;
mod disk;
mod engine;
mod harness;
mod listing;
mod marks;
mod running;
mod stock;

pub(crate) use bug::Bug;
pub(crate) use harness::ReferenceHarness;
