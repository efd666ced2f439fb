//! `Idempotency-Key`: sent twice, done once.

use crate::client::{Answer, Client};
use crate::serve::ASKED;
use crate::server::{Place, Server, omniflow, still};

const ORDERS: &str = "/api/v1/orders";
const ORDER: &str = r#"{"amount":500,"items":["iPhone 15"]}"#;

fn keyed(client: &Client, path: &str, key: &str, body: &str) -> Answer {
    client.ask("POST", path, &[("idempotency-key", key)], body.as_bytes())
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[test]
fn an_order_sent_twice_is_one_and_answered_the_same_for_good() {
    let (place, server) = still();
    let client = &server.client;
    let first = keyed(client, ORDERS, "k-1", ORDER);
    assert_eq!((first.status, is_replay(&first)), (201, false), "{first:?}");
    let id = first.json()["order_id"].as_str().unwrap().to_owned();
    client.advance("PT7S");
    client.act(&id, "pay", "");
    client.advance("PT10S");
    client.await_state(&id, "completed");
    let again = |client: &Client, key| {
        let again = keyed(client, ORDERS, key, ORDER);
        assert_eq!((again.status, is_replay(&again)), (201, true), "{again:?}");
        assert_eq!(again.body, first.body, "to the byte, the seconds left included");
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("etag"), first.header("etag"));
    };
    again(client, "k-1");
    again(client, "\"k-1\"");
    assert_eq!(client.stock("iPhone 15"), (999, 0), "one was sold");
    server.kill();
    let server = place.start(&["--test-clock"]);
    again(&server.client, "k-1");
    // A day after the answer its key is free.
    server.client.advance("P1D");
    let other = keyed(&server.client, ORDERS, "k-1", ORDER);
    assert!(!is_replay(&other) && other.json()["order_id"] != first.json()["order_id"], "{other:?}");
    drop(server);
    place.assert_clean();
}

#[test]
fn a_key_belongs_to_one_body_and_one_path() {
    let (_place, server) = still();
    let client = &server.client;
    let id = client.place(ORDER);
    let pay = format!("{ORDERS}/{id}/pay");
    let first = keyed(client, &pay, "k", r#"{"payment_id":"P-1"}"#);
    assert_eq!(first.status, 200, "{first:?}");
    let other = keyed(client, &pay, "k", r#"{"payment_id":"P-2"}"#);
    other.problem(422, "idempotency_key_reused");
    assert_eq!(client.order(&id)["payments"].as_array().unwrap().len(), 1);
    let elsewhere = keyed(client, ORDERS, "k", ORDER);
    assert_eq!((elsewhere.status, is_replay(&elsewhere)), (201, false));
}

#[test]
fn a_path_is_one_however_it_is_written() {
    let (_place, server) = still();
    let client = &server.client;
    let id = client.place(ORDER);
    let pay = |id: &str| keyed(client, &format!("{ORDERS}/{id}/pay"), "k", r#"{"payment_id":"P-1"}"#);
    let first = pay(&id);
    let again = pay(&id.replace('-', "%2D"));
    assert_eq!((again.body.as_str(), is_replay(&again)), (first.body.as_str(), true));
    let every_byte: String = id.bytes().map(|byte| format!("%{byte:02x}")).collect();
    assert!(is_replay(&pay(&every_byte)));
}

#[test]
fn what_was_answered_is_answered_again_whatever_is_configured_since() {
    let place = Place::new();
    let start = |more: &str| {
        let file = place.data().with_file_name("omniflow.toml");
        let text = format!("data_dir = \"{}\"\n{ASKED}{more}", place.data().display());
        std::fs::write(&file, text).unwrap();
        let mut command = omniflow(["serve", "--config"]);
        command.arg(file);
        Server::start(command)
    };
    let server = start("implicit_capture = true");
    assert_eq!(server.client.put("/api/v1/inventory/iPhone%2015", r#"{"on_hand":5}"#).status, 201);
    let id = server.client.place(ORDER);
    let pay = format!("{ORDERS}/{id}/pay");
    let first = keyed(&server.client, &pay, "k", "");
    assert_eq!((first.status, is_replay(&first)), (200, false), "{first:?}");
    assert!(server.terminate().success());
    let server = start("");
    let again = keyed(&server.client, &pay, "k", "");
    assert_eq!((again.body.as_str(), is_replay(&again)), (first.body.as_str(), true), "{again:?}");
    // One that never was taken is not taken now, and one with another body is none of it.
    keyed(&server.client, &pay, "k2", "").problem(422, "invalid_field");
    keyed(&server.client, &pay, "k", " ").problem(422, "idempotency_key_reused");
    keyed(&server.client, &format!("{ORDERS}/ORD-1/pay"), "k", "").problem(404, "order_not_found");
    assert_eq!(server.client.order(&id)["payments"].as_array().unwrap().len(), 1);
}

#[test]
fn a_clock_that_is_told_twice_moves_once() {
    let (_place, server) = still();
    let clock = |key: &str, advance: &str| {
        keyed(&server.client, "/api/v1/dev/clock", key, &format!(r#"{{"advance":"{advance}"}}"#))
    };
    let first = clock("k", "PT1H");
    let other = clock("k2", "PT1H");
    assert!(first.body < other.body, "{first:?}, {other:?}");
    let again = clock("k", "PT1H");
    assert_eq!((again.body.as_str(), is_replay(&again)), (first.body.as_str(), true));
    clock("k", "PT2H").problem(422, "idempotency_key_reused");
    clock("k", "PT1").problem(422, "invalid_field");
    clock("", "PT1H").problem(422, "invalid_field");
    // A day after the answer its key is free.
    server.client.advance("P1D");
    let late = clock("k", "PT1H");
    assert!(!is_replay(&late) && late.body > other.body, "{late:?}");
}

#[test]
fn what_was_refused_is_decided_again() {
    let (_place, server) = still();
    let client = &server.client;
    let order = r#"{"amount":9,"items":[{"sku":"Samovar","quantity":1}]}"#;
    keyed(client, ORDERS, "k", order).problem(422, "unknown_sku");
    client.put("/api/v1/inventory/Samovar", r#"{"on_hand":1}"#);
    let taken = keyed(client, ORDERS, "k", order);
    assert_eq!((taken.status, is_replay(&taken)), (201, false), "{taken:?}");
    assert!(is_replay(&keyed(client, ORDERS, "k", order)));
    assert_eq!(client.stock("Samovar"), (1, 1));
}

#[test]
fn stock_adjusted_twice_with_one_key_is_adjusted_once() {
    let (_place, server) = still();
    let client = &server.client;
    let (path, body) = ("/api/v1/inventory/adjustments", r#"{"sku":"Mac Pro","delta":5,"reason":"found"}"#);
    let first = keyed(client, path, "k", body);
    client.post(path, r#"{"sku":"Mac Pro","delta":-1,"reason":"lost"}"#).ok();
    let again = keyed(client, path, "k", body);
    assert_eq!((again.body.as_str(), is_replay(&again)), (first.body.as_str(), true));
    assert_eq!(client.stock("Mac Pro"), (54, 0));
}

#[test]
fn many_at_once_with_one_key_are_one() {
    let place = Place::new();
    let server = place.start(&[]);
    let client = server.client;
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..16).map(|_| scope.spawn(|| keyed(&client, ORDERS, "k", ORDER))).collect();
        asked.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| !is_replay(answer)).count(), 1, "one was the first");
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    assert_eq!(client.stock("iPhone 15"), (1_000, 1));
}

#[test]
fn what_is_no_key_is_refused_and_changes_nothing() {
    let (_place, server) = still();
    let long = "k".repeat(256);
    for key in ["", "\"\"", "\"open", "\"a\" b", &long] {
        let refused = keyed(&server.client, ORDERS, key, ORDER).problem(422, "invalid_field");
        assert_eq!(refused["errors"][0]["header"], "Idempotency-Key", "{key}");
    }
    assert_eq!(server.client.stock("iPhone 15"), (1_000, 0));
}
