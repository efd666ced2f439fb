//! The bytes of one connection, with a time-out for every way a client can be slow.
//!
//! hyper's own header time-out also ends idle connections, makes and drops a timer for every request, and
//! says nothing to the client; and hyper bounds neither writing nor what is lost when a connection is closed
//! with unread bytes. All of that is here, where it costs one clock reading a request.

use crate::deadline::Deadline;
use crate::turn::Turn;
use crate::{Code, Limits, refusal};
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection's stream.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: S,
    limits: Limits,
    turn: Arc<Turn>,
    reading: Reading,
    unwritten: Deadline,
    refusal: Option<Refusal>,
    ending: Ending,
}

/// How far the client's turn is.
#[derive(Debug, Default)]
struct Reading {
    turn: u32,
    has_begun: bool,
    silence: Deadline,
}

/// An answer of ours that replaces bytes of hyper's.
#[derive(Debug)]
struct Refusal {
    answer: Vec<u8>,
    written: usize,
}

/// The end of a connection: our side is closed first, then what still comes is dropped for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Lingering { dropped: usize },
}

/// How much is read and dropped at the end of a connection.
const MAX_DROPPED: usize = 1024 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S, turn: Arc<Turn>, limits: Limits) -> Self {
        Self {
            stream,
            limits,
            turn,
            reading: Reading::default(),
            unwritten: Deadline::default(),
            refusal: None,
            ending: Ending::Open,
        }
    }

    /// Nothing to read: fine while the server answers, bounded while it waits for a request.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_patience(cx));
        if self.reading.has_begun && !self.unwritten.is_running() {
            // Best effort: the system's buffer is empty, so it takes this at once.
            let _ = Pin::new(&mut self.stream).poll_write(cx, &refusal::answer(Code::RequestTimeout));
        }
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    /// Ready when a request is overdue.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let turn = self.turn.number();
        self.reading.follow(turn);
        if Turn::is_servers(turn) {
            return Poll::Pending;
        }
        let limit = if self.reading.has_begun { self.limits.header_read } else { self.limits.idle };
        self.reading.silence.poll(cx, limit)
    }

    /// Writes by `write`, unless the bytes are a refusal of hyper's: then ours.
    fn poll_write_with(
        &mut self,
        cx: &mut Context<'_>,
        first: &[u8],
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.refusal.is_none() && first.starts_with(b"HTTP/1.") {
            self.refusal = refusal::code_of(first).map(Refusal::new);
        }
        let outcome = match &mut self.refusal {
            Some(refusal) => refusal.poll_write(Pin::new(&mut self.stream), cx).map_ok(|()| first.len()),
            None => write(Pin::new(&mut self.stream), cx),
        };
        if outcome.is_ready() {
            self.unwritten.clear();
            return outcome;
        }
        ready!(self.unwritten.poll(cx, self.limits.write_stall));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    /// Reads and drops what still comes, if anything does, until the client has closed its side too.
    fn poll_linger(&mut self, cx: &mut Context<'_>, mut dropped: usize) -> Poll<io::Result<()>> {
        let mut space = [0; 4096];
        while dropped < MAX_DROPPED {
            let mut buf = ReadBuf::new(&mut space);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => dropped += buf.filled().len(),
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending if dropped == 0 && self.refusal.is_none() => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    self.ending = Ending::Lingering { dropped };
                    return self.reading.silence.poll(cx, self.limits.linger).map(Ok);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Reading {
    /// Starts afresh when the turn has changed.
    fn follow(&mut self, turn: u32) {
        if self.turn != turn {
            self.turn = turn;
            self.has_begun = false;
            self.silence.clear();
        }
    }

    /// Something came: from the first byte of a request on, its headers have their own time-out.
    fn take(&mut self, turn: u32) {
        self.follow(turn);
        if !self.has_begun {
            self.has_begun = true;
            self.silence.clear();
        }
    }
}

impl Refusal {
    fn new(code: Code) -> Self {
        Self { answer: refusal::answer(code), written: 0 }
    }

    fn poll_write<S: AsyncWrite>(
        &mut self,
        mut stream: Pin<&mut S>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.written < self.answer.len() {
            match ready!(stream.as_mut().poll_write(cx, &self.answer[self.written..]))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                more => self.written += more,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => self.poll_silence(cx),
            ready => {
                if buf.filled().len() > before {
                    let turn = self.turn.number();
                    self.reading.take(turn);
                }
                ready
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, buf, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
        self.poll_write_with(cx, first, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        // Once an answer is out, hyper does not read before there is something to read, so this is where the
        // wait for the next request begins. If it is over already, the read that follows says so.
        if self.reading.turn != self.turn.number() && self.poll_patience(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending == Ending::Open {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.reading.silence.clear();
            self.ending = Ending::Lingering { dropped: 0 };
        }
        match self.ending {
            Ending::Open => Poll::Ready(Ok(())),
            Ending::Lingering { dropped } => self.poll_linger(cx, dropped),
        }
    }
}
