//! A server for tests: answers as OmniFlow would, but where the test says otherwise.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Method and path.
    pub(super) line: String,
    /// The header lines, as sent.
    pub(super) headers: Vec<String>,
    pub(super) body: String,
    /// How many requests came before it.
    pub(super) position: usize,
}

impl Seen {
    /// A header's value; `name` as it was sent.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Whether it is about an order that exists.
    pub(super) fn is(&self, method: &str, end: &str) -> bool {
        self.line.starts_with(method) && self.line.ends_with(end)
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// These bytes, then the next request.
    Bytes(String),
    /// These bytes, then the end of the connection.
    Close(String),
    /// Nothing, and the end of the connection.
    HangUp,
    /// Nothing, and the end of the server.
    ShutDown,
    /// Nothing, until the client goes.
    Silence,
}

/// An answer with a length.
pub(super) fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

/// A problem document.
pub(super) fn problem(status: u16, code: &str) -> Reply {
    Reply::Bytes(answer(status, "", &format!(r#"{{"type":"x","code":"{code}","detail":"why"}}"#)))
}

/// An order in `state`, at `version`.
pub(super) fn order(status: u16, state: &str, version: u32) -> Reply {
    let body = format!(r#"{{"order_id":"ORD-1","state":"{state}","attention":null,"version":{version}}}"#);
    Reply::Bytes(answer(status, &format!("ETag: \"{version}\"\r\n"), &body))
}

type Handler = dyn Fn(&Seen) -> Option<Reply> + Send + Sync;

/// The running server; it takes no more connections once dropped.
pub(super) struct FakeServer {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    handler: Box<Handler>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    down: AtomicBool,
    address: SocketAddr,
}

impl FakeServer {
    /// Answers with what `handler` says; where it says nothing, as OmniFlow does.
    pub(super) fn start(handler: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            down: AtomicBool::new(false),
            address,
        });
        let server = Self { address, shared: shared.clone() };
        thread::spawn(move || accept(&listener, &shared));
        server
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests whose line begins with `line`, in the order in which they came.
    pub(super) fn seen(&self, line: &str) -> Vec<Seen> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.line.starts_with(line)).cloned().collect()
    }

    /// How many connections were taken.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.shared.shut_down();
    }
}

impl Shared {
    /// Wakes the accepting thread, so that the port is free once this connection was taken.
    fn shut_down(&self) {
        self.down.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }

    fn reply(&self, seen: &Seen) -> Reply {
        (self.handler)(seen).unwrap_or_else(|| as_omniflow(seen))
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().map_while(Result::ok) {
        if shared.down.load(Ordering::SeqCst) {
            return;
        }
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = shared.clone();
        thread::spawn(move || serve(stream, &shared));
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(seen) = read_request(&mut reader, shared) {
        let (bytes, goes_on) = match shared.reply(&seen) {
            Reply::Bytes(bytes) => (bytes, true),
            Reply::Close(bytes) => (bytes, false),
            Reply::HangUp => return,
            Reply::ShutDown => return shared.shut_down(),
            Reply::Silence => (String::new(), true),
        };
        if stream.write_all(bytes.as_bytes()).is_err() || !goes_on {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead, shared: &Shared) -> Option<Seen> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let length =
        lines.iter().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let line = lines.remove(0).trim_end_matches(" HTTP/1.1").to_owned();
    let mut all = shared.seen.lock().unwrap();
    let body = String::from_utf8(body).unwrap();
    let seen = Seen { line, headers: lines, body, position: all.len() };
    all.push(seen.clone());
    Some(seen)
}

fn as_omniflow(seen: &Seen) -> Reply {
    match seen.line.split_once(' ').unwrap() {
        ("GET", "/healthz") => Reply::Bytes(answer(200, "", r#"{"status":"ok"}"#)),
        ("GET", path) if path.starts_with("/api/v1/inventory/") => {
            Reply::Bytes(answer(200, "", r#"{"sku":"x","on_hand":9,"reserved":4,"available":5,"short":0}"#))
        }
        ("PUT", path) if path.starts_with("/api/v1/inventory/") => Reply::Bytes(answer(200, "", "{}")),
        ("POST", "/api/v1/orders") => order(201, "awaiting_payment", 2),
        ("POST", "/api/v1/orders/ORD-1/pay") => order(200, "shipping", 4),
        ("GET", "/api/v1/orders/ORD-1") => order(200, "completed", 6),
        _ => problem(404, "unknown_route"),
    }
}
