//! Reports of what was accepted: each is told to the engine when its time has come, until the engine has
//! taken it, also if that is after a restart.

use super::provider::Ask;
use super::{ProviderName, Shared, Simulated, What, answer};
use crate::{Busy, Clock, Error, OrderEngine, Request};
use omniflow_core::{Actor, Command, EffectId, Money, Outcome, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// How long a report waits that an engine could not take, in milliseconds.
const AGAIN_MS: u64 = 1_000;

/// A report that has not been taken yet.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) effect_id: EffectId,
    pub(super) provider: ProviderName,
    pub(super) amount: Option<Money>,
}

/// Reports to come, and whether somebody delivers them.
#[derive(Default)]
pub(super) struct Desk {
    /// By when they are due, and which came first.
    reports: BTreeMap<(Timestamp, u64), Report>,
    places: HashMap<EffectId, (Timestamp, u64)>,
    came: u64,
    /// Reports that were due and that no engine has taken or refused.
    owed: HashSet<EffectId>,
    deliverers: usize,
    /// From whoever accepted something, for whoever delivers: until it is seen, time must not move on.
    busy: Option<Busy>,
}

impl Simulated {
    /// Whether a report is due that no engine has taken or refused yet.
    pub fn owes_reports(&self) -> bool {
        !self.0.lock().desk.owed.is_empty()
    }

    /// Delivers reports to an engine for as long as it is polled. Run one at a time, beside the engine; after
    /// a restart the next one delivers what is left.
    pub fn run_reports(&self, engine: Arc<dyn OrderEngine>) -> impl Future<Output = ()> + Send + 'static {
        // From now on, and not only from the first poll: time must not move on before that.
        let (opened, mut busy) = (Opened::new(&self.0), self.0.clock.busy());
        async move {
            let Opened(shared) = &opened;
            loop {
                busy = shared.next_due(busy).await;
                shared.deliver_due(&*engine).await;
            }
        }
    }
}

/// Says that somebody delivers, until it is dropped.
struct Opened(Arc<Shared>);

impl Opened {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.lock().desk.deliverers += 1;
        Self(Arc::clone(shared))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.desk.deliverers -= 1;
        let busy = state.desk.busy.take();
        drop((state, busy));
    }
}

impl Shared {
    /// Sleeps until a report is due.
    async fn next_due(&self, mut busy: Busy) -> Busy {
        loop {
            let accepted = self.accepted.notified();
            tokio::pin!(accepted);
            accepted.as_mut().enable();
            let (first_due, handed_over) = self.lock().desk.look();
            drop(handed_over);
            match first_due {
                Some(due_at) if due_at <= self.clock.now() => return busy,
                Some(due_at) => {
                    tokio::select! {
                        biased;
                        awake = self.clock.sleep_until(due_at, busy) => busy = awake,
                        () = accepted => busy = self.clock.busy(),
                    }
                }
                None => {
                    drop(busy);
                    accepted.await;
                    busy = self.clock.busy();
                }
            }
        }
    }

    async fn deliver_due(&self, engine: &dyn OrderEngine) {
        let due = self.lock().desk.due(self.clock.now());
        for report in due {
            match engine.command(report.request()).await {
                Ok(_) => self.delivered(&report),
                Err(error @ (Error::Overloaded | Error::Unavailable(_) | Error::OutcomeUnknown)) => {
                    tracing::debug!(effect = %report.effect_id, %error, "a report was not taken; it is made again");
                    self.lock().desk.put_off(&report.effect_id, self.clock.now().plus_millis(AGAIN_MS));
                }
                Err(error) => {
                    tracing::warn!(effect = %report.effect_id, %error, "a report was refused; it is not made again");
                    self.lock().desk.done(&report.effect_id);
                }
            }
        }
    }

    fn delivered(&self, report: &Report) {
        let record = self.record(report.ask(), What::Reported);
        let mut state = self.lock();
        if let Err(error) = self.ledger.append(&record) {
            tracing::warn!(effect = %report.effect_id, %error, "a report was taken, but is not in the ledger");
        }
        state.remember(record);
    }
}

impl Report {
    fn ask(&self) -> Ask<'_> {
        Ask { provider: self.provider, effect_id: &self.effect_id, amount: self.amount }
    }

    fn request(&self) -> Request {
        let outcome = Outcome::Done(answer::receipt(self.provider, &self.effect_id));
        let actor = match self.provider {
            ProviderName::Carrier => Actor::carrier(),
            ProviderName::Payments => Actor::payments(),
        };
        Request {
            order_id: self.effect_id.order_id.clone(),
            command: Command::Settle { effect: self.effect_id.key, outcome },
            actor,
            if_version: None,
            idempotency: None,
        }
    }
}

impl Desk {
    /// Takes over a report to make.
    pub(super) fn expect(&mut self, due_at: Timestamp, report: Report) {
        self.came += 1;
        let place = (due_at, self.came);
        self.places.insert(report.effect_id.clone(), place);
        self.reports.insert(place, report);
    }

    /// The report was taken, or never will be.
    pub(super) fn done(&mut self, effect_id: &EffectId) -> Option<Report> {
        self.owed.remove(effect_id);
        self.reports.remove(&self.places.remove(effect_id)?)
    }

    fn put_off(&mut self, effect_id: &EffectId, due_at: Timestamp) {
        if let Some(report) = self.done(effect_id) {
            self.expect(due_at, report);
            self.owed.insert(effect_id.clone());
        }
    }

    fn first_due(&self) -> Option<Timestamp> {
        self.reports.first_key_value().map(|((due_at, _), _)| *due_at)
    }

    fn due(&mut self, now: Timestamp) -> Vec<Report> {
        let due: Vec<_> = self.reports.range(..=(now, u64::MAX)).map(|(_, report)| report.clone()).collect();
        self.owed.extend(due.iter().map(|report| report.effect_id.clone()));
        due
    }

    /// Keeps time from moving on until whoever delivers has seen what was accepted.
    pub(super) fn hand_over(&mut self, clock: &dyn Clock) {
        if self.deliverers > 0 && self.busy.is_none() {
            self.busy = Some(clock.busy());
        }
    }

    /// What is due first, with the token that was handed over, to be dropped without the lock.
    fn look(&mut self) -> (Option<Timestamp>, Option<Busy>) {
        (self.first_due(), self.busy.take())
    }
}
