//! Rule 1: placing reserves stock for every line or for none.

use super::World;
use super::cart::{Cart, POT, TEA, sku};
use crate::Error;
use omniflow_core::{OrderId, StateKind, StockShort};

pub(super) async fn an_order_reserves_stock_for_every_line(w: &mut World) {
    let order = w.placed(Cart::of(TEA, 3).and(POT, 2)).await;
    w.until_state(&order, StateKind::AwaitingPayment).await;
    w.stock_is(TEA, 10, 3).await;
    w.stock_is(POT, 5, 2).await;
    w.tells(&order, &["order_placed", "stock_reserved"]).await;
}

pub(super) async fn an_order_is_kept_as_it_was_sent(w: &mut World) {
    let cart = Cart::of(TEA, 3).and(POT, 2).and(TEA, 1).external_id("A-1").worth(12_345);
    let order = w.placed(cart.clone()).await;
    let order = w.order(&order).await;
    assert_eq!(order.terms, cart.placement(w.pace()).terms);
    assert!(order.id.as_str().starts_with("ORD-"), "an engine's own ids begin with ORD-");
}

pub(super) async fn too_little_stock_for_one_line_leaves_no_order(w: &mut World) {
    let placed = w.place(Cart::of(TEA, 3).and(POT, 6)).await;
    is_short(placed, POT, 6, 5);
    w.stock_is(TEA, 10, 0).await;
    w.stock_is(POT, 5, 0).await;
    assert_eq!(w.listed().await, [], "there is no order");
}

pub(super) async fn lines_of_one_sku_are_added_up(w: &mut World) {
    let placed = w.place(Cart::of(POT, 3).and(TEA, 1).and(POT, 3)).await;
    is_short(placed, POT, 6, 5);
    let order = w.placed(Cart::of(POT, 3).and(TEA, 1).and(POT, 2)).await;
    assert_eq!(w.order(&order).await.terms.lines.len(), 3, "lines stay as sent");
    w.stock_is(POT, 5, 5).await;
    is_short(w.place(Cart::of(POT, 1)).await, POT, 1, 0);
}

pub(super) async fn an_unknown_sku_leaves_no_order(w: &mut World) {
    let placed = w.place(Cart::of(TEA, 1).and("samovar", 1)).await;
    assert_eq!(placed.map(|order| order.kind()), Err(Error::UnknownSku(vec![sku("samovar")])));
    w.stock_is(TEA, 10, 0).await;
    assert_eq!(w.listed().await, [], "there is no order");
}

pub(super) async fn an_external_id_is_taken_once(w: &mut World) {
    let first = w.placed(Cart::one().external_id("A-1")).await;
    is_taken(w.place(Cart::of(POT, 1).external_id("A-1")).await, &first);
    w.cancel(&first).await;
    w.until_state(&first, StateKind::Cancelled).await;
    is_taken(w.place(Cart::of(POT, 1).external_id("A-1")).await, &first);
    w.placed(Cart::of(POT, 1).external_id("A-2")).await;
    w.stock_is(POT, 5, 1).await;
}

pub(super) async fn an_order_that_was_not_placed_takes_no_external_id(w: &mut World) {
    is_short(w.place(Cart::of(POT, 6).external_id("A-1")).await, POT, 6, 5);
    let order = w.placed(Cart::of(POT, 5).external_id("A-1")).await;
    w.until_state(&order, StateKind::AwaitingPayment).await;
}

fn is_short(
    placed: Result<std::sync::Arc<omniflow_core::Order>, Error>,
    name: &str,
    requested: u64,
    available: u64,
) {
    let short = StockShort { sku: sku(name), requested, available };
    assert_eq!(placed.map(|order| order.id.clone()), Err(Error::OutOfStock(vec![short])));
}

fn is_taken(placed: Result<std::sync::Arc<omniflow_core::Order>, Error>, by: &OrderId) {
    assert_eq!(placed.map(|order| order.id.clone()), Err(Error::ExternalIdTaken(by.clone())));
}
