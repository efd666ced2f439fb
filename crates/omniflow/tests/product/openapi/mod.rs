//! The API's document says what the server does: the same routes, fields and refusals, and examples that work.

mod examples;
mod schema;
mod streams;

use crate::client::Answer;
use crate::scenarios::ORDER;
use crate::server::{omniflow, run, still};
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What `omniflow openapi` prints.
static PRINTED: LazyLock<String> = LazyLock::new(|| {
    let output = run(omniflow(["openapi"]));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
});

static DOCUMENT: LazyLock<Json> = LazyLock::new(|| serde_json::from_str(&PRINTED).expect("JSON"));

fn object(value: &Json) -> &Map<String, Json> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object"))
}

/// Every operation, with its path and method.
fn operations() -> impl Iterator<Item = (&'static str, String, &'static Json)> {
    let paths = object(&DOCUMENT["paths"]).iter();
    paths.flat_map(|(path, item)| {
        object(item).iter().map(move |(method, operation)| (path.as_str(), method.to_uppercase(), operation))
    })
}

/// The operation that a request asks for; of two paths that fit, the one with fewer parameters.
fn operation_of(method: &str, path: &str) -> Option<&'static Json> {
    let fitting = operations().filter(|(template, of, _)| of == method && fits(template, path));
    fitting.min_by_key(|(template, _, _)| template.matches('{').count()).map(|(_, _, operation)| operation)
}

fn fits(template: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (wanted, found): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let fits =
        |(wanted, found): (&&str, &&str)| wanted == found || wanted.starts_with('{') && !found.is_empty();
    wanted.len() == found.len() && wanted.iter().zip(&found).all(fits)
}

/// Asserts of any answer of the server that its status is documented, its problem's code, and its body.
#[track_caller]
pub(crate) fn assert_documented(method: &str, path: &str, answer: &Answer) {
    let Some(operation) = operation_of(method, path) else { return };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path} is answered {}, which is not documented", answer.status);
    if answer.status >= 400 && method != "HEAD" {
        let code = &answer.json()["code"];
        let known = response["x-problem-codes"].as_array().expect("codes");
        assert!(known.contains(code), "{method} {path}: {code} is not documented with {}", answer.status);
    }
    for media in ["application/json", "application/problem+json"] {
        let schema = &response["content"][media]["schema"];
        if schema.is_object() && !answer.body.is_empty() {
            schema::assert_fits(&answer.json(), schema);
        }
    }
}

#[test]
fn a_server_serves_what_the_program_prints() {
    let (_place, server) = still();
    let served = server.client.get("/openapi.json");
    assert_eq!(served.header("content-type"), Some("application/json"));
    assert!(served.body == *PRINTED, "they differ");
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    assert_eq!(DOCUMENT["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn each_path_is_served_with_the_documented_methods_and_no_others() {
    let (_place, server) = still();
    for (path, item) in object(&DOCUMENT["paths"]) {
        let mut documented: BTreeSet<String> =
            object(item).keys().map(|method| method.to_uppercase()).collect();
        if documented.contains("GET") {
            documented.insert("HEAD".to_owned());
        }
        let answer = server.client.ask("PATCH", &path.replace(['{', '}'], ""), &[], b"");
        answer.problem(405, "method_not_allowed");
        let allowed =
            answer.header("allow").expect("Allow").split(',').map(|method| method.trim().to_owned());
        assert_eq!(allowed.collect::<BTreeSet<_>>(), documented, "{path}");
    }
}

#[test]
fn every_operation_is_described_and_named_once() {
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations() {
        let text = |key: &str| operation[key].as_str().filter(|text| !text.is_empty());
        assert!(text("summary").is_some() && text("description").is_some(), "{method} {path}");
        assert!(ids.insert(text("operationId").expect("an id")), "{method} {path}");
        for (status, response) in object(&operation["responses"]) {
            let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described, "{method} {path} {status}");
            assert_eq!(
                status >= &"400".to_owned(),
                response["x-problem-codes"].is_array(),
                "{method} {path} {status}"
            );
        }
    }
    assert!(ids.len() > 20, "{ids:?}");
}

#[test]
fn every_documented_field_of_a_body_is_known_to_the_server_and_no_other() {
    let (_place, server) = still();
    let mut bodies = 0;
    for (path, method, operation) in operations() {
        let Some(body) = operation.pointer("/requestBody/content/application~1json/schema/$ref") else {
            continue;
        };
        let schema = DOCUMENT.pointer(&body.as_str().unwrap()[1..]).expect("a schema");
        assert_eq!(schema["additionalProperties"], false, "{method} {path}");
        let mut sent: Map<String, Json> = schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| (name.clone(), Json::Null))
            .collect();
        sent.insert("zzz".to_owned(), Json::Null);
        let path = path.replace("{provider}", "carrier").replace(['{', '}'], "");
        let answer = server.client.ask(&method, &path, &[], Json::Object(sent).to_string().as_bytes());
        let problem = answer.problem(422, "unknown_field");
        let errors = problem["errors"].as_array().unwrap().iter();
        let unknown = errors.filter(|error| error["code"] == "unknown_field").map(|error| &error["pointer"]);
        assert_eq!(unknown.collect::<Vec<_>>(), ["/zzz"], "{method} {path}");
        bodies += 1;
    }
    assert!(bodies > 8, "{bodies} bodies");
}

#[test]
fn a_parameter_that_is_not_documented_is_refused_everywhere() {
    let (_place, server) = still();
    let id = server.client.place(ORDER);
    let mut routes = 0;
    for (path, method, _) in operations().filter(|(path, _, _)| path.starts_with("/api/")) {
        let path = path.replace("{id}", &id).replace("{sku}", "HomePod").replace("{provider}", "carrier");
        let answer = server.client.ask(&method, &format!("{path}?zzz=1"), &[], b"{}");
        let problem = answer.problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["parameter"], "zzz", "{method} {path}");
        routes += 1;
    }
    assert!(routes > 18, "{routes} routes");
}

#[test]
fn the_reader_asks_no_other_host() {
    let (_place, server) = still();
    let page = server.client.get("/docs");
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("://") && !page.body.contains(" style="), "{}", page.body);
    let loaded = page.body.split(['"']).filter(|part| part.starts_with("/docs/"));
    let mut files = 0;
    for file in loaded {
        let mut exchange = server.client.begin("GET", file, &[], b"");
        let head = exchange.head();
        assert!(head.starts_with("HTTP/1.1 200 "), "{file}: {head}");
        assert!(head.contains("\r\nx-content-type-options: nosniff\r\n"), "{file}: {head}");
        files += 1;
    }
    assert_eq!(files, 4);
    let start = server.client.get("/docs/start.js").body;
    assert!(start.contains("validatorUrl: null") && !start.contains("://"), "{start}");
}
