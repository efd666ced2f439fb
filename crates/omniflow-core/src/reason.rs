//! Why an order ended, and why it needs a person: each code once, with its two texts.

use crate::words::words;
use crate::{Locale, ReasonText, StateKind};
use serde::{Deserialize, Serialize};

words! {
    /// Why an order is undone.
    pub enum ReasonCode {
        /// Nobody paid in time.
        PaymentTimeout = "payment_timeout",
        /// The payment provider reported the end of it.
        PaymentFailed = "payment_failed",
        /// A reviewer refused the order.
        ReviewRejected = "review_rejected",
        /// Somebody asked for it.
        CancelledOnRequest = "cancelled_on_request",
        /// The carrier refused it for good.
        ShippingFailed = "shipping_failed",
        /// An operator had it undone.
        CompensatedOnRequest = "compensated_on_request",
        /// Too little stock.
        OutOfStock = "out_of_stock",
        /// The catalogue does not know a SKU.
        UnknownSku = "unknown_sku",
    }
}

impl ReasonCode {
    /// The state in which an order undone for this reason ends.
    pub const fn ending(self) -> StateKind {
        match self {
            Self::PaymentTimeout => StateKind::Expired,
            Self::ReviewRejected => StateKind::Rejected,
            Self::CancelledOnRequest => StateKind::Cancelled,
            Self::PaymentFailed
            | Self::ShippingFailed
            | Self::CompensatedOnRequest
            | Self::OutOfStock
            | Self::UnknownSku => StateKind::Failed,
        }
    }

    /// The words for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        let (zh, en) = match self {
            Self::PaymentTimeout => ("支付超时", "payment timed out"),
            Self::PaymentFailed => ("支付失败", "payment failed"),
            Self::ReviewRejected => ("风控拒绝", "rejected in review"),
            Self::CancelledOnRequest => ("应要求取消", "cancelled on request"),
            Self::ShippingFailed => ("发货失败", "shipping failed"),
            Self::CompensatedOnRequest => ("人工回滚", "rolled back by an operator"),
            Self::OutOfStock => ("库存不足", "out of stock"),
            Self::UnknownSku => ("未知商品", "unknown SKU"),
        };
        locale.pick(zh, en)
    }
}

words! {
    /// Why an effect needs a person.
    pub enum AttentionCode {
        /// An attempt may have taken effect.
        OutcomeUnknown = "outcome_unknown",
        /// None of the attempts has taken effect.
        AttemptsExhausted = "attempts_exhausted",
        /// The provider refused it for good.
        Refused = "refused",
    }
}

impl AttentionCode {
    /// The words for people.
    pub const fn text(self, locale: Locale) -> &'static str {
        let (zh, en) = match self {
            Self::OutcomeUnknown => ("结果未知", "outcome unknown"),
            Self::AttemptsExhausted => ("多次尝试失败", "all attempts failed"),
            Self::Refused => ("被拒绝", "refused by the provider"),
        };
        locale.pick(zh, en)
    }
}

/// Why an order is undone, with the words of whoever caused it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// For programs.
    pub code: ReasonCode,
    /// For people, as given.
    pub detail: Option<ReasonText>,
}

impl Reason {
    /// A reason in nobody's own words.
    pub const fn bare(code: ReasonCode) -> Self {
        Self { code, detail: None }
    }
}
