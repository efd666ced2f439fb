//! What any Temporal client can do, by Temporal's own command line alone.

use crate::harness::{Temporal, setting};
use omniflow_core::{Actor, OrderId, PaymentStatus, Sku, StateKind};
use omniflow_engine::conformance::Harness;
use omniflow_engine::{OrderEngine, SetStock};
use serde_json::{Value, json};
use std::process::{Command, Output};
use std::sync::Arc;

const ORDER: &str = "ORD-1";

/// A worker, and somebody who has nothing but the command line.
struct Client {
    temporal: Temporal,
    engine: Arc<dyn OrderEngine>,
    order_id: String,
}

impl Client {
    async fn new() -> Self {
        let mut temporal = Temporal::new();
        let engine = temporal.start().await;
        let change = SetStock {
            sku: Sku::new("tea").unwrap(),
            on_hand: 10,
            expected_on_hand: None,
            recount: false,
            reason: None,
            actor: Actor::api(),
        };
        engine.set_stock(change).await.unwrap();
        // Workflows of all tests have one namespace.
        let order_id = format!("{ORDER}-{}", temporal.queue());
        Self { temporal, engine, order_id }
    }

    fn workflow_id(&self) -> String {
        format!("WORKFLOW_{}", self.order_id)
    }

    async fn say(&self, action: &str, args: &[&str]) -> Output {
        let mut command = Command::new(setting("OMNIFLOW_TEST_TEMPORAL_CLI"));
        command.args([
            "--address",
            &setting("OMNIFLOW_TEST_TEMPORAL"),
            "--output",
            "json",
            "workflow",
            action,
        ]);
        command.args(["--workflow-id", &self.workflow_id()]).args(args);
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
    }

    async fn must(&self, action: &str, args: &[&str]) -> String {
        let output = self.say(action, args).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{action} {args:?}: {out}{err}");
        out
    }

    async fn start_with(&self, input: &Value) {
        let input = input.to_string();
        let queue = self.temporal.queue();
        let args = ["--type", "OrderFulfillmentWorkflow", "--task-queue", queue, "--input", &input];
        self.must("start", &args).await;
    }

    fn order(&self, amount: u32) -> Value {
        json!({"OrderID": self.order_id, "Amount": amount, "Items": ["tea"], "CustomerID": ""})
    }

    async fn signal(&self, name: &str, payload: &str) {
        self.must("signal", &["--name", name, "--input", payload]).await;
    }

    async fn pay(&self, payload: &str) {
        self.signal("SIGNAL_PAYMENT_PAID", payload).await;
    }

    async fn review(&self, payload: &str) {
        self.signal("SIGNAL_ADMIN_ACTION", payload).await;
    }

    /// A signal that starts a run where there is none.
    async fn pay_with_start(&self, payload: &str) {
        let (input, queue) = (self.order(500).to_string(), self.temporal.queue());
        let workflow = ["--type", "OrderFulfillmentWorkflow", "--task-queue", queue, "--input", &input];
        let signal = ["--signal-name", "SIGNAL_PAYMENT_PAID", "--signal-input", payload];
        self.must("signal-with-start", &[&workflow[..], &signal[..]].concat()).await;
    }

    async fn status(&self) -> String {
        let answer = self.must("query", &["--type", "get_order_status"]).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["queryResult"][0].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn result(&self) -> Value {
        let output = self.say("result", &[]).await;
        let answer: Value = serde_json::from_str(&text(&output.stdout))
            .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)));
        answer["result"].clone()
    }

    async fn ends(&self, status: &str) -> Value {
        let result = self.result().await;
        assert_eq!(result["Status"], status, "{result}");
        assert_eq!(result["OrderID"], *self.order_id, "{result}");
        result
    }

    fn id(&self) -> OrderId {
        OrderId::new(self.order_id.as_str()).unwrap()
    }

    /// Types of the timeline so far.
    async fn timeline(&self) -> Vec<&'static str> {
        let timeline = self.engine.timeline(&self.id()).await.unwrap();
        timeline.iter().map(|entry| entry.entry.event.name()).collect()
    }

    /// Waits until the order is stored and its timeline has so many events of a type.
    async fn until(&self, name: &str, count: usize) {
        let mut version = 0;
        loop {
            match self.engine.read(&self.id()).await {
                Ok(order) => version = order.version,
                Err(_) => tokio::task::yield_now().await,
            }
            if version > 0 {
                let timeline = self.timeline().await;
                if timeline.iter().filter(|event| **event == name).count() >= count {
                    return;
                }
                self.engine.changed(&self.id(), version).await.unwrap();
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

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
    client.start_with(&client.order(700)).await;
    let result = client.ends("FAILED").await;
    assert!(result["Message"].as_str().unwrap().starts_with("duplicate_order"), "{result}");
    assert_eq!(client.timeline().await, before);
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
