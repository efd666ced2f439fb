//! Tables that are made, and brought up to date, when they are first needed.

use crate::cutter::{Cutter, by_port};
use crate::world::{Life, World};
use omniflow_temporal::store::{Claim, Schema, Store, StoreError, StoreSettings};
use std::time::Duration;
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_migrate_at_once_one_does() {
    let world = World::new("migrate").await;
    world.client().await.batch_execute("DROP SCHEMA t_migrate CASCADE").await.unwrap();
    let stores: Vec<Store> = (0..6).map(|_| Store::connect(&world.settings).unwrap()).collect();
    futures::future::try_join_all(stores.iter().map(Store::migrate)).await.unwrap();
    assert_eq!(world.number("SELECT version::bigint FROM omniflow_schema").await, 1);
    world.store.migrate().await.unwrap();
    world.client().await.batch_execute("UPDATE omniflow_schema SET version = 99").await.unwrap();
    let newer = world.store.migrate().await;
    assert!(matches!(newer, Err(StoreError::NewerSchema { found: 99, known: 1 })), "{newer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tables_are_made_before_they_are_first_used() {
    let world = World::new("first_use").await;
    world.client().await.batch_execute("DROP SCHEMA t_first_use CASCADE").await.unwrap();
    let stores: Vec<Store> = (0..4).map(|_| Store::connect(&world.settings).unwrap()).collect();
    let lives: Vec<Life> = (0..12).map(|n| Life::new(&format!("ORD-{n}"), &[("tea", 1)])).collect();
    let claims = lives.iter().zip(stores.iter().cycle());
    let claims = claims.map(|(life, store)| store.claim(&life.first, &life.placed, None, None));
    let claims = futures::future::try_join_all(claims).await.unwrap();
    assert!(claims.iter().all(|claim| *claim == Claim::Made));
    assert_eq!(world.number("SELECT count(*) FROM orders").await, 12);
}

#[tokio::test]
async fn tables_of_a_newer_program_are_not_touched() {
    let world = World::new("newer").await;
    world.client().await.batch_execute("UPDATE omniflow_schema SET version = 99").await.unwrap();
    let store = Store::connect(&world.settings).unwrap();
    let life = Life::new("ORD-1", &[("tea", 1)]);
    for answer in [store.ping().await, store.claim(&life.first, &life.placed, None, None).await.map(drop)] {
        assert!(matches!(answer, Err(StoreError::NewerSchema { found: 99, .. })), "{answer:?}");
    }
    let error = omniflow_engine::Error::from(store.ping().await.unwrap_err());
    assert!(error.to_string().contains("upgrade this process"), "{error}");
    assert_eq!(world.number("SELECT count(*) FROM orders").await, 0);
}

#[tokio::test]
async fn whoever_looks_changes_nothing() {
    let world = World::new("look").await;
    let client = world.client().await;
    assert_eq!(world.store.look().await.unwrap(), Schema::Current);
    for (version, schema) in [(99, Schema::Newer { found: 99, known: 1 }), (0, Schema::Missing)] {
        client.execute("UPDATE omniflow_schema SET version = $1", &[&version]).await.unwrap();
        let stranger = Store::connect(&world.settings).unwrap();
        assert_eq!(stranger.look().await.unwrap(), schema);
        assert_eq!(world.number("SELECT version::bigint FROM omniflow_schema").await, i64::from(version));
    }
    client.batch_execute("DROP SCHEMA t_look CASCADE").await.unwrap();
    let stranger = Store::connect(&world.settings).unwrap();
    assert_eq!(stranger.look().await.unwrap(), Schema::Missing);
    assert_eq!(world.number("SELECT count(*) FROM pg_namespace WHERE nspname = 't_look'").await, 0);
}

#[tokio::test]
async fn a_server_that_comes_late_is_used_once_it_is_there() {
    let world = World::new("late").await;
    world.client().await.batch_execute("DROP SCHEMA t_late CASCADE").await.unwrap();
    let address = {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap()
    };
    let url = by_port(address.port());
    let connect_timeout = Duration::from_millis(300);
    let store = Store::connect(&StoreSettings { url, connect_timeout, ..world.settings.clone() }).unwrap();
    for _ in 0..2 {
        let error = store.ping().await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("PostgreSQL at {address} cannot be used now: ")), "{error}");
    }
    let _cutter = Cutter::on(TcpListener::bind(address).await.unwrap());
    store.ping().await.unwrap();
    let life = Life::new("ORD-1", &[("tea", 1)]);
    assert_eq!(store.claim(&life.first, &life.placed, None, None).await.unwrap(), Claim::Made);
}
