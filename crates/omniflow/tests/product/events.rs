//! Server-sent events: what happens, as it happens, to the last message.

use crate::client::Client;
use crate::scenarios::{LARGE, ORDER};
use crate::server::{Place, Server, still};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub(crate) const ALL: &str = "/api/v1/events";
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream that is being read.
pub(crate) struct Stream {
    reader: BufReader<TcpStream>,
    text: String,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Json,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As an answer that is whole.
    Whole,
    /// In the middle.
    Cut,
}

pub(crate) fn of_order(id: &str) -> String {
    format!("/api/v1/orders/{id}/events")
}

impl Stream {
    /// Asks for a stream and reads its head.
    pub(crate) fn open(client: Client, path: &str, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(client.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let last = last.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n{last}\r\n").as_bytes()).unwrap();
        let mut this = Self { reader: BufReader::new(stream), text: String::new() };
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(this.reader.read_line(&mut head).unwrap(), 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        for header in ["content-type: text/event-stream\r\n", "cache-control: no-store\r\n"] {
            assert!(head.contains(header), "{head}");
        }
        this
    }

    /// Reads a chunk of the body.
    fn read(&mut self) -> Result<(), End> {
        let mut size = String::new();
        self.reader.read_line(&mut size).map_err(|_| End::Cut)?;
        let size = usize::from_str_radix(size.trim_end(), 16).map_err(|_| End::Cut)?;
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).map_err(|_| End::Cut)?;
        self.text.push_str(str::from_utf8(&chunk[..size]).unwrap());
        if size == 0 { Err(End::Whole) } else { Ok(()) }
    }

    /// The next block, or how the stream ended.
    fn block(&mut self) -> Result<String, End> {
        while !self.text.contains("\n\n") {
            self.read()?;
        }
        let end = self.text.find("\n\n").unwrap();
        let block = self.text[..end].to_owned();
        self.text.drain(..end + 2);
        Ok(block)
    }

    /// The next message, or how the stream ended.
    fn next(&mut self) -> Result<Message, End> {
        loop {
            let block = self.block()?;
            let lines: Vec<(&str, &str)> = block.lines().filter_map(|line| line.split_once(": ")).collect();
            match lines[..] {
                [("id", id), ("event", event), ("data", data)] => {
                    let (id, event) = (id.to_owned(), event.to_owned());
                    return Ok(Message { id, event, data: serde_json::from_str(data).unwrap() });
                }
                [("retry" | "", _)] => {}
                _ => panic!("no message: {block}"),
            }
        }
    }

    pub(crate) fn take(&mut self, count: usize) -> Vec<Message> {
        (0..count).map(|_| self.next().expect("a message")).collect()
    }

    /// Reads to the end.
    fn rest(&mut self) -> (Vec<Message>, End) {
        let mut messages = vec![];
        loop {
            match self.next() {
                Ok(message) => messages.push(message),
                Err(end) => return (messages, end),
            }
        }
    }
}

/// The messages that the timeline of an order makes, without ids.
fn told(client: Client, id: &str) -> Vec<(String, Json)> {
    let timeline = client.get(&format!("/api/v1/orders/{id}/timeline")).ok();
    let entries = timeline["data"].as_array().unwrap().iter();
    let message = |entry: &Json| {
        let mut data = entry.clone();
        data["order_id"] = json!(id);
        (entry["type"].as_str().unwrap().to_owned(), data)
    };
    entries.map(message).collect()
}

fn without_ids(messages: &[Message], order: &str) -> Vec<(String, Json)> {
    let of_order = messages.iter().filter(|message| message.data["order_id"] == order);
    of_order.map(|message| (message.event.clone(), message.data.clone())).collect()
}

#[track_caller]
fn assert_rising(messages: &[Message]) {
    let ids: Vec<u64> = messages.iter().map(|message| message.id.parse().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

#[test]
fn an_orders_stream_is_its_timeline_as_it_grows() {
    let (_place, server) = still();
    let client = server.client;
    let other = client.place(ORDER);
    let id = client.place(LARGE);
    let mut stream = Stream::open(client, &of_order(&id), None);
    assert_eq!(stream.block().unwrap(), "retry: 1000");
    let mut heard = stream.take(2);
    client.act(&other, "pay", "");
    client.act(&id, "audit", r#"{"action":"APPROVE","reason":"known customer"}"#);
    heard.extend(stream.take(1));
    client.act(&id, "pay", r#"{"payment_id":"p","amount":1}"#);
    client.await_order(&id, |order| order["payments"][0]["status"] == "refunded");
    let told = told(client, &id);
    heard.extend(stream.take(told.len() - heard.len()));
    assert_eq!(without_ids(&heard, &id), told);
    assert_rising(&heard);
    let resumed = Stream::open(client, &of_order(&id), Some(&heard[1].id)).take(heard.len() - 2);
    assert_eq!(resumed, heard[2..], "the same messages have the same ids");
}

#[test]
fn the_stream_of_all_begins_now_and_tells_every_order() {
    let (_place, server) = still();
    let client = server.client;
    let before = client.place(ORDER);
    let mut streams: Vec<Stream> = (0..3).map(|_| Stream::open(client, ALL, None)).collect();
    let orders: Vec<String> = (0..4).map(|_| client.place(ORDER)).collect();
    client.act(&before, "cancel", "");
    client.act(&orders[2], "pay", "");
    client.advance("PT1M");
    let all: Vec<String> = orders.iter().cloned().chain([before.clone()]).collect();
    let told: Vec<_> = all.iter().map(|id| (id, told(client, id))).collect();
    let count = told.iter().map(|(_, told)| told.len()).sum::<usize>() - 2;
    for stream in &mut streams {
        let heard = stream.take(count);
        assert_rising(&heard);
        for (id, told) in &told {
            // Of the order placed before, its placing was told to nobody.
            let told = if *id == &before { &told[2..] } else { &told[..] };
            assert_eq!(without_ids(&heard, id), told, "{id}");
        }
    }
}

#[test]
fn who_comes_back_after_a_kill_misses_nothing_and_hears_nothing_twice() {
    let place = Place::new();
    let server = place.start(&["--carrier-delay", "0s"]);
    let mut stream = Stream::open(server.client, ALL, None);
    let orders: Vec<String> = (0..10).map(|_| server.client.place(ORDER)).collect();
    let mut heard = stream.take(7);
    for id in &orders[..5] {
        server.client.act(id, "pay", "");
        server.client.await_state(id, "completed");
    }
    server.kill();
    assert_eq!(stream.rest().1, End::Cut);

    let server = place.start(&["--carrier-delay", "0s"]);
    let client = server.client;
    let mut stream = Stream::open(client, ALL, Some(&heard[6].id));
    for id in &orders[5..] {
        client.act(id, "cancel", "");
    }
    let told: Vec<_> = orders.iter().map(|id| (id, told(client, id))).collect();
    let count: usize = told.iter().map(|(_, told)| told.len()).sum();
    heard.extend(stream.take(count - heard.len()));
    assert_rising(&heard);
    for (id, told) in told {
        assert_eq!(without_ids(&heard, id), told, "{id}");
    }
    let of_one: Vec<Message> = heard.iter().filter(|m| m.data["order_id"] == *orders[3]).cloned().collect();
    let resumed = Stream::open(client, &of_order(&orders[3]), Some(&of_one[0].id)).take(of_one.len() - 1);
    assert_eq!(resumed, of_one[1..], "an order's stream has the ids of the stream of all");
}

#[test]
fn a_reader_that_does_not_read_is_dropped_and_comes_back() {
    let place = Place::new();
    let mut command = place.command(&[]);
    command.env("OMNIFLOW_LOG", "debug");
    let server = Server::start(command);
    let client = server.client;
    let sku = "x".repeat(100);
    client.put(&format!("/api/v1/inventory/{sku}"), r#"{"on_hand":1000000}"#).json();
    let order = json!({"amount": 5, "items": vec![&sku; 200], "payment_window_seconds": 3600}).to_string();
    let (mut stuck, mut reader) = (Stream::open(client, ALL, None), Stream::open(client, ALL, None));
    let mut ids = vec![];
    // Each order's message is some 35 KB: more than what the system keeps for a connection.
    for _ in 0..600 {
        let placed = Instant::now();
        ids.push(client.place(&order));
        assert!(placed.elapsed() < Duration::from_secs(5), "the writer waits for a reader");
        assert_eq!(reader.next().expect("a message").event, "order_placed");
        assert_eq!(reader.next().expect("a message").data["order_id"], *ids[ids.len() - 1]);
    }
    let line = server.await_log("a connection ended early");
    assert!(line.contains("error writing a body"), "{line}");
    ids.push(client.place(&order));
    assert_eq!(reader.next().expect("the other goes on").data["order_id"], *ids[600]);

    let (mut heard, end) = stuck.rest();
    assert_eq!(end, End::Cut);
    assert!(heard.len() < 1_202, "it was not dropped: {}", heard.len());
    let mut stuck = Stream::open(client, ALL, heard.last().map(|last| &*last.id));
    heard.extend(stuck.take(1_202 - heard.len()));
    let placed = heard.iter().filter(|message| message.event == "order_placed");
    assert!(placed.map(|message| &message.data["order_id"]).eq(&ids), "nothing is missing or comes twice");
}

#[test]
fn streams_end_with_the_server() {
    let place = Place::new();
    let server = place.start(&[]);
    let id = server.client.place(ORDER);
    let mut streams: Vec<Stream> = [ALL, &of_order(&id)]
        .iter()
        .flat_map(|path| (0..20).map(|_| Stream::open(server.client, path, None)))
        .collect();
    let asked = Instant::now();
    assert!(server.terminate().success());
    assert!(asked.elapsed() < Duration::from_secs(5), "nothing was waited for: {:?}", asked.elapsed());
    for stream in &mut streams {
        assert_eq!(stream.rest().1, End::Whole);
    }
}

#[test]
fn what_cannot_be_followed_is_refused_before_the_stream_begins() {
    let (_place, server) = still();
    let client = server.client;
    let id = client.place(ORDER);
    let last = Stream::open(client, &of_order(&id), None).take(2)[1].id.clone();
    let next = format!("{}", last.parse::<u64>().unwrap() + 1);
    client.get(&of_order("ORD-1")).problem(404, "order_not_found");
    client.get(&of_order("%00")).problem(404, "order_not_found");
    for path in [ALL, &of_order(&id)] {
        for bad in ["x", "-1", "+1", "1.0", " ", "0x1", "١", "99999999999999999999999", &next, "1, 2"] {
            let answer = client.ask("GET", path, &[("last-event-id", bad)], b"");
            let problem = answer.problem(422, "invalid_field");
            assert_eq!(problem["errors"][0]["header"], "Last-Event-ID", "{bad}");
        }
        let twice = [("last-event-id", &*last), ("last-event-id", &*last)];
        client.ask("GET", path, &twice, b"").problem(422, "invalid_field");
        client.post(path, "").problem(405, "method_not_allowed");
        let head = client.ask("HEAD", path, &[], b"");
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        Stream::open(client, path, Some(&last));
        Stream::open(client, path, Some("0")).take(2);
    }
}
