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
pub(crate) mod words;

use serde_json::Value;
use std::sync::LazyLock;
use utoipa::ToSchema;
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
    let extensions = codes_of(&document);
    let mut response: Response = serde_json::from_value(document).unwrap_or_default();
    response.extensions = extensions;
    RefOr::T(response)
}

fn codes_of(document: &Value) -> Option<utoipa::openapi::extensions::Extensions> {
    let codes = document.get("x-problem-codes")?.clone();
    Some([("x-problem-codes", codes)].into_iter().collect())
}

/// A parameter of the document, as JSON writes it.
fn parameter(document: Value) -> Parameter {
    serde_json::from_value(document).unwrap_or_default()
}
