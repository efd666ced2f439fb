//! Policies as data. They are copied into an order when it is placed: what is configured later never
//! changes a running order.

mod text;

pub use text::PoliciesError;

use crate::{Currency, Money};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The number of the rules that [`decide`](crate::decide) and [`next`](crate::next()) follow today.
///
/// A change of what either answers for any state and command is a new number; orders keep the number
/// that they were placed under.
pub const RULES: u16 = 1;

/// How an effect is tried: attempts, each with a time-out, and a doubling pause between them.
///
/// Its text is attempts, the time-out of each, and the first and the longest pause: `10x10s/1s-1m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// How long one attempt may take, in milliseconds.
    pub attempt_timeout_ms: u64,
    /// The pause after the first failed attempt, in milliseconds; it doubles with each further one.
    pub backoff_ms: u64,
    /// The longest pause, in milliseconds.
    pub backoff_max_ms: u64,
}

impl RetryPolicy {
    /// 10 s an attempt, 10 attempts, pauses from 1 s doubling to 60 s.
    pub const FORWARD: Self =
        Self { attempts: 10, attempt_timeout_ms: 10_000, backoff_ms: 1_000, backoff_max_ms: 60_000 };
    /// As [`FORWARD`](Self::FORWARD), with 30 attempts: what must be undone is tried for longer.
    pub const COMPENSATION: Self = Self { attempts: 30, ..Self::FORWARD };

    /// The pause after so many failed attempts, in milliseconds.
    pub fn pause_ms(&self, failed: u32) -> u64 {
        let doublings = failed.saturating_sub(1).min(32);
        self.backoff_ms.saturating_mul(1 << doublings).min(self.backoff_max_ms)
    }
}

/// The policies of one order.
///
/// In JSON they are one text, since every order keeps its own for ever:
/// `rules=1 window=30s review_minor>1000000 forward=10x10s/1s-1m undo=30x10s/1s-1m deadline=72h`.
/// It has every part, in this order. A span of time is a whole number of its largest unit among `h`, `m`
/// (minutes), `s` and `ms` in which it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policies {
    /// The number of the rules the order was placed under.
    pub rules: u16,
    /// How long the order waits for payment, in milliseconds.
    pub payment_window_ms: u64,
    /// A total strictly above this, in minor units of the order's currency, is reviewed.
    pub review_threshold_minor: i64,
    /// How forward effects are tried.
    pub forward: RetryPolicy,
    /// How compensations are tried.
    pub compensation: RetryPolicy,
    /// How long a provider that accepted an effect may take to report its outcome, in milliseconds.
    pub provider_deadline_ms: u64,
}

/// What is configured: the policies that new orders get.
///
/// A currency is accepted when a review threshold is configured for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyBook {
    /// How long an order waits for payment unless it asks otherwise, in milliseconds.
    pub payment_window_ms: u64,
    /// The review threshold of each accepted currency, in its minor units.
    pub review_thresholds: BTreeMap<Currency, i64>,
    /// How forward effects are tried.
    pub forward: RetryPolicy,
    /// How compensations are tried.
    pub compensation: RetryPolicy,
    /// How long an accepted effect may take, in milliseconds.
    pub provider_deadline_ms: u64,
}

impl Default for PolicyBook {
    /// 30 s to pay, review above $10,000.00, 72 h for an accepted effect.
    fn default() -> Self {
        Self {
            payment_window_ms: 30_000,
            review_thresholds: BTreeMap::from([(Currency::USD, 1_000_000)]),
            forward: RetryPolicy::FORWARD,
            compensation: RetryPolicy::COMPENSATION,
            provider_deadline_ms: 72 * 3_600_000,
        }
    }
}

impl PolicyBook {
    /// Whether orders in this currency are taken.
    pub fn accepts(&self, currency: Currency) -> bool {
        self.review_thresholds.contains_key(&currency)
    }

    /// The policies of an order of this total, `None` when its currency is not accepted.
    pub fn for_order(&self, total: Money, payment_window_ms: Option<u64>) -> Option<Policies> {
        Some(Policies {
            rules: RULES,
            payment_window_ms: payment_window_ms.unwrap_or(self.payment_window_ms),
            review_threshold_minor: *self.review_thresholds.get(&total.currency)?,
            forward: self.forward,
            compensation: self.compensation,
            provider_deadline_ms: self.provider_deadline_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u64> = (1..=8).map(|failed| RetryPolicy::FORWARD.pause_ms(failed)).collect();
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(RetryPolicy::FORWARD.pause_ms(u32::MAX), 60_000);
    }
}
