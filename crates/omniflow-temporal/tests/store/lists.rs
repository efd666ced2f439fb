//! Lists: every filter finds what the filter itself admits, in any number of parts.

use crate::world::{AT, Life, World, terms, with_parameter};
use omniflow_core::{
    Command, CustomerId, EffectKey, ExternalId, Order, Outcome, PaymentStatus, Receipt, Reference, StateKind,
    Step, Terms, Timestamp,
};
use omniflow_engine::{Error, Filter, Page};
use omniflow_temporal::store::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// A small generator: the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// An order that has come as far as a number says.
async fn lived(world: &World, n: u64, numbers: &mut Numbers) -> Order {
    let customer = numbers.below(4);
    let terms = Terms {
        external_id: (numbers.below(3) > 0).then(|| ExternalId::new(format!("shop-{n}")).unwrap()),
        customer_id: (customer > 0).then(|| CustomerId::new(format!("customer-{customer}")).unwrap()),
        ..terms(&[("tea", 1)])
    };
    let at = AT.plus_millis(numbers.below(40));
    let mut life = Life::of(&format!("ORD-{n}"), terms, None, at);
    world.place(&mut life).await;
    let version = life.order.version;
    let parcel = Receipt::Shipment { tracking_number: Reference::new("T-1").unwrap() };
    let lost = Outcome::Unknown { attempts: 3, last_error: None };
    let mut step = None;
    match numbers.below(6) {
        0 => drop(life.pay()),
        1 => drop(life.cancel()),
        2 => {
            life.pay().settled(Step::Ship, parcel).settled(Step::ConsumeStock, Receipt::Stock);
            step = Some(Step::ConsumeStock);
        }
        3 => {
            life.cancel().settled(Step::ReleaseStock, Receipt::Stock).pay();
            step = Some(Step::ReleaseStock);
        }
        4 => drop(life.pay().told(Command::Settle { effect: EffectKey::first(Step::Ship), outcome: lost })),
        _ => return life.order,
    }
    life.publish(&world.store, version, |publish| publish.stock = step).await;
    life.order
}

fn random_filter(numbers: &mut Numbers) -> Filter {
    let some = |of: u64, numbers: &mut Numbers| numbers.below(of) == 0;
    let mut filter = Filter::default();
    if some(2, numbers) {
        filter.states.extend(StateKind::ALL.iter().filter(|_| numbers.below(2) == 0));
    }
    if some(3, numbers) {
        filter.payment_statuses.extend(PaymentStatus::ALL.iter().filter(|_| numbers.below(2) == 0));
    }
    if some(2, numbers) {
        let customer = |n: u64| CustomerId::new(format!("customer-{n}")).unwrap();
        filter.customer_ids.extend((1..4).filter(|_| numbers.below(2) == 0).map(customer));
    }
    if some(6, numbers) {
        let external = |n: u64| ExternalId::new(format!("shop-{n}")).unwrap();
        filter.external_ids.extend((0..60).filter(|_| numbers.below(2) == 0).map(external));
    }
    filter.attention = some(3, numbers).then(|| numbers.below(2) == 0);
    filter.created_after = some(4, numbers).then(|| AT.plus_millis(numbers.below(20)));
    filter.created_before = some(4, numbers).then(|| AT.plus_millis(20 + numbers.below(20)));
    filter
}

async fn whole(world: &World, filter: &Filter, limit: usize) -> Vec<Arc<Order>> {
    let mut orders = vec![];
    let mut page = Page { filter: filter.clone(), after: None, limit };
    loop {
        let listing = world.store.list(&page).await.unwrap();
        assert!(listing.orders.len() <= limit);
        assert!(
            listing.next.is_none() || listing.orders.len() == limit,
            "a part that is not the last is whole"
        );
        orders.extend(listing.orders);
        let Some(next) = listing.next else { return orders };
        page.after = Some(next);
    }
}

#[tokio::test]
async fn every_filter_finds_what_it_admits() {
    let world = World::new("lists").await;
    world.stock_of("tea", 100).await;
    let mut numbers = Numbers(7);
    let mut orders = vec![];
    for n in 0..60 {
        orders.push(lived(&world, n, &mut numbers).await);
    }
    let hidden = Life::new("ORD-hidden", &[("tea", 1)]);
    world.claim(&hidden).await;
    orders.sort_by_key(|order| std::cmp::Reverse(order.created_at));
    let mut found = 0;
    for round in 0..150 {
        let filter = if round == 0 { Filter::default() } else { random_filter(&mut numbers) };
        let limit = 1 + numbers.below(12) as usize;
        let listed = whole(&world, &filter, limit).await;
        let times: Vec<Timestamp> = listed.iter().map(|order| order.created_at).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "newest first: {filter:?}");
        let sorted = |mut orders: Vec<Order>| {
            orders.sort_by(|a, b| a.id.cmp(&b.id));
            orders
        };
        let admitted = orders.iter().filter(|order| filter.admits(order)).cloned().collect();
        let listed: Vec<Order> = listed.iter().map(|order| (**order).clone()).collect();
        found += listed.len();
        assert_eq!(sorted(listed), sorted(admitted), "{filter:?}");
    }
    assert!(found > 300, "the filters find something: {found}");
}

#[tokio::test]
async fn a_cursor_is_of_its_list_and_of_its_store() {
    let world = World::new("cursors").await;
    world.stock_of("tea", 100).await;
    for n in 0..3 {
        world.place(&mut Life::new(&format!("ORD-{n}"), &[("tea", 1)])).await;
    }
    let mut page = Page { limit: 1, ..Page::default() };
    page.after = world.store.list(&page).await.unwrap().next;
    let again = Store::connect(&world.settings).unwrap();
    assert_eq!(again.list(&page).await.unwrap().orders.len(), 1, "whichever process made it");
    page.filter.attention = Some(false);
    let foreign = world.store.list(&page).await;
    assert!(matches!(foreign, Err(StoreError::Refused(Error::ForeignCursor))), "{foreign:?}");
    let other = World::new("cursors_2").await;
    page.filter = Filter::default();
    let foreign = other.store.list(&page).await;
    assert!(matches!(foreign, Err(StoreError::Refused(Error::ForeignCursor))), "{foreign:?}");
}

#[tokio::test]
async fn no_moment_is_out_of_bounds() {
    let world = World::new("list_bounds").await;
    world.stock_of("tea", 100).await;
    world.place(&mut Life::new("ORD-1", &[("tea", 1)])).await;
    for (ms, is_after) in [(i64::MIN, true), (0, true), (1 << 60, false), (i64::MAX, false)] {
        let at = Some(Timestamp::from_millis(ms));
        let after = Filter { created_after: at, ..Filter::default() };
        let before = Filter { created_before: at, ..Filter::default() };
        assert_eq!(whole(&world, &after, 9).await.len(), usize::from(is_after), "after {ms}");
        assert_eq!(whole(&world, &before, 9).await.len(), usize::from(!is_after), "before {ms}");
    }
}

/// Each part of a list comes from an index, however many orders there are.
#[tokio::test]
async fn lists_are_read_from_indexes() {
    let world = World::new("list_plans").await;
    let client = world.client().await;
    let fill =
        "INSERT INTO orders (id, place, version, head, record_format, record, acknowledged, external_id,
                                    customer_id, state, payment_status, attention, created_at)
                SELECT 'ORD-' || n, n::bigint << 20, 1, '', 1, '', true, 'shop-' || n, 'customer-' || n % 100,
                       'completed', 'paid', n % 1000 = 0, n
                FROM generate_series(1, 30000) n";
    client.batch_execute(fill).await.unwrap();
    client.batch_execute("ANALYZE orders").await.unwrap();
    let mut filters = vec![Filter::default(); 6];
    filters[1].states = [StateKind::Completed].into();
    filters[2].attention = Some(true);
    filters[3].customer_ids = [CustomerId::new("customer-7").unwrap()].into();
    filters[4].external_ids = [ExternalId::new("shop-7").unwrap()].into();
    filters[5].created_before = Some(Timestamp::from_millis(100));
    let mut settings = world.settings.clone();
    settings.url = with_parameter(&settings.url, "application_name", "list_plans");
    let store = Store::connect(&settings).unwrap();
    for filter in filters {
        // So often that the server plans for all values at once. The records are empty and are left out.
        for _ in 0..8 {
            store.list(&Page { filter: filter.clone(), after: None, limit: 10 }).await.unwrap();
        }
    }
    drop(store);
    // What a connection has counted is known once it has ended.
    let gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'list_plans'";
    let ended = async {
        while world.number(gone).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
    let counts = "pg_stat_user_tables WHERE relid = 'orders'::regclass";
    assert!(world.number(&format!("SELECT idx_tup_fetch FROM {counts}")).await > 0, "they are counted");
    assert_eq!(world.number(&format!("SELECT seq_tup_read FROM {counts}")).await, 0);
}
