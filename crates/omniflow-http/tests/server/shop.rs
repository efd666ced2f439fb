//! A server with a few routes that behave well, badly or slowly.

use crate::log;
use crate::raw::{Client, PATIENCE};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRef, State};
use axum::response::Response;
use axum::routing::{get, post};
use hyper::body::Frame;
use omniflow_http::{BodyLimits, Code, Limits, Metrics, Payload, Problem, Shutdown, serve};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing is slow enough for these: the clients give up first.
pub(crate) fn patient() -> Limits {
    let long = PATIENCE * 10;
    Limits {
        header_read: long,
        idle: long,
        write_stall: long,
        linger: long,
        drain: long,
        body: BodyLimits { read: long, ..BodyLimits::default() },
        ..Limits::default()
    }
}

pub(crate) const SHORT: Duration = Duration::from_millis(40);

pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: Shutdown,
    /// What handlers tell of themselves.
    pub(crate) told: mpsc::UnboundedReceiver<&'static str>,
    /// Lets one `/hold` go for each permit.
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) most_at_once: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Wares {
    body: BodyLimits,
    shutdown: Shutdown,
    tell: mpsc::UnboundedSender<&'static str>,
    gate: Arc<Semaphore>,
    at_once: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

impl FromRef<Wares> for BodyLimits {
    fn from_ref(wares: &Wares) -> Self {
        wares.body
    }
}

impl Shop {
    pub(crate) async fn open(limits: Limits) -> Self {
        log::begin();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let (tell, told) = mpsc::unbounded_channel();
        let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
        let wares = Wares {
            body: limits.body,
            shutdown: shutdown.clone(),
            tell,
            gate: Arc::new(Semaphore::new(0)),
            at_once: Arc::default(),
            most_at_once: Arc::default(),
        };
        let (gate, most_at_once) = (wares.gate.clone(), wares.most_at_once.clone());
        let serving = tokio::spawn(serve(listener, routes(wares), limits, metrics.clone(), shutdown.clone()));
        Self { address, metrics, shutdown, told, gate, most_at_once, serving }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(crate) async fn hears(&mut self, word: &str) {
        assert_eq!(timeout(PATIENCE, self.told.recv()).await.expect("in time"), Some(word));
    }

    /// Waits until so many connections are open.
    pub(crate) async fn has_connections(&self, count: usize) {
        let line = format!("omniflow_http_connections {count}\n");
        let there = async {
            while !self.metrics.to_text().expect("text").contains(&line) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, there).await.expect("in time");
    }

    /// Waits for the server to return.
    pub(crate) async fn closed(self) {
        timeout(PATIENCE, self.serving).await.expect("in time").expect("no panic");
    }
}

fn routes(wares: Wares) -> Router {
    let orders = Router::new().route("/{id}", get(async || "an order"));
    Router::new()
        .route("/healthz", get(async || r#"{"ok":true}"#))
        .route("/count", post(async |Payload(body): Payload| body.len().to_string()))
        .route("/unread", post(async || "not read"))
        .route("/large", get(async || Body::from(vec![b'x'; 64 * 1024 * 1024])))
        .route("/panic", get(async || -> &str { panic!("secret words") }))
        .route("/broken", get(async || Problem::internal("the disk is on fire")))
        .route("/refused", get(async || Problem::new(Code::OutOfStock, "Order less.").with("lines", &[1])))
        .route("/overloaded", get(async || Problem::new(Code::Overloaded, "Try again.")))
        .route("/wait", get(wait))
        .route("/end", get(end))
        .route("/hold", get(hold))
        .route("/stream", get(stream))
        .nest("/orders", orders)
        .with_state(wares)
}

/// A long poll: nothing happens until the end.
async fn wait(State(wares): State<Wares>) -> &'static str {
    let _ = wares.tell.send("waiting");
    wares.shutdown.begun().await;
    "nothing happened"
}

/// The end begins, and is answered before anybody else has heard of it.
async fn end(State(wares): State<Wares>) -> &'static str {
    wares.shutdown.begin();
    "ending"
}

/// Work that ends when the test says so, whatever else happens.
async fn hold(State(wares): State<Wares>) -> &'static str {
    let _at_work = AtWork::begin(&wares);
    let _ = wares.tell.send("holding");
    match wares.gate.acquire().await {
        Ok(permit) => permit.forget(),
        Err(_) => return "the gate is gone",
    }
    "held"
}

/// An answer that goes on until the end.
async fn stream(State(wares): State<Wares>) -> Response {
    let end = Box::pin(async move { wares.shutdown.begun().await });
    Response::new(Body::new(Endless { first: Some(Bytes::from_static(b"begun\n")), end }))
}

struct Endless {
    first: Option<Bytes>,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.end.as_mut().poll(cx).map(|()| None)
    }
}

/// Counts who is at work, and tells when one has gone.
struct AtWork(Wares);

impl AtWork {
    fn begin(wares: &Wares) -> Self {
        let now = wares.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        wares.most_at_once.fetch_max(now, Ordering::SeqCst);
        Self(wares.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::SeqCst);
        let _ = self.0.tell.send("gone");
    }
}
