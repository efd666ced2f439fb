//! One attempt at a simulated provider.

use super::reports::Report;
use super::script::ScriptStep;
use super::{Act, ProviderName, Record, Shared, Simulated, State, What, answer};
use crate::{Answer, Attempt, Busy, Carrier, Payments, RefundRequest, ShipmentRequest, crash};
use omniflow_core::{EffectId, Money, ReasonText, Receipt, Timestamp};
use std::future::pending;
use std::io;
use std::sync::Arc;

/// What a provider is asked for.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) provider: ProviderName,
    pub(super) effect_id: &'a EffectId,
    pub(super) amount: Option<Money>,
}

/// What a provider remembers of an effect, and answers whenever it is asked again.
#[derive(Debug)]
pub(super) enum Memory {
    Refused { reason: Option<ReasonText> },
    Accepted,
    Reported,
}

/// What a provider will do with an attempt.
enum Plan {
    Answer(Attempt),
    DoNow,
    DoAt(Timestamp),
    Hang,
}

impl Carrier for Simulated {
    fn create_shipment<'a>(
        &'a self,
        request: &'a ShipmentRequest,
        busy: Busy,
    ) -> Answer<'a, (Attempt, Busy)> {
        let ask = Ask { provider: ProviderName::Carrier, effect_id: &request.effect_id, amount: None };
        Box::pin(self.attempt(ask, busy))
    }
}

impl Payments for Simulated {
    fn refund<'a>(&'a self, request: &'a RefundRequest, busy: Busy) -> Answer<'a, (Attempt, Busy)> {
        let (effect_id, amount) = (&request.effect_id, Some(request.amount));
        Box::pin(self.attempt(Ask { provider: ProviderName::Payments, effect_id, amount }, busy))
    }
}

impl Simulated {
    async fn attempt(&self, ask: Ask<'_>, busy: Busy) -> (Attempt, Busy) {
        match self.0.plan(ask) {
            Plan::Answer(attempt) => (attempt, busy),
            Plan::DoNow => (self.0.do_now(ask), busy),
            Plan::DoAt(done_at) => self.work(ask, done_at, busy).await,
            Plan::Hang => {
                drop(busy);
                pending().await
            }
        }
    }

    /// Works until `done_at` in a task of its own: the provider goes on when the caller has given up.
    async fn work(&self, ask: Ask<'_>, done_at: Timestamp, busy: Busy) -> (Attempt, Busy) {
        let (shared, provider, amount) = (Arc::clone(&self.0), ask.provider, ask.amount);
        let effect_id = ask.effect_id.clone();
        let work = tokio::spawn(async move {
            let busy = shared.clock.sleep_until(done_at, busy).await;
            (shared.finish(Ask { provider, effect_id: &effect_id, amount }), busy)
        });
        match work.await {
            Ok(answered) => answered,
            Err(error) => (Attempt::Unknown { error: error.to_string() }, self.0.clock.busy()),
        }
    }
}

impl Shared {
    fn plan(&self, ask: Ask<'_>) -> Plan {
        let state = &mut *self.lock();
        if let Some(memory) = state.memory.get(ask.effect_id) {
            return Plan::Answer(memory.answer(ask));
        }
        // What is already being worked on is neither refused nor begun again.
        if let Some(done_at) = state.in_progress.get(ask.effect_id) {
            return Plan::DoAt(*done_at);
        }
        if let Some(script) = state.scripts.in_force(ask.provider, &ask.effect_id.order_id) {
            // A script that came after the effect was done changes nothing about it, and loses no step by it.
            match state.done.contains(&self.ledger, ask.effect_id) {
                Ok(true) => return Plan::Answer(done(ask)),
                Ok(false) => {}
                Err(error) => return Plan::Answer(not_taken("read", &error)),
            }
            if let Some(step) = script.pop() {
                return self.by_script(state, ask, step);
            }
        }
        match ask.provider {
            ProviderName::Carrier if self.carrier_delay_ms > 0 => {
                self.begin(state, ask, self.carrier_delay_ms)
            }
            _ => Plan::DoNow,
        }
    }

    fn by_script(&self, state: &mut State, ask: Ask<'_>, step: ScriptStep) -> Plan {
        match step.act {
            Act::Fail => {
                let heard = step.reason.as_ref().map_or("not now, ask again", ReasonText::as_str);
                Plan::Answer(Attempt::NotTaken {
                    error: format!("the simulated {} said: {heard}", ask.provider),
                })
            }
            Act::Hang => Plan::Hang,
            Act::Delay => self.begin(state, ask, step.ms),
            Act::Refuse => {
                let record = Record { reason: step.reason.clone(), ..self.record(ask, What::Refused) };
                self.take(state, ask, record)
            }
            Act::Accept => {
                let report_at = Some(self.clock.now().plus_millis(step.ms));
                let plan = self.take(state, ask, Record { report_at, ..self.record(ask, What::Accepted) });
                state.desk.hand_over(&*self.clock);
                self.accepted.notify_waiters();
                plan
            }
        }
    }

    fn begin(&self, state: &mut State, ask: Ask<'_>, ms: u64) -> Plan {
        let done_at = self.clock.now().plus_millis(ms);
        state.in_progress.insert(ask.effect_id.clone(), done_at);
        Plan::DoAt(done_at)
    }

    /// Writes down what is refused or accepted, and remembers it.
    fn take(&self, state: &mut State, ask: Ask<'_>, record: Record) -> Plan {
        if let Err(not_taken) = self.write_down(&record) {
            return Plan::Answer(not_taken);
        }
        let attempt = match record.what {
            What::Refused => Attempt::Refused { reason: record.reason.clone() },
            _ => Attempt::Accepted { reference: Some(answer::acceptance(ask.effect_id)) },
        };
        state.remember(record);
        Plan::Answer(attempt)
    }

    fn do_now(&self, ask: Ask<'_>) -> Attempt {
        match self.write_down(&self.record(ask, What::Done)) {
            Ok(()) => done(ask),
            Err(not_taken) => not_taken,
        }
    }

    /// Ends the work on an effect. Of several who waited for it, the first writes it down, before any answers.
    /// Until that has succeeded the effect stays in progress, so that whoever comes next writes it down.
    fn finish(&self, ask: Ask<'_>) -> Attempt {
        let mut state = self.lock();
        if !state.in_progress.contains_key(ask.effect_id) {
            return done(ask);
        }
        let attempt = self.do_now(ask);
        if matches!(attempt, Attempt::Done(_)) {
            state.in_progress.remove(ask.effect_id);
        }
        attempt
    }

    /// Writes down what is done with an effect, before anybody is answered. What cannot be written down is
    /// not taken.
    fn write_down(&self, record: &Record) -> Result<(), Attempt> {
        self.ledger.append(record).map_err(|error| not_taken("write", &error))?;
        crash::point("effect-taken");
        Ok(())
    }

    pub(super) fn record(&self, ask: Ask<'_>, what: What) -> Record {
        let tracking_number = match (what, answer::receipt(ask.provider, ask.effect_id)) {
            (What::Done | What::Reported, Receipt::Shipment { tracking_number }) => Some(tracking_number),
            _ => None,
        };
        Record {
            at: self.clock.now(),
            what,
            provider: ask.provider,
            effect_id: ask.effect_id.clone(),
            amount: ask.amount,
            tracking_number,
            reason: None,
            report_at: None,
        }
    }
}

impl Memory {
    fn answer(&self, ask: Ask<'_>) -> Attempt {
        match self {
            Self::Refused { reason } => Attempt::Refused { reason: reason.clone() },
            Self::Accepted => Attempt::Accepted { reference: Some(answer::acceptance(ask.effect_id)) },
            Self::Reported => done(ask),
        }
    }
}

/// The answer to whoever asks for what is done.
fn done(ask: Ask<'_>) -> Attempt {
    Attempt::Done(answer::receipt(ask.provider, ask.effect_id))
}

fn not_taken(cannot: &str, error: &io::Error) -> Attempt {
    Attempt::NotTaken { error: format!("the simulated provider cannot {cannot} its ledger: {error}") }
}

impl State {
    /// Remembers what a record says, as it is written or as it is read at the start. Effects that were done at
    /// once are too many for that: the ledger has them, for when a script asks.
    pub(super) fn remember(&mut self, record: Record) {
        let memory = match record.what {
            What::Done => return,
            What::Refused => Memory::Refused { reason: record.reason },
            What::Accepted => {
                let Record { effect_id, provider, amount, .. } = &record;
                let (effect_id, provider, amount) = (effect_id.clone(), *provider, *amount);
                let due_at = record.report_at.unwrap_or(record.at);
                self.desk.expect(due_at, Report { effect_id, provider, amount });
                Memory::Accepted
            }
            What::Reported => {
                self.desk.done(&record.effect_id);
                Memory::Reported
            }
        };
        self.memory.insert(record.effect_id, memory);
    }
}
