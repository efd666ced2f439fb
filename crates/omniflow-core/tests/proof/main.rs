//! What must hold for every life of an order, whatever it is told and in whichever order.
//!
//! - [`properties`]: no sequence of commands, outcomes and timers breaks an [`invariants`] of the design.
//! - [`against_model`]: the core answers as a naive [`model`] written from the contract's text alone.
//! - [`planted`]: deliberately wrong machines, each of which the invariants must catch.
//! - [`golden`]: entries as every release has written them, which must be read for ever.
//! - [`stored`]: what an engine stores of an order reads back, and stays small.
//!
//! `PROPTEST_CASES` raises the number of sequences; failures are kept in `proptest-regressions`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod against_model;
mod golden;
mod history;
mod invariants;
mod model;
mod planted;
mod properties;
mod stored;
