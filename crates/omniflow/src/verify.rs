//! `omniflow verify`: says whether a data directory, or a database, is what it should be.

use crate::cli::VerifyArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::output;
#[cfg(feature = "temporal")]
use crate::server;
use crate::server::EngineName;
use anyhow::Context;
use omniflow_embedded::verify::{verify, verify_file};
use omniflow_engine::verify::Report;
use std::io::{self, Write};
use std::process::ExitCode;

/// Something does not hold.
const NOT_CLEAN: u8 = 1;

pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let report = match (&args.file, &args.config) {
        (Some(file), _) => verify_file(file)?,
        (None, Some(config)) => {
            let config = Config::of_command("verify", Some(config), &[])?;
            match config.settings.engine {
                EngineName::Embedded => verify(&config.settings.data_dir)?,
                // A build without it refuses such a configuration.
                #[cfg(not(feature = "temporal"))]
                EngineName::Temporal => return Err(Failure::without_feature("this configuration")),
                #[cfg(feature = "temporal")]
                EngineName::Temporal => {
                    server::block_on(server::temporal::verify(&config.settings.servers))??
                }
            }
        }
        (None, None) => verify(&args.data_dir)?,
    };
    output::print(|out| print(&report, out)).context("standard output cannot be written")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(NOT_CLEAN) })
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
