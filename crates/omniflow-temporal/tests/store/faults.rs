//! A server that is down, silent, lost in the middle, or newer.

use crate::cutter::{AFTER_COMMIT, AT_BEGIN, BEFORE_COMMIT, Cutter, NOWHERE};
use crate::world::{AT, Life, World, mark, with_parameter};
use omniflow_core::{Receipt, Step};
use omniflow_temporal::store::{Begun, Claim, Publish, Published, Store, StoreError, StoreSettings};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

fn quick(url: &str) -> StoreSettings {
    let connect_timeout = Duration::from_millis(300);
    StoreSettings { connect_timeout, ..StoreSettings::new(url) }
}

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable { .. }))
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_at_once() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let store = Store::connect(&quick(&format!("postgres://nobody@127.0.0.1:{port}/none"))).unwrap();
    let begun = Instant::now();
    let answer = store.ping().await;
    assert!(is_unavailable(&answer), "{answer:?}");
    let said = format!(
        "PostgreSQL at 127.0.0.1:{port} cannot be used now: error connecting to server: Connection refused"
    );
    assert!(answer.unwrap_err().to_string().starts_with(&said));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let store = Store::connect(&quick(&format!("postgres://nobody@127.0.0.1:{port}/none"))).unwrap();
    let begun = Instant::now();
    for answer in [store.ping().await, store.migrate().await] {
        assert!(is_unavailable(&answer), "{answer:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn settings_that_make_no_sense_are_said_and_no_password_is() {
    for (url, schema) in
        [("postgres://a:secret@h/d?x=1", "ok"), ("nonsense", "ok"), ("postgres://h/d", "a\"b")]
    {
        let settings = StoreSettings { schema: schema.to_owned(), ..StoreSettings::new(url) };
        let error = Store::connect(&settings).err().unwrap();
        assert!(matches!(error, StoreError::Settings(_)), "{error:?}");
        assert!(!format!("{error} {error:?} {settings:?}").contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_row_that_somebody_keeps_is_waited_for_no_longer_than_said() {
    let world = World::with("lock", |settings| settings.lock_timeout = Duration::from_millis(200)).await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    let keeper = world.client().await;
    keeper.batch_execute("BEGIN; SELECT FROM orders FOR UPDATE").await.unwrap();
    let version = life.order.version;
    life.cancel();
    let answer = life.try_publish(&world.store, version, |_| {}).await;
    assert!(is_unavailable(&answer), "{answer:?}");
    assert_eq!(
        world.store.load(&life.order.id).await.unwrap().unwrap().order.version,
        version,
        "reads go on"
    );
    keeper.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(life.publish(&world.store, version, |_| {}).await, Published::Stored);
}

/// However many there are: a connection that is busy is no server that does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_free_connection_is_waited_for_as_long_as_an_answer() {
    let world = World::with("busy", |settings| {
        settings.connections = 1;
        settings.connect_timeout = Duration::from_millis(200);
    })
    .await;
    world.stock_of("tea", 10).await;
    let mut life = Life::new("ORD-1", &[("tea", 1)]);
    world.place(&mut life).await;
    let keeper = world.client().await;
    keeper.batch_execute("BEGIN; SELECT FROM orders FOR UPDATE").await.unwrap();
    let version = life.order.version;
    life.cancel();
    let mut publishing = std::pin::pin!(life.try_publish(&world.store, version, |_| {}));
    let pid: i32 = keeper.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let waits =
        format!("SELECT count(*) FROM pg_locks WHERE NOT granted AND {pid} = ANY (pg_blocking_pids(pid))");
    while world.number(&waits).await == 0 {
        assert!(futures::poll!(&mut publishing).is_pending(), "it waits for the row");
    }
    let mut reads: Vec<_> = (0..20).map(|_| Box::pin(world.store.load(&life.order.id))).collect();
    let first = futures::future::select_all(reads.iter_mut());
    let sooner = tokio::time::timeout(Duration::from_millis(500), first).await;
    assert!(sooner.is_err(), "nobody gives up");
    keeper.batch_execute("ROLLBACK").await.unwrap();
    let (published, read) = tokio::join!(publishing, futures::future::join_all(reads));
    assert_eq!(published.unwrap(), Published::Stored);
    assert!(read.iter().all(Result::is_ok), "{read:?}");
}

#[tokio::test]
async fn connections_that_died_are_replaced_without_an_error() {
    let world = World::with("died", |settings| {
        settings.url = with_parameter(&settings.url, "application_name", "omniflow died");
        settings.connections = 2;
    })
    .await;
    world.stock_of("tea", 10).await;
    for n in 0..5 {
        let end = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
                   WHERE application_name = 'omniflow died'";
        assert!(world.number(end).await > 0);
        let mut life = Life::new(&format!("ORD-{n}"), &[("tea", 1)]);
        world.place(&mut life).await;
    }
    assert_eq!(world.level("tea").await, (10, 5));
}

/// A client that goes away ends what was being done for it, anywhere.
#[tokio::test]
async fn what_nobody_waits_for_any_more_leaves_nothing_open() {
    let world = World::with("dropped", |settings| settings.connections = 1).await;
    world.stock_of("tea", 1_000).await;
    let mut held = 0;
    for n in 0..60 {
        let life = Life::external(&format!("ORD-{n}"), &format!("shop-{n}"));
        let mark = mark(&n.to_string(), "{}");
        let patience = Duration::from_micros(n * 100);
        let both = async {
            world.store.claim(&life.first, &life.placed, None, Some(&mark)).await.unwrap();
            world.store.begin(&life.order.id, None, AT).await.unwrap();
        };
        let is_whole = tokio::time::timeout(patience, both).await.is_ok();
        let claim = world.store.claim(&life.first, &life.placed, None, Some(&mark)).await.unwrap();
        assert_eq!(claim, Claim::Made, "{n}");
        if n % 2 == 0 || is_whole {
            let Begun::Order { reserved: Some(Ok(())), .. } = world.begin(&life).await else { panic!() };
        }
        held = world.number("SELECT count(*) FROM orders WHERE reservation IS NOT NULL").await;
        assert_eq!(world.level("tea").await, (1_000, held.unsigned_abs()), "{n}");
    }
    assert!(held >= 30);
}

#[tokio::test]
async fn what_was_lost_at_its_commit_is_done_once_when_it_is_asked_again() {
    let world = World::new("cut").await;
    world.stock_of("tea", 100).await;
    let cutter = Cutter::new().await;
    let settings = StoreSettings { url: cutter.url.clone(), ..world.settings.clone() };
    let store = Store::connect(&settings).unwrap();
    for (n, at) in [BEFORE_COMMIT, AFTER_COMMIT].into_iter().cycle().take(6).enumerate() {
        let mut life = Life::external(&format!("ORD-{n}"), &format!("shop-{n}"));
        let mark = mark(&n.to_string(), "{}");

        cutter.at.store(at, Ordering::SeqCst);
        let claim = async || store.claim(&life.first, &life.placed, None, Some(&mark)).await;
        assert!(matches!(claim().await, Err(StoreError::OutcomeUnknown)));
        assert_eq!(claim().await.unwrap(), Claim::Made);

        cutter.at.store(at, Ordering::SeqCst);
        let begin = async || store.begin(&life.order.id, None, AT).await;
        assert!(matches!(begin().await, Err(StoreError::OutcomeUnknown)));
        let Begun::Order { reserved: Some(Ok(())), .. } = begin().await.unwrap() else { panic!() };

        life.reserve().cancel().settled(Step::ReleaseStock, Receipt::Stock);
        let change = |publish: &mut Publish<'_>| {
            publish.acknowledge = true;
            publish.stock = Some(Step::ReleaseStock);
        };
        cutter.at.store(at, Ordering::SeqCst);
        let lost = life.try_publish(&store, 1, change).await;
        assert!(matches!(lost, Err(StoreError::OutcomeUnknown)), "{lost:?}");
        assert_eq!(life.publish(&store, 1, change).await, Published::Stored);
        let again = store.claim(&life.first, &life.placed, None, Some(&mark)).await.unwrap();
        let order_id = life.order.id.clone();
        assert_eq!(again, Claim::Again { order_id, answered: Some((life.order.version, AT)) });
    }
    assert_eq!(world.level("tea").await, (100, 0));
    assert_eq!(world.number("SELECT count(*) FROM stock_ledger WHERE order_id IS NOT NULL").await, 12);
}

#[tokio::test]
async fn a_connection_that_is_lost_before_anything_was_done_is_replaced_without_an_error() {
    let world = World::new("cut_early").await;
    world.stock_of("tea", 10).await;
    let cutter = Cutter::new().await;
    let store = Store::connect(&StoreSettings { url: cutter.url.clone(), ..world.settings.clone() }).unwrap();
    for n in 0..5 {
        let life = Life::new(&format!("ORD-{n}"), &[("tea", 1)]);
        cutter.at.store(AT_BEGIN, Ordering::SeqCst);
        assert_eq!(store.claim(&life.first, &life.placed, None, None).await.unwrap(), Claim::Made);
        assert_eq!(cutter.at.load(Ordering::SeqCst), NOWHERE, "it was cut");
    }
}

/// The system ends one of the server's processes without warning, and the server starts anew from its log.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_dies_loses_nothing_that_was_answered_and_is_used_again() {
    let (world, _alone) = World::alone("restart").await;
    world.stock_of("tea", 10_000).await;
    let until = Instant::now() + Duration::from_secs(60);
    let changes = world.store.changes();
    let place = async |task: usize| {
        let mut placed = vec![];
        for n in 0..30 {
            let mut life = Life::new(&format!("ORD-{task}-{n}"), &[("tea", 1)]);
            loop {
                assert!(Instant::now() < until, "the server is used again");
                let begun = async {
                    assert_eq!(world.store.claim(&life.first, &life.placed, None, None).await?, Claim::Made);
                    world.store.begin(&life.order.id, None, AT).await
                };
                match begun.await {
                    Ok(Begun::Order { reserved: Some(Ok(())), .. }) => break,
                    Err(StoreError::Unavailable { .. } | StoreError::OutcomeUnknown) => pause().await,
                    other => panic!("{other:?}"),
                }
            }
            life.reserve();
            loop {
                assert!(Instant::now() < until, "the server is used again");
                let published = life.try_publish(&world.store, 1, |publish| publish.acknowledge = true).await;
                match published {
                    Ok(published) => break assert_eq!(published, Published::Stored),
                    Err(StoreError::Unavailable { .. } | StoreError::OutcomeUnknown) => pause().await,
                    Err(error) => panic!("{error:?}"),
                }
            }
            placed.push(life);
        }
        placed
    };
    let kill = async {
        while shown(&world).await < 40 {
            pause().await;
        }
        let killer = crate::world::client().await;
        let killed = killer.batch_execute("COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID'").await;
        assert!(killed.is_err());
    };
    let (placed, ()) = tokio::join!(futures::future::join_all((0..4).map(place)), kill);
    let placed: Vec<Life> = placed.into_iter().flatten().collect();
    for life in &placed {
        assert_eq!(world.store.load(&life.order.id).await.unwrap().unwrap().order, life.order);
    }
    assert_eq!(world.level("tea").await, (10_000, 120));
    let mut change = changes.of_order(&placed[0].order.id);
    let mut life = placed[0].clone();
    let version = life.order.version;
    life.cancel().publish(&world.store, version, |_| {}).await;
    tokio::time::timeout(Duration::from_secs(20), change.changed()).await.expect("it listens again");
}

/// Before it is asked again, so that the server has time for itself.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// How many orders are shown, none while nobody can say.
async fn shown(world: &World) -> usize {
    let page = omniflow_engine::Page { limit: 1_000, ..Default::default() };
    world.store.list(&page).await.map_or(0, |listing| listing.orders.len())
}
