//! Each test moves the clock in the end, which hangs if a provider lost a token.

#[cfg(feature = "crash-points")]
mod crash;
mod listener;
mod once;

use super::*;
use crate::clock::ManualClock;
use crate::{Attempt, Busy, EffectRequest, Error, RefundRequest, ShipmentRequest};
use listener::Listener;
use omniflow_core::{
    Actor, Command, Currency, EffectId, Money, Outcome, PaymentId, ReasonText, Receipt, Reference, Timestamp,
};
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Providers with a clock.
struct Street {
    clock: ManualClock,
    simulated: Simulated,
}

impl Street {
    fn new(carrier_delay_ms: u64, log: Option<&Path>) -> Self {
        Self::at(0, carrier_delay_ms, log)
    }

    fn at(now: i64, carrier_delay_ms: u64, log: Option<&Path>) -> Self {
        let clock = ManualClock::new(Timestamp::from_millis(now));
        let (log, port) = (log.map(Path::to_owned), Arc::new(clock.clone()));
        let simulated = Simulated::open(Options { clock: port, carrier_delay_ms, log }).unwrap();
        Self { clock, simulated }
    }

    fn scripted(self, provider: ProviderName, steps: impl IntoIterator<Item = ScriptStep>) -> Self {
        self.simulated.script(provider, None, Script::new(steps));
        self
    }

    /// Asks for an effect; answers when it was answered, too.
    fn ask(&self, effect: &str) -> JoinHandle<(Attempt, i64)> {
        let (request, clock) = (request(effect), self.clock.clone());
        let (providers, busy) = (self.simulated.providers(), self.clock.busy());
        tokio::spawn(async move {
            let (attempt, busy) = providers.attempt(&request, busy).await;
            let at = clock.now().as_millis();
            drop(busy);
            (attempt, at)
        })
    }

    /// Asks for an effect that is answered at once.
    async fn ask_now(&self, effect: &str) -> Attempt {
        let asked = self.ask(effect);
        self.pass(0).await;
        assert!(asked.is_finished(), "{effect} is not answered at once");
        asked.await.unwrap().0
    }

    async fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms)).await;
    }

    /// What the ledger says, shortly.
    fn ledger(&self) -> Vec<(i64, What, String)> {
        let short = |record: Record| (record.at.as_millis(), record.what, record.effect_id.to_string());
        self.simulated.ledger().records().unwrap().into_iter().map(short).collect()
    }
}

fn request(effect: &str) -> EffectRequest {
    let (effect_id, external_id) = (EffectId::parse(effect).unwrap(), None);
    if effect.contains("ship") {
        return EffectRequest::Shipment(ShipmentRequest {
            effect_id,
            external_id,
            lines: vec![],
            details: None,
        });
    }
    let (payment_id, amount) = (PaymentId::new("P-1").unwrap(), Money::new(700, Currency::USD));
    EffectRequest::Refund(RefundRequest { effect_id, external_id, payment_id, amount })
}

const CARRIER: ProviderName = ProviderName::Carrier;
const SHIP: &str = "ORD-1.ship.1";
const REFUND: &str = "ORD-1.refund_payment-1.1";

fn shipped() -> Receipt {
    Receipt::Shipment { tracking_number: Reference::new("TRK-ce733de4d578").unwrap() }
}

fn in_file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("providers.log");
    (dir, path)
}

#[tokio::test]
async fn without_a_delay_everything_is_done_at_once_and_written_down() {
    let street = Street::new(0, None);
    assert_eq!(street.ask_now(SHIP).await, Attempt::Done(shipped()));
    assert!(matches!(street.ask_now(REFUND).await, Attempt::Done(Receipt::Refund { reference: Some(_) })));
    let records = street.simulated.ledger().records().unwrap();
    assert_eq!((records[0].provider, records[0].amount), (CARRIER, None));
    assert_eq!(records[0].tracking_number, Reference::new("TRK-ce733de4d578").ok());
    assert_eq!(records[1].amount, Some(Money::new(700, Currency::USD)));
    assert_eq!(records.len(), 2);
}

#[tokio::test]
async fn an_effect_asked_for_twice_has_one_answer() {
    let street = Street::new(0, None);
    assert_eq!(street.ask_now(SHIP).await, street.ask_now(SHIP).await);
    assert_ne!(street.ask_now(SHIP).await, street.ask_now("ORD-2.ship.1").await);
    assert_eq!(taken(&street.simulated.ledger().records().unwrap()).len(), 2);
}

#[tokio::test]
async fn the_carrier_takes_its_time_and_refunds_take_none() {
    let street = Street::new(2_000, None);
    let asked = street.ask(SHIP);
    assert!(matches!(street.ask_now(REFUND).await, Attempt::Done(_)));
    street.pass(1_999).await;
    assert!(!asked.is_finished());
    street.pass(1).await;
    assert_eq!(asked.await.unwrap(), (Attempt::Done(shipped()), 2_000));
    assert_eq!(
        street.ledger()[1],
        (2_000, What::Done, SHIP.to_owned()),
        "written when it is done, not before"
    );
}

#[tokio::test]
async fn what_was_begun_is_done_once_even_if_nobody_waits_and_somebody_asks_again() {
    let street = Street::new(0, None).scripted(CARRIER, [Act::Delay.step(1, 100)]);
    let given_up = street.ask(SHIP);
    street.pass(40).await;
    given_up.abort();
    assert!(given_up.await.unwrap_err().is_cancelled());
    let again = street.ask(SHIP);
    street.pass(20).await;
    assert!(!again.is_finished(), "it is still being worked on");
    street.pass(100).await;
    assert_eq!(again.await.unwrap(), (Attempt::Done(shipped()), 100));
    assert_eq!(street.ledger(), [(100, What::Done, SHIP.to_owned())]);
    let nobody = Street::new(100, None);
    nobody.ask(SHIP).abort();
    nobody.pass(0).await;
    assert_eq!(nobody.ledger(), [], "what was given up before it was sent was never asked for");
}

#[tokio::test]
async fn work_that_died_with_its_runtime_is_done_when_it_is_asked_for_again() {
    let street = Street::new(100, None);
    street.simulated.0.lock().in_progress.insert(EffectId::parse(SHIP).unwrap(), Timestamp::from_millis(50));
    street.pass(60).await;
    assert_eq!(street.ask_now(SHIP).await, Attempt::Done(shipped()));
    assert_eq!(street.ledger().len(), 1);
}

#[tokio::test]
async fn what_is_not_taken_is_not_in_the_ledger() {
    let scripted = ScriptStep { reason: ReasonText::lossy("strike"), ..Act::Fail.step(1, 0) };
    let street =
        Street::new(0, None).scripted(CARRIER, [Act::Fail.step(1, 0), scripted, Act::Hang.step(1, 0)]);
    for says in ["the simulated carrier said: not now, ask again", "the simulated carrier said: strike"] {
        assert_eq!(street.ask_now(SHIP).await, Attempt::NotTaken { error: says.to_owned() });
    }
    let hanging = street.ask(SHIP);
    street.pass(1_000_000).await;
    assert!(!hanging.is_finished());
    hanging.abort();
    assert_eq!(street.ledger(), []);
    assert_eq!(street.ask_now(SHIP).await, Attempt::Done(shipped()), "after its script as without one");
}

#[tokio::test]
async fn a_refusal_is_remembered_across_restarts_and_another_round_is_another_effect() {
    let (_dir, path) = in_file();
    let refuse = ScriptStep { reason: ReasonText::lossy("too heavy"), ..Act::Refuse.step(1, 0) };
    let street = Street::new(0, Some(&path)).scripted(CARRIER, [refuse]);
    let refused = Attempt::Refused { reason: ReasonText::lossy("too heavy") };
    assert_eq!(street.ask_now(SHIP).await, refused);
    assert_eq!(street.ask_now(SHIP).await, refused);
    let street = Street::new(0, Some(&path));
    assert_eq!(street.ask_now(SHIP).await, refused);
    assert!(matches!(street.ask_now("ORD-1.ship.2").await, Attempt::Done(_)));
    let whats: Vec<What> = street.ledger().into_iter().map(|(_, what, _)| what).collect();
    assert_eq!(whats, [What::Refused, What::Done]);
}

#[tokio::test]
async fn what_was_accepted_is_reported_at_its_time_and_then_done() {
    let street = Street::new(0, None).scripted(CARRIER, [Act::Accept.step(1, 500)]);
    let engine = Arc::new(Listener::default());
    let reports = tokio::spawn(street.simulated.run_reports(engine.clone()));
    let accepted = Attempt::Accepted { reference: Reference::new("ACC-ce733de4d578").ok() };
    assert_eq!(street.ask_now(SHIP).await, accepted);
    street.pass(499).await;
    assert!(engine.heard.lock().unwrap().is_empty());
    assert_eq!(street.ask_now(SHIP).await, accepted);
    street.pass(1).await;
    let heard = engine.heard.lock().unwrap().pop().unwrap();
    let settle =
        Command::Settle { effect: EffectId::parse(SHIP).unwrap().key, outcome: Outcome::Done(shipped()) };
    assert_eq!((heard.command, heard.actor, heard.order_id.as_str()), (settle, Actor::carrier(), "ORD-1"));
    assert_eq!(street.ask_now(SHIP).await, Attempt::Done(shipped()));
    street.pass(10_000).await;
    assert!(engine.heard.lock().unwrap().is_empty(), "a report that was taken is not made again");
    let expected = [(0, What::Accepted, SHIP.to_owned()), (500, What::Reported, SHIP.to_owned())];
    assert_eq!(street.ledger(), expected);
    reports.abort();
}

/// On several threads whoever delivers may look later than time could move on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_made_at_its_time_however_far_time_moves() {
    for _ in 0..200 {
        let street = Street::new(0, None).scripted(CARRIER, [Act::Accept.step(1, 500)]);
        let reports = tokio::spawn(street.simulated.run_reports(Arc::new(Listener::default())));
        street.pass(1).await;
        street.ask(SHIP);
        street.pass(10_000).await;
        assert_eq!(street.ledger().last(), Some(&(501, What::Reported, SHIP.to_owned())));
        reports.abort();
    }
}

#[tokio::test]
async fn a_report_that_was_not_taken_is_made_again() {
    let street = Street::new(0, None).scripted(CARRIER, [Act::Accept.step(2, 0)]);
    let engine = Arc::new(Listener::default());
    let faults = [Error::Overloaded, Error::Unavailable("starting".to_owned()), Error::OutcomeUnknown];
    engine.faults.lock().unwrap().extend(faults);
    let reports = tokio::spawn(street.simulated.run_reports(engine.clone()));
    street.ask_now(SHIP).await;
    street.pass(10_000).await;
    assert_eq!(engine.heard.lock().unwrap().len(), 4);
    assert_eq!(street.ledger().last(), Some(&(3_000, What::Reported, SHIP.to_owned())));
    engine.faults.lock().unwrap().push_back(Error::OrderNotFound);
    street.ask_now("ORD-2.ship.1").await;
    street.pass(10_000).await;
    assert_eq!(engine.heard.lock().unwrap().len(), 5, "who refuses a report is not told again");
    reports.abort();
}

#[tokio::test]
async fn what_was_accepted_before_a_crash_is_reported_after_it() {
    let (_dir, path) = in_file();
    let payments = ProviderName::Payments;
    let street = Street::new(0, Some(&path)).scripted(payments, [Act::Accept.step(1, 500)]);
    street.ask_now(REFUND).await;
    drop(street);
    let street = Street::at(2_000, 0, Some(&path));
    assert!(matches!(street.ask_now(REFUND).await, Attempt::Accepted { .. }));
    let engine = Arc::new(Listener::default());
    let reports = tokio::spawn(street.simulated.run_reports(engine.clone()));
    street.pass(0).await;
    assert_eq!(engine.heard.lock().unwrap()[0].actor, Actor::payments());
    reports.abort();
    assert!(reports.await.unwrap_err().is_cancelled());
    let reported = street.simulated.ledger().records().unwrap().pop().unwrap();
    assert_eq!((reported.what, reported.amount), (What::Reported, Some(Money::new(700, Currency::USD))));
    let street = Street::at(9_000, 0, Some(&path));
    let engine = Arc::new(Listener::default());
    let reports = tokio::spawn(street.simulated.run_reports(engine.clone()));
    street.pass(10_000).await;
    assert!(engine.heard.lock().unwrap().is_empty(), "it was reported before the second crash");
    reports.abort();
}

#[tokio::test]
async fn a_provider_that_cannot_write_takes_nothing() {
    let (_dir, path) = in_file();
    Street::new(0, Some(&path)).ask_now("ORD-2.ship.1").await;
    let mut street = Street::new(0, None).scripted(CARRIER, [Act::Refuse.step(1, 0), Act::Delay.step(1, 0)]);
    Arc::get_mut(&mut street.simulated.0).unwrap().ledger = Ledger::unwritable(&path);
    for attempt in ["refused", "delayed", "done"] {
        let Attempt::NotTaken { error } = street.ask_now(SHIP).await else { panic!("{attempt}") };
        assert!(error.starts_with("the simulated provider cannot write its ledger: "), "{error}");
    }
    assert_eq!(street.ledger().len(), 1);
}

#[tokio::test]
async fn of_several_who_wait_nobody_is_told_done_unless_it_is_written_down() {
    let (_dir, path) = in_file();
    let mut street = Street::new(100, Some(&path));
    Arc::get_mut(&mut street.simulated.0).unwrap().ledger = Ledger::unwritable(&path);
    let waiting = [street.ask(SHIP), street.ask(SHIP), street.ask(SHIP)];
    street.pass(100).await;
    for asked in waiting {
        let (attempt, _) = asked.await.unwrap();
        assert!(matches!(attempt, Attempt::NotTaken { .. }), "{attempt:?}");
    }
    assert_eq!(street.ledger(), []);
    Arc::get_mut(&mut street.simulated.0).unwrap().ledger = Ledger::open(&path).unwrap();
    let waiting = [street.ask(SHIP), street.ask(SHIP)];
    street.pass(0).await;
    for asked in waiting {
        assert_eq!(asked.await.unwrap().0, Attempt::Done(shipped()));
    }
    assert_eq!(street.ledger(), [(100, What::Done, SHIP.to_owned())], "and written down once");
}

#[test]
fn an_empty_token_is_no_trouble() {
    // With the system's clock nobody counts who is at work.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let clock = Arc::new(crate::clock::SystemClock::default());
    let simulated = Simulated::open(Options { clock, carrier_delay_ms: 0, log: None }).unwrap();
    let request = request(SHIP);
    let (attempt, _) = runtime.block_on(simulated.providers().attempt(&request, Busy::default()));
    assert_eq!(attempt, Attempt::Done(shipped()), "answered at once, with no timer");
}
