//! The answers that are kept for requests that are sent again: what is on disk of them.

use super::*;
use omniflow_engine::{AdjustStock, Idempotency};

const KEEP_MS: u64 = 60_000;

fn mark(key: &str) -> Idempotency {
    Idempotency::new("api", "/orders", key, b"{}", KEEP_MS)
}

async fn adjust(engine: &EmbeddedEngine, key: &str) -> bool {
    let (sku, reason) = (Sku::new("tea").unwrap(), omniflow_core::ReasonText::new("delivery").unwrap());
    let idempotency = Some(mark(key));
    let change = AdjustStock { sku, delta: 1, reason, actor: Actor::api(), idempotency };
    engine.adjust_stock(change).await.unwrap().replayed
}

fn kept(directory: &TempDir) -> i64 {
    let connection = Connection::open(database_file(directory.path())).unwrap();
    connection.query_row("SELECT count(*) FROM idempotency", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn answers_that_have_expired_go_and_never_many_stay() {
    let directory = tempfile::tempdir().unwrap();
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    stock_up(&engine, 10).await;
    for minute in 0..6 {
        for number in 0..50 {
            assert!(!adjust(&engine, &format!("{minute}-{number}")).await);
        }
        assert!(adjust(&engine, &format!("{minute}-0")).await, "it is kept");
        // The 50 before have expired; each new answer lets two of them go.
        assert_eq!(kept(&directory), 50, "minute {minute}");
        clock.advance(Duration::from_millis(KEEP_MS)).await;
    }
    engine.stop().await;
    assert!(verify(directory.path()).unwrap().is_clean());
}

#[tokio::test]
async fn an_expired_answer_is_replaced_by_the_next_of_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    stock_up(&engine, 10).await;
    for _ in 0..3 {
        assert!(!adjust(&engine, "k").await);
        assert!(adjust(&engine, "k").await);
        assert_eq!(kept(&directory), 1);
        clock.advance(Duration::from_millis(KEEP_MS)).await;
    }
    assert_eq!(engine.stock(&Sku::new("tea").unwrap()).await.unwrap().on_hand, 13);
}

#[tokio::test]
async fn what_is_refused_or_not_marked_is_not_kept() {
    let (directory, paid, _) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    let cancel =
        |idempotency| Request { command: Command::Cancel { reason: None }, idempotency, ..pay(&paid) };
    assert!(matches!(engine.command(cancel(Some(mark("k")))).await, Err(Error::Rejected(_))));
    engine.command(pay(&paid)).await.unwrap();
    assert_eq!(kept(&directory), 0);
    engine.command(Request { idempotency: Some(mark("k")), ..pay(&paid) }).await.unwrap();
    assert_eq!(kept(&directory), 1);
}

#[tokio::test]
async fn a_kept_answer_that_cannot_be_read_harms_no_other_request() {
    let (directory, paid, _) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    engine.command(Request { idempotency: Some(mark("k")), ..pay(&paid) }).await.unwrap();
    sql(&directory, "UPDATE idempotency SET order_key = NULL");
    let again = engine.command(Request { idempotency: Some(mark("k")), ..pay(&paid) }).await;
    assert_eq!(again, Err(Error::SetAside));
    place(&engine, None).await.unwrap();
    assert_eq!(engine.counters().recoveries, 0);
}
