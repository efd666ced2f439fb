//! The routes before an engine that cannot work: what each says to do about it.

use super::repeats::answered;
use super::stub::{Stub, ask, before};
use omniflow_engine::{Answered, Error};
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

/// An engine whose orders are run elsewhere, by workers that are not there.
#[tokio::test]
async fn what_is_taken_and_not_yet_done_is_202_with_the_order_as_it_is_known() {
    let taken = || Stub::telling(|_, _| async { Ok(Answered { pending: true, ..answered(false) }) });
    let place = (r#"{"amount":5,"items":["HomePod"]}"#, "/api/v1/orders", Some("/api/v1/orders/ORD-1"));
    for (body, path, location) in [place, ("", "/api/v1/orders/ORD-1/pay", None)] {
        let (status, headers, order) = ask(before(taken(), true), "POST", path, &[], body).await;
        assert_eq!((status.as_u16(), &order["state"]), (202, &"reserving".into()), "{path}: {order}");
        assert_eq!(headers["etag"], "\"1\"", "{path}");
        assert_eq!(headers.get("location").map(|location| location.to_str().unwrap()), location, "{path}");
    }
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let error = Error::Unavailable("PostgreSQL at db:5432 cannot be used now: it does not answer".to_owned());
    let (status, headers, problem) = ask(before(Stub::down(error), true), "GET", "/readyz", &[], "").await;
    assert_eq!((status.as_u16(), &problem["code"]), (503, &"engine_unavailable".into()), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("PostgreSQL at db:5432"), "{problem}");
    assert!(headers.contains_key("retry-after"));
}
