//! What each route answers where it does what was asked, with the headers that matter.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident = {$($status:literal: $document:expr),+};)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(($status.to_owned(), super::response($document))),+].into()
            }
        }
    )+};
}

answers! {
    /// An order that was placed.
    Placed = {
        "201": with_links(with(
            body("Its stock is decided; all of it is durable.", "Order"),
            &[ETAG, REPLAYED, LOCATION],
        )),
        "202": with_links(with(
            body(
                "It is durable, and its stock not decided yet: it goes on once a worker comes to it, and is kept as \
                 `failed` where there is too little.",
                "Order",
            ),
            &[ETAG, REPLAYED, LOCATION],
        ))
    };
    /// An order after something was asked of it.
    OrderAfter = {"200": with(body("The order as it now stands; also where it was asked before.", "Order"), &[ETAG, REPLAYED])};
    /// An order after a payment was reported.
    Paid = {
        "200": with(
            body("The order as it now stands; also where it was reported before.", "Order"),
            &[ETAG, REPLAYED],
        ),
        "202": with(
            body(
                "The report is durable, and is applied once a worker comes to it; the order as last known.",
                "Order",
            ),
            &[ETAG, REPLAYED],
        )
    };
    /// An order that was read.
    OrderRead = {
        "200": with(body("The order, with address and metadata.", "OrderWithDetails"), &[ETAG]),
        "304": with(empty("It still has the version in `If-None-Match`, also after the wait."), &[ETAG])
    };
    /// A part of the list of orders.
    Orders = {"200": body("Orders, newest first.", "OrderList")};
    /// A timeline.
    Told = {"200": body("Every event of the order.", "Timeline")};
    /// Events as they come.
    Stream = {"200": json!({
        "description": "One message an event: `id` is a durable position, `event` the type, `data` the timeline's \
                        entry with `order_id`, as one line of JSON. Comments keep the connection open. It does not end \
                        by itself.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
        // OpenAPI 3.1 has no word for a stream's messages; in 3.2 it is `itemSchema`.
        "x-message": {
            "id": {"type": "string", "pattern": "^[0-9]+$"},
            "event": {"$ref": "#/components/schemas/EventType"},
            "data": {"$ref": "#/components/schemas/FollowedEvent"},
        },
    })};
    /// Details that were erased.
    Erased = {"204": empty("They are erased, or there were none.")};
    /// Stock that was read.
    StockRead = {"200": body("The SKU's stock.", "Stock")};
    /// Stock that was set.
    StockSet = {
        "200": body("The SKU's stock as it now is.", "Stock"),
        "201": body("The SKU is new; its stock.", "Stock")
    };
    /// Stock that was adjusted.
    StockAfter = {"200": with(body("The SKU's stock as it now is.", "Stock"), &[REPLAYED])};
    /// A part of the catalogue.
    Stocks = {"200": body("SKUs, sorted.", "StockList")};
    /// A script that was taken or cleared.
    Scripted = {"204": empty("From the next attempt on.")};
    /// A clock that was moved.
    ClockMoved = {"200": with(body("Everything that came due has settled.", "ClockReading"), &[REPLAYED])};
    /// Health.
    Healthy = {"200": body("It is.", "Health")};
    /// Metrics.
    Counted = {"200": text("Every family's name begins with `omniflow_`.", crate::metrics::MEDIA_TYPE)};
    /// The front page.
    Home = {"200": text("Lines to paste.", "text/plain; charset=utf-8")};
    /// The document itself.
    Document = {"200": json!({
        "description": "OpenAPI 3.1.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    })};
    /// The document's reader.
    Reader = {"200": text("A page that asks no other host.", "text/html; charset=utf-8")};
    /// A file of the reader.
    ReaderFile = {"200": json!({
        "description": "A style sheet or a script.",
        "content": {
            "text/css; charset=utf-8": {"schema": {"type": "string"}},
            "text/javascript; charset=utf-8": {"schema": {"type": "string"}},
        },
    })};
}

const ETAG: (&str, &str) = ("ETag", "The order's version, as a strong entity tag.");
const LOCATION: (&str, &str) = ("Location", "The order's path.");
const REPLAYED: (&str, &str) =
    ("Idempotent-Replayed", "`true` where this is the answer to an earlier request with the same key.");

fn body(description: &str, schema: &str) -> Value {
    let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

fn text(description: &str, media_type: &str) -> Value {
    json!({"description": description, "content": {media_type: {"schema": {"type": "string"}}}})
}

fn empty(description: &str) -> Value {
    json!({"description": description})
}

fn with(mut response: Value, headers: &[(&str, &str)]) -> Value {
    for (name, description) in headers {
        let always = *name != REPLAYED.0;
        response["headers"][*name] =
            json!({"description": description, "schema": {"type": "string"}, "required": always});
    }
    response
}

/// What can be done next with the order that was placed.
fn with_links(mut response: Value) -> Value {
    for operation in [
        "readOrder",
        "payOrder",
        "reviewOrder",
        "cancelOrder",
        "retryEffect",
        "skipEffect",
        "compensateOrder",
        "readTimeline",
        "eraseOrderDetails",
        "followOrder",
    ] {
        response["links"][operation] =
            json!({"operationId": operation, "parameters": {"id": "$response.body#/order_id"}});
    }
    response
}
