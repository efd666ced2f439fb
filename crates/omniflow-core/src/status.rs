//! `status`: where an order stands, in words for people.

#[cfg(test)]
mod tests;

use crate::words::words;
use crate::{AttentionCode, Order, State, StateKind, Timestamp};

words! {
    /// A language of the status texts.
    pub enum Locale {
        /// Simplified Chinese.
        ZhCn = "zh-CN",
        /// English.
        En = "en",
    }
}

impl Locale {
    pub(crate) const fn pick(self, zh: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::ZhCn => zh,
            Self::En => en,
        }
    }
}

/// The status text of an order as read at `now`, which only the countdown needs.
pub fn text(order: &Order, locale: Locale, now: Timestamp) -> String {
    if let Some(attention) = order.attention() {
        return needs_attention(attention.code, locale);
    }
    match &order.state {
        State::AwaitingPayment { due_at } => {
            let seconds = due_at.millis_since(now).div_ceil(1_000);
            match locale {
                Locale::ZhCn => format!("待支付 (超时倒计时: {seconds}s)"),
                Locale::En => format!("Awaiting payment (times out in {seconds}s)"),
            }
        }
        State::Undone { reason } if reason.code.ending() == StateKind::Failed => {
            format!("{}{}", fixed(StateKind::Failed, locale), reason.code.text(locale))
        }
        state => fixed(state.kind(), locale).to_owned(),
    }
}

/// The status text of any order that needs a person.
pub(crate) fn needs_attention(code: AttentionCode, locale: Locale) -> String {
    format!("{}{}", locale.pick("需人工处理: ", "Needs attention: "), code.text(locale))
}

/// The part of a state's text that is always the same.
pub const fn fixed(state: StateKind, locale: Locale) -> &'static str {
    let (zh, en) = match state {
        StateKind::Reserving => ("正在预占库存", "Reserving stock"),
        StateKind::InReview => ("⚠️ 待风控审核 (大额订单)", "⚠️ Awaiting fraud review (high-value order)"),
        StateKind::AwaitingPayment => ("待支付", "Awaiting payment"),
        StateKind::Shipping => ("支付成功，准备发货", "Paid, preparing shipment"),
        StateKind::Completed => ("已完成", "Completed"),
        StateKind::Compensating => ("正在回滚…", "Rolling back…"),
        StateKind::Expired => ("已取消 (超时)", "Cancelled (payment timed out)"),
        StateKind::Rejected => ("已关闭 (风控拒绝)", "Closed (rejected in review)"),
        StateKind::Cancelled => ("已取消", "Cancelled"),
        StateKind::Failed => ("失败: ", "Failed: "),
    };
    locale.pick(zh, en)
}
