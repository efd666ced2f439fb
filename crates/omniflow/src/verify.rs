//! `omniflow verify`: says whether a data directory is what it should be.

use crate::cli::VerifyArgs;
use crate::failure::Failure;
use omniflow_embedded::verify::verify;
use std::process::ExitCode;

/// Something does not hold.
const NOT_CLEAN: u8 = 1;

pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let report = verify(&args.data_dir)?;
    println!(
        "checked {} orders, {} events, {} SKUs, {} stock movements",
        report.orders, report.events, report.skus, report.movements
    );
    for fault in &report.described {
        println!("  fault: {fault}");
    }
    if report.is_clean() {
        println!("everything holds");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} faults; keep a copy of the directory, and restore one from before the damage",
        report.faults
    );
    Ok(ExitCode::from(NOT_CLEAN))
}
