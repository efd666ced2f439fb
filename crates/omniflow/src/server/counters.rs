//! What the embedded engine counts, as metrics.

use omniflow_embedded::EmbeddedEngine;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

pub(super) fn register(registry: &mut Registry, engine: Arc<EmbeddedEngine>) {
    engine.metrics().register(registry);
    registry.register_collector(Box::new(Counters(engine)));
}

struct Counters(Arc<EmbeddedEngine>);

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counters")
    }
}

impl Collector for Counters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counters = self.0.counters();
        let totals = [
            ("commits", "Commits of the writer", counters.commits),
            ("jobs", "Requests, timers and outcomes decided", counters.jobs),
            ("recoveries", "Recoveries from a fault of the storage", counters.recoveries),
        ];
        for (name, help, value) in totals {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        let gauges = [
            ("queue_length", "Jobs waiting for the writer", counters.queue_length),
            ("orders_in_memory", "Orders that have not come to rest", counters.open_orders),
            ("timers", "Timers set", counters.timers),
            ("orders_set_aside", "Orders left alone after failing twice: alert on any", counters.set_aside),
            ("effects_in_flight", "Effects being tried at providers", counters.effects),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
