//! The parameters that routes take: of paths, of queries, and headers.

use omniflow_core::{PaymentStatus, StateKind};
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident = [$($document:expr),+];)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                [$($document),+].into_iter().map(super::parameter).collect()
            }
        }
    )+};
}

parameters! {
    /// The order of a path.
    OrderId = [path("id", "The order's id.", json!({"type": "string", "minLength": 1, "maxLength": 100}))];
    /// The SKU of a path.
    SkuName = [path("sku", "The SKU.", json!({
        "type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$",
    }))];
    /// The provider of a path.
    ProviderName = [path("provider", "Which one.", json!({"type": "string", "enum": ["carrier", "payments"]}))];
    /// The file of a path.
    FileName = [path("file", "Its name.", json!({
        "type": "string", "enum": crate::openapi::reader::FILES.map(|file| file.name),
    }))];
    /// What every POST takes.
    Key = [header(
        "Idempotency-Key",
        "Your name for this request, bare or in double quotes: the same key and body at the same path gives the same \
         answer, marked `Idempotent-Replayed`, for 24 hours unless configured otherwise.",
        json!({
            "type": "string",
            "pattern": r#"^([!#-~][\t -~]{0,254}|"([\t !#-\[\]-~]|\\["\\]){1,255}")$"#,
            "examples": ["cart-7-place"],
        }),
    )];
    /// What every change of an order takes.
    IfMatch = [header(
        "If-Match",
        "Do it only if the order has one of these versions; else 412.",
        tags(),
    )];
    /// The language of texts.
    Language = [header(
        "Accept-Language",
        "The language of `status`: `en` or `zh`; the server's own where none is asked for.",
        json!({"type": "string", "examples": ["en", "zh-CN"]}),
    )];
    /// What reading an order takes.
    Conditions = [
        header("If-Match", "Answer only if the order has one of these versions; else 412.", tags()),
        header("If-None-Match", "Answer only if the order has none of these versions; else 304.", tags()),
        header(
            "Prefer",
            "With `If-None-Match`: `wait=N` answers at the next change, or with 304 after N seconds, 30 at most.",
            json!({"type": "string", "pattern": "^wait=([0-9]|[12][0-9]|30)$", "examples": ["wait=10"]}),
        )
    ];
    /// Where to go on in a stream.
    LastEventId = [header(
        "Last-Event-ID",
        "The `id` of the last message that you have; the stream goes on after it.",
        json!({"type": "string"}),
    )];
    /// The part of a list.
    Part = [
        query("cursor", "The `next_cursor` of the page before, with the same filters.", json!({"type": "string"})),
        query("limit", "How many; 50 where left out.", json!({"type": "integer", "minimum": 1, "maximum": 200}))
    ];
    /// The filters of orders.
    Filters = [
        several("state", "In one of these states.", words(StateKind::ALL.iter().map(|state| state.as_str()))),
        several(
            "payment_status",
            "With one of these payment statuses.",
            words(PaymentStatus::ALL.iter().map(|status| status.as_str()))
        ),
        several("customer_id", "Of one of these customers.", id()),
        several("external_id", "With one of these numbers of yours.", id()),
        several("attention", "Whether a person must act.", json!({"type": "boolean"})),
        query("created_after", "Placed after this moment, not at it.", moment()),
        query("created_before", "Placed before this moment, not at it.", moment())
    ];
    /// Whose script.
    ScriptOf = [query(
        "order_id",
        "This order's script alone; all where left out.",
        json!({"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[A-Za-z0-9._~-]+$"}),
    )];
}

fn path(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema})
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema})
}

fn header(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema})
}

/// A filter that may be repeated, which means "or".
fn several(name: &str, description: &str, item: Value) -> Value {
    let description = format!("{description} Repeated, it admits any of its values.");
    let mut parameter = query(name, &description, json!({"type": "array", "items": item, "maxItems": 50}));
    parameter["style"] = "form".into();
    parameter["explode"] = true.into();
    parameter
}

fn words<'w>(words: impl Iterator<Item = &'w str>) -> Value {
    json!({"type": "string", "enum": words.collect::<Vec<_>>()})
}

fn id() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$"})
}

fn moment() -> Value {
    json!({"type": "string", "format": "date-time", "examples": ["2026-01-06T10:00:00Z"]})
}

/// `*`, or entity tags.
fn tags() -> Value {
    let tag = r#"(W/)?"[!#-~]*""#;
    json!({"type": "string", "pattern": format!(r"^(\*|{tag}( ?, ?{tag})*)$"), "examples": ["\"3\""]})
}
