//! C: a person decides about a large order.

use super::{LARGE, ORDER};
use crate::client::Client;
use crate::server::still;
use serde_json::json;

const WAITING: &str = "⚠️ 待风控审核 (大额订单)";

#[test]
fn c_an_approved_order_goes_on_with_a_whole_window() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(LARGE);
    let waiting = client.order(&id);
    assert_eq!((&waiting["state"], &waiting["status"]), (&json!("in_review"), &json!(WAITING)));
    assert_eq!(waiting["allowed_actions"], json!(["pay", "approve", "reject", "cancel"]));
    client.advance("P14D");
    assert_eq!(client.order(&id), waiting, "nobody has decided");
    let approved = client.act(&id, "audit", r#"{"action": "APPROVE"}"#);
    assert_eq!(approved["status"], "待支付 (超时倒计时: 30s)");
    client.act(&id, "pay", "");
    client.advance("PT2S");
    assert_eq!(client.order(&id)["state"], "completed");
}

#[test]
fn c_a_rejected_order_is_closed_and_its_stock_is_free_again() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(LARGE);
    assert_eq!(client.stock("Mac Pro"), (50, 1));
    let rejected = client.act(&id, "audit", r#"{"action": "reject", "reason": "stolen card"}"#);
    assert_eq!((&rejected["state"], &rejected["status"]), (&json!("rejected"), &json!("已关闭 (风控拒绝)")));
    assert_eq!(rejected["reason"], json!({"code": "review_rejected", "detail": "stolen card"}));
    assert_eq!(client.stock("Mac Pro"), (50, 0));
}

#[test]
fn c_only_strictly_above_the_threshold_is_reviewed() {
    let (_place, server) = still();
    for (amount, state) in [
        ("9999.99", "awaiting_payment"),
        ("10000", "awaiting_payment"),
        ("10000.00", "awaiting_payment"),
        ("10000.01", "in_review"),
        ("20000", "in_review"),
    ] {
        let id = server.client.place(&format!(r#"{{"amount": {amount}, "items": ["USB-C Cable"]}}"#));
        assert_eq!(server.client.order(&id)["state"], state, "{amount}");
    }
}

/// Asserts that a decision is refused and nothing is another than before.
#[track_caller]
fn refused(client: Client, id: &str, body: &str, status: u16, code: &str) -> serde_json::Value {
    let before = client.get(&format!("/api/v1/orders/{id}")).body;
    let problem = client.post(&format!("/api/v1/orders/{id}/audit"), body).problem(status, code);
    assert_eq!(client.get(&format!("/api/v1/orders/{id}")).body, before, "{body}");
    problem
}

#[test]
fn c_what_is_no_decision_is_refused_and_changes_nothing() {
    let (_place, server) = still();
    let id = server.client.place(LARGE);
    for body in [
        r#"{"action":"MAYBE"}"#,
        "",
        "{}",
        r#"{"action":""}"#,
        r#"{"action":null}"#,
        r#"{"action":true}"#,
        r#"{"action":"APPROVE "}"#,
        r#"{"action":["APPROVE"]}"#,
    ] {
        refused(server.client, &id, body, 422, "invalid_field");
    }
    assert_eq!(server.client.events(&id), ["order_placed", "stock_reserved"]);
}

#[test]
fn c_the_same_decision_again_is_taken_and_another_one_refused() {
    let (_place, server) = still();
    let client = server.client;
    for (first, second, allowed) in
        [("APPROVE", "REJECT", json!(["pay", "cancel"])), ("REJECT", "APPROVE", json!([]))]
    {
        let id = client.place(LARGE);
        let decided = client.act(&id, "audit", &format!(r#"{{"action":"{first}"}}"#));
        let again = client.act(&id, "audit", &format!(r#"{{"action":"{first}"}}"#));
        assert_eq!(decided, again);
        let other = format!(r#"{{"action":"{second}"}}"#);
        let problem = refused(client, &id, &other, 409, "action_not_allowed");
        assert_eq!(problem["allowed_actions"], allowed);
    }
    let small = client.place(ORDER);
    refused(client, &small, r#"{"action":"APPROVE"}"#, 409, "action_not_allowed");
}

#[test]
fn c_an_order_can_be_cancelled_until_it_ships() {
    let (_place, server) = still();
    let client = server.client;
    for body in [LARGE, ORDER] {
        let id = client.place(body);
        let cancelled = client.act(&id, "cancel", r#"{"reason":"changed my mind"}"#);
        assert_eq!((&cancelled["state"], &cancelled["status"]), (&json!("cancelled"), &json!("已取消")));
        assert_eq!(client.act(&id, "cancel", ""), cancelled, "again");
    }
    assert_eq!((client.stock("Mac Pro"), client.stock("iPhone 15")), ((50, 0), (1_000, 0)));
    let id = client.place(ORDER);
    client.act(&id, "pay", "");
    let problem = client.post(&format!("/api/v1/orders/{id}/cancel"), "").problem(409, "action_not_allowed");
    assert_eq!(problem["allowed_actions"], json!([]));
}
