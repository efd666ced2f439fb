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
    /// The next messages, in one piece or more, when they are there; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Option<Vec<Bytes>>> + Send;
}

/// All messages, after the hint when to come again, until the end of the server.
pub(super) fn body(messages: impl Messages) -> Body {
    let pieces = vec![Bytes::from_static(RETRY)].into_iter();
    Body::new(Stream { pieces, next: Some(next(messages)) })
}

type Next<M> = Pin<Box<dyn Future<Output = Option<(Vec<Bytes>, M)>> + Send>>;

fn next<M: Messages>(mut messages: M) -> Next<M> {
    Box::pin(async { messages.next().await.map(|pieces| (pieces, messages)) })
}

struct Stream<M> {
    /// What is there already.
    pieces: std::vec::IntoIter<Bytes>,
    next: Option<Next<M>>,
}

impl<M: Messages> HttpBody for Stream<M> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(piece) = self.pieces.next() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            let Some(awaited) = &mut self.next else { return Poll::Ready(None) };
            let Some((pieces, messages)) = ready!(awaited.as_mut().poll(cx)) else {
                self.next = None;
                return Poll::Ready(None);
            };
            (self.pieces, self.next) = (pieces.into_iter(), Some(next(messages)));
        }
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
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        let chunk = tokio::select! {
            () = self.shutdown.begun() => return None,
            chunk = self.hub.after(self.place) => chunk,
            () = sleep(SILENCE) => return Some(vec![Bytes::from_static(HEARTBEAT)]),
        };
        let (pieces, place) = tokio::select! {
            () = self.shutdown.begun() => return None,
            taken = self.hub.take(self.place, chunk) => taken?,
        };
        self.place = place;
        Some(pieces)
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
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        let chunk = tokio::select! {
            () = self.shutdown.begun() => return None,
            chunk = self.read() => chunk,
            () = sleep(SILENCE) => return Some(vec![Bytes::from_static(HEARTBEAT)]),
        };
        self.place = chunk.last();
        Some(vec![chunk.into_bytes()])
    }
}
