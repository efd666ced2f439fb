//! What clients ask for: orders of every kind, and what is asked of them.

use super::random::Random;
use super::{RARE, SKUS, UNKNOWN_SKU};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A capture of what a clerk took at the counter.
pub(super) const CASH: Report = report("cash", "captured", "captured");
/// A capture by the customer's card.
pub(super) const CARD: Report = report("card", "captured", "captured");
pub(super) const DECLINED: Report = report("card", "declined-1", "declined");
pub(super) const DECLINED_AGAIN: Report = report("card", "declined-2", "declined");
pub(super) const FAILED: Report = report("card", "failed", "failed");
pub(super) const VOUCHER: Report = report("voucher", "captured", "captured");

/// What a client wants to have.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) amount_minor: i64,
    /// SKU and quantity of each line.
    pub(super) lines: Vec<(&'static str, u32)>,
    pub(super) window_s: Option<u32>,
}

/// A report of the payment provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) payment_id: &'static str,
    pub(super) event_id: &'static str,
    pub(super) outcome: &'static str,
    /// The whole amount where left out.
    pub(super) amount_minor: Option<i64>,
}

/// What is asked of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Pay(Report),
    Decide(&'static str),
    Cancel,
    Retry,
    Skip,
    Compensate,
}

const fn report(payment_id: &'static str, event_id: &'static str, outcome: &'static str) -> Report {
    Report { payment_id, event_id, outcome, amount_minor: None }
}

/// What is ordered, by chance.
impl Random {
    /// Mostly one line of what there is enough of; sometimes several of what is rare, or what there is not.
    pub(super) fn lines(&mut self) -> Vec<(&'static str, u32)> {
        if self.percent(55) {
            return vec![(SKUS[0].0, 1)];
        }
        let mut lines: Vec<(&'static str, u32)> = (0..=self.below(3))
            .map(|_| (self.pick(SKUS).0, u32::try_from(1 + self.below(3)).unwrap_or(1)))
            .collect();
        if self.percent(10) {
            lines.push((RARE, 1_000));
        } else if self.percent(4) {
            lines.push((UNKNOWN_SKU, 1));
        }
        lines
    }

    /// Any amount that needs no review.
    pub(super) fn small(&mut self) -> i64 {
        1 + i64::try_from(self.below(1_000_000)).unwrap_or_default()
    }

    /// Any amount that is reviewed.
    pub(super) fn large(&mut self) -> i64 {
        1_000_000 + self.small()
    }
}

impl Wish {
    /// The body that places it, under a number of the client's own where it has one.
    pub(super) fn body(&self, external_id: Option<&str>) -> String {
        let line = |(sku, quantity): &(&str, u32)| json!({"sku": sku, "quantity": quantity});
        let items: Vec<Value> = self.lines.iter().map(line).collect();
        let mut body = json!({"amount_minor": self.amount_minor, "items": items});
        if let Some(external_id) = external_id {
            body["external_id"] = external_id.into();
        }
        if let Some(seconds) = self.window_s {
            body["payment_window_seconds"] = seconds.into();
        }
        body.to_string()
    }

    /// Pieces of each SKU.
    pub(super) fn demand(&self) -> BTreeMap<&'static str, i64> {
        let mut demand = BTreeMap::new();
        for (sku, quantity) in &self.lines {
            *demand.entry(*sku).or_default() += i64::from(*quantity);
        }
        demand
    }

    /// Whether a person must approve it: strictly above $10,000.00.
    pub(super) fn is_reviewed(&self) -> bool {
        self.amount_minor > 1_000_000
    }
}

impl Act {
    /// The route under the order's own.
    pub(super) const fn route(&self) -> &'static str {
        match self {
            Self::Pay(_) => "pay",
            Self::Decide(_) => "audit",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Skip => "skip",
            Self::Compensate => "compensate",
        }
    }

    /// The body to send.
    pub(super) fn body(&self) -> Option<String> {
        match self {
            Self::Pay(report) => Some(report.body()),
            Self::Decide(decision) => Some(json!({"action": decision}).to_string()),
            Self::Skip => Some(json!({"reason": "seen by hand"}).to_string()),
            Self::Cancel | Self::Retry | Self::Compensate => None,
        }
    }
}

impl Report {
    fn body(&self) -> String {
        let Self { payment_id, event_id, outcome, amount_minor } = self;
        let mut body = json!({"payment_id": payment_id, "event_id": event_id, "outcome": outcome});
        if let Some(amount) = amount_minor {
            body["amount_minor"] = (*amount).into();
        }
        body.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_sent_as_it_is_meant() {
        let wish = Wish { amount_minor: 5, lines: vec![("a", 1), ("b", 2), ("a", 3)], window_s: Some(9) };
        let body: Value = serde_json::from_str(&wish.body(Some("c-1"))).unwrap();
        assert_eq!(body["items"][2], json!({"sku": "a", "quantity": 3}));
        assert_eq!((&body["external_id"], &body["payment_window_seconds"]), (&json!("c-1"), &json!(9)));
        assert_eq!(wish.demand(), BTreeMap::from([("a", 4), ("b", 2)]));
    }
}
