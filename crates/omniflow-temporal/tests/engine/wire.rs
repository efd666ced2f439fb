//! What any Temporal client can do, by Temporal's own command line alone.

use crate::client::Client;
use crate::orders::{must, report, stock};
use omniflow_core::{PaymentOutcome, PaymentStatus, Sku, StateKind};
use omniflow_engine::conformance::Harness;
use omniflow_engine::simulated::{Act, ProviderName, Script};
use serde_json::{Value, json};

/// More attempts than an order makes here.
const MANY: u32 = 1_000;

#[tokio::test]
async fn an_order_is_started_paid_and_completed() {
    let client = Client::new().await;
    client.start_with(&client.order(500)).await;
    client.until("stock_reserved", 1).await;
    let status = client.status().await;
    assert!(status.starts_with("待支付 (超时倒计时: "), "{status}");
    client.pay("\"PAID\"").await;
    let result = client.ends("COMPLETED").await;
    assert_eq!(result["Message"], "已完成");
    assert_eq!(client.status().await, "已完成", "a query works after the end");
    let order = client.engine.read(&client.id()).await.unwrap();
    assert_eq!((order.kind(), order.terms.total.minor), (StateKind::Completed, 50_000));
}

#[tokio::test]
async fn a_signal_before_the_wait_is_kept() {
    let client = Client::new().await;
    client.pay_with_start("\"PAID\"").await;
    client.ends("COMPLETED").await;
}

#[tokio::test]
async fn what_makes_no_sense_is_recorded_and_changes_nothing() {
    let client = Client::new().await;
    client.start_with(&client.order(20_000)).await;
    for payload in ["\"MAYBE\"", "42", "null", "{\"decision\":\"APPROVE\"}"] {
        client.review(payload).await;
    }
    for payload in ["42", "[]", "{\"amount\":\"much\"}", "{\"nonsense\":1}", "{\"outcome\":\"maybe\"}"] {
        client.pay(payload).await;
    }
    client.must("signal", &["--name", "SIGNAL_UNKNOWN", "--input", "1"]).await;
    client.until("signal_ignored", 9).await;
    assert!(client.status().await.starts_with("⚠️ 待风控审核"));
    client.review("\"REJECT\"").await;
    client.ends("REJECTED").await;
}

/// Temporal has taken it, and the order refuses it as it stands: the timeline says so.
#[tokio::test]
async fn a_decision_that_comes_too_late_is_recorded_and_changes_nothing() {
    let client = Client::new().await;
    client.start_with(&client.order(20_000)).await;
    client.review("\"APPROVE\"").await;
    client.until("decision_recorded", 1).await;
    client.review("\"APPROVE\"").await;
    client.review("\"REJECT\"").await;
    client.until("signal_ignored", 1).await;
    client.pay("\"PAID\"").await;
    client.ends("COMPLETED").await;
    let timeline = client.timeline().await;
    assert_eq!(timeline.iter().filter(|event| **event == "signal_ignored").count(), 1, "{timeline:?}");
}

#[tokio::test]
async fn a_payment_before_the_decision_ships_once_approved() {
    let client = Client::new().await;
    client.start_with(&client.order(20_000)).await;
    client.pay("\"PAID\"").await;
    client.until("payment_captured", 1).await;
    client.review("\"APPROVE\"").await;
    client.ends("COMPLETED").await;
}

#[tokio::test]
async fn of_two_payments_one_is_given_back() {
    let client = Client::new().await;
    client.start_with(&client.order(20_000)).await;
    client.pay("{\"payment_id\":\"P-1\",\"amount\":20000,\"currency\":\"USD\"}").await;
    client.pay("{\"payment_id\":\"P-2\",\"amount_minor\":2000000}").await;
    client.until("payment_refunded", 1).await;
    client.review("\"APPROVE\"").await;
    client.ends("COMPLETED").await;
    let order = client.engine.read(&client.id()).await.unwrap();
    let statuses: Vec<_> =
        order.payments.iter().map(|payment| (payment.id.to_string(), payment.status())).collect();
    let expected = [("P-1".to_owned(), PaymentStatus::Captured), ("P-2".to_owned(), PaymentStatus::Refunded)];
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn a_payment_after_the_end_is_refused_by_temporal_and_refunded_with_a_start() {
    let client = Client::new().await;
    client.start_with(&client.order(500)).await;
    client.until("stock_reserved", 1).await;
    client.must("cancel", &[]).await;
    let first = client.ends("CANCELLED").await;
    let late = client.say("signal", &["--name", "SIGNAL_PAYMENT_PAID", "--input", "\"PAID\""]).await;
    assert!(!late.status.success(), "a plain signal to what has ended is refused");
    client.pay_with_start("\"PAID\"").await;
    assert_eq!(client.ends("CANCELLED").await, first, "the first result again");
    let order = client.engine.read(&client.id()).await.unwrap();
    assert_eq!(order.payments.status(), PaymentStatus::Refunded);
    assert_eq!(client.engine.stock(&Sku::new("tea").unwrap()).await.unwrap().reserved, 0);
}

#[tokio::test]
async fn a_second_run_of_an_ended_order_touches_nothing() {
    let client = Client::new().await;
    client.start_with(&client.order(500)).await;
    client.until("stock_reserved", 1).await;
    client.must("cancel", &[]).await;
    client.ends("CANCELLED").await;
    let before = client.timeline().await;
    let order = client.order(700);
    let touches_nothing = async || {
        let result = client.ends("FAILED").await;
        assert!(result["Message"].as_str().unwrap().starts_with("duplicate_order"), "{result}");
        assert_eq!(client.timeline().await, before);
    };
    client.start_with(&order).await;
    touches_nothing().await;
    for (signal, payload) in [
        ("SIGNAL_ADMIN_ACTION", "\"APPROVE\""),
        ("SIGNAL_ADMIN_ACTION", "\"MAYBE\""),
        ("SIGNAL_PAYMENT_PAID", "42"),
    ] {
        client.signal_with_start(&order, signal, payload).await;
        touches_nothing().await;
    }
}

#[tokio::test]
async fn malformed_input_ends_the_workflow_at_once() {
    let client = Client::new().await;
    let order = client.order(500);
    let with = |key: &str, value: Value| {
        let mut order = order.clone();
        order[key] = value;
        order
    };
    let inputs = [
        (with("Items", Value::Null), "Items"),
        (with("Items", json!([])), "Items"),
        (with("Items", json!([""])), "Items[0]"),
        (with("Amount", json!(0)), "Amount"),
        (with("Amount", json!(1.5)), "Amount"),
        (with("Amount", json!("500")), "the input is not an order"),
        (with("OrderID", json!("ORD-other")), "the workflow id must be WORKFLOW_ORD-other"),
        (with("OrderID", json!("a b")), "OrderID"),
        (json!("nonsense"), "the input is not an order"),
    ];
    for (input, reason) in inputs {
        client.start_with(&input).await;
        let result = client.result().await;
        assert_eq!(result["Status"], "FAILED", "{input}: {result}");
        assert!(result["Message"].as_str().unwrap().starts_with(reason), "{input}: {result}");
    }
    assert!(client.engine.read(&client.id()).await.is_err(), "there is no order");
}

/// Where the order forbids it, a cancellation of its workflow is noted, and the order goes on.
#[tokio::test]
async fn a_cancelled_workflow_of_a_paid_order_goes_on() {
    let client = Client::new().await;
    client.start_with(&client.order(500)).await;
    client.until("stock_reserved", 1).await;
    let simulated = client.temporal.simulated();
    simulated.script(ProviderName::Carrier, None, Script::new([Act::Fail.step(MANY, 0)]));
    client.pay("\"PAID\"").await;
    client.until("payment_captured", 1).await;
    client.must("cancel", &[]).await;
    client.until("signal_ignored", 1).await;
    assert_eq!(client.status().await, "支付成功，准备发货");
    simulated.clear(ProviderName::Carrier, None);
    client.ends("COMPLETED").await;
    assert!(!client.timeline().await.contains(&"cancel_requested"));
}

/// Where it allows it, the order is cancelled, and what was paid is given back.
#[tokio::test]
async fn a_cancelled_workflow_of_an_order_in_review_is_cancelled() {
    let client = Client::new().await;
    client.start_with(&client.order(20_000)).await;
    client.until("stock_reserved", 1).await;
    must(client.engine.as_ref(), &client.id(), report("P-1", PaymentOutcome::Captured)).await;
    client.must("cancel", &[]).await;
    client.ends("CANCELLED").await;
    let order = client.engine.read(&client.id()).await.unwrap();
    assert_eq!(order.payments.status(), PaymentStatus::Refunded);
    assert_eq!(stock(client.engine.as_ref()).await.reserved, 0);
}
