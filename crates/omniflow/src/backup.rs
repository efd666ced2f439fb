//! `omniflow backup` and `omniflow restore`.

use crate::cli::{BackupArgs, RestoreArgs};
use crate::failure::Failure;
use crate::output;
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use omniflow_embedded::backup::{self, Error, Progress};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Copies a data directory to one file.
pub(crate) fn backup(args: &BackupArgs) -> Result<(), Failure> {
    let bar = Bar::new("copying")?;
    let copied =
        backup::backup(&args.data_dir, &args.to, !args.no_verify, &mut |progress| bar.show(progress))
            .map_err(|error| failure_in(&args.to, error))?;
    bar.0.finish_and_clear();
    let size = size(copied.bytes);
    say(|out| match &copied.report {
        Some(report) => writeln!(
            out,
            "{}: {size}, {} orders, {} events, {} SKUs; verified, everything holds",
            args.to.display(),
            report.orders,
            report.events,
            report.skus
        ),
        None => writeln!(out, "{}: {size}, not verified", args.to.display()),
    })
}

/// Makes a data directory from such a file.
pub(crate) fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let bar = Bar::new("restoring")?;
    let restored =
        backup::restore(&args.from, &args.data_dir, &mut |progress| bar.show(progress)).map_err(failure)?;
    bar.0.finish_and_clear();
    let report = &restored.report;
    let last_at = jiff::Timestamp::from_millisecond(restored.last_at.as_millis())?;
    say(|out| {
        writeln!(
            out,
            "{}: {} orders, {} of them open, {} events, {} SKUs, up to {}; verified, everything holds",
            args.data_dir.display(),
            report.orders,
            restored.open_orders,
            report.events,
            report.skus,
            last_at
        )
    })
}

/// What is about the folder of the copy names that, and not the file that is to become the copy.
fn failure_in(to: &Path, error: Error) -> Failure {
    let Error::Io { path, source } = error else { return failure(error) };
    if to.parent() != Some(&path) && path != Path::new(".") {
        return failure(Error::Io { path, source });
    }
    let folder = path.display();
    Failure::usage(match source.kind() {
        ErrorKind::NotFound => {
            format!("there is no folder {folder}: make it, or choose another place for --to")
        }
        ErrorKind::NotADirectory => format!("{folder} is no folder: choose another place for --to"),
        kind => format!("nothing can be written into the folder {folder}: {kind}"),
    })
}

/// What asks for another name or place is wrong usage.
fn failure(error: Error) -> Failure {
    match error {
        Error::Exists(_) | Error::NotEmpty(_) => Failure::usage(error.to_string()),
        error => error.into(),
    }
}

fn say(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
    Ok(output::print(write).context("standard output cannot be written")?)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// How far it has come, on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(what: &'static str) -> Result<Self, Failure> {
        let style = ProgressStyle::with_template("{msg} {bar:40} {bytes} of {total_bytes}, {bytes_per_sec}")?;
        Ok(Self(ProgressBar::new(0).with_style(style).with_message(what)))
    }

    fn show(&self, progress: Progress) {
        self.0.set_length(progress.total);
        self.0.set_position(progress.done);
    }
}
