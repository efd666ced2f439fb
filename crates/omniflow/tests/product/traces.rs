//! Traces to a collector, in builds that can send them.

use crate::server::Place;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

/// An empty SETTINGS frame, with which an HTTP/2 server begins.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

#[test]
fn a_request_s_span_is_sent_to_the_collector() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let place = Place::new();
    let mut command = place.command(&[]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_BSP_SCHEDULE_DELAY", "50");
    let server = crate::server::Server::start(command);
    let read = std::thread::spawn(move || {
        let (mut stream, _) = collector.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(&SETTINGS).unwrap();
        let (mut seen, mut buffer) = (vec![], [0; 4_096]);
        let has = |seen: &[u8], text: &str| seen.windows(text.len()).any(|part| part == text.as_bytes());
        while !(has(&seen, "service.name") && has(&seen, "trace-me-17")) {
            let read = stream.read(&mut buffer).expect("spans within a minute");
            assert_ne!(read, 0, "the exporter went away");
            seen.extend(&buffer[..read]);
        }
        seen.starts_with(b"PRI * HTTP/2.0")
    });
    server.client.ask("GET", "/readyz", &[("x-request-id", "trace-me-17")], b"").ok();
    assert!(read.join().unwrap(), "it is gRPC");
}
