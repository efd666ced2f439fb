//! HTTP with nothing in between: every request on a connection of its own, sent as the bytes it is.

use crate::openapi;
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longer than anything takes that is not hanging; a long poll may last 30 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of one server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
}

/// An answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

/// A request whose answer has not been read yet.
pub(crate) struct Exchange {
    stream: TcpStream,
    /// Method and path, where a whole request was sent.
    asked: Option<(String, String)>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[], body.as_bytes())
    }

    pub(crate) fn put(&self, path: &str, body: &str) -> Answer {
        self.ask("PUT", path, &[], body.as_bytes())
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, &[], b"")
    }

    /// Sends a request with these headers and no others but `host` and `content-length`.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.begin(method, path, headers, body).finish()
    }

    /// Sends a request and leaves its answer for later.
    pub(crate) fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Exchange {
        let mut exchange = self.connect();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = match (method, body.len()) {
            (_, 0) if method != "PUT" => String::new(),
            (_, length) => format!("content-length: {length}\r\n"),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}{length}\r\n"
        );
        exchange.send(head.as_bytes());
        exchange.send(body);
        exchange.asked = Some((method.to_owned(), path.to_owned()));
        exchange
    }

    /// A connection on which nothing was sent yet.
    pub(crate) fn connect(&self) -> Exchange {
        let stream = TcpStream::connect(self.address).expect("connects");
        stream.set_nodelay(true).expect("is a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("is a socket");
        Exchange { stream, asked: None }
    }

    /// Whether nobody listens any more.
    pub(crate) fn is_refused(&self) -> bool {
        TcpStream::connect(self.address).is_err()
    }

    /// The order's document, in the server's language.
    pub(crate) fn order(&self, id: &str) -> Json {
        self.get(&format!("/api/v1/orders/{id}")).ok()
    }

    /// Places an order; answers its id.
    pub(crate) fn place(&self, body: &str) -> String {
        let answer = self.post("/api/v1/orders", body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["order_id"].as_str().expect("an id").to_owned()
    }

    /// Asks something of an order that must be acknowledged; answers the document.
    pub(crate) fn act(&self, id: &str, action: &str, body: &str) -> Json {
        self.post(&format!("/api/v1/orders/{id}/{action}"), body).ok()
    }

    /// The order as soon as its state is this.
    pub(crate) fn await_state(&self, id: &str, state: &str) -> Json {
        self.await_order(id, |order| order["state"] == state)
    }

    /// The order as soon as it is as wanted, by long polls.
    pub(crate) fn await_order(&self, id: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let path = format!("/api/v1/orders/{id}");
        let mut order = self.order(id);
        while !wanted(&order) {
            let known = format!("\"{}\"", order["version"]);
            let answer = self.ask("GET", &path, &[("if-none-match", &known), ("prefer", "wait=20")], b"");
            assert_ne!(answer.status, 304, "nothing happens to {order}");
            order = answer.ok();
        }
        order
    }

    /// Waits until so many requests wait for their answers, beside the one that asks how many.
    pub(crate) fn await_in_flight(&self, others: usize) {
        let line = format!("omniflow_http_requests_in_flight {}\n", others + 1);
        let begun = Instant::now();
        while !self.get("/metrics").body.contains(&line) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{line}");
        }
    }

    /// The types of the order's events.
    pub(crate) fn events(&self, id: &str) -> Vec<String> {
        let timeline = self.get(&format!("/api/v1/orders/{id}/timeline")).ok();
        let entries = timeline["data"].as_array().expect("a list");
        entries.iter().map(|entry| entry["type"].as_str().expect("a type").to_owned()).collect()
    }

    /// How many of a SKU are on hand, and how many of them reserved.
    pub(crate) fn stock(&self, sku: &str) -> (u64, u64) {
        let level = self.get(&format!("/api/v1/inventory/{}", sku.replace(' ', "%20"))).ok();
        let count = |field: &str| level[field].as_u64().expect("a count");
        assert_eq!(count("available"), count("on_hand") - count("reserved"));
        (count("on_hand"), count("reserved"))
    }

    /// Moves the test clock on.
    pub(crate) fn advance(&self, by: &str) {
        self.post("/api/v1/dev/clock", &format!(r#"{{"advance":"{by}"}}"#)).ok();
    }
}

impl Exchange {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("sends");
    }

    /// Reads until a head has come whole, which may be a `100 Continue`; answers it.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.stream.read_exact(&mut byte).expect("a head");
            head.extend(byte);
        }
        String::from_utf8(head).expect("a head is text")
    }

    /// What still comes until the server closes its side.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).expect("text");
        rest
    }

    /// Reads the answer.
    pub(crate) fn finish(mut self) -> Answer {
        let head = self.head();
        let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status line");
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body as long as its head says");
        answer.body = String::from_utf8(body).expect("UTF-8");
        if let Some((method, path)) = &self.asked {
            openapi::assert_documented(method, path, &answer);
        }
        answer
    }
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The document of an answer that must be 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Json {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// The problem document of a refusal, checked for what every one must have.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Json {
        let problem = self.json();
        assert_eq!((self.status, problem["code"].as_str()), (status, Some(code)), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(problem["status"], self.status, "{problem}");
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{problem}");
        assert!(problem["type"].is_string() && problem["title"].is_string(), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{problem}");
        assert_eq!(self.header("retry-after").is_some(), status == 503, "{self:?}");
        problem
    }
}
