//! What is on disk: who may open it, what damage is found and where, what is rebuilt.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic wherever it is")]

use omniflow_core::{
    Actor, Command, Draft, DraftAmount, DraftLine, OrderId, PaymentReport, PolicyBook, Receipt, Reference,
    RetryPolicy, Sku, StateKind, Timestamp,
};
use omniflow_embedded::verify::verify;
use omniflow_embedded::{EmbeddedEngine, OpenError, Options, SeededEntropy, database_file};
use omniflow_engine::clock::ManualClock;
use omniflow_engine::simulated::{self, Simulated};
use omniflow_engine::{
    Answer, Attempt, Busy, Carrier, Clock, Details, Error, OrderEngine, Placement, Providers, Request,
    SetStock, ShipmentRequest,
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

async fn start(directory: &Path) -> Result<Started, OpenError> {
    let clock = ManualClock::new(Timestamp::from_millis(1_790_000_000_000));
    let options = simulated::Options { clock: Arc::new(clock.clone()), carrier_delay_ms: 0, log: None };
    let simulated = Simulated::open(options).unwrap();
    let mut options = Options::new(directory.to_owned(), simulated.providers(), Arc::new(clock.clone()));
    options.entropy = Box::new(SeededEntropy::new(1));
    let engine = Arc::new(EmbeddedEngine::open(options).await?);
    Ok(Started { engine, clock })
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

async fn place(engine: &EmbeddedEngine, external_id: Option<&str>) -> Result<OrderId, Error> {
    let line =
        DraftLine { line_id: None, sku: "tea".to_owned(), quantity: 2, unit_price: DraftAmount::default() };
    let draft = Draft {
        amount: DraftAmount { major: Some("500".to_owned()), minor: None },
        items: vec![line],
        external_id: external_id.map(str::to_owned),
        ..Draft::default()
    };
    let forward = RetryPolicy { attempts: 1, ..RetryPolicy::FORWARD };
    let terms = draft.check(&PolicyBook { forward, ..PolicyBook::default() }).unwrap();
    let address = [("street".to_owned(), "شارع 1".to_owned())].into();
    let details = Some(Details { shipping_address: Some(address), metadata: None });
    engine.place(Placement { terms, details, actor: Actor::api() }).await.map(|order| order.id.clone())
}

/// A directory with two orders, one paid and completed, left by a process that was killed.
async fn left_behind() -> (TempDir, OrderId, OrderId) {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await.unwrap();
    let sku = Sku::new("tea").unwrap();
    let (reason, actor) = (None, Actor::engine());
    let set = SetStock { sku, on_hand: 10, expected_on_hand: None, recount: false, reason, actor };
    engine.set_stock(set).await.unwrap();
    let paid = place(&engine, Some("shop-1")).await.unwrap();
    let waiting = place(&engine, None).await.unwrap();
    let command = Command::ReportPayment(PaymentReport::captured());
    let request = Request { order_id: paid.clone(), command, actor: Actor::api(), if_version: None };
    let mut order = engine.command(request).await.unwrap();
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
async fn a_missing_row_of_the_log_refuses_to_start_and_says_where() {
    let (directory, ..) = left_behind().await;
    sql(&directory, "DELETE FROM events WHERE position = 2");
    assert!(refused(&directory).await.contains("row 2 is missing"));
}

#[tokio::test]
async fn a_changed_event_refuses_to_start_and_says_where() {
    let (directory, ..) = left_behind().await;
    sql(
        &directory,
        "UPDATE events SET lines = CAST(replace(CAST(lines AS TEXT), '50000', '10000') AS BLOB) WHERE position = 1",
    );
    assert!(refused(&directory).await.contains("chain breaks at row 1"));
}

#[tokio::test]
async fn a_row_that_follows_nothing_refuses_to_start() {
    let (directory, ..) = left_behind().await;
    sql(&directory, "UPDATE events SET first_seq = 7 WHERE position = 3");
    assert!(refused(&directory).await.contains("has event 7 where 3 belongs"));
}

#[tokio::test]
async fn what_was_verified_before_is_not_verified_again() {
    let (directory, ..) = left_behind().await;
    open(directory.path()).await.unwrap().stop().await;
    sql(&directory, "UPDATE events SET link = link + 1 WHERE position = 1");
    open(directory.path()).await.unwrap().stop().await;
    assert!(!verify(directory.path()).unwrap().is_clean(), "verify looks at all of it");
}

/// Every kind of damage that `verify` promises to find.
#[tokio::test]
async fn verify_finds_each_kind_of_damage() {
    for (damage, found) in [
        ("UPDATE events SET link = link + 1 WHERE position = 1", "chain breaks"),
        ("DELETE FROM events WHERE position = 2", "gap"),
        ("DELETE FROM orders WHERE key = (SELECT min(key) FROM orders)", "no row"),
        ("UPDATE orders SET version = version + 1 WHERE key = (SELECT min(key) FROM orders)", "columns"),
        ("UPDATE orders SET record = (SELECT record FROM orders ORDER BY key DESC LIMIT 1)", "record"),
        ("UPDATE stock SET on_hand = on_hand + 1", "ledger says"),
        ("UPDATE stock SET reserved = 0", "are reserved, orders hold 2"),
        ("DELETE FROM stock_ledger WHERE id = (SELECT max(id) FROM stock_ledger)", "its events say"),
        (
            "UPDATE stock_ledger SET reserved_delta = 1 WHERE kind = 'orders' AND reserved_delta = 2",
            "its movements",
        ),
        ("UPDATE order_details SET body = x'7b7d'", "address and metadata"),
        ("UPDATE external_ids SET external_id = 'shop-2'", "external id shop-2"),
    ] {
        let (directory, ..) = left_behind().await;
        sql(&directory, damage);
        let report = verify(directory.path()).unwrap();
        assert!(
            report.described.iter().any(|fault| fault.contains(found)),
            "{damage}: {:?}",
            report.described
        );
    }
}

#[tokio::test]
async fn records_of_another_format_are_rebuilt_from_the_log() {
    let (directory, paid, waiting) = left_behind().await;
    sql(&directory, "UPDATE orders SET record = x'00', version = 1, due_at = NULL");
    sql(&directory, "UPDATE meta SET value = 0 WHERE name = 'record_format'");
    let engine = open(directory.path()).await.unwrap();
    assert_eq!(engine.read(&paid).await.unwrap().kind(), StateKind::Completed);
    assert_eq!(engine.read(&waiting).await.unwrap().kind(), StateKind::AwaitingPayment);
    engine.stop().await;
    let report = verify(directory.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.described);
}

#[tokio::test]
async fn stock_that_is_not_what_memory_says_stops_the_engine_which_recovers() {
    let (directory, ..) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    let connection = Connection::open(database_file(directory.path())).unwrap();
    connection.execute("UPDATE stock SET on_hand = 5 WHERE sku = 'tea'", []).unwrap();
    assert_eq!(place(&engine, None).await, Err(Error::OutcomeUnknown), "the guard in the statement");
    let placed = loop {
        match place(&engine, None).await {
            Err(Error::Unavailable(_)) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    assert!(placed.is_ok(), "{placed:?}");
    assert_eq!(engine.counters().recoveries, 1);
    let tea = engine.stock(&Sku::new("tea").unwrap()).await.unwrap();
    assert_eq!((tea.on_hand, tea.reserved), (5, 4), "memory is what the disk says");
}

#[tokio::test]
async fn a_timer_whose_commit_failed_fires_after_the_recovery_by_itself() {
    let (directory, _, waiting) = left_behind().await;
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    let connection = Connection::open(database_file(directory.path())).unwrap();
    // Releasing its stock is refused by the guard, once: recovery reads what is there now.
    connection.execute("UPDATE stock SET on_hand = 5 WHERE sku = 'tea'", []).unwrap();
    clock.advance(Duration::from_secs(31)).await;
    until(|| engine.counters().recoveries == 1).await;
    clock.settled().await;
    assert_eq!(engine.read(&waiting).await.unwrap().kind(), StateKind::Expired);
}

/// A carrier that answers when it is let, and fails the first time.
struct Gate {
    answers: Semaphore,
    has_failed: AtomicBool,
}

impl Default for Gated {
    fn default() -> Self {
        Self(Arc::new(Gate { answers: Semaphore::new(0), has_failed: AtomicBool::new(false) }))
    }
}

#[derive(Clone)]
struct Gated(Arc<Gate>);

impl Carrier for Gated {
    fn create_shipment<'a>(&'a self, _: &'a ShipmentRequest, busy: Busy) -> Answer<'a, (Attempt, Busy)> {
        Box::pin(async move {
            self.0.answers.acquire().await.unwrap().forget();
            if !self.0.has_failed.swap(true, Ordering::Relaxed) {
                return (Attempt::NotTaken { error: "no".to_owned() }, busy);
            }
            let tracking_number = Reference::new("T-1").unwrap();
            (Attempt::Done(Receipt::Shipment { tracking_number }), busy)
        })
    }
}

/// Begins something that will wait: what it asks for is in the queue when this returns.
async fn begun<T>(mut asked: Pin<Box<impl Future<Output = T>>>) -> Pin<Box<impl Future<Output = T>>> {
    tokio::select! {
        biased;
        _ = &mut asked => panic!("it was answered while the database was locked"),
        () = std::future::ready(()) => asked,
    }
}

#[tokio::test]
async fn a_retry_in_the_batch_of_the_outcome_that_it_answers_is_tried() {
    let directory = tempfile::tempdir().unwrap();
    let gated = Gated::default();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_millis(1_790_000_000_000)));
    let none = simulated::Options { clock: Arc::clone(&clock), carrier_delay_ms: 0, log: None };
    let providers =
        Providers { carrier: Arc::new(gated.clone()), ..Simulated::open(none).unwrap().providers() };
    let options = Options::new(directory.path().to_owned(), providers, clock);
    let engine = Arc::new(EmbeddedEngine::open(options).await.unwrap());
    let (sku, reason, actor) = (Sku::new("tea").unwrap(), None, Actor::engine());
    let set = SetStock { sku, on_hand: 10, expected_on_hand: None, recount: false, reason, actor };
    engine.set_stock(set).await.unwrap();
    let id = place(&engine, None).await.unwrap();
    let ask = |command| Request { order_id: id.clone(), command, actor: Actor::api(), if_version: None };
    engine.command(ask(Command::ReportPayment(PaymentReport::captured()))).await.unwrap();
    // While another holds the database, the writer is kept in a batch and the next one fills.
    let lock = Connection::open(database_file(directory.path())).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let placed = begun(Box::pin(place(&engine, None))).await;
    until(|| engine.counters().queue_length == 0).await;
    gated.0.answers.add_permits(2);
    until(|| engine.counters().queue_length == 1).await;
    let retried = begun(Box::pin(engine.command(ask(Command::Retry)))).await;
    assert_eq!(engine.counters().queue_length, 2, "the outcome and the retry wait together");
    lock.execute_batch("ROLLBACK").unwrap();
    placed.await.unwrap();
    let mut order = retried.await.unwrap();
    while order.kind() != StateKind::Completed {
        let changed = tokio::time::timeout(Duration::from_secs(5), engine.changed(&id, order.version)).await;
        order = changed.expect("the retry is tried").unwrap();
    }
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
    let command = Command::ReportPayment(PaymentReport::captured());
    let request = Request { order_id: id.clone(), command, actor: Actor::api(), if_version: None };
    let mut order = engine.command(request).await.unwrap();
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
