//! For how long the oldest timer that has not fired should have: asked for when the metrics are read, so that
//! it grows also while nothing moves.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

type Age = Box<dyn Fn() -> Duration + Send + Sync>;

/// The engine's own answer; none before it has started.
#[derive(Clone, Default)]
pub(super) struct Overdue(Arc<Mutex<Option<Age>>>);

impl Overdue {
    pub(super) fn ask(&self, age: Age) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(age);
    }

    fn age(&self) -> Duration {
        let age = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        age.as_ref().map_or(Duration::ZERO, |age| age())
    }
}

impl fmt::Debug for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Overdue").field(&self.age()).finish()
    }
}

impl Collector for Overdue {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauge = ConstGauge::new(self.age().as_secs_f64());
        let help = "For how long the oldest timer that is due has not fired";
        gauge.encode(encoder.encode_descriptor(
            "timer_overdue",
            help,
            Some(&Unit::Seconds),
            gauge.metric_type(),
        )?)
    }
}
