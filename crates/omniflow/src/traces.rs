//! Traces to an OpenTelemetry collector: in builds with the feature `otlp`, and only where
//! `OTEL_EXPORTER_OTLP_ENDPOINT` says where it is. The exporter reads the other `OTEL_` variables too.

use crate::failure::Failure;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::time::Duration;
use tokio::runtime::Runtime;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// How long the last spans may take to be sent at the end.
const LAST: Duration = Duration::from_secs(2);

/// Sends what is left when it is dropped.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    /// On which the exporter's connection lives, apart from what it observes.
    _runtime: Runtime,
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// What sends each request's span, `None` where no collector is named.
pub(crate) fn layer<S>() -> Result<Option<(impl Layer<S> + use<S>, Traces)>, Failure>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let Some(endpoint) = std::env::var_os(ENDPOINT).filter(|endpoint| !endpoint.is_empty()) else {
        return Ok(None);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let entered = runtime.enter();
    let exporter = SpanExporter::builder().with_tonic().build().map_err(|error| {
        let endpoint = endpoint.to_string_lossy();
        Failure::usage(format!("{ENDPOINT}={endpoint}: {error}; write such as http://localhost:4317"))
    })?;
    let resource = Resource::builder().with_service_name("omniflow").build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let wanted = Targets::new().with_target("omniflow", LevelFilter::DEBUG);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("omniflow")).with_filter(wanted);
    drop(entered);
    Ok(Some((layer, Traces { provider, _runtime: runtime })))
}
