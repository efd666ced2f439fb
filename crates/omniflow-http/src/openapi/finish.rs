//! What the whole document has and no single type says: the request's id everywhere, which fields are always
//! there, and the examples.

use super::uses::Uses;
use crate::{Code, Problem, RequestId, problem, request_id};
use axum::http::HeaderValue;
use serde_json::{Map, Value, json};

/// Exchanges with a real server, recorded; a test sends them again.
const EXAMPLES: &str = include_str!("examples.json");

pub(super) fn finish(mut document: Value) -> Value {
    introduce(&mut document);
    detail(&mut document["components"]["schemas"]);
    let uses = Uses::of(&document);
    for (name, schema) in object(&mut document["components"]["schemas"]) {
        if uses.sent.contains(name) {
            close(schema);
        } else if !uses.problems.contains(name) {
            require_all(schema);
        }
    }
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap_or_default();
    for (_, item) in object(&mut document["paths"]) {
        for (_, operation) in object(item) {
            name_request(operation);
            leave_out_null(operation);
            illustrate(operation, &examples);
        }
    }
    document
}

fn introduce(document: &mut Value) {
    document["info"] = json!({
        "title": "OmniFlow",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Order fulfillment that survives whatever breaks.",
        "description": include_str!("introduction.md"),
        "license": {"name": "MIT OR Apache-2.0"},
    });
    document["servers"] = json!([{"url": "/", "description": "The server that this document came from"}]);
    document["security"] = json!([]);
    document["tags"] = json!([
        {"name": "orders", "description": "Placing, reading and driving orders."},
        {"name": "events", "description": "What happened, and what happens, as it happens."},
        {"name": "inventory", "description": "Stock."},
        {"name": "server", "description": "The server itself."},
        {"name": "dev", "description": "Only in `omniflow dev`; elsewhere 404 `unknown_route`."},
    ]);
    document["components"]["parameters"]["RequestId"] = json!({
        "name": "X-Request-Id", "in": "header", "required": false,
        "description": "Your name for this request, answered and logged: 1 to 100 visible characters of ASCII; \
                        where there are others in it, or none, one is made.",
        "schema": {"type": "string", "examples": ["cart-7"]},
    });
    document["components"]["headers"]["RequestId"] = json!({
        "description": "The request's name, yours or made; it is in the server's log.",
        "schema": {"type": "string"},
        "required": true,
    });
}

/// The order as it is read alone: the same with its details.
fn detail(schemas: &mut Value) {
    let mut order = schemas["Order"].clone();
    let details =
        schemas.as_object_mut().and_then(|schemas| schemas.remove("OrderDetails")).unwrap_or_default();
    for (name, schema) in details["properties"].as_object().into_iter().flatten() {
        order["properties"][name] = schema.clone();
    }
    order["description"] = "An order with its address and metadata.".into();
    schemas["OrderWithDetails"] = order;
}

/// Unknown fields are refused.
fn close(schema: &mut Value) {
    if schema["type"] == "object" {
        schema["additionalProperties"] = false.into();
    }
}

/// Answers always have all their fields; what there is not is null.
fn require_all(schema: &mut Value) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        schema["required"] = properties.keys().cloned().collect();
    }
}

/// Every request may be named, and every answer is.
fn name_request(operation: &mut Value) {
    let parameters = operation.as_object_mut().map(|operation| operation.entry("parameters"));
    if let Some(parameters) = parameters.map(|entry| entry.or_insert(json!([]))).and_then(Value::as_array_mut)
    {
        parameters.push(json!({"$ref": "#/components/parameters/RequestId"}));
    }
    for (_, response) in object(&mut operation["responses"]) {
        response["headers"]["X-Request-Id"] = json!({"$ref": "#/components/headers/RequestId"});
    }
}

/// A body that may be left out is not the same as a body that is null.
fn leave_out_null(operation: &mut Value) {
    let Some(schema) = operation.pointer_mut("/requestBody/content/application~1json/schema") else { return };
    if let Some(body) = schema.pointer("/oneOf/0").cloned() {
        *schema = body;
    }
}

fn illustrate(operation: &mut Value, examples: &Value) {
    let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
    for example in examples["exchanges"][&id].as_array().into_iter().flatten() {
        let name = example["name"].as_str().unwrap_or_default();
        let shown = |value: &Value| json!({"summary": example["summary"], "value": value});
        if let Some(request) = example.get("request") {
            operation["requestBody"]["content"]["application/json"]["examples"][name] = shown(request);
        }
        if let Some(answer) = example.get("answer") {
            let status = example["status"].as_str().unwrap_or_default();
            operation["responses"][status]["content"]["application/json"]["examples"][name] = shown(answer);
        }
    }
    for (status, response) in object(&mut operation["responses"]) {
        for code in codes(response) {
            let recorded = &examples["problems"][format!("{code} {status}")]["answer"];
            let problem = if recorded.is_null() { bare(&code, status) } else { recorded.clone() };
            response["content"][problem::MEDIA_TYPE]["examples"][&code] = json!({"value": problem});
        }
    }
}

/// The document of a problem that nobody adds anything to.
fn bare(code: &str, status: &str) -> Value {
    let is_it = |known: &Code| known.as_str() == code && known.status().as_str() == status;
    let code = Code::ALL.iter().copied().find(is_it).unwrap_or(Code::Internal);
    let named = [(request_id::HEADER.clone(), HeaderValue::from_static("cart-7"))].into_iter().collect();
    serde_json::from_slice(&Problem::bare(code).to_json(&RequestId::of(&named))).unwrap_or_default()
}

fn codes(response: &Value) -> Vec<String> {
    let codes = response["x-problem-codes"].as_array().into_iter().flatten();
    codes.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn object(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flat_map(Map::iter_mut)
}
