//! What is on disk: who may open it, what damage is found and where, what is rebuilt.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic wherever it is")]

mod damage;
mod faults;
mod filters;
mod full_disk;
mod lists;
mod marks;

use omniflow_core::{
    Actor, AttentionCode, Command, Draft, DraftAmount, DraftLine, OrderId, PaymentId, PaymentReport,
    PolicyBook, Receipt, Reference, RetryPolicy, Sku, StateKind, Terms, Timestamp,
};
use omniflow_embedded::verify::verify;
use omniflow_embedded::{EmbeddedEngine, Ended, OpenError, Options, SeededEntropy, database_file};
use omniflow_engine::clock::ManualClock;
use omniflow_engine::simulated::{self, Simulated};
use omniflow_engine::{
    Answer, Attempt, Busy, Carrier, Clock, Details, Error, FeedScope, Health, OrderEngine, Page, Placement,
    Position, Providers, Request, SetStock, ShipmentRequest,
};
use rusqlite::Connection;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// An engine with the clock that it stands on.
struct Started {
    engine: Arc<EmbeddedEngine>,
    clock: ManualClock,
}

const START_MS: i64 = 1_790_000_000_000;

async fn start(directory: &Path) -> Result<Started, OpenError> {
    start_with(directory, |_| {}).await
}

async fn start_with(directory: &Path, change: impl FnOnce(&mut Options)) -> Result<Started, OpenError> {
    let clock = ManualClock::new(Timestamp::from_millis(START_MS));
    let options = simulated::Options { clock: Arc::new(clock.clone()), carrier_delay_ms: 0, log: None };
    let simulated = Simulated::open(options).unwrap();
    let mut options = Options::new(directory.to_owned(), simulated.providers(), Arc::new(clock.clone()));
    options.entropy = Box::new(SeededEntropy::new(1));
    change(&mut options);
    let engine = Arc::new(EmbeddedEngine::open(options).await?);
    Ok(Started { engine, clock })
}

async fn stock_up(engine: &EmbeddedEngine, on_hand: u64) {
    let (sku, reason, actor) = (Sku::new("tea").unwrap(), None, Actor::engine());
    let set = SetStock { sku, on_hand, expected_on_hand: None, recount: false, reason, actor };
    engine.set_stock(set).await.unwrap();
}

fn pay(order_id: &OrderId) -> Request {
    let command = Command::ReportPayment(PaymentReport::captured());
    Request { order_id: order_id.clone(), command, actor: Actor::api(), if_version: None, idempotency: None }
}

async fn open(directory: &Path) -> Result<Arc<EmbeddedEngine>, OpenError> {
    start(directory).await.map(|started| started.engine)
}

/// Waits for what other threads bring about.
async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// Waits until the engine says so of itself.
async fn until_health(engine: &EmbeddedEngine, holds: impl Fn(&Health) -> bool) {
    while !holds(&engine.health().await) {
        tokio::task::yield_now().await;
    }
}

fn terms(external_id: Option<&str>) -> Terms {
    let line =
        DraftLine { line_id: None, sku: "tea".to_owned(), quantity: 2, unit_price: DraftAmount::default() };
    let draft = Draft {
        amount: DraftAmount { major: Some("500".to_owned()), minor: None },
        items: vec![line],
        external_id: external_id.map(str::to_owned),
        ..Draft::default()
    };
    let forward = RetryPolicy { attempts: 1, ..RetryPolicy::FORWARD };
    draft.check(&PolicyBook { forward, ..PolicyBook::default() }).unwrap()
}

async fn place(engine: &EmbeddedEngine, external_id: Option<&str>) -> Result<OrderId, Error> {
    let terms = terms(external_id);
    let address = [("street".to_owned(), "شارع 1".to_owned())].into();
    let details = Some(Details { shipping_address: Some(address), metadata: None });
    engine
        .place(Placement { terms, details, actor: Actor::api(), idempotency: None })
        .await
        .map(|answered| answered.order.id.clone())
}

/// A directory with two orders, one paid and completed, left by a process that was killed.
async fn left_behind() -> (TempDir, OrderId, OrderId) {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await.unwrap();
    stock_up(&engine, 10).await;
    let paid = place(&engine, Some("shop-1")).await.unwrap();
    let waiting = place(&engine, None).await.unwrap();
    let mut order = engine.command(pay(&paid)).await.unwrap().order;
    while order.kind() != StateKind::Completed {
        order = engine.changed(&paid, order.version).await.unwrap();
    }
    engine.abandon().await;
    (directory, paid, waiting)
}

fn sql(directory: &TempDir, statement: &str) {
    let connection = Connection::open(database_file(directory.path())).unwrap();
    assert_ne!(connection.execute(statement, []).unwrap(), 0, "{statement} changes something");
}

async fn refused(directory: &TempDir) -> String {
    match open(directory.path()).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn one_process_has_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).await.unwrap();
    assert!(refused(&directory).await.contains("in use by another OmniFlow"));
    first.stop().await;
    open(directory.path()).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (directory, ..) = left_behind().await;
    let connection = Connection::open(database_file(directory.path())).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(refused(&directory).await.contains("newer OmniFlow"));
    assert!(verify(directory.path()).unwrap_err().to_string().contains("newer OmniFlow"));
}

#[tokio::test]
async fn what_a_killed_process_left_behind_verifies_and_goes_on() {
    let (directory, paid, waiting) = left_behind().await;
    let report = verify(directory.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.described);
    assert_eq!((report.orders, report.skus, report.movements), (2, 1, 3));
    let engine = open(directory.path()).await.unwrap();
    assert_eq!(engine.read(&paid).await.unwrap().kind(), StateKind::Completed);
    assert_eq!(engine.read(&waiting).await.unwrap().kind(), StateKind::AwaitingPayment);
    assert_eq!(place(&engine, Some("shop-1")).await, Err(Error::ExternalIdTaken(paid)));
}

#[tokio::test]
async fn goods_that_leave_after_a_recount_found_too_few_leave_none_behind() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await.unwrap();
    let set = |on_hand, recount| SetStock {
        sku: Sku::new("tea").unwrap(),
        on_hand,
        expected_on_hand: None,
        recount,
        reason: None,
        actor: Actor::api(),
    };
    engine.set_stock(set(10, false)).await.unwrap();
    let id = place(&engine, None).await.unwrap();
    assert_eq!(engine.set_stock(set(1, false)).await, Err(Error::BelowReserved { reserved: 2 }));
    assert_eq!(engine.set_stock(set(1, true)).await.unwrap().level.short(), 1);
    let mut order = engine.command(pay(&id)).await.unwrap().order;
    while order.kind() != StateKind::Completed {
        order = engine.changed(&id, order.version).await.unwrap();
    }
    let tea = engine.stock(&Sku::new("tea").unwrap()).await.unwrap();
    assert_eq!((tea.on_hand, tea.reserved), (0, 0));
    assert_eq!(engine.counters().recoveries, 0);
    engine.stop().await;
    assert!(verify(directory.path()).unwrap().is_clean());
}

#[tokio::test]
async fn a_directory_without_data_is_not_made_by_verify() {
    let directory = tempfile::tempdir().unwrap();
    assert!(verify(directory.path()).unwrap_err().to_string().contains("no OmniFlow data"));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn time_goes_on_from_what_was_recorded_though_the_clock_was_set_back() {
    let directory = tempfile::tempdir().unwrap();
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    stock_up(&engine, 10).await;
    clock.advance(Duration::from_secs(3_600)).await;
    let id = place(&engine, None).await.unwrap();
    clock.advance(Duration::from_secs(60)).await;
    assert_eq!(engine.read(&id).await.unwrap().kind(), StateKind::Expired);
    engine.stop().await;
    // The clock begins where it began before, more than an hour earlier; no order is open.
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    let id = place(&engine, None).await.unwrap();
    let placed = engine.read(&id).await.unwrap();
    assert_eq!(placed.created_at.as_millis(), START_MS + 3_600_000 + 30_000, "after the last event");
    clock.advance(Duration::from_secs(30)).await;
    assert_eq!(engine.read(&id).await.unwrap().kind(), StateKind::Expired, "the window is 30 s, not an hour");
}

#[tokio::test]
async fn an_end_does_not_wait_for_a_backlog_of_timers_and_the_next_start_fires_them() {
    let directory = tempfile::tempdir().unwrap();
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    stock_up(&engine, 10_000).await;
    let mut ids = vec![];
    for _ in 0..3_000 {
        ids.push(place(&engine, None).await.unwrap());
    }
    // Kept in a batch while all timers come due and the engine is told to end.
    let lock = Connection::open(database_file(directory.path())).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let advanced = tokio::spawn(async move { clock.advance(Duration::from_secs(31)).await });
    until(|| engine.counters().timers == 0 && engine.counters().queue_length > 1_000).await;
    let stopped = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.stop().await }
    });
    until_health(&engine, |health| matches!(health, Health::Unavailable(_))).await;
    lock.execute_batch("ROLLBACK").unwrap();
    stopped.await.unwrap();
    advanced.abort();
    let report = verify(directory.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.described);
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    clock.advance(Duration::from_secs(31)).await;
    for id in &ids {
        assert_eq!(engine.read(id).await.unwrap().kind(), StateKind::Expired);
    }
}

#[tokio::test]
async fn a_directory_of_the_first_schema_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let connection = Connection::open(database_file(directory.path())).unwrap();
    connection.execute_batch("PRAGMA page_size = 1024; PRAGMA journal_mode = WAL").unwrap();
    connection.execute_batch(include_str!("../../src/sql/0001_initial.sql")).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let engine = open(directory.path()).await.unwrap();
    stock_up(&engine, 10).await;
    place(&engine, None).await.unwrap();
    let page = Page { limit: 10, ..Page::default() };
    assert_eq!(engine.list(page).await.unwrap().orders.len(), 1);
    engine.stop().await;
    let report = verify(directory.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.described);
}
