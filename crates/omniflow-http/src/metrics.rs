//! The server's metrics, which others add theirs to.

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// The media type of what [`Metrics::to_text`] writes.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the duration histogram, from what memory answers to what a long poll waits.
const SECONDS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
    30.0,
];

/// The registry and the server's own families. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    registry: Mutex<Registry>,
    requests: Family<Labels, Counter>,
    durations: Family<Labels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    connections: Gauge,
    known: RwLock<HashMap<Key, Series>>,
}

impl Metrics {
    /// A registry whose names begin with `omniflow_`, with the server's families in it:
    /// `omniflow_http_requests_total` and `omniflow_http_request_duration_seconds` by method, route and
    /// status, `omniflow_http_requests_in_flight`, `omniflow_http_connections`.
    pub fn new() -> Self {
        let (requests, in_flight, connections) = (Family::default(), Gauge::default(), Gauge::default());
        let durations: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let mut registry = Registry::with_prefix("omniflow");
        registry.register("http_requests", "Requests answered", requests.clone());
        let help = "From a request's headers to its answer's";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, durations.clone());
        registry.register(
            "http_requests_in_flight",
            "Requests that wait for their answer",
            in_flight.clone(),
        );
        registry.register("http_connections", "Connections open now", connections.clone());
        let (registry, known) = (Mutex::new(registry), RwLock::default());
        Self(Arc::new(Shared { registry, requests, durations, in_flight, connections, known }))
    }

    /// Adds more metrics. A counter's name goes without `_total`, which is added when it is written.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.0.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All metrics, as OpenMetrics text.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub fn to_text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(text)
    }

    pub(crate) fn answered(&self, method: &Method, route: Route, status: StatusCode, took: Duration) {
        let method = name_of(method);
        let key = (method.as_ptr() as usize, route.as_str().as_ptr() as usize, status.as_u16());
        if let Some(series) = self.0.known.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return series.add(took);
        }
        let series = self.0.series(Labels { method, route, status: status.as_u16() });
        series.add(took);
        self.0.known.write().unwrap_or_else(PoisonError::into_inner).insert(key, series);
    }

    /// How many requests were answered since the start.
    pub(crate) fn answered_in_all(&self) -> u64 {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.values().map(|series| series.requests.get()).sum()
    }

    pub(crate) fn request(&self) -> Counted {
        Counted::begin(&self.0.in_flight)
    }

    pub(crate) fn connection(&self) -> Counted {
        Counted::begin(&self.0.connections)
    }
}

impl Shared {
    fn series(&self, labels: Labels) -> Series {
        Series {
            requests: self.requests.get_or_create_owned(&labels),
            durations: self.durations.get_or_create_owned(&labels),
            _route: labels.route,
        }
    }
}

/// Finds a series by where its labels' texts are in memory, which is quicker than by the texts. Texts that
/// are in two places have two entries, of the same series.
type Key = (usize, usize, u16);

/// The metrics of one method, route and status.
#[derive(Debug)]
struct Series {
    requests: Counter,
    durations: Histogram,
    /// Keeps the text where its key says that it is.
    _route: Route,
}

impl Series {
    fn add(&self, took: Duration) {
        self.requests.inc();
        self.durations.observe(took.as_secs_f64());
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Something that there is one more of, until dropped.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    fn begin(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: Route,
    status: u16,
}

/// A route's pattern, such as `/api/v1/orders/{id}`; never a path, since callers choose those.
#[derive(Clone, Debug)]
pub(crate) struct Route(pub(crate) Option<MatchedPath>);

impl Route {
    fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Route {}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

/// The method's name, if it is one that everybody knows: callers can make up others without end.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_and_timed_by_method_route_and_status() {
        let metrics = Metrics::new();
        for _ in 0..2 {
            metrics.answered(&Method::POST, Route(None), StatusCode::OK, Duration::from_micros(300));
        }
        let text = metrics.to_text().unwrap();
        let labels = r#"method="POST",route="none",status="200""#;
        for line in [
            format!("omniflow_http_requests_total{{{labels}}} 2\n"),
            format!("omniflow_http_request_duration_seconds_count{{{labels}}} 2\n"),
            format!("omniflow_http_request_duration_seconds_bucket{{le=\"0.00025\",{labels}}} 0\n"),
            format!("omniflow_http_request_duration_seconds_bucket{{le=\"0.0005\",{labels}}} 2\n"),
        ] {
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn each_method_and_status_of_a_route_counts_for_itself() {
        let metrics = Metrics::new();
        for (method, status) in
            [(Method::GET, 200), (Method::PUT, 200), (Method::PUT, 404), (Method::PUT, 404)]
        {
            metrics.answered(&method, Route(None), StatusCode::from_u16(status).unwrap(), Duration::ZERO);
        }
        let text = metrics.to_text().unwrap();
        for counted in
            [r#"method="GET",route="none",status="200"} 1"#, r#"method="PUT",route="none",status="404"} 2"#]
        {
            assert!(text.contains(&format!("omniflow_http_requests_total{{{counted}\n")), "{text}");
        }
    }

    #[test]
    fn others_add_families_and_made_up_methods_add_none() {
        let metrics = Metrics::new();
        let placed: Counter = Counter::default();
        metrics.register(|registry| registry.register("orders_placed", "Orders placed", placed.clone()));
        placed.inc();
        for name in ["BREW", "STEEP"] {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            metrics.answered(&method, Route(None), StatusCode::OK, Duration::ZERO);
        }
        let text = metrics.to_text().unwrap();
        assert!(text.contains("omniflow_orders_placed_total 1\n"), "{text}");
        assert!(
            text.contains("omniflow_http_requests_total{method=\"other\",route=\"none\",status=\"200\"} 2\n")
        );
    }

    #[test]
    fn a_connection_counts_while_it_is_open_and_a_request_until_it_is_answered() {
        let metrics = Metrics::new();
        let (connection, requests) = (metrics.connection(), [metrics.request(), metrics.request()]);
        let text = metrics.to_text().unwrap();
        assert!(text.contains("omniflow_http_connections 1\n"), "{text}");
        assert!(text.contains("omniflow_http_requests_in_flight 2\n"), "{text}");
        drop((connection, requests));
        let text = metrics.to_text().unwrap();
        assert!(text.contains("omniflow_http_connections 0\n"), "{text}");
        assert!(text.contains("omniflow_http_requests_in_flight 0\n"), "{text}");
    }
}
