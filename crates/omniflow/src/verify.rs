//! `omniflow verify`: says whether a data directory, or a database, is what it should be.

use crate::cli::VerifyArgs;
use crate::config::Config;
use crate::doctor::USUAL_DIRECTORY;
use crate::failure::Failure;
use crate::output;
#[cfg(feature = "temporal")]
use crate::server;
use crate::server::EngineName;
use anyhow::Context;
use omniflow_embedded::verify::{verify, verify_file};
use omniflow_engine::verify::Report;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Something does not hold.
const NOT_CLEAN: u8 = 1;

/// Checks what is named, and tells what does not hold: exit code 1 where anything does not.
///
/// # Errors
/// Exit code 3 where PostgreSQL cannot be reached.
pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let report = match named(args) {
        Named::Copy(file) => verify_file(&file)?,
        Named::Configured(file) => verify_configured(&file)?,
        Named::Directory(directory) => verify(&directory)?,
    };
    output::print(|out| print(&report, out)).context("standard output cannot be written")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(NOT_CLEAN) })
}

/// What is to be checked.
enum Named {
    Copy(PathBuf),
    Directory(PathBuf),
    /// What the configuration in this file names.
    Configured(PathBuf),
}

/// What the command line names, of which it has one at most; else what the environment does. There the
/// configuration comes first, as `serve` takes it: the directory is a key of it, where it uses one at all.
fn named(args: &VerifyArgs) -> Named {
    let variable = |name| env::var_os(name).map(PathBuf::from);
    match (&args.file, &args.data_dir, &args.config) {
        (Some(file), ..) => Named::Copy(file.clone()),
        (None, Some(directory), _) => Named::Directory(directory.clone()),
        (None, None, Some(file)) => Named::Configured(file.clone()),
        (None, None, None) => match variable("OMNIFLOW_CONFIG") {
            Some(file) => Named::Configured(file),
            None => Named::Directory(variable("OMNIFLOW_DATA_DIR").unwrap_or(USUAL_DIRECTORY.into())),
        },
    }
}

fn verify_configured(file: &Path) -> Result<Report, Failure> {
    let settings = Config::of_command("verify", Some(file), &[])?.settings;
    match settings.engine {
        EngineName::Embedded => Ok(verify(&settings.data_dir)?),
        // A build without it refuses such a configuration.
        #[cfg(not(feature = "temporal"))]
        EngineName::Temporal => Err(Failure::without_feature("this configuration")),
        #[cfg(feature = "temporal")]
        EngineName::Temporal => server::block_on(server::temporal::verify(&settings.servers))?,
    }
}

fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "checked {} orders, {} events, {} SKUs, {} stock movements",
        report.orders, report.events, report.skus, report.movements
    )?;
    for fault in &report.described {
        writeln!(out, "  fault: {fault}")?;
    }
    if report.is_clean() {
        return writeln!(out, "everything holds");
    }
    writeln!(
        out,
        "{} faults; keep a copy of the data, then see docs/recovery.md for what to do about each",
        report.faults
    )
}
