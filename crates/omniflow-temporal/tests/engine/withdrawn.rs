//! Orders that were refused their stock before anybody knew of them, and are paid all the same.

use crate::client::Client;
use crate::orders::{Wanted, sku};
use omniflow_core::{Actor, Entry, Event, PaymentStatus, StateKind, placed};
use omniflow_engine::{Error, Idempotency};
use omniflow_temporal::store::Claim;
use serde_json::json;

/// Claims more than there is, as the API does, under a key.
async fn claim(client: &Client) {
    let terms = Box::new(Wanted { quantity: 99, ..Wanted::default() }.terms());
    let event = Event::OrderPlaced { order_id: client.id(), terms, details: None };
    let at = client.engine.now();
    let entry = Entry { seq: 1, at, actor: Actor::api(), event };
    let mark = Idempotency::new("shop", "/orders", "k", b"{}", 60_000);
    let order = placed(&entry).unwrap();
    let claim = client.temporal.store().claim(&entry, &order, None, Some(&mark)).await.unwrap();
    assert_eq!(claim, Claim::Made);
}

async fn start(client: &Client) {
    client.start_with(&json!({"OrderID": client.order_id, "Stored": true})).await;
}

async fn is_refunded(client: &Client) {
    client.ends("FAILED").await;
    let order = client.engine.read(&client.id()).await.unwrap();
    assert_eq!((order.kind(), order.payments.status()), (StateKind::Failed, PaymentStatus::Refunded));
    let expected = ["order_placed", "stock_refused", "payment_captured", "payment_refunded"];
    assert_eq!(client.timeline().await, expected);
    assert_eq!(client.engine.stock(&sku()).await.unwrap().reserved, 0);
}

#[tokio::test]
async fn nobody_sees_an_order_that_was_refused_and_a_late_payment_finds_it() {
    let client = Client::new().await;
    claim(&client).await;
    start(&client).await;
    client.ends("FAILED").await;
    assert_eq!(client.engine.read(&client.id()).await, Err(Error::OrderNotFound));
    client.pay_with_start("\"PAID\"").await;
    is_refunded(&client).await;
}

/// The payment comes while the refusal is being stored: the withdrawal waits for a mark that somebody holds.
#[tokio::test]
async fn a_payment_that_comes_while_the_order_is_withdrawn_is_not_lost() {
    let client = Client::new().await;
    claim(&client).await;
    let (holder, watcher) = (client.temporal.postgres().await, client.temporal.postgres().await);
    holder.batch_execute("BEGIN; SELECT FROM idempotency FOR UPDATE").await.unwrap();
    start(&client).await;
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted
                 AND $1 = ANY (pg_blocking_pids(pid))";
    let holder_pid: i32 = holder.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    while watcher.query_one(waits, &[&holder_pid]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    client.pay("\"PAID\"").await;
    holder.batch_execute("COMMIT").await.unwrap();
    is_refunded(&client).await;
}
