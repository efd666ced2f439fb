//! Logs: for people on a terminal, JSON lines otherwise, always on standard error.

use crate::config::LogFormat;
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
    begin(targets, LogFormat::Auto);
    Ok(())
}

/// Starts logging as configured.
pub(crate) fn start_as(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let targets = filter.parse().map_err(|error| Failure::usage(format!("log = \"{filter}\": {error}")))?;
    begin(targets, format);
    Ok(())
}

fn begin(targets: Targets, format: LogFormat) {
    let registry = tracing_subscriber::registry().with(targets);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let is_text = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        format => format == LogFormat::Text,
    };
    if is_text {
        registry.with(layer.compact()).init();
    } else {
        registry.with(layer.json().flatten_event(true)).init();
    }
}
