//! The routes before an engine that cannot work: what each says to do about it.

use super::{Api, routes};
use crate::{BodyLimits, Metrics, Shutdown, with_front};
use axum::body::{Body, to_bytes};
use axum::http::Request as HttpRequest;
use omniflow_core::{Locale, Order, OrderId, PolicyBook, Sku, Timestamp};
use omniflow_engine::{
    AdjustStock, Adjusted, Answer, Answered, Details, Error, FeedEntry, FeedScope, Health, Listing,
    OrderEngine, Page, Placement, Position, Request, SetStock, StockLevel, StockSet, TimelineEntry,
};
use serde_json::Value as Json;
use std::sync::Arc;
use tower::ServiceExt;

/// Answers everything with one error.
struct Down(Error);

impl Down {
    fn answer<T: Send + 'static>(&self) -> Answer<'_, Result<T, Error>> {
        Box::pin(async { Err(self.0.clone()) })
    }
}

impl OrderEngine for Down {
    fn place(&self, _: Placement) -> Answer<'_, Result<Answered, Error>> {
        self.answer()
    }

    fn command(&self, _: Request) -> Answer<'_, Result<Answered, Error>> {
        self.answer()
    }

    fn read<'a>(&'a self, _: &'a OrderId) -> Answer<'a, Result<Arc<Order>, Error>> {
        self.answer()
    }

    fn changed<'a>(&'a self, _: &'a OrderId, _: u32) -> Answer<'a, Result<Arc<Order>, Error>> {
        self.answer()
    }

    fn details<'a>(&'a self, _: &'a OrderId) -> Answer<'a, Result<Option<Details>, Error>> {
        self.answer()
    }

    fn list(&self, _: Page) -> Answer<'_, Result<Listing, Error>> {
        self.answer()
    }

    fn timeline<'a>(&'a self, _: &'a OrderId) -> Answer<'a, Result<Vec<TimelineEntry>, Error>> {
        self.answer()
    }

    fn feed<'a>(
        &'a self,
        _: &'a FeedScope,
        _: Position,
        _: usize,
    ) -> Answer<'a, Result<Vec<FeedEntry>, Error>> {
        self.answer()
    }

    fn last_position(&self) -> Answer<'_, Result<Position, Error>> {
        self.answer()
    }

    fn stock<'a>(&'a self, _: &'a Sku) -> Answer<'a, Result<StockLevel, Error>> {
        self.answer()
    }

    fn stocks<'a>(&'a self, _: Option<&'a Sku>, _: usize) -> Answer<'a, Result<Vec<StockLevel>, Error>> {
        self.answer()
    }

    fn set_stock(&self, _: SetStock) -> Answer<'_, Result<StockSet, Error>> {
        self.answer()
    }

    fn adjust_stock(&self, _: AdjustStock) -> Answer<'_, Result<Adjusted, Error>> {
        self.answer()
    }

    fn health(&self) -> Health {
        Health::Unavailable(self.0.to_string())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }
}

/// The problem that a request gets, which must say when to ask again.
async fn problem(error: &Error, method: &str, path: &str, body: &str) -> Json {
    let metrics = Metrics::new();
    let api = Api {
        engine: Arc::new(Down(error.clone())),
        policies: Arc::new(PolicyBook::default()),
        locale: Locale::En,
        body: BodyLimits::default(),
        implicit_capture: true,
        keep_answers: std::time::Duration::from_secs(24 * 3_600),
        shutdown: Shutdown::new(),
        metrics: metrics.clone(),
        home: Arc::from(""),
        dev: None,
    };
    let request = HttpRequest::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
    let answer = with_front(routes(api), &metrics).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 503, "{method} {path}");
    assert!(answer.headers().contains_key("retry-after"), "{method} {path}");
    serde_json::from_slice(&to_bytes(answer.into_body(), 64 * 1024).await.unwrap()).unwrap()
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
            assert!(detail.starts_with("Nothing was done."), "{method} {path}: {detail}");
        }
    }
}
