//! A client that sends exactly the bytes it is told to.

use serde_json::Value as Json;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything takes that is not hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream =
            timeout(PATIENCE, TcpStream::connect(address)).await.expect("in time").expect("connects");
        Self { stream, read: vec![] }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("sends");
    }

    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.expect("in time")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        self.answer().await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &[u8]) -> Answer {
        let length = body.len();
        self.send(format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n")).await;
        self.send(body).await;
        self.answer().await
    }

    /// The next answer, by its content length.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a number"));
        while self.read.len() < length {
            assert_ne!(self.more().await, 0, "the answer breaks off: {answer:?}");
        }
        answer.body = String::from_utf8(self.read.drain(..length).collect()).expect("UTF-8");
        answer
    }

    /// The next answer's head.
    pub(crate) async fn head(&mut self) -> Answer {
        loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = String::from_utf8(self.read.drain(..end + 4).collect()).expect("UTF-8");
                let status = head.get(9..12).expect("a status line").parse().expect("a status");
                return Answer { status, head, body: String::new() };
            }
            assert_ne!(self.more().await, 0, "closed before the answer");
        }
    }

    /// Fails unless the connection is closed with nothing more to read.
    pub(crate) async fn expect_end(&mut self) {
        let more = self.more().await;
        assert_eq!((more, String::from_utf8_lossy(&self.read)), (0, "".into()));
    }

    /// Whether nothing comes for a moment.
    pub(crate) async fn hears_nothing(&mut self, moment: Duration) -> bool {
        timeout(moment, self.stream.read_buf(&mut self.read)).await.is_err()
    }

    async fn more(&mut self) -> usize {
        match timeout(PATIENCE, self.stream.read_buf(&mut self.read)).await.expect("in time") {
            Ok(more) => more,
            Err(error) => panic!("cannot read: {error}"),
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The code of a well-formed problem document.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document = self.json();
        assert_eq!(document["status"], self.status, "{document}");
        assert_eq!(document["request_id"].as_str(), self.header("x-request-id"), "{document}");
        assert!(document["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{document}");
        document["code"].as_str().expect("a code").to_owned()
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).expect("JSON")
    }
}
