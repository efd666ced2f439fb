//! What every answer has in common.

use crate::log;
use crate::shop::{Shop, patient};

#[tokio::test]
async fn a_request_keeps_its_callers_id_or_gets_one() {
    let mut client = Shop::open(patient()).await.client().await;
    let made = client.get("/healthz").await;
    assert_eq!((made.status, &*made.body), (200, r#"{"ok":true}"#));
    let made = made.header("x-request-id").expect("an id").to_owned();
    assert_ne!(client.get("/healthz").await.header("x-request-id"), Some(&*made));

    client.send("GET /nowhere HTTP/1.1\r\nhost: x\r\nX-Request-Id: cart-7\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.header("x-request-id"), Some("cart-7"));
    assert_eq!(answer.json()["request_id"], "cart-7");
}

#[tokio::test]
async fn whatever_refuses_answers_with_a_problem() {
    let mut client = Shop::open(patient()).await.client().await;
    for path in ["/nowhere", "/orders", "/orders/1/2", "/orders/", "//", "/%00"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, &*answer.code()), (404, "unknown_route"), "{path}");
    }
    for (path, allowed) in [("/healthz", "GET,HEAD"), ("/orders/1", "GET,HEAD")] {
        let answer = client.post(path, b"").await;
        assert_eq!((answer.status, &*answer.code()), (405, "method_not_allowed"));
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
    }
    let answer = client.get("/refused").await;
    assert_eq!((answer.status, &*answer.code()), (409, "out_of_stock"));
    assert_eq!(answer.json()["lines"][0], 1);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = client.get("/overloaded").await;
    assert_eq!((answer.status, &*answer.code()), (503, "overloaded"));
    assert_eq!(answer.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn a_failure_is_a_problem_without_internals_and_the_connection_goes_on() {
    let mut client = Shop::open(patient()).await.client().await;
    for path in ["/panic", "/broken"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, &*answer.code()), (500, "internal"));
        for secret in ["secret", "fire", "panic", ".rs"] {
            assert!(!answer.body.contains(secret), "{}", answer.body);
        }
    }
    assert_eq!(client.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let mut client = Shop::open(patient()).await.client().await;
    for (path, status, length) in [("/healthz", 200, Some("11")), ("/nowhere", 404, None)] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        let head = client.head().await;
        assert_eq!(head.status, status);
        assert!(length.is_none() || head.header("content-length") == length, "{head:?}");
    }
    assert_eq!(client.get("/healthz").await.status, 200, "no body came between");
}

#[tokio::test]
async fn answers_are_counted_by_route_and_connections_while_open() {
    let shop = Shop::open(patient()).await;
    let mut client = shop.client().await;
    for path in ["/orders/1", "/orders/2", "/nowhere", "/panic"] {
        client.get(path).await;
    }
    let text = shop.metrics.to_text().expect("text");
    for line in [
        "omniflow_http_requests_total{method=\"GET\",route=\"/orders/{id}\",status=\"200\"} 2\n",
        "omniflow_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1\n",
        "omniflow_http_requests_total{method=\"GET\",route=\"/panic\",status=\"500\"} 1\n",
        "omniflow_http_connections 1\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[tokio::test]
async fn a_failures_cause_is_logged_once_with_the_requests_id() {
    let mut client = Shop::open(patient()).await.client().await;

    let id = client.get("/broken").await.header("x-request-id").expect("an id").to_owned();
    client.get("/healthz").await;
    client.send("GET /healthz HTTP/1.1\r\nhost: x\r\nx-request-id: named-1\r\n\r\n").await;
    client.answer().await;

    let text = log::text();
    let of = |word: &str| text.lines().filter(|line| line.contains(word)).collect::<Vec<_>>();
    assert_eq!(of("the disk is on fire").len(), 1, "{text}");
    assert!(of("the disk is on fire")[0].contains(&id) && of("ERROR").len() == 1, "{text}");
    assert!(of("named-1")[0].contains("INFO"), "{text}");
    assert_eq!(text.lines().count(), 2, "what nobody named is not worth a line: {text}");
}
