//! What was undone.

use super::Facts;
use super::words::moment;
use crate::orders::order::Refund;

impl Facts {
    pub(super) fn undone(&self) -> Vec<String> {
        let shipment = self.order.shipments.iter().filter_map(|shipment| match shipment.status.as_str() {
            "refused" => Some(self.say(
                format!("Undone: the carrier refused the shipment at {}.", moment(&shipment.updated_at)),
                format!("已回滚：承运商于 {} 拒绝了发货。", moment(&shipment.updated_at)),
            )),
            "cancelled" => Some(self.say(
                format!("Undone: the shipment was given up at {}.", moment(&shipment.updated_at)),
                format!("已回滚：发货于 {} 取消。", moment(&shipment.updated_at)),
            )),
            _ => None,
        });
        let refunds = self.order.refunds.iter().map(|refund| self.refund(refund));
        let stock = self.event("stock_released").map(|entry| {
            let at = moment(&entry.at);
            self.say(
                format!("Undone: its stock is free again since {at}."),
                format!("已回滚：库存已于 {at} 释放。"),
            )
        });
        shipment.chain(refunds).chain(stock).collect()
    }

    fn refund(&self, refund: &Refund) -> String {
        let (amount, payment, at) = (refund.price(), &refund.payment_id, moment(&refund.updated_at));
        match refund.status.as_str() {
            "done" => self.say(
                format!("Undone: payment {payment} of {amount} was refunded at {at}."),
                format!("已回滚：支付 {payment}（{amount}）已于 {at} 退款。"),
            ),
            "skipped" => self.say(
                format!("Undone: a person has counted the refund of {amount} for payment {payment} as done at {at}."),
                format!("已回滚：支付 {payment}（{amount}）的退款于 {at} 由人工确认为已完成。"),
            ),
            _ => self.say(
                format!("Being undone: {amount} of payment {payment} are to be refunded since {at}."),
                format!("正在回滚：支付 {payment}（{amount}）自 {at} 起等待退款。"),
            ),
        }
    }
}
