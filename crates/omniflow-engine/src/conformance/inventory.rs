//! Stock as people see and change it.

use super::World;
use super::acts::words;
use super::cart::{Cart, POT, TEA, actor, sku};
use crate::{AdjustStock, Error, SetStock, StockLevel, StockSet};
use omniflow_core::{ReasonText, Sku, StateKind};

pub(super) async fn stock_can_be_created_set_and_adjusted(w: &mut World) {
    assert_eq!(
        w.set_stock(set("samovar", 3)).await,
        Ok(StockSet { level: level("samovar", 3, 0), created: true })
    );
    assert_eq!(
        w.set_stock(set("samovar", 7)).await,
        Ok(StockSet { level: level("samovar", 7, 0), created: false })
    );
    assert_eq!(w.adjust_stock(adjust("samovar", 2)).await, Ok(level("samovar", 9, 0)));
    assert_eq!(w.adjust_stock(adjust("samovar", -9)).await, Ok(level("samovar", 0, 0)));
    w.stock_is("samovar", 0, 0).await;
}

pub(super) async fn an_unknown_sku_has_no_stock(w: &mut World) {
    let unknown = Error::UnknownSku(vec![sku("samovar")]);
    assert_eq!(w.engine().stock(&sku("samovar")).await, Err(unknown.clone()));
    assert_eq!(w.adjust_stock(adjust("samovar", 1)).await, Err(unknown));
}

pub(super) async fn stock_never_falls_below_what_is_reserved(w: &mut World) {
    w.placed(Cart::of(TEA, 4)).await;
    let below = Error::BelowReserved { reserved: 4 };
    assert_eq!(w.set_stock(set(TEA, 3)).await, Err(below.clone()));
    assert_eq!(w.adjust_stock(adjust(TEA, -7)).await, Err(below));
    w.stock_is(TEA, 10, 4).await;
    assert_eq!(w.set_stock(set(TEA, 4)).await.map(|set| set.level), Ok(level(TEA, 4, 4)));
}

pub(super) async fn a_recount_is_the_truth_even_below_what_is_reserved(w: &mut World) {
    let order = w.placed(Cart::of(TEA, 4)).await;
    let recount = SetStock { recount: true, ..set(TEA, 1) };
    let counted = w.set_stock(recount).await.map(|set| set.level);
    assert_eq!(counted, Ok(level(TEA, 1, 4)));
    assert_eq!(counted.map(|level| (level.available(), level.short())), Ok((0, 3)));
    assert!(matches!(w.place(Cart::one()).await, Err(Error::OutOfStock(_))));
    w.cancel(&order).await;
    w.until_state(&order, StateKind::Cancelled).await;
    w.stock_is(TEA, 1, 0).await;
    w.placed(Cart::one()).await;
}

pub(super) async fn a_stale_expectation_changes_nothing(w: &mut World) {
    let stale = SetStock { expected_on_hand: Some(9), ..set(TEA, 20) };
    assert_eq!(w.set_stock(stale).await, Err(Error::StockChanged { on_hand: 10 }));
    w.stock_is(TEA, 10, 0).await;
    let right = SetStock { expected_on_hand: Some(10), ..set(TEA, 20) };
    assert_eq!(w.set_stock(right).await.map(|set| set.level), Ok(level(TEA, 20, 0)));
}

pub(super) async fn stock_that_cannot_be_counted_is_refused(w: &mut World) {
    let most = i64::try_from(StockLevel::MAX).unwrap_or(i64::MAX);
    assert_eq!(w.adjust_stock(adjust(TEA, most)).await, Err(Error::StockTooLarge));
    assert_eq!(w.adjust_stock(adjust(TEA, i64::MAX)).await, Err(Error::StockTooLarge));
    w.stock_is(TEA, 10, 0).await;
    assert_eq!(w.adjust_stock(adjust(TEA, most - 10)).await, Ok(level(TEA, StockLevel::MAX, 0)));
}

pub(super) async fn more_cannot_be_taken_than_there_is(w: &mut World) {
    for delta in [-11, i64::MIN] {
        assert_eq!(w.adjust_stock(adjust(TEA, delta)).await, Err(Error::BelowReserved { reserved: 0 }));
    }
    w.stock_is(TEA, 10, 0).await;
}

pub(super) async fn stocks_are_listed_by_sku(w: &mut World) {
    for name in ["zinc", "apple", "苹果"] {
        assert!(w.set_stock(set(name, 1)).await.is_ok());
    }
    let names = ["apple", POT, TEA, "zinc", "苹果"];
    let first = part(w, None).await;
    assert_eq!(first, names[..2]);
    let second = part(w, Some(&sku(POT))).await;
    assert_eq!(second, names[2..4]);
    assert_eq!(part(w, Some(&sku("zinc"))).await, names[4..]);
    assert_eq!(part(w, Some(&sku("苹果"))).await, [""; 0]);
}

async fn part(w: &World, after: Option<&Sku>) -> Vec<String> {
    match w.engine().stocks(after, 2).await {
        Ok(levels) => levels.iter().map(|level| level.sku.to_string()).collect(),
        Err(error) => panic!("stocks cannot be listed: {error}"),
    }
}

fn level(name: &str, on_hand: u64, reserved: u64) -> StockLevel {
    StockLevel { sku: sku(name), on_hand, reserved }
}

fn set(name: &str, on_hand: u64) -> SetStock {
    let (expected_on_hand, recount, reason) = (None, false, words("delivery"));
    SetStock { sku: sku(name), on_hand, expected_on_hand, recount, reason, actor: actor() }
}

fn adjust(name: &str, delta: i64) -> AdjustStock {
    AdjustStock { sku: sku(name), delta, reason: because(), actor: actor(), idempotency: None }
}

fn because() -> ReasonText {
    super::cart::checked(ReasonText::new("delivery"))
}
