//! Where an order stands, and why.

use super::Facts;
use super::words::{moment, reason};

impl Facts {
    pub(super) fn standing(&self) -> Option<String> {
        let order = &self.order;
        let name_en = format!("Order {} ({}; {})", order.order_id, order.contents(), order.price());
        let name_zh = format!("订单 {}（{}；{}）", order.order_id, order.contents(), order.price());
        let (en, zh) = self.standing_of(&order.state);
        Some(self.say(format!("{name_en} {en}"), format!("{name_zh}{zh}")))
    }

    fn standing_of(&self, state: &str) -> (String, String) {
        let fixed = |en: &str, zh: &str| (en.to_owned(), zh.to_owned());
        match state {
            "reserving" => fixed(
                "is reserving its stock: the server has taken it, and whether there is enough is not decided yet.",
                "正在预占库存：服务器已受理，库存是否足够尚未确定。",
            ),
            "in_review" => fixed(
                "is in fraud review, because its amount is over the review threshold. Its stock is reserved.",
                "正在等待风控审核，因为金额超过审核阈值。库存已预占。",
            ),
            "awaiting_payment" => match self.event("decision_recorded") {
                Some(_) => fixed(
                    "is awaiting payment: its review has approved it, and its stock is reserved.",
                    "正在等待支付：风控审核已通过，库存已预占。",
                ),
                None => fixed(
                    "is awaiting payment: its stock is reserved, and it needed no review.",
                    "正在等待支付：库存已预占，无需风控审核。",
                ),
            },
            "shipping" => fixed("is paid and being shipped.", "已支付，正在发货。"),
            "completed" => self.completed(),
            "compensating" => self.because("is being undone", "正在回滚"),
            "expired" | "cancelled" => self.because("is cancelled", "已取消"),
            "rejected" => self.because("is closed", "已关闭"),
            "failed" => self.because("has failed", "已失败"),
            _ => (format!("stands at: {}.", self.order.status), format!("的状态：{}。", self.order.status)),
        }
    }

    fn completed(&self) -> (String, String) {
        let at = self.order.ended_at.as_deref().map(moment).unwrap_or_default();
        let shipment = self.order.shipments.last();
        match shipment.and_then(|shipment| shipment.tracking_number.as_deref()) {
            Some(tracking) => (
                format!(
                    "is completed since {at}: it is paid, and the carrier has it under tracking number {tracking}."
                ),
                format!("已于 {at} 完成：已支付，承运商已接收，运单号 {tracking}。"),
            ),
            None => (
                format!(
                    "is completed since {at}: it is paid, and a person has counted its shipment as done."
                ),
                format!("已于 {at} 完成：已支付，发货由人工确认为已完成。"),
            ),
        }
    }

    fn because(&self, en: &str, zh: &str) -> (String, String) {
        let Some(given) = &self.order.reason else { return (format!("{en}."), format!("{zh}。")) };
        let why = reason(&given.code, self.language);
        match &given.detail {
            Some(detail) => (format!("{en} ({why}: {detail})."), format!("{zh}（{why}：{detail}）。")),
            None => (format!("{en} ({why})."), format!("{zh}（{why}）。")),
        }
    }
}
