//! What an order waits for, and what happens next.

use super::Facts;
use super::words::{moment, reason, span};

impl Facts {
    pub(super) fn waiting(&self) -> Option<String> {
        if self.order.attention.is_some() {
            return None;
        }
        match self.order.state.as_str() {
            "reserving" => Some(
                self.say(
                    "It waits for the decision about its stock, which normally takes no longer than 10 s."
                        .to_owned(),
                    "它在等待库存结果，通常不超过 10 秒。".to_owned(),
                ),
            ),
            "in_review" => Some(self.waiting_for_review()),
            "awaiting_payment" => Some(self.waiting_for_payment()),
            "shipping" => Some(self.waiting_for_the_carrier()),
            "compensating" => Some(self.say(
                "It waits until every step back is acknowledged; nobody has to do anything.".to_owned(),
                "它在等待每个回滚步骤得到确认，无需人工操作。".to_owned(),
            )),
            _ if self.has_ended() => Some(self.say(
                "It has come to its end and waits for nothing.".to_owned(),
                "它已结束，不再等待任何事情。".to_owned(),
            )),
            _ => None,
        }
    }

    fn waiting_for_review(&self) -> String {
        let (en, zh) = match self.order.deadlines.review_due_at.as_deref().map(moment) {
            Some(due) => (format!("until {due}"), format!("截止 {due}")),
            None => ("and no time limit ends that".to_owned(), "没有时间限制".to_owned()),
        };
        let (paid_en, paid_zh) = match self.is_paid() {
            true => (" Its payment has come already and is kept.", "款项已收到并保留。"),
            false => ("", ""),
        };
        self.say(
            format!("It waits for a person's decision, {en}.{paid_en}"),
            format!("它在等待人工决定，{zh}。{paid_zh}"),
        )
    }

    fn waiting_for_payment(&self) -> String {
        let declined = self.order.payments.iter().filter(|payment| payment.status == "declined").count();
        let (tries_en, tries_zh) = match declined {
            0 => (String::new(), String::new()),
            1 => (
                " One try was declined; the customer may try again.".to_owned(),
                "有 1 次支付被拒，客户可以再试。".to_owned(),
            ),
            tries => (
                format!(" {tries} tries were declined; the customer may try again."),
                format!("有 {tries} 次支付被拒，客户可以再试。"),
            ),
        };
        let due = self.order.deadlines.payment_due_at.as_deref().map(moment).unwrap_or_default();
        let left = span(self.seconds_left.unwrap_or_default(), self.language);
        self.say(
            format!("It waits for a payment until {due} ({left} left).{tries_en}"),
            format!("它在等待支付，截止 {due}（还剩 {left}）。{tries_zh}"),
        )
    }

    fn waiting_for_the_carrier(&self) -> String {
        match self.order.shipments.last().map(|shipment| shipment.status.as_str()) {
            Some("accepted") => self.say(
                "The carrier has accepted the shipment; it waits for the carrier's report of how that went.".to_owned(),
                "承运商已受理，它在等待承运商报告结果。".to_owned(),
            ),
            _ => self.say(
                "It waits for the carrier to take the shipment; failed attempts are made again by themselves.".to_owned(),
                "它在等待承运商接收，失败的尝试会自动重试。".to_owned(),
            ),
        }
    }

    pub(super) fn next(&self) -> Option<String> {
        let fixed = |en: &str, zh: &str| Some(self.say(en.to_owned(), zh.to_owned()));
        match self.order.state.as_str() {
            "reserving" => fixed(
                "Next it waits for payment, or first for a review if its amount needs one; with too little stock it fails.",
                "接下来等待支付；若金额需要审核则先等待审核；库存不足则失败。",
            ),
            "in_review" if self.is_paid() => fixed(
                "Approved, it ships at once; rejected or cancelled, its payment is refunded and its stock is free again.",
                "通过后立即发货；拒绝或取消后退款并释放库存。",
            ),
            "in_review" => fixed(
                "Approved, it waits for payment with the whole payment window; rejected or cancelled, its stock is free \
                 again.",
                "通过后进入完整的支付窗口；拒绝或取消后释放库存。",
            ),
            "awaiting_payment" => fixed(
                "Paid before that, it ships at once; not paid, it is then cancelled and its stock is free again.",
                "在此之前支付则立即发货；否则到时取消并释放库存。",
            ),
            "shipping" if self.order.attention.is_none() => fixed(
                "When the carrier has it, it is completed; if the carrier refuses it for good, the payment is refunded, \
                 the stock is free again, and the order fails.",
                "承运商接收后订单完成；若承运商最终拒绝，则退款、释放库存，订单失败。",
            ),
            "compensating" => self.ending(),
            _ if self.has_ended() => fixed(
                "Nothing happens to it any more, except that a payment which still comes in is given back.",
                "之后不会再有变化；若仍有款项到账，会自动退回。",
            ),
            _ => None,
        }
    }

    fn ending(&self) -> Option<String> {
        let given = self.order.reason.as_ref()?;
        let why = reason(&given.code, self.language);
        let known = omniflow_core::ReasonCode::ALL.iter().find(|known| known.as_str() == given.code)?;
        let state = known.ending().as_str();
        Some(self.say(format!("Then it ends as {state} ({why})."), format!("之后以 {state}（{why}）结束。")))
    }
}
