//! The reference engine as the suite drives it.

use super::Bug;
use super::disk::Disk;
use super::engine::ReferenceEngine;
use omniflow_core::Timestamp;
use omniflow_engine::clock::ManualClock;
use omniflow_engine::conformance::{Harness, Pace};
use omniflow_engine::simulated::{Options, Simulated};
use omniflow_engine::{Answer, OrderEngine};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A disk, providers and a clock that outlive the engine.
pub(crate) struct ReferenceHarness {
    disk: Arc<Mutex<Disk>>,
    clock: ManualClock,
    simulated: Simulated,
    bug: Option<Bug>,
    engine: Option<Arc<ReferenceEngine>>,
    starts: usize,
}

impl ReferenceHarness {
    /// Without a bug.
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// With a bug.
    pub(crate) fn with(bug: Option<Bug>) -> Self {
        let clock = ManualClock::new(Timestamp::from_millis(1_767_693_600_000));
        let options = Options { clock: Arc::new(clock.clone()), carrier_delay_ms: 0, log: None };
        let simulated = Simulated::open(options).unwrap();
        Self { disk: Arc::default(), clock, simulated, bug, engine: None, starts: 0 }
    }
}

impl Harness for ReferenceHarness {
    fn start(&mut self) -> Answer<'_, Arc<dyn OrderEngine>> {
        Box::pin(async {
            let (disk, clock) = (Arc::clone(&self.disk), self.clock.clone());
            let (providers, restarted) = (self.simulated.providers(), self.starts > 0);
            self.starts += 1;
            let engine = ReferenceEngine::start(disk, clock, providers, self.bug, restarted).unwrap();
            let engine = Arc::new(engine);
            self.engine = Some(Arc::clone(&engine));
            engine as Arc<dyn OrderEngine>
        })
    }

    fn crash(&mut self) -> Answer<'_, ()> {
        Box::pin(async {
            let engine = self.engine.take().expect("only a running engine can crash");
            assert_eq!(Arc::strong_count(&engine), 1, "somebody still uses the engine");
            engine.stop().await;
            if self.bug == Some(Bug::AnswersBeforeItIsDurable) {
                self.disk.lock().unwrap().lose_last_commit();
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
        // A bug can keep an answer from ever coming.
        let guard = if self.bug.is_some() { Duration::from_millis(200) } else { Pace::MANUAL.guard };
        Pace { guard, ..Pace::MANUAL }
    }
}
