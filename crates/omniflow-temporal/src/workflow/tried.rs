//! What came of attempts at providers, as it crosses between activities, workflows and the API: as JSON.

use omniflow_core::{Outcome, ReasonText, Receipt, Reference};
use omniflow_engine::Attempt;
use serde::{Deserialize, Serialize};

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Attempted {
    /// The provider answered.
    Answered(Tried),
    /// It was asked, and there was no answer in time.
    Unanswered { error: String },
    /// It was not asked: PostgreSQL did not say what for.
    NotAsked,
}

/// What came of an attempt or an effect, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tried {
    Shipped { tracking_number: Reference },
    Refunded { reference: Option<Reference> },
    Accepted { reference: Option<Reference> },
    Refused { reason: Option<ReasonText> },
    NotTaken { error: String },
    Unknown { error: String },
}

impl From<Attempt> for Tried {
    fn from(attempt: Attempt) -> Self {
        match attempt {
            Attempt::Done(Receipt::Shipment { tracking_number }) => Self::Shipped { tracking_number },
            Attempt::Done(Receipt::Refund { reference }) => Self::Refunded { reference },
            Attempt::Done(Receipt::Stock) => {
                Self::Unknown { error: "the provider spoke of stock".to_owned() }
            }
            Attempt::Accepted { reference } => Self::Accepted { reference },
            Attempt::Refused { reason } => Self::Refused { reason },
            Attempt::NotTaken { error } => Self::NotTaken { error },
            Attempt::Unknown { error } => Self::Unknown { error },
        }
    }
}

impl Tried {
    /// The outcome, or what was heard of an attempt that has not decided the effect.
    pub(crate) fn decided(self) -> Result<Outcome, (String, bool)> {
        match self {
            Self::Shipped { tracking_number } => Ok(Outcome::Done(Receipt::Shipment { tracking_number })),
            Self::Refunded { reference } => Ok(Outcome::Done(Receipt::Refund { reference })),
            Self::Accepted { reference } => Ok(Outcome::Accepted { reference }),
            Self::Refused { reason } => Ok(Outcome::Refused { reason }),
            Self::NotTaken { error } => Err((error, false)),
            Self::Unknown { error } => Err((error, true)),
        }
    }

    /// The outcome that somebody reports.
    pub(super) fn reported(self) -> Outcome {
        let unknown = |(error, _): (String, bool)| {
            let last_error = ReasonText::lossy(&error);
            Outcome::Unknown { attempts: 1, last_error }
        };
        self.decided().unwrap_or_else(unknown)
    }

    /// As it is sent, `None` for what only an engine says.
    pub(super) fn of(outcome: Outcome) -> Option<Self> {
        Some(match outcome {
            Outcome::Done(Receipt::Shipment { tracking_number }) => Self::Shipped { tracking_number },
            Outcome::Done(Receipt::Refund { reference }) => Self::Refunded { reference },
            Outcome::Accepted { reference } => Self::Accepted { reference },
            Outcome::Refused { reason } => Self::Refused { reason },
            _ => return None,
        })
    }
}
