//! What was measured: latencies by step, orders done, failures by kind.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// A thing whose latency is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// A whole order: from the intent to place it until the load counts it as done.
    Order,
    /// `POST /orders`.
    Place,
    /// `POST /orders` that found nothing left.
    SoldOut,
    /// `POST /orders/{id}/pay`.
    Pay,
    /// From the answer to the payment until the client saw `completed`.
    Completed,
    /// `GET /healthz`.
    Noop,
}

impl Step {
    /// All of them, in the order in which they are reported.
    pub(super) const ALL: [Self; 6] =
        [Self::Order, Self::Place, Self::SoldOut, Self::Pay, Self::Completed, Self::Noop];

    /// The name in reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Place => "place",
            Self::SoldOut => "sold_out",
            Self::Pay => "pay",
            Self::Completed => "completed",
            Self::Noop => "noop",
        }
    }
}

/// Why an order was not done, as counted: the step, the answer's status where there was one, and the
/// problem's code or a word for what happened instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Failure {
    /// The step at which the order stopped.
    #[serde(rename = "request")]
    pub(super) step: Step,
    /// The HTTP status of the answer; none where no answer came.
    pub(super) status: Option<u16>,
    /// A problem's `code`, or `connection_lost`, `ended_expired` and the like.
    pub(super) code: Cow<'static, str>,
}

/// The figures of one phase of a run.
pub(super) struct Tally {
    latencies: Vec<Histogram<u64>>,
    /// Orders (or no-op requests) that came to their expected end.
    pub(super) done: u64,
    /// How often each kind of failure happened.
    pub(super) failures: BTreeMap<Failure, u64>,
    /// Answers of any kind: as long as it grows the server is alive.
    pub(super) answers: u64,
}

impl Tally {
    /// Nothing measured yet.
    pub(super) fn new() -> Self {
        let latencies = Step::ALL.iter().map(|_| microseconds()).collect();
        Self { latencies, done: 0, failures: BTreeMap::new(), answers: 0 }
    }

    /// Notes that `step` took `latency`.
    pub(super) fn record(&mut self, step: Step, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latencies[step as usize].saturating_record(micros);
    }

    /// The latencies of `step`, in microseconds.
    pub(super) fn latency(&self, step: Step) -> &Histogram<u64> {
        &self.latencies[step as usize]
    }

    /// Counts a failure.
    pub(super) fn fail(&mut self, failure: Failure) {
        *self.failures.entry(failure).or_default() += 1;
    }

    /// How many failures there were.
    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
}

/// From 1 µs to an hour, three digits; longer ones count as an hour.
fn microseconds() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the bounds are constants within what the histogram allows")]
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("1 µs to 1 h at 3 digits is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_and_failures_are_kept_apart_by_kind() {
        let mut tally = Tally::new();
        tally.record(Step::Pay, Duration::from_millis(3));
        tally.record(Step::Pay, Duration::from_secs(7200));
        let lost = Failure { step: Step::Pay, status: None, code: "connection_lost".into() };
        let refused = Failure { status: Some(409), code: "out_of_stock".into(), ..lost.clone() };
        for failure in [lost.clone(), refused.clone(), lost.clone()] {
            tally.fail(failure);
        }
        assert_eq!(tally.latency(Step::Pay).len(), 2);
        assert_eq!(tally.latency(Step::Place).len(), 0);
        assert!(tally.latency(Step::Pay).max() >= 3_600_000_000, "an hour is where counting stops");
        assert_eq!((tally.failures[&lost], tally.failures[&refused], tally.failed()), (2, 1, 3));
    }

    #[test]
    fn every_step_has_its_own_place() {
        for (position, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step as usize, position);
        }
    }
}
