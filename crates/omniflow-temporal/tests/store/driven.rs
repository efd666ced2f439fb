//! Orders that are not where they should have come by now are found, and each is somebody's to look at.

use crate::world::{AT, Life, World, terms};
use omniflow_core::{Money, PolicyBook, Receipt, Reference, Step, Terms, Timestamp};
use omniflow_temporal::store::{Publish, Published};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

const STORED: fn(&mut Publish<'_>) = |_| {};

async fn late(world: &World, now: Timestamp, limit: usize) -> Vec<String> {
    let taken = world.store.take_late(now, limit).await.unwrap();
    taken.iter().map(ToString::to_string).collect()
}

const NONE: Vec<String> = vec![];

fn after(ms: u64) -> Timestamp {
    AT.plus_millis(ms)
}

#[tokio::test]
async fn an_order_is_late_a_minute_after_its_payment_window() {
    let world = World::new("late_payment").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    let late_from = life.order.terms.policies.payment_window_ms + MINUTE;
    assert_eq!(late(&world, after(late_from - 1), 9).await, NONE);
    assert_eq!(late(&world, after(late_from), 9).await, ["ORD-1"]);
    assert_eq!(late(&world, after(late_from), 9).await, NONE, "somebody looks at it already");
    assert_eq!(late(&world, after(late_from + 5 * MINUTE - 1), 9).await, NONE);
    assert_eq!(
        late(&world, after(late_from + 5 * MINUTE), 9).await,
        ["ORD-1"],
        "as long as it does not move"
    );
}

#[tokio::test]
async fn an_order_that_has_something_to_do_is_late_after_a_while_and_one_at_rest_never() {
    let world = World::new("late_effect").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    life.pay().publish(&world.store, 2, STORED).await;
    assert_eq!(late(&world, after(5 * MINUTE - 1), 9).await, NONE);
    assert_eq!(late(&world, after(5 * MINUTE), 9).await, ["ORD-1"]);
    let version = life.order.version;
    let tracking_number = Reference::new("TRK-1").unwrap();
    life.settled(Step::Ship, Receipt::Shipment { tracking_number });
    life.settled(Step::ConsumeStock, Receipt::Stock);
    let consumed = |publish: &mut Publish<'_>| publish.stock = Some(Step::ConsumeStock);
    assert_eq!(life.publish(&world.store, version, consumed).await, Published::Stored);
    assert!(life.order.is_at_rest());
    world.store.looked_at(&[life.order.id.clone()], after(5 * MINUTE)).await.unwrap();
    assert_eq!(late(&world, after(90 * DAY), 9).await, NONE);
}

#[tokio::test]
async fn an_order_that_waits_for_a_person_is_looked_at_once_a_day() {
    let world = World::new("late_review").await;
    world.stock_of("tea", 10).await;
    let total = Money::new(2_000_000, omniflow_core::Currency::USD);
    let policies = PolicyBook::default().for_order(total, None).unwrap();
    let mut life = Life::of("ORD-1", Terms { total, policies, ..terms(&[("tea", 1)]) }, None, AT);
    world.place(&mut life).await;
    assert_eq!(life.order.kind(), omniflow_core::StateKind::InReview);
    assert_eq!(late(&world, after(DAY - 1), 9).await, NONE);
    assert_eq!(late(&world, after(DAY), 9).await, ["ORD-1"]);
    let found = [life.order.id.clone()];
    world.store.looked_at(&found, after(DAY)).await.unwrap();
    assert_eq!(late(&world, after(2 * DAY - 1), 9).await, NONE);
    assert_eq!(late(&world, after(2 * DAY), 9).await, ["ORD-1"]);
    assert_eq!(late(&world, after(2 * DAY + 5 * MINUTE - 1), 9).await, NONE);
    assert_eq!(
        late(&world, after(2 * DAY + 5 * MINUTE), 9).await,
        ["ORD-1"],
        "whoever took it did not come to it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_look_at_once_share_the_orders_that_are_late_the_longest_first() {
    let world = World::new("late_shared").await;
    world.stock_of("tea", 100).await;
    for n in 0..40_u64 {
        let mut life = Life::new(&format!("ORD-{n}"), &[("tea", 1)]);
        world.place(&mut life).await;
        life.pay().publish(&world.store, 2, |publish| publish.at = after(n)).await;
    }
    let now = after(5 * MINUTE + 29);
    let first: std::collections::BTreeSet<String> = late(&world, now, 10).await.into_iter().collect();
    assert_eq!(first, (0..10).map(|n| format!("ORD-{n}")).collect(), "those that are late the longest");
    let takers = futures::future::join_all((0..4).map(|_| late(&world, now, 10))).await;
    let rest: Vec<String> = takers.into_iter().flatten().chain(late(&world, now, 99).await).collect();
    let distinct: std::collections::BTreeSet<&String> = rest.iter().collect();
    assert_eq!((rest.len(), distinct.len()), (20, 20), "each once, and none that is not late");
}
