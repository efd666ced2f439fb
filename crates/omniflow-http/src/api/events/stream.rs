//! A stream of messages as the body of an answer.

use super::chunk::Chunk;
use super::hub::Hub;
use super::message::{HEARTBEAT, RETRY};
use crate::Shutdown;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use omniflow_engine::{FeedScope, OrderEngine, Position};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::sleep;

/// How long nothing may be heard of a stream.
const SILENCE: Duration = Duration::from_secs(15);

/// The pause after an error of the engine.
const PAUSE: Duration = Duration::from_secs(1);

/// Events of one order that are read at once.
const EVENTS: usize = 256;

/// What a stream consists of.
pub(super) trait Messages: Send + Sized + 'static {
    /// The next messages, when they are there; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// All messages, after the hint when to come again, until the end of the server.
pub(super) fn body(messages: impl Messages) -> Body {
    let begin = async { Some((Bytes::from_static(RETRY), messages)) };
    Body::new(Stream { next: Some(Box::pin(begin)) })
}

type Next<M> = Pin<Box<dyn Future<Output = Option<(Bytes, M)>> + Send>>;

struct Stream<M> {
    next: Option<Next<M>>,
}

impl<M: Messages> HttpBody for Stream<M> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let Some((bytes, mut messages)) = ready!(next.as_mut().poll(cx)) else {
            self.next = None;
            return Poll::Ready(None);
        };
        self.next = Some(Box::pin(async { messages.next().await.map(|bytes| (bytes, messages)) }));
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

/// Every order's events.
pub(super) struct OfAll {
    hub: Arc<Hub>,
    place: Position,
    shutdown: Shutdown,
}

impl OfAll {
    pub(super) fn new(hub: Arc<Hub>, place: Position, shutdown: Shutdown) -> Self {
        Self { hub, place, shutdown }
    }
}

impl Messages for OfAll {
    async fn next(&mut self) -> Option<Bytes> {
        let chunk = tokio::select! {
            () = self.shutdown.begun() => return None,
            chunk = self.hub.after(self.place) => chunk,
            () = sleep(SILENCE) => return Some(Bytes::from_static(HEARTBEAT)),
        };
        let (bytes, place) = tokio::select! {
            () = self.shutdown.begun() => return None,
            taken = self.hub.take(self.place, chunk) => taken?,
        };
        self.place = place;
        Some(bytes)
    }
}

/// One order's events.
pub(super) struct OfOne {
    engine: Arc<dyn OrderEngine>,
    order: FeedScope,
    place: Position,
    shutdown: Shutdown,
}

impl OfOne {
    pub(super) fn new(
        engine: Arc<dyn OrderEngine>,
        order: FeedScope,
        place: Position,
        shutdown: Shutdown,
    ) -> Self {
        Self { engine, order, place, shutdown }
    }

    /// What comes next of the order, whatever becomes of the engine meanwhile.
    async fn read(&self) -> Chunk {
        loop {
            match self.engine.feed(&self.order, self.place, EVENTS).await {
                Ok(entries) => return Chunk::of(self.place, entries),
                Err(error) => tracing::warn!(%error, "an order's events cannot be read; trying again"),
            }
            sleep(PAUSE).await;
        }
    }
}

impl Messages for OfOne {
    async fn next(&mut self) -> Option<Bytes> {
        let chunk = tokio::select! {
            () = self.shutdown.begun() => return None,
            chunk = self.read() => chunk,
            () = sleep(SILENCE) => return Some(Bytes::from_static(HEARTBEAT)),
        };
        self.place = chunk.last();
        Some(chunk.into_bytes())
    }
}
