//! Whose turn it is on a connection: the client's, to send a request, or the server's, to answer it.

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

/// Counts the turns of one connection. Its service ends the client's turn when it gets a request; the body of
/// the answer ends the server's turn when hyper has taken all of it. The connection's [`crate::wire::Wire`]
/// reads it, to know which time-out is due.
#[derive(Debug, Default)]
pub(crate) struct Turn(AtomicU32);

impl Turn {
    /// The number of this turn; odd ones are the server's.
    pub(crate) fn number(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether a request is being answered.
    pub(crate) fn is_servers(number: u32) -> bool {
        number % 2 == 1
    }

    /// The request is there.
    pub(crate) fn begin_answer(self: &Arc<Self>) -> Answering {
        self.0.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }
}

/// The server's turn, until dropped.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Turn>);

impl Answering {
    /// Lasts until the whole answer is taken.
    pub(crate) fn until_taken(self, response: Response) -> hyper::Response<AnswerBody> {
        response.map(|body| AnswerBody { body, _answering: self })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
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
