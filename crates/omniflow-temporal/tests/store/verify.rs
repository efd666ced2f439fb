//! Checking everything that is stored: clean where all holds, and each kind of damage is found.

use crate::world::{AT, Life, World, details, mark, terms};
use omniflow_core::{Receipt, Reference, Step};

/// Orders that hold, have given back and have used up stock, one that was claimed, and one with an address.
async fn some_orders(world: &World) {
    world.stock_of("tea", 10).await;
    let mut held = Life::new("ORD-1", &[("tea", 3)]);
    world.place(&mut held).await;
    let mut cancelled = Life::new("ORD-2", &[("tea", 2)]);
    world.place(&mut cancelled).await;
    let version = cancelled.order.version;
    cancelled.cancel().settled(Step::ReleaseStock, Receipt::Stock);
    cancelled.publish(&world.store, version, |publish| publish.stock = Some(Step::ReleaseStock)).await;
    let mut shipped = Life::new("ORD-3", &[("tea", 1)]);
    world.place(&mut shipped).await;
    let version = shipped.order.version;
    let receipt = Receipt::Shipment { tracking_number: Reference::new("T-1").unwrap() };
    shipped.pay().settled(Step::Ship, receipt).settled(Step::ConsumeStock, Receipt::Stock);
    shipped.publish(&world.store, version, |publish| publish.stock = Some(Step::ConsumeStock)).await;
    let salted = details();
    let claimed = Life::of("ORD-4", terms(&[("tea", 1)]), Some(&salted), AT);
    world.store.claim(&claimed.first, &claimed.placed, Some(&salted), Some(&mark("k", "{}"))).await.unwrap();
}

#[tokio::test]
async fn what_holds_is_clean_also_between_a_reservation_and_its_event() {
    let world = World::new("verify_clean").await;
    some_orders(&world).await;
    let report = world.store.verify().await.unwrap();
    assert_eq!(report.described, [""; 0]);
    assert_eq!((report.orders, report.skus, report.movements), (4, 1, 5));
    let begun = Life::of("ORD-4", terms(&[("tea", 1)]), Some(&details()), AT);
    world.begin(&begun).await;
    assert_eq!(world.store.verify().await.unwrap().described, [""; 0], "reserved, and not said yet");
}

/// A statement that damages, and a part of what must be said of it.
const DAMAGES: &[(&str, &str)] = &[
    (
        "UPDATE order_events SET line = line || ' ' WHERE order_id = 'ORD-1' AND version = 1",
        "the chain breaks",
    ),
    ("DELETE FROM order_events WHERE order_id = 'ORD-2' AND version = 2", "event 2 is missing"),
    ("UPDATE order_events SET position = NULL WHERE order_id = 'ORD-1'", "has no place in the feed"),
    ("UPDATE orders SET version = version + 1 WHERE id = 'ORD-1'", "does not end where its events do"),
    (
        "UPDATE orders SET record = (SELECT record FROM orders WHERE id = 'ORD-2') WHERE id = 'ORD-1'",
        "its record is not what its events fold to",
    ),
    ("UPDATE orders SET state = 'completed' WHERE id = 'ORD-1'", "its column state"),
    ("UPDATE orders SET settled = NULL WHERE id = 'ORD-2'", "its column settled"),
    ("UPDATE orders SET customer_id = 'c-9' WHERE id = 'ORD-1'", "its column customer_id"),
    ("DELETE FROM orders WHERE id = 'ORD-1'", "no such order"),
    ("UPDATE order_details SET body = 'x'", "its address and metadata"),
    ("UPDATE stock SET on_hand = on_hand + 1", "its ledger says"),
    ("DELETE FROM stock_ledger WHERE order_id = 'ORD-2' AND kind = 'release_stock'", "its events say"),
    ("UPDATE stock_ledger SET order_id = 'ORD-9' WHERE order_id = 'ORD-3'", "which did not want it"),
    (
        "UPDATE stock_ledger SET kind = 'release_stock' WHERE order_id = 'ORD-1'",
        "of the ledger is release_stock",
    ),
];

#[tokio::test]
async fn each_damage_is_found() {
    let world = World::new("verify_damage").await;
    some_orders(&world).await;
    let client = world.client().await;
    for (damage, said) in DAMAGES {
        let tables = ["orders", "order_events", "order_details", "stock", "stock_ledger"];
        for table in tables {
            client.batch_execute(&format!("CREATE TABLE saved_{table} AS TABLE {table}")).await.unwrap();
        }
        assert!(client.execute(*damage, &[]).await.unwrap() > 0, "{damage}");
        let found = world.store.verify().await.unwrap().described;
        assert!(found.iter().any(|fault| fault.contains(said)), "{damage}: {found:#?}");
        for table in tables {
            let back = format!(
                "DELETE FROM {table}; INSERT INTO {table} OVERRIDING SYSTEM VALUE TABLE saved_{table}; \
                 DROP TABLE saved_{table}"
            );
            client.batch_execute(&back).await.unwrap();
        }
        assert_eq!(world.store.verify().await.unwrap().described, [""; 0], "after {damage}");
    }
}
