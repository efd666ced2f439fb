//! What crosses between the API, workflows and activities, as JSON.

use super::tried::Tried;
use omniflow_core::{
    Actor, Command, Decision, EffectKey, Money, PaymentEventId, PaymentId, PaymentOutcome, PaymentReport,
    ReasonText, StockRefusal, Timestamp,
};
use omniflow_engine::Idempotency;
use serde::{Deserialize, Serialize};

/// What an order's workflow is started with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Input {
    #[serde(rename = "OrderID")]
    pub(crate) order_id: String,
    #[serde(rename = "Amount", default, skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<serde_json::Number>,
    #[serde(rename = "Items", default, skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<Vec<String>>,
    #[serde(rename = "CustomerID", default, skip_serializing_if = "String::is_empty")]
    pub(crate) customer_id: String,
    /// The order is in PostgreSQL already: what is stored there holds. OmniFlow's own API says so.
    #[serde(rename = "Stored", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stored: bool,
}

/// How a workflow ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    #[serde(rename = "OrderID")]
    pub(crate) order_id: String,
    #[serde(rename = "Status")]
    pub(crate) status: String,
    #[serde(rename = "Message")]
    pub(crate) message: String,
}

/// Something asked of an order, inside its workflow.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) command: Command,
    pub(crate) actor: Actor,
    pub(crate) if_version: Option<u32>,
    pub(crate) mark: Option<Idempotency>,
    /// Whether somebody waits for the answer.
    pub(crate) wants_answer: bool,
}

impl Asked {
    /// What the engine itself, or a signal, says: nobody waits.
    pub(crate) const fn told(command: Command, actor: Actor) -> Self {
        Self { command, actor, if_version: None, mark: None, wants_answer: false }
    }

    /// Whether it says what became of a payment.
    pub(crate) const fn reports_payment(&self) -> bool {
        matches!(self.command, Command::ReportPayment(_) | Command::RecordPayment(_))
    }
}

/// What an update is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It was applied, now or before: the order stood so.
    Done {
        version: u32,
        at: Timestamp,
        replayed: bool,
    },
    /// The order refused it when it had this version: deciding again on that version says why.
    Refused {
        version: u32,
    },
    VersionMismatch {
        current: u32,
    },
    KeyReused,
    /// There is no such order, or no longer.
    Missing,
}

impl Answer {
    /// The same answer, given again.
    pub(crate) fn again(self) -> Self {
        match self {
            Self::Done { version, at, .. } => Self::Done { version, at, replayed: true },
            other => other,
        }
    }
}

/// What became of a placing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Placed {
    /// It is kept, and stood so when its stock was decided. `before`: it may have been told so before.
    Done {
        version: u32,
        at: Timestamp,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        before: bool,
    },
    /// There is none.
    Refused {
        refusal: StockRefusal,
    },
    Missing,
}

/// The argument of the update that asks something of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Act {
    pub(crate) ask: Ask,
    pub(crate) actor: Actor,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) if_version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mark: Option<Idempotency>,
}

impl From<Act> for Asked {
    fn from(act: Act) -> Self {
        let Act { ask, actor, if_version, mark } = act;
        Self { command: ask.into(), actor, if_version, mark, wants_answer: true }
    }
}

/// A command, as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    Pay(Report),
    Decide { decision: Decision, reason: Option<ReasonText> },
    Cancel { reason: Option<ReasonText> },
    Retry,
    Skip { reason: Option<ReasonText> },
    Compensate { reason: Option<ReasonText> },
    EraseDetails,
    Settle { effect: EffectKey, tried: Tried },
}

/// A payment report, as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) payment_id: PaymentId,
    pub(crate) event_id: PaymentEventId,
    pub(crate) outcome: PaymentOutcome,
    pub(crate) amount: Option<Money>,
    pub(crate) reason: Option<ReasonText>,
}

/// A payment report as the payload of a signal: the fields of `POST /orders/{id}/pay`, each optional, and what
/// OmniFlow's own API adds, so that it is as if the API had been answered at once.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PaidSignal {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_id: Option<PaymentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event_id: Option<PaymentEventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<PaymentOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Box<serde_json::value::RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<ReasonText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mark: Option<Idempotency>,
}

impl PaidSignal {
    /// A report that the API was sent.
    pub(crate) fn new(report: PaymentReport, actor: Actor, mark: Option<Idempotency>) -> Self {
        let PaymentReport { payment_id, event_id, outcome, amount, reason } = report;
        Self {
            payment_id: Some(payment_id),
            event_id: Some(event_id),
            outcome: Some(outcome),
            amount: None,
            amount_minor: amount.map(|amount| amount.minor),
            currency: amount.map(|amount| amount.currency.code().to_owned()),
            reason,
            actor: Some(actor.to_string()),
            mark,
        }
    }
}

impl From<Ask> for Command {
    fn from(ask: Ask) -> Self {
        match ask {
            Ask::Pay(report) => Self::ReportPayment(report.into()),
            Ask::Decide { decision, reason } => Self::Decide { decision, reason },
            Ask::Cancel { reason } => Self::Cancel { reason },
            Ask::Retry => Self::Retry,
            Ask::Skip { reason } => Self::Skip { reason },
            Ask::Compensate { reason } => Self::Compensate { reason },
            Ask::EraseDetails => Self::EraseDetails,
            Ask::Settle { effect, tried } => Self::Settle { effect, outcome: tried.reported() },
        }
    }
}

impl Ask {
    /// The command as it is sent, `None` for what only the workflow itself says.
    pub(crate) fn of(command: &Command) -> Option<Self> {
        Some(match command.clone() {
            Command::ReportPayment(report) => Self::Pay(report.into()),
            Command::Decide { decision, reason } => Self::Decide { decision, reason },
            Command::Cancel { reason } => Self::Cancel { reason },
            Command::Retry => Self::Retry,
            Command::Skip { reason } => Self::Skip { reason },
            Command::Compensate { reason } => Self::Compensate { reason },
            Command::EraseDetails => Self::EraseDetails,
            Command::Settle { effect, outcome } => Self::Settle { effect, tried: Tried::of(outcome)? },
            Command::RecordPayment(_) | Command::Elapse(_) | Command::Misunderstand { .. } => return None,
        })
    }
}

impl From<PaymentReport> for Report {
    fn from(report: PaymentReport) -> Self {
        let PaymentReport { payment_id, event_id, outcome, amount, reason } = report;
        Self { payment_id, event_id, outcome, amount, reason }
    }
}
