//! Logs: for people on a terminal, JSON lines otherwise, always on standard error.

use crate::config::LogFormat;
use crate::failure::Failure;
use std::io::IsTerminal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Which logs are written, such as `info` or `info,omniflow_embedded=debug`.
const VARIABLE: &str = "OMNIFLOW_LOG";

/// Logs and traces. What is left of the traces is sent when this is dropped.
#[must_use = "the last traces are sent when it is dropped"]
pub(crate) struct Telemetry {
    #[cfg(feature = "otlp")]
    _traces: Option<crate::traces::Traces>,
}

/// Starts logging.
pub(crate) fn start() -> Result<Telemetry, Failure> {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| "info".to_owned());
    let targets: Targets = wanted.parse().map_err(|error| {
        Failure::usage(format!("{VARIABLE}={wanted}: {error}; write a level, such as info"))
    })?;
    begin(targets, LogFormat::Auto)
}

/// Starts logging as configured.
pub(crate) fn start_as(filter: &str, format: LogFormat) -> Result<Telemetry, Failure> {
    let targets = filter.parse().map_err(|error| Failure::usage(format!("log = \"{filter}\": {error}")))?;
    begin(targets, format)
}

fn begin(targets: Targets, format: LogFormat) -> Result<Telemetry, Failure> {
    let is_text = match format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        format => format == LogFormat::Text,
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let logs = if is_text {
        layer.compact().with_filter(targets).boxed()
    } else {
        layer.json().flatten_event(true).with_filter(targets).boxed()
    };
    let registry = tracing_subscriber::registry().with(logs);
    #[cfg(feature = "otlp")]
    let (registry, _traces) = {
        let (layer, traces) = crate::traces::layer()?.unzip();
        (registry.with(layer), traces)
    };
    registry.init();
    Ok(Telemetry {
        #[cfg(feature = "otlp")]
        _traces,
    })
}
