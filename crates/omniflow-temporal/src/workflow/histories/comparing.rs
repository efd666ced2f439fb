//! What a replayed workflow asked, beside what was recorded.

use super::beside::{Beside, Telling, marks_sent, marks_stored};
use super::listening::Said;
use crate::activities::{BeginInput, Line, PublishInput, Published};
use omniflow_core::{ChainHash, Entry, fold};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use temporalio_common::protos::temporal::api::common::v1::Payloads;
use temporalio_common::protos::temporal::api::history::v1::History;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_common::protos::temporal::api::update::v1::outcome::Value as Outcome;

/// Where the workflow of today is not the one that was recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Difference {
    #[error("it asks Temporal for something else, or in another order: {0}")]
    Commands(String),
    #[error("it waits {said:?}, not {recorded:?}")]
    Timers { said: Vec<u128>, recorded: Vec<u128> },
    #[error("it asks a provider {said:?}, not {recorded:?}")]
    Attempts { said: Vec<String>, recorded: Vec<String> },
    #[error("it answers {said:?}, not {recorded:?}")]
    Answers { said: Vec<(String, String)>, recorded: Vec<(String, String)> },
    #[error("it ends with {said:?}, not {recorded:?}")]
    End { said: Vec<String>, recorded: Vec<String> },
    #[error("event {seq} is {said:?}, not {recorded:?}")]
    Event { seq: usize, said: String, recorded: Option<String> },
    #[error("after {version} events the order is {said}, not {folded}")]
    Order { version: u64, said: Box<Value>, folded: Box<Value> },
    #[error("with the events up to {version} it stores {said:?}, not {derived:?}")]
    Beside { version: usize, said: Beside, derived: Beside },
    #[error("it keeps the marks {said:?}, not {sent:?}")]
    Marks { said: Vec<Value>, sent: Vec<Value> },
    #[error("nobody stores event {0}")]
    Missing(usize),
}

/// The parts of a publish that are not its lines.
#[derive(Deserialize)]
struct Stored {
    expected: usize,
    lines: Vec<Vec<u8>>,
    order: Value,
}

/// What is known of a life from the runs that were compared.
#[derive(Default)]
pub(super) struct Compared {
    /// Places in the log that some run has stored or found.
    places: BTreeSet<usize>,
    telling: Telling,
}

impl Compared {
    /// That every event came from somewhere; the first may be the API's.
    pub(super) fn all_of(&self, lines: &[Vec<u8>]) -> Result<(), Difference> {
        let missing = (1..lines.len()).find(|place| !self.places.contains(place));
        missing.map_or(Ok(()), |place| Err(Difference::Missing(place + 1)))
    }

    fn lines<'a>(
        &mut self,
        from: usize,
        said: impl IntoIterator<Item = &'a [u8]>,
        log: &[Vec<u8>],
    ) -> Result<(), Difference> {
        for (place, said) in (from..).zip(said) {
            let recorded = log.get(place);
            if recorded.map(Vec::as_slice) != Some(said) {
                let (said, recorded) = (text(said), recorded.map(|line| text(line)));
                return Err(Difference::Event { seq: place + 1, said, recorded });
            }
            self.places.insert(place);
        }
        Ok(())
    }

    fn published(
        &mut self,
        input: &PublishInput,
        published: &Published,
        log: &[Vec<u8>],
    ) -> Result<(), Difference> {
        let stored: Stored = serde_json::from_value(serde_json::to_value(input).unwrap()).unwrap();
        match published {
            Published::Behind { lines, .. } => {
                // The SDK reads what activities answer with the names of objects in another order.
                let line =
                    |line: &Line| Entry::decode(line.bytes()).unwrap().link(&ChainHash::default()).line;
                let lines: Vec<_> = lines.iter().map(line).collect();
                self.lines(stored.expected, lines.iter().map(Vec::as_slice), log)
            }
            Published::Stored | Published::Kept => {
                self.lines(stored.expected, stored.lines.iter().map(Vec::as_slice), log)?;
                let version = stored.expected + stored.lines.len();
                let entries: Vec<_> =
                    log[..version].iter().map(|line| Entry::decode(line).unwrap()).collect();
                let order = fold(&entries).unwrap();
                let folded = serde_json::to_value(&order).unwrap();
                if folded != stored.order {
                    let (said, folded) = (Box::new(stored.order), Box::new(folded));
                    return Err(Difference::Order { version: version as u64, said, folded });
                }
                let derived = Beside::derived(&log[stored.expected..version], &order, &mut self.telling);
                let said = Beside::said(input);
                if said == derived { Ok(()) } else { Err(Difference::Beside { version, said, derived }) }
            }
        }
    }

    fn begun(&mut self, begin: &BeginInput, log: &[Vec<u8>]) -> Result<(), Difference> {
        self.telling.is_foreign |= begin.placing.is_some() && self.places.is_empty();
        // A later run finds the order placed.
        let placing = begin.placing.as_deref().filter(|_| self.places.is_empty());
        self.lines(0, placing, log)
    }
}

/// Compares one run.
pub(super) fn compare(
    history: &History,
    log: &[Vec<u8>],
    said: &[Said],
    compared: &mut Compared,
) -> Result<(), Difference> {
    for said in said {
        match said {
            Said::Begin(begin) => compared.begun(begin, log)?,
            Said::Publish(input, published) => compared.published(input, published, log)?,
            _ => {}
        }
    }
    same(marks_stored(said), marks_sent(history), |said, sent| Difference::Marks { said, sent })?;
    let recorded = Recorded::of(history);
    same(timers(said), recorded.timers, |said, recorded| Difference::Timers { said, recorded })?;
    same(attempts(said), recorded.attempts, |said, recorded| Difference::Attempts { said, recorded })?;
    same(answers(said), recorded.answers, |said, recorded| Difference::Answers { said, recorded })?;
    same(ends(said), recorded.ends, |said, recorded| Difference::End { said, recorded })
}

fn same<T: PartialEq>(
    said: Vec<T>,
    recorded: Vec<T>,
    differs: impl FnOnce(Vec<T>, Vec<T>) -> Difference,
) -> Result<(), Difference> {
    if said == recorded { Ok(()) } else { Err(differs(said, recorded)) }
}

fn timers(said: &[Said]) -> Vec<u128> {
    let ms = |said: &Said| if let Said::Timer(duration) = said { Some(duration.as_millis()) } else { None };
    said.iter().filter_map(ms).collect()
}

fn attempts(said: &[Said]) -> Vec<String> {
    let input = |said: &Said| if let Said::Attempt(input) = said { Some(text(input)) } else { None };
    said.iter().filter_map(input).collect()
}

fn answers(said: &[Said]) -> Vec<(String, String)> {
    let answer = |said: &Said| match said {
        Said::Answer(id, answer) => Some((id.clone(), text(answer))),
        _ => None,
    };
    said.iter().filter_map(answer).collect()
}

fn ends(said: &[Said]) -> Vec<String> {
    let end = |said: &Said| match said {
        Said::End(result) => Some(text(result)),
        Said::ContinueAsNew => Some("continued as new".to_owned()),
        _ => None,
    };
    said.iter().filter_map(end).collect()
}

/// What a history has of it.
#[derive(Default)]
struct Recorded {
    timers: Vec<u128>,
    attempts: Vec<String>,
    answers: Vec<(String, String)>,
    ends: Vec<String>,
}

impl Recorded {
    fn of(history: &History) -> Self {
        let mut recorded = Self::default();
        for attributes in history.events.iter().filter_map(|event| event.attributes.as_ref()) {
            recorded.take(attributes);
        }
        recorded
    }

    fn take(&mut self, attributes: &Attributes) {
        match attributes {
            Attributes::TimerStartedEventAttributes(timer) => {
                let length = timer.start_to_fire_timeout.unwrap();
                self.timers.push(std::time::Duration::try_from(length).unwrap().as_millis());
            }
            Attributes::ActivityTaskScheduledEventAttributes(task) => {
                self.attempts.push(data(task.input.as_ref()))
            }
            Attributes::WorkflowExecutionUpdateCompletedEventAttributes(update) => {
                let id = update.meta.clone().unwrap().update_id;
                let Some(Outcome::Success(answer)) = update.outcome.as_ref().and_then(|it| it.value.as_ref())
                else {
                    panic!("update {id} failed")
                };
                self.answers.push((id, data(Some(answer))));
            }
            Attributes::WorkflowExecutionCompletedEventAttributes(end) => {
                self.ends.push(data(end.result.as_ref()))
            }
            Attributes::WorkflowExecutionContinuedAsNewEventAttributes(_) => {
                self.ends.push("continued as new".to_owned());
            }
            _ => {}
        }
    }
}

fn data(payloads: Option<&Payloads>) -> String {
    payloads.and_then(|payloads| payloads.payloads.first()).map(|payload| text(&payload.data)).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
