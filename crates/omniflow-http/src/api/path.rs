//! What a path names. An order or a SKU that cannot exist is not found, whatever it is written with.

use super::refusals;
use crate::{Code, Problem};
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use omniflow_core::{OrderId, Sku};

/// The order of a path.
pub(super) struct OrderPath(pub(super) OrderId);

/// The SKU of a path.
pub(super) struct SkuPath(pub(super) Sku);

/// The one parameter of a path, `None` where it is not UTF-8 text.
async fn text<S: Send + Sync>(parts: &mut Parts, state: &S) -> Option<String> {
    Path::<String>::from_request_parts(parts, state).await.ok().map(|Path(text)| text)
}

impl<S: Send + Sync> FromRequestParts<S> for OrderPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let id = text(parts, state).await.and_then(|text| OrderId::new(text).ok());
        id.map(Self).ok_or_else(refusals::order_not_found)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SkuPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = text(parts, state).await.unwrap_or_default();
        Sku::new(text).map(Self).map_err(|error| {
            if parts.method == axum::http::Method::PUT {
                return Problem::parameter("sku", error.to_string());
            }
            Problem::new(Code::SkuNotFound, "Check the SKU; GET /api/v1/inventory lists them.")
        })
    }
}
