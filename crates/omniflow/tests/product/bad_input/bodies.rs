//! Bodies that are no JSON object, on every route that reads one.

use super::{Fixture, NOWHERE, bad};

/// A route that reads a body, and one that it would take.
fn routes(shop: &Fixture) -> Vec<(&'static str, String, &'static str)> {
    let order = |id: &str, action: &str| format!("/api/v1/orders/{id}/{action}");
    vec![
        ("POST", "/api/v1/orders".to_owned(), r#"{"amount":5,"items":["HomePod"]}"#),
        ("POST", order(&shop.open, "pay"), r#"{"outcome":"captured"}"#),
        ("POST", order(&shop.ended, "pay"), r#"{"payment_id":"another"}"#),
        ("POST", order(&shop.reviewed, "audit"), r#"{"action":"APPROVE"}"#),
        ("POST", order(&shop.open, "cancel"), r#"{"reason":"x"}"#),
        ("POST", order(&shop.open, "retry"), "{}"),
        ("POST", order(&shop.open, "skip"), r#"{"reason":"x"}"#),
        ("POST", order(&shop.open, "compensate"), r#"{"reason":"x"}"#),
        ("PUT", "/api/v1/inventory/HomePod".to_owned(), r#"{"on_hand":7}"#),
        ("PUT", "/api/v1/inventory/new".to_owned(), r#"{"on_hand":7}"#),
        ("POST", "/api/v1/inventory/adjustments".to_owned(), r#"{"sku":"HomePod","delta":1,"reason":"x"}"#),
        ("PUT", "/api/v1/dev/providers/carrier".to_owned(), r#"{"script":[{"do":"fail"}]}"#),
        ("POST", "/api/v1/dev/clock".to_owned(), r#"{"advance":"PT1S"}"#),
    ]
}

#[test]
fn what_is_no_json_is_refused_everywhere() {
    let shop = Fixture::new();
    for (method, path, good) in routes(&shop) {
        let cut = &good[..good.len() - 1];
        let (trailing, deep) = (format!("{good} x"), format!("{{\"a\":{}", "[".repeat(30_000)));
        let bodies: [&[u8]; 12] = [
            b"{",
            b"nonsense",
            cut.as_bytes(),
            trailing.as_bytes(),
            deep.as_bytes(),
            b"\0",
            b"{\"a\":\"\0\"}",
            b"{\"a\":\"\xff\"}",
            b"{'a':1}",
            b"{\"a\":01}",
            b"{\"a\":NaN}",
            b"\xef\xbb\xbf{}",
        ];
        shop.refuses(bodies.iter().map(|body| (bad(method, &path, *body), 400, "invalid_json", NOWHERE)));
    }
}

#[test]
fn what_is_no_object_is_refused_everywhere() {
    let shop = Fixture::new();
    for (method, path, _) in routes(&shop) {
        let bodies = ["[]", "[{}]", "\"text\"", "1", "null", "true", " [ ] "];
        shop.refuses(bodies.iter().map(|body| (bad(method, &path, *body), 422, "invalid_field", "")));
    }
}

#[test]
fn a_required_body_that_is_absent_is_refused() {
    let shop = Fixture::new();
    for (method, path, _) in routes(&shop) {
        let required = !["pay", "cancel", "retry", "compensate"].iter().any(|end| path.ends_with(end));
        if required {
            shop.refuses(
                ["", "  \r\n"].iter().map(|body| (bad(method, &path, *body), 422, "invalid_field", "")),
            );
        }
    }
}

#[test]
fn unknown_fields_are_named_at_every_depth_and_nothing_is_done() {
    let shop = Fixture::new();
    for (method, path, good) in routes(&shop) {
        let more = |field: &str| match good {
            "{}" => format!("{{{field}}}"),
            _ => format!("{},{field}}}", &good[..good.len() - 1]),
        };
        let (unknown, null) = (more(r#""surprise":1"#), more(r#""amuont":null"#));
        let escaped = more(r#""a/b~c":{}"#);
        shop.refuses([
            (bad(method, &path, &unknown), 422, "unknown_field", "/surprise"),
            (bad(method, &path, &null), 422, "unknown_field", "/amuont"),
            (bad(method, &path, &escaped), 422, "unknown_field", "/a~1b~0c"),
        ]);
    }
    let nested = [
        (r#"{"amount":5,"items":[{"sku":"HomePod","qty":2}]}"#, "/items/0/qty"),
        (
            r#"{"amount":5,"items":["HomePod"],"adjustments":[{"kind":"tax","amount":0,"rate":1}]}"#,
            "/adjustments/0/rate",
        ),
    ];
    shop.refuses(nested.map(|(body, at)| (bad("POST", "/api/v1/orders", body), 422, "unknown_field", at)));
}

#[test]
fn a_repeated_key_is_refused_however_it_is_written() {
    let shop = Fixture::new();
    for (method, path, good) in routes(&shop) {
        if good == "{}" {
            continue;
        }
        let first = good.split('"').nth(1).unwrap();
        let value = &good[first.len() + 4..good.len() - 1];
        let twice =
            format!("{},\"{first}\":{}}}", &good[..good.len() - 1], value.split(",\"").next().unwrap());
        let escaped = twice.replace(
            &format!(",\"{first}\""),
            &format!(",\"\\u{:04x}{}\"", first.as_bytes()[0], &first[1..]),
        );
        shop.refuses([
            (bad(method, &path, &twice), 400, "invalid_json", NOWHERE),
            (bad(method, &path, &escaped), 400, "invalid_json", NOWHERE),
        ]);
    }
    let nested = [
        r#"{"amount":5,"items":[{"sku":"HomePod","sku":"Mac Pro"}]}"#,
        r#"{"amount":5,"items":["HomePod"],"metadata":{"k":"1","k":"2"}}"#,
        r#"{"amount":5,"items":["HomePod"],"surprise":1,"surprise":2}"#,
    ];
    shop.refuses(nested.map(|body| (bad("POST", "/api/v1/orders", body), 400, "invalid_json", NOWHERE)));
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_looked_at() {
    let shop = Fixture::new();
    let megabyte = "x".repeat(1 << 20);
    for (method, path, good) in routes(&shop) {
        let text = format!("{{\"reason\":\"{megabyte}\"}}");
        let padded = format!("{good}{}", " ".repeat(64 * 1024));
        shop.refuses([
            (bad(method, &path, &text), 413, "too_large", NOWHERE),
            (bad(method, &path, &padded), 413, "too_large", NOWHERE),
        ]);
    }
    // What just fits is taken.
    let good = r#"{"amount":5,"items":["HomePod"]}"#;
    let body = format!("{good}{}", " ".repeat(64 * 1024 - good.len()));
    assert_eq!(shop.client.post("/api/v1/orders", &body).status, 201);
}
