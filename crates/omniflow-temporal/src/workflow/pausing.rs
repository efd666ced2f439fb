//! Waiting for what is not there: ever longer, so that a long outage leaves a short history.

use super::driving::Driver;
use super::wait;
use futures::future::poll_fn;
use std::task::Poll;
use std::time::Duration;
use temporalio_sdk::{TimerOptions, WorkflowCancellationToken};

/// The longest pause while PostgreSQL does not answer. With the events of a pause and of what is tried after
/// it, a day is some 8,000 events at most, where Temporal ends a workflow at 51,200.
const LONGEST_OUTAGE: Duration = Duration::from_secs(120);
/// The longest pause where it answers, and has not what should be there: only a person can help.
const LONGEST_ABSENCE: Duration = Duration::from_secs(3_600);
const FIRST: Duration = Duration::from_millis(200);

/// Pauses that double, so that what comes back is found in no more time than it was away.
#[derive(Clone, Debug)]
pub(super) struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    /// For as long as PostgreSQL does not answer.
    pub(super) const fn of_outage() -> Self {
        Self { next: FIRST, longest: LONGEST_OUTAGE }
    }

    /// For as long as something is not stored that should be.
    pub(super) const fn of_absence() -> Self {
        Self { next: FIRST, longest: LONGEST_ABSENCE }
    }

    /// How long to wait now; the next pause is longer.
    pub(super) fn take(&mut self) -> Duration {
        let pause = self.next;
        self.lengthen();
        pause
    }

    fn lengthen(&mut self) {
        self.next = (self.next * 2).min(self.longest);
    }
}

impl Driver<'_> {
    /// Waits for the next of these pauses, or until something is said: whoever speaks is not kept waiting, and does
    /// not make the pauses longer.
    pub(super) async fn pause(&self, pauses: &mut Pauses) {
        let seen = self.ctx.state(|w| w.said);
        let token = WorkflowCancellationToken::new();
        let options = TimerOptions::builder(pauses.next).cancellation_token(token.clone());
        let mut timer = Box::pin(self.ctx.timer(options.build()));
        let mut said = Box::pin(wait(self.ctx, |w| w.said != seen));
        let is_over = poll_fn(|cx| {
            if timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            said.as_mut().poll(cx).map(|()| false)
        });
        if is_over.await {
            pauses.lengthen();
        } else {
            token.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events that a pause, and what is tried after it, leave in history at most: an attempt at a provider for
    /// which PostgreSQL does not say what to ask.
    const EVENTS: usize = 11;
    /// At which Temporal ends a workflow.
    const LIMIT: usize = 51_200;

    fn within(mut pauses: Pauses, days: u32) -> usize {
        let mut left = Duration::from_secs(86_400) * days;
        let mut count = 0;
        while let Some(rest) = left.checked_sub(pauses.take()) {
            (left, count) = (rest, count + 1);
        }
        count
    }

    #[test]
    fn a_long_outage_leaves_a_short_history() {
        assert!(within(Pauses::of_outage(), 1) * EVENTS < LIMIT / 5);
        assert!(within(Pauses::of_outage(), 5) * EVENTS < LIMIT);
        assert!(within(Pauses::of_absence(), 180) * EVENTS < LIMIT);
    }

    #[test]
    fn a_short_outage_is_soon_over() {
        let mut pauses = Pauses::of_outage();
        let mut waited = Duration::ZERO;
        while waited < Duration::from_secs(60) {
            let pause = pauses.take();
            assert!(pause <= waited + FIRST, "{pause:?} after {waited:?}");
            waited += pause;
        }
        assert!(waited < Duration::from_secs(130));
    }
}
