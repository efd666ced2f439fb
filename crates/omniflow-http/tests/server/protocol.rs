//! HTTP as it is spoken, and what is no HTTP.

use crate::shop::{Shop, patient};

#[tokio::test]
async fn requests_sent_together_are_answered_in_order() {
    let mut client = Shop::open(patient()).await.client().await;
    client
        .send(
            "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n\
             POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc\
             GET /orders/1 HTTP/1.1\r\nhost: x\r\n\r\n\
             GARBAGE\r\n\r\n",
        )
        .await;
    for body in [r#"{"ok":true}"#, "3", "an order"] {
        assert_eq!(client.answer().await.body, body);
    }
    assert_eq!(client.answer().await.code(), "malformed_request");
    client.expect_end().await;
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let mut client = Shop::open(patient()).await.client().await;
    for byte in b"POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc" {
        client.send([*byte]).await;
    }
    assert_eq!(client.answer().await.body, "3");
}

#[tokio::test]
async fn http_1_0_ends_with_its_answer_unless_asked_to_go_on() {
    let mut client = Shop::open(patient()).await.client().await;
    client.send("GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
    assert_eq!(client.answer().await.header("connection"), Some("keep-alive"));
    client.send("GET /nowhere HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.code(), "unknown_route");
    client.expect_end().await;
}

#[tokio::test]
async fn bytes_that_are_no_request_get_a_problem() {
    let shop = Shop::open(patient()).await;
    for bytes in [
        &b"nonsense\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\n\r\n",
    ] {
        let mut client = shop.client().await;
        client.send(bytes).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, &*answer.code()), (400, "malformed_request"), "{bytes:?}");
        assert_eq!(answer.header("connection"), Some("close"));
        client.expect_end().await;
    }
}

#[tokio::test]
async fn too_much_head_gets_a_problem_that_arrives() {
    let shop = Shop::open(patient()).await;
    let many = "x: y\r\n".repeat(101);
    let (long, huge) = ("y".repeat(40_000), "y".repeat(600_000));
    for (head, status, code) in [
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431, "headers_too_large"),
        (format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n"), 431, "headers_too_large"),
        (format!("GET / HTTP/1.1\r\nx: {huge}"), 431, "headers_too_large"),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), 431, "headers_too_large"),
    ] {
        let mut client = shop.client().await;
        client.send(head).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, &*answer.code()), (status, code));
        client.expect_end().await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_handler_along() {
    let mut shop = Shop::open(patient()).await;
    let mut client = shop.client().await;
    client.send("GET /hold HTTP/1.1\r\nhost: x\r\n\r\n").await;
    shop.hears("holding").await;
    drop(client);
    shop.hears("gone").await;
}
