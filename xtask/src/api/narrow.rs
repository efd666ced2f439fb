//! A narrower document to ask by: orders that can be placed. By the whole one nearly all generated orders are
//! of unknown SKUs, and nothing deeper is reached than their refusal.

use serde_json::{Value, json};

/// SKUs of the demo catalogue.
const SKUS: &[&str] = &["iPhone 15", "Mac Pro", "AirPods Pro", "USB-C Cable"];

/// Keeps what an order needs, with values that there are.
pub(super) fn narrow(mut document: Value) -> Value {
    let schemas = &mut document["components"]["schemas"];
    keep(&mut schemas["NewOrder"], &["amount", "items", "payment_window_seconds", "metadata"]);
    let amount = json!({"type": "number", "minimum": 1, "maximum": 30_000, "multipleOf": 1});
    schemas["NewOrder"]["properties"]["amount"] = amount.clone();
    schemas["NewOrder"]["required"] = json!(["amount", "items"]);
    schemas["NewOrder"]["properties"]["items"] =
        json!({"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "enum": SKUS}});
    keep(&mut schemas["PaymentReport"], &["payment_id", "event_id", "outcome", "amount", "reason"]);
    schemas["PaymentReport"]["properties"]["amount"] = amount;
    schemas["Adjustment"]["properties"]["sku"] = json!({"type": "string", "enum": SKUS});
    schemas["Adjustment"]["properties"]["delta"] = json!({"type": "integer", "minimum": -5, "maximum": 500});
    // A version that happens to be right is a rare guess.
    for (_, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(parameters) = operation["parameters"].as_array_mut() {
                parameters.retain(|parameter| parameter["name"] != "If-Match");
            }
        }
    }
    document
}

fn keep(schema: &mut Value, fields: &[&str]) {
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.retain(|name, _| fields.contains(&name.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_placed_is_left() {
        let document = json!({
            "components": {"schemas": {"NewOrder": {"properties": {"amount": {}, "amount_minor": {}, "items": {}}}}},
            "paths": {"/orders": {"get": {"parameters": [{"name": "If-Match"}, {"name": "Prefer"}]}}},
        });
        let narrow = narrow(document);
        let order = narrow["components"]["schemas"]["NewOrder"]["properties"].as_object().unwrap();
        assert_eq!(order.keys().collect::<Vec<_>>(), ["amount", "items"]);
        assert_eq!(narrow["paths"]["/orders"]["get"]["parameters"], json!([{"name": "Prefer"}]));
    }
}
