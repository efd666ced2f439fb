//! Scenarios A, B and C of the README, played against the API over HTTP.

use super::shop::Shop;
use crate::product::moment;
use anyhow::{Result, ensure};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long an order waits for its payment unless it says so.
const WINDOW: Duration = Duration::from_secs(30);
/// How much later than its window's end an order may expire on workers that run.
const LATE: Duration = Duration::from_secs(5);

/// An order that nobody will pay, and when it was placed.
pub(super) struct Unpaid {
    id: String,
    placed: Instant,
}

/// A: placed, paid, shipped.
pub(super) fn paid_and_shipped(shop: &mut Shop) -> Result<()> {
    let before = shop.stock("iPhone 15")?;
    let placed = shop.post("/orders", r#"{"amount": 500, "items": ["iPhone 15"]}"#)?.is(201)?;
    let id = placed.id()?;
    placed.says("state", "awaiting_payment")?.says("status", "待支付 (超时倒计时: 30s)")?;
    ensure!(placed.header("location").is_some_and(|at| at.ends_with(&id)), "201 without its Location");
    shop.post(&format!("/orders/{id}/pay"), "")?.is(200)?.says("payment_status", "paid")?;
    let done = shop.until(&id, "completed", Duration::from_secs(20))?;
    done.says("status", "已完成")?.says("fulfillment_status", "fulfilled")?;
    let timeline = shop.get(&format!("/orders/{id}/timeline"))?.is(200)?;
    let types: Vec<_> =
        timeline.body()["data"].as_array().into_iter().flatten().map(|e| &e["type"]).collect();
    let expected = ["order_placed", "stock_reserved", "payment_captured", "shipped", "stock_consumed"];
    ensure!(types == expected, "the timeline of {id} is {types:?}");
    let after = shop.stock("iPhone 15")?;
    ensure!(after == before.less(1), "one was shipped, and the stock went from {before:?} to {after:?}");
    Ok(())
}

/// B, its beginning: an order that nobody pays holds its stock.
pub(super) fn nobody_pays(shop: &mut Shop) -> Result<Unpaid> {
    let before = shop.stock("Mac Pro")?;
    let order = r#"{"amount": 9000, "items": [{"sku": "Mac Pro", "quantity": 3}]}"#;
    let placed = shop.post("/orders", order)?.is(201)?;
    placed.says("state", "awaiting_payment")?;
    let after = shop.stock("Mac Pro")?;
    ensure!(after == before.holding(3), "three are held, and the stock went from {before:?} to {after:?}");
    Ok(Unpaid { id: placed.id()?, placed: Instant::now() })
}

/// B, its end: it expires when its window has passed, not before, and its stock is free again.
pub(super) fn expires(shop: &mut Shop, unpaid: &Unpaid) -> Result<()> {
    let held = shop.stock("Mac Pro")?;
    let left = (WINDOW + LATE).saturating_sub(unpaid.placed.elapsed());
    let order = shop.until(&unpaid.id, "expired", left)?;
    order.says("status", "已取消 (超时)")?.says("payment_status", "pending")?;
    let at = |field: &str| order.body()[field].as_str().and_then(moment::read);
    let waited = at("ended_at").zip(at("created_at")).map(|(ended, created)| ended - created);
    let window = i64::try_from(WINDOW.as_millis())?;
    ensure!(waited.is_some_and(|waited| waited >= window), "it expired after {waited:?} ms: too early");
    let after = shop.stock("Mac Pro")?;
    ensure!(after == held.freed(3), "three are free again, and the stock went from {held:?} to {after:?}");
    Ok(())
}

/// C: an order over the threshold waits for a person.
pub(super) fn reviewed(shop: &mut Shop) -> Result<()> {
    let placed = shop.post("/orders", r#"{"amount": 20000, "items": ["Mac Pro"]}"#)?.is(201)?;
    placed.says("state", "in_review")?.says("status", "⚠️ 待风控审核 (大额订单)")?;
    let audit = format!("/orders/{}/audit", placed.id()?);
    shop.post(&audit, r#"{"action": "MAYBE"}"#)?.is(422)?.says("code", "invalid_field")?;
    shop.post(&audit, r#"{"action": "APPROVE"}"#)?.is(200)?.says("state", "awaiting_payment")?;
    shop.post(&audit, r#"{"action": "REJECT"}"#)?.is(409)?.says("code", "action_not_allowed")?;
    shop.post(&format!("/orders/{}/cancel", placed.id()?), "")?.is(200)?;
    shop.until(&placed.id()?, "cancelled", Duration::from_secs(20))?;

    let exactly = shop.post("/orders", r#"{"amount": 10000, "items": ["iPhone 15"]}"#)?.is(201)?;
    exactly.says("state", "awaiting_payment")?;
    shop.post(&format!("/orders/{}/cancel", exactly.id()?), "")?.is(200)?;
    shop.until(&exactly.id()?, "cancelled", Duration::from_secs(20))?;

    let before = shop.stock("iPhone 15")?;
    let over = shop.post("/orders", r#"{"amount": 10000.01, "items": ["iPhone 15"]}"#)?.is(201)?;
    let reject = json!({"action": "REJECT", "reason": "stolen card"}).to_string();
    shop.post(&format!("/orders/{}/audit", over.id()?), &reject)?.is(200)?;
    shop.until(&over.id()?, "rejected", Duration::from_secs(20))?.says("status", "已关闭 (风控拒绝)")?;
    let after = shop.stock("iPhone 15")?;
    ensure!(
        after == before,
        "a rejected order keeps nothing, and the stock went from {before:?} to {after:?}"
    );
    Ok(())
}
