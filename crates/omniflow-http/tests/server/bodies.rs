//! Bodies of all sizes.

use crate::shop::{Shop, patient};

const LIMIT: usize = 64 * 1024;
const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a_body_is_taken_up_to_the_limit_whatever_its_type() {
    let mut client = Shop::open(patient()).await.client().await;
    for length in [0, 1, 1000, LIMIT - 1, LIMIT] {
        assert_eq!(client.post("/count", &vec![b'x'; length]).await.body, length.to_string());
    }
    client
        .send(
            "POST /count HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n\
             3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\ntrailer: 1\r\n\r\n",
        )
        .await;
    assert_eq!(client.answer().await.body, "7");
}

#[tokio::test]
async fn a_larger_one_is_dropped_and_the_refusal_arrives() {
    let mut client = Shop::open(patient()).await.client().await;
    for length in [LIMIT + 1, 5 * MIB] {
        let answer = client.post("/count", &vec![b'x'; length]).await;
        assert_eq!((answer.status, &*answer.code()), (413, "too_large"), "{length}");
        assert_eq!(client.post("/count", b"next").await.body, "4", "the connection goes on");
    }
}

#[tokio::test]
async fn a_larger_one_of_unknown_length_is_dropped_too() {
    let mut client = Shop::open(patient()).await.client().await;
    client.send("POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await;
    for _ in 0..20 {
        client.send(format!("{LIMIT:x}\r\n{}\r\n", "x".repeat(LIMIT))).await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.answer().await.code(), "too_large");
    assert_eq!(client.post("/count", b"next").await.body, "4");
}

#[tokio::test]
async fn who_would_send_without_end_is_refused_at_once() {
    let shop = Shop::open(patient()).await;
    let mut client = shop.client().await;
    client.send("POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000000\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!((answer.code(), answer.header("connection")), ("too_large".to_owned(), Some("close")));
    client.expect_end().await;

    let mut client = shop.client().await;
    client.send("POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let chunk = format!("{MIB:x}\r\n{}\r\n", "x".repeat(MIB));
    for _ in 0..64 {
        if client.try_send(&chunk).await.is_err() {
            return;
        }
    }
    panic!("the server took it all");
}

#[tokio::test]
async fn leave_to_send_is_given_unless_the_body_would_be_refused() {
    let mut client = Shop::open(patient()).await.client().await;
    client.send("POST /count HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n").await;
    assert_eq!(client.head().await.status, 100);
    client.send("abc").await;
    assert_eq!(client.answer().await.body, "3");
    client
        .send("POST /count HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 99999\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!((answer.status, &*answer.code()), (413, "too_large"), "and no 100 before it");
}

#[tokio::test]
async fn a_body_that_nobody_reads_ends_the_connection_and_does_not_become_a_request() {
    let shop = Shop::open(patient()).await;
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    for (path, status) in [("/unread", 200), ("/nowhere", 404), ("/panic", 405)] {
        let mut client = shop.client().await;
        let answer = client.post(path, request.as_bytes()).await;
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")));
        client.expect_end().await;
    }
}

#[tokio::test]
async fn a_wrongly_encoded_body_is_a_problem() {
    let mut client = Shop::open(patient()).await.client().await;
    client.send("POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, &*answer.code()), (400, "malformed_request"));
    client.expect_end().await;
}
