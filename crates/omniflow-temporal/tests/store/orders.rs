//! Claims and beginnings.

use crate::world::{AT, Life, World, details, mark};
use omniflow_core::{Sku, StockRefusal, StockShort};
use omniflow_engine::Error;
use omniflow_temporal::store::{Begun, Claim, StoreError};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_claims_with_one_external_id_at_once_one_is_made() {
    let world = World::new("claims_at_once").await;
    let lives: Vec<Life> = (0..8).map(|n| Life::external(&format!("ORD-{n}"), "shop-1")).collect();
    let claims = lives.iter().map(|life| world.store.claim(&life.first, &life.placed, None, None));
    let claims = futures::future::try_join_all(claims).await.unwrap();
    let made: Vec<_> = lives.iter().zip(&claims).filter(|(_, claim)| **claim == Claim::Made).collect();
    assert_eq!(made.len(), 1, "{claims:?}");
    let order_id = made[0].0.order.id.clone();
    let taken = Claim::ExternalIdTaken { order_id, acknowledged: false };
    assert_eq!(claims.iter().filter(|claim| **claim == taken).count(), 7);
    assert_eq!(world.number("SELECT count(*) FROM order_events").await, 1, "nothing of the others is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_claims_with_one_mark_at_once_one_is_made() {
    let world = World::new("marks_at_once").await;
    let lives: Vec<Life> = (0..8).map(|n| Life::new(&format!("ORD-{n}"), &[("tea", 1)])).collect();
    let mark = mark("k", "{}");
    let claims = lives.iter().map(|life| world.store.claim(&life.first, &life.placed, None, Some(&mark)));
    let claims = futures::future::try_join_all(claims).await.unwrap();
    let made = lives.iter().zip(&claims).find(|(_, claim)| **claim == Claim::Made).unwrap().0;
    let again = Claim::Again { order_id: made.order.id.clone(), answered: None };
    assert_eq!(claims.iter().filter(|claim| **claim == again).count(), 7, "{claims:?}");
    assert_eq!(world.number("SELECT count(*) FROM orders").await, 1);
}

#[tokio::test]
async fn a_claim_that_is_made_again_is_the_same_claim() {
    let world = World::new("claimed_again").await;
    let (life, mark) = (Life::external("ORD-1", "shop-1"), mark("k", "{}"));
    for _ in 0..2 {
        let claim = world.store.claim(&life.first, &life.placed, None, Some(&mark)).await.unwrap();
        assert_eq!(claim, Claim::Made);
        assert_eq!(world.store.claim(&life.first, &life.placed, None, None).await.unwrap(), Claim::Made);
    }
    let other = Life::new("ORD-1", &[("pot", 1)]);
    let refused = world.store.claim(&other.first, &other.placed, None, None).await;
    assert!(matches!(refused, Err(StoreError::Diverged(_))), "{refused:?}");
    let bare = Life::new("ORD-2", &[("pot", 1)]);
    let refused = world.store.claim(&bare.first, &bare.placed, Some(&details()), None).await;
    assert!(matches!(refused, Err(StoreError::Diverged(_))), "its event does not name them: {refused:?}");
}

#[tokio::test]
async fn a_beginning_reserves_once() {
    let world = World::new("begin_once").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 3)]);
    world.claim(&life).await;
    let begun = Begun::Order { lines: life.lines.clone(), acknowledged: false, reserved: Some(Ok(())) };
    for _ in 0..3 {
        assert_eq!(world.begin(&life).await, begun);
        assert_eq!(world.level("tea").await, (10, 3));
    }
    life.reserve().publish(&world.store, 1, |publish| publish.acknowledge = true).await;
    let begun = Begun::Order { lines: life.lines.clone(), acknowledged: true, reserved: None };
    assert_eq!(world.begin(&life).await, begun, "the events say it now");
    assert_eq!(world.level("tea").await, (10, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn beginnings_at_once_reserve_once() {
    let world = World::new("begin_at_once").await;
    world.stock_of("tea", 10).await;
    let life = Life::new("ORD-1", &[("tea", 3)]);
    world.claim(&life).await;
    let begun = futures::future::join_all((0..8).map(|_| world.begin(&life))).await;
    assert!(begun.iter().all(|one| *one == begun[0]), "{begun:?}");
    assert_eq!(world.level("tea").await, (10, 3));
    assert_eq!(world.number("SELECT count(*) FROM stock_ledger WHERE order_id = 'ORD-1'").await, 1);
}

#[tokio::test]
async fn what_is_refused_takes_nothing_and_stays_refused() {
    let world = World::new("begin_refused").await;
    world.stock_of("tea", 10).await;
    world.stock_of("pot", 1).await;
    let life = Life::new("ORD-1", &[("tea", 3), ("pot", 2), ("pot", 1)]);
    world.claim(&life).await;
    let short = StockShort { sku: Sku::new("pot").unwrap(), requested: 3, available: 1 };
    let refusal = StockRefusal::OutOfStock(vec![short]);
    let begun = Begun::Order { lines: life.lines.clone(), acknowledged: false, reserved: Some(Err(refusal)) };
    assert_eq!(world.begin(&life).await, begun);
    assert_eq!((world.level("tea").await, world.level("pot").await), ((10, 0), (1, 0)));
    world.stock_of("pot", 100).await;
    assert_eq!(world.begin(&life).await, begun, "what was answered is answered again");

    let unknown = Life::new("ORD-2", &[("tea", 3), ("cup", 1)]);
    world.claim(&unknown).await;
    let Begun::Order { reserved, .. } = world.begin(&unknown).await else { panic!() };
    assert_eq!(reserved, Some(Err(StockRefusal::UnknownSku(vec![Sku::new("cup").unwrap()]))));
    assert_eq!(world.level("tea").await, (10, 0));
}

#[tokio::test]
async fn an_order_that_a_foreign_client_starts_is_stored_and_shown_at_once() {
    let world = World::new("begin_foreign").await;
    world.stock_of("tea", 10).await;
    let life = Life::new("ORD-1", &[("tea", 3)]);
    assert_eq!(world.begin(&life).await, Begun::Missing);
    let begun = Begun::Order { lines: life.lines.clone(), acknowledged: true, reserved: Some(Ok(())) };
    for _ in 0..2 {
        let placed = Some((&life.first, &life.placed));
        assert_eq!(world.store.begin(&life.order.id, placed, AT).await.unwrap(), begun);
    }
    assert_eq!(world.level("tea").await, (10, 3));
    let other = Life::new("ORD-1", &[("tea", 9)]);
    let placed = Some((&other.first, &other.placed));
    assert_eq!(
        world.store.begin(&life.order.id, placed, AT).await.unwrap(),
        begun,
        "never the caller's copy"
    );

    let taken = Life::external("ORD-2", "shop-1");
    world.claim(&taken).await;
    let foreign = Life::external("ORD-3", "shop-1");
    let begun = world.store.begin(&foreign.order.id, Some((&foreign.first, &foreign.placed)), AT).await;
    assert!(
        matches!(&begun, Err(StoreError::Refused(Error::ExternalIdTaken(id))) if *id == taken.order.id),
        "{begun:?}"
    );
}
