//! The program as its users meet it: the real binary as a process, asked over HTTP by a client that knows
//! nothing of how it is made.

mod bad_input;
mod client;
mod lifecycle_document;
mod process;
mod restarts;
mod scenarios;
mod server;
mod storage;
