//! Logs: for people on a terminal, JSON lines otherwise, always on standard error.

use crate::failure::Failure;
use std::io::IsTerminal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Which logs are written, such as `info` or `info,omniflow_embedded=debug`.
const VARIABLE: &str = "OMNIFLOW_LOG";

/// Starts logging.
pub(crate) fn start() -> Result<(), Failure> {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| "info".to_owned());
    let targets: Targets = wanted.parse().map_err(|error| {
        Failure::usage(format!("{VARIABLE}={wanted}: {error}; write a level, such as info"))
    })?;
    let registry = tracing_subscriber::registry().with(targets);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        registry.with(layer.compact()).init();
    } else {
        registry.with(layer.json().flatten_event(true)).init();
    }
    Ok(())
}
