//! Values held against a schema of the document.

use super::{DOCUMENT, object};
use serde_json::Value as Json;

/// Asserts that a value is as a schema says, and that of what may be added to nothing was added yet.
///
/// A word of a schema that is not known here fails the test, so that nothing is passed over.
#[track_caller]
pub(crate) fn assert_fits(value: &Json, schema: &Json) {
    let faults = faults(value, schema, "");
    assert!(faults.is_empty(), "{faults:#?} in {value}");
}

/// The schema that is referred to so.
fn referred(reference: &Json) -> &'static Json {
    let path = reference.as_str().and_then(|path| path.strip_prefix('#')).expect("a reference");
    DOCUMENT.pointer(path).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn faults(value: &Json, schema: &Json, at: &str) -> Vec<String> {
    object(schema).iter().flat_map(|(word, said)| faults_by(word, said, value, schema, at)).collect()
}

fn faults_by(word: &str, said: &Json, value: &Json, schema: &Json, at: &str) -> Vec<String> {
    let unless = |fits: bool| if fits { vec![] } else { vec![format!("{at} is {value}, not {word} {said}")] };
    match word {
        "$ref" => faults(value, referred(said), at),
        "allOf" => listed(said).flat_map(|part| faults(value, part, at)).collect(),
        "oneOf" => {
            let fits = listed(said).filter(|part| faults(value, part, at).is_empty()).count();
            unless(fits == 1)
        }
        "type" => unless(listed(said).any(|name| is(value, name.as_str().expect("a type")))),
        "format" => unless(has_format(value, said.as_str().expect("a format"))),
        "pattern" if said == "^[0-9]+$" => unless(
            value.as_str().is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())),
        ),
        "minimum" => unless(value.as_f64().is_none_or(|number| Some(number) >= said.as_f64())),
        "maximum" => unless(value.as_f64().is_none_or(|number| Some(number) <= said.as_f64())),
        "required" => unless(listed(said).all(|name| value.get(name.as_str().unwrap()).is_some())),
        "properties" => value
            .as_object()
            .into_iter()
            .flatten()
            .flat_map(|(name, part)| match said.get(name) {
                Some(schema) => faults(part, schema, &format!("{at}/{name}")),
                // What one part of several does not know another one may.
                None => vec![],
            })
            .collect(),
        "additionalProperties" => {
            let others = value.as_object().into_iter().flatten();
            let others = others.filter(|(name, _)| schema["properties"].get(name).is_none());
            others.flat_map(|(name, part)| faults(part, said, &format!("{at}/{name}"))).collect()
        }
        "propertyNames" => unless(*said == serde_json::json!({"type": "string"})),
        "items" => value
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .flat_map(|(place, item)| faults(item, said, &format!("{at}/{place}")))
            .collect(),
        "x-known-values" => unless(listed(said).any(|known| known == value)),
        "description" | "examples" => vec![],
        other => panic!("{other} is not known here, in {schema}"),
    }
}

/// The items of a list, or the one that stands for it.
fn listed(said: &Json) -> std::slice::Iter<'_, Json> {
    said.as_array().map_or(std::slice::from_ref(said), Vec::as_slice).iter()
}

fn is(value: &Json, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        other => panic!("{other} is no type"),
    }
}

fn has_format(value: &Json, format: &str) -> bool {
    match (value, format) {
        (Json::String(text), "date-time") => text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(),
        (Json::Number(number), "int32") => {
            number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
        }
        (Json::Number(number), "int64") => number.is_i64() || number.is_u64(),
        // Of another type it says nothing.
        (_, "date-time" | "int32" | "int64" | "double") => true,
        (_, other) => panic!("{other} is not known here, of {value}"),
    }
}

#[test]
fn what_does_not_fit_a_schema_is_found() {
    let entry = serde_json::json!({
        "order_id": "ORD-1", "seq": 1, "type": "stock_reserved", "at": "2026-01-06T10:00:00Z", "actor": "api",
        "reason": null, "data": {}, "hash": "00",
    });
    let schema = &DOCUMENT["components"]["schemas"]["FollowedEvent"];
    assert_fits(&entry, schema);
    for (field, bad) in [
        ("order_id", Json::Null),
        ("seq", "1".into()),
        ("type", "stock_lost".into()),
        ("at", "yesterday".into()),
        ("actor", 5.into()),
        ("reason", 5.into()),
        ("data", "".into()),
    ] {
        let mut changed = entry.clone();
        changed[field] = bad;
        assert_eq!(faults(&changed, schema, "").len(), 1, "{changed}");
        changed.as_object_mut().unwrap().remove(field);
        assert_eq!(faults(&changed, schema, "").len(), 1, "{changed}");
    }
}
