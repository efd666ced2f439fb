//! Payment reports, decisions and other actions that make no sense.

use super::{Bad, Fixture, NOWHERE, bad};
use crate::scenarios::LARGE;

#[test]
fn payment_reports() {
    let shop = Fixture::new();
    let long = format!(r#"{{"payment_id":"{}"}}"#, "x".repeat(101));
    let long_reason = format!(r#"{{"reason":"{}"}}"#, "x".repeat(501));
    let cases = [
        (r#"{"outcome":"paid"}"#, "/outcome"),
        (r#"{"outcome":""}"#, "/outcome"),
        (r#"{"outcome":1}"#, "/outcome"),
        (r#"{"outcome":["captured"]}"#, "/outcome"),
        (r#"{"payment_id":""}"#, "/payment_id"),
        (r#"{"payment_id":7}"#, "/payment_id"),
        (r#"{"payment_id":"a\u0000b"}"#, "/payment_id"),
        (&long, "/payment_id"),
        (r#"{"event_id":""}"#, "/event_id"),
        (r#"{"event_id":"a\nb"}"#, "/event_id"),
        (r#"{"event_id":{}}"#, "/event_id"),
        (r#"{"reason":""}"#, "/reason"),
        (r#"{"reason":5}"#, "/reason"),
        (r#"{"reason":"a\u0000b"}"#, "/reason"),
        (&long_reason, "/reason"),
        (r#"{"amount":-5}"#, "/amount"),
        (r#"{"amount":0}"#, "/amount"),
        (r#"{"amount":0.001}"#, "/amount"),
        (r#"{"amount":1e400}"#, "/amount"),
        (r#"{"amount":"5"}"#, "/amount"),
        (r#"{"amount_minor":-1}"#, "/amount_minor"),
        (r#"{"amount_minor":0}"#, "/amount_minor"),
        (r#"{"amount_minor":1.5}"#, "/amount_minor"),
        (r#"{"amount_minor":9007199254740992}"#, "/amount_minor"),
        (r#"{"amount_minor":9223372036854775807}"#, "/amount_minor"),
        (r#"{"amount":90071992547409.92}"#, "/amount"),
        (r#"{"amount":5,"amount_minor":501}"#, "/amount_minor"),
        (r#"{"amount":500.5,"currency":"JPY"}"#, "/amount"),
        (r#"{"currency":"EUR"}"#, "/amount"),
        (r#"{"amount":5,"currency":"XXY"}"#, "/currency"),
        (r#"{"amount":5,"currency":"usd"}"#, "/currency"),
        (r#"{"amount":5,"currency":""}"#, "/currency"),
        (r#"{"amount":5,"currency":840}"#, "/currency"),
    ];
    for id in [&shop.open, &shop.reviewed, &shop.ended] {
        let path = format!("/api/v1/orders/{id}/pay");
        shop.refuses(cases.iter().map(|(body, at)| (bad("POST", &path, *body), 422, "invalid_field", *at)));
    }
}

#[test]
fn decisions_and_their_reasons() {
    let shop = Fixture::new();
    let path = format!("/api/v1/orders/{}/audit", shop.reviewed);
    let long = format!(r#"{{"action":"APPROVE","reason":"{}"}}"#, "é".repeat(501));
    shop.refuses([
        (bad("POST", &path, r#"{"action":"MAYBE"}"#), 422, "invalid_field", "/action"),
        (bad("POST", &path, r#"{"action":1}"#), 422, "invalid_field", "/action"),
        (bad("POST", &path, r#"{"action":"APPROVE","reason":"a\u0007b"}"#), 422, "invalid_field", "/reason"),
        (bad("POST", &path, &long), 422, "invalid_field", "/reason"),
        (bad("POST", &path, r#"{"reason":"x"}"#), 422, "invalid_field", "/action"),
        (bad("POST", &path, r#"{"action":"APPROVE","sure":true}"#), 422, "unknown_field", "/sure"),
    ]);
    for action in ["cancel", "skip", "compensate"] {
        let path = format!("/api/v1/orders/{}/{action}", shop.open);
        shop.refuses([
            (bad("POST", &path, r#"{"reason":5}"#), 422, "invalid_field", "/reason"),
            (bad("POST", &path, r#"{"reason":""}"#), 422, "invalid_field", "/reason"),
            (bad("POST", &path, r#"{"reason":"\u0000"}"#), 422, "invalid_field", "/reason"),
        ]);
    }
}

#[test]
fn actions_that_the_state_forbids() {
    let shop = Fixture::new();
    let approve = r#"{"action":"APPROVE"}"#;
    for (id, action, body) in [
        (&shop.open, "audit", approve),
        (&shop.open, "retry", ""),
        (&shop.open, "skip", r#"{"reason":"x"}"#),
        (&shop.open, "compensate", ""),
        (&shop.reviewed, "retry", ""),
        (&shop.ended, "audit", approve),
        (&shop.ended, "cancel", ""),
        (&shop.ended, "compensate", ""),
    ] {
        let path = format!("/api/v1/orders/{id}/{action}");
        shop.refuses([(bad("POST", &path, body), 409, "action_not_allowed", NOWHERE)]);
        let problem = shop.client.post(&path, body).json();
        let order = shop.client.order(id);
        assert_eq!(problem["allowed_actions"], order["allowed_actions"], "{path}");
    }
    let details = format!("/api/v1/orders/{}/details", shop.open);
    shop.refuses([(bad("DELETE", &details, ""), 409, "action_not_allowed", NOWHERE)]);
}

#[test]
fn versions_that_are_not_the_orders() {
    let shop = Fixture::new();
    for (action, body) in [("pay", ""), ("cancel", ""), ("audit", r#"{"action":"APPROVE"}"#)] {
        let path = format!("/api/v1/orders/{}/{action}", shop.reviewed);
        let request = |headers| Bad { method: "POST", path: &path, headers, body: body.as_bytes() };
        shop.refuses([
            (request(&[("if-match", "\"1\"")]), 412, "version_mismatch", NOWHERE),
            (request(&[("if-match", "\"3\"")]), 412, "version_mismatch", NOWHERE),
            (request(&[("if-match", "\"x\"")]), 412, "version_mismatch", NOWHERE),
            (request(&[("if-match", "2")]), 422, "invalid_field", "If-Match"),
            (request(&[("if-match", "W/\"2\"")]), 412, "version_mismatch", NOWHERE),
            (request(&[("if-match", "\"+2\"")]), 412, "version_mismatch", NOWHERE),
            (request(&[("if-match", "\"02\"")]), 412, "version_mismatch", NOWHERE),
            (request(&[("if-match", "\"2,\"")]), 412, "version_mismatch", NOWHERE),
            (request(&[("if-match", "\"1\", \"3\"")]), 412, "version_mismatch", NOWHERE),
            (request(&[("if-match", "\"1\""), ("if-match", "\"3\"")]), 412, "version_mismatch", NOWHERE),
            (request(&[("if-match", "\"2\" \"3\"")]), 422, "invalid_field", "If-Match"),
            (request(&[("if-match", "*, \"2\"")]), 422, "invalid_field", "If-Match"),
            (request(&[("if-match", "\"2\""), ("if-match", "2")]), 422, "invalid_field", "If-Match"),
            (request(&[("if-match", "")]), 422, "invalid_field", "If-Match"),
        ]);
        let gone = format!("/api/v1/orders/ORD-1/{action}");
        let headers = &[("if-match", "\"1\", \"2\"")];
        let request = Bad { method: "POST", path: &gone, headers, body: body.as_bytes() };
        shop.refuses([(request, 404, "order_not_found", NOWHERE)]);
    }
    let path = format!("/api/v1/orders/{}", shop.reviewed);
    let read = |headers| Bad { method: "GET", path: &path, headers, body: b"" };
    shop.refuses([
        (read(&[("if-match", "\"1\"")]), 412, "version_mismatch", NOWHERE),
        (read(&[("if-match", "W/\"2\"")]), 412, "version_mismatch", NOWHERE),
        (read(&[("if-match", "2")]), 422, "invalid_field", "If-Match"),
    ]);
    assert_eq!(shop.client.ask("GET", &path, &[("if-match", "\"2\"")], b"").ok()["version"], 2);
}

#[test]
fn versions_that_are_the_orders() {
    let shop = Fixture::new();
    for headers in [
        &[("if-match", "\"2\"")][..],
        &[("if-match", "*")],
        &[("if-match", "\"1\", \"2\"")],
        &[("if-match", "\"9\",W/\"2\", \"x,y\" , \"2\"")],
        &[("if-match", "\"1\""), ("if-match", "\"2\"")],
    ] {
        let id = shop.client.place(LARGE);
        let path = format!("/api/v1/orders/{id}/audit");
        let answer = shop.client.ask("POST", &path, headers, br#"{"action":"APPROVE"}"#);
        assert_eq!(answer.ok()["state"], "awaiting_payment", "{headers:?}");
        let again = shop.client.ask("POST", &path, &[("if-match", "\"2\"")], br#"{"action":"APPROVE"}"#);
        again.problem(412, "version_mismatch");
    }
}

#[test]
fn more_payments_than_an_order_takes() {
    let shop = Fixture::new();
    let path = format!("/api/v1/orders/{}/pay", shop.open);
    for number in 1..=100 {
        shop.client.post(&path, &format!(r#"{{"payment_id":"p-{number}","outcome":"declined"}}"#)).ok();
    }
    shop.refuses([
        (bad("POST", &path, r#"{"payment_id":"p-101"}"#), 409, "too_many_payments", NOWHERE),
        (
            bad("POST", &path, r#"{"payment_id":"p-101","outcome":"failed"}"#),
            409,
            "too_many_payments",
            NOWHERE,
        ),
    ]);
    let paid = shop.client.post(&path, r#"{"payment_id":"p-1"}"#).ok();
    assert_eq!(paid["state"], "shipping", "a known payment is taken");
}
