//! Stock: what orders do to it at once, and what people do to it.

use crate::world::{AT, Life, World, mark, with_parameter};
use omniflow_core::{Actor, ReasonText, Receipt, Reference, Sku, Step, StockRefusal};
use omniflow_engine::{AdjustStock, Adjusted, Error, Idempotency, SetStock, StockLevel};
use omniflow_temporal::store::{Begun, StoreError};
use std::sync::atomic::{AtomicU64, Ordering};

fn sku(name: &str) -> Sku {
    Sku::new(name).unwrap()
}

fn set(name: &str, on_hand: u64) -> SetStock {
    SetStock {
        sku: sku(name),
        on_hand,
        expected_on_hand: None,
        recount: false,
        reason: ReasonText::new("counted").ok(),
        actor: Actor::api(),
    }
}

fn adjust(name: &str, delta: i64, idempotency: Option<Idempotency>) -> AdjustStock {
    let reason = ReasonText::new("delivery").unwrap();
    AdjustStock { sku: sku(name), delta, reason, actor: Actor::api(), idempotency }
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> Error {
    match answer {
        Err(StoreError::Refused(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

async fn race_for_the_last(world: &World) {
    world.stock_of("tea", 20).await;
    world.stock_of("pot", 15).await;
    let held = AtomicU64::new(0);
    let task = async |task: usize| {
        for n in 0..4 {
            // Their lines are in different orders, and their locks are not.
            let lines: &[_] =
                if task.is_multiple_of(2) { &[("tea", 1), ("pot", 1)] } else { &[("pot", 1), ("tea", 1)] };
            let life = Life::new(&format!("ORD-{task}-{n}"), lines);
            world.claim(&life).await;
            match world.begin(&life).await {
                Begun::Order { reserved: Some(Ok(())), .. } => drop(held.fetch_add(1, Ordering::Relaxed)),
                Begun::Order { reserved: Some(Err(StockRefusal::OutOfStock(_))), .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    futures::future::join_all((0..16).map(task)).await;
    assert_eq!(held.into_inner(), 15);
    assert_eq!((world.level("tea").await, world.level("pot").await), ((20, 15), (15, 15)));
    let booked = "SELECT sum(reserved_delta)::bigint FROM stock_ledger";
    assert_eq!(world.number(booked).await, 30, "the ledger says the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_pieces_are_promised_once() {
    race_for_the_last(&World::new("oversell").await).await;
}

/// Whatever a server's default is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_pieces_are_promised_once_at_every_isolation_level() {
    for level in ["repeatable read", "serializable"] {
        let option = format!("-c default_transaction_isolation={}", level.replace(' ', "\\ "));
        let world = World::with("isolation", |settings| {
            settings.url = with_parameter(&settings.url, "options", &option);
        })
        .await;
        race_for_the_last(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_that_end_at_once_leave_what_they_should() {
    let world = World::new("settle_race").await;
    world.stock_of("tea", 16).await;
    let one = async |n: usize| {
        let mut life = Life::new(&format!("ORD-{n}"), &[("tea", 1)]);
        world.place(&mut life).await;
        let version = life.order.version;
        let step = if n.is_multiple_of(2) {
            let parcel = Receipt::Shipment { tracking_number: Reference::new("T-1").unwrap() };
            life.pay().settled(Step::Ship, parcel).settled(Step::ConsumeStock, Receipt::Stock);
            Step::ConsumeStock
        } else {
            life.cancel().settled(Step::ReleaseStock, Receipt::Stock);
            Step::ReleaseStock
        };
        life.publish(&world.store, version, |publish| publish.stock = Some(step)).await;
    };
    futures::future::join_all((0..16).map(one)).await;
    assert_eq!(world.level("tea").await, (8, 0));
}

#[tokio::test]
async fn stock_is_set_and_adjusted_as_people_say() {
    let world = World::new("by_hand").await;
    let store = &world.store;
    let first = store.set_stock(&set("tea", 10), AT).await.unwrap();
    assert_eq!((first.created, first.level.on_hand), (true, 10));
    let again = store.set_stock(&set("tea", 12), AT).await.unwrap();
    assert_eq!((again.created, again.level.on_hand), (false, 12));
    let expecting = SetStock { expected_on_hand: Some(10), ..set("tea", 5) };
    assert_eq!(refusal(store.set_stock(&expecting, AT).await), Error::StockChanged { on_hand: 12 });
    let adjusted = store.adjust_stock(&adjust("tea", -2, None), AT).await.unwrap();
    assert_eq!((adjusted.level.on_hand, adjusted.replayed), (10, false));
    let unknown = store.adjust_stock(&adjust("cup", 1, None), AT).await;
    assert_eq!(refusal(unknown), Error::UnknownSku(vec![sku("cup")]));
    assert_eq!(store.stock(&sku("cup")).await.unwrap(), None);

    let life = Life::new("ORD-1", &[("tea", 4)]);
    world.claim(&life).await;
    world.begin(&life).await;
    let below = Error::BelowReserved { reserved: 4 };
    assert_eq!(refusal(store.set_stock(&set("tea", 3), AT).await), below);
    assert_eq!(refusal(store.adjust_stock(&adjust("tea", -7, None), AT).await), below);
    assert_eq!(world.level("tea").await, (10, 4));
    let kinds = "SELECT count(DISTINCT kind) FROM stock_ledger WHERE reason IN ('counted', 'delivery')";
    assert_eq!(world.number(kinds).await, 2);
}

#[tokio::test]
async fn no_number_is_too_large() {
    let world = World::new("too_large").await;
    let most = world.store.set_stock(&set("tea", StockLevel::MAX), AT).await.unwrap();
    assert_eq!(most.level.on_hand, StockLevel::MAX);
    for delta in [1, i64::MAX] {
        let more = world.store.adjust_stock(&adjust("tea", delta, None), AT).await;
        assert_eq!(refusal(more), Error::StockTooLarge);
    }
    let less = world.store.adjust_stock(&adjust("tea", i64::MIN, None), AT).await;
    assert_eq!(refusal(less), Error::BelowReserved { reserved: 0 });
    let too_many = world.store.set_stock(&set("tea", StockLevel::MAX + 1), AT).await;
    assert_eq!(refusal(too_many), Error::StockTooLarge);
}

#[tokio::test]
async fn a_recount_may_find_less_than_is_promised() {
    let world = World::new("recount").await;
    world.stock_of("tea", 10).await;
    let mut lives = vec![];
    for n in 0..2 {
        let mut life = Life::new(&format!("ORD-{n}"), &[("tea", 4)]);
        world.place(&mut life).await;
        lives.push(life);
    }
    let recount = SetStock { recount: true, ..set("tea", 3) };
    let level = world.store.set_stock(&recount, AT).await.unwrap().level;
    assert_eq!((level.available(), level.short()), (0, 5));
    assert_eq!(
        refusal(world.store.adjust_stock(&adjust("tea", -1, None), AT).await),
        Error::BelowReserved { reserved: 8 }
    );
    let late = Life::new("ORD-9", &[("tea", 1)]);
    world.claim(&late).await;
    let Begun::Order { reserved: Some(Err(_)), .. } = world.begin(&late).await else { panic!() };
    assert_eq!(world.store.adjust_stock(&adjust("tea", 1, None), AT).await.unwrap().level.on_hand, 4);
    for life in &mut lives {
        let version = life.order.version;
        let parcel = Receipt::Shipment { tracking_number: Reference::new("T-1").unwrap() };
        life.pay().settled(Step::Ship, parcel).settled(Step::ConsumeStock, Receipt::Stock);
        life.publish(&world.store, version, |publish| publish.stock = Some(Step::ConsumeStock)).await;
    }
    assert_eq!(world.level("tea").await, (0, 0), "never less than none");
    assert_eq!(world.number("SELECT recounted_short FROM stock").await, 0, "nothing is forgiven any more");
}

/// The table says no by itself, whatever a program thinks.
#[tokio::test]
async fn the_table_itself_oversells_nothing() {
    let world = World::new("belt").await;
    world.stock_of("tea", 10).await;
    let client = world.client().await;
    for change in ["reserved = 11", "on_hand = -1", "reserved = -1"] {
        let refused = client.execute(&format!("UPDATE stock SET {change}"), &[]).await;
        assert_eq!(refused.unwrap_err().code().unwrap().code(), "23514", "{change}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_adjustment_with_a_mark_is_made_once() {
    let world = World::new("adjust_once").await;
    world.stock_of("tea", 10).await;
    let change = adjust("tea", 5, Some(mark("k", "{}")));
    let answers = futures::future::join_all((0..8).map(|_| world.store.adjust_stock(&change, AT))).await;
    let answers: Vec<Adjusted> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert!(answers.iter().all(|answer| answer.level.on_hand == 15), "{answers:?}");
    assert_eq!(world.level("tea").await, (15, 0));
    let other = adjust("tea", 5, Some(mark("k", "{ }")));
    assert_eq!(refusal(world.store.adjust_stock(&other, AT).await), Error::IdempotencyKeyReused);
    let late = world.store.adjust_stock(&change, AT.plus_millis(1_000)).await.unwrap();
    assert_eq!((late.replayed, late.level.on_hand), (false, 20), "it is not kept for ever");

    let refused = adjust("tea", -50, Some(mark("r", "{}")));
    assert_eq!(refusal(world.store.adjust_stock(&refused, AT).await), Error::BelowReserved { reserved: 0 });
    world.stock_of("tea", 50).await;
    assert!(!world.store.adjust_stock(&refused, AT).await.unwrap().replayed, "what was refused is not kept");
}

#[tokio::test]
async fn all_stock_is_read_in_parts_sorted() {
    let world = World::new("stocks").await;
    for name in ["tea", "Tea", "苹果", "pot", "pot-2"] {
        world.stock_of(name, 1).await;
    }
    let mut names = vec![];
    let mut after = None;
    loop {
        let part = world.store.stocks(after.as_ref(), 2).await.unwrap();
        let Some(last) = part.last() else { break };
        after = Some(last.sku.clone());
        names.extend(part.into_iter().map(|level| level.sku));
    }
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!((names.len(), &names), (5, &sorted));
}
