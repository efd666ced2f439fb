//! A server's refusal (RFC 9457), told to whoever typed the command.

use serde::Deserialize;
use std::fmt;

/// A problem document.
#[derive(Debug)]
pub(crate) struct Problem {
    document: Document,
    /// The document's bytes, for scripts.
    pub(super) as_sent: String,
}

#[derive(Debug, Deserialize)]
struct Document {
    title: String,
    status: u16,
    code: String,
    detail: String,
    #[serde(default)]
    errors: Vec<FieldError>,
    #[serde(default)]
    lines: Vec<ShortLine>,
    #[serde(default)]
    allowed_actions: Option<Vec<String>>,
    order_id: Option<String>,
    request_id: Option<String>,
}

/// One part of the request that is at fault.
#[derive(Debug, Deserialize)]
struct FieldError {
    pointer: Option<String>,
    header: Option<String>,
    parameter: Option<String>,
    detail: String,
}

/// A SKU of which there is too little.
#[derive(Debug, Deserialize)]
struct ShortLine {
    sku: String,
    requested: u64,
    available: u64,
}

/// Fields that are given by a flag of another name than theirs.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("amount_minor", "--amount"),
    ("payment_window_seconds", "--payment-window"),
    ("shipping_address", "--address"),
    ("adjustments", "--adjustment"),
    ("Idempotency-Key", "--idempotency-key"),
    ("If-Match", "--if-version"),
    ("Authorization", "--key"),
    ("sku", "SKU"),
    ("on_hand", "ON_HAND"),
    ("expected_on_hand", "--expected"),
    ("delta", "DELTA"),
    ("customer_id", "--customer-id"),
];

impl Problem {
    /// Reads a problem document; none where the body is something else.
    pub(super) fn read(body: &str) -> Option<Self> {
        Some(Self { document: serde_json::from_str(body).ok()?, as_sent: body.to_owned() })
    }

    /// The word for programs.
    pub(crate) fn code(&self) -> &str {
        &self.document.code
    }

    /// What the server says about it.
    pub(crate) fn detail(&self) -> &str {
        &self.document.detail
    }

    /// Whether the same request, told apart from another by its key, can be sent again at once.
    pub(super) fn is_outcome_unknown(&self) -> bool {
        self.document.code == "outcome_unknown"
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self.document.status {
            400..=499 => 4,
            503 if !self.is_outcome_unknown() => 3,
            _ => 1,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Document { title, code, detail, errors, lines, allowed_actions, order_id, request_id, .. } =
            &self.document;
        write!(out, "{title} ({code})")?;
        // A detail about one field says the same again, with a pointer where the error has the flag.
        if !errors.iter().any(|error| error.is_told_by(detail)) {
            write!(out, "\n  {detail}")?;
        }
        for error in errors {
            write!(out, "\n  {error}")?;
        }
        for ShortLine { sku, requested, available } in lines {
            write!(out, "\n  {sku}: {requested} wanted, {available} available")?;
        }
        match allowed_actions.as_deref() {
            Some([]) => write!(out, "\n  allowed now: nothing")?,
            Some(actions) => write!(out, "\n  allowed now: {}", actions.join(", "))?,
            None => {}
        }
        if code == "unknown_sku" {
            write!(out, "\n  to add one: omniflow inventory set SKU ON_HAND")?;
        }
        if let Some(order) = order_id {
            write!(out, "\n  see: omniflow orders show {order}")?;
        }
        match request_id {
            Some(id) => write!(out, "\n  request id: {id}"),
            None => Ok(()),
        }
    }
}

impl FieldError {
    /// Whether a sentence begins with this error's field and what is wrong with it.
    fn is_told_by(&self, sentence: &str) -> bool {
        let field = match (self.pointer.as_deref(), &self.header, &self.parameter) {
            (Some(""), ..) => "The body".to_owned(),
            (Some(pointer), ..) => pointer.to_owned(),
            (None, Some(name), _) => format!("The header {name}"),
            (None, None, Some(name)) => format!("The parameter {name}"),
            (None, None, None) => return false,
        };
        sentence.starts_with(&format!("{field} {}", self.detail))
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pointer, header, parameter, detail } = self;
        match (pointer, header.as_ref().or(parameter.as_ref())) {
            (Some(pointer), _) => write!(out, "{}: {detail}", flag_at(pointer)),
            (None, Some(name)) => write!(out, "{}: {detail}", flag_named(name)),
            (None, None) => out.write_str(detail),
        }
    }
}

/// What was typed for the field at a JSON pointer.
fn flag_at(pointer: &str) -> String {
    let mut keys = pointer.split('/').skip(1);
    let Some(first) = keys.next().filter(|first| !first.is_empty()) else {
        return "the request".to_owned();
    };
    let rest: Vec<&str> = keys.collect();
    if first == "items" {
        let place = rest.first().and_then(|place| place.parse::<usize>().ok());
        let part = rest.get(1).filter(|part| **part != "sku");
        let part = part.map(|part| format!(", its {}", part.replace('_', " "))).unwrap_or_default();
        return place.map_or("ITEM".to_owned(), |place| format!("item {}{part}", place + 1));
    }
    match rest.as_slice() {
        [] => flag_named(first),
        rest => format!("{} ({})", flag_named(first), rest.join(" ")),
    }
}

fn flag_named(name: &str) -> String {
    let other = OTHER_NAMES.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
    other.map_or_else(|| format!("--{}", name.replace('_', "-")), |(_, flag)| (*flag).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_become_what_was_typed() {
        for (pointer, flag) in [
            ("/amount", "--amount"),
            ("/amount_minor", "--amount"),
            ("/customer_id", "--customer-id"),
            ("/payment_window_seconds", "--payment-window"),
            ("/items", "ITEM"),
            ("/items/0", "item 1"),
            ("/items/0/sku", "item 1"),
            ("/items/11/unit_price", "item 12, its unit price"),
            ("/metadata/colour", "--metadata (colour)"),
            ("/delta", "DELTA"),
            ("", "the request"),
        ] {
            assert_eq!(flag_at(pointer), flag, "{pointer}");
        }
        assert_eq!(
            (flag_named("created_after"), flag_named("idempotency-key")),
            ("--created-after".into(), "--idempotency-key".into())
        );
    }

    #[test]
    fn a_refusal_is_told_with_all_that_helps_and_nothing_else() {
        let body = r#"{"type":"urn:x","title":"There is too little in stock","status":409,"code":"out_of_stock",
            "detail":"Order less.","lines":[{"sku":"Mac Pro","requested":60,"available":50}],"request_id":"r-1"}"#;
        let problem = Problem::read(body).unwrap();
        let told = "There is too little in stock (out_of_stock)\n  Order less.\n  \
                    Mac Pro: 60 wanted, 50 available\n  request id: r-1";
        assert_eq!((problem.to_string().as_str(), problem.exit_code()), (told, 4));
        assert!(Problem::read("<html>").is_none() && Problem::read(r#"{"error":"x"}"#).is_none());
    }

    #[test]
    fn what_the_errors_say_is_not_said_twice() {
        let of = |detail: &str| {
            let body = format!(
                r#"{{"title":"t","status":422,"code":"c","detail":"{detail}",
                "errors":[{{"pointer":"/customer_id","detail":"must be shorter"}}]}}"#
            );
            Problem::read(&body).unwrap().to_string()
        };
        assert_eq!(of("/customer_id must be shorter."), "t (c)\n  --customer-id: must be shorter");
        assert_eq!(of("Go away."), "t (c)\n  Go away.\n  --customer-id: must be shorter");
    }

    #[test]
    fn who_could_not_be_asked_is_no_refusal() {
        let of = |code: &str| {
            let body = format!(r#"{{"title":"t","status":503,"code":"{code}","detail":"d"}}"#);
            Problem::read(&body).unwrap().exit_code()
        };
        assert_eq!((of("engine_unavailable"), of("overloaded"), of("outcome_unknown")), (3, 3, 1));
    }
}
