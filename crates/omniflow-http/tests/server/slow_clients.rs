//! Clients that keep the server waiting.

use crate::shop::{SHORT, Shop, patient};
use omniflow_http::{BodyLimits, Limits};
use std::time::Duration;

#[tokio::test]
async fn half_a_head_is_told_so_and_cut_off() {
    let shop = Shop::open(Limits { header_read: SHORT, ..patient() }).await;
    let mut client = shop.client().await;
    client.send("GET /healthz HTTP/1.1\r\nhost: x").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, &*answer.code()), (408, "request_timeout"));
    assert_eq!(answer.header("connection"), Some("close"));
    client.expect_end().await;
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_keep_a_head_alive() {
    let shop = Shop::open(Limits { header_read: SHORT, ..patient() }).await;
    let mut client = shop.client().await;
    client.send("GET /healthz HTTP/1.1\r\nx: ").await;
    let mut bytes = 0;
    while client.hears_nothing(Duration::from_millis(5)).await && bytes < 500 {
        client.send("y").await;
        bytes += 1;
    }
    assert!(bytes < 500, "it is kept alive");
    assert_eq!(client.answer().await.status, 408);
}

#[tokio::test]
async fn a_silent_connection_is_closed_before_and_after_a_request() {
    let shop = Shop::open(Limits { idle: SHORT, ..patient() }).await;
    let mut silent = shop.client().await;
    silent.expect_end().await;
    let mut client = shop.client().await;
    assert_eq!(client.get("/healthz").await.status, 200);
    client.expect_end().await;
}

#[tokio::test]
async fn a_kept_connection_may_rest_longer_than_a_head_may_take() {
    let shop = Shop::open(Limits { header_read: SHORT, ..patient() }).await;
    let (mut resting, mut fresh) = (shop.client().await, shop.client().await);
    resting.get("/healthz").await;
    // This one's time-out begins later, so when it is over the other's would be too.
    let mut slow = shop.client().await;
    slow.send("G").await;
    assert_eq!(slow.answer().await.status, 408);
    assert_eq!(resting.get("/healthz").await.status, 200);
    assert_eq!(fresh.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_request_may_take_longer_to_answer_than_a_connection_may_rest() {
    let mut shop = Shop::open(Limits { idle: SHORT, header_read: SHORT, ..patient() }).await;
    let mut client = shop.client().await;
    client.send("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n").await;
    shop.hears("holding").await;
    let mut silent = shop.client().await;
    silent.expect_end().await;
    shop.gate.add_permits(1);
    assert_eq!(client.answer().await.body, "held");
    client.expect_end().await;
}

#[tokio::test]
async fn a_slow_body_is_told_so_and_cut_off() {
    let body = BodyLimits { read: SHORT, ..BodyLimits::default() };
    let shop = Shop::open(Limits { body, ..patient() }).await;
    let mut client = shop.client().await;
    client.send("POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc").await;
    while client.hears_nothing(Duration::from_millis(15)).await {
        client.send("d").await;
    }
    let answer = client.answer().await;
    assert_eq!((answer.status, &*answer.code()), (408, "request_timeout"));
    assert_eq!(answer.header("connection"), Some("close"));
    client.expect_end().await;
}

#[tokio::test]
async fn a_large_body_that_stops_coming_is_refused_for_its_size() {
    let body = BodyLimits { read: SHORT, ..BodyLimits::default() };
    let shop = Shop::open(Limits { body, ..patient() }).await;
    let mut client = shop.client().await;
    client.send("POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nabc").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, &*answer.code()), (413, "too_large"));
    client.expect_end().await;
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_cut_off() {
    let shop = Shop::open(Limits { write_stall: SHORT, ..patient() }).await;
    let mut client = shop.client().await;
    client.send("GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.head().await.status, 200);
    shop.has_connections(0).await;
}

#[tokio::test]
async fn who_sends_on_after_a_refusal_can_still_read_it_and_is_not_waited_for_long() {
    let shop = Shop::open(patient()).await;
    let mut client = shop.client().await;
    client.send(format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(40_000))).await;
    let head = client.head().await;
    for _ in 0..3 {
        client.send("y".repeat(100_000)).await;
    }
    assert_eq!((head.status, head.header("connection")), (431, Some("close")));

    let shop = Shop::open(Limits { linger: SHORT, ..patient() }).await;
    let mut client = shop.client().await;
    client.send("nonsense\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 400);
    shop.has_connections(0).await;
}
