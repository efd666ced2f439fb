//! One keep-alive connection: prebuilt bytes out, a borrowed answer back, nothing in between.
//!
//! Promises: no allocation a request, one write and one read where the answer comes in one piece, and
//! no time-out of its own: whoever drives the connections notices when no answer comes any more.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::answer::{self, Answer, Layout};

/// How often a connection is tried again before the server counts as gone, and the pause before the
/// second try, which doubles: 0.75 s in all.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// How long one try may take: a host that drops packets would hold it for minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why an exchange brought no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// No connection, after all tries.
    #[error("cannot connect: {0}")]
    Unreachable(io::Error),
    /// The connection ended before the answer did: the request may have taken effect.
    #[error("the connection ended before the answer")]
    Lost,
    /// An answer came that this client does not read.
    #[error(transparent)]
    Unreadable(#[from] answer::Error),
}

/// A connection to one server, opened when it is first needed and again once the server has closed it.
pub(super) struct Connection {
    addresses: Rc<[SocketAddr]>,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// A connection that is not open yet.
    pub(super) fn new(addresses: Rc<[SocketAddr]>) -> Self {
        Self { addresses, stream: None, buffer: vec![0; 8 << 10] }
    }

    /// Sends `request` and waits for its answer. A connection that broke is not tried again here: the
    /// request may have been carried out.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, Error> {
        let mut stream = match self.stream.take() {
            Some(stream) if still_open(&stream) => stream,
            _ => connect(&self.addresses).await?,
        };
        // Not kept on an error, nor when this future is dropped halfway.
        stream.write_all(request).await.map_err(|_| Error::Lost)?;
        let (layout, filled) = read_answer(&mut stream, &mut self.buffer).await?;
        if !layout.closes && filled == layout.body.end {
            self.stream = Some(stream);
        }
        let etag = layout.etag.and_then(|range| std::str::from_utf8(&self.buffer[range]).ok());
        Ok(Answer { status: layout.status, etag, body: &self.buffer[layout.body] })
    }
}

/// Whether the server has neither closed the connection nor said anything unasked. No system call unless
/// something came in.
fn still_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(Layout, usize), Error> {
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            if filled >= answer::MAX_ANSWER {
                return Err(answer::Error::TooLarge.into());
            }
            buffer.resize(filled * 2, 0);
        }
        match stream.read(&mut buffer[filled..]).await {
            Ok(0) | Err(_) => return Err(Error::Lost),
            Ok(read) => filled += read,
        }
        if let Some(layout) = answer::layout(&buffer[..filled])? {
            return Ok((layout, filled));
        }
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Error> {
    let mut pause = FIRST_PAUSE;
    let mut tried = 0;
    loop {
        match connect_once(addresses).await {
            Ok(stream) => return Ok(stream),
            Err(error) if tried + 1 == TRIES => return Err(Error::Unreachable(error)),
            Err(_) => tried += 1,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

/// One try to connect, at each address in turn.
pub(super) async fn connect_once(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(addresses)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}
