//! Compare-and-append, and all that becomes true with it.

use crate::world::{AT, Life, World, details};
use omniflow_core::{
    ChainHash, Command, Entry, PaymentId, PaymentOutcome, PaymentReport, Receipt, Reference, Step, evolve,
};
use omniflow_temporal::store::{Published, SaltedDetails, StoreError};

#[tokio::test]
async fn an_order_is_read_as_it_was_published_and_its_chain_holds() {
    let world = World::new("published").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 3)]);
    world.place(&mut life).await;
    let version = life.order.version;
    life.pay().settled(Step::Ship, Receipt::Shipment { tracking_number: Reference::new("T-1").unwrap() });
    life.settled(Step::ConsumeStock, Receipt::Stock);
    let published =
        life.publish(&world.store, version, |publish| publish.stock = Some(Step::ConsumeStock)).await;
    assert_eq!((published, world.level("tea").await), (Published::Stored, (7, 0)));

    let stored = world.store.load(&life.order.id).await.unwrap().unwrap();
    assert_eq!((&stored.order, stored.acknowledged), (&life.order, true));
    let timeline = world.store.timeline(&life.order.id).await.unwrap().unwrap();
    let mut head = ChainHash::default();
    for (line, entry) in life.lines.iter().zip(&timeline) {
        head = head.after(line);
        assert_eq!(entry.hash, head);
    }
    assert_eq!((timeline.len(), stored.head), (life.lines.len(), head));
    for version in 1..=life.order.version {
        let then = world.store.at_version(&life.order.id, version).await.unwrap().unwrap();
        assert_eq!(then.version, version);
    }
    assert_eq!(world.store.at_version(&life.order.id, version + 9).await.unwrap(), None);
    assert_eq!(world.store.at_version(&life.order.id, 0).await.unwrap(), None);
}

#[tokio::test]
async fn a_record_of_another_format_is_made_again_from_the_events() {
    let world = World::new("other_format").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 3)]);
    world.place(&mut life).await;
    let spoilt = world.store.load(&life.order.id).await.unwrap();
    for sql in ["UPDATE orders SET record_format = 99, record = ''", "UPDATE orders SET record_format = 1"] {
        world.client().await.execute(sql, &[]).await.unwrap();
        assert_eq!(world.store.load(&life.order.id).await.unwrap(), spoilt);
        assert_eq!(world.store.list(&Default::default()).await.unwrap().orders.len(), 0, "a limit of none");
        let page = omniflow_engine::Page { limit: 9, ..Default::default() };
        assert_eq!(*world.store.list(&page).await.unwrap().orders[0], life.order);
    }
    world.begin(&life).await;
}

#[tokio::test]
async fn whoever_is_behind_gets_what_is_stored_and_changes_nothing() {
    let world = World::new("behind").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 3)]);
    world.place(&mut life).await;
    let version = life.order.version;
    let mut other = life.clone();
    life.cancel().publish(&world.store, version, |_| {}).await;
    let behind = Published::Behind { lines: life.lines[version as usize..].to_vec(), acknowledged: true };
    other.pay();
    let published = other.publish(&world.store, version, |publish| {
        publish.erase_details = true;
        publish.marks = vec![(crate::world::mark("k", "{}"), 9)];
    });
    assert_eq!(published.await, behind);
    assert_eq!(world.store.load(&life.order.id).await.unwrap().unwrap().order, life.order);
    assert_eq!(world.number("SELECT count(*) FROM idempotency").await, 0);
    let mut ahead = life.clone();
    ahead.settled(Step::ReleaseStock, Receipt::Stock).told(Command::EraseDetails);
    let version = life.order.version + 1;
    assert!(ahead.order.version >= version);
    let behind = Published::Behind { lines: vec![], acknowledged: true };
    assert_eq!(ahead.publish(&world.store, version, |_| {}).await, behind);
    let unknown = Life::new("ORD-2", &[("tea", 1)]);
    let missing = Published::Behind { lines: vec![], acknowledged: false };
    assert_eq!(unknown.publish(&world.store, 1, |_| {}).await, missing);
}

#[tokio::test]
async fn the_very_same_is_stored_once_and_acknowledged_for_good() {
    let world = World::new("same_again").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 3)]);
    world.place(&mut life).await;
    let version = life.order.version;
    life.cancel().settled(Step::ReleaseStock, Receipt::Stock);
    for _ in 0..3 {
        let published =
            life.publish(&world.store, version, |publish| publish.stock = Some(Step::ReleaseStock));
        assert_eq!(published.await, Published::Stored);
        assert_eq!(world.level("tea").await, (10, 0));
    }
    assert_eq!(world.number("SELECT count(*) FROM order_events").await, life.lines.len() as i64);
}

/// Decides its own again on what the others stored, as a run does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishers_at_once_append_one_after_the_other() {
    let world = World::new("publish_race").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 3)]);
    world.place(&mut life).await;
    let one = async |name: usize| {
        let mut life = life.clone();
        let payment_id = PaymentId::new(format!("p-{name}")).ok();
        let report = PaymentReport::new(payment_id, None, PaymentOutcome::Captured);
        for _ in 0..50 {
            let mut mine = life.clone();
            mine.told(Command::ReportPayment(report.clone()));
            match mine.publish(&world.store, life.order.version, |_| {}).await {
                Published::Stored | Published::Kept => return,
                Published::Behind { lines, .. } => {
                    assert!(!lines.is_empty());
                    for line in lines {
                        let entry = Entry::decode(&line).unwrap();
                        life.order = evolve(life.order, &entry);
                        life.lines.push(line);
                    }
                }
            }
        }
        panic!("others were always first");
    };
    futures::future::join_all((0..8).map(one)).await;
    let stored = world.store.load(&life.order.id).await.unwrap().unwrap();
    assert_eq!(stored.order.payments.iter().count(), 8);
    let timeline = world.store.timeline(&life.order.id).await.unwrap().unwrap();
    assert!(timeline.iter().zip(1..).all(|(entry, seq)| entry.entry.seq == seq));
    assert_eq!(timeline.last().unwrap().hash, stored.head);
}

#[tokio::test]
async fn a_reservation_ends_once_and_only_where_there_is_one() {
    let world = World::new("settled_once").await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 3)]);
    world.place(&mut life).await;
    let version = life.order.version;
    life.cancel();
    life.publish(&world.store, version, |publish| publish.stock = Some(Step::ReleaseStock)).await;
    let version = life.order.version;
    life.settled(Step::ReleaseStock, Receipt::Stock);
    life.publish(&world.store, version, |publish| publish.stock = Some(Step::ReleaseStock)).await;
    assert_eq!(world.level("tea").await, (10, 0), "the second moved nothing");
    let version = life.order.version;
    life.told(Command::EraseDetails).pay();
    let both =
        life.try_publish(&world.store, version, |publish| publish.stock = Some(Step::ConsumeStock)).await;
    assert!(matches!(both, Err(StoreError::Diverged(_))), "{both:?}");
    assert_eq!(world.store.load(&life.order.id).await.unwrap().unwrap().order.version, version);

    let mut never = Life::new("ORD-2", &[("tea", 3)]);
    world.claim(&never).await;
    never.reserve();
    let nothing =
        never.try_publish(&world.store, 1, |publish| publish.stock = Some(Step::ReleaseStock)).await;
    assert!(matches!(nothing, Err(StoreError::Diverged(_))), "{nothing:?}");
    assert_eq!(world.level("tea").await, (10, 0));
}

#[tokio::test]
async fn what_was_reserved_and_is_gone_is_said_and_nothing_is_done() {
    let world = World::new("settled_gone").await;
    world.stock_of("tea", 10).await;
    world.stock_of("cup", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 3), ("cup", 1)]);
    world.place(&mut life).await;
    world.client().await.batch_execute("DELETE FROM stock WHERE sku = 'tea'").await.unwrap();
    let version = life.order.version;
    life.cancel();
    let release =
        |publish: &mut omniflow_temporal::store::Publish<'_>| publish.stock = Some(Step::ReleaseStock);
    let gone = life.try_publish(&world.store, version, release).await;
    assert!(matches!(gone, Err(StoreError::Diverged(_))), "{gone:?}");
    assert_eq!(world.store.load(&life.order.id).await.unwrap().unwrap().order.version, version);
    assert_eq!(world.level("cup").await, (10, 1));
}

#[tokio::test]
async fn erased_details_are_gone() {
    let world = World::new("erased").await;
    world.stock_of("tea", 10).await;
    let salted: SaltedDetails = details();
    let mut life = Life::of("ORD-1", crate::world::terms(&[("tea", 1)]), Some(&salted), AT);
    world.store.claim(&life.first, &life.placed, Some(&salted), None).await.unwrap();
    let stored = world.store.details(&life.order.id).await.unwrap().unwrap();
    assert_eq!(stored.encode().unwrap(), salted.body);
    world.begin(&life).await;
    life.reserve().cancel().settled(Step::ReleaseStock, Receipt::Stock).told(Command::EraseDetails);
    life.publish(&world.store, 1, |publish| {
        publish.acknowledge = true;
        publish.erase_details = true;
    })
    .await;
    assert_eq!(world.store.details(&life.order.id).await.unwrap(), None);
    assert_eq!(world.number("SELECT count(*) FROM order_details").await, 0);
}

#[tokio::test]
async fn what_does_not_follow_is_not_stored() {
    let world = World::new("no_follow").await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.claim(&life).await;
    life.reserve();
    let lines = life.lines.clone();
    let wrong = life.try_publish(&world.store, 1, |publish| publish.lines = lines).await;
    assert!(matches!(wrong, Err(StoreError::Diverged(_))), "{wrong:?}");
    assert_eq!(world.store.load(&life.order.id).await.unwrap().unwrap().order, life.placed);
}
