//! What streams send is what the document says of their messages, over every kind of an order's life.

use super::schema::assert_fits;
use super::{DOCUMENT, operation_of};
use crate::client::Client;
use crate::events::{ALL, Message, Stream, of_order};
use crate::scenarios::{LARGE, ORDER};
use crate::server::still;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Types of events that no order of this engine has: one with too little stock is none, and what makes no
/// sense is refused.
const NEVER: [&str; 2] = ["stock_refused", "signal_ignored"];

/// What the document says of the messages of a path.
fn said(path: &str) -> &'static Json {
    let operation = operation_of("GET", path).expect("a documented path");
    let response = &operation["responses"]["200"];
    assert!(response["content"]["text/event-stream"].is_object(), "{response}");
    &response["x-message"]
}

fn script(client: Client, provider: &str, steps: &str) {
    let path = format!("/api/v1/dev/providers/{provider}");
    let answer = client.put(&path, &format!(r#"{{"script":[{steps}]}}"#));
    assert_eq!(answer.status, 204, "{answer:?}");
}

fn paid(client: Client) -> String {
    let id = client.place(ORDER);
    client.act(&id, "pay", "");
    client.advance("PT60S");
    id
}

/// Orders with all that can happen to one.
fn lives(client: Client) -> Vec<String> {
    let addressed = r#"{"amount": 500, "items": ["iPhone 15"], "shipping_address": {"city": "Lyon"}}"#;
    let cancelled = client.place(addressed);
    client.act(&cancelled, "cancel", r#"{"reason":"too late"}"#);
    assert_eq!(client.delete(&format!("/api/v1/orders/{cancelled}/details")).status, 204);
    script(client, "payments", r#"{"do":"accept","ms":1000}"#);
    let rejected = client.place(LARGE);
    client.act(&rejected, "pay", r#"{"payment_id":"P-1","amount":20000}"#);
    client.act(&rejected, "audit", r#"{"action":"REJECT","reason":"a stolen card"}"#);
    let expired = client.place(ORDER);
    client.advance("PT31S");
    let failed = client.place(ORDER);
    client.act(&failed, "pay", r#"{"outcome":"declined","reason":"no cover"}"#);
    client.act(&failed, "pay", r#"{"outcome":"failed"}"#);
    let completed = paid(client);
    script(client, "carrier", r#"{"do":"refuse","reason":"no such street"}"#);
    let refused = paid(client);
    script(client, "carrier", r#"{"do":"accept","ms":1000}"#);
    let accepted = paid(client);
    script(client, "carrier", r#"{"do":"fail","times":12}"#);
    let skipped = paid(client);
    client.act(&skipped, "retry", "");
    client.advance("PT60S");
    client.act(&skipped, "skip", r#"{"reason":"taken there"}"#);
    let undone = paid(client);
    client.act(&undone, "compensate", r#"{"reason":"nobody can"}"#);
    client.advance("PT60S");
    vec![cancelled, rejected, expired, failed, completed, refused, accepted, skipped, undone]
}

/// Asserts of messages that they are as the document says, and that each leads to the next.
fn check(client: Client, path: &str, messages: &[Message]) {
    let said = said(path);
    for message in messages {
        assert_fits(&json!(message.id), &said["id"]);
        assert_fits(&json!(message.event), &said["event"]);
        assert_fits(&message.data, &said["data"]);
        assert_eq!(message.data["type"], *message.event);
    }
    for (place, message) in messages.iter().enumerate().take(messages.len() - 1) {
        let next = Stream::open(client, path, Some(&message.id)).take(1);
        assert_eq!(next[0], messages[place + 1], "after {}", message.id);
    }
}

#[test]
fn every_message_of_every_life_is_as_documented_and_can_be_gone_on_from() {
    let (_place, server) = still();
    let client = server.client;
    let mut all = Stream::open(client, ALL, None);
    let orders = lives(client);
    let mut types = BTreeSet::new();
    let mut count = 0;
    for id in &orders {
        let told = client.events(id);
        count += told.len();
        let messages = Stream::open(client, &of_order(id), None).take(told.len());
        assert!(messages.iter().map(|message| &message.event).eq(&told));
        check(client, &of_order(id), &messages);
        types.extend(told);
    }
    let messages = all.take(count);
    check(client, ALL, &messages);
    let known = DOCUMENT["components"]["schemas"]["EventType"]["x-known-values"].as_array().unwrap().iter();
    let known = known.map(|word| word.as_str().unwrap().to_owned());
    let known: BTreeSet<String> = known.filter(|word| !NEVER.contains(&&**word)).collect();
    assert_eq!(types, known, "every type came");
}
