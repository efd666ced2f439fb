//! The embedded engine: one process, one directory, one SQLite file, one writer.
//!
//! It promises that whatever it has answered is on disk, that a crash at any moment loses nothing that
//! was answered and does nothing twice, and that memory can always be rebuilt from the log. It knows
//! nothing of HTTP or Temporal.
//!
//! The way of a request: [`EmbeddedEngine`] puts a job into the queue; the writer takes all that wait,
//! decides them on private copies (`writer::batch`), writes them in one transaction (`writer::commit`),
//! and only then shows the new orders (`table`), sets timers (`timers`), starts effects (`effects`) and
//! answers. Reads come from the table or from connections of their own (`reader`), never through the
//! writer. `recovery` makes memory from disk, at the start and after any fault.

pub mod backup;
mod checkpoint;
mod effects;
mod engine;
mod entropy;
mod erasure;
mod error;
mod feed;
mod idempotency;
mod key;
mod listed;
mod listing;
mod opening;
mod queue;
mod reader;
mod record;
mod recovery;
mod schema;
mod stock;
mod table;
mod timers;
pub mod verify;
mod writer;

pub use engine::{Counters, EmbeddedEngine, Ended, Options};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use error::{OpenError, StorageError};
pub use omniflow_engine::crash;
pub use schema::database_file;
