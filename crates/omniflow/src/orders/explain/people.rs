//! What needs a person, and who can do what with which command.

use super::Facts;
use super::words::{attention, moment};
use crate::orders::show::command;

impl Facts {
    pub(super) fn attention(&self) -> Option<String> {
        let needed = self.order.attention.as_ref()?;
        let (step_en, step_zh) = match needed.is_shipment() {
            true => ("its shipment", "发货"),
            false => ("a refund", "退款"),
        };
        let (advice_en, advice_zh) = match needed.reason.code.as_str() {
            "outcome_unknown" => (
                "an attempt may have taken effect, so ask the provider before anything else",
                "某次尝试可能已经生效，请先向服务商核实",
            ),
            "attempts_exhausted" => ("none of the attempts has taken effect", "所有尝试均未生效"),
            _ => ("the provider has refused it for good", "服务商已最终拒绝"),
        };
        let detail = needed.reason.detail.as_ref().map(|detail| format!("; {detail}")).unwrap_or_default();
        let (why, since) = (attention(&needed.reason.code, self.language), moment(&needed.since));
        let (attempts, effect) = (needed.attempts, &needed.effect_id);
        Some(self.say(
            format!(
                "A person is needed for {step_en} ({effect}) since {since}: {why} ({attempts} made{detail}); \
                 {advice_en}. Nothing more is tried or undone until somebody decides."
            ),
            format!(
                "自 {since} 起，{step_zh}（{effect}）需要人工处理：{why}（共尝试 {attempts} 次{detail}）；{advice_zh}。\
                 在有人决定之前，系统不会再尝试，也不会回滚。"
            ),
        ))
    }

    pub(super) fn what_people_can_do(&self) -> Vec<String> {
        if !self.order.allowed_actions.is_empty() {
            return self.order.allowed_actions.iter().map(|action| self.can(action)).collect();
        }
        let nothing =
            ("Nobody can do anything about it right now, and nobody has to.", "目前无需也无法进行人工操作。");
        let sentence = self.say(nothing.0.to_owned(), nothing.1.to_owned());
        if self.has_ended() { vec![] } else { vec![sentence] }
    }

    fn can(&self, action: &str) -> String {
        let is_shipment = self.order.attention.as_ref().is_some_and(|needed| needed.is_shipment());
        let (en, zh) = match action {
            "pay" => ("The payment system can report the payment", "支付系统可以报告支付结果"),
            "approve" => ("A reviewer can approve it", "审核人员可以通过"),
            "reject" => ("A reviewer can reject it", "审核人员可以拒绝"),
            "cancel" => ("The customer or the shop can cancel it", "客户或店铺可以取消"),
            "retry" if is_shipment => {
                ("An operator can have the carrier asked again", "运维人员可以再次请求承运商")
            }
            "retry" => ("An operator can have the refund tried again", "运维人员可以再次尝试退款"),
            "skip" if is_shipment => (
                "An operator who knows that it is shipped can count it as done",
                "运维人员确认已发货后可以标记为完成",
            ),
            "skip" => (
                "An operator who has paid it back can count the refund as done",
                "运维人员自行退款后可以标记为完成",
            ),
            "compensate" => (
                "An operator can have the order undone instead: refund, stock freed, failed",
                "运维人员可以改为回滚：退款、释放库存、订单失败",
            ),
            other => (other, other),
        };
        let command = command(action, &self.order.order_id);
        self.say(format!("{en}: {command}"), format!("{zh}：{command}"))
    }
}
