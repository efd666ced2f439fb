//! D: what payments do to an order, in each of its states.

use super::{LARGE, ORDER};
use crate::client::Client;
use crate::server::still;
use serde_json::{Value, json};

const APPROVE: &str = r#"{"action":"APPROVE"}"#;
const REJECT: &str = r#"{"action":"REJECT"}"#;

/// What an order says of each of its payments.
fn payments(order: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = order["payments"].as_array().unwrap();
    list.iter().map(|payment| (text(&payment["payment_id"]), text(&payment["status"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, status)| ((*id).to_owned(), (*status).to_owned())).collect()
}

/// The order once everything that is due now has settled.
fn settled(client: Client, id: &str) -> Value {
    client.advance("PT0S");
    client.order(id)
}

#[test]
fn d_a_failed_payment_ends_the_order() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(ORDER);
    let failed = client.act(&id, "pay", r#"{"outcome":"failed","reason":"card stolen"}"#);
    assert_eq!((&failed["state"], &failed["status"]), (&json!("failed"), &json!("失败: 支付失败")));
    assert_eq!(failed["reason"], json!({"code": "payment_failed", "detail": "card stolen"}));
    assert_eq!(payments(&failed), pairs(&[("default", "failed")]));
    assert_eq!(client.stock("iPhone 15"), (1_000, 0));
    let english = client.ask("GET", &format!("/api/v1/orders/{id}"), &[("accept-language", "en")], b"").ok();
    assert_eq!(english["status"], "Failed: payment failed");
}

#[test]
fn d_a_declined_customer_may_try_again_within_the_window() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(ORDER);
    let declined = client.act(&id, "pay", r#"{"payment_id":"p","outcome":"declined","event_id":"e1"}"#);
    assert_eq!(
        (&declined["state"], &declined["payment_status"]),
        (&json!("awaiting_payment"), &json!("declined"))
    );
    client.advance("PT20S");
    let other = client.act(&id, "pay", r#"{"payment_id":"p","outcome":"declined","event_id":"e2"}"#);
    assert_eq!(other["status"], "待支付 (超时倒计时: 10s)", "the window goes on");
    let paid = client.act(&id, "pay", r#"{"payment_id":"p"}"#);
    assert_eq!((&paid["state"], payments(&paid)), (&json!("shipping"), pairs(&[("p", "captured")])));
}

#[test]
fn d_a_payment_after_the_window_is_recorded_and_given_back() {
    let (place, server) = still();
    let client = server.client;
    let id = client.place(ORDER);
    client.advance("PT30S");
    let late = client.act(&id, "pay", "");
    assert_eq!(
        (&late["state"], payments(&late)),
        (&json!("expired"), pairs(&[("default", "refund_pending")]))
    );
    let refunded = settled(client, &id);
    assert_eq!((&refunded["state"], &refunded["payment_status"]), (&json!("expired"), &json!("refunded")));
    assert_eq!(
        (&refunded["refunds"][0]["status"], &refunded["refunds"][0]["amount"]),
        (&json!("done"), &json!(500))
    );
    let taken = place.effects();
    assert_eq!(
        (taken.len(), &taken[0]["provider"], &taken[0]["amount_minor"]),
        (1, &json!("payments"), &json!(50_000))
    );
}

#[test]
fn d_of_two_payments_one_is_kept_and_one_given_back() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(ORDER);
    client.act(&id, "pay", r#"{"payment_id":"first"}"#);
    let twice = client.act(&id, "pay", r#"{"payment_id":"second"}"#);
    assert_eq!(twice["state"], "shipping");
    client.advance("PT2S");
    let completed = client.order(&id);
    assert_eq!((&completed["state"], &completed["payment_status"]), (&json!("completed"), &json!("paid")));
    assert_eq!(payments(&completed), pairs(&[("first", "captured"), ("second", "refunded")]));
}

#[test]
fn d_a_payment_in_review_is_used_on_approval_and_given_back_otherwise() {
    let (_place, server) = still();
    let client = server.client;
    let approved = client.place(LARGE);
    let paid = client.act(&approved, "pay", "");
    assert_eq!((&paid["state"], &paid["payment_status"]), (&json!("in_review"), &json!("paid")));
    assert_eq!(client.act(&approved, "audit", APPROVE)["state"], "shipping", "no window, it is paid");
    for (action, body, state) in [("audit", REJECT, "rejected"), ("cancel", "", "cancelled")] {
        let id = client.place(LARGE);
        client.act(&id, "pay", "");
        let undone = client.act(&id, action, body);
        assert_eq!((&undone["state"], &undone["status"]), (&json!("compensating"), &json!("正在回滚…")));
        let ended = settled(client, &id);
        assert_eq!((&ended["state"], &ended["payment_status"]), (&json!(state), &json!("refunded")));
    }
    assert_eq!(client.stock("Mac Pro"), (50, 1));
}

#[test]
fn d_a_capture_of_another_amount_or_currency_is_given_back() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(ORDER);
    client.act(&id, "pay", r#"{"payment_id":"less","amount":499.99}"#);
    client.act(&id, "pay", r#"{"payment_id":"more","amount_minor":50001}"#);
    client.act(&id, "pay", r#"{"payment_id":"yen","amount":500,"currency":"JPY"}"#);
    let order = settled(client, &id);
    assert_eq!(order["state"], "awaiting_payment");
    assert_eq!(payments(&order), pairs(&[("less", "refunded"), ("more", "refunded"), ("yen", "refunded")]));
    assert_eq!(
        (&order["refunds"][2]["amount"], &order["refunds"][2]["currency"]),
        (&json!(500), &json!("JPY"))
    );
    assert_eq!(client.act(&id, "pay", r#"{"payment_id":"whole","amount":500.00}"#)["state"], "shipping");
}

#[test]
fn d_a_report_that_was_recorded_before_changes_nothing() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(ORDER);
    let report = r#"{"payment_id":"p","event_id":"e"}"#;
    let paid = client.act(&id, "pay", report);
    assert_eq!(client.act(&id, "pay", report), paid);
    let again = client.act(&id, "pay", r#"{"payment_id":"p","event_id":"e2"}"#);
    assert_eq!(
        (payments(&again), &again["version"]),
        (pairs(&[("p", "captured")]), &json!(4)),
        "recorded only"
    );
    let declined = client.act(&id, "pay", r#"{"payment_id":"p","outcome":"declined"}"#);
    assert_eq!((payments(&declined), &declined["state"]), (pairs(&[("p", "captured")]), &json!("shipping")));
}

#[test]
fn d_reports_are_taken_in_every_state_and_move_none() {
    let (_place, server) = still();
    let client = server.client;
    let cancelled = client.place(ORDER);
    client.act(&cancelled, "cancel", "");
    let completed = client.place(ORDER);
    client.act(&completed, "pay", "");
    client.advance("PT2S");
    for (id, state) in [(cancelled, "cancelled"), (completed, "completed")] {
        for (number, outcome) in (1..).zip(["failed", "declined", "captured"]) {
            let order =
                client.act(&id, "pay", &format!(r#"{{"payment_id":"late-{number}","outcome":"{outcome}"}}"#));
            assert_eq!(order["state"], state, "{outcome}");
        }
        let order = settled(client, &id);
        assert_eq!(
            (&order["state"], &order["payments"].as_array().unwrap().last().unwrap()["status"]),
            (&json!(state), &json!("refunded"))
        );
    }
    assert_eq!(client.stock("iPhone 15"), (999, 0));
}
