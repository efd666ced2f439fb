//! How many are served, and how serving ends.

use crate::raw::Client;
use crate::shop::{SHORT, Shop, patient};
use omniflow_http::Limits;
use std::sync::atomic::Ordering;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const HOLD: &str = "GET /hold HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn who_comes_over_the_cap_waits_for_a_place() {
    let shop = Shop::open(Limits { connections: 2, ..patient() }).await;
    let (mut one, mut two, mut three) = (shop.client().await, shop.client().await, shop.client().await);
    one.get("/healthz").await;
    two.get("/healthz").await;
    three.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(three.hears_nothing(SHORT).await);
    drop(two);
    assert_eq!(three.answer().await.status, 200);
    assert_eq!(one.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn many_over_the_cap_are_all_served_and_never_too_many_at_once() {
    let shop = Shop::open(Limits { connections: 8, ..patient() }).await;
    let mut clients = JoinSet::new();
    for _ in 0..100 {
        let address = shop.address;
        clients.spawn(async move {
            let mut client = Client::connect(address).await;
            client.send(HOLD).await;
            client.answer().await.body
        });
    }
    shop.gate.add_permits(100);
    while let Some(body) = clients.join_next().await {
        assert_eq!(body.expect("no panic"), "held");
    }
    assert!((1..=8).contains(&shop.most_at_once.load(Ordering::SeqCst)));
}

#[tokio::test]
async fn at_the_end_waits_and_streams_end_at_once_and_idle_connections_close() {
    let mut shop = Shop::open(patient()).await;
    let (mut fresh, mut resting) = (shop.client().await, shop.client().await);
    let (mut waiting, mut listening) = (shop.client().await, shop.client().await);
    resting.get("/healthz").await;
    waiting.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    shop.hears("waiting").await;
    listening.send("GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(listening.head().await.status, 200);

    shop.shutdown.begin();
    let answer = waiting.answer().await;
    assert_eq!((answer.status, &*answer.body), (200, "nothing happened"));
    assert_eq!(answer.header("connection"), Some("close"));
    for client in [&mut fresh, &mut resting, &mut waiting] {
        client.expect_end().await;
    }
    shop.closed().await;
}

#[tokio::test]
async fn at_the_end_nothing_new_is_taken_and_what_was_taken_is_finished() {
    let mut shop = Shop::open(patient()).await;
    let (mut working, mut resting) = (shop.client().await, shop.client().await);
    resting.get("/healthz").await;
    working.send("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n").await;
    shop.hears("holding").await;

    shop.shutdown.begin();
    resting.expect_end().await;
    assert!(TcpStream::connect(shop.address).await.is_err(), "the listener is gone");
    shop.gate.add_permits(1);
    assert_eq!(working.answer().await.body, "held");
    working.expect_end().await;
    shop.closed().await;
}

#[tokio::test]
async fn an_answer_at_the_end_says_that_it_is_the_last() {
    let mut client = Shop::open(patient()).await.client().await;
    let answer = client.get("/end").await;
    assert_eq!((&*answer.body, answer.header("connection")), ("ending", Some("close")));
    client.expect_end().await;
}

#[tokio::test]
async fn the_end_does_not_wait_for_those_who_do_not_end() {
    let mut shop = Shop::open(Limits { drain: SHORT, ..patient() }).await;
    let (mut working, mut half) = (shop.client().await, shop.client().await);
    half.send("GET /heal").await;
    working.send("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n").await;
    shop.hears("holding").await;
    shop.shutdown.begin();
    shop.hears("gone").await;
    working.expect_end().await;
    shop.closed().await;
}

#[tokio::test]
async fn the_end_comes_at_the_cap_too() {
    let mut shop = Shop::open(Limits { connections: 1, ..patient() }).await;
    let mut waiting = shop.client().await;
    waiting.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    shop.hears("waiting").await;
    let _queued = shop.client().await;
    shop.shutdown.begin();
    assert_eq!(waiting.answer().await.status, 200);
    shop.closed().await;
}
