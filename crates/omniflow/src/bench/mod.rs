//! `omniflow bench`: a load generator that is small enough not to be what it measures.
//!
//! It promises:
//! - Each order counts only when the client saw its end: 201 for `place`, `completed` for `lifecycle`, 201
//!   or `out_of_stock` for `flash-sale`, which fails unless every piece is sold once.
//!   Every other answer is a failure, counted by its kind, and makes the exit code 1.
//! - Latency is measured from the moment a request is intended: an order that had to wait for a new
//!   connection took that much longer.
//! - Beside every rate stand the floors of the same minutes: the disk's sync and the server's empty route.
//! - The client costs under 2 µs of CPU a request: raw connections, prebuilt bytes, no HTTP library but a
//!   head parser, one thread.
//!
//! It speaks HTTP/1.1 over TCP to any host, and reads answers that have a content-length. There is no TLS
//! and no chunked reading, because measuring them is not measuring OmniFlow.

mod answer;
mod args;
mod client;
mod drive;
mod error;
#[cfg(test)]
mod fake_server;
mod flash_sale;
mod floors;
mod lifecycle;
mod place;
mod process;
mod progress;
mod readers;
mod report;
mod run;
mod stock;
mod tally;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use args::BenchArgs;
pub(crate) use error::Error;
pub(crate) use floors::fdatasync;

use crate::{open_files, output};
use report::Report;

/// How a run that could be made came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every order came to its expected end.
    Clean,
    /// Some did not, or the run was cut short.
    Failures,
    /// The server went away during the run.
    Unreachable,
}

impl Verdict {
    /// The program's exit code.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failures => 1,
            Self::Unreachable => 3,
        }
    }

    fn of(report: &Report) -> Self {
        match report.ended {
            "unreachable" => Self::Unreachable,
            "done" if report.failed == 0 && report.sale.is_none_or(|sale| sale.is_right()) => Self::Clean,
            _ => Self::Failures,
        }
    }
}

/// Runs the load that `args` describe on a runtime of its own, and prints the report to standard output.
///
/// # Errors
/// See [`Error`]; each has its exit code.
pub(crate) fn run(args: BenchArgs) -> Result<Verdict, Error> {
    let (plan, json) = args.into_plan();
    open_files::raise();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    let report = runtime.block_on(run::execute(&plan))?;
    output::print(|out| {
        if json {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            return writeln!(out);
        }
        write!(out, "{report}")
    })?;
    Ok(Verdict::of(&report))
}
