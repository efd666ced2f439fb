//! The progress bar: on standard error, and only where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::drive::Limit;

/// One phase's bar.
pub(super) struct Progress {
    bar: ProgressBar,
    limit: Limit,
}

impl Progress {
    /// A bar that fills up to `limit`.
    pub(super) fn new(label: &'static str, limit: Limit) -> Self {
        let length = match limit {
            Limit::For(time) => millis(time),
            Limit::Orders(orders) => orders,
        };
        let bar = ProgressBar::new(length).with_prefix(label);
        if let Ok(style) = ProgressStyle::with_template("{prefix:>10} {wide_bar} {percent:>3}%  {msg}") {
            bar.set_style(style);
        }
        Self { bar, limit }
    }

    /// No bar.
    pub(super) fn hidden() -> Self {
        Self { bar: ProgressBar::hidden(), limit: Limit::Orders(0) }
    }

    /// Draws what was reached after `elapsed`.
    pub(super) fn show(&self, elapsed: Duration, done: u64, failed: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_position(match self.limit {
            Limit::For(_) => millis(elapsed),
            Limit::Orders(_) => done + failed,
        });
        let rate = done as f64 / elapsed.as_secs_f64().max(f64::EPSILON);
        self.bar.set_message(format!("{rate:.0} orders/s, {failed} failed"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
