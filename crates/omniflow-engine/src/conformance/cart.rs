//! Orders to place, in the words of the cases.

use super::Pace;
use crate::{Details, Placement};
use omniflow_core::{
    Actor, Currency, CustomerId, ExternalId, Line, LineId, Money, Policies, RULES, RetryPolicy, Sku, Terms,
};

/// Goods of which each case has 10 to begin with.
pub(super) const TEA: &str = "tea";
/// Goods of which each case has 5 to begin with.
pub(super) const POT: &str = "pot";

/// What the suite's orders are worth unless a case says otherwise, in cents.
pub(super) const PRICE: i64 = 50_000;
/// Strictly above so many cents an order is reviewed.
pub(super) const THRESHOLD: i64 = 1_000_000;
/// Attempts that an effect has.
const ATTEMPTS: u32 = 3;
/// A time that no case waits out.
const LONG_MS: u64 = 30 * 24 * 3_600_000;

/// An order to place.
#[derive(Clone, Debug)]
pub(super) struct Cart {
    lines: Vec<(&'static str, u32)>,
    total: i64,
    window_ms: u64,
    deadline_ms: u64,
    external_id: Option<&'static str>,
    customer: Option<&'static str>,
    details: Option<Details>,
}

pub(super) fn actor() -> Actor {
    Actor::api()
}

pub(super) fn sku(name: &str) -> Sku {
    checked(Sku::new(name))
}

pub(super) fn checked<T, E: std::fmt::Debug>(text: Result<T, E>) -> T {
    match text {
        Ok(text) => text,
        Err(error) => panic!("the suite uses a text that is none: {error:?}"),
    }
}

impl Cart {
    /// So many of one SKU, worth [`PRICE`], with all the time in the world.
    pub(super) fn of(sku: &'static str, quantity: u32) -> Self {
        let (lines, total, external_id, customer) = (vec![(sku, quantity)], PRICE, None, None);
        let (window_ms, deadline_ms, details) = (LONG_MS, LONG_MS, None);
        Self { lines, total, window_ms, deadline_ms, external_id, customer, details }
    }

    /// One tea.
    pub(super) fn one() -> Self {
        Self::of(TEA, 1)
    }

    /// One tea that is worth a review.
    pub(super) fn precious() -> Self {
        Self::one().worth(THRESHOLD + 1)
    }

    /// Another line.
    pub(super) fn and(mut self, sku: &'static str, quantity: u32) -> Self {
        self.lines.push((sku, quantity));
        self
    }

    pub(super) const fn worth(mut self, minor: i64) -> Self {
        self.total = minor;
        self
    }

    /// The time to pay.
    pub(super) const fn window_ms(mut self, ms: u64) -> Self {
        self.window_ms = ms;
        self
    }

    /// The time for a provider to report what it has accepted.
    pub(super) const fn deadline_ms(mut self, ms: u64) -> Self {
        self.deadline_ms = ms;
        self
    }

    pub(super) const fn external_id(mut self, id: &'static str) -> Self {
        self.external_id = Some(id);
        self
    }

    /// Whose it is.
    pub(super) const fn of_customer(mut self, id: &'static str) -> Self {
        self.customer = Some(id);
        self
    }

    pub(super) fn details(mut self, details: Details) -> Self {
        self.details = Some(details);
        self
    }

    pub(super) fn placement(&self, pace: Pace) -> Placement {
        let line = |(place, (name, quantity)): (usize, &(&str, u32))| Line {
            line_id: LineId::of_place(place + 1),
            sku: sku(name),
            quantity: *quantity,
            unit_price_minor: None,
        };
        let terms = Terms {
            total: Money::new(self.total, Currency::USD),
            lines: self.lines.iter().enumerate().map(line).collect(),
            adjustments: vec![],
            external_id: self.external_id.map(|id| checked(ExternalId::new(id))),
            customer_id: self.customer.map(|id| checked(CustomerId::new(id))),
            policies: self.policies(pace),
        };
        Placement { terms, details: self.details.clone(), actor: actor(), idempotency: None }
    }

    fn policies(&self, pace: Pace) -> Policies {
        let retry = RetryPolicy {
            attempts: ATTEMPTS,
            attempt_timeout_ms: pace.attempt_timeout_ms,
            backoff_ms: pace.backoff_ms,
            backoff_max_ms: 4 * pace.backoff_ms,
        };
        Policies {
            rules: RULES,
            payment_window_ms: self.window_ms,
            review_threshold_minor: THRESHOLD,
            forward: retry,
            compensation: retry,
            provider_deadline_ms: self.deadline_ms,
        }
    }
}
