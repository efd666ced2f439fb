//! F: providers fail, and people help.

use super::{LARGE, ORDER};
use crate::client::Client;
use crate::server::{Place, still};
use serde_json::{Value, json};

const REASON: &str = r#"{"reason":"settled by telephone"}"#;

/// Scripts a provider for all orders.
#[track_caller]
fn script(client: Client, provider: &str, steps: &str) {
    let answer =
        client.put(&format!("/api/v1/dev/providers/{provider}"), &format!(r#"{{"script":[{steps}]}}"#));
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// Places and pays an order; answers it once all that can happen within a minute has happened.
fn paid(client: Client) -> (String, Value) {
    let id = client.place(ORDER);
    client.act(&id, "pay", "");
    client.advance("PT60S");
    let order = client.order(&id);
    (id, order)
}

fn attention(order: &Value) -> (&Value, &Value, &Value) {
    let attention = &order["attention"];
    (&attention["step"], &attention["reason"]["code"], &attention["attempts"])
}

#[test]
fn f_what_fails_is_tried_again() {
    let (place, server) = still();
    script(server.client, "carrier", r#"{"do":"fail","times":3}"#);
    let (_, order) = paid(server.client);
    assert_eq!((&order["state"], &order["attention"]), (&json!("completed"), &json!(null)));
    assert_eq!(place.effects().len(), 1);
}

#[test]
fn f_a_script_can_be_given_at_the_start_and_taken_away() {
    let place = Place::new();
    let server =
        place.start(&["--test-clock", "--script", "carrier=refuse:9", "--script", "payments=fail:1"]);
    let client = server.client;
    assert_eq!(paid(client).1["state"], "failed");
    assert_eq!(client.delete("/api/v1/dev/providers/carrier").status, 204);
    assert_eq!(paid(client).1["state"], "completed");
}

#[test]
fn f_a_script_can_be_one_orders() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(ORDER);
    let body = json!({"script": [{"do": "refuse", "reason": "no such street"}], "order_id": id}).to_string();
    assert_eq!(client.put("/api/v1/dev/providers/carrier", &body).status, 204);
    client.act(&id, "pay", "");
    assert_eq!(paid(client).1["state"], "completed", "another order");
    assert_eq!(client.order(&id)["reason"], json!({"code": "shipping_failed", "detail": "no such street"}));
}

#[test]
fn f_a_refused_shipment_is_refunded_and_its_stock_freed() {
    let (place, server) = still();
    let client = server.client;
    script(client, "carrier", r#"{"do":"refuse"}"#);
    let (id, order) = paid(client);
    assert_eq!((&order["state"], &order["status"]), (&json!("failed"), &json!("失败: 发货失败")));
    assert_eq!(
        (&order["payment_status"], &order["shipments"][0]["status"]),
        (&json!("refunded"), &json!("refused"))
    );
    assert_eq!(client.stock("iPhone 15"), (1_000, 0));
    let effects = place.effects();
    let did: Vec<_> = effects.iter().map(|effect| (&effect["what"], &effect["provider"])).collect();
    assert_eq!(did, [(&json!("refused"), &json!("carrier")), (&json!("done"), &json!("payments"))]);
    assert_eq!(client.act(&id, "pay", "")["version"], order["version"], "the same report again");
}

#[test]
fn f_when_all_attempts_failed_a_person_has_it_tried_again() {
    let (place, server) = still();
    let client = server.client;
    script(client, "carrier", r#"{"do":"fail","times":4}"#);
    let (id, order) = paid(client);
    assert_eq!(attention(&order), (&json!("ship"), &json!("attempts_exhausted"), &json!(4)));
    assert_eq!((&order["state"], &order["status"]), (&json!("shipping"), &json!("需人工处理: 多次尝试失败")));
    assert_eq!(order["allowed_actions"], json!(["retry", "skip", "compensate"]));
    assert!(order["attention"]["effect_id"].as_str().unwrap().starts_with(&id), "{order}");
    let retried = client.act(&id, "retry", "");
    assert_eq!((&retried["status"], &retried["attention"]), (&json!("支付成功，准备发货"), &json!(null)));
    client.advance("PT2S");
    assert_eq!(client.order(&id)["state"], "completed");
    assert_eq!(place.effects().len(), 1);
    for (action, body) in [("retry", ""), ("skip", REASON), ("compensate", "")] {
        client.post(&format!("/api/v1/orders/{id}/{action}"), body).problem(409, "action_not_allowed");
    }
}

#[test]
fn f_when_nobody_knows_a_person_can_count_it_as_done() {
    let (place, server) = still();
    let client = server.client;
    script(client, "carrier", r#"{"do":"hang","times":4}"#);
    let (id, order) = paid(client);
    assert_eq!(attention(&order), (&json!("ship"), &json!("outcome_unknown"), &json!(4)));
    assert_eq!(order["status"], "需人工处理: 结果未知");
    let done = client.act(&id, "skip", r#"{"reason":"the carrier says it has it"}"#);
    assert_eq!((&done["state"], &done["fulfillment_status"]), (&json!("completed"), &json!("fulfilled")));
    let shipment = &done["shipments"][0];
    assert_eq!((&shipment["status"], &shipment["tracking_number"]), (&json!("skipped"), &json!(null)));
    assert_eq!((client.stock("iPhone 15"), place.effects().len()), ((999, 0), 0));
}

#[test]
fn f_a_person_can_have_the_order_undone_instead() {
    let (_place, server) = still();
    let client = server.client;
    script(client, "carrier", r#"{"do":"fail","times":4}"#);
    let (id, _) = paid(client);
    client.act(&id, "compensate", r#"{"reason":"warehouse burnt down"}"#);
    client.advance("PT0S");
    let order = client.order(&id);
    assert_eq!((&order["state"], &order["status"]), (&json!("failed"), &json!("失败: 人工回滚")));
    assert_eq!(order["reason"], json!({"code": "compensated_on_request", "detail": "warehouse burnt down"}));
    assert_eq!((&order["payment_status"], &order["attention"]), (&json!("refunded"), &json!(null)));
    assert_eq!(order["shipments"][0]["status"], "cancelled");
    assert_eq!(client.stock("iPhone 15"), (1_000, 0));
}

#[test]
fn f_a_carrier_may_accept_now_and_report_later() {
    let (place, server) = still();
    let client = server.client;
    script(client, "carrier", r#"{"do":"accept","ms":3600000}"#);
    let (id, order) = paid(client);
    assert_eq!((&order["state"], &order["shipments"][0]["status"]), (&json!("shipping"), &json!("accepted")));
    client.advance("PT58M59S");
    assert_eq!(client.order(&id)["state"], "shipping");
    client.advance("PT1S");
    assert_eq!(client.order(&id)["state"], "completed");
    assert!(client.events(&id).contains(&"shipment_accepted".to_owned()));
    let whats: Vec<Value> = place.effects().into_iter().map(|effect| effect["what"].clone()).collect();
    assert_eq!(whats, ["accepted", "reported"]);
}

#[test]
fn f_a_slow_carrier_is_in_time_or_asked_again_with_the_same_key() {
    let (place, server) = still();
    script(server.client, "carrier", r#"{"do":"delay","ms":5000}"#);
    let (_, order) = paid(server.client);
    assert_eq!(order["state"], "completed");
    assert_eq!(place.effects().len(), 1, "one shipment, though the first attempt was given up");
}

#[test]
fn f_a_refused_refund_calls_a_person_beside_an_ended_order() {
    let (_place, server) = still();
    let client = server.client;
    for action in ["retry", "skip"] {
        script(client, "payments", r#"{"do":"refuse","reason":"account closed"}"#);
        let id = client.place(ORDER);
        client.advance("PT30S");
        client.act(&id, "pay", "");
        client.advance("PT1S");
        let order = client.order(&id);
        assert_eq!(attention(&order), (&json!("refund_payment"), &json!("refused"), &json!(1)));
        assert_eq!((&order["state"], &order["status"]), (&json!("expired"), &json!("需人工处理: 被拒绝")));
        assert_eq!(order["allowed_actions"], json!(["retry", "skip"]));
        client.post(&format!("/api/v1/orders/{id}/compensate"), "").problem(409, "action_not_allowed");
        client.act(&id, action, if action == "skip" { REASON } else { "" });
        client.advance("PT1S");
        let mended = client.order(&id);
        let status = if action == "retry" { "refunded" } else { "refund_skipped" };
        assert_eq!((&mended["state"], &mended["payment_status"]), (&json!("expired"), &json!(status)));
        assert_eq!((&mended["status"], &mended["attention"]), (&json!("已取消 (超时)"), &json!(null)));
    }
}

#[test]
fn f_an_order_is_shown_as_undone_only_when_its_money_is_back() {
    let (_place, server) = still();
    let client = server.client;
    script(client, "payments", r#"{"do":"fail","times":4}"#);
    let id = client.place(LARGE);
    client.act(&id, "pay", "");
    client.act(&id, "audit", r#"{"action":"REJECT"}"#);
    client.advance("PT60S");
    let order = client.order(&id);
    assert_eq!((&order["state"], &order["ended_at"]), (&json!("compensating"), &json!(null)));
    assert_eq!(attention(&order), (&json!("refund_payment"), &json!("attempts_exhausted"), &json!(4)));
    client.act(&id, "retry", "");
    client.advance("PT0S");
    assert_eq!(client.order(&id)["state"], "rejected");
}
