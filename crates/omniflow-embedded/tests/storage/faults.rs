//! Faults while it runs: the engine recovers from disk by itself, and says to each client what is known.

use super::*;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

fn recovering() -> Error {
    Error::Unavailable("its storage failed; it is recovering".to_owned())
}

#[tokio::test]
async fn stock_that_is_not_what_memory_says_stops_the_engine_which_recovers() {
    let (directory, ..) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    let connection = Connection::open(database_file(directory.path())).unwrap();
    connection.execute("UPDATE stock SET on_hand = 5 WHERE sku = 'tea'", []).unwrap();
    assert_eq!(place(&engine, None).await, Err(recovering()), "the guard in the statement");
    until(|| engine.counters().recoveries == 1).await;
    place(&engine, None).await.unwrap();
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
    stock_up(&engine, 10).await;
    let id = place(&engine, None).await.unwrap();
    let ask = |command| Request {
        order_id: id.clone(),
        command,
        actor: Actor::api(),
        if_version: None,
        idempotency: None,
    };
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
    let mut order = retried.await.unwrap().order;
    while order.kind() != StateKind::Completed {
        let changed = tokio::time::timeout(Duration::from_secs(5), engine.changed(&id, order.version)).await;
        order = changed.expect("the retry is tried").unwrap();
    }
}

#[tokio::test]
async fn a_full_queue_refuses_clients_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let gated = Gated::default();
    let options = |options: &mut Options| {
        options.providers.carrier = Arc::new(gated.clone());
        options.queue_capacity = 3;
    };
    let engine = start_with(directory.path(), options).await.unwrap().engine;
    stock_up(&engine, 100).await;
    let shipping = place(&engine, None).await.unwrap();
    engine.command(pay(&shipping)).await.unwrap();
    let lock = Connection::open(database_file(directory.path())).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut taken = vec![begun(Box::pin(place(&engine, None))).await];
    until(|| engine.counters().queue_length == 0).await;
    for _ in 0..3 {
        taken.push(begun(Box::pin(place(&engine, None))).await);
    }
    assert_eq!(place(&engine, None).await, Err(Error::Overloaded));
    assert_eq!(engine.command(pay(&shipping)).await, Err(Error::Overloaded));
    gated.0.answers.add_permits(1);
    until(|| engine.counters().queue_length == 4).await; // The carrier's answer entered.
    lock.execute_batch("ROLLBACK").unwrap();
    for taken in taken {
        taken.await.unwrap();
    }
    let mut order = engine.read(&shipping).await.unwrap();
    while order.attention().is_none() {
        order = engine.changed(&shipping, order.version).await.unwrap();
    }
    assert_eq!(engine.counters().queue_length, 0);
    place(&engine, None).await.unwrap();
}

#[tokio::test]
async fn an_order_that_fails_again_is_set_aside_and_the_others_go_on() {
    let (directory, _, waiting) = left_behind().await;
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    // Every attempt to write it finds another version than the order has.
    sql(&directory, "UPDATE orders SET version = version + 1 WHERE open = 1");
    assert_eq!(engine.command(pay(&waiting)).await, Err(recovering()), "nothing was done");
    until(|| engine.counters().recoveries == 1).await;
    assert_eq!(engine.counters().set_aside, 0, "once may be chance");
    let other = place(&engine, None).await.unwrap();
    clock.advance(Duration::from_secs(31)).await;
    until(|| engine.counters().recoveries == 2).await;
    clock.settled().await;
    assert_eq!(engine.counters().set_aside, 1);
    assert_eq!(engine.read(&other).await.unwrap().kind(), StateKind::Expired);
    assert_eq!(engine.command(pay(&waiting)).await, Err(Error::SetAside));
    assert_eq!(engine.read(&waiting).await.unwrap().kind(), StateKind::AwaitingPayment);
    assert_eq!(engine.counters().recoveries, 2);
}

#[tokio::test]
async fn a_recovery_leaves_nothing_in_the_log_that_a_failed_sync_could_have_left() {
    let (directory, ..) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    place(&engine, None).await.unwrap();
    let log = database_file(directory.path()).with_extension("db-wal");
    assert_ne!(log.metadata().unwrap().len(), 0);
    sql(&directory, "UPDATE stock SET on_hand = 5 WHERE sku = 'tea'");
    assert_eq!(place(&engine, None).await, Err(recovering()));
    until(|| engine.counters().recoveries == 1).await;
    let read = Connection::open(database_file(directory.path())).unwrap();
    let frames = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (logged, folded) = read.query_row("PRAGMA wal_checkpoint(NOOP)", [], frames).unwrap();
    assert_eq!(logged, folded, "it is all in the database, and synced");
}

/// A carrier with a fault of its own: it panics, or gives an answer that cannot be true.
struct Faulty {
    panics: bool,
}

impl Carrier for Faulty {
    fn create_shipment<'a>(&'a self, _: &'a ShipmentRequest, busy: Busy) -> Answer<'a, (Attempt, Busy)> {
        Box::pin(async move {
            assert!(!self.panics, "on purpose");
            (Attempt::Done(Receipt::Refund { reference: None }), busy)
        })
    }
}

#[tokio::test]
async fn a_fault_of_a_provider_s_adapter_is_shown_to_a_person() {
    for (panics, told) in [(false, "cannot be true"), (true, "panicked")] {
        let directory = tempfile::tempdir().unwrap();
        let faulty = |options: &mut Options| options.providers.carrier = Arc::new(Faulty { panics });
        let Started { engine, clock } = start_with(directory.path(), faulty).await.unwrap();
        stock_up(&engine, 10).await;
        let id = place(&engine, None).await.unwrap();
        engine.command(pay(&id)).await.unwrap();
        clock.settled().await;
        let order = engine.read(&id).await.unwrap();
        let attention = order.attention().unwrap();
        assert_eq!(attention.code, AttentionCode::OutcomeUnknown);
        let detail = attention.detail.as_ref().unwrap().as_str();
        assert!(detail.contains(told), "{detail}");
        assert_eq!(engine.counters().effects, 0);
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_made_anew_from_the_log() {
    let (directory, _, waiting) = left_behind().await;
    sql(&directory, "UPDATE orders SET record = x'00ff' WHERE open = 1");
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    clock.advance(Duration::from_secs(31)).await;
    assert_eq!(engine.read(&waiting).await.unwrap().kind(), StateKind::Expired);
    engine.stop().await;
    assert!(verify(directory.path()).unwrap().is_clean());
}

#[tokio::test]
async fn an_ended_order_that_cannot_be_read_harms_no_other() {
    let (directory, paid, _) = left_behind().await;
    open(directory.path()).await.unwrap().stop().await; // The lists know that it has ended.
    sql(&directory, "UPDATE orders SET record = x'00ff' WHERE open = 0");
    let engine = open(directory.path()).await.unwrap();
    assert_eq!(place(&engine, Some("shop-1")).await, Err(Error::SetAside), "its order holds the number");
    assert!(matches!(engine.read(&paid).await, Err(Error::Unavailable(_))));
    place(&engine, Some("shop-2")).await.unwrap();
    assert_eq!(engine.counters().recoveries, 0);
}

#[tokio::test]
async fn a_program_that_reads_the_database_keeps_nobody_from_ending() {
    let (directory, _, waiting) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    let reader = Connection::open(database_file(directory.path())).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
    engine.command(pay(&waiting)).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(6), engine.stop()).await;
    assert_eq!(ended.expect("it ends"), Ended::Finished);
    reader.execute_batch("ROLLBACK").unwrap();
    assert!(verify(directory.path()).unwrap().is_clean());
}

#[tokio::test]
async fn a_program_that_reads_the_database_keeps_nobody_from_starting() {
    let (directory, ..) = left_behind().await;
    let reader = Connection::open(database_file(directory.path())).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM orders").unwrap();
    let engine = open(directory.path()).await.unwrap();
    place(&engine, None).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_events_is_told_at_the_end() {
    let (directory, ..) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    let waiting = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.feed(&FeedScope::All, Position(u64::MAX >> 1), 10).await }
    });
    tokio::task::yield_now().await;
    engine.stop().await;
    let told = tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it is told").unwrap();
    assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
}

#[tokio::test]
async fn a_wait_for_an_ended_order_sleeps_until_that_order_changes() {
    let (directory, paid, _) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    let version = engine.read(&paid).await.unwrap().version;
    let mut wait = Box::pin(engine.changed(&paid, version));
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut wait).await.is_err());
    place(&engine, None).await.unwrap();
    let mut second = pay(&paid);
    let other = PaymentId::new("other").unwrap();
    second.command = Command::ReportPayment(PaymentReport { payment_id: other, ..PaymentReport::captured() });
    engine.command(second).await.unwrap();
    assert!(wait.await.unwrap().version > version);
    let wait = engine.changed(&paid, 1_000_000);
    assert!(wait.await.unwrap().version > version, "another version is there already");
}

#[tokio::test]
async fn an_order_that_cannot_be_read_keeps_nobody_from_the_events_of_others() {
    let (directory, _, waiting) = left_behind().await;
    open(directory.path()).await.unwrap().stop().await;
    sql(&directory, "UPDATE orders SET record = x'00ff' WHERE open = 0");
    let engine = open(directory.path()).await.unwrap();
    let entries = engine.feed(&FeedScope::All, Position::default(), 100).await.unwrap();
    assert!(!entries.is_empty() && entries.iter().all(|entry| entry.order_id == waiting), "{entries:?}");
}

/// What an engine says of its oldest overdue timer.
fn overdue(engine: &EmbeddedEngine) -> String {
    let mut registry = Registry::default();
    engine.metrics().register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text.lines().find_map(|line| line.strip_prefix("timer_overdue_seconds ")).unwrap().to_owned()
}

#[tokio::test]
async fn a_timer_that_cannot_fire_is_said_to_be_overdue() {
    let (directory, _, waiting) = left_behind().await;
    let lock = Connection::open(database_file(directory.path())).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let late = ManualClock::new(Timestamp::from_millis(START_MS + 100_000));
    let clock = late.clone();
    let engine = start_with(directory.path(), |options| options.clock = Arc::new(late)).await.unwrap().engine;
    assert_eq!(overdue(&engine), "70.0");
    lock.execute_batch("ROLLBACK").unwrap();
    clock.settled().await;
    assert_eq!(engine.read(&waiting).await.unwrap().kind(), StateKind::Expired);
    assert_eq!(overdue(&engine), "0.0");
}
