//! What becomes true together with events: derived from the events and from what was said, beside what a
//! replayed workflow wants stored with them.

use super::listening::Said;
use crate::activities::{PublishInput, Published};
use omniflow_core::{Entry, Event, Order, StockHold};
use serde::Deserialize;
use serde_json::Value;
use temporalio_common::protos::temporal::api::common::v1::Payloads;
use temporalio_common::protos::temporal::api::history::v1::History;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

/// The parts of a publish that are neither its lines nor the order, nor marks.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Beside {
    stock: Option<String>,
    acknowledge: bool,
    #[serde(default)]
    withdraw: bool,
    erases_details: bool,
}

/// What is known of a life so far.
#[derive(Default)]
pub(super) struct Telling {
    /// Whether a foreign client started it, who knows of it from the beginning.
    pub(super) is_foreign: bool,
    /// Whether whoever placed it has been told what became of it.
    is_told: bool,
}

impl Beside {
    /// What a workflow wants.
    pub(super) fn said(input: &PublishInput) -> Self {
        serde_json::from_value(serde_json::to_value(input).unwrap()).unwrap()
    }

    /// What goes with these lines, after which the order is so.
    pub(super) fn derived(lines: &[Vec<u8>], order: &Order, telling: &mut Telling) -> Self {
        let events: Vec<_> = lines.iter().map(|line| Entry::decode(line).unwrap().event).collect();
        let tells = !telling.is_told && order.stock != StockHold::Undecided;
        telling.is_told |= tells;
        let is_refused = matches!(order.stock, StockHold::Refused(_));
        let withdraw = tells && is_refused && !telling.is_foreign && order.payments.iter().len() == 0;
        let stock = events.iter().find_map(|event| match event {
            Event::StockReleased {} => Some("release_stock.1".to_owned()),
            Event::StockConsumed {} => Some("consume_stock.1".to_owned()),
            _ => None,
        });
        let erases_details = events.iter().any(|event| matches!(event, Event::DetailsErased {}));
        Self { stock, acknowledge: tells && !withdraw, withdraw, erases_details }
    }
}

/// The marks that a workflow has stored.
pub(super) fn marks_stored(said: &[Said]) -> Vec<Value> {
    let marks = |said: &Said| match said {
        Said::Publish(input, Published::Stored | Published::Kept) => {
            serde_json::to_value(input).unwrap()["marks"].as_array().unwrap().clone()
        }
        _ => vec![],
    };
    said.iter().flat_map(marks).collect()
}

/// The marks that came with what was said to it.
pub(super) fn marks_sent(history: &History) -> Vec<Value> {
    let attributes = history.events.iter().filter_map(|event| event.attributes.as_ref());
    let sent = |attributes: &Attributes| match attributes {
        Attributes::WorkflowExecutionUpdateAcceptedEventAttributes(update) => {
            mark_of(update.accepted_request.as_ref()?.input.as_ref()?.args.as_ref())
        }
        Attributes::WorkflowExecutionSignaledEventAttributes(signal) => mark_of(signal.input.as_ref()),
        _ => None,
    };
    attributes.filter_map(sent).collect()
}

fn mark_of(payloads: Option<&Payloads>) -> Option<Value> {
    let said: Value = serde_json::from_slice(&payloads?.payloads.first()?.data).ok()?;
    said.get("mark").cloned()
}
