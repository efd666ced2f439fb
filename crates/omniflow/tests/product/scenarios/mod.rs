//! Scenarios A to F as a user plays them. Time stands still unless the scenario is about real time, so that
//! two weeks pass in a moment and a countdown shows what it must, to the second.

mod carrier_trouble;
mod orders;
mod payments;
mod review;

/// An order as the contract's first `curl` line places it.
pub(crate) const ORDER: &str = r#"{"amount": 500, "items": ["iPhone 15"]}"#;

/// An order that a person must approve.
pub(crate) const LARGE: &str = r#"{"amount": 20000, "items": ["Mac Pro"]}"#;
