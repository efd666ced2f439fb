//! The feed: everything, once, in one order, whatever commits when.

use crate::world::{Life, World};
use omniflow_engine::{FeedEntry, FeedScope, Position};
use omniflow_temporal::store::Store;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// Follows the feed from a position until it has so many events.
async fn follow(world: &World, scope: FeedScope, after: Position, count: usize) -> Vec<FeedEntry> {
    let changes = world.store.changes();
    let mut entries: Vec<FeedEntry> = vec![];
    while entries.len() < count {
        let after = entries.last().map_or(after, |entry| entry.position);
        let next = timeout(PATIENCE, world.store.next_of_feed(&changes, &scope, after, 7)).await;
        let next = next.expect("the events come").unwrap();
        assert!(next.len() <= 7);
        entries.extend(next);
    }
    assert!(entries.is_sorted_by(|a, b| a.position < b.position), "{entries:?}");
    entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_follower_of_many_writers_misses_nothing() {
    let world = World::new("feed_race").await;
    world.stock_of("tea", 1_000).await;
    let write = async |task: usize| {
        for n in 0..10 {
            let mut life = Life::new(&format!("ORD-{task}-{n}"), &[("tea", 1)]);
            world.place(&mut life).await;
            let version = life.order.version;
            life.cancel().publish(&world.store, version, |_| {}).await;
        }
    };
    let writers = futures::future::join_all((0..8).map(write));
    let (_, entries) = tokio::join!(writers, follow(&world, FeedScope::All, Position(0), 240));
    let mut seen: Vec<_> =
        entries.iter().map(|entry| (entry.order_id.clone(), entry.entry.entry.seq)).collect();
    for n in 0..10 {
        let order: Vec<u32> =
            seen.iter().filter(|(id, _)| id.as_str() == format!("ORD-3-{n}")).map(|(_, seq)| *seq).collect();
        assert_eq!(order, [1, 2, 3]);
    }
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), entries.len()), (240, 240));
    let last = entries.last().unwrap().position;
    assert_eq!(world.store.feed(&FeedScope::All, last, 9).await.unwrap(), []);
}

#[tokio::test]
async fn what_may_still_get_something_before_it_is_not_shown_yet() {
    let world = World::new("feed_held_back").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    follow(&world, FeedScope::All, Position(0), 2).await;
    let before = world.store.last_position().await.unwrap();

    let slow = world.client().await;
    slow.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
    let version = life.order.version;
    life.cancel().publish(&world.store, version, |_| {}).await;
    assert_eq!(world.store.feed(&FeedScope::All, before, 9).await.unwrap(), []);
    assert_eq!(world.store.last_position().await.unwrap(), before);
    let of_one = FeedScope::Order(life.order.id.clone());
    assert_eq!(world.store.feed(&of_one, before, 9).await.unwrap().len(), 1, "its own waits for nobody");

    // What was begun before comes first, though it is committed last.
    let insert = "INSERT INTO order_events
                  SELECT 'ORD-0', 1, pg_current_xact_id()::text::bigint << 12, line, hash
                  FROM order_events WHERE order_id = 'ORD-1' AND version = 2";
    slow.batch_execute(insert).await.unwrap();
    slow.batch_execute("COMMIT").await.unwrap();
    let entries = follow(&world, FeedScope::All, before, 2).await;
    let ids: Vec<&str> = entries.iter().map(|entry| entry.order_id.as_str()).collect();
    assert_eq!(ids, ["ORD-0", "ORD-1"]);
}

#[tokio::test]
async fn an_order_is_in_the_feed_once_it_is_acknowledged() {
    let world = World::new("feed_unacknowledged").await;
    world.stock_of("tea", 10).await;
    let mut hidden = Life::new("ORD-1", &[("tea", 1)]);
    world.claim(&hidden).await;
    world.begin(&hidden).await;
    hidden.reserve().publish(&world.store, 1, |_| {}).await;
    let mut shown = Life::new("ORD-2", &[("tea", 1)]);
    world.place(&mut shown).await;
    let entries = follow(&world, FeedScope::All, Position(0), 2).await;
    assert!(entries.iter().all(|entry| entry.order_id == shown.order.id));
    let of_one = FeedScope::Order(hidden.order.id.clone());
    assert_eq!(world.store.feed(&of_one, Position(0), 9).await.unwrap(), []);

    let after = entries[1].position;
    hidden.cancel().publish(&world.store, 2, |publish| publish.acknowledge = true).await;
    let entries = follow(&world, FeedScope::All, after, 3).await;
    let seqs: Vec<u32> = entries.iter().map(|entry| entry.entry.entry.seq).collect();
    assert_eq!(seqs, [1, 2, 3], "all of it, after what was seen");
    assert_eq!(world.store.feed(&of_one, Position(0), 9).await.unwrap(), entries);
    assert_eq!(world.store.feed(&of_one, entries[0].position, 1).await.unwrap(), entries[1..2]);
}

/// A dump that is restored on another server goes on where it was.
#[tokio::test]
async fn positions_go_on_where_transactions_are_numbered_from_less() {
    let world = World::new("feed_restored").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    let restored = "UPDATE order_events SET position = position + (1::bigint << 40)";
    world.client().await.batch_execute(restored).await.unwrap();
    let store = Store::connect(&world.settings).unwrap();
    store.migrate().await.unwrap();
    let last = store.last_position().await.unwrap();
    assert!(last.0 > 1 << 40);
    let version = life.order.version;
    life.cancel().publish(&store, version, |_| {}).await;
    follow(&world, FeedScope::All, last, 1).await;
    store.migrate().await.unwrap();
    let base = "SELECT count(*) FROM meta WHERE name = 'feed_base' AND value > 0";
    assert_eq!(world.number(base).await, 1);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_stops_no_stream() {
    let world = World::new("feed_damaged").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    let spoil = "UPDATE order_events SET line = 'x' WHERE version = 1";
    world.client().await.batch_execute(spoil).await.unwrap();
    let entries = follow(&world, FeedScope::All, Position(0), 1).await;
    assert_eq!(entries[0].entry.entry.seq, 2);
    let of_one = FeedScope::Order(life.order.id.clone());
    assert_eq!(world.store.feed(&of_one, Position(0), 1).await.unwrap().len(), 1, "also one at a time");
}
