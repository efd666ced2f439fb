//! Who waits is woken, whatever happens to the connection that listens.

use crate::world::{Life, World, with_parameter};
use futures::FutureExt;
use omniflow_temporal::store::{Change, Changes};
use std::time::{Duration, Instant};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

async fn woken(change: &mut Change) {
    timeout(PATIENCE, change.changed()).await.expect("somebody wakes it");
}

/// Changes that somebody listens for already.
async fn listening(world: &World) -> Changes {
    let changes = world.store.changes();
    woken(&mut changes.of_any()).await;
    changes
}

#[tokio::test]
async fn who_waits_for_an_order_is_woken_by_that_one() {
    let world = World::new("changes").await;
    world.stock_of("tea", 10).await;
    let mut lives: Vec<Life> = (0..2).map(|n| Life::new(&format!("ORD-{n}"), &[("tea", 1)])).collect();
    let changes = listening(&world).await;
    let [mut first, mut second] = [0, 1].map(|n| changes.of_order(&lives[n].order.id));
    let mut any = changes.of_any();
    world.place(&mut lives[0]).await;
    woken(&mut first).await;
    woken(&mut any).await;
    assert!(second.changed().now_or_never().is_none());
    world.place(&mut lives[1]).await;
    woken(&mut second).await;
    woken(&mut any).await;
    let late = changes.of_order(&lives[0].order.id).changed().now_or_never();
    assert!(late.is_none(), "it counts from when it was made");
}

#[tokio::test]
async fn another_process_wakes_too() {
    let world = World::new("changes_far").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    let changes = listening(&world).await;
    let mut change = changes.of_order(&life.order.id);
    world.claim(&life).await;
    world.begin(&life).await;
    let far = omniflow_temporal::store::Store::connect(&world.settings).unwrap();
    life.reserve().publish(&far, 1, |publish| publish.acknowledge = true).await;
    woken(&mut change).await;
}

#[tokio::test]
async fn a_lost_listener_listens_again_and_wakes_everybody() {
    let world = named("changes_lost").await;
    world.stock_of("tea", 10).await;
    let changes = listening(&world).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    let mut change = changes.of_order(&life.order.id);
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
               WHERE application_name = 'changes_lost listens'";
    assert_eq!(world.number(end).await, 1);
    woken(&mut change).await;
    world.place(&mut life).await;
    woken(&mut change).await;
}

/// As when a process ends between what it did and announcing it.
#[tokio::test]
async fn what_nobody_announced_is_found() {
    let world = World::new("changes_found").await;
    let changes = listening(&world).await;
    let life = Life::new("ORD-1", &[("tea", 1)]);
    let (mut change, mut any) = (changes.of_order(&life.order.id), changes.of_any());
    let insert = "INSERT INTO order_events
                  VALUES ('ORD-1', 1, pg_current_xact_id()::text::bigint << 12, 'line', 'hash')";
    world.client().await.batch_execute(insert).await.unwrap();
    woken(&mut change).await;
    woken(&mut any).await;
}

#[tokio::test]
async fn nothing_is_asked_while_nobody_waits() {
    let world = named("changes_idle").await;
    let changes = listening(&world).await;
    let asked = "SELECT (extract(epoch FROM query_start) * 1000000)::bigint FROM pg_stat_activity
                 WHERE application_name = 'changes_idle listens'";
    // For well over the time after which it would look.
    let idle = async || {
        let (first, begun) = (world.number(asked).await, Instant::now());
        let mut is_idle = true;
        while is_idle && begun.elapsed() < Duration::from_millis(2_500) {
            is_idle = world.number(asked).await == first;
        }
        is_idle
    };
    assert!(idle().await);
    let change = changes.of_any();
    assert!(!idle().await, "who waits is looked for");
    drop(change);
}

/// A world whose connections are called after it.
async fn named(test: &str) -> World {
    World::with(test, |settings| settings.url = with_parameter(&settings.url, "application_name", test)).await
}
