//! The one writer. It drains its queue, decides on private copies, writes everything in one transaction,
//! syncs once, and only then shows the new orders and answers all who waited, refusals included.

mod backlog;
mod batch;
mod commit;
mod marks;
mod placing;
mod thread;
mod working;

pub(crate) use thread::{Answers, End, Shared, Writer, answer};
