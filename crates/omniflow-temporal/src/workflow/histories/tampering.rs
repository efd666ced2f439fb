//! That a changed rule is caught: what was recorded is changed, as if the rules of then had been others.

use super::{Difference, Life};
use temporalio_common::protos::temporal::api::common::v1::Payloads;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_common::protos::temporal::api::update::v1::outcome::Value as Outcome;

/// What the rules of today say to a life that was changed.
async fn caught(life: &str, change: impl FnOnce(&mut Life)) -> Difference {
    let mut life = Life::read(life);
    change(&mut life);
    life.replay().await.expect_err("it is another life")
}

impl Life {
    /// Changes the first part of its first run's history that can be.
    fn change(&mut self, change: impl FnMut(&mut Attributes) -> bool) {
        let events = self.runs[0].events.iter_mut();
        let mut attributes = events.filter_map(|event| event.attributes.as_mut());
        assert!(attributes.any(change), "there is nothing to change");
    }

    fn event_is(&mut self, seq: usize, from: &str, to: &str) {
        let line = String::from_utf8(self.lines[seq - 1].clone()).unwrap();
        assert!(line.contains(from), "{line}");
        self.lines[seq - 1] = line.replacen(from, to, 1).into_bytes();
    }
}

/// Replaces text in a payload, if it is there.
fn replace(payloads: Option<&mut Payloads>, from: &str, to: &str) -> bool {
    let Some(payload) = payloads.and_then(|payloads| payloads.payloads.first_mut()) else { return false };
    let text = String::from_utf8(payload.data.clone()).unwrap();
    payload.data = text.replacen(from, to, 1).into_bytes();
    text.contains(from)
}

/// Replaces text in what an activity in a workflow task had answered.
fn replace_answer(attributes: &mut Attributes, from: &str, to: &str) -> bool {
    match attributes {
        Attributes::MarkerRecordedEventAttributes(marker) => {
            replace(marker.details.get_mut("result"), from, to)
        }
        _ => false,
    }
}

#[tokio::test]
async fn another_event() {
    let difference =
        caught("cancelled", |life| life.event_is(3, "cancel_requested", "payment_window_elapsed"));
    assert!(matches!(difference.await, Difference::Event { seq: 3, .. }));
}

#[tokio::test]
async fn other_data_of_an_event() {
    let difference = caught("paid", |life| life.event_is(3, "keep", "refund"));
    assert!(matches!(difference.await, Difference::Event { seq: 3, .. }));
}

#[tokio::test]
async fn one_event_more() {
    let difference = caught("expired", |life| life.lines.push(life.lines[2].clone()));
    assert!(matches!(difference.await, Difference::Missing(_)));
}

#[tokio::test]
async fn one_event_less() {
    let difference = caught("expired", |life| drop(life.lines.pop()));
    assert!(matches!(difference.await, Difference::Event { .. }));
}

#[tokio::test]
async fn another_length_of_a_timer() {
    let difference = caught("paid", |life| {
        life.change(|attributes| match attributes {
            Attributes::TimerStartedEventAttributes(timer) => {
                timer.start_to_fire_timeout.as_mut().unwrap().seconds += 1;
                true
            }
            _ => false,
        });
    });
    assert!(matches!(difference.await, Difference::Timers { .. }));
}

#[tokio::test]
async fn another_attempt() {
    let difference = caught("compensated", |life| {
        life.change(|attributes| match attributes {
            Attributes::ActivityTaskScheduledEventAttributes(task) => {
                replace(task.input.as_mut(), "\"timeout_ms\":500", "\"timeout_ms\":501")
            }
            _ => false,
        });
    });
    assert!(matches!(difference.await, Difference::Attempts { .. }));
}

#[tokio::test]
async fn another_answer() {
    let difference = caught("reviewed", |life| {
        life.change(|attributes| match attributes {
            Attributes::WorkflowExecutionUpdateCompletedEventAttributes(update) => {
                match update.outcome.as_mut().and_then(|outcome| outcome.value.as_mut()) {
                    Some(Outcome::Success(answer)) => replace(Some(answer), "\"version\":2", "\"version\":9"),
                    _ => false,
                }
            }
            _ => false,
        });
    });
    assert!(matches!(difference.await, Difference::Answers { .. }));
}

#[tokio::test]
async fn another_result() {
    let difference = caught("rejected", |life| {
        life.change(|attributes| match attributes {
            Attributes::WorkflowExecutionCompletedEventAttributes(end) => {
                replace(end.result.as_mut(), "REJECTED", "CANCELLED")
            }
            _ => false,
        });
    });
    assert!(matches!(difference.await, Difference::End { .. }));
}

/// What was stored and what was done next, the other way round.
#[tokio::test]
async fn another_order_of_commands() {
    let difference = caught("paid", |life| {
        let events = &mut life.runs[0].events;
        let is_marker = |attributes: &Option<Attributes>| {
            matches!(attributes, Some(Attributes::MarkerRecordedEventAttributes(_)))
        };
        let places: Vec<_> =
            (0..events.len()).filter(|place| is_marker(&events[*place].attributes)).collect();
        let (a, b) = (places[places.len() - 2], places[places.len() - 1]);
        let first = events[a].attributes.take();
        events[a].attributes = events[b].attributes.take();
        events[b].attributes = first;
    });
    assert!(matches!(difference.await, Difference::Commands(_)));
}

#[tokio::test]
async fn a_command_that_is_no_longer_given() {
    let difference = caught("paid", |life| {
        let is_cancel = |attributes: &Option<Attributes>| {
            matches!(attributes, Some(Attributes::TimerCanceledEventAttributes(_)))
        };
        let events = &mut life.runs[0].events;
        let place = events.iter().position(|event| is_cancel(&event.attributes)).unwrap();
        events.remove(place);
        (1..).zip(events).for_each(|(id, event)| event.event_id = id);
    });
    assert!(matches!(difference.await, Difference::Commands(_)));
}

/// The same signal means another thing.
#[tokio::test]
async fn another_meaning_of_what_was_said() {
    let difference = caught("paid", |life| {
        life.change(|attributes| match attributes {
            Attributes::WorkflowExecutionSignaledEventAttributes(signal) => {
                replace(signal.input.as_mut(), "\"PAID\"", "42")
            }
            _ => false,
        });
    });
    assert!(matches!(difference.await, Difference::Commands(_) | Difference::Event { .. }));
}

/// A policy that was copied into the order is followed, not the one that is compiled in.
#[tokio::test]
async fn another_policy_of_the_order() {
    let difference = caught("paid", |life| {
        life.change(|attributes| replace_answer(attributes, "window=30s", "window=31s"));
    });
    assert!(matches!(difference.await, Difference::Timers { .. } | Difference::Order { .. }));
}

/// An order that was placed under newer rules is not lived by this program: its task is given back.
#[tokio::test]
async fn rules_of_a_newer_program() {
    let difference = caught("paid", |life| {
        life.change(|attributes| replace_answer(attributes, "rules=1", "rules=2"));
    });
    let Difference::Commands(said) = difference.await else { panic!("no command is given") };
    assert!(said.contains("rules 2, newer than this program knows"), "{said}");
}
