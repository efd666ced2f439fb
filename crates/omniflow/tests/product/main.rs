//! The program as its users meet it: the real binary as a process, asked over HTTP by a client that knows
//! nothing of how it is made.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod backup;
mod bad_input;
mod cli;
mod client;
mod events;
mod http;
mod lifecycle_document;
mod lists;
mod observed;
mod openapi;
mod output;
mod process;
mod recovery_document;
mod repeating;
mod restarts;
mod scenarios;
mod serve;
mod server;
mod storage;
#[cfg(feature = "temporal")]
mod temporal;
#[cfg(feature = "otlp")]
mod traces;
mod verify;
