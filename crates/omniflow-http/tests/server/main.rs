//! The server as clients meet it: a real listener, raw bytes.
#![expect(clippy::expect_used, reason = "what is expected here is what is tested")]

mod answers;
mod bodies;
mod end;
mod log;
mod open_files;
mod protocol;
mod raw;
mod shop;
mod slow_clients;
