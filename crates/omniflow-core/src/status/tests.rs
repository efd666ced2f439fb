//! The contract's table of status texts, word for word.

use super::{Locale, text};
use crate::given::*;

#[track_caller]
fn reads(life: Life, zh: &str, en: &str) -> Life {
    assert_eq!(text(&life.order, Locale::ZhCn, life.now), zh);
    assert_eq!(text(&life.order, Locale::En, life.now), en);
    life
}

#[test]
fn every_state_reads_as_promised() {
    reads(small(), "正在预占库存", "Reserving stock");
    reads(in_review(), "⚠️ 待风控审核 (大额订单)", "⚠️ Awaiting fraud review (high-value order)");
    reads(awaiting(), "待支付 (超时倒计时: 30s)", "Awaiting payment (times out in 30s)");
    reads(shipping(), "支付成功，准备发货", "Paid, preparing shipment");
    reads(completed(), "已完成", "Completed");
    reads(awaiting().when(cancel()), "正在回滚…", "Rolling back…");
    reads(expired(), "已取消 (超时)", "Cancelled (payment timed out)");
    reads(
        in_review().when(reject()).when(done("release_stock.1")),
        "已关闭 (风控拒绝)",
        "Closed (rejected in review)",
    );
    reads(awaiting().when(cancel()).when(done("release_stock.1")), "已取消", "Cancelled");
}

#[test]
fn a_failure_says_why() {
    reads(
        awaiting().when(failed()).when(done("release_stock.1")),
        "失败: 支付失败",
        "Failed: payment failed",
    );
    reads(small().when(out_of_stock()), "失败: 库存不足", "Failed: out of stock");
    reads(small().when(unknown_sku()), "失败: 未知商品", "Failed: unknown SKU");
    let undo = |life: Life| life.when(done("release_stock.1")).when(done("refund_payment-1.1"));
    reads(undo(shipping().when(refused("ship.1"))), "失败: 发货失败", "Failed: shipping failed");
    let compensated = undo(shipping().when(unknown("ship.1")).when(compensate()));
    reads(compensated, "失败: 人工回滚", "Failed: rolled back by an operator");
}

#[test]
fn attention_comes_before_any_state() {
    let ship = shipping();
    reads(ship.clone().when(unknown("ship.1")), "需人工处理: 结果未知", "Needs attention: outcome unknown");
    reads(ship.when(exhausted("ship.1")), "需人工处理: 多次尝试失败", "Needs attention: all attempts failed");
    let ended = expired().when(captured()).when(refused("refund_payment-1.1"));
    let ended = reads(ended, "需人工处理: 被拒绝", "Needs attention: refused by the provider");
    reads(ended.when(skip()), "已取消 (超时)", "Cancelled (payment timed out)");
}

#[test]
fn the_seconds_are_those_left_rounded_up() {
    let life = awaiting();
    let seconds = |elapsed: u64| text(&life.order, Locale::En, life.now.plus_millis(elapsed));
    for (elapsed, left) in
        [(0, 30), (1, 30), (999, 30), (1_000, 29), (2_001, 28), (29_000, 1), (29_999, 1), (30_000, 0)]
    {
        assert_eq!(
            seconds(elapsed),
            format!("Awaiting payment (times out in {left}s)"),
            "after {elapsed} ms"
        );
    }
    assert_eq!(seconds(3_600_000), "Awaiting payment (times out in 0s)", "never below zero");
}
