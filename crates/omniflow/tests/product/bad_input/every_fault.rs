//! Orders with more than one fault: what the reader finds is told beside what the core does, in order, and
//! nothing that may only follow from another fault.

use super::Fixture;
use serde_json::json;

#[test]
fn everything_that_is_wrong_is_named_at_once_and_in_order() {
    let shop = Fixture::new();
    let eleven = vec![json!(""); 11];
    let eleven = json!({"amount": "5", "items": eleven}).to_string();
    let in_order: Vec<String> = (0..11).map(|place| format!("/items/{place}")).collect();
    let in_order: Vec<&str> = ["/amount"].into_iter().chain(in_order.iter().map(|at| &**at)).collect();
    for (body, expected) in [
        (
            r#"{"amount":"5","items":["HomePod",{"sku":5,"quantity":0}],"payment_window_seconds":0}"#,
            &["/amount", "/items/1/quantity", "/items/1/sku", "/payment_window_seconds"][..],
        ),
        (
            r#"{"amount":0.001,"items":["HomePod",{"sku":"","line_id":"1"}],"external_id":""}"#,
            &["/amount", "/external_id", "/items/1/sku"],
        ),
        // What the reader finds, beside what the core does.
        (
            r#"{"amount":-5,"currency":"EUR","items":["",{"sku":"HomePod","quantity":1.5}],"external_id":5,
                "customer_id":"","adjustments":[5,{"kind":"gift","amount":1}],"metadata":{"a":5,"b":6}}"#,
            &[
                "/adjustments/0",
                "/adjustments/1/kind",
                "/amount",
                "/currency",
                "/customer_id",
                "/external_id",
                "/items/0",
                "/items/1/quantity",
                "/metadata/a",
                "/metadata/b",
            ],
        ),
        ("{}", &["/amount", "/items"]),
        (r#"{"items":[]}"#, &["/amount", "/items"]),
        (r#"{"items":[{"sku":5}],"external_id":""}"#, &["/amount", "/external_id", "/items/0/sku"]),
        (&eleven, &in_order),
        // What may follow from another fault is not said.
        (r#"{"items":5}"#, &["/items"]),
        (r#"{"items":[5]}"#, &["/items/0"]),
        (r#"{"items":[{"sku":"HomePod","unit_price":"5"}]}"#, &["/items/0/unit_price"]),
        (r#"{"items":[{"sku":"HomePod","unit_price_minor":"5"}]}"#, &["/items/0/unit_price_minor"]),
        (
            r#"{"amount":10,"items":[{"sku":"HomePod","quantity":"2","unit_price":5}]}"#,
            &["/items/0/quantity"],
        ),
        (
            r#"{"items":[{"sku":"HomePod","unit_price":5}],"adjustments":[{"kind":"discount","amount_minor":"1"}]}"#,
            &["/adjustments/0/amount_minor"],
        ),
        (
            r#"{"amount":5,"items":[{"sku":"HomePod","line_id":5},{"sku":"HomePod","line_id":"1"}]}"#,
            &["/items/0/line_id"],
        ),
        (r#"{"amount":5,"amount_minor":"500","items":["HomePod"]}"#, &["/amount_minor"]),
    ] {
        let problem = shop.client.post("/api/v1/orders", body).problem(422, "invalid_field");
        let errors = problem["errors"].as_array().unwrap();
        let pointers: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, expected, "{body}");
    }
    let mistyped = r#"{"amuont":5,"items":[""]}"#;
    let problem = shop.client.post("/api/v1/orders", mistyped).problem(422, "unknown_field");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 3, "{problem}");
    let mistyped = json!({"items": vec![1; 150], "amuont": 5}).to_string();
    let problem = shop.client.post("/api/v1/orders", &mistyped).problem(422, "unknown_field");
    let errors = problem["errors"].as_array().unwrap();
    assert!(errors.len() == 100 && errors.iter().any(|error| error["pointer"] == "/amuont"), "{problem}");
    let many = json!({"amount": 5, "items": vec![json!({"sku": "", "quantity": 0}); 200]}).to_string();
    let problem = shop.client.post("/api/v1/orders", &many).problem(422, "invalid_field");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 100, "a list has its end");
}

#[test]
fn what_stands_in_for_the_hundred_and_first_fault_is_not_judged_either() {
    let shop = Fixture::new();
    let (items, unknown) = (vec![1; 150], |number: usize| format!("x{number}"));
    let many_unknown: serde_json::Map<_, _> = (0..150).map(|number| (unknown(number), json!(1))).collect();
    let mut beside_unknown = json!({"items": items, "adjustments": [1], "external_id": 5});
    beside_unknown.as_object_mut().unwrap().extend(many_unknown);
    for (body, code) in [
        (json!({"items": items, "adjustments": [1], "external_id": 5}), "invalid_field"),
        (
            json!({"amount": 5, "items": vec![json!({"sku": 5, "quantity": 0}); 150], "customer_id": 5}),
            "invalid_field",
        ),
        (beside_unknown, "unknown_field"),
    ] {
        let problem = shop.client.post("/api/v1/orders", &body.to_string()).problem(422, code);
        for error in problem["errors"].as_array().unwrap() {
            let (at, detail) = (error["pointer"].as_str().unwrap(), error["detail"].as_str().unwrap());
            let sent = body.pointer(at).is_some();
            assert!(sent && !detail.contains("is required") && !detail.contains("empty"), "{error}");
        }
    }
}
