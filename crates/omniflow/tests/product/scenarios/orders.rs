//! A and B: an order is placed, and paid or not.

use super::ORDER;
use crate::server::{Place, still};
use serde_json::json;

const EVENTS_OF_A: [&str; 5] =
    ["order_placed", "stock_reserved", "payment_captured", "shipped", "stock_consumed"];

#[test]
fn a_a_paid_order_ships_and_completes() {
    let (_place, server) = still();
    let client = server.client;
    let answer = client.post("/api/v1/orders", ORDER);
    assert_eq!(answer.status, 201, "{answer:?}");
    let order = answer.json();
    let id = order["order_id"].as_str().unwrap();
    assert!(id.starts_with("ORD-"), "{id}");
    assert_eq!(answer.header("location"), Some(&*format!("/api/v1/orders/{id}")));
    assert_eq!(answer.header("etag"), Some("\"2\""));
    assert_eq!(answer.header("vary"), Some("Accept-Language"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(order["status"], "待支付 (超时倒计时: 30s)");
    assert_eq!(client.order(id)["status"], "待支付 (超时倒计时: 30s)");
    assert_eq!(client.stock("iPhone 15"), (1_000, 1));

    let paid = client.post(&format!("/api/v1/orders/{id}/pay"), "").ok();
    assert_eq!((&paid["state"], &paid["status"]), (&json!("shipping"), &json!("支付成功，准备发货")));
    assert_eq!(
        (&paid["payment_status"], &paid["fulfillment_status"]),
        (&json!("paid"), &json!("in_progress"))
    );

    client.advance("PT1.999S");
    assert_eq!(client.order(id)["state"], "shipping");
    client.advance("PT0.001S");
    let completed = client.order(id);
    assert_eq!((&completed["state"], &completed["status"]), (&json!("completed"), &json!("已完成")));
    assert_eq!(completed["shipments"][0]["status"], "shipped");
    assert!(completed["shipments"][0]["tracking_number"].is_string(), "{completed}");
    assert_eq!(client.stock("iPhone 15"), (999, 0));
    assert_eq!(client.events(id), EVENTS_OF_A);
}

#[test]
fn a_the_document_is_the_contracts_field_by_field() {
    let (_place, server) = still();
    let id = server.client.place(ORDER);
    let mut order = server.client.order(&id);
    for time in ["created_at", "updated_at"] {
        assert!(order[time].as_str().is_some_and(|time| time.ends_with('Z')), "{order}");
        order[time] = json!("T");
    }
    let due_at = order["deadlines"]["payment_due_at"].take();
    assert!(due_at.as_str().is_some_and(|time| time.ends_with('Z')), "{due_at}");
    let expected = json!({
        "order_id": id, "external_id": null, "customer_id": null,
        "state": "awaiting_payment", "status": "待支付 (超时倒计时: 30s)", "reason": null, "attention": null,
        "payment_status": "pending", "fulfillment_status": "unfulfilled",
        "amount": 500, "amount_minor": 50_000, "currency": "USD",
        "items": [{"line_id": "1", "sku": "iPhone 15", "quantity": 1, "unit_price": null, "unit_price_minor": null}],
        "adjustments": [], "payments": [], "refunds": [], "shipments": [],
        "deadlines": {"payment_due_at": null, "review_due_at": null},
        "allowed_actions": ["pay", "cancel"],
        "version": 2, "created_at": "T", "updated_at": "T", "ended_at": null,
        "shipping_address": null, "metadata": null,
    });
    assert_eq!(order, expected);
}

#[test]
fn a_the_timeline_shows_the_window_as_it_is_sent() {
    let (_place, server) = still();
    let asked = r#"{"amount": 500, "items": ["iPhone 15"], "payment_window_seconds": 90}"#;
    for (body, seconds) in [(ORDER, 30), (asked, 90)] {
        let id = server.client.place(body);
        let timeline = server.client.get(&format!("/api/v1/orders/{id}/timeline")).ok();
        // A float is another JSON value.
        assert_eq!(timeline["data"][0]["data"]["payment_window_seconds"], json!(seconds), "{timeline}");
    }
}

#[test]
fn a_curls_own_content_type_changes_nothing_and_real_time_passes() {
    let place = Place::new();
    let server = place.start(&["--carrier-delay", "50ms"]);
    let client = server.client;
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "*/*")];
    let placed = client.ask("POST", "/api/v1/orders", &form, ORDER.as_bytes());
    assert_eq!(placed.status, 201, "{placed:?}");
    let id = placed.json()["order_id"].as_str().unwrap().to_owned();
    assert_eq!(placed.json()["status"], "待支付 (超时倒计时: 30s)");
    client.act(&id, "pay", "");
    client.await_state(&id, "completed");
    assert_eq!(client.events(&id), EVENTS_OF_A);
    let taken = place.effects();
    assert_eq!((taken.len(), &taken[0]["what"], &taken[0]["order_id"]), (1, &json!("done"), &json!(id)));
}

#[test]
fn a_the_status_is_in_the_language_that_was_asked_for() {
    let (_place, server) = still();
    let id = server.client.place(ORDER);
    let path = format!("/api/v1/orders/{id}");
    let status = |language: &str| {
        let answer = server.client.ask("GET", &path, &[("accept-language", language)], b"");
        answer.ok()["status"].as_str().unwrap().to_owned()
    };
    let both = || (status("zh"), status("en-GB,en;q=0.9"));
    let pair = |zh: &str, en: &str| (zh.to_owned(), en.to_owned());
    assert_eq!(both(), pair("待支付 (超时倒计时: 30s)", "Awaiting payment (times out in 30s)"));
    server.client.advance("PT2.5S");
    assert_eq!(both(), pair("待支付 (超时倒计时: 28s)", "Awaiting payment (times out in 28s)"));
    server.client.act(&id, "pay", "");
    assert_eq!(both(), pair("支付成功，准备发货", "Paid, preparing shipment"));
    server.client.advance("PT2S");
    assert_eq!(both(), pair("已完成", "Completed"));
}

#[test]
fn b_an_unpaid_order_expires_and_its_stock_is_free_again() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(ORDER);
    client.advance("PT29.999S");
    assert_eq!(client.order(&id)["status"], "待支付 (超时倒计时: 1s)");
    assert_eq!(client.stock("iPhone 15"), (1_000, 1));
    client.advance("PT0.001S");
    let expired = client.order(&id);
    assert_eq!((&expired["state"], &expired["status"]), (&json!("expired"), &json!("已取消 (超时)")));
    assert_eq!(expired["reason"], json!({"code": "payment_timeout", "detail": null}));
    assert_eq!(expired["allowed_actions"], json!([]));
    assert_eq!(client.stock("iPhone 15"), (1_000, 0));
    assert_eq!(
        client.events(&id),
        ["order_placed", "stock_reserved", "payment_window_elapsed", "stock_released"]
    );
}

#[test]
fn b_an_orders_own_window_is_its_own() {
    let (_place, server) = still();
    let client = server.client;
    let days = client.place(r#"{"amount": 5, "items": ["HomePod"], "payment_window_seconds": 1209600}"#);
    let second = client.place(r#"{"amount": 5, "items": ["HomePod"], "payment_window_seconds": 1}"#);
    client.advance("PT1S");
    assert_eq!(client.order(&second)["state"], "expired");
    client.advance("P13DT23H59M58S");
    assert_eq!(client.order(&days)["status"], "待支付 (超时倒计时: 1s)");
    client.advance("PT1S");
    assert_eq!(client.order(&days)["state"], "expired");
}

#[test]
fn lines_that_stock_cannot_fill_leave_no_order() {
    let (_place, server) = still();
    let client = server.client;
    let body = r#"{"amount": 5, "items": ["HomePod", {"sku": "Mac Pro", "quantity": 30}, {"sku": "Mac Pro", "quantity": 21}], "external_id": "cart-1"}"#;
    let problem = client.post("/api/v1/orders", body).problem(409, "out_of_stock");
    assert_eq!(problem["lines"], json!([{"sku": "Mac Pro", "requested": 51, "available": 50}]));
    assert_eq!((client.stock("HomePod"), client.stock("Mac Pro")), ((120, 0), (50, 0)));
    // The caller's own number is free, so there is no order that has it.
    let fewer = client.place(&body.replace("21", "20"));
    let taken = client.post("/api/v1/orders", body).problem(409, "external_id_taken");
    assert_eq!(taken["order_id"], json!(fewer));
}

#[test]
fn priced_lines_with_adjustments_are_shown_exactly() {
    let (_place, server) = still();
    let body = r#"{
        "items": [{"sku": "HomePod", "quantity": 3, "unit_price": 19.99, "line_id": "a"}, {"sku": "HomePod", "unit_price": 0.01}],
        "adjustments": [{"kind": "discount", "label": "welcome", "amount": -9.98}, {"kind": "tax", "amount": 0.5}],
        "customer_id": "c-7"}"#;
    let id = server.client.place(body);
    let text = server.client.get(&format!("/api/v1/orders/{id}")).body;
    for part in [
        r#""amount":50.5,"amount_minor":5050,"#,
        r#"{"line_id":"a","sku":"HomePod","quantity":3,"unit_price":19.99,"unit_price_minor":1999}"#,
        r#"{"line_id":"2","sku":"HomePod","quantity":1,"unit_price":0.01,"unit_price_minor":1}"#,
        r#"{"kind":"discount","label":"welcome","amount":-9.98,"amount_minor":-998}"#,
        r#""customer_id":"c-7""#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert_eq!(server.client.stock("HomePod"), (120, 4));
}

#[test]
fn right_to_left_text_is_ordinary_text() {
    let (_place, server) = still();
    let client = server.client;
    let (city, note, reason) = ("القدس", "תודה רבה \u{202e}abc", "العميل غيّر رأيه");
    let body = json!({"amount": 5, "items": ["HomePod"], "shipping_address": {"city": city}, "metadata": {"ملاحظة": note}});
    let id = client.place(&body.to_string());
    let order = client.order(&id);
    assert_eq!(
        (&order["shipping_address"]["city"], &order["metadata"]["ملاحظة"]),
        (&json!(city), &json!(note))
    );
    let cancelled = client.act(&id, "cancel", &json!({ "reason": reason }).to_string());
    assert_eq!(cancelled["reason"], json!({"code": "cancelled_on_request", "detail": reason}));
    assert_eq!(client.delete(&format!("/api/v1/orders/{id}/details")).status, 204);
    let erased = client.order(&id);
    assert_eq!((&erased["shipping_address"], &erased["metadata"]), (&json!(null), &json!(null)));
}
