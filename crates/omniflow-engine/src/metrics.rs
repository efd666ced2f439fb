//! What engines count, under one set of names whichever runs.

mod by_state;
mod overdue;

use self::by_state::ByState;
use self::overdue::Overdue;
use crate::Attempt;
use omniflow_core::{EffectKind, Order, StateKind};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

/// Upper bounds of an attempt's and a commit's duration, in seconds.
const SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Upper bounds of a timer's lateness, in seconds; the contract allows 0.1, and 1 after a start.
const LATE_SECONDS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0];

/// Upper bounds of a commit's jobs.
const JOBS: [f64; 12] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 2_048.0];

/// An engine's metrics. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct EngineMetrics(Arc<Families>);

#[derive(Debug)]
struct Families {
    placed: Counter,
    ended: ByState<Counter>,
    orders: ByState<Gauge>,
    attention: Gauge,
    attempts: Family<AttemptLabels, Counter>,
    attempt_seconds: Family<AttemptLabels, Histogram, fn() -> Histogram>,
    timers_fired: Counter,
    timer_late: Histogram,
    timer_overdue: Overdue,
    commit_seconds: Histogram,
    commit_jobs: Histogram,
}

/// What the gauges know of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    state: StateKind,
    attention: bool,
}

impl Standing {
    /// That of some orders.
    pub const fn new(state: StateKind, attention: bool) -> Self {
        Self { state, attention }
    }

    /// Of an order.
    pub fn of(order: &Order) -> Self {
        Self { state: order.kind(), attention: order.attention().is_some() }
    }
}

impl Default for Families {
    fn default() -> Self {
        Self {
            placed: Counter::default(),
            ended: ByState::new(StateKind::is_ended),
            orders: ByState::new(|state| !state.is_ended()),
            attention: Gauge::default(),
            attempts: Family::default(),
            attempt_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            timers_fired: Counter::default(),
            timer_late: Histogram::new(LATE_SECONDS),
            timer_overdue: Overdue::default(),
            commit_seconds: Histogram::new(SECONDS),
            commit_jobs: Histogram::new(JOBS),
        }
    }
}

impl EngineMetrics {
    /// Adds them to a registry: orders open by state, placed and ended totals, attention, attempts at
    /// effects by kind and result with their durations, timers fired and how late, the oldest overdue one,
    /// commits.
    pub fn register(&self, registry: &mut Registry) {
        let Families { placed, ended, .. } = &*self.0;
        registry.register("orders_placed", "Orders placed", placed.clone());
        registry.register(
            "orders_ended",
            "Orders that came to an end, by the state they ended in",
            ended.family.clone(),
        );
        self.register_standings(registry);
        self.register_attempts(registry);
        let Families { timers_fired, timer_late, commit_seconds, commit_jobs, .. } = &*self.0;
        registry.register("timers_fired", "Timers that fired", timers_fired.clone());
        let help = "How late timers fired";
        registry.register_with_unit("timer_late", help, Unit::Seconds, timer_late.clone());
        registry.register_collector(Box::new(self.0.timer_overdue.clone()));
        let help = "How long a commit took, its sync included";
        registry.register_with_unit("commit_duration", help, Unit::Seconds, commit_seconds.clone());
        registry.register("commit_jobs", "Requests, timers and outcomes in one commit", commit_jobs.clone());
    }

    /// Adds only open orders by state, and attention: for a process that [counts](Self::count) what others move.
    pub fn register_standings(&self, registry: &mut Registry) {
        let Families { orders, attention, .. } = &*self.0;
        registry.register("orders", "Orders that have not ended, by state", orders.family.clone());
        registry.register("orders_attention", "Orders that need a person", attention.clone());
    }

    /// Adds only attempts at effects: for a process that makes them for others.
    pub fn register_attempts(&self, registry: &mut Registry) {
        let Families { attempts, attempt_seconds, .. } = &*self.0;
        registry.register("effect_attempts", "Attempts at effects, by kind and result", attempts.clone());
        let help = "How long an attempt took";
        registry.register_with_unit("effect_attempt_duration", help, Unit::Seconds, attempt_seconds.clone());
    }

    /// Counts a change of an order that is durable; `before` is `None` where it was just placed.
    pub fn moved(&self, before: Option<Standing>, after: Standing) {
        if before == Some(after) {
            return;
        }
        if let Some(before) = before {
            self.shift(before, -1);
        } else {
            self.0.placed.inc();
        }
        self.shift(after, 1);
        if before.is_none_or(|before| !before.state.is_ended())
            && let Some(ended) = self.0.ended.of(after.state)
        {
            ended.inc();
        }
    }

    /// Begins to count the orders that are open anew, as after a start.
    pub fn recount(&self, open: impl Iterator<Item = Standing>) {
        self.count(open.map(|standing| (standing, 1)));
    }

    /// Says how many orders stand how, of those that are open or need a person.
    pub fn count(&self, standings: impl Iterator<Item = (Standing, i64)>) {
        for orders in self.0.orders.all() {
            orders.set(0);
        }
        self.0.attention.set(0);
        for (standing, orders) in standings {
            self.shift(standing, orders);
        }
    }

    fn shift(&self, Standing { state, attention }: Standing, by: i64) {
        if let Some(orders) = self.0.orders.of(state) {
            orders.inc_by(by);
        }
        if attention {
            self.0.attention.inc_by(by);
        }
    }

    /// Counts an attempt at an effect.
    pub fn attempted(&self, kind: EffectKind, attempt: &Attempt, took: Duration) {
        let result = Word(match attempt {
            Attempt::Done(_) => "done",
            Attempt::Accepted { .. } => "accepted",
            Attempt::Refused { .. } => "refused",
            Attempt::NotTaken { .. } => "not_taken",
            Attempt::Unknown { .. } => "unknown",
        });
        let labels = AttemptLabels { kind: Word(kind.as_str()), result };
        self.0.attempts.get_or_create(&labels).inc();
        self.0.attempt_seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Counts a timer that fired so many milliseconds after its deadline.
    pub fn timer_fired(&self, late_ms: u64) {
        self.0.timers_fired.inc();
        self.0.timer_late.observe(late_ms as f64 / 1_000.0);
    }

    /// Where to ask for how long the oldest timer that is due has not fired, zero where none is.
    pub fn ask_overdue(&self, age: impl Fn() -> Duration + Send + Sync + 'static) {
        self.0.timer_overdue.ask(Box::new(age));
    }

    /// Counts a commit.
    pub fn committed(&self, jobs: usize, took: Duration) {
        self.0.commit_jobs.observe(jobs as f64);
        self.0.commit_seconds.observe(took.as_secs_f64());
    }
}

/// A word as a label's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Word(&'static str);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    kind: Word,
    result: Word,
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    fn text(metrics: &EngineMetrics) -> String {
        let mut registry = Registry::with_prefix("omniflow");
        metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn orders_are_counted_from_placing_to_their_end() {
        let standing = |state, attention| Standing { state, attention };
        let metrics = EngineMetrics::default();
        metrics.recount([standing(StateKind::InReview, false)].into_iter());
        let waiting = standing(StateKind::AwaitingPayment, false);
        metrics.moved(None, waiting);
        metrics.moved(Some(waiting), standing(StateKind::Shipping, true));
        let said = text(&metrics);
        for line in [
            "omniflow_orders_placed_total 1",
            "omniflow_orders{state=\"in_review\"} 1",
            "omniflow_orders{state=\"awaiting_payment\"} 0",
            "omniflow_orders{state=\"shipping\"} 1",
            "omniflow_orders_attention 1",
            "omniflow_orders{state=\"compensating\"} 0",
            "omniflow_orders_ended_total{state=\"completed\"} 0",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
        metrics.moved(Some(standing(StateKind::Shipping, true)), standing(StateKind::Completed, false));
        let said = text(&metrics);
        for line in [
            "omniflow_orders{state=\"shipping\"} 0",
            "omniflow_orders_ended_total{state=\"completed\"} 1",
            "omniflow_orders_attention 0",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
    }

    #[test]
    fn each_state_has_its_own_place() {
        let metrics = EngineMetrics::default();
        for (number, &state) in (1..).zip(StateKind::ALL) {
            for _ in 0..number {
                metrics.moved(None, Standing { state, attention: false });
            }
        }
        let said = text(&metrics);
        for (number, state) in (1..).zip(StateKind::ALL) {
            let family = if state.is_ended() { "orders_ended_total" } else { "orders" };
            let line = format!("omniflow_{family}{{state=\"{}\"}} {number}\n", state.as_str());
            assert!(said.contains(&line), "{line}: {said}");
        }
    }

    #[test]
    fn an_overdue_timer_gets_older_while_nothing_moves() {
        let metrics = EngineMetrics::default();
        assert!(text(&metrics).contains("omniflow_timer_overdue_seconds 0.0\n"));
        let asked = std::sync::atomic::AtomicU64::new(0);
        metrics.ask_overdue(move || {
            Duration::from_millis(500 * asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        });
        for age in ["0.0", "0.5", "1.0"] {
            let said = text(&metrics);
            assert!(said.contains(&format!("omniflow_timer_overdue_seconds {age}\n")), "{age}: {said}");
        }
    }

    #[test]
    fn attempts_timers_and_commits_are_counted() {
        let metrics = EngineMetrics::default();
        let attempt = Attempt::Unknown { error: "no answer".to_owned() };
        metrics.attempted(EffectKind::Ship, &attempt, Duration::from_secs(3));
        metrics.timer_fired(40);
        metrics.committed(7, Duration::from_millis(2));
        let said = text(&metrics);
        for line in [
            "omniflow_effect_attempts_total{kind=\"ship\",result=\"unknown\"} 1",
            "omniflow_effect_attempt_duration_seconds_sum{kind=\"ship\",result=\"unknown\"} 3.0",
            "omniflow_timer_late_seconds_bucket{le=\"0.05\"} 1",
            "omniflow_timer_late_seconds_bucket{le=\"0.025\"} 0",
            "omniflow_commit_jobs_sum 7.0",
            "omniflow_commit_duration_seconds_count 1",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
    }
}
