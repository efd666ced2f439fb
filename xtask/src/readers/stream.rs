//! Server-sent events as one reader gets them.

use anyhow::{Context, Result, bail, ensure};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A server sends at least a heartbeat within 15 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Its place in the log.
    pub(super) id: u64,
    /// The event of a timeline, as JSON.
    pub(super) data: String,
}

/// A stream of them, which has begun.
pub(super) struct Stream<R>(BufReader<Chunks<R>>);

impl Stream<BufReader<TcpStream>> {
    /// `/events` from now on, or after the message with an id.
    pub(super) fn open(address: SocketAddr, after: Option<u64>) -> Result<Self> {
        let after = after.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nhost: x\r\n{after}\r\n")?;
        Self::begin(BufReader::new(stream))
    }
}

impl<R: BufRead> Stream<R> {
    fn begin(mut from: R) -> Result<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            ensure!(from.read_line(&mut head)? > 0, "the stream ends in its head: {head}");
        }
        let is_chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked\r\n");
        ensure!(head.starts_with("HTTP/1.1 200 ") && is_chunked, "a stream of events is answered {head}");
        Ok(Self(BufReader::new(Chunks { from, left: 0 })))
    }

    /// The next message; an error where the stream ends.
    pub(super) fn next(&mut self) -> Result<Message> {
        let mut message = Message::default();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                bail!("the stream ends");
            }
            match line.trim_end().split_once(": ") {
                Some(("id", id)) => message.id = id.parse().with_context(|| format!("the id {id}"))?,
                Some(("data", data)) => data.clone_into(&mut message.data),
                None if line == "\n" && !message.data.is_empty() => return Ok(message),
                _ => {}
            }
        }
    }
}

/// The body of an answer that comes in chunks.
struct Chunks<R> {
    from: R,
    left: u64,
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let mut line = String::new();
            let read = self.from.read_line(&mut line)?;
            match line.trim_end() {
                // What stands between two chunks.
                "" if read > 0 => {}
                "" | "0" => return Ok(0),
                size => self.left = u64::from_str_radix(size, 16).map_err(io::Error::other)?,
            }
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let read = self.from.read(&mut into[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn begin(text: &str) -> Result<Stream<&[u8]>> {
        Stream::begin(text.as_bytes())
    }

    #[test]
    fn messages_are_read_across_chunks() {
        let text = format!(
            "{HEAD}d\r\nretry: 1000\n\n\r\n9\r\nid: 41\nev\r\n21\r\nent: shipped\ndata: {{\"a\": 1}}\n\n: x\n\n\r\n0\r\n\r\n"
        );
        let mut stream = begin(&text).unwrap();
        assert_eq!(stream.next().unwrap(), Message { id: 41, data: "{\"a\": 1}".to_owned() });
        assert_eq!(stream.next().unwrap_err().to_string(), "the stream ends");
    }

    #[test]
    fn what_is_no_stream_is_told() {
        let refused = begin("HTTP/1.1 422 Unprocessable\r\ncontent-length: 0\r\n\r\n").err().unwrap();
        assert!(refused.to_string().contains("422"), "{refused}");
        assert!(begin("HTTP/1.1 200").is_err());
    }
}
