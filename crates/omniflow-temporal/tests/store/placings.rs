//! What whoever placed an order is told, where its stock is refused or not decided in time.

use crate::world::{AT, Life, World, details, mark, terms};
use omniflow_core::{
    Command, EffectKey, ExternalId, OrderId, Outcome, PaymentReport, StateKind, Step, StockHold,
    StockRefusal, Terms, Timestamp,
};
use omniflow_engine::{FeedScope, Idempotency, Page, Position};
use omniflow_temporal::store::{Acknowledged, Begun, Claim, Kept, Publish, Published};

const WITHDRAWN: fn(&mut Publish<'_>) = |publish| publish.withdraw = true;
const SHOWN: fn(&mut Publish<'_>) = |publish| publish.acknowledge = true;

/// An order that was claimed with all that a claim may have, and was refused its stock.
async fn refused(world: &World) -> (Life, StockRefusal) {
    let salted = details();
    let external_id = Some(ExternalId::new("shop-1").unwrap());
    let terms = Terms { external_id, ..terms(&[("tea", 1)]) };
    let mut life = Life::of("ORD-1", terms, Some(&salted), AT);
    let claim = world.store.claim(&life.first, &life.placed, Some(&salted), Some(&mark("k", "{}"))).await;
    assert_eq!(claim.unwrap(), Claim::Made);
    let Begun::Order { reserved: Some(Err(refusal)), .. } = world.begin(&life).await else { panic!() };
    let effect = EffectKey::first(Step::ReserveStock);
    life.told(Command::Settle { effect, outcome: Outcome::NoStock(refusal.clone()) });
    (life, refusal)
}

async fn kept(world: &World, mark: &Idempotency) -> Option<Kept> {
    world.store.kept(mark, AT).await.unwrap()
}

async fn listed(world: &World) -> Vec<OrderId> {
    let listing = world.store.list(&Page { limit: 99, ..Page::default() }).await.unwrap();
    listing.orders.iter().map(|order| order.id.clone()).collect()
}

/// How many events a feed shows.
async fn in_feed(world: &World, life: &Life) -> usize {
    let scope = FeedScope::Order(life.order.id.clone());
    world.store.feed(&scope, Position::default(), 99).await.unwrap().len()
}

#[tokio::test]
async fn what_was_refused_before_anybody_knew_is_hidden_and_lets_go_of_what_it_had() {
    let world = World::new("withdraw").await;
    let (life, refusal) = refused(&world).await;
    for _ in 0..2 {
        assert_eq!(life.publish(&world.store, 1, WITHDRAWN).await, Published::Stored);
    }
    let stored = world.store.load(&life.order.id).await.unwrap().unwrap();
    assert_eq!((&stored.order, stored.acknowledged), (&life.order, false));
    assert_eq!((listed(&world).await, in_feed(&world, &life).await), (vec![], 0));
    assert_eq!(kept(&world, &mark("k", "{}")).await, None);
    assert_eq!(world.store.details(&life.order.id).await.unwrap(), None);
    let refused = Acknowledged::Refused(refusal);
    assert_eq!(world.store.acknowledge(&life.order.id).await.unwrap(), refused, "also where it came late");
    assert_eq!(world.store.undecided(AT.plus_millis(1), None, 9).await.unwrap(), []);
    let other = Life::external("ORD-2", "shop-1");
    let claim = world.store.claim(&other.first, &other.placed, None, Some(&mark("k", "{}"))).await;
    assert_eq!(claim.unwrap(), Claim::Made, "its external id and its mark are free");
}

#[tokio::test]
async fn a_payment_for_what_was_withdrawn_is_recorded_and_shows_the_order() {
    let world = World::new("withdraw_paid").await;
    let (mut life, _) = refused(&world).await;
    life.publish(&world.store, 1, WITHDRAWN).await;
    let begun = Begun::Order { lines: life.lines.clone(), acknowledged: false, reserved: None };
    assert_eq!(world.begin(&life).await, begun, "a later run finds it, and reserves nothing");
    let version = life.order.version;
    life.pay();
    assert_eq!(life.publish(&world.store, version, SHOWN).await, Published::Stored);
    let stored = world.store.load(&life.order.id).await.unwrap().unwrap();
    assert!(stored.acknowledged);
    assert_eq!(stored.order.kind(), StateKind::Failed);
    assert_eq!((listed(&world).await, in_feed(&world, &life).await), (vec![life.order.id.clone()], 3));
    assert!(
        omniflow_core::next(&stored.order)
            .effects
            .iter()
            .any(|effect| { matches!(effect.key.step, Step::RefundPayment(_)) })
    );
}

/// A task that was lost had withdrawn the order, and is done again with a payment before the refusal.
#[tokio::test]
async fn who_is_behind_a_withdrawal_is_told_that_it_is_not_shown() {
    let world = World::new("withdraw_behind").await;
    let (life, _) = refused(&world).await;
    life.publish(&world.store, 1, WITHDRAWN).await;
    let mut again = Life { order: life.placed.clone(), lines: life.lines[..1].to_vec(), ..life.clone() };
    again.told(Command::ReportPayment(PaymentReport::captured()));
    let behind = Published::Behind { lines: life.lines[1..].to_vec(), acknowledged: false };
    assert_eq!(again.publish(&world.store, 1, SHOWN).await, behind);
}

#[tokio::test]
async fn what_was_acknowledged_before_its_refusal_is_kept_and_its_mark_answered() {
    let world = World::new("withdraw_shown").await;
    let (life, _) = refused(&world).await;
    for _ in 0..2 {
        let shown = world.store.acknowledge(&life.order.id).await.unwrap();
        assert_eq!(shown, Acknowledged::Undecided(life.placed.clone()));
    }
    assert_eq!((listed(&world).await, in_feed(&world, &life).await), (vec![life.order.id.clone()], 1));
    let order_id = life.order.id.clone();
    let open = Kept::Order { order_id: order_id.clone(), answered: None };
    assert_eq!(kept(&world, &mark("k", "{}")).await, Some(open), "its answer is yet to come");

    for _ in 0..2 {
        assert_eq!(life.publish(&world.store, 1, WITHDRAWN).await, Published::Kept);
    }
    let stored = world.store.load(&order_id).await.unwrap().unwrap();
    assert_eq!((stored.order.kind(), stored.acknowledged), (StateKind::Failed, true));
    assert_eq!(in_feed(&world, &life).await, 2);
    let answered = Kept::Order { order_id: order_id.clone(), answered: Some((2, AT)) };
    assert_eq!(kept(&world, &mark("k", "{}")).await, Some(answered));
    assert!(world.store.details(&order_id).await.unwrap().is_some());
    let taken = Life::external("ORD-2", "shop-1");
    let claim = world.store.claim(&taken.first, &taken.placed, None, None).await.unwrap();
    assert_eq!(claim, Claim::ExternalIdTaken { order_id, acknowledged: true });
    assert_eq!(world.store.acknowledge(&life.order.id).await.unwrap(), Acknowledged::Decided(life.order));
}

#[tokio::test]
async fn what_is_decided_first_is_what_a_late_answer_says() {
    let world = World::new("acknowledge_late").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    assert_eq!(life.order.stock, StockHold::Held);
    let decided = Acknowledged::Decided(life.order.clone());
    assert_eq!(world.store.acknowledge(&life.order.id).await.unwrap(), decided);
    assert_eq!(in_feed(&world, &life).await, 2);
    let nobody = OrderId::new("ORD-2").unwrap();
    assert_eq!(world.store.acknowledge(&nobody).await.unwrap(), Acknowledged::Missing);
}

/// Whichever comes first: an order that one was told of is never hidden.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_an_acknowledgement_and_a_withdrawal_at_once_both_agree() {
    let world = World::new("withdraw_race").await;
    let (mut kept, mut withdrawn) = (0, 0);
    for n in 0..40 {
        let mut life = Life::new(&format!("ORD-{n}"), &[("tea", 1)]);
        world.claim(&life).await;
        let Begun::Order { reserved: Some(Err(refusal)), .. } = world.begin(&life).await else { panic!() };
        let effect = EffectKey::first(Step::ReserveStock);
        life.told(Command::Settle { effect, outcome: Outcome::NoStock(refusal) });
        let id = life.order.id.clone();
        let (published, shown) = match n {
            0..10 => {
                let published = life.publish(&world.store, 1, WITHDRAWN).await;
                (published, world.store.acknowledge(&id).await)
            }
            10..20 => {
                let shown = world.store.acknowledge(&id).await;
                (life.publish(&world.store, 1, WITHDRAWN).await, shown)
            }
            _ => tokio::join!(life.publish(&world.store, 1, WITHDRAWN), world.store.acknowledge(&id)),
        };
        let is_shown = world.store.load(&id).await.unwrap().unwrap().acknowledged;
        match (published, shown.unwrap()) {
            (Published::Kept, Acknowledged::Undecided(_)) => kept += u32::from(is_shown),
            (Published::Stored, Acknowledged::Refused(_)) => withdrawn += u32::from(!is_shown),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(kept + withdrawn, 40);
    assert!(kept >= 10 && withdrawn >= 10, "whichever comes first: {kept} and {withdrawn}");
}

#[tokio::test]
async fn a_sweep_finds_what_was_claimed_and_not_decided_shown_or_not() {
    let world = World::new("undecided").await;
    world.stock_of("tea", 10).await;
    let life = |id, ms| Life::of(id, terms(&[("tea", 1)]), None, Timestamp::from_millis(ms));
    let mut lives = [life("ORD-b", 2_000), life("ORD-a", 1_000), life("ORD-c", 3_000)];
    for life in &lives {
        world.claim(life).await;
    }
    world.store.acknowledge(&lives[0].order.id).await.unwrap();
    let undecided = async |ms, after, limit| {
        let found = world.store.undecided(Timestamp::from_millis(ms), after, limit).await.unwrap();
        let ids: Vec<String> = found.iter().map(|one| one.order_id.to_string()).collect();
        (ids, found.last().map(|last| last.place))
    };
    assert_eq!(undecided(3_000, None, 9).await.0, ["ORD-a", "ORD-b"], "oldest first");
    let (first, after) = undecided(3_001, None, 1).await;
    assert_eq!(first, ["ORD-a"]);
    assert_eq!(undecided(3_001, after, 9).await.0, ["ORD-b", "ORD-c"]);
    let [_, decided, _] = &mut lives;
    world.begin(decided).await;
    decided.reserve().publish(&world.store, 1, SHOWN).await;
    assert_eq!(undecided(3_001, None, 9).await.0, ["ORD-b", "ORD-c"]);
}

#[tokio::test]
async fn what_was_refused_is_forgotten_in_time_and_what_is_shown_never() {
    let world = World::new("forget").await;
    let (hidden, _) = refused(&world).await;
    let later = |ms: u64| AT.plus_millis(86_400_000 + ms);
    let withdrawn = hidden.publish(&world.store, 1, |publish| {
        publish.withdraw = true;
        publish.at = later(0);
    });
    assert_eq!(withdrawn.await, Published::Stored);
    let claimed = Life::external("ORD-2", "shop-2");
    let claim = world.store.claim(&claimed.first, &claimed.placed, None, None).await;
    assert_eq!(claim.unwrap(), Claim::Made);
    let forgotten = async |before| world.store.forget_withdrawn(before, 9).await.unwrap();
    assert_eq!(forgotten(later(0)).await, 0, "a payment may be on its way since it was refused");
    assert_eq!(forgotten(later(1)).await, 1, "and not the one that is not decided");
    assert!(world.store.load(&hidden.order.id).await.unwrap().is_none());
    assert!(world.store.load(&claimed.order.id).await.unwrap().is_some());
    assert_eq!(world.store.timeline(&hidden.order.id).await.unwrap(), None);
    let (shown, _) = refused(&world).await;
    assert_eq!(shown.publish(&world.store, 1, SHOWN).await, Published::Stored);
    assert_eq!(forgotten(later(1)).await, 0, "somebody knows of it");
}
