use super::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// What a test asks an order for; prices stay text, as handlers keep them.
#[derive(Debug, PartialEq)]
struct Wanted {
    amount: String,
    items: Vec<(String, i64)>,
    reason: Option<String>,
}

fn order(order: &Object<'_, '_>) -> Option<Wanted> {
    let amount = order.need("amount").and_then(|amount| amount.number());
    let items = order.need("items").and_then(|items| items.array(1..=200, item));
    let reason = order.get("reason").map(|reason| reason.text(0..=500));
    Some(Wanted {
        amount: amount?.to_owned(),
        items: items?,
        reason: reason.map_or(Some(None), |reason| reason.map(|text| Some(text.into_owned())))?,
    })
}

fn item(item: Value<'_, '_>) -> Option<(String, i64)> {
    if item.kind() == Kind::Text {
        return item.text(1..=100).map(|sku| (sku.into_owned(), 1));
    }
    item.object(|item| {
        let sku = item.need("sku").and_then(|sku| sku.text(1..=100));
        let quantity = item.need("quantity").and_then(|quantity| quantity.integer(1..=1_000_000));
        Some((sku?.into_owned(), quantity?))
    })
}

/// The code, and each fault as `pointer code`.
fn refused(body: &str) -> (&'static str, Vec<String>) {
    let problem = read(body.as_bytes(), order).unwrap_err();
    let document: Json = serde_json::from_slice(&problem.to_json(&crate::RequestId::named("1"))).unwrap();
    let errors = document["errors"].as_array().cloned().unwrap_or_default();
    let word = |error: &Json, key: &str| error[key].as_str().unwrap().to_owned();
    let faults =
        errors.iter().map(|error| format!("{} {}", word(error, "pointer"), word(error, "code"))).collect();
    (problem.code().as_str(), faults)
}

#[test]
fn an_order_is_read_as_it_was_written() {
    let body = r#"{"amount": 10000.10, "items": ["iPhone 15", {"quantity":2e0,"sku":"Mac\u0020Pro"}], "reason": null}"#;
    let read = read(body.as_bytes(), order).unwrap();
    assert_eq!(read.amount, "10000.10", "every digit");
    assert_eq!(read.items, [("iPhone 15".to_owned(), 1), ("Mac Pro".to_owned(), 2)]);
    assert_eq!(read.reason, None, "null is absent");
}

#[test]
fn every_fault_is_named_in_one_pass() {
    let body =
        r#"{"amount":"5","items":["",{"sku":"a\u0000b","quantity":0,"colour":1}],"reason":7,"x/y~z":{}}"#;
    let (code, faults) = refused(body);
    assert_eq!(code, "unknown_field");
    assert_eq!(
        faults,
        [
            "/amount invalid_field",
            "/items/0 invalid_field",
            "/items/1/sku invalid_field",
            "/items/1/quantity invalid_field",
            "/items/1/colour unknown_field",
            "/reason invalid_field",
            "/x~1y~0z unknown_field",
        ]
    );
    assert_eq!(
        refused("{}"),
        ("invalid_field", vec!["/amount invalid_field".into(), "/items invalid_field".into()])
    );
}

#[test]
fn what_is_not_json_is_told_from_what_is_no_object() {
    for body in [
        "{",
        "nonsense",
        "{\"amount\":500}x",
        "{\"amount\":500}{}",
        "{'amount':500}",
        "{\"amount\":05}",
        "{\"amount\":NaN}",
        "{\"amount\":+1}",
        "{\"amount\":.5}",
        "{\"amount\":1.}",
        "{\"amount\":500,}",
        "{\"items\":[\"a\u{1}b\"]}",
        "{\"items\":[\"\\x\"]}",
        "{\"items\":[}",
        "{\"k\\ud800\":1}",
        "[1",
        "\u{feff}{}",
    ] {
        assert_eq!(refused(body).0, "invalid_json", "{body}");
    }
    for body in ["[]", "5", "\"text\"", "true", "null", " [{}] ", "", " \n"] {
        assert_eq!(refused(body), ("invalid_field", vec![" invalid_field".to_owned()]), "{body}");
    }
    let problem = read(b"{\"amount\":\"\xff\"}", order).unwrap_err();
    assert_eq!(problem.code(), Code::InvalidJson, "not UTF-8");
}

#[test]
fn a_repeated_key_makes_the_body_ambiguous_however_it_is_escaped() {
    for (body, pointer) in [
        (r#"{"amount":1,"amount":1}"#, "/amount"),
        (r#"{"amount":1,"\u0061mount":2}"#, "/amount"),
        (r#"{"x":{},"x":{}}"#, "/x"),
        (r#"{"bad":1,"amount":"no","items":[{"sku":"a","sk\u0075":"b"}]}"#, "/items/0/sku"),
    ] {
        assert_eq!(refused(body), ("invalid_json", vec![format!("{pointer} invalid_json")]), "{body}");
    }
    let escaped = read(br#"{"\u0061mount":5,"i\u0074ems":["a"]}"#, order).unwrap();
    assert_eq!(escaped.amount, "5", "an escaped key is the same key");
}

#[test]
fn a_repeated_key_is_found_among_very_many() {
    let keys = |keys: &[usize]| {
        let fields: Vec<String> = keys.iter().map(|key| format!("\"k{key}\":0")).collect();
        format!("{{{}}}", fields.join(","))
    };
    let mut many: Vec<usize> = (0..6_000).collect();
    let (code, faults) = refused(&keys(&many));
    assert_eq!((code, faults.len()), ("unknown_field", 100), "the list is bounded");
    many.push(4_321);
    assert_eq!(refused(&keys(&many)), ("invalid_json", vec!["/k4321 invalid_json".to_owned()]));
}

#[test]
fn depth_costs_no_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{{\"amount\":1,\"items\":[{}0{}]}}", open.repeat(10_000), close.repeat(10_000));
        assert_ne!(refused(&deep).0, "invalid_json");
        assert_eq!(refused(&format!("{}0", open.repeat(10_000))).0, "invalid_json", "never closed");
    }
}

#[test]
fn text_is_measured_in_characters_and_may_run_right_to_left() {
    let reason = |text: &str| {
        let body = json!({"amount": 1, "items": ["a"], "reason": text}).to_string();
        read(body.as_bytes(), order).map(|order| order.reason)
    };
    let arabic = "\u{202e}مرحبا\u{200f} \u{2066}שלום\u{2069}";
    assert_eq!(reason(arabic).unwrap(), Some(arabic.to_owned()));
    assert_eq!(reason("line\nbreak\tand 🦀").unwrap().as_deref(), Some("line\nbreak\tand 🦀"));
    assert!(reason(&"苹".repeat(500)).is_ok());
    assert!(reason(&"苹".repeat(501)).is_err());
    for control in ['\0', '\u{1b}', '\u{7f}', '\u{85}'] {
        assert!(reason(&format!("a{control}b")).is_err(), "{control:?}");
    }
    let half = read(br#"{"amount":1,"items":["\ud83d"]}"#, order).unwrap_err();
    assert_eq!(half.errors()[0].detail, "must not contain half of a surrogate pair");
}

#[test]
fn words_are_known_in_any_case() {
    let decide = |body: &str| {
        read(body.as_bytes(), |audit| {
            audit.need("action").and_then(|action| action.word(&["APPROVE", "REJECT"]))
        })
    };
    assert_eq!(decide(r#"{"action":"approve"}"#).unwrap(), "APPROVE");
    assert_eq!(decide(r#"{"action":"Reject"}"#).unwrap(), "REJECT");
    for body in [r#"{"action":"MAYBE"}"#, r#"{"action":null}"#, r#"{"action":1}"#, "{}", ""] {
        assert_eq!(decide(body).unwrap_err().code(), Code::InvalidField, "{body}");
    }
}

#[test]
fn an_optional_body_may_be_absent_and_is_strict_where_it_is_there() {
    let reason = |body: &[u8]| {
        read_optional(body, |cancel| {
            Some(cancel.get("reason").and_then(|reason| reason.text(0..=9)).is_some())
        })
    };
    assert!(!reason(b"").unwrap());
    assert!(!reason(b"\r\n").unwrap());
    assert!(reason(br#"{"reason":"late"}"#).unwrap());
    assert_eq!(reason(b"null").unwrap_err().code(), Code::InvalidField);
    assert_eq!(reason(br#"{"raeson":"late"}"#).unwrap_err().code(), Code::UnknownField);
}

#[test]
fn faults_that_others_find_get_the_pointer_from_the_root() {
    let problem = read(br#"{"a":{"b":[1]}}"#, |body| {
        body.need("a")?.object(|a| {
            a.need("b")?.array(0..=1, |one| one.integer(1..=1))?;
            a.refuse(Code::UnknownSku, "/b/0", "is not in stock");
            Some(())
        })
    });
    let problem = problem.unwrap_err();
    assert_eq!(problem.errors(), [FieldError::at(Code::UnknownSku, "/a/b/0", "is not in stock")]);
}

#[test]
fn entries_are_keys_that_the_caller_chooses() {
    let read = |body: &str| {
        read(body.as_bytes(), |body| {
            body.need("metadata")?.object(|metadata| {
                let entries: Vec<_> = metadata
                    .entries()
                    .map(|(key, value)| Some((key.to_owned(), value.text(0..=9)?)))
                    .collect();
                entries.into_iter().collect::<Option<Vec<_>>>().map(|entries| entries.len())
            })
        })
    };
    assert_eq!(read(r#"{"metadata":{"a":"1","b":"2"}}"#).unwrap(), 2);
    assert_eq!(read(r#"{"metadata":{"a":"1","b":null}}"#).unwrap_err().errors()[0].place, at("/metadata/b"));
    assert_eq!(read(r#"{"metadata":{"a":"1","a":"2"}}"#).unwrap_err().code(), Code::InvalidJson);
}

fn at(pointer: &str) -> crate::Place {
    crate::Place::Pointer(pointer.to_owned())
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let key = prop_oneof![Just("amount".to_owned()), Just("items".to_owned()), any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::btree_map(key, inner, 0..5).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn every_fault_points_at_a_place_that_is_there_or_required(body in any_json()) {
        let Err(problem) = read(body.to_string().as_bytes(), order) else { return Ok(()) };
        prop_assert_ne!(problem.code(), Code::InvalidJson);
        for error in problem.errors() {
            let crate::Place::Pointer(pointer) = &error.place else { panic!("not in the body") };
            let present = body.pointer(pointer);
            let wanted = error.detail == "is required";
            prop_assert!(present.is_some_and(|value| !wanted || value.is_null()) || wanted, "{}", pointer);
        }
    }

    #[test]
    fn text_comes_back_as_it_was(text: String) {
        let body = json!({ "text": text }).to_string();
        let read = read(body.as_bytes(), |body| body.need("text")?.any_text().map(|text| text.into_owned()));
        prop_assert_eq!(read.unwrap(), text);
    }

    #[test]
    fn bytes_never_make_it_panic(body: Vec<u8>) {
        let _ = read(&body, order);
    }

    #[test]
    fn what_it_takes_is_json(prefix in "[{\\[\" ]{0,3}", body in any_json(), suffix in "[}\\]\" ,]{0,3}") {
        let body = format!("{prefix}{body}{suffix}");
        let strict = serde_json::from_str::<Json>(&body).is_ok();
        let refused = read(body.as_bytes(), order).err().map(|problem| problem.code());
        prop_assert_eq!(strict || body.trim().is_empty(), refused != Some(Code::InvalidJson), "{}", body);
    }
}
