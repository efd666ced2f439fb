//! Readers of `/events` beside the load: each reads as fast as it can, and what they read is counted.
//!
//! They have a thread of their own, so that the load is driven as without them. What they cost the machine
//! is part of what is measured.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::client;
use super::error::Error;
use super::process;
use super::target::Target;

/// What is read at once, by whichever reader has something.
const BUFFER: usize = 256 * 1024;

/// What the readers got in the measured phase.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct EventReaders {
    /// How many there were.
    readers: u32,
    /// How many of them the server had not dropped at the end.
    open_at_end: u64,
    /// Messages of all together.
    messages: u64,
    /// Messages of the reader that got the fewest.
    fewest: u64,
    /// Their bytes, as they came over the wire.
    bytes: u64,
}

/// Readers at work, until dropped.
pub(super) struct Readers {
    count: u32,
    read: Arc<Read>,
    before: SoFar,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Read {
    /// Messages of each reader.
    messages: Box<[AtomicU64]>,
    bytes: AtomicU64,
    open: AtomicU64,
    /// Where the system shows the readers' thread.
    thread: OnceLock<PathBuf>,
}

/// What was read up to some moment.
#[derive(Debug, Default)]
struct SoFar {
    messages: Vec<u64>,
    bytes: u64,
}

impl Readers {
    /// Opens `count` streams and returns when each has begun.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where a stream is refused, and when no connection can be made.
    pub(super) async fn start(target: &Target, addresses: &[SocketAddr], count: u32) -> Result<Self, Error> {
        let request: Arc<[u8]> = target.get("/api/v1/events", "").into();
        let (addresses, read): (Arc<[_]>, _) = (addresses.into(), Arc::new(Read::by(count)));
        let (begun, mut beginnings) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let course = Course { request, addresses, read: Arc::clone(&read), begun };
        let thread = std::thread::Builder::new().name("event readers".to_owned()).spawn(move || {
            // Where it cannot be known, their CPU time counts as the generator's.
            drop(process::this_thread().map(|thread| course.read.thread.set(thread)));
            let options = tokio::runtime::LocalOptions::default();
            match tokio::runtime::Builder::new_current_thread().enable_all().build_local(options) {
                Ok(runtime) => runtime.block_on(course.run(count, stopped)),
                Err(error) => drop(course.begun.send(Err(error))),
            }
        })?;
        for _ in 0..count {
            let gone = || Err(io::Error::other("the readers' thread has ended"));
            beginnings.recv().await.unwrap_or_else(gone).map_err(|error| Error::Unreadable {
                url: format!("{target}/api/v1/events"),
                reason: format!("a stream of events does not begin: {error}"),
            })?;
        }
        Ok(Self { count, read, before: SoFar::default(), stop: Some(stop), thread: Some(thread) })
    }

    /// What is read from now on counts.
    pub(super) fn begin(&mut self) {
        self.before = self.read.so_far();
    }

    /// What was read since [`Readers::begin`].
    pub(super) fn got(&self) -> EventReaders {
        let SoFar { messages, bytes } = self.read.so_far();
        let before = self.before.messages.iter().copied().chain(std::iter::repeat(0));
        let each = messages.iter().zip(before).map(|(messages, before)| messages - before);
        EventReaders {
            readers: self.count,
            open_at_end: self.read.open.load(Ordering::Relaxed),
            messages: each.clone().sum(),
            fewest: each.min().unwrap_or(0),
            bytes: bytes - self.before.bytes,
        }
    }

    /// CPU time that reading took so far.
    pub(super) fn cpu(&self) -> Duration {
        let thread = self.read.thread.get();
        thread.and_then(|thread| process::cpu_at(thread).ok()).unwrap_or_default()
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            drop(thread.join());
        }
    }
}

impl Read {
    fn by(readers: u32) -> Self {
        let messages = (0..readers).map(|_| AtomicU64::new(0)).collect();
        let (bytes, open) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { messages, bytes, open, thread: OnceLock::new() }
    }

    fn so_far(&self) -> SoFar {
        let messages = self.messages.iter().map(|messages| messages.load(Ordering::Relaxed)).collect();
        SoFar { messages, bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

struct Course {
    request: Arc<[u8]>,
    addresses: Arc<[SocketAddr]>,
    read: Arc<Read>,
    begun: mpsc::UnboundedSender<io::Result<()>>,
}

impl Course {
    async fn run(self, count: u32, stopped: oneshot::Receiver<()>) {
        let (course, buffer) = (Rc::new(self), Rc::new(RefCell::new(vec![0; BUFFER])));
        let mut readers = JoinSet::new();
        for reader in 0..count as usize {
            let (course, buffer) = (Rc::clone(&course), Rc::clone(&buffer));
            readers.spawn_local(async move {
                match course.open().await {
                    Ok(stream) => course.follow(reader, stream, &buffer).await,
                    Err(error) => drop(course.begun.send(Err(error))),
                }
            });
        }
        drop(stopped.await);
        readers.shutdown().await;
    }

    async fn open(&self) -> io::Result<TcpStream> {
        let mut stream = client::connect_once(&self.addresses).await?;
        stream.write_all(&self.request).await?;
        Ok(stream)
    }

    /// Reads to the end of the stream, which the server makes when it drops the reader.
    async fn follow(&self, reader: usize, stream: TcpStream, buffer: &RefCell<Vec<u8>>) {
        let (mut has_begun, mut last) = (false, 0);
        while stream.readable().await.is_ok() {
            let mut buffer = buffer.borrow_mut();
            let bytes = match stream.try_read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Ok(0) | Err(_) => break,
                Ok(read) => &buffer[..read],
            };
            self.read.messages[reader].fetch_add(messages(last, bytes), Ordering::Relaxed);
            self.read.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            last = bytes[bytes.len() - 1];
            // Said last, so that what it began with is counted before anybody measures.
            if !has_begun {
                has_begun = true;
                let answer = refusal(bytes).map_or(Ok(()), |line| Err(io::Error::other(line)));
                self.read.open.fetch_add(1, Ordering::Relaxed);
                drop(self.begun.send(answer));
            }
        }
        match has_begun {
            true => drop(self.read.open.fetch_sub(1, Ordering::Relaxed)),
            false => drop(self.begun.send(Err(io::ErrorKind::UnexpectedEof.into()))),
        }
    }
}

/// The status line of an answer that is no stream.
fn refusal(head: &[u8]) -> Option<String> {
    if head.starts_with(b"HTTP/1.1 200") {
        return None;
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Some(String::from_utf8_lossy(line).into_owned())
}

/// The messages that begin in `bytes`, which follow `last`: of all lines, only those with an id begin so.
fn messages(last: u8, bytes: &[u8]) -> u64 {
    let within = bytes.iter().zip(&bytes[1..]).filter(|pair| *pair == (&b'\n', &b'i')).count();
    within as u64 + u64::from(last == b'\n' && bytes.first() == Some(&b'i'))
}

impl fmt::Display for EventReaders {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { readers, open_at_end, messages, fewest, bytes } = self;
        let mega = *bytes as f64 / 1e6;
        write!(
            out,
            "{readers} readers of /events, {open_at_end} open at the end, got {messages} messages, none fewer than \
             {fewest}, {mega:.1} MB"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake_server::{FakeServer, Reply};
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

    #[test]
    fn messages_are_counted_wherever_the_bytes_are_cut() {
        let stream = "retry: 1000\n\n5a\r\nid: 1\nevent: shipped\ndata: {\"id\":\"i\"}\n\n\r\n9\r\nid: 2\nevent: i\n\n: x\n\n";
        for cut in 1..stream.len() {
            let (before, after) = stream.as_bytes().split_at(cut);
            let last = before[before.len() - 1];
            assert_eq!(messages(0, before) + messages(last, after), 2, "{cut}");
        }
    }

    fn start(reply: Reply) -> Result<EventReaders, Error> {
        let server = FakeServer::start(move |_| Some(reply.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let readers =
            runtime.block_on(Readers::start(&server.url().parse().unwrap(), &[server.address], 3))?;
        while readers.got().messages < 6 {
            std::thread::yield_now();
        }
        Ok(readers.got())
    }

    #[test]
    fn each_reader_has_its_own_stream() {
        let got = start(Reply::Bytes(format!("{HEAD}id: 1\ndata: a\n\nid: 2\ndata: b\n\n"))).unwrap();
        assert_eq!((got.readers, got.open_at_end, got.messages, got.fewest), (3, 3, 6, 2));
    }

    #[test]
    fn a_refusal_is_told() {
        let refused = start(Reply::Close("HTTP/1.1 404 Not Found\r\n\r\n".to_owned())).unwrap_err();
        assert!(refused.to_string().contains("404 Not Found"), "{refused}");
    }
}
