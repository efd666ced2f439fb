//! A Python environment of our own to install prebuilt tools from, on a machine that may have no more than
//! Debian's bare `python3`.

use crate::apt;
use crate::command::run;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a virtual environment in `folder` and answers its interpreter. Debian splits off the part of Python
/// that this needs: where it is missing it is installed, for which one must be root.
pub(crate) fn environment(folder: &Path) -> Result<PathBuf> {
    if venv("python3", folder).is_err() {
        println!("this Python cannot make a virtual environment: installing Debian's");
        apt::install(["python3", "python3-venv"])
            .context("install Debian's packages python3 and python3-venv, then try again")?;
        venv("/usr/bin/python3", folder)?;
    }
    Ok(folder.join("bin/python"))
}

fn venv(python: &str, folder: &Path) -> Result<()> {
    let mut command = Command::new(python);
    command.args(["-m", "venv", "--clear"]).arg(folder);
    run(command)?.success()?;
    Ok(())
}
