//! A client of any OmniFlow server, for the commands that ask one.
//!
//! It promises:
//! - Every answer is bounded in time and size, and no redirect is followed.
//! - A connection that is lost is tried again only where that cannot do a thing twice: reading, and what
//!   carries an idempotency key.
//! - The access key goes into one header and nowhere else: not into errors, not into `Debug`.
//!
//! It speaks HTTP/1.1 without TLS; an `https://` address is refused with words that say so.

mod address;
mod answer;
mod args;
mod asking;
mod connection;
mod error;
mod events;
mod language;
mod problem;
mod shown;
mod table;

pub(crate) use address::{Address, path_segment, query};
pub(crate) use answer::Answer;
pub(crate) use args::ServerArgs;
pub(crate) use asking::{Call, Client};
pub(crate) use error::Error;
pub(crate) use events::{EventStream, Message, patiently};
pub(crate) use language::Language;
pub(crate) use shown::{Paging, Shown};
pub(crate) use table::{Table, clean, is_for_people};

use crate::failure::Failure;
use crate::output;
use std::future::Future;
use std::io::Write as _;
use std::process::ExitCode;

/// Runs what a command asks of a server, and ends with the exit code of how that came out.
///
/// # Errors
/// What the command failed with, ready to be told. With `--json`, a refusal is first printed as it came.
pub(crate) fn run(
    args: &ServerArgs,
    command: impl AsyncFnOnce(&Client) -> Result<(), Error>,
) -> Result<ExitCode, Failure> {
    let client = Client::new(args).map_err(Error::into_failure)?;
    let outcome = block_on(command(&client)).map_err(Error::Runtime).flatten();
    if let (true, Err(Error::Refused(problem))) = (args.json, &outcome) {
        print(&problem.as_sent).map_err(Error::into_failure)?;
    }
    outcome.map_err(Error::into_failure).map(|()| ExitCode::SUCCESS)
}

/// A body as JSON.
///
/// # Errors
/// [`Error::Usage`] where it cannot be written.
pub(crate) fn written(body: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(body).map_err(|error| Error::Usage(format!("this cannot be sent: {error}")))
}

/// Runs a future on a runtime of its own.
///
/// # Errors
/// Where the system gives no runtime.
pub(crate) fn block_on<F: Future>(future: F) -> std::io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let output = runtime.block_on(future);
    // A host name that is still being looked up must not keep the process.
    runtime.shutdown_background();
    Ok(output)
}

/// Prints a document or a page, with a line end if it has none.
///
/// # Errors
/// Where standard output cannot be written; a reader that has left is no error.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    output::print(|out| write!(out, "{text}{end}")).map_err(Error::Output)
}

/// Tells something beside the answer, on standard error.
pub(crate) fn note(text: &str) {
    // Where nobody listens, nobody misses it.
    drop(writeln!(std::io::stderr(), "note: {}", clean(text)));
}
