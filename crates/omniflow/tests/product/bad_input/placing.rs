//! Orders that cannot be placed.

use super::{Fixture, bad};
use serde_json::json;

/// Refuses each of these bodies of `POST /orders` with the code, at the place.
#[track_caller]
fn refuses(cases: &[(&str, &str, &str)]) {
    let orders = |(body, code, at)| (bad("POST", "/api/v1/orders", body), 422, code, at);
    Fixture::new().refuses(cases.iter().copied().map(orders));
}

#[test]
fn amounts() {
    const AT: &str = "/amount";
    let amounts = [
        "-1",
        "0",
        "0.00",
        "-0.01",
        "1e400",
        "1e30",
        "-1e-400",
        "0.001",
        "500.005",
        "1e-3",
        "9007199254740993",
        "90071992547409.92",
        "\"500\"",
        "true",
        "[]",
        "{}",
        "123456789012345678901234567890",
    ];
    let bodies: Vec<String> =
        amounts.iter().map(|amount| format!(r#"{{"amount":{amount},"items":["HomePod"]}}"#)).collect();
    let cases: Vec<_> = bodies.iter().map(|body| (&**body, "invalid_field", AT)).collect();
    refuses(&cases);
    refuses(&[
        (r#"{"items":["HomePod"]}"#, "invalid_field", AT),
        (r#"{"amount":null,"items":["HomePod"]}"#, "invalid_field", AT),
        (r#"{"amount":5,"amount_minor":501,"items":["HomePod"]}"#, "invalid_field", "/amount_minor"),
        (r#"{"amount_minor":-1,"items":["HomePod"]}"#, "invalid_field", "/amount_minor"),
        (r#"{"amount_minor":0,"items":["HomePod"]}"#, "invalid_field", "/amount_minor"),
        (r#"{"amount_minor":1.5,"items":["HomePod"]}"#, "invalid_field", "/amount_minor"),
        (r#"{"amount_minor":9007199254740992,"items":["HomePod"]}"#, "invalid_field", "/amount_minor"),
        (r#"{"amount_minor":9223372036854775808,"items":["HomePod"]}"#, "invalid_field", "/amount_minor"),
        (r#"{"amount_minor":"5","items":["HomePod"]}"#, "invalid_field", "/amount_minor"),
    ]);
}

#[test]
fn currencies() {
    let of = |currency: &str| format!(r#"{{"amount":5,"currency":{currency},"items":["HomePod"]}}"#);
    for (currency, code) in [
        ("\"EUR\"", "unsupported_currency"),
        ("\"JPY\"", "unsupported_currency"),
        ("\"XXX\"", "unsupported_currency"),
        ("\"ABC\"", "unsupported_currency"),
        ("\"\"", "unsupported_currency"),
        ("\"US\"", "unsupported_currency"),
        ("\"USD\\u0000\"", "unsupported_currency"),
        ("840", "invalid_field"),
        ("[\"USD\"]", "invalid_field"),
    ] {
        refuses(&[(&of(currency), code, "/currency")]);
    }
}

#[test]
fn lines() {
    const AT: &str = "/items";
    let ten_thousand = format!(r#"{{"amount":5,"items":[{}"a"]}}"#, "\"a\",".repeat(9_999));
    let two_hundred_and_one = format!(r#"{{"amount":5,"items":[{}"HomePod"]}}"#, "\"HomePod\",".repeat(200));
    refuses(&[
        (&ten_thousand, "invalid_field", AT),
        (&two_hundred_and_one, "invalid_field", AT),
        (r#"{"amount":5}"#, "invalid_field", AT),
        (r#"{"amount":5,"items":null}"#, "invalid_field", AT),
        (r#"{"amount":5,"items":[]}"#, "invalid_field", AT),
        (r#"{"amount":5,"items":{}}"#, "invalid_field", AT),
        (r#"{"amount":5,"items":"HomePod"}"#, "invalid_field", AT),
        (r#"{"amount":5,"items":[1]}"#, "invalid_field", "/items/0"),
        (r#"{"amount":5,"items":["HomePod",null]}"#, "invalid_field", "/items/1"),
        (r#"{"amount":5,"items":[["HomePod"]]}"#, "invalid_field", "/items/0"),
        (r#"{"amount":5,"items":[{}]}"#, "invalid_field", "/items/0/sku"),
        (r#"{"amount":5,"items":[{"sku":null}]}"#, "invalid_field", "/items/0/sku"),
        (r#"{"amount":5,"items":[{"sku":5}]}"#, "invalid_field", "/items/0/sku"),
        (
            r#"{"amount":5,"items":["HomePod",{"sku":"HomePod","line_id":"1"}]}"#,
            "invalid_field",
            "/items/1/line_id",
        ),
        (r#"{"amount":5,"items":[{"sku":"HomePod","line_id":""}]}"#, "invalid_field", "/items/0/line_id"),
        (r#"{"amount":5,"items":[{"sku":"HomePod","line_id":7}]}"#, "invalid_field", "/items/0/line_id"),
    ]);
}

#[test]
fn quantities() {
    let quantities = [
        "0",
        "-1",
        "1.5",
        "1000001",
        "4294967297",
        "9223372036854775807",
        "9223372036854775808",
        "1e30",
        "\"2\"",
        "true",
        "[1]",
    ];
    let bodies: Vec<String> = quantities
        .iter()
        .map(|quantity| {
            format!(r#"{{"amount":5,"items":["HomePod",{{"sku":"HomePod","quantity":{quantity}}}]}}"#)
        })
        .collect();
    let cases: Vec<_> = bodies.iter().map(|body| (&**body, "invalid_field", "/items/1/quantity")).collect();
    refuses(&cases);
}

#[test]
fn sums_that_overflow() {
    let lines = vec![
        json!({"sku": "HomePod", "quantity": 1_000_000, "unit_price_minor": 9_007_199_254_740_991_i64});
        200
    ];
    let many = json!({ "items": lines }).to_string();
    let one = r#"{"items":[{"sku":"HomePod","quantity":1000000,"unit_price_minor":9007199254740991}]}"#;
    let beyond = r#"{"items":[{"sku":"HomePod","quantity":2,"unit_price_minor":9007199254740991}]}"#;
    let nothing =
        r#"{"items":[{"sku":"HomePod","unit_price":5}],"adjustments":[{"kind":"discount","amount":-5}]}"#;
    let below =
        r#"{"items":[{"sku":"HomePod","unit_price":5}],"adjustments":[{"kind":"discount","amount":-5.01}]}"#;
    refuses(&[
        (&many, "invalid_field", "/items"),
        (one, "invalid_field", "/items"),
        (beyond, "invalid_field", "/amount"),
        (nothing, "invalid_field", "/amount"),
        (below, "invalid_field", "/amount"),
        (r#"{"amount":6,"items":[{"sku":"HomePod","unit_price":5}]}"#, "invalid_field", "/amount"),
    ]);
    // Quantities that add up beyond any stock are only that.
    let pieces = vec![json!({"sku": "HomePod", "quantity": 1_000_000}); 200];
    let shop = Fixture::new();
    let body = json!({"amount": 5, "items": pieces}).to_string();
    shop.refuses([(bad("POST", "/api/v1/orders", &body), 409, "out_of_stock", super::NOWHERE)]);
    let problem = shop.client.post("/api/v1/orders", &body).json();
    assert_eq!(problem["lines"], json!([{"sku": "HomePod", "requested": 200_000_000, "available": 119}]));
}

#[test]
fn prices_and_adjustments() {
    let priced = |price: &str| format!(r#"{{"items":[{{"sku":"HomePod","unit_price":{price}}}]}}"#);
    for price in ["-1", "0.001", "1e30", "\"5\"", "true"] {
        refuses(&[(&priced(price), "invalid_field", "/items/0/unit_price")]);
    }
    let adjusted =
        |adjustments: &str| format!(r#"{{"amount":5,"items":["HomePod"],"adjustments":{adjustments}}}"#);
    for (adjustments, at) in [
        ("{}", "/adjustments"),
        ("[5]", "/adjustments/0"),
        (r#"[{"amount":1}]"#, "/adjustments/0/kind"),
        (r#"[{"kind":"gift","amount":1}]"#, "/adjustments/0/kind"),
        (r#"[{"kind":"tax"}]"#, "/adjustments/0/amount"),
        (r#"[{"kind":"tax","amount":-1}]"#, "/adjustments/0/amount"),
        (r#"[{"kind":"discount","amount":1}]"#, "/adjustments/0/amount"),
        (r#"[{"kind":"discount","amount_minor":-9223372036854775808}]"#, "/adjustments/0/amount_minor"),
        (r#"[{"kind":"fee","amount":1e30}]"#, "/adjustments/0/amount"),
        (r#"[{"kind":"fee","amount":1,"label":5}]"#, "/adjustments/0/label"),
    ] {
        refuses(&[(&adjusted(adjustments), "invalid_field", at)]);
    }
}

#[test]
fn windows() {
    let windows = ["0", "-1", "2592001", "1.5", "1e30", "\"30\"", "true", "9223372036854775808"];
    let bodies: Vec<String> = windows
        .iter()
        .map(|window| format!(r#"{{"amount":5,"items":["HomePod"],"payment_window_seconds":{window}}}"#))
        .collect();
    let cases: Vec<_> =
        bodies.iter().map(|body| (&**body, "invalid_field", "/payment_window_seconds")).collect();
    refuses(&cases);
}

#[test]
fn texts_in_ids_and_skus() {
    let long = "x".repeat(101);
    let values =
        ["", &long, "a\\u0000b", "\\u001f", "line\\nbreak", "tab\\t", "\\u0085", "half \\ud800 pair"];
    for value in values {
        let sku = format!(r#"{{"amount":5,"items":["{value}"]}}"#);
        let external = format!(r#"{{"amount":5,"items":["HomePod"],"external_id":"{value}"}}"#);
        let customer = format!(r#"{{"amount":5,"items":["HomePod"],"customer_id":"{value}"}}"#);
        let line = format!(r#"{{"amount":5,"items":[{{"sku":"HomePod","line_id":"{value}"}}]}}"#);
        let sku_of_object = format!(r#"{{"amount":5,"items":[{{"sku":"{value}"}}]}}"#);
        refuses(&[
            (&sku, "invalid_field", "/items/0"),
            (&sku_of_object, "invalid_field", "/items/0/sku"),
            (&external, "invalid_field", "/external_id"),
            (&customer, "invalid_field", "/customer_id"),
            (&line, "invalid_field", "/items/0/line_id"),
        ]);
    }
    refuses(&[
        (r#"{"amount":5,"items":["HomePod"],"external_id":5}"#, "invalid_field", "/external_id"),
        (r#"{"amount":5,"items":["HomePod"],"customer_id":["x"]}"#, "invalid_field", "/customer_id"),
    ]);
}

#[test]
fn addresses_and_metadata() {
    let long = format!("\"{}\"", "x".repeat(5_000));
    for field in ["shipping_address", "metadata"] {
        let body = |value: &str| format!(r#"{{"amount":5,"items":["HomePod"],"{field}":{value}}}"#);
        let (top, of_k) = (format!("/{field}"), format!("/{field}/k"));
        let large = format!(r#"{{"k":{long}}}"#);
        for (value, at) in [
            ("\"text\"", &top),
            ("[]", &top),
            ("5", &top),
            (&large, &top),
            (r#"{"k":5}"#, &of_k),
            (r#"{"k":null}"#, &of_k),
            (r#"{"k":{"nested":"x"}}"#, &of_k),
            (r#"{"k":["x"]}"#, &of_k),
            (r#"{"k":"a\u0000b"}"#, &of_k),
        ] {
            refuses(&[(&body(value), "invalid_field", at)]);
        }
    }
}

#[test]
fn what_is_not_there_or_taken() {
    let shop = Fixture::new();
    shop.refuses([
        (
            bad("POST", "/api/v1/orders", r#"{"amount":5,"items":["HomePod","ghost"]}"#),
            422,
            "unknown_sku",
            "/items/1",
        ),
        (
            bad("POST", "/api/v1/orders", r#"{"amount":5,"items":[{"sku":"ghost"}]}"#),
            422,
            "unknown_sku",
            "/items/0/sku",
        ),
        (
            bad("POST", "/api/v1/orders", r#"{"amount":5,"items":["homepod"]}"#),
            422,
            "unknown_sku",
            "/items/0",
        ),
        (
            bad("POST", "/api/v1/orders", r#"{"amount":5,"items":[{"sku":"Mac Pro","quantity":50}]}"#),
            409,
            "out_of_stock",
            super::NOWHERE,
        ),
        (
            bad("POST", "/api/v1/orders", r#"{"amount":9,"items":["HomePod"],"external_id":"cart-1"}"#),
            409,
            "external_id_taken",
            super::NOWHERE,
        ),
    ]);
}
