//! The simulated world: an engine, its providers, its clients, and chance.

use omniflow_core::{
    Actor, Command, Currency, Decision, Draft, DraftAmount, DraftLine, EffectId, Money, Order, OrderId,
    Outcome, PaymentEventId, PaymentId, PaymentOutcome, PaymentReport, PolicyBook, Receipt, Reference,
    RetryPolicy, Sku, StateKind, Step, Timestamp,
};
use omniflow_embedded::{EmbeddedEngine, Options, SeededEntropy};
use omniflow_engine::clock::ManualClock;
use omniflow_engine::simulated::{self, Act, ProviderName, Script, ScriptStep, Simulated};
use omniflow_engine::{Clock, Error, OrderEngine, Placement, Request, SetStock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub(crate) const SKUS: [(&str, u64); 3] = [("tea", 400), ("coffee", 12), ("cocoa", 40)];

/// The random numbers of one run.
pub(crate) struct Chance(SeededEntropy);

impl Chance {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) simulated: Simulated,
    pub(crate) engine: Arc<EmbeddedEngine>,
    pub(crate) chance: Chance,
    /// Every order that was acknowledged, with the latest version that somebody was told.
    pub(crate) orders: BTreeMap<OrderId, u32>,
    /// How orders were first seen to end.
    pub(crate) ended: BTreeMap<OrderId, StateKind>,
    reports: JoinHandle<()>,
    starts: u64,
}

impl World {
    pub(crate) async fn new(seed: u64) -> Self {
        let clock = ManualClock::new(Timestamp::from_millis(1_790_000_000_000));
        let options = simulated::Options { clock: Arc::new(clock.clone()), carrier_delay_ms: 700, log: None };
        let simulated = Simulated::open(options).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let engine = open(&directory, &clock, &simulated, seed).await;
        let reports = tokio::spawn(simulated.run_reports(Arc::clone(&engine) as Arc<dyn OrderEngine>));
        let chance = Chance(SeededEntropy::new(seed));
        let (orders, ended) = (BTreeMap::new(), BTreeMap::new());
        let world =
            Self { directory, clock, simulated, engine, chance, orders, ended, reports, starts: seed };
        for (sku, on_hand) in SKUS {
            let sku = Sku::new(sku).unwrap();
            let (actor, reason) = (Actor::engine(), None);
            let set = SetStock { sku, on_hand, expected_on_hand: None, recount: false, reason, actor };
            world.engine.set_stock(set).await.unwrap();
        }
        world
    }

    /// One step of chance.
    pub(crate) async fn step(&mut self) {
        match self.chance.below(20) {
            0..=4 => self.place().await,
            5..=14 => self.ask().await,
            15 => self.script(),
            16..=18 => {
                let millis = self.chance.of(&[1, 300, 1_000, 7_000, 40_000]);
                self.clock.advance(Duration::from_millis(millis)).await;
            }
            _ => self.crash().await,
        }
    }

    async fn place(&mut self) {
        let amount = self.chance.of(&[500_u64, 10_000, 10_001, 20_000]);
        let lines = 1 + self.chance.below(3);
        let items = (0..lines)
            .map(|_| DraftLine {
                line_id: None,
                sku: self.chance.of(&SKUS).0.to_owned(),
                quantity: 1 + self.chance.below(3) as i64,
                unit_price: DraftAmount::default(),
            })
            .collect();
        let amount = DraftAmount { major: Some(amount.to_string()), minor: None };
        let terms = Draft { amount, items, ..Draft::default() }.check(&policies()).unwrap();
        match self
            .engine
            .place(Placement { terms, details: None, actor: Actor::api(), idempotency: None })
            .await
        {
            Ok(answered) => self.told(&answered.order),
            Err(Error::OutOfStock(short)) => assert!(!short.is_empty()),
            Err(other) => panic!("placing was answered {other}"),
        }
    }

    fn any_order(&mut self) -> Option<OrderId> {
        let place = self.chance.below(self.orders.len().max(1) as u64) as usize;
        // Mostly one of the latest, sometimes any.
        let latest = self.orders.len().saturating_sub(1 + place % 4);
        let index = if self.chance.one_in(3) { place } else { latest };
        self.orders.keys().nth(index).cloned()
    }

    /// Asks something of an order, sometimes twice, sometimes without waiting for the answer.
    async fn ask(&mut self) {
        let Some(order_id) = self.any_order() else { return };
        let Some(command) = self.command(&order_id) else { return };
        let request = Request { order_id, command, actor: Actor::api(), if_version: None, idempotency: None };
        let times = if self.chance.one_in(4) { 2 } else { 1 };
        for _ in 0..times {
            let engine = Arc::clone(&self.engine);
            let asking = request.clone();
            let asked = tokio::spawn(async move { engine.command(asking).await });
            if self.chance.one_in(6) {
                tokio::task::yield_now().await;
                asked.abort(); // The client goes away; what it asked may happen or not.
                continue;
            }
            match asked.await.unwrap() {
                Ok(answered) => self.told(&answered.order),
                Err(Error::Rejected(_)) => {}
                Err(other) => panic!("{request:?} was answered {other}"),
            }
        }
    }

    fn command(&mut self, order_id: &OrderId) -> Option<Command> {
        Some(match self.chance.below(14) {
            0..=4 => Command::ReportPayment(self.report()),
            5 | 6 => Command::Decide { decision: Decision::Approve, reason: None },
            7 => Command::Decide { decision: Decision::Reject, reason: None },
            8 => Command::Cancel { reason: None },
            9 | 10 => Command::Retry,
            11 => Command::Skip { reason: None },
            12 => Command::Compensate { reason: None },
            _ => return self.late_outcome(order_id),
        })
    }

    fn report(&mut self) -> PaymentReport {
        let payment_id = PaymentId::new(format!("P-{}", self.chance.below(3))).unwrap();
        let event_id = PaymentEventId::new(format!("E-{}", self.chance.below(4))).unwrap();
        let captured = [PaymentOutcome::Captured; 3];
        let outcome = match self.chance.below(5) {
            3 => PaymentOutcome::Declined,
            4 => PaymentOutcome::Failed,
            other => captured[other as usize],
        };
        let amount = self.chance.one_in(5).then(|| Money::new(123, Currency::USD));
        PaymentReport { amount, ..PaymentReport::new(Some(payment_id), Some(event_id), outcome) }
    }

    /// An outcome that a provider reports on its own, perhaps of an effect that nobody asked for.
    fn late_outcome(&mut self, order_id: &OrderId) -> Option<Command> {
        let (step, round) = (self.chance.of(&[Step::Ship, Step::RefundPayment(1)]), 1 + self.chance.below(2));
        let effect = EffectId {
            order_id: order_id.clone(),
            key: omniflow_core::EffectKey { step, round: round as u32 },
        };
        let was_accepted =
            self.simulated.ledger().records().unwrap().iter().any(|record| record.effect_id == effect);
        if !was_accepted {
            return None; // A provider reports only what it took.
        }
        let receipt = match step {
            Step::Ship => Receipt::Shipment { tracking_number: Reference::new("LATE-1").unwrap() },
            _ => Receipt::Refund { reference: None },
        };
        Some(Command::Settle { effect: effect.key, outcome: Outcome::Done(receipt) })
    }

    fn script(&mut self) {
        let provider = self.chance.of(&[ProviderName::Carrier, ProviderName::Payments]);
        if self.chance.one_in(3) {
            return self.simulated.clear(provider, None);
        }
        let act = self.chance.of(&[Act::Fail, Act::Refuse, Act::Hang, Act::Delay, Act::Accept]);
        let (times, ms) = (1 + self.chance.below(4) as u32, self.chance.of(&[0, 500, 9_000]));
        self.simulated.script(provider, None, Script::new([ScriptStep { act, times, ms, reason: None }]));
    }

    /// A power cut, perhaps with requests under way, and a restart, perhaps much later.
    async fn crash(&mut self) {
        if self.chance.one_in(2)
            && let Some(order_id) = self.any_order()
        {
            let command = Command::ReportPayment(self.report());
            let engine = Arc::clone(&self.engine);
            let request =
                Request { order_id, command, actor: Actor::api(), if_version: None, idempotency: None };
            let _cut_off = tokio::spawn(async move { engine.command(request).await.map(drop) });
            tokio::task::yield_now().await;
        }
        self.reports.abort();
        self.engine.abandon().await;
        if self.chance.one_in(3) {
            self.clock.advance(Duration::from_secs(35)).await;
        }
        self.start().await;
    }

    async fn start(&mut self) {
        self.starts += 1_000_000;
        let engine = open(&self.directory, &self.clock, &self.simulated, self.starts).await;
        // The old one frees the directory's lock when its last holder lets go.
        self.reports = tokio::spawn(self.simulated.run_reports(Arc::clone(&engine) as Arc<dyn OrderEngine>));
        self.engine = engine;
        self.clock.settled().await;
    }

    /// The last failure is over: everything must end, with a person's help where it is asked for.
    pub(crate) async fn come_to_rest(&mut self) {
        for provider in [ProviderName::Carrier, ProviderName::Payments] {
            self.simulated.clear(provider, None);
        }
        for _ in 0..40 {
            self.clock.advance(Duration::from_secs(60)).await;
            let mut all_at_rest = true;
            for id in self.orders.keys().cloned().collect::<Vec<_>>() {
                let order = self.engine.read(&id).await.unwrap();
                all_at_rest &= order.is_at_rest();
                let command = match order.kind() {
                    _ if order.attention().is_some() && self.chance.one_in(2) => Command::Retry,
                    _ if order.attention().is_some() => Command::Skip { reason: None },
                    StateKind::InReview => Command::Decide { decision: Decision::Reject, reason: None },
                    _ => continue,
                };
                let request = Request {
                    order_id: id,
                    command,
                    actor: Actor::api(),
                    if_version: None,
                    idempotency: None,
                };
                let order = self.engine.command(request).await.unwrap().order;
                self.told(&order);
            }
            if all_at_rest {
                return;
            }
        }
        panic!("some orders never come to rest");
    }

    fn told(&mut self, order: &Order) {
        let version = self.orders.entry(order.id.clone()).or_default();
        *version = order.version.max(*version);
    }
}

fn policies() -> PolicyBook {
    let retry =
        RetryPolicy { attempts: 3, attempt_timeout_ms: 2_000, backoff_ms: 100, backoff_max_ms: 1_000 };
    let (forward, compensation) = (retry, retry);
    PolicyBook { forward, compensation, provider_deadline_ms: 20_000, ..PolicyBook::default() }
}

async fn open(
    directory: &TempDir,
    clock: &ManualClock,
    simulated: &Simulated,
    seed: u64,
) -> Arc<EmbeddedEngine> {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let mut options = Options::new(directory.path().to_owned(), simulated.providers(), clock);
    options.entropy = Box::new(SeededEntropy::new(seed));
    Arc::new(EmbeddedEngine::open(options).await.unwrap())
}
