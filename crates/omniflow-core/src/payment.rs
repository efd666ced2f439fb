//! Payments of an order: what was reported, what is kept, what is given back.

use crate::words::words;
use crate::{Attention, EffectKey, Money, PaymentEventId, PaymentId, ReasonText, Reference, Step, Timestamp};
use serde::{Deserialize, Serialize};

/// The most payments that one order takes through the API. What was acknowledged before is recorded beyond it.
pub const MAX_PAYMENTS: usize = 100;

words! {
    /// A reviewer's decision.
    pub enum Decision {
        /// The order may go on.
        Approve = "APPROVE",
        /// The order ends and what was done is undone.
        Reject = "REJECT",
    }
}

words! {
    /// Where a payment stands; with `pending`, also where an order's payment stands.
    pub enum PaymentStatus {
        /// Nothing was reported yet.
        Pending = "pending",
        /// The kept capture: the order is paid.
        Paid = "paid",
        /// Captured: the provider has the money.
        Captured = "captured",
        /// One try was declined; the customer may try again.
        Declined = "declined",
        /// The payment has failed for good.
        Failed = "failed",
        /// Being given back.
        RefundPending = "refund_pending",
        /// Given back.
        Refunded = "refunded",
        /// A person decided not to give it back through OmniFlow.
        RefundSkipped = "refund_skipped",
    }
}

words! {
    /// Where a refund stands.
    pub enum RefundStatus {
        /// Not acknowledged yet.
        Pending = "pending",
        /// The provider has done it.
        Done = "done",
        /// A person decided to leave it.
        Skipped = "skipped",
    }
}

/// How far a refund has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundProgress {
    /// Wanted: the engine asks the provider.
    Requested,
    /// The provider accepted it and will report by then.
    Accepted {
        /// When a person is called.
        due_at: Timestamp,
    },
    /// The engine has given up; a person must act.
    Stuck(Attention),
    /// The provider has done it.
    Done {
        /// The provider's name for the refund, where it gave one.
        reference: Option<Reference>,
        /// When.
        at: Timestamp,
    },
    /// A person left it.
    Skipped {
        /// When.
        at: Timestamp,
    },
}

/// A refund of one payment, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Which round the provider is asked in.
    pub round: u32,
    /// When it was first wanted.
    pub requested_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How far it has come.
    pub progress: RefundProgress,
}

impl Refund {
    /// Whether the provider's acknowledgement, or a person's decision, is still missing.
    pub fn is_pending(&self) -> bool {
        !matches!(self.progress, RefundProgress::Done { .. } | RefundProgress::Skipped { .. })
    }

    /// The word for people and programs.
    pub fn status(&self) -> RefundStatus {
        match self.progress {
            RefundProgress::Done { .. } => RefundStatus::Done,
            RefundProgress::Skipped { .. } => RefundStatus::Skipped,
            _ => RefundStatus::Pending,
        }
    }
}

/// What is known of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentState {
    /// The last try was declined.
    Declined,
    /// It has failed for good.
    Failed,
    /// The money is there and is kept.
    Captured,
    /// The money was there and is given back.
    Refunding(Refund),
}

/// One payment, as the payment provider reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The provider's name for it.
    pub id: PaymentId,
    /// How much, in the currency it was made in.
    pub amount: Money,
    /// Where it stands.
    pub state: PaymentState,
    /// The provider's words, of the last report.
    pub reason: Option<ReasonText>,
    /// When it was first reported.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Payment {
    /// Whether its money was ever captured.
    pub fn was_captured(&self) -> bool {
        matches!(self.state, PaymentState::Captured | PaymentState::Refunding(_))
    }

    /// The refund, where there is one.
    pub fn refund(&self) -> Option<&Refund> {
        match &self.state {
            PaymentState::Refunding(refund) => Some(refund),
            _ => None,
        }
    }

    /// The word for people and programs.
    pub fn status(&self) -> PaymentStatus {
        match &self.state {
            PaymentState::Declined => PaymentStatus::Declined,
            PaymentState::Failed => PaymentStatus::Failed,
            PaymentState::Captured => PaymentStatus::Captured,
            PaymentState::Refunding(refund) => match refund.status() {
                RefundStatus::Pending => PaymentStatus::RefundPending,
                RefundStatus::Done => PaymentStatus::Refunded,
                RefundStatus::Skipped => PaymentStatus::RefundSkipped,
            },
        }
    }

    /// Wants the money back; a refund that is already wanted stays as it is.
    pub(crate) fn give_back(&mut self, at: Timestamp) {
        if self.refund().is_none() {
            self.updated_at = at;
            let progress = RefundProgress::Requested;
            self.state =
                PaymentState::Refunding(Refund { round: 1, requested_at: at, updated_at: at, progress });
        }
    }
}

/// One recorded report, so that the same one again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The payment's index.
    pub(crate) payment: u32,
    /// The report's own id.
    pub(crate) event_id: PaymentEventId,
}

/// All payments of an order, in the order in which they were first reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payments {
    pub(crate) list: Vec<Payment>,
    pub(crate) reports: Vec<Report>,
    /// The index of the one capture that pays for the order.
    pub(crate) kept: Option<u32>,
}

impl Payments {
    /// Every payment, first reported first.
    pub fn iter(&self) -> std::slice::Iter<'_, Payment> {
        self.list.iter()
    }

    /// The payment of this number, counted from 1 as [`Step::RefundPayment`] counts.
    pub fn number(&self, number: u32) -> Option<&Payment> {
        self.list.get(number.checked_sub(1)? as usize)
    }

    pub(crate) fn number_mut(&mut self, number: u32) -> Option<&mut Payment> {
        self.list.get_mut(number.checked_sub(1)? as usize)
    }

    /// The payment of this id.
    pub fn find(&self, id: &PaymentId) -> Option<&Payment> {
        self.list.iter().find(|payment| payment.id == *id)
    }

    /// The capture that pays for the order, given back or not.
    pub fn kept(&self) -> Option<&Payment> {
        self.list.get(self.kept? as usize)
    }

    /// Whether the order is paid now: a kept capture that is not being given back.
    pub fn is_paid(&self) -> bool {
        self.kept().is_some_and(|payment| payment.state == PaymentState::Captured)
    }

    /// Whether this report was recorded before.
    pub fn has_report(&self, id: &PaymentId, event_id: &PaymentEventId) -> bool {
        self.reports.iter().any(|report| {
            report.event_id == *event_id
                && self.list.get(report.payment as usize).is_some_and(|p| p.id == *id)
        })
    }

    /// Reports recorded so far.
    pub fn reports(&self) -> usize {
        self.reports.len()
    }

    /// Where the order's payment stands: the kept capture's status, else the latest payment's.
    pub fn status(&self) -> PaymentStatus {
        let status = self.kept().or(self.list.last()).map_or(PaymentStatus::Pending, Payment::status);
        if self.is_paid() { PaymentStatus::Paid } else { status }
    }

    /// Refunds with the number of their payment, in that order.
    pub fn refunds(&self) -> impl Iterator<Item = (u32, &Payment, &Refund)> {
        (1..).zip(&self.list).filter_map(|(number, payment)| Some((number, payment, payment.refund()?)))
    }

    /// The key under which the provider is asked for a refund.
    pub(crate) fn refund_key(number: u32, refund: &Refund) -> EffectKey {
        EffectKey { step: Step::RefundPayment(number), round: refund.round }
    }
}
