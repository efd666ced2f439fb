//! Lives of orders, recorded from a real server with the events that PostgreSQL had of them, and replayed with
//! the rules of today: each must ask the same of the world, down to the bytes.
//!
//! Temporal's replayer alone sees only another kind of command or another order of them. What it passes, a
//! timer's other length, another event, another answer, is compared here with what was recorded.

mod beside;
mod comparing;
mod listening;
mod tampering;

use crate::workflow::OrderWorkflow;
use comparing::{Compared, Difference, compare};
use listening::{Listener, Said};
use std::path::{Path, PathBuf};
use temporalio_client::WorkflowHistory;
use temporalio_common::protos::temporal::api::history::v1::History;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};

/// Every life that is recorded.
const NAMES: [&str; 17] = [
    "absent",
    "behind",
    "cancelled",
    "compensated",
    "continued",
    "expired",
    "failed",
    "out_of_stock",
    "outage",
    "paid",
    "rejected",
    "reported",
    "retried",
    "reviewed",
    "slow",
    "stuck",
    "withdrawn",
];

/// One order's life.
#[derive(Clone)]
struct Life {
    name: String,
    /// The history of each of its workflow's runs.
    runs: Vec<History>,
    /// The lines of its log.
    lines: Vec<Vec<u8>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories")
}

impl Life {
    fn read(name: &str) -> Self {
        let folder = folder().join(name);
        let read = |file: &str| std::fs::read(folder.join(file));
        let run = |number: u32| read(&format!("run-{number}.json")).ok();
        let runs = (1..).map_while(run).map(|json| serde_json::from_slice(&json).unwrap()).collect();
        let lines = read("events.jsonl").unwrap();
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Self { name: name.to_owned(), runs, lines: lines.map(<[u8]>::to_vec).collect() }
    }

    fn all() -> Vec<Self> {
        let entries = std::fs::read_dir(folder()).unwrap().map(Result::unwrap);
        let lives = entries.filter(|entry| entry.path().is_dir());
        let mut lives: Vec<_> = lives.map(|life| Self::read(life.file_name().to_str().unwrap())).collect();
        lives.sort_by(|a, b| a.name.cmp(&b.name));
        lives
    }

    /// Replays every run, and compares what it asks with what was recorded.
    async fn replay(&self) -> Result<(), Difference> {
        let mut compared = Compared::default();
        for history in &self.runs {
            let said = replay(history.clone()).await?;
            compare(history, &self.lines, &said, &mut compared)?;
        }
        compared.all_of(&self.lines)
    }
}

/// What the workflow of today asks where it lives through a history.
async fn replay(history: History) -> Result<Vec<Said>, Difference> {
    let listener = Listener::default();
    let options = WorkflowReplayerOptions::new()
        .workflow_interceptor(listener.constructor())
        .register_workflow::<OrderWorkflow>()
        .unwrap()
        .build();
    let replayer = WorkflowReplayer::new(options).unwrap();
    let replayed = replayer.replay_workflow(WorkflowHistory::from(history)).await;
    replayed.map_err(|error| Difference::Commands(error.to_string()))?;
    Ok(listener.heard())
}

#[tokio::test]
async fn the_rules_of_today_live_every_recorded_life_again() {
    let lives = Life::all();
    let names: Vec<_> = lives.iter().map(|life| life.name.as_str()).collect();
    assert_eq!(names, NAMES, "these lives are recorded");
    for life in lives {
        life.replay().await.unwrap_or_else(|difference| panic!("{}: {difference}", life.name));
    }
}

/// A worker may die after it has stored an order's end and before the server has heard of the task: the run that
/// began the order finds it ended, and is no second run of it.
#[tokio::test]
async fn a_run_that_finds_its_own_order_ended_ends_as_it_would_have() {
    let mut life = Life::read("paid");
    let events = &mut life.runs[0].events;
    let (begin, end) = (4, events.len() - 1);
    events.drain(begin + 1..end);
    let Some(Attributes::MarkerRecordedEventAttributes(marker)) = &mut events[begin].attributes else {
        panic!("the first thing that a workflow does is to load its order")
    };
    let lines: Vec<_> = life.lines.iter().map(|line| std::str::from_utf8(line).unwrap()).collect();
    let loaded =
        format!(r#"{{"order":{{"lines":[{}],"acknowledged":true,"reserved":null}}}}"#, lines.join(","));
    marker.details.get_mut("result").unwrap().payloads[0].data = loaded.into_bytes();
    (1..).zip(events).for_each(|(id, event)| event.event_id = id);
    let said = replay(life.runs[0].clone()).await.unwrap();
    let [Said::Begin(_), Said::End(result)] = &said[..] else { panic!("{said:?}") };
    let result = String::from_utf8_lossy(result);
    assert!(result.contains("COMPLETED"), "{result}");
}

#[test]
fn nothing_says_where_a_life_was_recorded() {
    for life in Life::all() {
        for (number, run) in (1..).zip(&life.runs) {
            let json = serde_json::to_string(run).unwrap();
            assert!(!json.contains('@'), "run {number} of {}: a process is named", life.name);
        }
    }
}
