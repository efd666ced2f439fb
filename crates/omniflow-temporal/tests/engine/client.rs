//! Somebody who has nothing but Temporal's own command line.

use crate::harness::{Temporal, link, setting};
use crate::orders::Wanted;
use omniflow_core::{Actor, Entry, Event, OrderId, Sku, placed};
use omniflow_engine::conformance::Harness;
use omniflow_engine::{OrderEngine, SetStock};
use omniflow_temporal::store::Claim;
use serde_json::{Value, json};
use std::process::{Command, Output};
use std::sync::Arc;
use temporalio_client::{WorkflowExecutionInfo, WorkflowFetchHistoryOptions};

/// Makes a server of a test's own say early that a history is long.
pub(crate) const SHORT_HISTORIES: [&str; 2] =
    ["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=20"];

const ORDER: &str = "ORD-1";
/// How often a server is asked again that is slow: it does one thing at a time for a workflow, and turns others
/// away meanwhile.
const BUSY: u32 = 20;

/// A worker, and somebody who has nothing but the command line.
pub(crate) struct Client {
    pub(crate) temporal: Temporal,
    pub(crate) engine: Arc<dyn OrderEngine>,
    pub(crate) order_id: String,
}

impl Client {
    pub(crate) async fn new() -> Self {
        Self::on(Temporal::new()).await
    }

    pub(crate) async fn on(mut temporal: Temporal) -> Self {
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

    pub(crate) fn workflow_id(&self) -> String {
        format!("WORKFLOW_{}", self.order_id)
    }

    pub(crate) async fn say(&self, action: &str, args: &[&str]) -> Output {
        let mut command = Command::new(setting("OMNIFLOW_TEST_TEMPORAL_CLI"));
        command.args([
            "--address",
            &self.temporal.servers().temporal,
            "--output",
            "json",
            "workflow",
            action,
        ]);
        command.args(["--workflow-id", &self.workflow_id()]).args(args);
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
    }

    pub(crate) async fn must(&self, action: &str, args: &[&str]) -> String {
        let mut output = self.say(action, args).await;
        for _ in 0..BUSY {
            if !text(&output.stderr).contains("Workflow is busy") {
                break;
            }
            output = self.say(action, args).await;
        }
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{action} {args:?}: {out}{err}");
        out
    }

    pub(crate) async fn start_with(&self, input: &Value) {
        let input = input.to_string();
        let queue = self.temporal.queue();
        let args = ["--type", "OrderFulfillmentWorkflow", "--task-queue", queue, "--input", &input];
        self.must("start", &args).await;
    }

    pub(crate) fn order(&self, amount: u32) -> Value {
        json!({"OrderID": self.order_id, "Amount": amount, "Items": ["tea"], "CustomerID": ""})
    }

    pub(crate) async fn signal(&self, name: &str, payload: &str) {
        self.must("signal", &["--name", name, "--input", payload]).await;
    }

    pub(crate) async fn pay(&self, payload: &str) {
        self.signal("SIGNAL_PAYMENT_PAID", payload).await;
    }

    pub(crate) async fn review(&self, payload: &str) {
        self.signal("SIGNAL_ADMIN_ACTION", payload).await;
    }

    pub(crate) async fn pay_with_start(&self, payload: &str) {
        self.signal_with_start(&self.order(500), "SIGNAL_PAYMENT_PAID", payload).await;
    }

    /// A signal that starts a run where there is none.
    pub(crate) async fn signal_with_start(&self, input: &Value, name: &str, payload: &str) {
        let (input, queue) = (input.to_string(), self.temporal.queue());
        let workflow = ["--type", "OrderFulfillmentWorkflow", "--task-queue", queue, "--input", &input];
        let signal = ["--signal-name", name, "--signal-input", payload];
        self.must("signal-with-start", &[&workflow[..], &signal[..]].concat()).await;
    }

    pub(crate) async fn status(&self) -> String {
        let answer = self.must("query", &["--type", "get_order_status"]).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["queryResult"][0].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub(crate) async fn result(&self) -> Value {
        let output = self.say("result", &[]).await;
        let answer: Value = serde_json::from_str(&text(&output.stdout))
            .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)));
        answer["result"].clone()
    }

    pub(crate) async fn ends(&self, status: &str) -> Value {
        let result = self.result().await;
        assert_eq!(result["Status"], status, "{result}");
        assert_eq!(result["OrderID"], *self.order_id, "{result}");
        result
    }

    /// Histories of all runs that went on in one another, the first one first.
    pub(crate) async fn runs(&self) -> Vec<Value> {
        let mut runs = vec![history(&self.temporal.servers().temporal, &self.id(), None).await];
        loop {
            let before = runs[0]["events"][0]["attributes"]["WorkflowExecutionStartedEventAttributes"]
                ["continued_execution_run_id"]
                .as_str()
                .unwrap()
                .to_owned();
            if before.is_empty() {
                return runs;
            }
            runs.insert(0, history(&self.temporal.servers().temporal, &self.id(), Some(&before)).await);
        }
    }

    /// How many events of a kind the history of the latest run has.
    pub(crate) async fn latest_has(&self, attributes: &str) -> usize {
        latest_has(&self.temporal.servers().temporal, &self.id(), attributes).await
    }

    /// Says what makes no sense, until the workflow goes on in a second run.
    pub(crate) async fn continues(&self) {
        for said in 1.. {
            self.review("\"MAYBE\"").await;
            self.until("signal_ignored", said).await;
            if self.runs().await.len() > 1 {
                return;
            }
            assert!(said < 20, "a short history is long enough by now");
        }
    }

    /// Stores the order as an API process does that ends before it starts a workflow.
    pub(crate) async fn claim(&self) {
        let terms = Box::new(Wanted::default().terms());
        let event = Event::OrderPlaced { order_id: self.id(), terms, details: None };
        let entry = Entry { seq: 1, at: self.engine.now(), actor: Actor::api(), event };
        let order = placed(&entry).unwrap();
        let claim = self.temporal.store().claim(&entry, &order, None, None).await;
        assert_eq!(claim.unwrap(), Claim::Made);
    }

    pub(crate) fn id(&self) -> OrderId {
        OrderId::new(self.order_id.as_str()).unwrap()
    }

    /// Types of the timeline so far.
    pub(crate) async fn timeline(&self) -> Vec<&'static str> {
        let timeline = self.engine.timeline(&self.id()).await.unwrap();
        timeline.iter().map(|entry| entry.entry.event.name()).collect()
    }

    /// Waits until the order is stored and its timeline has so many events of a type.
    pub(crate) async fn until(&self, name: &str, count: usize) {
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

/// The history of one run, of the latest where none is named, as the SDK's own JSON.
pub(crate) async fn history(temporal: &str, id: &OrderId, run: Option<&str>) -> Value {
    let client = link(temporal).connect().await.unwrap();
    let info = WorkflowExecutionInfo::builder()
        .namespace("default")
        .workflow_id(omniflow_temporal::names::workflow_id(id))
        .maybe_run_id(run)
        .build();
    let history = info.bind_untyped(client).fetch_history(WorkflowFetchHistoryOptions::default());
    serde_json::from_slice(&history.to_json().await.unwrap()).unwrap()
}

/// How many events of a kind the history of an order's latest run has.
pub(crate) async fn latest_has(temporal: &str, id: &OrderId, attributes: &str) -> usize {
    let run = history(temporal, id, None).await;
    let events = run["events"].as_array().unwrap();
    events.iter().filter(|event| event["attributes"].get(attributes).is_some()).count()
}
