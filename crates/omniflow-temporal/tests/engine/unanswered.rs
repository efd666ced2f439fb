//! What is answered where no worker answers, or a server is not there; and that it is done once one is.

use crate::client::{Client, history};
use crate::harness::{Temporal, link};
use crate::orders::{TEA, Wanted, capture, set_stock, until};
use omniflow_core::{
    Actor, Command, Entry, Event, ExternalId, OrderId, PaymentStatus, StateKind, Terms, placed,
};
use omniflow_engine::conformance::Harness;
use omniflow_engine::{
    Answered, Error, FeedScope, Health, Idempotency, OrderEngine, Page, Placement, Position, Request,
};
use omniflow_temporal::store::{Claim, Store, StoreSettings};
use omniflow_temporal::{EngineSettings, TemporalEngine};
use std::sync::Arc;
use std::time::Duration;

const KEEP_MS: u64 = 3_600_000;

/// An engine that waits for no worker for long.
fn hasty(temporal: &Temporal) -> Arc<TemporalEngine> {
    let mut settings = EngineSettings::new(temporal.queue());
    settings.patience = Duration::from_secs(1);
    engine(temporal, &temporal.servers().temporal, temporal.store(), settings)
}

fn engine(temporal: &Temporal, at: &str, store: Store, settings: EngineSettings) -> Arc<TemporalEngine> {
    Arc::new(TemporalEngine::new(link(at), settings, store, temporal.clock()))
}

async fn place(engine: &dyn OrderEngine, quantity: u32, key: &str) -> Result<Answered, Error> {
    let idempotency = Some(Idempotency::new("shop", "/orders", key, b"{}", KEEP_MS));
    let terms = Wanted { quantity, ..Wanted::default() }.terms();
    engine.place(Placement { terms, details: None, actor: Actor::api(), idempotency }).await
}

async fn pay(engine: &TemporalEngine, id: &OrderId, key: &str) -> Result<Answered, Error> {
    let idempotency = Some(Idempotency::new("shop", "/pay", key, b"{}", KEEP_MS));
    let (order_id, actor) = (id.clone(), Actor::new("shop").unwrap());
    engine.command(Request { order_id, command: capture(), actor, if_version: None, idempotency }).await
}

async fn captures(engine: &TemporalEngine, id: &OrderId) -> Vec<String> {
    let timeline = engine.timeline(id).await.unwrap();
    let captured = timeline.iter().filter(|entry| entry.entry.event.name() == "payment_captured");
    captured.map(|entry| entry.entry.actor.to_string()).collect()
}

#[tokio::test]
async fn a_placing_that_nobody_decides_is_taken_and_goes_on_once_there_is_a_worker() {
    let mut temporal = Temporal::new();
    let engine = hasty(&temporal);
    set_stock(&*engine, 10).await;
    let taken = place(&*engine, 1, "k").await.unwrap();
    let id = taken.order.id.clone();
    assert!(taken.pending && !taken.replayed);
    assert_eq!(taken.order.kind(), StateKind::Reserving);
    assert_eq!(engine.read(&id).await.unwrap(), taken.order);
    let listing = engine.list(Page { limit: 9, ..Page::default() }).await.unwrap();
    assert_eq!(listing.orders, [taken.order]);
    let scope = FeedScope::Order(id.clone());
    assert_eq!(engine.feed(&scope, Position::default(), 9).await.unwrap().len(), 1);
    let again = place(&*engine, 1, "k").await.unwrap();
    assert!(again.pending && again.replayed && again.order.id == id, "{again:?}");

    temporal.start().await;
    let order = until(&*engine, &id, |order| order.kind() == StateKind::AwaitingPayment).await;
    let again = place(&*engine, 1, "k").await.unwrap();
    assert!(!again.pending && again.replayed);
    assert_eq!(again.order, order);
    assert_eq!(place(&*engine, 1, "k").await.unwrap(), again, "the same answer from now on");
    assert_eq!(engine.stock(&crate::orders::sku()).await.unwrap().reserved, 1, "{TEA}");
}

#[tokio::test]
async fn what_was_taken_is_kept_where_its_stock_is_then_refused() {
    let mut temporal = Temporal::new();
    let engine = hasty(&temporal);
    set_stock(&*engine, 10).await;
    let taken = place(&*engine, 11, "k").await.unwrap();
    let id = taken.order.id.clone();
    assert!(taken.pending);
    let paid = pay(&engine, &id, "p").await.unwrap();
    assert!(paid.pending && paid.order == taken.order);

    let patient = temporal.start().await;
    let is_over = |order: &omniflow_core::Order| {
        order.kind() == StateKind::Failed && order.payments.status() == PaymentStatus::Refunded
    };
    let order = until(&*engine, &id, is_over).await;
    let again = place(&*engine, 11, "k").await.unwrap();
    assert_eq!((again.order.id.clone(), again.pending, again.replayed), (order.id.clone(), false, true));
    assert_eq!(captures(&engine, &id).await, ["shop"]);
    let other = place(&*patient, 11, "other").await;
    assert!(matches!(other, Err(Error::OutOfStock(_))), "with a worker it is refused: {other:?}");
}

#[tokio::test]
async fn a_payment_report_that_nobody_applies_is_kept_and_applied_once() {
    let mut temporal = Temporal::new();
    let patient = temporal.start().await;
    let engine = hasty(&temporal);
    set_stock(&*engine, 10).await;
    let id = crate::orders::place(&*patient, Wanted::default()).await;
    temporal.crash().await;
    for _ in 0..2 {
        let left = pay(&engine, &id, "p").await.unwrap();
        assert!(left.pending && !left.replayed);
        assert_eq!(left.order.kind(), StateKind::AwaitingPayment);
    }
    temporal.start().await;
    until(&*engine, &id, |order| order.kind() == StateKind::Completed).await;
    assert_eq!(captures(&engine, &id).await, ["shop"], "by whoever reported it, once");
    let again = pay(&engine, &id, "p").await.unwrap();
    assert!(again.replayed && !again.pending, "its mark is kept: {again:?}");
    assert_eq!(engine.timeline(&id).await.unwrap().len(), 5, "and nothing else came of it");
}

/// As where one of them was given another schema. Nobody may try for ever.
#[tokio::test]
async fn a_placing_that_its_workflow_does_not_find_is_no_endless_matter() {
    let mut temporal = Temporal::new();
    temporal.start().await;
    let mut settings = StoreSettings::new(temporal.servers().postgres.as_str());
    settings.schema = format!("{}_other", temporal.queue());
    let store = Store::connect(&settings).unwrap();
    let at = &temporal.servers().temporal;
    let engine = engine(&temporal, at, store, EngineSettings::new(temporal.queue()));
    set_stock(&*engine, 10).await;
    let external = |key: &'static str| {
        let terms =
            Terms { external_id: Some(ExternalId::new("cart-1").unwrap()), ..Wanted::default().terms() };
        let idempotency = Some(Idempotency::new("shop", "/orders", key, b"{}", KEEP_MS));
        engine.place(Placement { terms, details: None, actor: Actor::api(), idempotency })
    };
    for _ in 0..2 {
        assert_eq!(external("k").await, Err(Error::OutcomeUnknown));
        let rival = external("other").await;
        assert!(matches!(rival, Err(Error::Unavailable(_))), "{rival:?}");
    }
}

/// What is left is applied at whatever version the order then has.
#[tokio::test]
async fn a_payment_report_for_one_version_only_is_not_left() {
    let mut client = Client::new().await;
    let id = crate::orders::place(&*client.engine, Wanted::default()).await;
    client.order_id = id.to_string();
    client.temporal.crash().await;
    let engine = hasty(&client.temporal);
    let pay = async |if_version| {
        let (order_id, actor) = (id.clone(), Actor::api());
        let request = Request { order_id, command: capture(), actor, if_version, idempotency: None };
        engine.command(request).await.map(|answered| answered.pending)
    };
    let left = async || {
        let history = history(&client.temporal.servers().temporal, &id, None).await;
        history.to_string().matches("WorkflowExecutionSignaledEventAttributes").count()
    };
    assert_eq!(pay(Some(2)).await, Err(Error::OutcomeUnknown));
    assert_eq!(left().await, 0);
    assert_eq!(pay(None).await, Ok(true));
    assert_eq!(left().await, 1);
}

/// As a row is that waits for stock of which many want some.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_placing_is_taken_also_where_its_row_is_held_for_a_while() {
    let temporal = Temporal::new();
    let mut settings = StoreSettings::new(temporal.servers().postgres.as_str());
    settings.schema = temporal.queue().to_owned();
    (settings.connections, settings.lock_timeout) = (1, Duration::from_millis(200));
    let store = Store::connect(&settings).unwrap();
    let mut settings = EngineSettings::new(temporal.queue());
    settings.patience = Duration::from_secs(1);
    let engine = engine(&temporal, &temporal.servers().temporal, store, settings);
    set_stock(&*engine, 10).await;
    let (holder, watcher) = (temporal.postgres().await, temporal.postgres().await);
    let pid: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let hold = async {
        let claimed = "SELECT count(*) FROM orders";
        while watcher.query_one(claimed, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
        holder.batch_execute("BEGIN; SELECT FROM orders FOR UPDATE").await.unwrap();
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND $1 = ANY (pg_blocking_pids(pid))";
        // It waits, gives up, and waits again.
        for expected in [1, 0, 1] {
            while watcher.query_one(waits, &[&pid]).await.unwrap().get::<_, i64>(0) != expected {}
        }
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let (taken, held) =
        tokio::join!(place(&*engine, 1, "k"), tokio::time::timeout(Duration::from_secs(20), hold));
    held.expect("it is asked again");
    let taken = taken.unwrap();
    assert!(taken.pending && taken.order.kind() == StateKind::Reserving, "{taken:?}");
}

/// Only money must never be lost: nobody is told of anything else that it was taken.
#[tokio::test]
async fn what_came_of_anything_else_is_unknown() {
    let mut temporal = Temporal::new();
    let patient = temporal.start().await;
    let engine = hasty(&temporal);
    set_stock(&*engine, 10).await;
    let id = crate::orders::place(&*patient, Wanted::default()).await;
    temporal.crash().await;
    let cancelled = crate::orders::tell(&*engine, &id, Command::Cancel { reason: None }).await;
    assert_eq!(cancelled, Err(Error::OutcomeUnknown));
}

#[tokio::test]
async fn a_claim_whose_workflow_was_never_started_is_found() {
    let mut temporal = Temporal::new();
    let first = temporal.start().await;
    set_stock(&*first, 10).await;
    let order_id = OrderId::new(format!("ORD-{}", temporal.queue())).unwrap();
    let event = Event::OrderPlaced { order_id, terms: Box::new(Wanted::default().terms()), details: None };
    let at = temporal.clock().now();
    let entry = Entry { seq: 1, at, actor: Actor::api(), event };
    let order = placed(&entry).unwrap();
    let store = temporal.store();
    assert_eq!(store.claim(&entry, &order, None, None).await.unwrap(), Claim::Made);
    assert_eq!(first.read(&order.id).await, Err(Error::OrderNotFound));
    let mut settings = EngineSettings::new(temporal.queue());
    settings.sweep_after = Duration::from_millis(300);
    let engine = engine(&temporal, &temporal.servers().temporal, store, settings);
    let mut order_then = engine.read(&order.id).await;
    while order_then == Err(Error::OrderNotFound) {
        tokio::task::yield_now().await;
        order_then = engine.read(&order.id).await;
    }
    let awaiting = until(&*engine, &order.id, |order| order.kind() == StateKind::AwaitingPayment).await;
    assert_eq!(awaiting.version, 2);
}

#[tokio::test]
async fn servers_that_are_not_there_are_named_and_nothing_is_claimed() {
    let temporal = Temporal::new();
    let nowhere = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
    let settings = || EngineSettings::new(temporal.queue());
    let without_temporal = engine(&temporal, &nowhere, temporal.store(), settings());
    set_stock(&*without_temporal, 10).await;
    let refused = place(&*without_temporal, 1, "k").await;
    let said = format!("the engine cannot work now: Temporal at {nowhere} cannot be used now: ");
    assert!(refused.as_ref().is_err_and(|error| error.to_string().starts_with(&said)), "{refused:?}");
    assert!(matches!(refused, Err(Error::Unavailable(_))));
    assert_eq!(temporal.store().undecided(temporal.clock().now(), None, 9).await.unwrap(), []);
    let Health::Unavailable(said) = without_temporal.health().await else { panic!("it is not ready") };
    assert!(said.starts_with(&format!("Temporal at {nowhere} ")) && !said.contains("PostgreSQL"), "{said}");

    let store = Store::connect(&StoreSettings::new(format!("postgres://me:secret@{nowhere}/none"))).unwrap();
    let without_postgres = engine(&temporal, &temporal.servers().temporal, store, settings());
    let Health::Unavailable(said) = without_postgres.health().await else { panic!("it is not ready") };
    assert!(said.starts_with(&format!("PostgreSQL at {nowhere} ")), "{said}");
    assert!(!said.contains("Temporal") && !said.contains("secret"), "{said}");
    let refused = place(&*without_postgres, 1, "k").await;
    assert!(
        matches!(&refused, Err(Error::Unavailable(said)) if said.contains("PostgreSQL at")),
        "{refused:?}"
    );
    assert_eq!(hasty(&temporal).health().await, Health::Ready);
}
