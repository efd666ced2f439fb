//! Damage on disk: found, located, and rebuilt where it is only a copy.

use super::{left_behind, open, pay, place, refused, sql};
use omniflow_core::{Actor, ReasonText, Sku, StateKind};
use omniflow_embedded::verify::verify;
use omniflow_engine::{AdjustStock, Idempotency, OrderEngine, Request};
use rusqlite::Connection;
use tempfile::TempDir;

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
        "UPDATE events SET lines = CAST(replace(CAST(lines AS TEXT), '500.00', '100.00') AS BLOB) WHERE position = 1",
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
async fn what_a_killed_process_wrote_is_verified_though_all_before_was() {
    for rows in 1..4 {
        let (directory, ..) = left_behind().await;
        let engine = open(directory.path()).await.unwrap();
        for _ in 0..rows {
            place(&engine, None).await.unwrap();
        }
        engine.abandon().await;
        let first_of_these =
            "SELECT max(position) + 1 - :rows FROM events".replace(":rows", &rows.to_string());
        sql(&directory, &format!("UPDATE events SET link = link + 1 WHERE position = ({first_of_these})"));
        assert!(refused(&directory).await.contains("chain breaks at row"), "{rows}");
    }
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

/// A directory with kept answers, and lists that hold the whole log.
async fn left_behind_at_rest() -> TempDir {
    let (directory, paid, _) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    let mark = |key: &str| Some(Idempotency::new("api", "/", key, b"", 60_000));
    engine.command(Request { idempotency: mark("k"), ..pay(&paid) }).await.unwrap();
    let (sku, reason) = (Sku::new("tea").unwrap(), ReasonText::new("delivery").unwrap());
    let change = AdjustStock { sku, delta: 1, reason, actor: Actor::api(), idempotency: mark("l") };
    engine.adjust_stock(change).await.unwrap();
    engine.stop().await;
    directory
}

#[tokio::test]
async fn verify_finds_each_kept_answer_that_cannot_have_been_given() {
    let directory = left_behind_at_rest().await;
    let report = verify(directory.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.described);
    for (damage, found) in [
        ("UPDATE idempotency SET version = 0 WHERE version > 0", "is of version Some(0) of an order"),
        ("UPDATE idempotency SET version = version + 1 WHERE version > 0", "is of version"),
        ("UPDATE idempotency SET version = NULL WHERE version > 0", "is of version None"),
        ("UPDATE idempotency SET order_key = order_key + 9 WHERE version > 0", "that has 0"),
        ("UPDATE idempotency SET order_key = NULL WHERE version > 0", "is of nothing"),
        ("UPDATE idempotency SET order_key = 1 WHERE sku = 'tea'", "is of nothing"),
        ("UPDATE idempotency SET sku = 'coffee' WHERE sku = 'tea'", "cannot have been"),
        ("UPDATE idempotency SET on_hand = -1 WHERE sku = 'tea'", "cannot have been"),
        ("UPDATE idempotency SET body = x'00' WHERE sku = 'tea'", "is not whole"),
        ("UPDATE idempotency SET expires_at = at - 1 WHERE sku = 'tea'", "is not whole"),
    ] {
        let directory = left_behind_at_rest().await;
        sql(&directory, damage);
        let report = verify(directory.path()).unwrap();
        let [fault] = &report.described[..] else { panic!("{damage}: {:?}", report.described) };
        assert!(fault.contains(found), "{damage}: {fault}");
    }
}

#[tokio::test]
async fn verify_finds_lists_that_are_not_what_orders_are_and_says_what_to_do() {
    for (damage, found) in [
        ("DELETE FROM listed WHERE key = (SELECT max(key) FROM listed)", "which is open, is not listed"),
        ("UPDATE listed SET bucket = bucket + 4", "is not listed where it belongs"),
        ("UPDATE listed SET bucket = bucket - 1 WHERE key = (SELECT max(key) FROM listed)", "which is open"),
        ("UPDATE listed SET customer = 'Ada'", "is not listed where it belongs"),
        ("INSERT INTO listed (key, bucket) VALUES (77, 1)", "3 orders are listed, there are 2"),
    ] {
        let directory = left_behind_at_rest().await;
        let lists = directory.path().join("lists.db");
        assert_ne!(Connection::open(&lists).unwrap().execute(damage, []).unwrap(), 0, "{damage}");
        let report = verify(directory.path()).unwrap();
        assert!(
            report.described.iter().any(|fault| fault.contains(found) && fault.contains("delete lists.db")),
            "{damage}: {:?}",
            report.described
        );
        for suffix in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(directory.path().join(format!("lists.db{suffix}"))));
        }
        open(directory.path()).await.unwrap().stop().await;
        let report = verify(directory.path()).unwrap();
        assert!(report.is_clean(), "what it says to do helps: {:?}", report.described);
    }
}

#[tokio::test]
async fn verify_takes_lists_that_a_start_replaces_or_completes_for_what_they_are() {
    for change in [
        "UPDATE meta SET position = position - 1",
        "UPDATE meta SET link = link + 1",
        "UPDATE meta SET format = 0",
        "DELETE FROM meta",
    ] {
        let directory = left_behind_at_rest().await;
        let lists = Connection::open(directory.path().join("lists.db")).unwrap();
        lists.execute("UPDATE listed SET bucket = 0", []).unwrap();
        assert_ne!(lists.execute(change, []).unwrap(), 0);
        drop(lists);
        let report = verify(directory.path()).unwrap();
        assert!(report.is_clean(), "{change}: {:?}", report.described);
    }
    let directory = left_behind_at_rest().await;
    std::fs::write(directory.path().join("lists.db"), vec![7; 5_000]).unwrap();
    let report = verify(directory.path()).unwrap();
    assert!(report.described[0].contains("the lists cannot be read"), "{:?}", report.described);
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
