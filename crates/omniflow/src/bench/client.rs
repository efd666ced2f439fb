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

#[cfg(test)]
mod tests {
    use super::super::fake_server::{FakeServer, Reply, answer};
    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    fn connection(server: &FakeServer) -> Connection {
        Connection::new([server.address].into())
    }

    #[tokio::test]
    async fn an_answer_larger_than_the_buffer_comes_in_whole() {
        let body = "x".repeat(100_000);
        let sent = body.clone();
        let server = FakeServer::start(move |_| Some(Reply::Bytes(answer(200, "ETag: \"3\"\r\n", &sent))));
        let mut connection = connection(&server);
        for _ in 0..2 {
            let answer = connection.exchange(REQUEST).await.unwrap();
            assert_eq!((answer.status, answer.etag, answer.body), (200, Some("\"3\""), body.as_bytes()));
        }
        assert_eq!(server.connections(), 1);
    }

    #[tokio::test]
    async fn an_answer_cut_short_is_lost_and_the_next_one_is_not() {
        let server = FakeServer::start(|seen| {
            let whole = answer(200, "", "0123456789");
            let cut = whole[..whole.len() - 1].to_owned();
            Some(if seen.position == 0 { Reply::Close(cut) } else { Reply::Bytes(whole) })
        });
        let mut connection = connection(&server);
        assert!(matches!(connection.exchange(REQUEST).await, Err(Error::Lost)));
        assert_eq!(connection.exchange(REQUEST).await.unwrap().body, b"0123456789");
    }

    #[tokio::test]
    async fn a_connection_closed_while_idle_costs_no_request() {
        let server = FakeServer::start(|_| Some(Reply::Close(answer(200, "", ""))));
        let mut connection = connection(&server);
        connection.exchange(REQUEST).await.unwrap();
        // The end of the stream is what makes it readable again.
        connection.stream.as_ref().unwrap().readable().await.unwrap();
        connection.exchange(REQUEST).await.unwrap();
        assert_eq!(server.connections(), 2);
    }

    #[tokio::test]
    async fn bytes_nobody_asked_for_end_the_connection() {
        let server =
            FakeServer::start(|_| Some(Reply::Bytes(answer(200, "", "") + "HTTP/1.1 200 X\r\n\r\n")));
        let mut connection = connection(&server);
        connection.exchange(REQUEST).await.unwrap();
        connection.exchange(REQUEST).await.unwrap();
        assert_eq!(server.connections(), 2);
    }
}
