//! The Temporal engine: one workflow an order, any number of workers and API processes, PostgreSQL for stock
//! and for everything that is read.

mod activities;
mod connection;
mod engine;
mod lately;
pub mod names;
pub mod store;
mod worker;
mod workflow;

pub use connection::{ConnectError, Link};
pub use engine::{EngineSettings, TemporalEngine};
pub use temporalio_client::Client;
pub use worker::{Worker, WorkerError, WorkerParts};
