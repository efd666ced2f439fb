//! A deadline that costs nothing while it is met: its timer is made when first waited for, kept for the next
//! wait, and moved only when it would fire at a wrong moment.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Bounds one wait after another.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Ready once `limit` has passed since the first poll of this wait.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, limit: Duration) -> Poll<()> {
        let at = *self.at.get_or_insert_with(|| Instant::now() + limit);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            // It was armed for an earlier wait.
            timer.as_mut().reset(at);
        }
    }

    /// Ends the wait.
    pub(crate) fn clear(&mut self) {
        self.at = None;
    }

    /// Whether a wait is going on.
    pub(crate) fn is_running(&self) -> bool {
        self.at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_secs(10);

    async fn polled_once(deadline: &mut Deadline, limit: Duration) -> Poll<()> {
        poll_fn(|cx| Poll::Ready(deadline.poll(cx, limit))).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_shorter_wait_after_a_longer_one_ends_in_time() {
        let mut deadline = Deadline::default();
        assert!(polled_once(&mut deadline, LONG).await.is_pending());
        deadline.clear();
        let start = Instant::now();
        poll_fn(|cx| deadline.poll(cx, SHORT)).await;
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_left_from_an_earlier_wait_does_not_end_a_later_one() {
        let mut deadline = Deadline::default();
        assert!(polled_once(&mut deadline, SHORT).await.is_pending());
        deadline.clear();
        assert!(!deadline.is_running());
        tokio::time::advance(Duration::from_secs(8)).await;
        let start = Instant::now();
        poll_fn(|cx| deadline.poll(cx, SHORT)).await;
        assert_eq!(start.elapsed().as_secs(), 10);
    }
}
