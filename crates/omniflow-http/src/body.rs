//! A request's body, whatever its content type says.

use crate::deadline::Deadline;
use crate::{BodyLimits, Code, Problem};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderMap, header};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Poll, ready};

/// The whole body, within [`BodyLimits`].
///
/// # Errors
/// 413 `too_large`, 408 `request_timeout`, or 400 `malformed_request` where the body breaks off or is
/// wrongly encoded.
#[derive(Debug, Clone)]
pub struct Payload(pub Bytes);

impl<S> FromRequest<S> for Payload
where
    BodyLimits: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        read(&head.headers, body, BodyLimits::from_ref(state)).await.map(Self)
    }
}

async fn read(headers: &HeaderMap, body: Body, limits: BodyLimits) -> Result<Bytes, Problem> {
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut intake = Intake { body, limits, deadline: Deadline::default() };
    if declared > limits.bytes {
        // Who waits for leave to send is told at once, and who would send without end is cut off.
        let waits = headers.contains_key(header::EXPECT);
        return Err(if waits || declared > limits.dropped_bytes {
            limits.too_large().closing()
        } else {
            intake.drop_rest(0).await
        });
    }
    intake.take_all(declared).await
}

/// A body on its way in.
struct Intake {
    body: Body,
    limits: BodyLimits,
    deadline: Deadline,
}

impl Intake {
    async fn take_all(&mut self, declared: usize) -> Result<Bytes, Problem> {
        let first = self.next().await?.unwrap_or_default();
        if first.len() <= self.limits.bytes && self.body.is_end_stream() {
            return Ok(first);
        }
        let mut taken = Vec::with_capacity(declared);
        taken.extend_from_slice(&first);
        while taken.len() <= self.limits.bytes {
            match self.next().await? {
                Some(more) => taken.extend_from_slice(&more),
                None => return Ok(taken.into()),
            }
        }
        Err(self.drop_rest(taken.len()).await)
    }

    /// Reads and drops what is left of a body that is too large.
    async fn drop_rest(&mut self, mut seen: usize) -> Problem {
        while seen <= self.limits.dropped_bytes {
            match self.next().await {
                Ok(Some(more)) => seen += more.len(),
                Ok(None) => return self.limits.too_large(),
                Err(_) => break,
            }
        }
        self.limits.too_large().closing()
    }

    /// The next bytes, or `None` at the body's end.
    async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        poll_fn(|cx| {
            loop {
                return Poll::Ready(match Pin::new(&mut self.body).poll_frame(cx) {
                    Poll::Pending => {
                        ready!(self.deadline.poll(cx, self.limits.read));
                        Err(self.limits.too_slow())
                    }
                    Poll::Ready(None) => Ok(None),
                    Poll::Ready(Some(Err(error))) => Err(broken(&error)),
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) => Ok(Some(data)),
                        Err(_trailers) => continue,
                    },
                });
            }
        })
        .await
    }
}

impl BodyLimits {
    fn too_large(&self) -> Problem {
        Problem::new(Code::TooLarge, format!("Send a body of at most {} bytes.", self.bytes))
    }

    fn too_slow(&self) -> Problem {
        let seconds = self.read.as_secs_f32();
        Problem::new(Code::RequestTimeout, format!("Send the whole body within {seconds} s.")).closing()
    }
}

fn broken(error: &axum::Error) -> Problem {
    Problem::new(Code::MalformedRequest, "Send the whole body, as long as its headers say.")
        .caused_by(error)
        .closing()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::body::Frame;
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::task::Context;

    /// A body that does not say how long it is, but knows when it has ended.
    struct Frames(VecDeque<usize>);

    impl HttpBody for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|length| Ok(Frame::data(vec![b'x'; length].into()))))
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }
    }

    async fn length(frames: impl Into<VecDeque<usize>>) -> Result<usize, Code> {
        let limits = BodyLimits { bytes: 100, dropped_bytes: 1_000, ..BodyLimits::default() };
        let read = read(&HeaderMap::new(), Body::new(Frames(frames.into())), limits).await;
        read.map(|bytes| bytes.len()).map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn the_limit_holds_however_the_bytes_are_cut() {
        assert_eq!(length([]).await, Ok(0));
        assert_eq!(length([100]).await, Ok(100));
        assert_eq!(length([50, 0, 50]).await, Ok(100));
        for frames in [&[101][..], &[100, 1], &[1, 100], &[99, 1, 1, 5_000]] {
            assert_eq!(length(frames.to_vec()).await, Err(Code::TooLarge), "{frames:?}");
        }
    }
}
