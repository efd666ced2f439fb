//! E: the process is killed at any moment and started again.

use crate::client::Client;
use crate::scenarios::{LARGE, ORDER};
use crate::server::Place;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// An order without the one thing that time alone changes.
fn stored(client: Client, id: &str) -> Value {
    let mut order = client.order(id);
    assert!(order["status"].take().is_string());
    order
}

/// Returns when a moment has come.
fn until(moment: Instant) {
    let (_nobody, never) = channel::<()>();
    assert!(never.recv_timeout(moment.saturating_duration_since(Instant::now())).is_err());
}

/// One order for everything that can be acknowledged.
fn acknowledged(client: Client) -> Vec<String> {
    let acts: [(&str, &[(&str, &str)]); 9] = [
        (ORDER, &[]),
        (ORDER, &[("pay", r#"{"payment_id":"p","outcome":"declined","reason":"too little"}"#)]),
        (ORDER, &[("pay", r#"{"payment_id":"p","outcome":"failed"}"#)]),
        (ORDER, &[("cancel", r#"{"reason":"changed my mind"}"#)]),
        (ORDER, &[("pay", r#"{"payment_id":"less","amount":1}"#)]),
        (LARGE, &[]),
        (LARGE, &[("pay", "")]),
        (LARGE, &[("audit", r#"{"action":"APPROVE"}"#)]),
        (LARGE, &[("audit", r#"{"action":"REJECT","reason":"stolen"}"#)]),
    ];
    let place = |(order, acts): (&str, &[(&str, &str)])| {
        let id = client.place(order);
        for (action, body) in acts {
            client.act(&id, action, body);
        }
        id
    };
    acts.into_iter().map(place).collect()
}

#[test]
fn e_everything_acknowledged_is_there_after_a_kill() {
    let place = Place::new();
    let server = place.start(&[]);
    let client = server.client;
    client.put("/api/v1/inventory/HomePod", r#"{"on_hand":7}"#).ok();
    let ids = acknowledged(client);
    let details = r#"{"amount":5,"items":["HomePod"],"metadata":{"k":"v"},"external_id":"cart-9"}"#;
    let with_details = client.place(details);
    // The one refund must be over, since it may go on after its acknowledgement.
    client.await_order(&ids[4], |order| order["payments"][0]["status"] == "refunded");
    let ids: Vec<String> = ids.into_iter().chain([with_details.clone()]).collect();
    let before: Vec<Value> = ids.iter().map(|id| stored(client, id)).collect();
    let stock = client.get("/api/v1/inventory").body;
    server.kill();

    let server = place.start(&[]);
    let client = server.client;
    let after: Vec<Value> = ids.iter().map(|id| stored(client, id)).collect();
    assert_eq!(after, before);
    assert_eq!(client.get("/api/v1/inventory").body, stock);
    let taken = client.post("/api/v1/orders", details).problem(409, "external_id_taken");
    assert_eq!(taken["order_id"], json!(with_details));
    place.assert_clean();
}

#[test]
fn e_timers_that_came_due_meanwhile_fire_at_once_and_others_keep_their_deadline() {
    let place = Place::new();
    let server = place.start(&[]);
    let placed = Instant::now();
    let short = server.client.place(r#"{"amount":5,"items":["HomePod"],"payment_window_seconds":1}"#);
    let long = server.client.place(ORDER);
    let deadline = server.client.order(&long)["deadlines"].clone();
    server.kill();
    until(placed + Duration::from_millis(1_200));

    let server = place.start(&[]);
    let ready = Instant::now();
    server.client.await_state(&short, "expired");
    assert!(ready.elapsed() < Duration::from_secs(1), "it fired {:?} after the start", ready.elapsed());
    let order = server.client.order(&long);
    assert_eq!((&order["state"], &order["deadlines"]), (&json!("awaiting_payment"), &deadline));
    assert_eq!(server.client.stock("HomePod"), (120, 0));
    place.assert_clean();
}

/// The distinct effects of an order that a provider has taken.
fn effects_of(place: &Place, id: &str) -> HashSet<String> {
    let of_order = |effect: &Value| effect["order_id"] == id && effect["what"] != "refused";
    let effects = place.effects().into_iter().filter(of_order);
    effects.map(|effect| effect["effect_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn e_effects_go_on_and_nothing_happens_twice() {
    let place = Place::new();
    let server = place.start(&["--carrier-delay", "100ms", "--backoff", "50ms"]);
    let client = server.client;
    let script = r#"{"script":[{"do":"hang","times":1000}]}"#;
    for provider in ["carrier", "payments"] {
        assert_eq!(client.put(&format!("/api/v1/dev/providers/{provider}"), script).status, 204);
    }
    let shipping = client.place(ORDER);
    client.act(&shipping, "pay", "");
    let refunding = client.place(ORDER);
    client.act(&refunding, "cancel", "");
    client.act(&refunding, "pay", "");
    assert_eq!(client.order(&refunding)["payment_status"], "refund_pending");
    server.kill();
    assert!(place.effects().is_empty());

    // A crash between the effect and its record would ask for it again, with the same key.
    for _ in 0..2 {
        let server = place.start(&["--carrier-delay", "100ms"]);
        let client = server.client;
        client.await_state(&shipping, "completed");
        client.await_order(&refunding, |order| order["payment_status"] == "refunded");
        server.kill();
    }
    assert_eq!(effects_of(&place, &shipping), HashSet::from([format!("{shipping}.ship.1")]));
    assert_eq!(effects_of(&place, &refunding), HashSet::from([format!("{refunding}.refund_payment-1.1")]));
    place.assert_clean();
}

#[test]
fn e_what_a_provider_accepted_is_reported_after_the_restart() {
    let place = Place::new();
    let server = place.start(&["--script", "carrier=accept@300ms"]);
    let id = server.client.place(ORDER);
    server.client.act(&id, "pay", "");
    server.client.await_order(&id, |order| order["shipments"][0]["status"] == "accepted");
    server.kill();
    let server = place.start(&[]);
    server.client.await_state(&id, "completed");
    let events = server.client.events(&id);
    assert_eq!(events.iter().filter(|event| *event == "shipped").count(), 1, "{events:?}");
    assert_eq!(effects_of(&place, &id).len(), 1);
}

#[test]
fn e_attention_outlives_the_process() {
    let place = Place::new();
    let quick = ["--attempts", "2", "--backoff", "1ms", "--carrier-delay", "0s"];
    let server = place.start(&[&quick[..], &["--script", "carrier=fail:2"]].concat());
    let id = server.client.place(ORDER);
    server.client.act(&id, "pay", "");
    server.client.await_order(&id, |order| !order["attention"].is_null());
    let before = stored(server.client, &id);
    server.kill();
    let server = place.start(&quick);
    assert_eq!(stored(server.client, &id), before, "nobody has asked for another attempt");
    server.client.act(&id, "retry", "");
    server.client.await_state(&id, "completed");
}

#[cfg(feature = "crash-points")]
mod at_points {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    /// Sends a payment and reads until the connection ends; answers what came.
    fn pay_into_the_crash(address: std::net::SocketAddr, id: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        let request =
            format!("POST /api/v1/orders/{id}/pay HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        // The connection is reset where the process dies.
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn e_a_catalogue_cut_off_at_its_first_loading_is_completed() {
        for commit in [1, 4, 10] {
            let place = Place::new();
            let mut command = place.command(&[]);
            command.env("OMNIFLOW_CRASH_AT", format!("before-commit:{commit}"));
            assert!(!crate::server::run(command).status.success());
            let server = place.start(&[]);
            let skus = server.client.get("/api/v1/inventory").ok()["data"].as_array().unwrap().len();
            assert_eq!((skus, server.client.stock("USB-C Cable")), (10, (5_000, 0)), "{commit}");
        }
    }

    #[test]
    fn e_a_payment_cut_off_at_any_point_is_there_wholly_or_not_at_all() {
        for (point, is_there) in [("before-commit", false), ("after-commit", true), ("before-answer", true)] {
            let place = Place::new();
            let server = place.start(&[]);
            let id = server.client.place(LARGE);
            let before = stored(server.client, &id);
            server.kill();
            let mut command = place.command(&[]);
            command.env("OMNIFLOW_CRASH_AT", point);
            let mut server = crate::server::Server::start(command);
            let answer = pay_into_the_crash(server.client.address(), &id);
            assert_eq!(answer, "", "{point}");
            assert!(!server.ended().success());
            place.assert_clean();
            let server = place.start(&[]);
            let after = stored(server.client, &id);
            assert_eq!(after["payment_status"] == "paid", is_there, "{point}: {after}");
            assert_eq!(after == before, !is_there, "{point}");
        }
    }
}
