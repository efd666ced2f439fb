//! One order in a workflow: decided ahead of what is stored, and answered only once it is stored.
//!
//! A workflow task can be lost after it has published, and what was said can then be decided again in
//! another order. PostgreSQL keeps the order's record, so whatever is stored there holds: the machine
//! [adopts](Machine::adopt) it, and decides what it had said on top of it once more, refusals too.

mod batch;
#[cfg(test)]
mod tests;

pub(crate) use batch::Batch;

use super::input;
use super::marks::Marks;
use super::wire::{Answer, Asked};
use crate::activities::Line;
use omniflow_core::{
    Actor, Command, DecodeError, EffectKey, Entry, Event, FoldError, Order, Outcome, Receipt, Step,
    Timestamp, decide, evolve, fold, next,
};
use std::collections::BTreeMap;

/// Names one thing that was said, by the order in which things were said.
pub(crate) type Ticket = u64;

/// Stored lines that are no order's life, or were written by a newer program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnreadableError {
    #[error("a stored event cannot be read: {0}")]
    Line(#[from] DecodeError),
    #[error("the stored events are no order's life: {0}")]
    Life(#[from] FoldError),
}

/// One order.
pub(crate) struct Machine {
    /// As PostgreSQL has it.
    stored: Order,
    /// With what was said since.
    decided: Order,
    said: Vec<Said>,
    publishing: Option<Publishing>,
    /// Answers that may be given.
    answers: BTreeMap<Ticket, Answer>,
    /// Marked requests that were answered.
    marks: Marks,
}

/// What is being stored.
struct Publishing {
    order: Order,
    /// How many of those that spoke it answers.
    count: usize,
    at: Timestamp,
}

/// Something that was said to the order and is not yet stored.
struct Said {
    ticket: Ticket,
    asked: Asked,
    at: Timestamp,
    entries: Vec<Entry>,
    verdict: Verdict,
}

/// What was decided. Whoever asked hears it once it is stored.
#[derive(Clone)]
enum Verdict {
    /// It was applied, or had been before.
    Applied,
    /// An equal request that is being stored, or was, has been applied.
    Repeated(Option<Answer>),
    Answered(Answer),
}

/// Reads stored lines.
fn entries(lines: &[Line]) -> Result<Vec<Entry>, UnreadableError> {
    Ok(lines.iter().map(|line| Entry::decode(line.bytes())).collect::<Result<_, _>>()?)
}

impl Machine {
    /// The order of all its stored lines.
    pub(crate) fn load(lines: &[Line]) -> Result<Self, UnreadableError> {
        let order = fold(&entries(lines)?)?;
        Ok(Self {
            stored: order.clone(),
            decided: order,
            said: vec![],
            publishing: None,
            answers: BTreeMap::new(),
            marks: Marks::default(),
        })
    }

    /// The order as it is stored: what may be shown, and what effects are started for.
    pub(crate) const fn stored(&self) -> &Order {
        &self.stored
    }

    /// Whether everything that was said is stored and answered.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.said.is_empty() && self.publishing.is_none()
    }

    /// Says something; the answer comes once it may be given.
    pub(crate) fn say(&mut self, ticket: Ticket, asked: Asked, at: Timestamp) {
        let said = Said { ticket, asked, at, entries: vec![], verdict: Verdict::Applied };
        self.consider(said, &mut vec![]);
    }

    /// The answer to what was said under this ticket, once.
    pub(crate) fn take_answer(&mut self, ticket: Ticket) -> Option<Answer> {
        self.answers.remove(&ticket)
    }

    /// Whether the answer is there.
    pub(crate) fn has_answer(&self, ticket: Ticket) -> bool {
        self.answers.contains_key(&ticket)
    }

    /// Decides what was said, on top of all that was said before. `adopted` are events that were found
    /// stored: what made them before has done so, and is not decided again.
    fn consider(&mut self, mut said: Said, adopted: &mut Vec<Entry>) {
        let before = std::mem::take(&mut said.entries);
        said.verdict = if !before.is_empty() && take_all(adopted, &before) {
            Verdict::Applied
        } else {
            self.repetition(&said).unwrap_or_else(|| self.decide(&mut said))
        };
        self.said.push(said);
    }

    /// What an earlier request with the same mark says about this one.
    fn repetition(&self, said: &Said) -> Option<Verdict> {
        let mark = said.asked.mark?;
        let (body, answer) = match self.marks.find(&mark.key, said.at) {
            Some((body, answer)) => (body, Some(answer.clone())),
            None => {
                let mut applied = self.said.iter().filter(|said| said.is_applied());
                let first = applied.find_map(|said| said.asked.mark.filter(|other| other.key == mark.key))?;
                (first.body, None)
            }
        };
        Some(if body == mark.body { Verdict::Repeated(answer) } else { Verdict::Answered(Answer::KeyReused) })
    }

    fn decide(&mut self, said: &mut Said) -> Verdict {
        let current = self.decided.version;
        if said.asked.if_version.is_some_and(|version| version != current) {
            return Verdict::Answered(Answer::VersionMismatch { current });
        }
        let Some(events) = self.events(&said.asked) else {
            return Verdict::Answered(Answer::Refused { version: current });
        };
        for event in events {
            self.record(said, event, said.asked.actor.clone());
        }
        // What undoes or ends a reservation cannot be refused: it is decided, and done, with its cause.
        while let Some(effect) = stock_to_settle(&self.decided) {
            let settle = Command::Settle { effect, outcome: Outcome::Done(Receipt::Stock) };
            match decide(&self.decided, &settle) {
                Ok(events) if !events.is_empty() => {
                    for event in events {
                        self.record(said, event, Actor::engine());
                    }
                }
                _ => break,
            }
        }
        Verdict::Applied
    }

    /// What it leads to, `None` where the order refuses it. Of that a note is made where nobody waits who could be
    /// told.
    fn events(&self, asked: &Asked) -> Option<Vec<Event>> {
        decide(&self.decided, &asked.command).ok().or_else(|| {
            let note = (!asked.wants_answer).then(|| input::note_of(&asked.command))??;
            decide(&self.decided, &note).ok()
        })
    }

    fn record(&mut self, said: &mut Said, event: Event, actor: Actor) {
        let at = said.at.max(self.decided.updated_at);
        let entry = Entry { seq: self.decided.version + 1, at, actor, event };
        self.decided = evolve(self.decided.clone(), &entry);
        said.entries.push(entry);
    }

    /// The batch is stored: it may be shown, and whoever said it is answered.
    pub(crate) fn published(&mut self) {
        if let Some(published) = self.publishing.take() {
            self.stored = published.order.clone();
            self.answer(&published);
        }
    }

    /// Other events were found stored: they hold, and what was said is decided again on top of them.
    pub(crate) fn adopt(&mut self, lines: &[Line]) -> Result<(), UnreadableError> {
        let mut adopted = entries(lines)?;
        self.stored = adopted.iter().fold(self.stored.clone(), evolve);
        self.decided = self.stored.clone();
        self.publishing = None;
        for said in std::mem::take(&mut self.said) {
            self.consider(said, &mut adopted);
        }
        Ok(())
    }

    /// Answers those whose words are stored: the order stands so.
    fn answer(&mut self, published: &Publishing) {
        let (version, at) = (published.order.version, published.at);
        for said in self.said.drain(..published.count) {
            let answer = match said.verdict {
                Verdict::Applied => Answer::Done { version, at, replayed: false },
                Verdict::Repeated(None) => Answer::Done { version, at, replayed: true },
                Verdict::Repeated(Some(first)) => first.again(),
                Verdict::Answered(answer) => answer,
            };
            if let (Some(mark), Answer::Done { replayed: false, .. }) = (said.asked.mark, &answer) {
                self.marks.keep(&mark, at, answer.clone());
            }
            if said.asked.wants_answer {
                self.answers.insert(said.ticket, answer);
            }
        }
    }
}

impl Said {
    const fn is_applied(&self) -> bool {
        matches!(self.verdict, Verdict::Applied)
    }

    const fn keeps_mark(&self) -> bool {
        self.asked.mark.is_some() && self.is_applied()
    }
}

/// Takes these events out of what was found stored, if all of them are there.
fn take_all(adopted: &mut Vec<Entry>, mine: &[Entry]) -> bool {
    let mut rest = adopted.clone();
    for entry in mine {
        let same = |found: &Entry| found.event == entry.event && found.actor == entry.actor;
        let Some(place) = rest.iter().position(same) else { return false };
        rest.remove(place);
    }
    *adopted = rest;
    true
}

/// The stock that the order gives back or lets go.
fn stock_to_settle(order: &Order) -> Option<EffectKey> {
    let settles = |step| matches!(step, Step::ReleaseStock | Step::ConsumeStock);
    next(order).effects.into_iter().map(|wanted| wanted.key).find(|key| settles(key.step))
}
