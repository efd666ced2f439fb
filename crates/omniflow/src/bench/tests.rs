//! Whole runs against a server that misbehaves as told.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::Verdict;
use super::drive::Limit;
use super::error::Error;
use super::fake_server::{FakeServer, Reply, Seen, answer, order, problem};
use super::place::Terms;
use super::report::Report;
use super::run::{LoadKind, Plan, execute};
use super::stock::Stock;

const LIFECYCLE: LoadKind = LoadKind::Lifecycle { give_up: Duration::from_secs(60) };

fn plan(url: &str, load: LoadKind, orders: u64) -> Plan {
    Plan {
        load,
        target: url.parse().unwrap(),
        connections: 2,
        limit: Limit::Orders(orders),
        warmup: Duration::ZERO,
        skus: vec!["Mac Pro".to_owned()],
        terms: Terms { amount: "500".to_owned(), payment_window: None, customer: None },
        stock: Stock::Keep,
        floor_dir: std::env::temp_dir(),
        floor_time: Duration::from_millis(20),
        patience: Duration::from_secs(60),
        server_pid: None,
        event_readers: 0,
    }
}

fn try_run(plan: &Plan) -> Result<Report, Error> {
    let options = tokio::runtime::LocalOptions::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(options).unwrap();
    runtime.block_on(execute(plan))
}

/// Runs `orders` orders against a server that does what `handler` says.
fn run(
    load: LoadKind,
    orders: u64,
    handler: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
) -> (Report, FakeServer) {
    let server = FakeServer::start(handler);
    let report = try_run(&plan(&server.url(), load, orders)).unwrap();
    (report, server)
}

fn failures(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()["failures"].take()
}

#[test]
fn every_order_is_placed_once_and_counted() {
    let (report, server) = run(LoadKind::Place, 25, |_| None);
    assert_eq!((report.orders, report.failed, Verdict::of(&report)), (25, 0, Verdict::Clean));
    let placed = server.seen("POST /api/v1/orders");
    assert_eq!(placed.len(), 25);
    assert!(placed.iter().all(|seen| seen.body == r#"{"amount":500,"items":["Mac Pro"]}"#));
    assert_eq!(server.connections(), 2 + 2, "two connections for the load, kept; two to greet the server");
}

#[test]
fn a_lifecycle_ends_when_the_client_saw_completed() {
    let gets = AtomicUsize::new(0);
    let (report, server) = run(LIFECYCLE, 1, move |seen| {
        if !seen.is("GET", "/orders/ORD-1") {
            return None;
        }
        match gets.fetch_add(1, Ordering::SeqCst) {
            0 | 2 => Some(Reply::Bytes("HTTP/1.1 304 X\r\nETag: \"9\"\r\n\r\n".to_owned())),
            1 => Some(order(200, "shipping", 5)),
            _ => Some(order(200, "completed", 6)),
        }
    });
    assert_eq!((report.orders, Verdict::of(&report)), (1, Verdict::Clean));
    let waits = server.seen("GET /api/v1/orders/ORD-1");
    let versions: Vec<_> = waits.iter().map(|seen| seen.header("If-None-Match").unwrap()).collect();
    assert_eq!(versions, ["\"4\"", "\"4\"", "\"5\"", "\"5\""], "304 means: ask again for the same change");
    assert!(waits.iter().all(|seen| seen.header("Prefer") == Some("wait=30")));
    assert_eq!(server.seen("POST /api/v1/orders/ORD-1/pay")[0].body, r#"{"outcome":"captured"}"#);
}

#[test]
fn an_order_completed_by_its_payment_is_not_asked_for_again() {
    let (report, server) =
        run(LIFECYCLE, 3, |seen| seen.is("POST", "/pay").then(|| order(200, "completed", 6)));
    assert_eq!(report.orders, 3);
    assert_eq!(server.seen("GET /api/v1/orders/").len(), 0);
}

#[test]
fn refusals_are_counted_by_status_and_code() {
    let (report, _server) =
        run(LoadKind::Place, 9, |seen| match (seen.is("POST", "/orders"), seen.position % 3) {
            (true, 0) => Some(problem(409, "out_of_stock")),
            (true, 1) => Some(Reply::Bytes(answer(500, "", "oops"))),
            _ => None,
        });
    assert_eq!((report.orders, report.failed, Verdict::of(&report)), (3, 6, Verdict::Failures));
    assert_eq!(
        failures(&report),
        json!([
            {"request":"place","status":409,"code":"out_of_stock","count":3},
            {"request":"place","status":500,"code":"no_code","count":3},
        ])
    );
    assert!(report.to_string().contains("3 x place 409 out_of_stock  (raise the stock"), "{report}");
}

#[test]
fn an_order_that_will_not_complete_is_a_failure_of_the_step_that_showed_it() {
    let attention = r#"{"order_id":"ORD-1","state":"shipping","attention":{"step":"ship"}}"#;
    let cases: [(&str, &str, Reply, Value); 4] = [
        ("POST", "/orders", order(201, "in_review", 2), json!(["place", 201, "in_review"])),
        ("POST", "/pay", problem(409, "action_not_allowed"), json!(["pay", 409, "action_not_allowed"])),
        ("GET", "/ORD-1", order(200, "failed", 7), json!(["completed", 200, "order_failed"])),
        ("GET", "/ORD-1", Reply::Bytes(answer(200, "", attention)), json!(["completed", 200, "attention"])),
    ];
    for (method, end, reply, expected) in cases {
        let (report, _server) = run(LIFECYCLE, 1, move |seen| seen.is(method, end).then(|| reply.clone()));
        let found = failures(&report);
        assert_eq!(json!([found[0]["request"], found[0]["status"], found[0]["code"]]), expected);
        assert_eq!((report.orders, report.failed), (0, 1));
    }
}

#[test]
fn an_order_is_given_up_when_it_takes_too_long() {
    let load = LoadKind::Lifecycle { give_up: Duration::ZERO };
    let gets = AtomicUsize::new(0);
    let (report, _server) = run(load, 1, move |seen| {
        let waits = seen.is("GET", "/ORD-1") && gets.fetch_add(1, Ordering::SeqCst) < 1_000;
        waits.then(|| Reply::Bytes("HTTP/1.1 304 X\r\n\r\n".to_owned()))
    });
    assert_eq!(failures(&report)[0]["code"], "not_completed_in_time");
}

#[test]
fn closed_connections_are_opened_again() {
    let (report, server) = run(LoadKind::Place, 8, |seen| {
        // Announced but not carried out: the client must not count on the connection any more.
        let bytes = answer(201, "Connection: close\r\n", "{}");
        seen.is("POST", "/orders").then_some(Reply::Bytes(bytes))
    });
    assert_eq!((report.orders, report.failed), (8, 0));
    assert!(server.connections() >= 8, "{}", server.connections());
}

#[test]
fn a_lost_answer_is_a_failure_and_the_run_goes_on() {
    let (report, _server) = run(LoadKind::Place, 6, |seen| {
        (seen.is("POST", "/orders") && seen.position % 2 == 0).then_some(Reply::HangUp)
    });
    assert_eq!((report.orders, report.failed, report.ended), (3, 3, "done"));
    assert_eq!(
        failures(&report),
        json!([{"request":"place","status":null,"code":"connection_lost","count":3}])
    );
}

#[test]
fn chunked_answers_are_an_error_that_says_so() {
    let chunked = "HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let (report, _server) =
        run(LoadKind::Place, 1, |seen| seen.is("POST", "/orders").then(|| Reply::Bytes(chunked.to_owned())));
    assert!(
        report.to_string().contains("the answer is chunked, which this client does not read"),
        "{report}"
    );
}

#[test]
fn a_server_that_falls_silent_ends_the_run() {
    let server = FakeServer::start(|seen| (seen.line == "POST /api/v1/orders").then_some(Reply::Silence));
    let plan = Plan { patience: Duration::from_millis(50), ..plan(&server.url(), LoadKind::Place, 5) };
    let report = try_run(&plan).unwrap();
    assert_eq!((report.ended, report.orders, Verdict::of(&report)), ("silent", 0, Verdict::Failures));
    assert!(report.floors.after.is_none());
}

#[test]
fn a_server_that_goes_away_ends_the_run_with_what_was_measured() {
    let placed = AtomicUsize::new(0);
    let server = FakeServer::start(move |seen| {
        (seen.is("POST", "/orders") && placed.fetch_add(1, Ordering::SeqCst) == 4).then_some(Reply::ShutDown)
    });
    let report = try_run(&Plan { connections: 1, ..plan(&server.url(), LoadKind::Place, 1_000) }).unwrap();
    assert_eq!((report.ended, Verdict::of(&report).exit_code()), ("unreachable", 3));
    assert_eq!(report.orders, 4);
    assert!(report.to_string().contains("start it again"), "{report}");
}

#[test]
fn nothing_at_the_address_is_exit_code_3_and_says_what_to_start() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = try_run(&plan(&format!("http://{free}"), LoadKind::Place, 1)).unwrap_err();
    assert_eq!(error.exit_code(), 3);
    assert!(error.to_string().contains("omniflow dev"), "{error}");
}

#[test]
fn stock_is_raised_only_where_it_may_not_be_enough() {
    let put = |stock| {
        let server = FakeServer::start(|_| None);
        let report = try_run(&Plan { stock, ..plan(&server.url(), LoadKind::Place, 1) }).unwrap();
        assert_eq!(report.stock_set.len(), server.seen("PUT").len(), "a level that was set is in the report");
        server.seen("PUT /api/v1/inventory/Mac%20Pro").into_iter().map(|seen| seen.body).collect::<Vec<_>>()
    };
    assert_eq!(put(Stock::AtLeast(5)), [""; 0], "five are available");
    assert_eq!(put(Stock::AtLeast(6)), [r#"{"on_hand":10}"#], "four are reserved");
    assert_eq!(put(Stock::Set(3)), [r#"{"on_hand":3}"#]);
    assert_eq!(put(Stock::Keep), [""; 0]);
}

#[test]
fn a_sku_that_is_not_there_is_created_and_a_refusal_is_exit_code_4() {
    let server = FakeServer::start(|seen| seen.is("GET", "Mac%20Pro").then(|| problem(404, "unknown_sku")));
    try_run(&Plan { stock: Stock::AtLeast(7), ..plan(&server.url(), LoadKind::Place, 1) }).unwrap();
    assert_eq!(server.seen("PUT")[0].body, r#"{"on_hand":7}"#);

    let server =
        FakeServer::start(|seen| seen.is("PUT", "Mac%20Pro").then(|| problem(409, "below_reserved")));
    let plan = Plan { stock: Stock::Set(1), ..plan(&server.url(), LoadKind::Place, 1) };
    let error = try_run(&plan).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().contains("409 below_reserved: why"), "{error}");
}

#[test]
fn a_warm_ups_failures_count_but_its_orders_do_not() {
    let refuse = AtomicUsize::new(0);
    let server = FakeServer::start(move |seen| {
        (seen.is("POST", "/orders") && refuse.fetch_add(1, Ordering::SeqCst) == 0)
            .then(|| problem(503, "overloaded"))
    });
    let plan = Plan { warmup: Duration::from_millis(20), ..plan(&server.url(), LoadKind::Place, 3) };
    let report = try_run(&plan).unwrap();
    assert_eq!((report.orders, report.failed), (3, 1));
    assert!(server.seen("POST /api/v1/orders").len() > 4);
}

#[test]
fn the_json_report_keeps_its_keys() {
    let server = FakeServer::start(|_| None);
    let own = std::process::id();
    let report = try_run(&Plan { server_pid: Some(own), ..plan(&server.url(), LIFECYCLE, 4) }).unwrap();
    let json = serde_json::to_value(&report).unwrap();
    let keys = |value: &Value| {
        let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort_unstable();
        keys.join(" ")
    };
    assert_eq!(
        keys(&json),
        "bench client_cpu_us_per_order connections elapsed_s ended ended_detail event_readers failed failures \
         floors latency orders orders_per_s sale server stock_set url"
    );
    for step in ["order", "place", "pay", "completed"] {
        assert_eq!(keys(&json["latency"][step]), "count max_ms mean_ms p50_ms p90_ms p99_9_ms p99_ms");
        assert_eq!(json["latency"][step]["count"], 4);
    }
    for when in ["before", "after"] {
        assert_eq!(keys(&json["floors"][when]), "fdatasync_p50_ms fdatasync_p99_ms noop_requests_per_s");
        assert!(json["floors"][when]["noop_requests_per_s"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(keys(&json["server"]), "cpu_us_per_order pid resident_bytes written_bytes_per_order");
    assert_eq!(
        (&json["bench"], &json["orders"], &json["ended"]),
        (&json!("lifecycle"), &json!(4), &json!("done"))
    );
}

#[test]
fn readers_of_events_are_there_before_the_load_and_reported() {
    let stream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 1000\n\n";
    let handler = move |seen: &Seen| seen.is("GET", "/events").then(|| Reply::Bytes(stream.to_owned()));
    let server = FakeServer::start(handler);
    let plan = Plan { event_readers: 3, ..plan(&server.url(), LIFECYCLE, 4) };
    let report = serde_json::to_value(try_run(&plan).unwrap()).unwrap();
    let readers = json!({"readers": 3, "open_at_end": 3, "messages": 0, "fewest": 0, "bytes": 0});
    assert_eq!((&report["event_readers"], &report["orders"]), (&readers, &json!(4)));
    let first = |line| server.seen(line)[0].position;
    assert!(first("GET /api/v1/events") < first("POST /api/v1/orders"));
}

#[test]
fn a_floor_directory_that_is_not_there_is_a_usage_error() {
    let server = FakeServer::start(|_| None);
    let plan = Plan { floor_dir: PathBuf::from("/nowhere"), ..plan(&server.url(), LoadKind::Place, 1) };
    let error = try_run(&plan).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("--floor-dir"), "{error}");
}

#[test]
fn a_process_that_cannot_be_read_is_a_usage_error_before_anything_is_placed() {
    let server = FakeServer::start(|_| None);
    let error =
        try_run(&Plan { server_pid: Some(u32::MAX), ..plan(&server.url(), LoadKind::Place, 1) }).unwrap_err();
    assert_eq!((error.exit_code(), server.seen("").len()), (2, 0));
}

#[test]
fn a_flash_sale_adds_up_or_fails() {
    let sale = |left: u64| {
        let taken = AtomicUsize::new(0);
        let server = FakeServer::start(move |seen| {
            let level = format!(r#"{{"sku":"Mac Pro","on_hand":3,"reserved":3,"available":{left}}}"#);
            if seen.line.contains("/inventory/") {
                return Some(Reply::Bytes(answer(200, "", &level)));
            }
            if !seen.is("POST", "/api/v1/orders") {
                return None;
            }
            let is_left = taken.fetch_add(1, Ordering::Relaxed) < 3;
            Some(if is_left { order(201, "awaiting_payment", 2) } else { problem(409, "out_of_stock") })
        });
        try_run(&plan(&server.url(), LoadKind::FlashSale { pieces: 3 }, 10)).unwrap()
    };
    let report = sale(0);
    let of = serde_json::to_value(&report).unwrap();
    assert_eq!(of["sale"], json!({"pieces": 3, "sold": 3, "sold_out": 7, "left": 0}));
    assert_eq!((of["latency"]["sold_out"]["count"].as_u64(), report.orders), (Some(7), 10));
    assert_eq!(Verdict::of(&report), Verdict::Clean);
    assert!(report.to_string().contains("every piece is accounted for"), "{report}");
    let report = sale(1);
    assert_eq!(Verdict::of(&report), Verdict::Failures, "one too many was sold");
    assert!(report.to_string().contains("DO NOT ADD UP"), "{report}");
}
