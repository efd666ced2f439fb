//! Where this checkout is and where it builds, as Cargo itself resolves it.

use crate::command::{read, without_own_servers};
use anyhow::{Context, Result};
use serde_json::Value;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace that `cargo xtask` was called in.
pub(crate) struct Checkout {
    root: PathBuf,
    target: PathBuf,
    cargo: OsString,
}

impl Checkout {
    /// Asks Cargo, so that `CARGO_TARGET_DIR` and Cargo's configuration files count as they do in any build.
    pub(crate) fn find() -> Result<Self> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut metadata = Command::new(&cargo);
        metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: Value = serde_json::from_str(&read(metadata)?)?;
        let path =
            |key: &str| metadata[key].as_str().map(PathBuf::from).with_context(|| format!("no `{key}`"));
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")?, cargo })
    }

    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the tools that the checks need are installed: beside the build, never in the system.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// A Cargo command on this workspace.
    pub(crate) fn cargo<const N: usize>(&self, args: [&str; N]) -> Command {
        self.program(&self.cargo, args)
    }

    /// Any other program, run at the root and building where this checkout builds. Of Temporal it knows what it
    /// is told by whoever adds that.
    pub(crate) fn program<const N: usize>(&self, program: impl AsRef<OsStr>, args: [&str; N]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target);
        without_own_servers(&mut command);
        command
    }
}
