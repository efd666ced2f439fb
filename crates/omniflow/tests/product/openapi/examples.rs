//! The document's examples are exchanges that were had: sent again, they are answered alike.
//!
//! With `OMNIFLOW_RECORD_EXAMPLES=1` what is answered is written down instead, to be looked at and committed.

use super::{object, operations};
use crate::client::{Answer, Client};
use crate::scenarios::{LARGE, ORDER};
use crate::server::still;
use serde_json::Value as Json;
use std::path::PathBuf;

fn recorded() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../omniflow-http/src/openapi/examples.json")
}

fn read() -> Json {
    serde_json::from_str(&std::fs::read_to_string(recorded()).unwrap()).unwrap()
}

fn is_recording() -> bool {
    std::env::var_os("OMNIFLOW_RECORD_EXAMPLES").is_some()
}

/// Brings about what an example begins with; answers the order's id.
fn given(client: &Client, what: &str) -> String {
    match what {
        "" => String::new(),
        "order" => client.place(ORDER),
        "review" => client.place(LARGE),
        "numbered" => client.place(r#"{"amount": 500, "items": ["HomePod"], "external_id": "cart-7"}"#),
        "keyed" => {
            let body = br#"{"amount": 500, "items": ["HomePod"]}"#;
            let placed = client.ask("POST", "/api/v1/orders", &[("idempotency-key", "cart-7")], body);
            placed.json()["order_id"].as_str().unwrap().to_owned()
        }
        "completed" => {
            let id = given(client, "order");
            client.act(&id, "pay", "");
            client.advance("PT1M");
            id
        }
        "attention" => {
            let script = br#"{"script": [{"do": "fail", "times": 100}]}"#;
            client.ask("PUT", "/api/v1/dev/providers/carrier", &[], script);
            let id = given(client, "completed");
            client.delete("/api/v1/dev/providers/carrier");
            id
        }
        other => panic!("{other} is not known"),
    }
}

/// Has one exchange with a server of its own.
fn have(example: &Json, method: &str, template: &str) -> Answer {
    let (_place, server) = still();
    let id = given(&server.client, example["given"].as_str().unwrap_or_default());
    let mut path = template.replace("{id}", &id);
    for (name, value) in example["path"].as_object().into_iter().flatten() {
        path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap());
    }
    if let Some(query) = example["query"].as_str() {
        path = format!("{path}?{query}");
    }
    let body = match (&example["request"], &example["body"], example["padding"].as_u64()) {
        (Json::Null, Json::Null, None) => String::new(),
        (Json::Null, Json::Null, Some(bytes)) => " ".repeat(usize::try_from(bytes).unwrap()),
        (Json::Null, text, _) => text.as_str().unwrap().to_owned(),
        (request, _, _) => request.to_string(),
    };
    let headers = example["headers"].as_object().into_iter().flatten();
    let mut headers: Vec<(&str, &str)> =
        headers.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    headers.push(("x-request-id", "cart-7"));
    headers.push(("accept-language", "en"));
    server.client.ask(method, &path, &headers, body.as_bytes())
}

/// Asserts that two documents have the same fields, with values of the same kinds.
fn assert_alike(shown: &Json, found: &Json, at: &str) {
    match (shown, found) {
        (Json::Object(shown), Json::Object(found)) => {
            assert_eq!(shown.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "{at}");
            shown.iter().for_each(|(key, value)| assert_alike(value, &found[key], &format!("{at}/{key}")));
        }
        (Json::Array(shown), Json::Array(found)) => {
            assert_eq!(shown.len(), found.len(), "{at}");
            shown.iter().zip(found).for_each(|(shown, found)| assert_alike(shown, found, at));
        }
        (shown, found) => {
            assert_eq!(
                std::mem::discriminant(shown),
                std::mem::discriminant(found),
                "{at}: {shown}, {found}"
            );
        }
    }
}

#[test]
fn the_examples_of_requests_are_answered_as_shown() {
    let mut examples = read();
    for (path, method, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        for example in examples["exchanges"][id].as_array_mut().into_iter().flatten() {
            let answer = have(example, &method, path);
            assert_eq!(answer.status.to_string(), example["status"], "{id}: {answer:?}");
            if answer.status == 204 {
                continue;
            }
            match is_recording() {
                true => example["answer"] = answer.json(),
                false => assert_alike(&example["answer"], &answer.json(), id),
            }
        }
        if operation["requestBody"].is_object() {
            let shown = &operation["requestBody"]["content"]["application/json"]["examples"];
            assert!(!object(shown).is_empty(), "{id} has no example");
        }
    }
    record("exchanges", &examples);
}

#[test]
fn the_examples_of_problems_are_answered_as_shown() {
    let mut examples = read();
    for (name, example) in examples["problems"].as_object_mut().unwrap() {
        let (code, status) = name.split_once(' ').unwrap();
        let (method, path) = (example["method"].as_str().unwrap(), example["path"].as_str().unwrap());
        let problem = have(example, method, path).problem(status.parse().unwrap(), code);
        match is_recording() {
            true => example["answer"] = problem,
            false => assert_alike(&example["answer"], &problem, name),
        }
    }
    record("problems", &examples);
}

/// Writes one part of the examples; the other one is another test's.
fn record(part: &str, examples: &Json) {
    if is_recording() {
        let mut all = read();
        all[part] = examples[part].clone();
        let text = serde_json::to_string_pretty(&all).unwrap() + "\n";
        std::fs::write(recorded(), text).unwrap();
    }
    assert!(!is_recording(), "the examples were recorded; look at them, then test again");
}
