//! HTTP/1.1 as a client with one connection needs it: a request at a time, its answer by content length.

use serde_json::Value;
use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longer than any answer takes that comes at all; a long poll may wait for 30 s.
const PATIENCE: Duration = Duration::from_secs(40);

/// One connection, opened when it is first needed and again after the server has closed it.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

/// An answer that came whole.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The body; null where there is none or it is not JSON.
    pub(crate) body: Value,
    /// The headers, their names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body as it came.
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        write!(f, "{} {} with {headers:?}", self.status, self.body)
    }
}

impl Answer {
    /// The `code` of a problem document; empty where there is none.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

impl Connection {
    /// A connection to `address`, not opened yet.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Reads what is at `path`.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask("GET", path, "", None)
    }

    /// Reads what is at `path`; answers also how long it took until all of it was here, not yet parsed.
    pub(crate) fn get_timed(&mut self, path: &str) -> io::Result<(Answer, Duration)> {
        let asked = Instant::now();
        self.send("GET", path, "", None)?;
        let answer = self.receive_raw()?;
        let took = asked.elapsed();
        Ok((parsed(answer), took))
    }

    /// Sends a request and waits for its answer. `headers` are whole lines, each with its line break.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&str>,
    ) -> io::Result<Answer> {
        self.send(method, path, headers, body)?;
        self.receive()
    }

    /// Sends a request; [`Self::receive`] takes its answer.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<&str>,
    ) -> io::Result<()> {
        let length = body.map_or(String::new(), |body| format!("content-length: {}\r\n", body.len()));
        let body = body.unwrap_or_default();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}{length}\r\n{body}");
        let sent = self.open()?.get_mut().write_all(request.as_bytes());
        if sent.is_err() {
            self.stream = None;
        }
        sent
    }

    /// The answer to what was sent. An error means that nobody knows what became of it.
    pub(crate) fn receive(&mut self) -> io::Result<Answer> {
        self.receive_raw().map(parsed)
    }

    fn receive_raw(&mut self) -> io::Result<Answer> {
        let Some(stream) = &mut self.stream else { return Err(ErrorKind::NotConnected.into()) };
        let answer = read_answer(stream);
        if !matches!(answer, Ok((_, false))) {
            self.stream = None;
        }
        answer.map(|(answer, _)| answer)
    }

    fn open(&mut self) -> io::Result<&mut BufReader<TcpStream>> {
        if self.stream.is_none() {
            let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            self.stream = Some(BufReader::new(stream));
        }
        self.stream.as_mut().ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

/// The answer that comes over `stream`, after which nothing is read from it.
pub(crate) fn read_from(stream: &TcpStream) -> io::Result<Answer> {
    Ok(parsed(read_answer(&mut BufReader::new(stream))?.0))
}

fn parsed(answer: Answer) -> Answer {
    Answer { body: serde_json::from_slice(&answer.bytes).unwrap_or(Value::Null), ..answer }
}

/// The next answer, its body not yet parsed, and whether the server closes the connection after it.
fn read_answer(stream: &mut impl BufRead) -> io::Result<(Answer, bool)> {
    let status = read_line(stream)?;
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(not_http)?;
    let mut headers = vec![];
    while let Some((name, value)) = read_line(stream)?.split_once(':') {
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut answer = Answer { status, headers, ..Answer::default() };
    let length = answer.header("content-length").unwrap_or("0").parse().map_err(|_| not_http())?;
    let closes = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    answer.bytes = vec![0; length];
    stream.read_exact(&mut answer.bytes)?;
    Ok((answer, closes))
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn not_http() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the answer is no HTTP/1.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<(Answer, bool)> {
        read_answer(&mut text.as_bytes()).map(|(answer, closes)| (parsed(answer), closes))
    }

    #[test]
    fn an_answer_is_read_by_its_length() {
        let text =
            "HTTP/1.1 409 Conflict\r\nContent-Length: 14\r\nx: y\r\n\r\n{\"code\":\"no\"} HTTP/1.1 200";
        let (answer, closes) = read(text).unwrap();
        assert_eq!((answer.status, answer.code(), closes), (409, "no", false));
    }

    #[test]
    fn an_answer_without_a_body_ends_with_its_head() {
        let (answer, closes) = read("HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n").unwrap();
        assert_eq!((answer.status, answer.body, closes), (304, Value::Null, true));
    }

    #[test]
    fn an_answer_that_breaks_off_is_none() {
        for torn in
            ["", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}", "HTTP/1.1 200 OK\r\n"]
        {
            assert_eq!(read(torn).unwrap_err().kind(), ErrorKind::UnexpectedEof, "{torn:?}");
        }
    }
}
