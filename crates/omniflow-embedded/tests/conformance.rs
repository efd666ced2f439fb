//! The embedded engine keeps the contract that every engine keeps, also when it is crashed at every step.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic wherever it is")]

use omniflow_core::Timestamp;
use omniflow_embedded::{EmbeddedEngine, Options, SeededEntropy};
use omniflow_engine::clock::ManualClock;
use omniflow_engine::conformance::{Harness, Pace};
use omniflow_engine::simulated::{self, Simulated};
use omniflow_engine::{Answer, OrderEngine};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// An engine on a directory of its own, with a clock that is moved by hand.
struct Embedded {
    directory: TempDir,
    clock: ManualClock,
    simulated: Simulated,
    engine: Option<Arc<EmbeddedEngine>>,
    starts: u64,
}

impl Embedded {
    fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_millis(1_790_000_000_000));
        let options = simulated::Options { clock: Arc::new(clock.clone()), carrier_delay_ms: 0, log: None };
        let simulated = Simulated::open(options).unwrap();
        Self { directory: tempfile::tempdir().unwrap(), clock, simulated, engine: None, starts: 0 }
    }
}

impl Harness for Embedded {
    fn start(&mut self) -> Answer<'_, Arc<dyn OrderEngine>> {
        Box::pin(async move {
            self.starts += 1;
            let path = self.directory.path().to_owned();
            let mut options = Options::new(path, self.simulated.providers(), Arc::new(self.clock.clone()));
            options.entropy = Box::new(SeededEntropy::new(self.starts));
            let engine = Arc::new(EmbeddedEngine::open(options).await.unwrap());
            self.engine = Some(Arc::clone(&engine));
            engine as Arc<dyn OrderEngine>
        })
    }

    fn crash(&mut self) -> Answer<'_, ()> {
        Box::pin(async move {
            if let Some(engine) = self.engine.take() {
                engine.abandon().await;
            }
        })
    }

    fn advance(&mut self, by: Duration) -> Answer<'_, ()> {
        Box::pin(self.clock.advance(by))
    }

    fn simulated(&self) -> Simulated {
        self.simulated.clone()
    }

    fn pace(&self) -> Pace {
        Pace::MANUAL
    }
}

omniflow_engine::conformance_suite!(Embedded::new);
omniflow_engine::conformance_crash_suite!(Embedded::new);
