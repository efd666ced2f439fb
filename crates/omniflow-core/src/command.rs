//! What can be asked of an order, and what is answered when it is refused.

use crate::words::words;
use crate::{
    Actor, Decision, EffectKey, EffectKind, Money, PaymentEventId, PaymentId, ReasonText, Reference,
    StateKind, StockRefusal, TimerId,
};

words! {
    /// What a person or a shop may ask of an order.
    pub enum Action {
        /// Report a payment that can lead to shipping.
        Pay = "pay",
        /// Let a reviewed order go on.
        Approve = "approve",
        /// Refuse a reviewed order.
        Reject = "reject",
        /// Cancel.
        Cancel = "cancel",
        /// Ask the provider again.
        Retry = "retry",
        /// Count the effect as done.
        Skip = "skip",
        /// Undo the order instead of shipping it.
        Compensate = "compensate",
    }
}

words! {
    /// What the payment provider did.
    pub enum PaymentOutcome {
        /// It has the money.
        Captured = "captured",
        /// One try was declined.
        Declined = "declined",
        /// It will not have the money.
        Failed = "failed",
    }
}

/// A report of what the payment provider did, known by (`payment_id`, `event_id`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentReport {
    /// The payment.
    pub payment_id: PaymentId,
    /// The report.
    pub event_id: PaymentEventId,
    /// What happened.
    pub outcome: PaymentOutcome,
    /// How much; `None` is the whole amount of the order.
    pub amount: Option<Money>,
    /// The provider's words.
    pub reason: Option<ReasonText>,
}

impl PaymentReport {
    /// A report that leaves everything out: the whole amount was captured.
    pub fn captured() -> Self {
        Self::new(None, None, PaymentOutcome::Captured)
    }

    /// A report with the defaults for what is left out: one payment per order, one report per outcome.
    pub fn new(
        payment_id: Option<PaymentId>,
        event_id: Option<PaymentEventId>,
        outcome: PaymentOutcome,
    ) -> Self {
        Self {
            payment_id: payment_id.unwrap_or_else(PaymentId::default_of_order),
            event_id: event_id.unwrap_or_else(|| PaymentEventId::of_outcome(outcome)),
            outcome,
            amount: None,
            reason: None,
        }
    }
}

/// What came of an effect that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// Stock was moved.
    Stock,
    /// The carrier has the goods.
    Shipment {
        /// Where to look for them.
        tracking_number: Reference,
    },
    /// The provider gave the money back.
    Refund {
        /// Its name for the refund, where it gave one.
        reference: Option<Reference>,
    },
}

/// What became of an effect. Attempts and pauses are the engine's own and never arrive here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done(Receipt),
    /// Accepted: attempts stop, the outcome comes later.
    Accepted {
        /// The provider's name for it, where it gave one.
        reference: Option<Reference>,
    },
    /// Refused by the stock.
    NoStock(StockRefusal),
    /// Refused by a provider, for good.
    Refused {
        /// In its words.
        reason: Option<ReasonText>,
    },
    /// Every attempt failed, and none has taken effect.
    Exhausted {
        /// How many were made.
        attempts: u32,
        /// What was last heard.
        last_error: Option<ReasonText>,
    },
    /// Every attempt failed, and one may have taken effect.
    Unknown {
        /// How many were made.
        attempts: u32,
        /// What was last heard.
        last_error: Option<ReasonText>,
    },
}

impl Outcome {
    /// Who is behind it, where the engine itself asked for the effect.
    pub fn actor(&self, effect: EffectKey) -> Actor {
        match self {
            Self::Done(_) | Self::Accepted { .. } | Self::Refused { .. } => match effect.step.kind() {
                EffectKind::Ship => Actor::carrier(),
                EffectKind::RefundPayment => Actor::payments(),
                _ => Actor::engine(),
            },
            _ => Actor::engine(),
        }
    }

    /// The outcome in one word, without its data.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Accepted { .. } => "accepted",
            Self::NoStock(_) => "no_stock",
            Self::Refused { .. } => "refused",
            Self::Exhausted { .. } => "exhausted",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// Everything that can be told to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The payment provider did something.
    ReportPayment(PaymentReport),
    /// The same, where the report was acknowledged before the order heard of it: it can no longer be refused,
    /// and is recorded however many there are.
    RecordPayment(PaymentReport),
    /// A reviewer decided.
    Decide {
        /// What.
        decision: Decision,
        /// Why.
        reason: Option<ReasonText>,
    },
    /// Somebody asks to cancel.
    Cancel {
        /// Why.
        reason: Option<ReasonText>,
    },
    /// An operator wants the effect that needs attention tried again.
    Retry,
    /// An operator counts the effect that needs attention as done.
    Skip {
        /// Why.
        reason: Option<ReasonText>,
    },
    /// An operator wants the order undone instead of shipped.
    Compensate {
        /// Why.
        reason: Option<ReasonText>,
    },
    /// Address and metadata are to be erased.
    EraseDetails,
    /// An effect was decided.
    Settle {
        /// Which.
        effect: EffectKey,
        /// How.
        outcome: Outcome,
    },
    /// A timer fired.
    Elapse(TimerId),
    /// Something was heard that makes no sense; at most 100 such are recorded.
    Misunderstand {
        /// What it was.
        signal: String,
        /// What is wrong with it.
        reason: Option<ReasonText>,
    },
}

/// A refusal: nothing was recorded, and the order is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The state forbids the action.
    #[error("{action} is not possible while the order is {state}")]
    ActionNotAllowed {
        /// What was asked, in the words of the API.
        action: &'static str,
        /// Where the order stands.
        state: StateKind,
        /// What could be asked instead.
        allowed: Vec<Action>,
    },
    /// The order has as many payments as it takes, so many, and this is none of them.
    #[error("the order takes no other payment; it has {0} payments")]
    TooManyPayments(usize),
    /// The order has so many reports of payments, and takes no more that would only be listed.
    #[error("the order takes no more payment reports that change nothing; it has {0} reports")]
    TooManyReports(usize),
    /// An outcome that its effect cannot have: a fault of an engine or a provider.
    #[error("{effect} cannot end as {outcome}")]
    ImpossibleOutcome {
        /// The effect.
        effect: EffectKey,
        /// What was said of it.
        outcome: String,
    },
}

impl Rejection {
    /// The stable code for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ActionNotAllowed { .. } => "action_not_allowed",
            Self::TooManyPayments(_) | Self::TooManyReports(_) => "too_many_payments",
            Self::ImpossibleOutcome { .. } => "invalid_field",
        }
    }
}
