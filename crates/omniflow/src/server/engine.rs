//! The engine that the settings name, and what only its kind has.

use super::{Settings, counters, temporal};
use crate::server::EngineName;
use omniflow_embedded::{EmbeddedEngine, Ended, Options};
use omniflow_engine::simulated::Simulated;
use omniflow_engine::{Clock, OrderEngine};
use omniflow_http::{Metrics, Shutdown};
use std::sync::Arc;
use tokio::time::Instant;

/// An engine that is open.
pub(super) enum Engine {
    Embedded(Arc<EmbeddedEngine>),
    #[cfg(feature = "temporal")]
    Temporal(Box<temporal::Engine>),
}

impl Engine {
    /// Opens it. `works`: with a worker, where the engine has such.
    pub(super) async fn open(
        settings: &Settings,
        simulated: &Simulated,
        clock: Arc<dyn Clock>,
        works: bool,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Self> {
        match settings.engine {
            EngineName::Embedded => {
                let mut options = Options::new(settings.data_dir.clone(), simulated.providers(), clock);
                options.queue_capacity = settings.queue_capacity;
                Ok(Self::Embedded(Arc::new(EmbeddedEngine::open(options).await?)))
            }
            #[cfg(feature = "temporal")]
            EngineName::Temporal => {
                let mut engine = temporal::Engine::open(&settings.servers, Arc::clone(&clock))?;
                if works {
                    engine.work(&settings.servers, simulated.providers(), clock, shutdown)?;
                }
                Ok(Self::Temporal(Box::new(engine)))
            }
            #[cfg(not(feature = "temporal"))]
            EngineName::Temporal => {
                let _ = (works, shutdown);
                Err(anyhow::Error::msg(temporal::MISSING))
            }
        }
    }

    /// Whether effects are run in this process, or only elsewhere.
    pub(super) fn runs_effects(&self) -> bool {
        match self {
            Self::Embedded(_) => true,
            #[cfg(feature = "temporal")]
            Self::Temporal(engine) => engine.works(),
        }
    }

    /// As everything above it sees it.
    pub(super) fn orders(&self) -> Arc<dyn OrderEngine> {
        match self {
            Self::Embedded(engine) => Arc::clone(engine) as Arc<dyn OrderEngine>,
            #[cfg(feature = "temporal")]
            Self::Temporal(engine) => engine.orders(),
        }
    }

    /// Adds what it counts to the metrics; `takes_orders` says whether the process does.
    #[cfg_attr(
        not(feature = "temporal"),
        expect(unused_variables, reason = "whoever has the embedded engine takes orders")
    )]
    pub(super) fn register(&self, metrics: &Metrics, takes_orders: bool) {
        match self {
            Self::Embedded(engine) => {
                metrics.register(|registry| counters::register(registry, Arc::clone(engine)));
            }
            #[cfg(feature = "temporal")]
            Self::Temporal(engine) => metrics.register(|registry| engine.register(registry, takes_orders)),
        }
    }

    /// Ends it, in bounded time, and says how that went. Where it has a worker, that has until then to end.
    ///
    /// # Errors
    /// A worker that had ended by itself.
    #[cfg_attr(
        not(feature = "temporal"),
        expect(unused_variables, reason = "the embedded engine bounds its own end")
    )]
    pub(super) async fn stop(self, until: Instant) -> anyhow::Result<()> {
        match self {
            Self::Embedded(engine) => match engine.stop().await {
                Ended::Finished => tracing::info!("stopped; everything taken is on disk"),
                Ended::Unfinished => tracing::warn!(
                    "stopped while the storage took nothing; everything acknowledged is on disk, and what came \
                     due since is done after the next start"
                ),
            },
            #[cfg(feature = "temporal")]
            Self::Temporal(engine) => engine.stop(until).await?,
        }
        Ok(())
    }
}
