//! HTTP as clients and what is between them and the server speak it.

use crate::client::Answer;
use crate::scenarios::{LARGE, ORDER};
use crate::server::{Server, still};

/// Sends a request without a body and reads the head of its answer; nothing may come after it.
fn head(server: &Server, path: &str, headers: &str) -> (u16, Option<usize>) {
    let mut exchange = server.client.connect();
    let request = format!("HEAD {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    exchange.send(request.as_bytes());
    let head = exchange.head();
    assert_eq!(exchange.rest(), "", "HEAD {path}: a body");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    (head[9..12].parse().unwrap(), length.map(|length| length.parse().unwrap()))
}

#[test]
fn head_is_get_without_the_body() {
    let (_place, server) = still();
    let id = server.client.place(ORDER);
    for path in [
        "/".to_owned(),
        "/healthz".to_owned(),
        "/readyz".to_owned(),
        format!("/api/v1/orders/{id}"),
        format!("/api/v1/orders/{id}/timeline"),
        "/api/v1/inventory".to_owned(),
        "/api/v1/inventory/iPhone%2015".to_owned(),
        "/api/v1/inventory/ghost".to_owned(),
        "/api/v1/orders/ORD-1".to_owned(),
        "/nowhere".to_owned(),
    ] {
        let got = server.client.get(&path);
        let (status, length) = head(&server, &path, "");
        assert_eq!(status, got.status, "{path}");
        assert!(length.is_none_or(|length| length == got.body.len()), "{path}: {length:?}");
    }
    assert_eq!(head(&server, "/metrics", "").0, 200);
    let order = format!("/api/v1/orders/{id}");
    assert_eq!(head(&server, &order, "if-none-match: \"2\"\r\n").0, 304);
    assert_eq!(head(&server, &order, "if-match: \"1\"\r\n").0, 412);
    assert_eq!(head(&server, &format!("{order}/pay"), "").0, 405);
}

#[test]
fn a_path_with_a_slash_at_its_end_is_another_path() {
    let (_place, server) = still();
    let id = server.client.place(ORDER);
    for path in [
        "/healthz/",
        "/api/v1/inventory/",
        "/api/v1/inventory/HomePod/",
        "/api/v1/inventory/adjustments/",
        &format!("/api/v1/orders/{id}/timeline/"),
        &format!("/api/v1/orders/{id}/pay/"),
    ] {
        server.client.get(path).problem(404, "unknown_route");
        server.client.post(path, "").problem(404, "unknown_route");
    }
    assert_eq!(server.client.order(&id)["version"], 2);
}

#[test]
fn what_a_path_names_may_be_percent_encoded() {
    let (_place, server) = still();
    let id = server.client.place(ORDER);
    let every_byte: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(server.client.order(&every_byte)["order_id"], *id);
    assert_eq!(server.client.act(&every_byte, "pay", "")["payment_status"], "paid");
    for (path, sku) in [
        ("iPhone%2015", "iPhone 15"),
        ("%69Phone%20%31%35", "iPhone 15"),
        ("50%25", "50%"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a+b", "a+b"),
        ("%E8%8B%B9%E6%9E%9C", "苹果"),
        ("why%3F%23", "why?#"),
        ("%61djustments", "adjustments"),
        ("..%2F..", "../.."),
    ] {
        let path = format!("/api/v1/inventory/{path}");
        let put = server.client.put(&path, r#"{"on_hand":7}"#);
        assert!(put.status == 200 || put.status == 201, "{path}: {put:?}");
        let level = server.client.get(&path).ok();
        assert_eq!((level["sku"].as_str(), level["on_hand"].as_u64()), (Some(sku), Some(7)), "{path}");
        let order = serde_json::json!({"amount": 5, "items": [sku]}).to_string();
        server.client.place(&order);
    }
    for path in ["%", "%2", "%zz", "%ff", "%00"] {
        let answer = server.client.get(&format!("/api/v1/inventory/{path}"));
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        answer.problem(404, "unknown_sku");
    }
}

#[test]
fn who_asks_for_leave_to_send_gets_it_or_an_answer() {
    let (_place, server) = still();
    let ask = |head: &str, body: &str| -> (String, Answer) {
        let mut exchange = server.client.connect();
        exchange.send(format!("{head}host: localhost\r\nexpect: 100-continue\r\n\r\n").as_bytes());
        if body.is_empty() {
            return (String::new(), exchange.finish());
        }
        let leave = exchange.head();
        exchange.send(body.as_bytes());
        (leave, exchange.finish())
    };
    let post = format!("POST /api/v1/orders HTTP/1.1\r\ncontent-length: {}\r\n", LARGE.len());
    let (leave, answer) = ask(&post, LARGE);
    assert!(leave.starts_with("HTTP/1.1 100 "), "{leave}");
    assert_eq!(answer.status, 201);
    let id = answer.json()["order_id"].as_str().unwrap().to_owned();
    let (leave, answer) = ask(&post, &" ".repeat(LARGE.len()));
    assert!(leave.starts_with("HTTP/1.1 100 "), "{leave}");
    answer.problem(422, "invalid_field");
    ask("POST /api/v1/orders HTTP/1.1\r\ncontent-length: 99999\r\n", "").1.problem(413, "too_large");
    ask("POST /nowhere HTTP/1.1\r\ncontent-length: 5\r\n", "").1.problem(404, "unknown_route");
    ask(&format!("GET /api/v1/orders/{id} HTTP/1.1\r\n"), "").1.ok();
    ask(&format!("POST /api/v1/orders/{id}/cancel HTTP/1.1\r\n"), "").1.ok();
}
