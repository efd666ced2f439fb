//! Prometheus' own checker, `promtool`. Where this machine has none it is taken out of Debian's package beside the
//! build: installed, that package would start a server.

use crate::apt;
use crate::checkout::Checkout;
use crate::command::run;
use crate::tools::Stage;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const NAME: &str = "promtool";
/// Debian's package, and where it has the program.
const PACKAGE: &str = "prometheus";
const PLACE: &str = "usr/bin/promtool";

/// Where it is; `None` on a machine that has neither it nor Debian's packages.
pub(crate) fn find(checkout: &Checkout) -> Result<Option<PathBuf>> {
    if runs(Path::new(NAME)) {
        return Ok(Some(NAME.into()));
    }
    let home = checkout.tools().join(NAME);
    let program = home.join(PLACE);
    if !program.exists() {
        if !apt::is_here() {
            return Ok(None);
        }
        println!("there is no {NAME}: taking it out of Debian's package {PACKAGE}");
        fetch(&checkout.tools(), &home, &program).with_context(|| {
            format!("{NAME} cannot be had: install Debian's package {PACKAGE}, then try again")
        })?;
    }
    Ok(Some(program))
}

fn fetch(tools: &Path, home: &Path, program: &Path) -> Result<()> {
    let stage = Stage::new(tools, NAME)?;
    let files = stage.path().join("files");
    apt::unpack(PACKAGE, &files)?;
    let mut version = Command::new(files.join(PLACE));
    version.arg("--version");
    run(version)?.success()?;
    match fs::rename(&files, home) {
        // Another run was quicker.
        Err(_) if program.exists() => Ok(()),
        renamed => renamed.with_context(|| format!("cannot move it to {}", home.display())),
    }
}

fn runs(program: &Path) -> bool {
    let mut version = Command::new(program);
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}
