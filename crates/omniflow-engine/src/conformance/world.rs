//! The world of one case: an engine, its harness, and what the case has done so far.

use super::cart::{POT, TEA, actor, sku};
use super::{Harness, Pace};
use crate::simulated::Simulated;
use crate::{Error, OrderEngine, Request, SetStock};
use omniflow_core::{Command, EffectId, Order, OrderId, Sku};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The world of one case. Everything that a case does in it is a step, after which a replay may crash.
pub struct World {
    harness: Box<dyn Harness>,
    running: Option<Running>,
    /// Names of the steps so far.
    steps: Vec<String>,
    /// The number of the step after which the engine is crashed.
    crash_after: Option<usize>,
    /// Orders placed so far.
    pub(super) orders: Vec<OrderId>,
    /// What was put into the warehouse, consumed goods included.
    pub(super) delivered: BTreeMap<Sku, u64>,
    /// Effects of which the case itself has told an outcome, in place of the provider.
    pub(super) told: HashSet<EffectId>,
    varies: bool,
}

struct Running {
    engine: Arc<dyn OrderEngine>,
    reports: JoinHandle<()>,
}

impl World {
    /// A world with a started engine and some stock, which is crashed after this step, counted from 1.
    pub(super) async fn new(harness: Box<dyn Harness>, crash_after: Option<usize>) -> Self {
        let mut world = Self {
            harness,
            running: None,
            steps: vec![],
            crash_after,
            orders: vec![],
            delivered: BTreeMap::new(),
            told: HashSet::new(),
            varies: false,
        };
        world.start().await;
        for (name, on_hand) in [(TEA, 10), (POT, 5)] {
            let sku = sku(name);
            let (expected_on_hand, recount, reason, actor) = (None, false, None, actor());
            let change = SetStock { sku: sku.clone(), on_hand, expected_on_hand, recount, reason, actor };
            let set = world.engine().set_stock(change).await;
            assert!(set.is_ok(), "stock of a new SKU can be set: {set:?}");
            world.delivered.insert(sku, on_hand);
        }
        world
    }

    pub(super) fn pace(&self) -> Pace {
        self.harness.pace()
    }

    pub(super) fn simulated(&self) -> Simulated {
        self.harness.simulated()
    }

    /// The running engine. Whoever keeps it must let go of it before the next step.
    pub(super) fn engine(&self) -> Arc<dyn OrderEngine> {
        match &self.running {
            Some(running) => Arc::clone(&running.engine),
            None => panic!("the case uses the engine while it is down"),
        }
    }

    pub(super) fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Says that the case may end in more than one way, so that replays cannot be compared.
    pub(super) fn varies(&mut self) {
        self.varies = true;
    }

    /// Whether the case ends the same way each time.
    pub(super) fn is_definite(&self) -> bool {
        !self.varies
    }

    /// Ends a step, and the engine with it where the replay says so.
    pub(super) async fn step(&mut self, name: impl Into<String>) {
        self.steps.push(name.into());
        if self.crash_after == Some(self.steps.len()) && self.running.is_some() {
            self.crash().await;
            self.start().await;
        }
    }

    async fn start(&mut self) {
        let engine = self.harness.start().await;
        let reports = tokio::spawn(self.simulated().run_reports(Arc::clone(&engine)));
        self.running = Some(Running { engine, reports });
    }

    async fn crash(&mut self) {
        if let Some(Running { engine, reports }) = self.running.take() {
            reports.abort();
            assert!(reports.await.is_err(), "reports are delivered for as long as the engine runs");
            drop(engine);
        }
        self.harness.crash().await;
    }

    /// Crashes the engine and starts it again.
    pub(super) async fn restart(&mut self) {
        self.down_for(0).await;
    }

    /// Crashes the engine and starts it again after a time.
    pub(super) async fn down_for(&mut self, ms: u64) {
        self.crash().await;
        self.harness.advance(Duration::from_millis(ms)).await;
        self.start().await;
        self.settle().await;
        self.step(format!("down for {ms} ms")).await;
    }

    /// Lets time pass.
    pub(super) async fn pass(&mut self, ms: u64) {
        self.harness.advance(Duration::from_millis(ms)).await;
        self.step(format!("{ms} ms pass")).await;
    }

    /// Tells an order something while time passes.
    pub(super) async fn tell_while_passing(
        &mut self,
        id: &OrderId,
        command: Command,
        ms: u64,
    ) -> Result<Arc<Order>, Error> {
        let request =
            Request { order_id: id.clone(), command, actor: actor(), if_version: None, idempotency: None };
        let engine = self.engine();
        let passing = self.harness.advance(Duration::from_millis(ms));
        let (told, ()) = tokio::join!(engine.command(request), passing);
        drop(engine);
        self.step(format!("something is said while {ms} ms pass")).await;
        told.map(|answered| answered.order)
    }

    /// Lets everything settle that is due.
    pub(super) async fn settle(&mut self) {
        self.harness.advance(Duration::ZERO).await;
    }

    /// Waits until something holds of an order. What never comes fails the case.
    pub(super) async fn until(
        &mut self,
        id: &OrderId,
        what: &str,
        holds: impl Fn(&Order) -> bool,
    ) -> Arc<Order> {
        self.wait_for(id, what, &holds).await;
        self.step(format!("until {what}")).await;
        self.wait_for(id, what, &holds).await
    }

    /// As [`until`](Self::until), without being a step.
    pub(super) async fn wait_for(
        &mut self,
        id: &OrderId,
        what: &str,
        holds: &impl Fn(&Order) -> bool,
    ) -> Arc<Order> {
        let (pace, mut waited_ms) = (self.pace(), 0);
        self.settle().await;
        loop {
            let order = self.order(id).await;
            if holds(&order) {
                return order;
            }
            assert!(waited_ms < pace.patience_ms, "{what} never came to {order:#?}");
            self.harness.advance(Duration::from_millis(pace.backoff_ms)).await;
            waited_ms += pace.backoff_ms;
        }
    }

    /// An order as it stands.
    pub(super) async fn order(&self, id: &OrderId) -> Arc<Order> {
        match self.engine().read(id).await {
            Ok(order) => order,
            Err(error) => panic!("{id} cannot be read: {error}"),
        }
    }
}

impl Drop for World {
    /// Says what led to a failure.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let steps: Vec<_> =
                (1..).zip(&self.steps).map(|(number, step)| format!("  {number}. {step}")).collect();
            let crash = self.crash_after.map(|step| format!("; the engine was crashed after step {step}"));
            eprintln!("the steps so far{}:\n{}", crash.unwrap_or_default(), steps.join("\n"));
        }
    }
}
