//! Damage on disk: found, located, and rebuilt where it is only a copy.

use super::{left_behind, open, refused, sql};
use omniflow_core::StateKind;
use omniflow_embedded::verify::verify;
use omniflow_engine::OrderEngine;

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
