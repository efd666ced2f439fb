//! Stock that cannot be set, and scripts and times that make no sense.

use super::{Fixture, NOWHERE, bad};

#[test]
fn counts() {
    let shop = Fixture::new();
    let put = |path: &'static str, body: &'static str| bad("PUT", path, body);
    let counts =
        ["-1", "1.5", "1e300", "9007199254740992", "9223372036854775808", "\"5\"", "true", "null", "[]"];
    let bodies: Vec<String> = counts.iter().map(|count| format!(r#"{{"on_hand":{count}}}"#)).collect();
    for path in ["/api/v1/inventory/HomePod", "/api/v1/inventory/new"] {
        shop.refuses(bodies.iter().map(|body| (bad("PUT", path, body), 422, "invalid_field", "/on_hand")));
    }
    const PATH: &str = "/api/v1/inventory/HomePod";
    shop.refuses([
        (put(PATH, "{}"), 422, "invalid_field", "/on_hand"),
        (put(PATH, r#"{"on_hand":5,"expected_on_hand":-1}"#), 422, "invalid_field", "/expected_on_hand"),
        (put(PATH, r#"{"on_hand":5,"expected_on_hand":"5"}"#), 422, "invalid_field", "/expected_on_hand"),
        (put(PATH, r#"{"on_hand":5,"recount":"yes"}"#), 422, "invalid_field", "/recount"),
        (put(PATH, r#"{"on_hand":5,"reason":""}"#), 422, "invalid_field", "/reason"),
        (put(PATH, r#"{"on_hand":5,"expected_on_hand":119}"#), 412, "version_mismatch", NOWHERE),
        (put(PATH, r#"{"on_hand":0}"#), 409, "below_reserved", NOWHERE),
        (
            put("/api/v1/inventory/new", r#"{"on_hand":5,"expected_on_hand":3}"#),
            412,
            "version_mismatch",
            NOWHERE,
        ),
    ]);
}

#[test]
fn adjustments() {
    let shop = Fixture::new();
    let cases = [
        (r#"{"sku":"HomePod","delta":1}"#, 422, "invalid_field", "/reason"),
        (r#"{"sku":"HomePod","reason":"x"}"#, 422, "invalid_field", "/delta"),
        (r#"{"delta":1,"reason":"x"}"#, 422, "invalid_field", "/sku"),
        (r#"{"sku":"","delta":1,"reason":"x"}"#, 422, "invalid_field", "/sku"),
        (r#"{"sku":5,"delta":1,"reason":"x"}"#, 422, "invalid_field", "/sku"),
        (r#"{"sku":"a\u0000","delta":1,"reason":"x"}"#, 422, "invalid_field", "/sku"),
        (r#"{"sku":"HomePod","delta":1.5,"reason":"x"}"#, 422, "invalid_field", "/delta"),
        (r#"{"sku":"HomePod","delta":"1","reason":"x"}"#, 422, "invalid_field", "/delta"),
        (r#"{"sku":"HomePod","delta":1e300,"reason":"x"}"#, 422, "invalid_field", "/delta"),
        (r#"{"sku":"HomePod","delta":-9223372036854775808,"reason":"x"}"#, 422, "invalid_field", "/delta"),
        (r#"{"sku":"HomePod","delta":9007199254740991,"reason":"x"}"#, 422, "invalid_field", "/delta"),
        (r#"{"sku":"ghost","delta":1,"reason":"x"}"#, 422, "unknown_sku", "/sku"),
        (r#"{"sku":"HomePod","delta":-120,"reason":"x"}"#, 409, "below_reserved", NOWHERE),
        (r#"{"sku":"iPad mini","delta":-401,"reason":"x"}"#, 409, "below_reserved", NOWHERE),
    ];
    shop.refuses(cases.map(|(body, status, code, at)| {
        (bad("POST", "/api/v1/inventory/adjustments", body), status, code, at)
    }));
}

#[test]
fn skus_in_paths() {
    let shop = Fixture::new();
    let long = format!("/api/v1/inventory/{}", "x".repeat(101));
    for path in ["/api/v1/inventory/ghost", "/api/v1/inventory/homepod", "/api/v1/inventory/a%00b", &long] {
        shop.refuses([(bad("GET", path, ""), 404, "unknown_sku", NOWHERE)]);
    }
    for path in ["/api/v1/inventory/a%00b", "/api/v1/inventory/%0a", "/api/v1/inventory/%C2%85", &long] {
        shop.refuses([(bad("PUT", path, r#"{"on_hand":5}"#), 422, "invalid_field", "sku")]);
    }
}

#[test]
fn pages() {
    let shop = Fixture::new();
    for (query, at) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=5&limit=6", "limit"),
        ("cursor=zz", "cursor"),
        ("cursor=4", "cursor"),
        ("cursor=00", "cursor"),
        ("cursor=ff", "cursor"),
        // The SKU alone, as it is in a cursor.
        ("cursor=486f6d65506f64", "cursor"),
        ("cursor=", "cursor"),
        ("offset=5", "offset"),
        ("%00=1", "\0"),
    ] {
        let path = format!("/api/v1/inventory?{query}");
        shop.refuses([(bad("GET", &path, ""), 422, "invalid_field", at)]);
    }
}

#[test]
fn scripts() {
    let shop = Fixture::new();
    let many = format!(r#"{{"script":[{}{{"do":"fail"}}]}}"#, r#"{"do":"fail"},"#.repeat(1_000));
    for (body, at) in [
        ("{}", "/script"),
        (r#"{"script":"fail"}"#, "/script"),
        (r#"{"script":[]}"#, "/script"),
        (&many, "/script"),
        (r#"{"script":["fail"]}"#, "/script/0"),
        (r#"{"script":[{}]}"#, "/script/0/do"),
        (r#"{"script":[{"do":"fly"}]}"#, "/script/0/do"),
        (r#"{"script":[{"do":"fail","times":0}]}"#, "/script/0/times"),
        (r#"{"script":[{"do":"fail","times":1.5}]}"#, "/script/0/times"),
        (r#"{"script":[{"do":"fail","ms":-1}]}"#, "/script/0/ms"),
        (r#"{"script":[{"do":"fail","reason":5}]}"#, "/script/0/reason"),
        (r#"{"script":[{"do":"fail","reason":"a\u0000b"}]}"#, "/script/0/reason"),
        (r#"{"script":[{"do":"fail"}],"order_id":"a b"}"#, "/order_id"),
    ] {
        shop.refuses([(bad("PUT", "/api/v1/dev/providers/carrier", body), 422, "invalid_field", at)]);
    }
    let good = r#"{"script":[{"do":"fail"}]}"#;
    shop.refuses([
        (bad("PUT", "/api/v1/dev/providers/post", good), 404, "unknown_route", NOWHERE),
        (bad("DELETE", "/api/v1/dev/providers/post", ""), 404, "unknown_route", NOWHERE),
        (bad("DELETE", "/api/v1/dev/providers/carrier?order=1", ""), 422, "invalid_field", "order"),
    ]);
}

#[test]
fn times() {
    let shop = Fixture::new();
    for advance in ["5", "\"\"", "\"-PT1H\"", "\"later\"", "\"P1M\"", "\"P9999Y\"", "null", "{}"] {
        let body = format!(r#"{{"advance":{advance}}}"#);
        shop.refuses([(bad("POST", "/api/v1/dev/clock", &body), 422, "invalid_field", "/advance")]);
    }
}
