//! Marks: what is kept of requests that may be sent again.

use crate::world::{AT, Life, World, details, mark, terms};
use omniflow_core::{Command, Receipt, Step};
use omniflow_engine::Idempotency;
use omniflow_temporal::store::{Claim, Kept};

#[tokio::test]
async fn a_placing_is_answered_once_it_is_acknowledged() {
    let world = World::new("mark_placing").await;
    world.stock_of("tea", 10).await;
    let (mut life, mark) = (Life::new("ORD-1", &[("tea", 1)]), mark("k", "{}"));
    assert_eq!(world.store.kept(&mark, AT).await.unwrap(), None);
    world.store.claim(&life.first, &life.placed, None, Some(&mark)).await.unwrap();
    let order_id = life.order.id.clone();
    let at_work = Kept::Order { order_id: order_id.clone(), answered: None };
    assert_eq!(world.store.kept(&mark, AT).await.unwrap(), Some(at_work));
    world.begin(&life).await;
    life.reserve();
    let later = AT.plus_millis(500);
    life.publish(&world.store, 1, |publish| {
        publish.acknowledge = true;
        publish.at = later;
    })
    .await;
    let answered = Some((2, later));
    let kept = Kept::Order { order_id: order_id.clone(), answered };
    assert_eq!(world.store.kept(&mark, AT).await.unwrap(), Some(kept.clone()));
    let other = Life::new("ORD-2", &[("tea", 1)]);
    let again = world.store.claim(&other.first, &other.placed, None, Some(&mark)).await.unwrap();
    assert_eq!(again, Claim::Again { order_id, answered });
    assert_eq!(
        world.store.kept(&mark, AT.plus_millis(1_499)).await.unwrap(),
        Some(kept),
        "from its answer on"
    );
    assert_eq!(world.store.kept(&mark, AT.plus_millis(1_500)).await.unwrap(), None);
}

#[tokio::test]
async fn another_body_with_the_same_key_is_refused() {
    let world = World::new("mark_reused").await;
    let salted = details();
    let life = Life::of("ORD-1", terms(&[("tea", 1)]), Some(&salted), AT);
    world.store.claim(&life.first, &life.placed, Some(&salted), Some(&mark("k", "{}"))).await.unwrap();
    let other = Life::new("ORD-2", &[("tea", 1)]);
    let claim = world.store.claim(&other.first, &other.placed, None, Some(&mark("k", "{ }"))).await.unwrap();
    assert_eq!(claim, Claim::KeyReused);
    assert_eq!(world.store.kept(&mark("k", "{ }"), AT).await.unwrap(), Some(Kept::Reused));
    assert_eq!(world.store.load(&other.order.id).await.unwrap(), None);
}

/// With an address, nobody can test a guess at it; once it is erased, not even whoever has the table.
#[tokio::test]
async fn the_hash_of_an_address_means_nothing_without_its_salt() {
    let world = World::new("mark_salted").await;
    world.stock_of("tea", 10).await;
    let (salted, mark) = (details(), mark("k", "{}"));
    let mut life = Life::of("ORD-1", terms(&[("tea", 1)]), Some(&salted), AT);
    world.store.claim(&life.first, &life.placed, Some(&salted), Some(&mark)).await.unwrap();
    let row = world.client().await.query_one("SELECT body FROM idempotency", &[]).await.unwrap();
    let body: Vec<u8> = row.get(0);
    assert_ne!(body, mark.body);
    assert_eq!(body, Idempotency::salted(&mark.body, &salted.salt));
    world.begin(&life).await;
    life.reserve().cancel().settled(Step::ReleaseStock, Receipt::Stock).told(Command::EraseDetails);
    life.publish(&world.store, 1, |publish| {
        publish.acknowledge = true;
        publish.erase_details = true;
    })
    .await;
    let kept = Kept::Order { order_id: life.order.id.clone(), answered: Some((life.order.version, AT)) };
    for body in ["{}", "{ }"] {
        let asked = crate::world::mark("k", body);
        assert_eq!(world.store.kept(&asked, AT).await.unwrap(), Some(kept.clone()), "{body}");
    }
}

#[tokio::test]
async fn an_answer_is_kept_with_what_was_published() {
    let world = World::new("mark_command").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    let version = life.order.version;
    life.cancel();
    let marks = vec![(mark("a", "{}"), life.order.version), (mark("b", "{}"), version)];
    life.publish(&world.store, version, |publish| publish.marks = marks).await;
    for (key, version) in [("a", life.order.version), ("b", version)] {
        let kept = Kept::Order { order_id: life.order.id.clone(), answered: Some((version, AT)) };
        assert_eq!(world.store.kept(&mark(key, "{}"), AT).await.unwrap(), Some(kept), "{key}");
    }
    // Nothing happened, and it is answered.
    let version = life.order.version;
    life.publish(&world.store, version, |publish| publish.marks = vec![(mark("c", "{}"), version)]).await;
    assert!(world.store.kept(&mark("c", "{}"), AT).await.unwrap().is_some());
    // The first answer stays.
    life.publish(&world.store, version, |publish| publish.marks = vec![(mark("a", "{}"), 99)]).await;
    let Some(Kept::Order { answered, .. }) = world.store.kept(&mark("a", "{}"), AT).await.unwrap() else {
        panic!()
    };
    assert_eq!(answered, Some((version, AT)));
}

#[tokio::test]
async fn what_has_expired_goes_as_new_marks_come() {
    let world = World::new("mark_purge").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    let version = life.order.version;
    for n in 0..40 {
        let at = AT.plus_millis(n * 500);
        life.publish(&world.store, version, |publish| {
            publish.marks = vec![(mark(&n.to_string(), "{}"), version)];
            publish.at = at;
        })
        .await;
    }
    assert!(world.number("SELECT count(*) FROM idempotency").await <= 3);
}
