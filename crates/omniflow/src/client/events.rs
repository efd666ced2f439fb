//! Server-sent events: reading them, and going on where a stream ended.
//!
//! The reader of lines is our own: it is shorter than what a crate for it would need around it, and it
//! bounds what a server can make this program keep.

mod lines;

use super::connection::{self, Error as Fault};
use super::problem::Problem;
use super::{Call, Client, Error};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
pub(crate) use lines::Message;
use lines::Reader;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long a stream may be silent; servers send a sign of life more often.
const SILENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A stream of events that outlives its connections.
pub(crate) struct EventStream<'c> {
    client: &'c Client,
    path: String,
    last_id: Option<String>,
    /// How long the server may be away.
    patience: Duration,
    body: Option<Incoming>,
    reader: Reader,
    ready: VecDeque<Message>,
}

impl<'c> EventStream<'c> {
    /// Opens the stream at a path.
    ///
    /// # Errors
    /// As for [`Client::ask`]: a server that is not there at the start is not waited for.
    pub(crate) async fn open(client: &'c Client, path: String, patience: Duration) -> Result<Self, Error> {
        let mut stream = Self {
            client,
            path,
            last_id: None,
            patience,
            body: None,
            reader: Reader::default(),
            ready: VecDeque::new(),
        };
        stream.connect().await?;
        Ok(stream)
    }

    /// The next event. A connection that ends is opened again, from the last event on.
    ///
    /// # Errors
    /// Where the server refuses to go on, or stays away for longer than the patience.
    pub(crate) async fn next(&mut self) -> Result<Message, Error> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                if let Some(id) = &message.id {
                    self.last_id = Some(id.clone());
                }
                return Ok(message);
            }
            if !self.read().await? {
                self.reconnect().await?;
            }
        }
    }

    /// Reads a piece; false where the connection has ended.
    async fn read(&mut self) -> Result<bool, Error> {
        let Some(body) = &mut self.body else { return Ok(false) };
        let Ok(Some(Ok(frame))) = tokio::time::timeout(SILENCE, body.frame()).await else {
            self.body = None;
            return Ok(false);
        };
        if let Some(bytes) = frame.data_ref() {
            let read = self.reader.read(bytes, &mut self.ready);
            read.map_err(|too_long| self.client.strange_stream(200, too_long))?;
        }
        Ok(true)
    }

    async fn reconnect(&mut self) -> Result<(), Error> {
        tokio::time::sleep(PAUSE).await;
        patiently(self.patience, async || self.connect().await).await
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let mut call = Call::get(self.path.clone()).with("accept", "text/event-stream");
        if let Some(id) = &self.last_id {
            call = call.with("last-event-id", id.clone());
        }
        self.reader = Reader::default();
        self.body = Some(self.client.stream(&call).await?);
        Ok(())
    }
}

/// Tries until it succeeds, or fails for good, or the patience is at its end.
///
/// # Errors
/// The last failure.
pub(crate) async fn patiently<T>(
    patience: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let until = Instant::now() + patience;
    let mut pause = PAUSE;
    loop {
        match attempt().await {
            Err(error) if is_passing(&error) && Instant::now() + pause < until => {}
            outcome => return outcome,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Whether it may be over soon.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } | Error::Lost { .. } => true,
        Error::Refused(problem) => problem.exit_code() == 3,
        Error::Strange { status, .. } => matches!(status, 502..=504),
        _ => false,
    }
}

impl Client {
    /// Asks for a stream, and gives its body.
    async fn stream(&self, call: &Call) -> Result<Incoming, Error> {
        let request = self.request(call)?;
        let sent = tokio::time::timeout(self.timeout(), connection::send(&self.address, request)).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(Fault::Unreachable(reason))) => return Err(self.unreachable(reason)),
            Ok(Err(fault)) => return Err(self.no_answer(call, fault.to_string())),
            Err(_) => return Err(self.no_answer(call, format!("within {:?}", self.timeout()))),
        };
        let (head, body) = response.into_parts();
        let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if head.status == 200 && kind.starts_with("text/event-stream") {
            return Ok(body);
        }
        let body = connection::whole(body).await.map_err(|fault| self.no_answer(call, fault.to_string()))?;
        match str::from_utf8(&body).ok().and_then(Problem::read) {
            Some(problem) => Err(Error::Refused(Box::new(problem))),
            None => Err(self.strange_stream(head.status.as_u16(), "no stream of events")),
        }
    }

    fn strange_stream(&self, status: u16, what: &str) -> Error {
        Error::Strange { address: self.address.to_string(), status, what: what.to_owned() }
    }
}
