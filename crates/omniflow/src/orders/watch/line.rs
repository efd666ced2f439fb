//! One event, on one line.

use crate::client::{Error, Message, Shown, clean, is_for_people};
use crate::orders::list::to_the_second;
use crate::orders::order::Order;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{ErrorKind, Write as _, stdout};

/// Prints events as they come, each at once.
pub(super) struct Printer {
    pub(super) shown: Shown,
    pub(super) with_order: bool,
}

#[derive(Deserialize)]
struct Entry {
    order_id: String,
    r#type: String,
    at: String,
    actor: String,
    reason: Option<String>,
    #[serde(default)]
    data: Data,
}

/// What a line tells of an event's data.
#[derive(Default, Deserialize)]
struct Data {
    payment_id: Option<String>,
    amount: Option<Box<RawValue>>,
    currency: Option<String>,
    tracking_number: Option<String>,
}

/// What happened, in words for people.
const WORDS: &[(&str, &str, &str)] = &[
    ("order_placed", "order placed", "订单已创建"),
    ("stock_reserved", "stock reserved", "库存已预占"),
    ("stock_refused", "too little stock", "库存不足"),
    ("decision_recorded", "review decided", "审核已决定"),
    ("payment_captured", "payment captured", "已收款"),
    ("payment_declined", "payment declined", "支付被拒"),
    ("payment_failed", "payment failed", "支付失败"),
    ("payment_window_elapsed", "payment window over", "支付超时"),
    ("cancel_requested", "cancel requested", "请求取消"),
    ("shipment_accepted", "shipment accepted", "承运商已受理"),
    ("shipped", "shipped", "已发货"),
    ("shipment_refused", "shipment refused", "承运商拒绝"),
    ("payment_refunded", "payment refunded", "已退款"),
    ("stock_released", "stock released", "库存已释放"),
    ("stock_consumed", "stock consumed", "库存已扣减"),
    ("attention_raised", "attention needed", "需人工处理"),
    ("retried", "tried again", "已重试"),
    ("skipped", "counted as done", "已人工确认"),
    ("compensation_requested", "undoing requested", "请求回滚"),
    ("signal_ignored", "signal ignored", "信号已忽略"),
    ("details_erased", "details erased", "详情已删除"),
];

impl Printer {
    /// Prints an event; false where nobody reads any more.
    pub(super) fn event(&self, message: &Message) -> Result<bool, Error> {
        if self.shown.json {
            return line(&message.data.replace(['\n', '\r'], " "));
        }
        match serde_json::from_str::<Entry>(&message.data) {
            Ok(entry) => line(&self.told(&entry)),
            // An event of a later server, with its own words.
            Err(_) => line(&clean(&format!("{} {}", message.event, message.data))),
        }
    }

    /// Prints where the order now stands; false where nobody reads any more.
    pub(super) fn standing(&self, order: &Order) -> Result<bool, Error> {
        if self.shown.json {
            return Ok(true);
        }
        let at = to_the_second(&order.updated_at);
        line(&clean_cells(&[&at, "→", &order.status]))
    }

    fn told(&self, entry: &Entry) -> String {
        let word = WORDS.iter().find(|(name, ..)| *name == entry.r#type);
        let word = word.map_or(entry.r#type.as_str(), |(_, en, zh)| self.shown.language.pick(en, zh));
        let Data { payment_id, amount, currency, tracking_number } = &entry.data;
        let price =
            amount.as_ref().map(|amount| format!("{amount} {}", currency.as_deref().unwrap_or_default()));
        let rest = [payment_id.clone(), price, tracking_number.clone(), entry.reason.clone()];
        let rest = rest.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        let at = to_the_second(&entry.at);
        match self.with_order {
            true => clean_cells(&[&at, &entry.order_id, word, &entry.actor, &rest]),
            false => clean_cells(&[&at, word, &entry.actor, &rest]),
        }
    }
}

/// Cells of one line: set apart by tabs where a program may read, by spaces for people.
fn clean_cells(cells: &[&str]) -> String {
    let separator = if is_for_people() { "  " } else { "\t" };
    let cells: Vec<String> = cells.iter().map(|cell| clean(cell)).collect();
    cells.join(separator).trim_end().to_owned()
}

/// Prints a line at once; false where nobody reads any more.
fn line(text: &str) -> Result<bool, Error> {
    let mut out = stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::Output(error)),
    }
}
