//! The product from outside, as its users meet it: a binary that runs as a process and answers HTTP. What is
//! tested through this module knows nothing of how the product is made.

pub(crate) mod http;
pub(crate) mod moment;
pub(crate) mod server;
pub(crate) mod usage;
pub(crate) mod verify;
pub(crate) mod workplace;

use crate::checkout::Checkout;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;

/// Builds the binary and answers where it is.
pub(crate) fn build(checkout: &Checkout, profile: &str, features: &[&str]) -> Result<PathBuf> {
    let mut cargo = checkout.cargo(["build", "--locked", "--package", "omniflow", "--profile", profile]);
    cargo.args(["--message-format", "json-render-diagnostics", "--features", &features.join(",")]);
    // Cargo's progress is for whoever waits, its messages are for us.
    let built = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo build")?;
    ensure!(built.status.success(), "cargo build ended with {}", built.status);
    let messages = String::from_utf8(built.stdout)?;
    messages.lines().rev().find_map(executable).context("cargo build made no program")
}

fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    message["executable"].as_str().map(PathBuf::from)
}
