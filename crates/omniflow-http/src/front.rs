//! What every request passes, in one layer: its id, the catching of panics, problem documents, metrics, logs.

use crate::metrics::{Counted, Metrics, Route};
use crate::{Code, Problem, RequestId, problem, request_id};
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, Uri, header};
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tower::{Layer, Service};
use tracing::Span;

/// Puts the layer on a finished router: unknown routes and wrong methods are answered by it too.
///
/// - Every answer has `X-Request-Id`.
/// - A [`Problem`] gets its document; any other 4xx or 5xx answer becomes one.
/// - A panic is 500 `internal`.
/// - Each request is counted and timed, and logged: at `info` if the caller named it, else at `debug`; a 5xx
///   with its cause at `error`. What handlers log is in the span `request`, at `debug`.
pub fn with_front(router: Router, metrics: &Metrics) -> Router {
    router.layer(FrontLayer { metrics: metrics.clone() })
}

#[derive(Clone)]
struct FrontLayer {
    metrics: Metrics,
}

impl<S> Layer<S> for FrontLayer {
    type Service = Front<S>;

    fn layer(&self, inner: S) -> Front<S> {
        Front { inner, metrics: self.metrics.clone() }
    }
}

#[derive(Clone)]
struct Front<S> {
    inner: S,
    metrics: Metrics,
}

impl<S> Service<Request> for Front<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let exchange = Exchange::begin(&request, &self.metrics);
        let span = tracing::debug_span!(
            "request",
            request_id = exchange.request_id.as_str(),
            method = exchange.method.as_str(),
            path = exchange.uri.path(),
        );
        let answer = span.in_scope(|| self.inner.call(request));
        Answer { answer, exchange: Some(exchange), span }
    }
}

pin_project! {
    /// An answer on its way.
    struct Answer<F> {
        #[pin]
        answer: F,
        exchange: Option<Exchange>,
        span: Span,
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Answer<F> {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        // A handler that panicked is never polled again, and shares only what survives a panic elsewhere.
        let polled = catch_unwind(AssertUnwindSafe(|| this.answer.poll(cx)));
        let response = match polled {
            Ok(polled) => match ready!(polled) {
                Ok(response) => response,
            },
            Err(panic) => Problem::internal(format!("panic: {}", words_of(&*panic))).into_response(),
        };
        Poll::Ready(Ok(match this.exchange.take() {
            Some(exchange) => exchange.finish(response),
            None => response,
        }))
    }
}

/// What must be remembered of a request until it is answered.
struct Exchange {
    request_id: RequestId,
    method: Method,
    uri: Uri,
    route: Route,
    start: Instant,
    metrics: Metrics,
    _in_flight: Counted,
}

impl Exchange {
    fn begin(request: &Request, metrics: &Metrics) -> Self {
        Self {
            request_id: RequestId::of(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: Route(request.extensions().get::<MatchedPath>().cloned()),
            start: Instant::now(),
            metrics: metrics.clone(),
            _in_flight: metrics.request(),
        }
    }

    fn finish(self, response: Response) -> Response {
        let (mut head, mut body) = response.into_parts();
        let problem = head.extensions.remove::<Problem>().or_else(|| refused_barely(&head));
        if let Some(problem) = &problem {
            body = problem.finish(&mut head, &self.request_id);
        }
        head.headers.insert(&request_id::HEADER, self.request_id.value());
        let took = self.start.elapsed();
        self.log(head.status.as_u16(), problem.as_ref(), took.as_micros());
        self.metrics.answered(&self.method, self.route, head.status, took);
        Response::from_parts(head, body)
    }

    fn log(&self, status: u16, problem: Option<&Problem>, took_us: u128) {
        let (request_id, method, path) = (&self.request_id, &self.method, self.uri.path());
        let code = problem.map(|problem| problem.code().as_str());
        let cause = problem.and_then(Problem::cause);
        if status >= 500 {
            tracing::error!(%request_id, %method, path, status, code, cause, took_us, "failed");
        } else if self.request_id.is_made() {
            tracing::debug!(%request_id, %method, path, status, code, cause, took_us, "answered");
        } else {
            tracing::info!(%request_id, %method, path, status, code, cause, took_us, "answered");
        }
    }
}

/// The problem of an answer that refuses without a document: the router's, or a library's.
fn refused_barely(head: &axum::http::response::Parts) -> Option<Problem> {
    let refused = head.status.is_client_error() || head.status.is_server_error();
    let has_document =
        head.headers.get(header::CONTENT_TYPE).is_some_and(|media| media == problem::MEDIA_TYPE);
    (refused && !has_document).then(|| Problem::bare(Code::of_bare_status(head.status)))
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}
