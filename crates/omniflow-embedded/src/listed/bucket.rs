//! What lists tell orders apart by, as one small number: an index by it answers every filter.

use crate::record::RECORD_FORMAT;
use omniflow_core::{Order, PaymentStatus, StateKind};
use omniflow_engine::Filter;

/// An order's state, payment status, whether it needs attention, and whether it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    state: StateKind,
    payment: PaymentStatus,
    attention: bool,
    open: bool,
}

/// The number of what a bucket's number means. Raise it when that changes.
const BUCKET_FORMAT: i64 = 1;

/// The format of the file: also where records are made anew, what is open is worked out anew.
pub(super) const FORMAT: i64 = BUCKET_FORMAT * 1_000 + RECORD_FORMAT;

/// The number of orders whose record cannot be read.
pub(super) const UNREADABLE: i64 = -1;

impl Bucket {
    pub(super) fn of(order: &Order) -> Self {
        let attention = order.attention().is_some();
        let (state, payment) = (order.kind(), order.payments.status());
        Self { state, payment, attention, open: !order.is_at_rest() }
    }

    /// Its number in the file.
    pub(super) fn number(self) -> i64 {
        let place = |found: Option<usize>| found.unwrap_or_default() as i64;
        let state = place(StateKind::ALL.iter().position(|state| *state == self.state));
        let payment = place(PaymentStatus::ALL.iter().position(|status| *status == self.payment));
        let flags = i64::from(self.attention) * 2 + i64::from(self.open);
        (state * PaymentStatus::ALL.len() as i64 + payment) * 4 + flags
    }

    fn all() -> impl Iterator<Item = Self> {
        let flags = [(false, false), (false, true), (true, false), (true, true)];
        StateKind::ALL.iter().flat_map(move |&state| {
            PaymentStatus::ALL.iter().flat_map(move |&payment| {
                flags.map(|(attention, open)| Self { state, payment, attention, open })
            })
        })
    }

    /// The numbers of the open ones, and of what cannot be read, which a start looks at.
    pub(super) fn open() -> Vec<i64> {
        let open = Self::all().filter(|bucket| bucket.open).map(Self::number);
        open.chain([UNREADABLE]).collect()
    }

    /// The numbers of those that a filter admits, `None` when it admits all.
    pub(super) fn admitted(filter: &Filter) -> Option<Vec<i64>> {
        let Filter { states, payment_statuses, attention, .. } = filter;
        if states.is_empty() && payment_statuses.is_empty() && attention.is_none() {
            return None;
        }
        let admits = |bucket: &Self| {
            (states.is_empty() || states.contains(&bucket.state))
                && (payment_statuses.is_empty() || payment_statuses.contains(&bucket.payment))
                && attention.is_none_or(|attention| attention == bucket.attention)
        };
        Some(Self::all().filter(admits).map(Self::number).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_bucket_has_its_own_number() {
        let numbers: BTreeSet<i64> = Bucket::all().map(Bucket::number).collect();
        assert_eq!(numbers.len(), StateKind::ALL.len() * PaymentStatus::ALL.len() * 4);
        assert_eq!((Bucket::open().len() - 1) * 2, numbers.len());
    }

    /// What is stored means the same as long as the format has the same number.
    #[test]
    fn the_numbers_of_this_format_stay() {
        let states: Vec<&str> = StateKind::ALL.iter().map(|state| state.as_str()).collect();
        let payments: Vec<&str> = PaymentStatus::ALL.iter().map(|status| status.as_str()).collect();
        assert_eq!(BUCKET_FORMAT, 1, "write down here what the new format's numbers mean");
        assert_eq!(
            states.join(" "),
            "reserving in_review awaiting_payment shipping completed compensating expired rejected cancelled failed"
        );
        assert_eq!(
            payments.join(" "),
            "pending paid captured declined failed refund_pending refunded refund_skipped"
        );
        let (state, payment) = (StateKind::Shipping, PaymentStatus::Paid);
        assert_eq!(Bucket { state, payment, attention: true, open: true }.number(), (3 * 8 + 1) * 4 + 3);
    }

    #[test]
    fn a_filter_admits_its_buckets_alone() {
        assert_eq!(Bucket::admitted(&Filter::default()), None);
        let filter = Filter {
            states: [StateKind::Completed].into(),
            payment_statuses: [PaymentStatus::Paid].into(),
            attention: Some(false),
            ..Filter::default()
        };
        assert_eq!(Bucket::admitted(&filter).unwrap().len(), 2, "open and at rest");
    }
}
