//! The routes before an engine that cannot work: what each says to do about it.

use super::stub::{Stub, ask, before};
use omniflow_engine::Error;
use serde_json::Value as Json;

/// The problem that a request gets, which must say when to ask again.
async fn problem(error: &Error, method: &str, path: &str, body: &str) -> Json {
    let (status, headers, problem) =
        ask(before(Stub::down(error.clone()), true), method, path, &[], body).await;
    assert_eq!(status, 503, "{method} {path}");
    assert!(headers.contains_key("retry-after"), "{method} {path}");
    problem
}

#[tokio::test]
async fn who_reads_is_told_to_ask_again_and_who_acts_that_nothing_was_done() {
    for (error, code) in [
        (Error::Unavailable("its storage recovers".to_owned()), "engine_unavailable"),
        (Error::Overloaded, "overloaded"),
    ] {
        for path in [
            "/orders/ORD-1",
            "/orders/ORD-1/timeline",
            "/orders/ORD-1/events",
            "/events",
            "/inventory",
            "/inventory/HomePod",
        ] {
            let problem = problem(&error, "GET", &format!("/api/v1{path}"), "").await;
            assert_eq!(problem["code"], code, "{path}");
            assert_eq!(problem["detail"], "It cannot be read now. Ask again after Retry-After.", "{path}");
        }
        for (method, path, body) in [
            ("POST", "/orders", r#"{"amount":5,"items":["HomePod"]}"#),
            ("POST", "/orders/ORD-1/pay", ""),
            ("POST", "/orders/ORD-1/pay", r#"{"amount":5}"#),
            ("POST", "/orders/ORD-1/cancel", ""),
            ("DELETE", "/orders/ORD-1/details", ""),
            ("PUT", "/inventory/HomePod", r#"{"on_hand":5}"#),
        ] {
            let problem = problem(&error, method, &format!("/api/v1{path}"), body).await;
            assert_eq!(problem["code"], code, "{method} {path}");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.starts_with("This request did nothing."), "{method} {path}: {detail}");
        }
    }
}
