//! What is around a body: paths, methods, headers, and bytes that are no HTTP.

use super::{Bad, Fixture, NOWHERE, bad};
use crate::client::Answer;
use crate::server::Place;

/// Every route, with an order's id in it, and the methods that it takes.
const ROUTES: [(&str, &[&str]); 17] = [
    ("/", &["GET"]),
    ("/healthz", &["GET"]),
    ("/readyz", &["GET"]),
    ("/metrics", &["GET"]),
    ("/api/v1/orders/{id}", &["GET"]),
    ("/api/v1/orders/{id}/pay", &["POST"]),
    ("/api/v1/orders/{id}/audit", &["POST"]),
    ("/api/v1/orders/{id}/cancel", &["POST"]),
    ("/api/v1/orders/{id}/retry", &["POST"]),
    ("/api/v1/orders/{id}/skip", &["POST"]),
    ("/api/v1/orders/{id}/compensate", &["POST"]),
    ("/api/v1/orders/{id}/details", &["DELETE"]),
    ("/api/v1/orders/{id}/timeline", &["GET"]),
    ("/api/v1/inventory", &["GET"]),
    ("/api/v1/inventory/HomePod", &["GET", "PUT"]),
    ("/api/v1/dev/providers/carrier", &["PUT", "DELETE"]),
    ("/api/v1/dev/clock", &["POST"]),
];

#[test]
fn wrong_methods() {
    let shop = Fixture::new();
    for (route, allowed) in ROUTES {
        let path = route.replace("{id}", &shop.open);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            if allowed.contains(&method) {
                continue;
            }
            shop.refuses([(bad(method, &path, "{}"), 405, "method_not_allowed", NOWHERE)]);
            let answer = shop.client.ask(method, &path, &[], b"{}");
            let allow = answer.header("allow").unwrap_or_default();
            assert!(allowed.iter().all(|method| allow.contains(method)), "{method} {path}: {allow:?}");
        }
    }
}

/// Nothing is written where a parameter was meant to say something about it.
#[test]
fn what_writes_takes_no_parameter_that_it_does_not_know() {
    let shop = Fixture::new();
    let more = [("/api/v1/orders", &["POST"][..]), ("/api/v1/inventory/adjustments", &["POST"])];
    for (route, methods) in ROUTES.into_iter().chain(more) {
        let path = route.replace("{id}", &shop.open) + "?dry_run=true";
        for method in methods.iter().filter(|method| **method != "GET") {
            let body = match route.rsplit('/').next().unwrap() {
                "orders" => r#"{"amount":5,"items":["HomePod"]}"#,
                "pay" | "cancel" | "compensate" => "",
                "HomePod" => r#"{"on_hand":1}"#,
                "adjustments" => r#"{"sku":"HomePod","delta":1,"reason":"found"}"#,
                _ => "{}",
            };
            shop.refuses([(bad(method, &path, body), 422, "invalid_field", "dry_run")]);
        }
    }
}

#[test]
fn routes_that_are_not_there() {
    let shop = Fixture::new();
    let order = format!("/api/v1/orders/{}", shop.open);
    let under = format!("{order}/refund");
    let slash = format!("{order}/");
    for path in
        ["/api", "/api/v1", "/api/v2/orders", "/orders", "/favicon.ico", "/api/v1/orders/", &under, &slash]
    {
        for method in ["GET", "POST", "DELETE"] {
            shop.refuses([(bad(method, path, ""), 404, "unknown_route", NOWHERE)]);
        }
    }
}

#[test]
fn routes_of_dev_alone_need_what_they_are_for() {
    let place = Place::new();
    let server = place.start(&[]);
    server.client.post("/api/v1/dev/clock", r#"{"advance":"PT1S"}"#).problem(404, "unknown_route");
}

#[test]
fn orders_that_are_not_there() {
    let shop = Fixture::new();
    let lower = shop.open.to_lowercase();
    let (longer, shorter) = (format!("{}0", shop.open), &shop.open[..shop.open.len() - 1]);
    // The same time and counter, another random part.
    let last = if shop.open.ends_with('0') { "1" } else { "0" };
    let sibling = format!("{shorter}{last}");
    let long = "x".repeat(5_000);
    let ids = [
        "ORD-1",
        "1",
        "null",
        "ORD-01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "..",
        "%2e%2e",
        "a%20b",
        "%00",
        "%ff",
        "%E2%80%AE",
        "ORD-%2F",
        "订单",
        "%E8%AE%A2",
        &lower,
        &longer,
        shorter,
        &sibling,
        &long,
    ];
    for id in ids {
        let path = |rest: &str| format!("/api/v1/orders/{id}{rest}");
        for (method, rest, body) in [
            ("GET", "", ""),
            ("GET", "/timeline", ""),
            ("POST", "/pay", ""),
            ("POST", "/audit", r#"{"action":"APPROVE"}"#),
            ("POST", "/cancel", ""),
            ("POST", "/retry", ""),
            ("POST", "/skip", r#"{"reason":"x"}"#),
            ("POST", "/compensate", ""),
            ("DELETE", "/details", ""),
        ] {
            shop.refuses([(bad(method, &path(rest), body), 404, "order_not_found", NOWHERE)]);
        }
        let amount = r#"{"amount":5}"#;
        shop.refuses([(bad("POST", &path("/pay"), amount), 404, "order_not_found", NOWHERE)]);
    }
}

#[test]
fn headers() {
    let shop = Fixture::new();
    let path = format!("/api/v1/orders/{}", shop.open);
    for (name, value, shown) in [
        ("prefer", "wait=31", "Prefer"),
        ("prefer", "wait=-1", "Prefer"),
        ("prefer", "wait=1.5", "Prefer"),
        ("prefer", "wait=+5", "Prefer"),
        ("prefer", "wait=\"+5\"", "Prefer"),
        ("prefer", "foo=\"a,b\", wait=31", "Prefer"),
        ("prefer", "wait=", "Prefer"),
        ("prefer", "wait", "Prefer"),
        ("prefer", "wait=99999999999999999999", "Prefer"),
        ("prefer", "wait=\u{e9}", "Prefer"),
        ("if-none-match", "2", "If-None-Match"),
        ("if-none-match", "\"2", "If-None-Match"),
        ("if-none-match", "w/\"2\"", "If-None-Match"),
        ("if-none-match", "\u{e9}", "If-None-Match"),
    ] {
        let headers = [(name, value)];
        let request = Bad { method: "GET", path: &path, headers: &headers, body: b"" };
        shop.refuses([(request, 422, "invalid_field", shown)]);
    }
}

#[test]
fn headers_that_mean_nothing_here_change_nothing() {
    let shop = Fixture::new();
    let path = format!("/api/v1/orders/{}", shop.open);
    let plain = shop.client.get(&path).body;
    for (name, value) in [
        ("accept", "text/html"),
        ("accept-language", ";;;"),
        ("accept-language", "tlh"),
        ("prefer", "respond-async"),
        ("prefer", "foo=\"a,wait=99\""),
        ("prefer", "foo=\"a\\\",wait=99\"; wait=99"),
        ("prefer", "foo=\"\u{e9}\""),
        ("x-request-id", "two words"),
        ("cookie", "a=b"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"1\""),
    ] {
        assert_eq!(
            shop.client.ask("GET", &path, &[(name, value)], b"").ok().to_string(),
            serde_json::from_str::<serde_json::Value>(&plain).unwrap().to_string(),
            "{name}: {value}"
        );
    }
    let unchanged = shop.client.ask("GET", &path, &[("if-none-match", "\"2\"")], b"");
    assert_eq!((unchanged.status, &*unchanged.body, unchanged.header("etag")), (304, "", Some("\"2\"")));
}

/// Sends bytes as they are and reads one answer.
fn raw(shop: &Fixture, bytes: &[u8]) -> Answer {
    let mut exchange = shop.client.connect();
    exchange.send(bytes);
    exchange.finish()
}

#[test]
fn what_is_no_http_is_answered_too() {
    let shop = Fixture::new();
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x-header: value\r\n".repeat(4_000));
    for (bytes, status, code) in [
        (&b"nonsense\r\n\r\n"[..], 400, "malformed_request"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "malformed_request"),
        (b"GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400, "malformed_request"),
        (b"POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n", 400, "malformed_request"),
        (
            b"POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            400,
            "malformed_request",
        ),
        (many.as_bytes(), 431, "headers_too_large"),
    ] {
        raw(&shop, bytes).problem(status, code);
    }
    let chunked = b"POST /api/v1/orders HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
        10\r\n{\"amount\":5,\"ite\r\n10\r\nms\":[\"HomePod\"]}\r\n0\r\n\r\n";
    assert_eq!(raw(&shop, chunked).status, 201, "a body in pieces is a body");
}
