//! Orders on the Temporal engine, from their placing to their ends, whoever is killed or away meanwhile.

use super::{CAPTURED, Shop, named};
use crate::cli::{create, done};
use crate::events::{self, Stream};
use crate::scenarios::{LARGE, ORDER};
use crate::server::{Place, Server};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn dev_has_the_demo_catalogue_takes_orders_to_their_ends_and_ends_in_time() {
    let place = Place::new();
    let flags = ["--engine", "temporal", "--carrier-delay", "10ms", "--attempt-timeout", "60s"];
    let mut command = place.command(&flags);
    command.env("TEMPORAL_ADDRESS", named("OMNIFLOW_TEST_TEMPORAL"));
    command.env("OMNIFLOW_POSTGRES_URL", named("OMNIFLOW_TEST_POSTGRES"));
    let server = Server::start(command);
    let client = server.client;
    assert_eq!(client.get("/api/v1/inventory").ok()["data"].as_array().unwrap().len(), 10);
    let id = client.place(ORDER);
    client.act(&id, "pay", "");
    client.await_state(&id, "completed");
    let script = r#"{"script":[{"do":"refuse","reason":"no such street"}]}"#;
    assert_eq!(client.put("/api/v1/dev/providers/carrier", script).status, 204);
    let id = client.place(ORDER);
    client.act(&id, "pay", "");
    let failed = client.await_state(&id, "failed");
    assert_eq!(failed["reason"], json!({"code": "shipping_failed", "detail": "no such street"}));
    // In the middle of an attempt at a carrier that does not answer, and of a request that waits.
    let script = r#"{"script":[{"do":"hang","times":9}]}"#;
    assert_eq!(client.put("/api/v1/dev/providers/carrier", script).status, 204);
    let id = client.place(ORDER);
    client.act(&id, "pay", "");
    let order = client.await_state(&id, "shipping");
    let (path, known) = (format!("/api/v1/orders/{id}"), format!("\"{}\"", order["version"]));
    let waiting = client.begin("GET", &path, &[("if-none-match", &known), ("prefer", "wait=30")], b"");
    client.await_in_flight(1);
    let asked = Instant::now();
    assert!(server.terminate().success());
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(waiting.finish().status, 304, "who waited was answered");
}

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn orders_go_on_when_a_worker_is_killed_and_the_api_is_another_process() {
    let shop = Shop::open();
    let (api, first, second) = (shop.api(), shop.worker(), shop.worker());
    let client = api.client;
    let orders: Vec<String> = (0..20).map(|_| client.place(ORDER)).collect();
    let large = client.place(LARGE);
    assert_eq!(client.order(&large)["state"], "in_review");
    first.kill();
    for id in &orders {
        client.act(id, "pay", CAPTURED);
    }
    api.kill();
    let api = shop.api();
    let client = api.client;
    client.act(&large, "audit", r#"{"action":"APPROVE"}"#);
    client.act(&large, "cancel", "");
    for id in &orders {
        client.await_state(id, "completed");
        let events = client.events(id);
        assert_eq!(events.iter().filter(|event| *event == "shipped").count(), 1, "{events:?}");
    }
    assert_eq!(client.await_state(&large, "cancelled")["payment_status"], "pending");
    assert_eq!(
        client.get("/api/v1/orders?state=completed&limit=50").ok()["data"].as_array().unwrap().len(),
        20
    );
    shop.assert_clean(21);
    assert!(second.terminate().success() && api.terminate().success());
}

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn the_payment_window_ends_by_itself() {
    let shop = Shop::open();
    let (api, _worker) = (shop.api(), shop.worker());
    let order = r#"{"amount": 9000, "items": ["Mac Pro"], "payment_window_seconds": 1}"#;
    let id = api.client.place(order);
    assert_eq!(api.client.await_state(&id, "expired")["status"], "已取消 (超时)");
    assert_eq!(api.client.stock("Mac Pro"), (100, 0));
}

/// What is promised of every engine above the engine: headers, streams, commands.
#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn headers_streams_and_commands_are_those_of_every_engine() {
    let shop = Shop::open();
    let (api, _worker) = (shop.api(), shop.worker());
    let client = api.client;
    let mut all = Stream::open(client, events::ALL, None);
    let key = [("idempotency-key", "cart-1")];
    let place = || client.ask("POST", "/api/v1/orders", &key, ORDER.as_bytes());
    let (first, again) = (place(), place());
    assert_eq!((first.status, again.status, &again.body), (201, 201, &first.body));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = client.ask("POST", "/api/v1/orders", &key, LARGE.as_bytes());
    other.problem(422, "idempotency_key_reused");
    let id = first.json()["order_id"].as_str().expect("an id").to_owned();
    let cancel = format!("/api/v1/orders/{id}/cancel");
    client.ask("POST", &cancel, &[("if-match", "\"1\"")], b"").problem(412, "version_mismatch");
    assert_eq!(client.ask("POST", &cancel, &[("if-match", "\"2\"")], b"").ok()["state"], "cancelled");
    let told: Vec<String> = all.take(4).into_iter().map(|message| message.event).collect();
    assert_eq!(told, ["order_placed", "stock_reserved", "cancel_requested", "stock_released"]);
    assert_eq!(client.events(&id), told);
    let with_address = r#"{"amount": 5, "items": ["iPhone 15"], "shipping_address": {"city": "Köln"}}"#;
    let addressed = client.place(with_address);
    assert_eq!(client.order(&addressed)["shipping_address"], json!({"city": "Köln"}));
    client.act(&addressed, "pay", CAPTURED);
    client.await_state(&addressed, "completed");
    assert_eq!(client.delete(&format!("/api/v1/orders/{addressed}/details")).status, 204);
    assert_eq!(client.order(&addressed)["shipping_address"], json!(null));
    let typed = create(&api, &["Mac Pro=2", "--amount", "20000", "--external-id", "cart-2"]);
    done(&api, &["orders", "reject", &typed, "--reason", "stolen card"]);
    assert!(done(&api, &["orders", "explain", &typed]).contains("stolen card"));
    assert!(done(&api, &["orders", "list", "--state", "rejected"]).contains(&typed));
    assert!(done(&api, &["inventory", "list"]).contains("Mac Pro"));
}

/// Nobody works: what was said is durable all the same, and is done once somebody does.
#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn without_a_worker_what_was_said_is_kept_and_answered_with_202() {
    let shop = Shop::open();
    let api = shop.api();
    let client = api.client;
    let placed = client.post("/api/v1/orders", ORDER);
    let id = placed.json()["order_id"].as_str().expect("an id").to_owned();
    assert_eq!((placed.status, &placed.json()["state"]), (202, &json!("reserving")), "{placed:?}");
    assert_eq!(placed.header("location"), Some(&*format!("/api/v1/orders/{id}")));
    let paid = client.post(&format!("/api/v1/orders/{id}/pay"), CAPTURED);
    assert_eq!((paid.status, &paid.json()["state"]), (202, &json!("reserving")), "{paid:?}");
    let _worker = shop.worker();
    let done = client.await_state(&id, "completed");
    assert_eq!(done["payments"].as_array().unwrap().len(), 1, "{done}");
    assert_eq!(client.stock("iPhone 15"), (99, 0));
}
