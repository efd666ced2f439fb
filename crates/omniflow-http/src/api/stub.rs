//! The routes before an engine of a test's own.

use super::{Api, routes};
use crate::{BodyLimits, Metrics, Shutdown, with_front};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode};
use omniflow_core::{Locale, Order, OrderId, PolicyBook, Sku, Timestamp};
use omniflow_engine::{
    AdjustStock, Adjusted, Answer, Answered, Details, Error, FeedEntry, FeedScope, Health, Idempotency,
    Listing, OrderEngine, Page, Placement, Position, Request, SetStock, StockLevel, StockSet, TimelineEntry,
};
use serde_json::Value as Json;
use std::sync::Arc;
use tower::ServiceExt;

type Told =
    dyn Fn(Option<Idempotency>, Option<u32>) -> Answer<'static, Result<Answered, Error>> + Send + Sync;

/// Answers as it is told what it is asked of orders, and everything else with one error.
pub(super) struct Stub {
    error: Error,
    told: Box<Told>,
}

impl Stub {
    /// Answers everything with one error.
    pub(super) fn down(error: Error) -> Self {
        let told = error.clone();
        Self { error, told: Box::new(move |_, _| Box::pin(std::future::ready(Err(told.clone())))) }
    }

    /// Answers what it is asked of orders by the request's mark and the version that it is for.
    pub(super) fn telling<W>(
        told: impl Fn(Option<Idempotency>, Option<u32>) -> W + Send + Sync + 'static,
    ) -> Self
    where
        W: Future<Output = Result<Answered, Error>> + Send + 'static,
    {
        let error = Error::Unavailable("it is a stub".to_owned());
        Self { error, told: Box::new(move |mark, version| Box::pin(told(mark, version))) }
    }

    fn answer<T: Send + 'static>(&self) -> Answer<'_, Result<T, Error>> {
        Box::pin(async { Err(self.error.clone()) })
    }
}

impl OrderEngine for Stub {
    fn place(&self, placement: Placement) -> Answer<'_, Result<Answered, Error>> {
        (self.told)(placement.idempotency, None)
    }

    fn command(&self, request: Request) -> Answer<'_, Result<Answered, Error>> {
        (self.told)(request.idempotency, request.if_version)
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

    fn health(&self) -> Answer<'_, Health> {
        Box::pin(std::future::ready(Health::Unavailable(self.error.to_string())))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }
}

/// The routes before an engine.
pub(super) fn before(engine: Stub, implicit_capture: bool) -> Router {
    let metrics = Metrics::new();
    let api = Api {
        engine: Arc::new(engine),
        policies: Arc::new(PolicyBook::default()),
        locale: Locale::En,
        body: BodyLimits::default(),
        implicit_capture,
        keep_answers: std::time::Duration::from_secs(24 * 3_600),
        shutdown: Shutdown::new(),
        metrics: metrics.clone(),
        home: Arc::from(""),
        dev: None,
    };
    with_front(routes(api), &metrics)
}

/// What a request is answered.
pub(super) async fn ask(
    routes: Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, HeaderMap, Json) {
    let request = HttpRequest::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = routes.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let json = serde_json::from_slice(&to_bytes(body, 64 * 1024).await.unwrap()).unwrap();
    (head.status, head.headers, json)
}
