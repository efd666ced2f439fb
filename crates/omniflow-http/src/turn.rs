//! Whose turn it is on a connection: the client's, to send a request, or the server's, to answer it.

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

/// Counts the turns of one connection. Its service ends the client's turn when it gets a request; the body of
/// the answer ends the server's turn when hyper has taken all of it. The connection's [`crate::wire::Wire`]
/// reads it, to know which time-out is due.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    number: AtomicU32,
    body_is_unread: AtomicBool,
}

impl Turn {
    /// The number of this turn; odd ones are the server's.
    pub(crate) fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// Whether a request is being answered.
    pub(crate) fn is_servers(number: u32) -> bool {
        number % 2 == 1
    }

    /// The request is there.
    pub(crate) fn begin_answer(self: &Arc<Self>) -> Answering {
        self.number.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// The body for the router, which notes when all of it has been read.
    pub(crate) fn body_of(self: &Arc<Self>, body: Incoming) -> Body {
        let is_there = !body.is_end_stream();
        self.body_is_unread.store(is_there, Ordering::Relaxed);
        // An empty axum body allocates nothing, a wrapped one does.
        if is_there { Body::new(RequestBody { body, turn: Arc::clone(self) }) } else { Body::empty() }
    }
}

#[derive(Debug)]
struct RequestBody {
    body: Incoming,
    turn: Arc<Turn>,
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.turn.body_is_unread.store(false, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The server's turn, until dropped.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Turn>);

impl Answering {
    /// Lasts until the whole answer is taken. Where it is the connection's last, because the server ends or
    /// because the request's body was left unread, the client is told so.
    pub(crate) fn until_taken(
        self,
        mut response: Response,
        server_ends: bool,
    ) -> hyper::Response<AnswerBody> {
        if server_ends || self.0.body_is_unread.load(Ordering::Relaxed) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| AnswerBody { body, _answering: self })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.number.fetch_add(1, Ordering::Relaxed);
    }
}

/// An answer's body, which is the server's turn as long as it is held.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    body: Body,
    _answering: Answering,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
