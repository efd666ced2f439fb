//! One order, for people.

use super::list::to_the_second;
use super::order::Order;
use crate::client::{Language, Table};

/// The order with all that it has, and what can be done next.
pub(super) fn text(order: &Order, language: Language) -> String {
    let mut text = facts(order, language).text();
    for part in [
        lines(order, language),
        payments(order, language),
        refunds(order, language),
        shipments(order, language),
    ] {
        text.extend(part.map(|table| format!("\n{}", table.text())));
    }
    if !order.allowed_actions.is_empty() {
        text += language.pick("\nWhat can be done now:\n", "\n现在可以执行:\n");
        text.extend(
            order.allowed_actions.iter().map(|action| format!("  {}\n", command(action, &order.order_id))),
        );
    }
    text
}

/// The command that does an action.
pub(super) fn command(action: &str, order_id: &str) -> String {
    let reason = if action == "skip" { " --reason TEXT" } else { "" };
    format!("omniflow orders {action} {order_id}{reason}")
}

fn facts(order: &Order, language: Language) -> Table {
    let mut table = Table::new(&[]);
    let mut fact = |en: &str, zh: &str, value: Option<&str>| {
        if let Some(value) = value {
            table.row([language.pick(en, zh), value]);
        }
    };
    let because = order.reason.as_ref().map(|reason| match &reason.detail {
        Some(detail) => format!("{}: {detail}", reason.code),
        None => reason.code.clone(),
    });
    let help = order.attention.as_ref().map(|attention| {
        format!(
            "{} ({}, {}×, {})",
            attention.step, attention.reason.code, attention.attempts, attention.since
        )
    });
    fact("Order", "订单", Some(&order.order_id));
    fact("Status", "说明", Some(&order.status));
    fact("State", "状态", Some(&order.state));
    fact("Reason", "原因", because.as_deref());
    fact("Attention", "需人工处理", help.as_deref());
    fact("Amount", "金额", Some(&order.price()));
    fact("Payment", "支付", Some(&order.payment_status));
    fact("Fulfillment", "履约", Some(&order.fulfillment_status));
    fact("Customer", "客户", order.customer_id.as_deref());
    fact("External id", "外部编号", order.external_id.as_deref());
    fact("Payment due", "支付截止", order.deadlines.payment_due_at.as_deref());
    fact("Review due", "审核截止", order.deadlines.review_due_at.as_deref());
    fact("Created", "创建", Some(&order.created_at));
    fact("Updated", "更新", Some(&order.updated_at));
    fact("Ended", "结束", order.ended_at.as_deref());
    fact("Version", "版本", Some(&order.version.to_string()));
    table
}

fn lines(order: &Order, language: Language) -> Option<Table> {
    let heading = language.pick(["LINE", "SKU", "QUANTITY", "PRICE"], ["行", "商品", "数量", "单价"]);
    let mut table = Table::new(&heading);
    for line in &order.items {
        table.row([&line.line_id, &line.sku, &line.quantity.to_string(), &line.price()]);
    }
    for adjustment in &order.adjustments {
        let label = adjustment.label.as_deref().unwrap_or_default();
        table.row([&adjustment.kind, label, "", &adjustment.price()]);
    }
    Some(table)
}

fn payments(order: &Order, language: Language) -> Option<Table> {
    let heading = language
        .pick(["PAYMENT", "STATUS", "AMOUNT", "REASON", "AT"], ["支付", "状态", "金额", "原因", "时间"]);
    let mut table = Table::new(&heading);
    for payment in &order.payments {
        let reason = payment.reason.as_deref().unwrap_or_default();
        let at = to_the_second(&payment.updated_at);
        table.row([&payment.payment_id, &payment.status, &payment.price(), reason, &at]);
    }
    (!order.payments.is_empty()).then_some(table)
}

fn refunds(order: &Order, language: Language) -> Option<Table> {
    let heading = language
        .pick(["REFUND", "STATUS", "AMOUNT", "REASON", "AT"], ["退款", "状态", "金额", "原因", "时间"]);
    let mut table = Table::new(&heading);
    for refund in &order.refunds {
        let reason = refund.reason.as_deref().unwrap_or_default();
        let at = to_the_second(&refund.updated_at);
        table.row([&refund.refund_id, &refund.status, &refund.price(), reason, &at]);
    }
    (!order.refunds.is_empty()).then_some(table)
}

fn shipments(order: &Order, language: Language) -> Option<Table> {
    let heading = language.pick(["SHIPMENT", "STATUS", "TRACKING", "AT"], ["发货", "状态", "运单号", "时间"]);
    let mut table = Table::new(&heading);
    for shipment in &order.shipments {
        let tracking = shipment.tracking_number.as_deref().unwrap_or_default();
        table.row([&shipment.shipment_id, &shipment.status, tracking, &to_the_second(&shipment.updated_at)]);
    }
    (!order.shipments.is_empty()).then_some(table)
}
