//! Applying commands, and what runs because of them: effects and timers.

use super::Bug;
use super::disk::Disk;
use omniflow_core::{
    Actor, Command, EffectKey, Event, FoldError, Order, OrderId, Outcome, Policies, Receipt, RetryPolicy,
    Step, TimerId, Timestamp, WantedTimer, decide, next,
};
use omniflow_engine::clock::ManualClock;
use omniflow_engine::{Clock, EffectRequest, EngineMetrics, Error, Providers, perform};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the tasks of one engine share.
pub(crate) struct Shared {
    pub(crate) clock: ManualClock,
    pub(crate) providers: Providers,
    pub(crate) bug: Option<Bug>,
    pub(crate) state: Mutex<State>,
    /// Held while a marked request is done.
    pub(crate) marking: Mutex<()>,
    /// Counts commits.
    pub(crate) commits: watch::Sender<u64>,
}

/// The disk, and what runs in memory.
pub(crate) struct State {
    pub(crate) disk: Arc<Mutex<Disk>>,
    pub(crate) orders: HashMap<OrderId, Arc<Order>>,
    pub(crate) running: HashMap<(OrderId, Running), JoinHandle<()>>,
    pub(crate) restarted: bool,
    /// The order that changed last.
    pub(crate) last_changed: Option<OrderId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Running {
    Effect(EffectKey),
    Timer(TimerId),
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Rebuilds orders from their events and goes on with each.
    pub(crate) fn recover(self: &Arc<Self>) -> Result<(), FoldError> {
        let mut state = self.lock();
        let ids: Vec<OrderId> = state.disk.lock().unwrap().timelines.keys().cloned().collect();
        let mut orders = vec![];
        for id in ids {
            let order = Arc::new(state.disk.lock().unwrap().load(&id)?);
            state.orders.insert(id, Arc::clone(&order));
            orders.push(order);
        }
        orders.sort_by_key(|order| next(order).due_at());
        if self.bug == Some(Bug::OverdueTimersFireBackwards) {
            orders.reverse();
        }
        for order in orders {
            self.reconcile(&mut state, &order);
        }
        Ok(())
    }

    /// Tells an order something and does what follows on stock, all in one commit.
    pub(crate) fn apply(
        self: &Arc<Self>,
        state: &mut State,
        id: &OrderId,
        command: &Command,
        actor: &Actor,
    ) -> Result<Arc<Order>, Error> {
        let order = state.orders.get(id).cloned().ok_or(Error::OrderNotFound)?;
        let dropped = match command {
            Command::ReportPayment(_) => self.bug == Some(Bug::DropsLatePayments) && order.kind().is_ended(),
            Command::Settle { effect, .. } => {
                let wanted = next(&order).effects.iter().any(|wanted| wanted.key == *effect);
                self.bug == Some(Bug::DropsLateOutcomes) && !wanted && !effect.step.is_stock()
            }
            _ => false,
        };
        let events = if dropped { vec![] } else { decide(&order, command)? };
        Ok(self.record(state, id, events, actor))
    }

    /// Writes events, does what they want of stock, and goes on with the order.
    pub(crate) fn record(
        self: &Arc<Self>,
        state: &mut State,
        id: &OrderId,
        events: Vec<Event>,
        actor: &Actor,
    ) -> Arc<Order> {
        if events.is_empty() {
            return Arc::clone(&state.orders[id]);
        }
        let now = self.clock.now();
        let disk = Arc::clone(&state.disk);
        let mut disk = disk.lock().unwrap();
        disk.append(id, events, now, actor, self.bug);
        let mut order = disk.load(id).unwrap();
        while let Some(wanted) = next(&order).effects.into_iter().find(|wanted| wanted.key.step.is_stock()) {
            match wanted.key.step {
                Step::ReleaseStock => disk.release(&order.terms, self.bug),
                Step::ConsumeStock => disk.consume(&order.terms, self.bug),
                // Placing has reserved already.
                _ => {}
            }
            let done = Command::Settle { effect: wanted.key, outcome: Outcome::Done(Receipt::Stock) };
            disk.append(id, decide(&order, &done).unwrap(), now, &Actor::engine(), self.bug);
            order = disk.load(id).unwrap();
        }
        if order.details.is_none() && self.bug != Some(Bug::KeepsErasedDetails) {
            disk.details.remove(id);
        }
        drop(disk);
        let order = Arc::new(order);
        state.orders.insert(id.clone(), Arc::clone(&order));
        state.last_changed = Some(id.clone());
        self.reconcile(state, &order);
        self.commits.send_modify(|commits| *commits += 1);
        order
    }

    /// Starts what the order wants and ends what it does not want any more.
    fn reconcile(self: &Arc<Self>, state: &mut State, order: &Arc<Order>) {
        let wanted = next(order);
        state.running.retain(|(id, running), task| {
            let is_wanted = match running {
                Running::Effect(key) => wanted.effects.iter().any(|effect| effect.key == *key),
                Running::Timer(timer) => wanted.timers.iter().any(|wanted| wanted.id == *timer),
            };
            let stays = *id != order.id || is_wanted;
            if !stays {
                task.abort();
            }
            stays
        });
        let lost = state.restarted && self.bug == Some(Bug::EffectsAreLost);
        for effect in wanted.effects.into_iter().filter(|_| !lost) {
            let place = (order.id.clone(), Running::Effect(effect.key));
            let restarted = state.restarted;
            state
                .running
                .entry(place)
                .or_insert_with(|| self.start(order, effect.key, effect.retry, restarted));
        }
        for timer in wanted.timers {
            let place = (order.id.clone(), Running::Timer(timer.id));
            if self.is_watched(timer) && !state.running.contains_key(&place) {
                let due_at = self.due_at(timer, &order.terms.policies, state.restarted);
                state.running.insert(place, self.wait(order.id.clone(), timer.id, due_at));
            }
        }
    }

    fn start(
        self: &Arc<Self>,
        order: &Order,
        key: EffectKey,
        retry: RetryPolicy,
        restarted: bool,
    ) -> JoinHandle<()> {
        let (shared, busy, id) = (Arc::clone(self), self.clock.busy(), order.id.clone());
        let requests = self.requests(order, key, restarted);
        tokio::spawn(async move {
            let mut busy = busy;
            let mut outcome = Outcome::Exhausted { attempts: 0, last_error: None };
            for request in requests {
                let (attempts, awake) = perform(
                    &shared.providers,
                    &shared.clock,
                    &EngineMetrics::default(),
                    &request,
                    retry,
                    busy,
                )
                .await;
                (outcome, busy) = (attempts.outcome, awake);
            }
            shared.settle(&id, key, outcome);
            drop(busy);
        })
    }

    fn requests(&self, order: &Order, key: EffectKey, restarted: bool) -> Vec<EffectRequest> {
        let asked = match self.bug {
            Some(Bug::KeysChangeAtRestart) if restarted => EffectKey { round: key.round + 7, ..key },
            Some(Bug::NeverRaisesTheRound) => EffectKey { round: 1, ..key },
            _ => key,
        };
        let mut request = EffectRequest::of(order, asked).unwrap();
        match &mut request {
            EffectRequest::Refund(refund) if self.bug == Some(Bug::RefundsTheTotal) => {
                refund.amount = order.terms.total;
            }
            EffectRequest::Refund(_) if self.bug == Some(Bug::RefundsTwice) => {
                let again = EffectRequest::of(order, EffectKey { round: key.round + 7, ..key });
                return vec![request, again.unwrap()];
            }
            _ => {}
        }
        vec![request]
    }

    fn settle(self: &Arc<Self>, id: &OrderId, key: EffectKey, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Exhausted { .. } if self.bug == Some(Bug::CompensatesByGuess) => {
                Outcome::Refused { reason: None }
            }
            Outcome::Unknown { attempts, last_error } if self.bug == Some(Bug::TakesUnknownForNone) => {
                Outcome::Exhausted { attempts, last_error }
            }
            outcome => outcome,
        };
        let mut state = self.lock();
        state.running.remove(&(id.clone(), Running::Effect(key)));
        let actor = if key.step == Step::Ship { Actor::carrier() } else { Actor::payments() };
        self.apply(&mut state, id, &Command::Settle { effect: key, outcome }, &actor).unwrap();
    }

    fn is_watched(&self, timer: WantedTimer) -> bool {
        match self.bug {
            Some(Bug::DeadlinesAreIgnored) => timer.id == TimerId::PaymentWindow,
            Some(Bug::OverdueTimersAreLost) => timer.due_at > self.clock.now(),
            _ => true,
        }
    }

    fn due_at(&self, timer: WantedTimer, policies: &Policies, restarted: bool) -> Timestamp {
        let due_at = timer.due_at;
        match self.bug {
            Some(Bug::TimersAreEarly) => Timestamp::from_millis(due_at.as_millis() - 1),
            Some(Bug::TimersAreLate) => due_at.plus_millis(1_000),
            Some(Bug::WindowsBeginAnew) if restarted => {
                self.clock.now().plus_millis(policies.payment_window_ms)
            }
            _ => due_at,
        }
    }

    fn wait(self: &Arc<Self>, id: OrderId, timer: TimerId, due_at: Timestamp) -> JoinHandle<()> {
        let (shared, busy) = (Arc::clone(self), self.clock.busy());
        tokio::spawn(async move {
            let busy = shared.clock.sleep_until(due_at, busy).await;
            let mut state = shared.lock();
            state.running.remove(&(id.clone(), Running::Timer(timer)));
            shared.apply(&mut state, &id, &Command::Elapse(timer), &Actor::engine()).unwrap();
            drop(state);
            drop(busy);
        })
    }
}
