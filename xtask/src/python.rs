//! A Python environment of our own to install prebuilt tools from, on a machine that may have no more than
//! Debian's bare `python3`.

use crate::command::run;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes a virtual environment in `folder` and answers its interpreter. Debian splits off the part of Python
/// that this needs: where it is missing it is installed, for which one must be root.
pub(crate) fn environment(folder: &Path) -> Result<PathBuf> {
    if venv("python3", folder).is_err() {
        println!("this Python cannot make a virtual environment: installing Debian's");
        apt_install(["python3", "python3-venv"])
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

/// Installs packages of Debian.
pub(crate) fn apt_install<const N: usize>(packages: [&str; N]) -> Result<()> {
    run(apt_get(["update"]))?.success()?;
    let mut install = apt_get(["install", "--yes", "--no-install-recommends"]);
    install.args(packages);
    run(install)?.success()?;
    Ok(())
}

fn apt_get<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--option", "DPkg::Lock::Timeout=120"]).args(args);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
