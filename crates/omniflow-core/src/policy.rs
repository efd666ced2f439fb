//! Policies as data. They are copied into an order when it is placed: what is configured later never
//! changes a running order.

use crate::words::from_text;
use crate::{Currency, Money};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// The number of the rules that [`decide`](crate::decide) and [`next`](crate::next()) follow today.
///
/// A change of what either answers for any state and command is a new number; orders keep the number
/// that they were placed under.
pub const RULES: u16 = 1;

/// How an effect is tried: attempts, each with a time-out, and a doubling pause between them.
///
/// Its text, in events and logs, is attempts, time-out and pauses in milliseconds: `10x10000ms/1000-60000ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl fmt::Display for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attempts, attempt_timeout_ms, backoff_ms, backoff_max_ms } = self;
        write!(f, "{attempts}x{attempt_timeout_ms}ms/{backoff_ms}-{backoff_max_ms}ms")
    }
}

impl RetryPolicy {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (attempts, rest) = text.split_once('x')?;
        let (timeout, pauses) = rest.split_once("ms/")?;
        let (backoff, most) = pauses.strip_suffix("ms")?.split_once('-')?;
        Some(Self {
            attempts: attempts.parse().ok()?,
            attempt_timeout_ms: timeout.parse().ok()?,
            backoff_ms: backoff.parse().ok()?,
            backoff_max_ms: most.parse().ok()?,
        })
    }
}

/// The fields as they stand in formats without names.
type Fields = (u32, u64, u64, u64);

impl Serialize for RetryPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let fields: Fields = (self.attempts, self.attempt_timeout_ms, self.backoff_ms, self.backoff_max_ms);
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RetryPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return from_text(deserializer, "a retry policy, such as 10x10000ms/1000-60000ms", Self::parse);
        }
        let (attempts, attempt_timeout_ms, backoff_ms, backoff_max_ms) = Fields::deserialize(deserializer)?;
        Ok(Self { attempts, attempt_timeout_ms, backoff_ms, backoff_max_ms })
    }
}

/// The policies of one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    fn a_retry_policy_reads_back_from_its_text() {
        assert_eq!(RetryPolicy::FORWARD.to_string(), "10x10000ms/1000-60000ms");
        for policy in [RetryPolicy::FORWARD, RetryPolicy::COMPENSATION] {
            assert_eq!(RetryPolicy::parse(&policy.to_string()), Some(policy));
        }
        for text in ["", "10x10000ms", "10x10000ms/1000-60000", "x10000ms/1000-60000ms", "-1x1ms/1-1ms"] {
            assert_eq!(RetryPolicy::parse(text), None, "{text}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u64> = (1..=8).map(|failed| RetryPolicy::FORWARD.pause_ms(failed)).collect();
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(RetryPolicy::FORWARD.pause_ms(u32::MAX), 60_000);
    }
}
