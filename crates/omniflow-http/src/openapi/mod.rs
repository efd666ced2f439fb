//! The OpenAPI 3.1 document, made from the code that it describes.
//!
//! Routes and document are one set: [`crate::routes`] and [`document`] are made by the same macro, which takes
//! a handler together with its path, and nothing else adds a route. Schemas of answers are derived from the
//! types that write them. What no type says is here: the bodies that handlers read by hand, headers, and which
//! problem codes a route knows.

pub(crate) mod answers;
pub(crate) mod bodies;
mod finish;
pub(crate) mod parameters;
pub(crate) mod reader;
pub(crate) mod refusals;
mod uses;
pub(crate) mod words;

use serde_json::Value;
use std::sync::LazyLock;
use utoipa::ToSchema;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{RefOr, Response};

/// The document, as `/openapi.json` serves it and `omniflow openapi` prints it. The routes that exist only in
/// `dev` are in it, with the tag `dev`.
pub fn document() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let described = serde_json::to_value(crate::api::described()).unwrap_or_default();
        let mut text = serde_json::to_string_pretty(&finish::finish(described)).unwrap_or_default();
        text.push('\n');
        text
    });
    &DOCUMENT
}

/// A schema and all that it refers to.
pub(crate) fn schema_of<T: ToSchema>() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    schemas
}

/// A response of the document, as JSON writes it. Only literals of this module come here, and a test reads
/// the document that they make.
fn response(document: Value) -> RefOr<Response> {
    let extensions = extensions_of(&document);
    let mut response: Response = serde_json::from_value(document).unwrap_or_default();
    response.extensions = extensions;
    RefOr::T(response)
}

fn extensions_of(document: &Value) -> Option<Extensions> {
    let fields = document.as_object()?.iter().filter(|(name, _)| name.starts_with("x-"));
    Some(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A parameter of the document, as JSON writes it.
fn parameter(document: Value) -> Parameter {
    serde_json::from_value(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Value {
        serde_json::from_str(document()).unwrap()
    }

    /// Hands every object of the document to `look`.
    fn walk(value: &Value, look: &mut impl FnMut(&serde_json::Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                look(object);
                object.values().for_each(|value| walk(value, look));
            }
            Value::Array(items) => items.iter().for_each(|value| walk(value, look)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_used() {
        let document = made();
        let mut used = std::collections::BTreeSet::new();
        walk(&document, &mut |object| {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
                used.insert(reference.to_owned());
            }
        });
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/schemas/{name}")), "{name} is used nowhere");
        }
    }

    #[test]
    fn a_schema_is_of_requests_or_of_answers_and_says_which_fields_are_there() {
        let document = made();
        let uses = uses::Uses::of(&document);
        assert!(uses.sent.len() > 10 && uses.problems.len() > 1, "{uses:?}");
        assert!(uses.sent.is_disjoint(&uses.problems), "{uses:?}");
        for (path, item) in document["paths"].as_object().unwrap() {
            walk(&item["responses"], &mut |part| {
                let name = part.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
                assert!(name.is_none_or(|name| !uses.sent.contains(name)), "{path} answers {name:?}");
            });
        }
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            let Some(fields) = schema.get("properties").and_then(Value::as_object) else { continue };
            let required = schema["required"].as_array().map_or(0, Vec::len);
            let is_closed = schema["additionalProperties"] == false;
            match (uses.sent.contains(name), uses.problems.contains(name)) {
                (true, _) => assert!(is_closed, "{name}"),
                (false, true) => assert!(!is_closed, "{name}"),
                (false, false) => assert!(!is_closed && required == fields.len(), "{name}"),
            }
        }
    }

    #[test]
    fn every_literal_of_a_parameter_or_response_was_read() {
        let document = made();
        let mut parameters = 0;
        walk(&document["paths"], &mut |object| {
            if object.contains_key("in") {
                assert_ne!(object["name"], "", "{object:?}");
                assert!(object["schema"].is_object(), "{object:?}");
                parameters += 1;
            }
            if let Some(responses) = object.get("responses") {
                walk_responses(responses);
            }
        });
        assert!(parameters > 20, "{parameters} parameters");
    }

    fn walk_responses(responses: &Value) {
        for (status, response) in responses.as_object().unwrap() {
            assert_ne!(response["description"], "", "{status}");
            assert!(response["description"].is_string(), "{status}");
        }
    }

    #[test]
    fn every_code_that_can_come_is_documented_somewhere() {
        use crate::Code;
        let text = document();
        // Access keys and limits of rates are for a server that is open to others.
        for code in Code::ALL {
            let is_later = matches!(code, Code::Unauthorized | Code::Forbidden | Code::TooManyRequests);
            let is_elsewhere = matches!(code, Code::MethodNotAllowed);
            let is_documented = text.contains(&format!("`{}`: {}", code.as_str(), code.title()));
            assert_eq!(is_documented, !is_later && !is_elsewhere, "{}", code.as_str());
        }
    }
}
