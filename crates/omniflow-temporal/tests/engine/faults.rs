//! What breaks under running orders: Temporal, PostgreSQL, a process of the API, a worker in the middle of an
//! effect. Each time nothing is lost, nothing is done twice, and every order comes to its end.
//!
//! A worker that is killed after every step of every case is `conformance::crashing`; requests that a crash cut
//! off are its `interrupted`; single transactions that are lost at their commit are in `tests/store/faults.rs`.

use crate::client::{Client, SHORT_HISTORIES, latest_has};
use crate::harness::Temporal;
use crate::orders::{SHIP, Wanted, capture, must, place, place_marked, set_stock, stock, tell, until};
use crate::servers::{PostgresServer, TemporalServer, named};
use omniflow_core::{
    AttentionCode, Command, Decision, EffectId, Fulfillment, Order, OrderId, Outcome, Receipt, Reference,
    StateKind,
};
use omniflow_engine::conformance::Harness;
use omniflow_engine::simulated::{Act, ProviderName, Script, taken};
use omniflow_engine::{Error, OrderEngine};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How much there is of what is ordered.
const ON_HAND: u64 = 1_000;
/// More attempts than any outage lasts.
const MANY: u32 = 10_000;
/// After which nothing comes any more.
const PATIENCE: Duration = Duration::from_secs(90);

/// A shop with one order in every open state.
struct Shop {
    temporal: Temporal,
    engine: Arc<dyn OrderEngine>,
    in_review: OrderId,
    awaiting: OrderId,
    expiring: OrderId,
    shipping: OrderId,
    accepted: OrderId,
    stuck: OrderId,
    compensating: OrderId,
    /// Placed in the middle of an outage.
    later: Vec<OrderId>,
}

impl Shop {
    async fn open(mut temporal: Temporal) -> Self {
        let engine = temporal.start().await;
        set_stock(engine.as_ref(), ON_HAND).await;
        let wanted = Wanted { attempts: MANY, ..Wanted::default() };
        let precious = Wanted { attempts: MANY, ..Wanted::precious() };
        let new = async |wanted| place(engine.as_ref(), wanted).await;
        let shop = Self {
            in_review: new(precious).await,
            awaiting: new(wanted).await,
            expiring: new(Wanted { window_ms: 4_000, ..wanted }).await,
            shipping: new(wanted).await,
            accepted: new(wanted).await,
            stuck: new(Wanted::default()).await,
            compensating: new(precious).await,
            later: vec![],
            engine,
            temporal,
        };
        shop.script(&shop.shipping, ProviderName::Carrier, Act::Fail, MANY);
        shop.script(&shop.accepted, ProviderName::Carrier, Act::Accept, 1);
        shop.script(&shop.stuck, ProviderName::Carrier, Act::Fail, 3);
        shop.script(&shop.compensating, ProviderName::Payments, Act::Fail, MANY);
        for id in [&shop.shipping, &shop.accepted, &shop.stuck, &shop.compensating] {
            shop.must(id, capture()).await;
        }
        shop.must(&shop.compensating, Command::Decide { decision: Decision::Reject, reason: None }).await;
        shop.until(&shop.accepted, |order| matches!(order.fulfillment, Fulfillment::Accepted { .. })).await;
        shop.until(&shop.stuck, |order| order.attention().is_some()).await;
        shop
    }

    fn script(&self, id: &OrderId, provider: ProviderName, act: Act, times: u32) {
        // What is accepted is reported by the test, not by the provider.
        let script = Script::new([act.step(times, 86_400_000)]);
        self.temporal.simulated().script(provider, Some(id.clone()), script);
    }

    async fn must(&self, id: &OrderId, command: Command) -> Arc<Order> {
        must(self.engine.as_ref(), id, command).await
    }

    async fn until(&self, id: &OrderId, holds: impl Fn(&Order) -> bool) -> Arc<Order> {
        let coming = until(self.engine.as_ref(), id, holds);
        match tokio::time::timeout(PATIENCE, coming).await {
            Ok(order) => order,
            Err(_) => panic!("it never came: {:#?}", self.engine.read(id).await),
        }
    }

    /// Waits until so many tasks to ask a provider have been set.
    async fn until_attempts(&self, id: &OrderId, count: usize) {
        let temporal = &self.temporal.servers().temporal;
        let counted = async {
            while latest_has(temporal, id, "ActivityTaskScheduledEventAttributes").await < count {
                pause().await;
            }
        };
        tokio::time::timeout(PATIENCE, counted).await.expect("it goes on being asked");
    }

    /// Places orders under keys until each is placed, however often it takes.
    async fn place_through(&mut self, count: u32) {
        for number in 0..count {
            let key = format!("later-{number}");
            let wanted = Wanted { attempts: MANY, ..Wanted::default() };
            let placing = async {
                loop {
                    match place_marked(self.engine.as_ref(), wanted, &key).await {
                        Ok(order) => return order.id.clone(),
                        Err(Error::Unavailable(_) | Error::OutcomeUnknown) => pause().await,
                        Err(error) => panic!("{key}: {error}"),
                    }
                }
            };
            self.later.push(tokio::time::timeout(PATIENCE, placing).await.expect("it is placed in the end"));
        }
    }

    /// Brings every order to its end, and looks whether each had it once.
    async fn close(self) {
        let simulated = self.temporal.simulated();
        simulated.clear(ProviderName::Carrier, Some(&self.shipping));
        simulated.clear(ProviderName::Payments, Some(&self.compensating));
        self.must(&self.in_review, Command::Decide { decision: Decision::Approve, reason: None }).await;
        for id in [&self.in_review, &self.awaiting].into_iter().chain(&self.later) {
            self.must(id, capture()).await;
        }
        let tracking_number = Reference::new("TRK-by-hand").unwrap();
        let outcome = Outcome::Done(Receipt::Shipment { tracking_number });
        self.must(&self.accepted, Command::Settle { effect: SHIP, outcome }).await;
        self.must(&self.stuck, Command::Retry).await;
        self.until(&self.expiring, |order| order.kind() == StateKind::Expired).await;
        self.until(&self.compensating, |order| order.kind() == StateKind::Rejected).await;
        let completed: Vec<_> =
            [&self.in_review, &self.awaiting, &self.shipping, &self.accepted, &self.stuck]
                .into_iter()
                .chain(&self.later)
                .collect();
        for id in &completed {
            self.until(id, |order| order.kind() == StateKind::Completed).await;
        }
        let level = stock(self.engine.as_ref()).await;
        assert_eq!((level.on_hand, level.reserved), (ON_HAND - completed.len() as u64, 0));
        let records = simulated.ledger().records().unwrap();
        let shipped: Vec<_> = records.iter().map(|record| &record.effect_id.order_id).collect();
        let distinct: BTreeSet<_> = taken(&records).iter().map(|record| &record.effect_id.order_id).collect();
        assert_eq!(shipped.len(), distinct.len(), "each effect is done once: {records:#?}");
        assert_eq!(distinct.len(), completed.len() + 1, "every completed order, and one refund");
    }
}

/// Before something is asked again that could not be done.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

fn is_refused(answer: &Result<Arc<Order>, Error>) -> bool {
    matches!(answer, Err(Error::Unavailable(_) | Error::OutcomeUnknown))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn temporal_dies_and_starts_again_on_its_database() {
    let mut temporal = TemporalServer::start(&[]).await;
    let mut shop = Shop::open(Temporal::on(named(Some(&temporal), None))).await;
    shop.place_through(2).await;
    temporal.kill();
    // What PostgreSQL has taken is done once Temporal is there again; what it has not, is refused.
    let placing = place_marked(shop.engine.as_ref(), Wanted::default(), "later-2").await;
    let is_taken = placing.as_ref().is_ok_and(|order| order.kind() == StateKind::Reserving);
    assert!(is_taken || is_refused(&placing), "{placing:?}");
    let paying = tell(shop.engine.as_ref(), &shop.awaiting, capture()).await;
    assert!(is_refused(&paying), "{paying:?}");
    let read = shop.engine.read(&shop.awaiting).await.unwrap();
    assert_eq!(read.kind(), StateKind::AwaitingPayment, "what is stored is read all the same");
    temporal.start_again().await;
    shop.later.clear();
    shop.place_through(4).await;
    assert!(placing.is_err() || shop.later.contains(&placing.unwrap().id), "it is that order");
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_dies_and_starts_again() {
    let mut postgres = PostgresServer::start().await;
    let mut shop = Shop::open(Temporal::on(named(None, Some(&postgres)))).await;
    shop.place_through(2).await;
    // It has three attempts: one that fails, and then, while nobody knows what to ask for, none.
    let slow = place(shop.engine.as_ref(), Wanted { backoff_ms: 1_000, ..Wanted::default() }).await;
    shop.script(&slow, ProviderName::Carrier, Act::Fail, 1);
    shop.must(&slow, capture()).await;
    postgres.kill();
    let placing = place_marked(shop.engine.as_ref(), Wanted::default(), "later-2").await;
    assert!(is_refused(&placing), "{placing:?}");
    let paying = tell(shop.engine.as_ref(), &shop.awaiting, capture()).await;
    assert!(is_refused(&paying), "{paying:?}");
    shop.until_attempts(&slow, 4).await;
    postgres.start_again().await;
    shop.later.clear();
    shop.place_through(4).await;
    shop.later.push(slow);
    shop.close().await;
}

/// One process of the API ends in the middle of its requests, and another takes them over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_process_ends_and_another_goes_on() {
    let mut shop = Shop::open(Temporal::new()).await;
    let postgres = shop.temporal.postgres().await;
    postgres.batch_execute("BEGIN; SELECT FROM stock FOR UPDATE").await.unwrap();
    let cut_off: Vec<_> = (0..8)
        .map(|number| {
            let engine = Arc::clone(&shop.engine);
            tokio::spawn(async move {
                let wanted = Wanted { attempts: MANY, ..Wanted::default() };
                place_marked(engine.as_ref(), wanted, &format!("later-{number}")).await
            })
        })
        .collect();
    // Some of them are claimed, some asked of their workflow; none is decided while its stock is held.
    let store = shop.temporal.store();
    while store.undecided(shop.engine.now(), None, 8).await.unwrap().len() < 4 {
        tokio::task::yield_now().await;
    }
    cut_off.iter().for_each(tokio::task::JoinHandle::abort);
    for placing in cut_off {
        assert!(placing.await.is_err_and(|error| error.is_cancelled()), "it is cut off");
    }
    postgres.batch_execute("COMMIT").await.unwrap();
    shop.engine = shop.temporal.engine();
    shop.place_through(8).await;
    assert_eq!(shop.later.iter().collect::<BTreeSet<_>>().len(), 8, "each once");
    shop.close().await;
}

/// The worker dies after the carrier has taken the order and before it could be told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_that_is_asked_for_twice_is_done_once() {
    let mut temporal = Temporal::new();
    let engine = temporal.start().await;
    set_stock(engine.as_ref(), ON_HAND).await;
    let id = place(engine.as_ref(), Wanted { attempts: MANY, ..Wanted::default() }).await;
    let simulated = temporal.simulated();
    simulated.script(ProviderName::Carrier, Some(id.clone()), Script::new([Act::Delay.step(MANY, 400)]));
    must(engine.as_ref(), &id, capture()).await;
    let ship = EffectId { order_id: id.clone(), key: SHIP };
    let is_taken = || simulated.ledger().records().unwrap().iter().any(|record| record.effect_id == ship);
    drop(engine);
    while !is_taken() {
        pause().await;
    }
    temporal.crash().await;
    let engine = temporal.start().await;
    let ending = until(engine.as_ref(), &id, |order| order.kind() == StateKind::Completed);
    let order = tokio::time::timeout(PATIENCE, ending).await.expect("it is completed");
    let records = simulated.ledger().records().unwrap();
    let [record] = &records[..] else { panic!("it was shipped once: {records:#?}") };
    let Fulfillment::Shipped { tracking_number } = &order.fulfillment else { panic!("{order:#?}") };
    assert_eq!(record.tracking_number.as_ref(), Some(tracking_number));
    let level = stock(engine.as_ref()).await;
    assert_eq!((level.on_hand, level.reserved), (ON_HAND - 1, 0), "stock has moved once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_history_goes_on_in_a_new_run() {
    let temporal = TemporalServer::start(&SHORT_HISTORIES).await;
    let client = Client::on(Temporal::on(named(Some(&temporal), None))).await;
    client.start_with(&client.order(20_000)).await;
    client.continues().await;
    client.review("\"APPROVE\"").await;
    client.pay("\"PAID\"").await;
    client.ends("COMPLETED").await;
    let timeline = client.timeline().await;
    assert_eq!(timeline.iter().filter(|event| **event == "payment_captured").count(), 1);
    let level = client.engine.stock(&crate::orders::sku()).await.unwrap();
    assert_eq!((level.on_hand, level.reserved), (9, 0));
}

/// A new run would not know that a shipment may have happened: it waits until that is decided.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_history_does_not_forget_what_may_have_happened() {
    let temporal = TemporalServer::start(&SHORT_HISTORIES).await;
    let mut client = Client::on(Temporal::on(named(Some(&temporal), None))).await;
    let engine = Arc::clone(&client.engine);
    let id = place(engine.as_ref(), Wanted { attempts: 10, ..Wanted::default() }).await;
    client.order_id = id.to_string();
    let script = Script::new([Act::Hang.step(1, 0), Act::Fail.step(MANY, 0)]);
    client.temporal.simulated().script(ProviderName::Carrier, Some(id.clone()), script);
    must(engine.as_ref(), &id, capture()).await;
    // Each wakes the workflow, which looks whether it should go on in a new run.
    while engine.read(&id).await.unwrap().attention().is_none() {
        client.review("\"MAYBE\"").await;
    }
    let stuck = engine.read(&id).await.unwrap();
    assert_eq!(stuck.attention().unwrap().code, AttentionCode::OutcomeUnknown, "{stuck:#?}");
    client.continues().await;
    client.temporal.simulated().clear(ProviderName::Carrier, Some(&id));
    must(engine.as_ref(), &id, Command::Retry).await;
    until(engine.as_ref(), &id, |order| order.kind() == StateKind::Completed).await;
}

/// The first try is cut off after a moment, and all that come after it are not taken: it may have been shipped.
#[tokio::test]
async fn a_first_try_without_an_answer_may_have_taken_effect() {
    let mut temporal = Temporal::new();
    let engine = temporal.start().await;
    set_stock(engine.as_ref(), ON_HAND).await;
    let id = place(engine.as_ref(), Wanted::default()).await;
    let script = Script::new([Act::Hang.step(1, 0), Act::Fail.step(MANY, 0)]);
    temporal.simulated().script(ProviderName::Carrier, Some(id.clone()), script);
    must(engine.as_ref(), &id, capture()).await;
    let stuck = until(engine.as_ref(), &id, |order| order.attention().is_some()).await;
    let attention = stuck.attention().unwrap();
    assert_eq!((attention.code, attention.attempts), (AttentionCode::OutcomeUnknown, 3));
}
