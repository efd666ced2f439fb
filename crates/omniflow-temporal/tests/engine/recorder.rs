//! A life while it is recorded, and how it is written.

use crate::client::Client;
use crate::harness::Temporal;
use omniflow_core::{Actor, ChainHash, Command, Entry, OrderId, evolve};
use omniflow_engine::OrderEngine;
use omniflow_engine::conformance::Harness;
use omniflow_engine::simulated::{Act, ProviderName, Script};
use omniflow_temporal::store::{Publish, Published};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One life while it is recorded.
pub(crate) struct Recording {
    name: &'static str,
    pub(crate) client: Client,
    pub(crate) runs: Vec<Value>,
}

impl Recording {
    pub(crate) async fn new(name: &'static str) -> Self {
        Self::on(name, Temporal::new()).await
    }

    pub(crate) async fn on(name: &'static str, temporal: Temporal) -> Self {
        Self { name, client: Client::on(temporal).await, runs: vec![] }
    }

    pub(crate) fn engine(&self) -> &dyn OrderEngine {
        self.client.engine.as_ref()
    }

    pub(crate) fn script(&self, provider: ProviderName, act: Act, times: u32) {
        let script = Script::new([act.step(times, 0)]);
        self.client.temporal.simulated().script(provider, None, script);
    }

    /// Keeps the history of the latest run of an order once it has ended.
    pub(crate) async fn keep(&mut self, id: &OrderId) {
        self.client.order_id = id.to_string();
        self.client.result().await;
        let runs = self.client.runs().await;
        assert!(runs.iter().all(|run| !self.runs.contains(run)), "it is a run of its own");
        self.runs.extend(runs);
    }

    /// Writes all of it into the life's folder.
    pub(crate) async fn save(mut self, id: &OrderId) {
        let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories").join(self.name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, run) in (1..).zip(&mut self.runs) {
            anonymous(run);
            let events = run["events"].as_array().unwrap().iter().map(ToString::to_string);
            let events = events.collect::<Vec<_>>().join(",\n");
            std::fs::write(
                folder.join(format!("run-{number}.json")),
                format!("{{\"events\":[\n{events}\n]}}\n"),
            )
            .unwrap();
        }
        let mut hash = ChainHash::default();
        let mut lines = vec![];
        for entry in self.client.temporal.store().timeline(id).await.unwrap().unwrap() {
            let link = entry.entry.link(&hash);
            hash = link.hash;
            assert_eq!(hash, entry.hash, "these are the bytes that are stored");
            lines.extend(link.line);
            lines.push(b'\n');
        }
        std::fs::write(folder.join("events.jsonl"), lines).unwrap();
        self.client.temporal.crash().await;
    }
}

/// Takes out where and by which process it was recorded.
fn anonymous(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // The queue of one worker is named after its machine.
            let queue = fields.get("normal_name").filter(|name| name.as_str() != Some("")).cloned();
            for (name, value) in fields {
                match (name.as_str(), &queue) {
                    ("identity", _) => *value = Value::from(""),
                    ("name", Some(queue)) => value.clone_from(queue),
                    _ => anonymous(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(anonymous),
        _ => {}
    }
}

/// Stores what a command does, as a task of the workflow does that is lost afterwards.
pub(crate) async fn store_behind(life: &Recording, id: &OrderId, command: &Command) {
    let order = life.engine().read(id).await.unwrap();
    let at = life.engine().now();
    let (mut after, mut lines) = ((*order).clone(), vec![]);
    for event in omniflow_core::decide(&order, command).unwrap() {
        let entry = Entry { seq: after.version + 1, at, actor: Actor::api(), event };
        lines.push(entry.link(&ChainHash::default()).line);
        after = evolve(after, &entry);
    }
    let publish = Publish {
        order_id: id,
        expected: order.version,
        lines,
        order: &after,
        stock: None,
        marks: vec![],
        at,
        acknowledge: false,
        erase_details: false,
        withdraw: false,
    };
    assert_eq!(life.client.temporal.store().publish(publish).await.unwrap(), Published::Stored);
}
