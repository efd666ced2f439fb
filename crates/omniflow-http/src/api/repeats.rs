//! Requests with an `Idempotency-Key` before an engine whose commit stalls until it is let go.

use super::stub::{Stub, ask, before};
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use omniflow_core::{
    Actor, Draft, DraftAmount, DraftLine, Entry, Event, OrderId, PolicyBook, Timestamp, placed,
};
use omniflow_engine::{Answered, Error};
use serde_json::Value as Json;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const ORDERS: &str = "/api/v1/orders";
const ORDER: &str = r#"{"amount":5,"items":["HomePod"]}"#;

/// An order that was just placed, as it is answered.
pub(super) fn answered(replayed: bool) -> Answered {
    let amount = DraftAmount { major: None, minor: Some(500) };
    let line = DraftLine {
        line_id: None,
        sku: "HomePod".to_owned(),
        quantity: 1,
        unit_price: DraftAmount::default(),
    };
    let draft = Draft {
        amount,
        currency: None,
        items: vec![line],
        adjustments: vec![],
        external_id: None,
        customer_id: None,
        payment_window_seconds: None,
    };
    let terms = Box::new(draft.check(&PolicyBook::default()).unwrap());
    let (order_id, at) = (OrderId::new("ORD-1").unwrap(), Timestamp::from_millis(0));
    let event = Event::OrderPlaced { order_id, terms, details: None };
    let order = placed(&Entry { seq: 1, at, actor: Actor::api(), event }).unwrap();
    Answered { order: Arc::new(order), at, replayed, pending: false }
}

/// A disk that takes a permit for each sync; what it has synced is answered again without one.
#[derive(Clone)]
struct Disk {
    permits: Arc<Semaphore>,
    kept: Arc<Mutex<HashSet<[u8; 32]>>>,
    routes: Router,
}

impl Disk {
    fn stalled() -> Self {
        let (permits, kept) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(HashSet::new())));
        let (its_permits, its_kept) = (Arc::clone(&permits), Arc::clone(&kept));
        let stub = Stub::telling(move |mark, version| {
            let (permits, kept) = (Arc::clone(&its_permits), Arc::clone(&its_kept));
            async move {
                if mark.is_some_and(|mark| kept.lock().unwrap().contains(&mark.key)) {
                    return Ok(answered(true));
                }
                if version == Some(0) {
                    return Err(Error::VersionMismatch { current: 1 });
                }
                permits.acquire().await.unwrap().forget();
                if let Some(mark) = mark {
                    kept.lock().unwrap().insert(mark.key);
                }
                Ok(answered(false))
            }
        });
        Self { permits, kept, routes: before(stub, false) }
    }

    fn sync(&self) {
        self.permits.add_permits(1);
    }

    /// Sends a request; it is at work, or waits, when this returns.
    async fn send(&self, path: &'static str, key: &'static str, body: &'static str) -> Sent {
        let routes = self.routes.clone();
        let sent = tokio::spawn(async move {
            let key = [("idempotency-key", key)];
            let key = if key[0].1.is_empty() { &[][..] } else { &key[..] };
            ask(routes, "POST", path, key, body).await
        });
        sleep(Duration::from_millis(1)).await;
        sent
    }
}

type Sent = JoinHandle<(StatusCode, HeaderMap, Json)>;

async fn status(sent: Sent) -> (u16, bool, Json) {
    let (status, headers, body) = sent.await.unwrap();
    (status.as_u16(), headers.contains_key("idempotent-replayed"), body)
}

#[tokio::test(start_paused = true)]
async fn two_at_once_are_one_and_the_second_waits_for_ten_seconds_at_most() {
    let disk = Disk::stalled();
    let begun = Instant::now();
    let first = disk.send(ORDERS, "k", ORDER).await;
    let (given_up, problem) = {
        let (code, _, problem) = status(disk.send(ORDERS, "k", ORDER).await).await;
        (code, problem)
    };
    assert_eq!((given_up, &problem["code"]), (409, &"idempotency_in_progress".into()), "{problem}");
    assert_eq!(begun.elapsed().as_secs(), 10);
    let patient = disk.send(ORDERS, "k", ORDER).await;
    sleep(Duration::from_secs(9)).await;
    assert!(!first.is_finished() && !patient.is_finished());
    disk.sync();
    assert_eq!(status(first).await.0, 201, "the first one waits for its own answer as long as it takes");
    let (code, replayed, _) = status(patient).await;
    assert_eq!((code, replayed), (201, true), "it was done once");
    assert_eq!(disk.permits.available_permits(), 0);
}

#[tokio::test(start_paused = true)]
async fn others_do_not_wait() {
    let disk = Disk::stalled();
    let first = disk.send(ORDERS, "k", ORDER).await;
    let others = [
        disk.send(ORDERS, "k2", ORDER).await,
        disk.send("/api/v1/orders/ORD-1/cancel", "k", "").await,
        disk.send("/api/v1/orders/ORD-2/cancel", "k", "").await,
        disk.send(ORDERS, "", ORDER).await,
        disk.send(ORDERS, "", ORDER).await,
    ];
    for _ in 0..6 {
        disk.sync();
    }
    for other in others {
        assert!(!status(other).await.1);
    }
    assert!(!status(first).await.1);
}

#[tokio::test(start_paused = true)]
async fn a_first_whose_caller_has_gone_is_still_the_first() {
    let disk = Disk::stalled();
    disk.send(ORDERS, "k", ORDER).await.abort();
    sleep(Duration::from_millis(1)).await;
    let second = disk.send(ORDERS, "k", ORDER).await;
    disk.sync();
    let (code, replayed, _) = status(second).await;
    assert_eq!((code, replayed), (201, true));
}

#[tokio::test(start_paused = true)]
async fn a_path_is_the_same_however_it_is_written() {
    let disk = Disk::stalled();
    // One for each, so that a second request would be done, not wait.
    disk.sync();
    disk.sync();
    let first = status(disk.send("/api/v1/orders/ORD-1/cancel", "k", "").await).await;
    let second = status(disk.send("/api/v1/orders/%4f%52D%2D1/cancel", "k", "").await).await;
    assert_eq!((first.0, first.1, second.0, second.1), (200, false, 200, true));
    let kept = disk.kept.lock().unwrap();
    let plain = omniflow_engine::Idempotency::new("api", "/api/v1/orders/ORD-1/cancel", "k", b"", 1);
    assert!(kept.contains(&plain.key), "as answers of earlier versions are kept");
}

#[tokio::test(start_paused = true)]
async fn a_report_without_a_body_is_answered_as_it_was_when_it_was_taken() {
    let disk = Disk::stalled();
    let pay = "/api/v1/orders/ORD-1/pay";
    for key in ["", "k"] {
        let (code, _, problem) = status(disk.send(pay, key, "").await).await;
        assert_eq!((code, &problem["code"]), (422, &"invalid_field".into()), "{key:?}: {problem}");
    }
    let mark = omniflow_engine::Idempotency::new("api", pay, "k", b"", 1);
    disk.kept.lock().unwrap().insert(mark.key);
    let (code, replayed, _) = status(disk.send(pay, "k", "").await).await;
    assert_eq!((code, replayed), (200, true));
}

/// What else is wrong with it comes first, with a key and without.
#[tokio::test]
async fn a_report_without_a_body_is_refused_like_any_other() {
    let routes_of = |error: Error| before(Stub::down(error), false);
    let (key, first, any) = (("idempotency-key", "k"), ("if-match", "\"1\""), ("if-match", "*"));
    let (other, none) = (("if-match", "\"2\""), ("if-match", "2"));
    let (unknown, at_1) = (Error::OrderNotFound, Error::VersionMismatch { current: 1 });
    for (error, header, code) in [
        (&unknown, key, (404, "order_not_found")),
        (&unknown, first, (404, "order_not_found")),
        (&at_1, first, (422, "invalid_field")),
        (&at_1, any, (422, "invalid_field")),
        (&at_1, other, (412, "version_mismatch")),
        (&at_1, none, (422, "invalid_field")),
    ] {
        for headers in [&[header][..], &[header, key]] {
            let headers = if header == key { &headers[..1] } else { headers };
            let pay = "/api/v1/orders/ORD-1/pay";
            let (status, _, problem) = ask(routes_of(error.clone()), "POST", pay, headers, "").await;
            let told = (status.as_u16(), problem["code"].as_str().unwrap());
            assert_eq!(told, code, "{error} {headers:?}: {problem}");
            assert_eq!(problem["errors"][0]["header"] == "If-Match", header == none, "{problem}");
        }
    }
    let (status, ..) = ask(routes_of(unknown), "POST", "/api/v1/orders/ORD-1/pay", &[], "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
