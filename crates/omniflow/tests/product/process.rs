//! The process: how it starts, what it refuses to start with, and how it ends.

use crate::scenarios::ORDER;
use crate::server::{Place, Server, omniflow, run};
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::time::{Duration, Instant};

/// What the program promises to end within, once asked to.
const END: Duration = Duration::from_secs(10);

#[test]
fn sigterm_and_ctrl_c_end_it_well_and_soon() {
    for signal in ["TERM", "INT"] {
        let place = Place::new();
        let mut server = place.start(&[]);
        let id = server.client.place(ORDER);
        let asked = Instant::now();
        server.signal(signal);
        let status = server.ended();
        assert_eq!(status.code(), Some(0), "SIG{signal}");
        assert!(asked.elapsed() < END, "SIG{signal}: {:?}", asked.elapsed());
        assert!(server.client.is_refused());
        place.assert_clean();
        assert_eq!(place.start(&[]).client.order(&id)["state"], "awaiting_payment");
    }
}

#[test]
fn who_waits_is_answered_at_the_end() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let id = server.client.place(ORDER);
    let headers = [("if-none-match", "\"2\""), ("prefer", "wait=30")];
    let path = format!("/api/v1/orders/{id}");
    let waiting = [(), ()].map(|()| server.client.begin("GET", &path, &headers, b""));
    server.client.await_in_flight(2);
    let asked = Instant::now();
    server.signal("TERM");
    for exchange in waiting {
        assert_eq!(exchange.finish().status, 304);
    }
    assert_eq!(server.ended().code(), Some(0));
    assert!(asked.elapsed() < END, "{:?}", asked.elapsed());
}

#[test]
fn what_was_taken_is_finished_and_nothing_new_is_taken() {
    let place = Place::new();
    let mut server = place.start(&[]);
    let mut half = server.client.connect();
    let head = format!(
        "POST /api/v1/orders HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        ORDER.len()
    );
    half.send(head.as_bytes());
    assert!(half.head().starts_with("HTTP/1.1 100 "), "the server has taken the request and wants its body");
    server.signal("TERM");
    server.await_log("stopping");
    half.send(ORDER.as_bytes());
    let answer = half.finish();
    assert_eq!((answer.status, answer.header("connection")), (201, Some("close")), "{answer:?}");
    assert_eq!(server.ended().code(), Some(0));
    assert!(server.client.is_refused());
    let id = answer.json()["order_id"].as_str().unwrap().to_owned();
    assert_eq!(place.start(&[]).client.order(&id)["state"], "awaiting_payment");
}

/// Asserts that a command ends with a code and says why on standard error.
#[track_caller]
fn ends_with(output: &Output, code: i32, says: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert!(errors.contains(says), "{says:?} is not in {errors}");
}

#[test]
fn a_second_process_on_the_same_data_is_refused() {
    let place = Place::new();
    let server = place.start(&[]);
    let id = server.client.place(ORDER);
    ends_with(&run(place.command(&[])), 1, "in use by another OmniFlow process");
    assert_eq!(server.client.order(&id)["state"], "awaiting_payment", "the first one goes on");
    server.kill();
    // The lock died with its process.
    assert_eq!(place.start(&[]).client.order(&id)["state"], "awaiting_payment");
}

#[test]
fn an_address_that_is_taken_is_named_and_nothing_is_begun() {
    let (place, other) = (Place::new(), Place::new());
    let server = place.start(&[]);
    let address = server.client.address().to_string();
    let mut second = omniflow(["dev", "--listen", &address, "--data-dir"]);
    second.arg(other.data());
    let said = run(second);
    ends_with(&said, 1, &address);
    ends_with(&said, 1, "with --listen ADDRESS");
    assert_eq!(std::fs::read_dir(other.data()).unwrap().count(), 0, "no order would be gone on with");
}

#[test]
fn what_cannot_work_is_refused_as_wrong_usage() {
    for (args, says) in [
        (&["dev", "--listen", "0.0.0.0:0"][..], "--listen"),
        (&["dev", "--listen", "[::]:0"], "--listen"),
        (&["dev", "--listen", "nowhere"], "--listen"),
        (&["dev", "--attempt-timeout", "2s"], "--attempt-timeout"),
        (&["dev", "--carrier-delay", "3s"], "--attempt-timeout"),
        (&["dev", "--attempt-timeout", "0s", "--carrier-delay", "0s"], "--attempt-timeout"),
        (&["dev", "--attempts", "0"], "--attempts"),
        (&["dev", "--backoff=-1s"], "--backoff"),
        (&["dev", "--payment-window", "soon"], "--payment-window"),
        (&["dev", "--payment-window", "0s"], "from 1s to 720h"),
        (&["dev", "--payment-window", "999ms"], "from 1s to 720h"),
        (&["dev", "--payment-window", "720h1s"], "from 1s to 720h"),
        (&["dev", "--script", "carrier=fly"], "fail, refuse, hang, delay or accept"),
        (&["dev", "--script", "post=fail"], "carrier or payments"),
        (&["dev", "--pament-window", "1s"], "--payment-window"),
        (&["dev", "extra"], "extra"),
        (&["verify", "--data"], "--data-dir"),
        (&["lifecycle", "--svg"], "--svg"),
        (&["bench", "place", "--url", "https://shop"], "http://"),
        (&["dev", "--engine", "paper"], "embedded, temporal"),
        (&["brew"], "brew"),
        (&[], "Usage"),
    ] {
        refuses(args, says);
    }
}

#[track_caller]
fn refuses(args: &[&str], says: &str) {
    let mut command = omniflow([]);
    command.args(args).current_dir(std::env::temp_dir());
    let output = run(command);
    ends_with(&output, 2, says);
    assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
}

/// A build without it names the feature; one with it says what it needs to begin, and what it cannot do.
#[test]
fn the_temporal_engine_is_refused_where_it_cannot_begin() {
    let dev = ["dev", "--engine", "temporal"];
    if cfg!(not(feature = "temporal")) {
        for args in [&dev[..], &["worker"], &["worker", "--slots=5", "-v", "--", "more"]] {
            refuses(args, "feature `temporal`");
        }
        return;
    }
    refuses(&dev, "OMNIFLOW_POSTGRES_URL");
    for more in ["--ephemeral", "--test-clock"] {
        refuses(&[&dev[..], &[more]].concat(), more);
    }
    refuses(&[&dev[..], &["--postgres-url", "mysql://secret@db"]].concat(), "postgres");
    refuses(&["worker"], "--config omniflow.toml");
    refuses(&["worker", "--config", "/no/such/omniflow.toml"], "/no/such/omniflow.toml");
}

#[test]
fn it_says_what_it_is() {
    let version = run(omniflow(["--version"]));
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        concat!("omniflow ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = run(omniflow(["--help"]));
    let text = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(help.status.success() && text.contains("omniflow dev"), "{text}");
}

#[test]
fn the_longest_and_the_shortest_payment_window_are_taken() {
    for (window, shown) in [("1s", "1s"), ("720h", "2592000s")] {
        let place = Place::new();
        let server = place.start(&["--payment-window", window, "--test-clock"]);
        let id = server.client.place(ORDER);
        assert_eq!(server.client.order(&id)["status"], format!("待支付 (超时倒计时: {shown})"));
    }
}

#[test]
fn the_help_says_what_a_test_clock_leaves_behind() {
    let help = run(omniflow(["dev", "--help"]));
    let text = String::from_utf8_lossy(&help.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    let said = text.split("--test-clock Let time").nth(1).and_then(|rest| rest.split(" -h, --help").next());
    let said = said.unwrap_or_else(|| panic!("--test-clock is not in {text}"));
    for part in ["A directory that is kept stays ahead", "--ephemeral", "--data-dir of its own"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
fn an_ephemeral_directory_goes_away_and_a_named_one_stays() {
    let place = Place::new();
    std::fs::create_dir(place.data()).unwrap();
    let mut command = omniflow(["dev", "--ephemeral", "--listen", "127.0.0.1:0"]);
    command.env("TMPDIR", place.data());
    let server = Server::start(command);
    server.client.place(ORDER);
    let entries = || -> Vec<_> { std::fs::read_dir(place.data()).unwrap().map(Result::unwrap).collect() };
    let [directory] = &entries()[..] else { panic!("one directory: {:?}", entries()) };
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700, "its owner's alone");
    let name = directory.file_name().into_string().unwrap();
    let random = name.strip_prefix("omniflow-dev-").unwrap();
    assert!(random.len() >= 6 && random != server.pid().to_string(), "{name} can be foreseen");
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(entries().len(), 0);
}

#[test]
fn the_demo_catalogue_is_loaded_once() {
    let place = Place::new();
    let server = place.start(&[]);
    assert_eq!((server.client.stock("iPhone 15"), server.client.stock("Mac Pro")), ((1_000, 0), (50, 0)));
    assert_eq!(server.client.get("/api/v1/inventory").ok()["data"].as_array().unwrap().len(), 10);
    server.client.put("/api/v1/inventory/Mac%20Pro", r#"{"on_hand":3}"#).ok();
    server.kill();
    assert_eq!(place.start(&[]).client.stock("Mac Pro"), (3, 0));
}

#[test]
fn the_lines_that_it_prints_work_as_they_are() {
    let place = Place::new();
    let server = place.start(&[]);
    let home = server.client.get("/");
    assert_eq!(home.status, 200);
    for part in
        ["curl -s -X POST http://localhost:", r#"-d '{"amount": 500, "items": ["iPhone 15"]}'"#, "/pay"]
    {
        assert!(home.body.contains(part), "{part} is not in {}", home.body);
    }
    let port = server.client.address().port();
    assert!(home.body.contains(&format!("http://localhost:{port}/api/v1/orders")), "{}", home.body);
}

#[test]
fn logs_are_json_where_nobody_watches() {
    let place = Place::new();
    let mut command = place.command(&[]);
    command.env("OMNIFLOW_LOG", "debug");
    let server = Server::start(command);
    let named = [("x-request-id", "cart-7")];
    let answer = server.client.ask("GET", "/api/v1/orders/ORD-1", &named, b"");
    assert_eq!(answer.problem(404, "order_not_found")["request_id"], "cart-7");
    let line = server.await_log("cart-7");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["level"], &line["status"]), (&"INFO".into(), &404.into()), "{line}");
    assert_eq!(line["code"], "order_not_found", "{line}");
}

#[test]
fn health_and_metrics_tell_how_it_is() {
    let place = Place::new();
    let server = place.start(&[]);
    server.client.place(ORDER);
    assert_eq!(server.client.get("/healthz").ok()["status"], "ok");
    assert_eq!(server.client.get("/readyz").ok()["status"], "ready");
    let metrics = server.client.get("/metrics");
    assert_eq!(metrics.status, 200);
    let names = metrics.body.lines().filter(|line| !line.starts_with('#'));
    assert!(
        names.clone().count() > 5 && names.clone().all(|line| line.starts_with("omniflow_")),
        "{}",
        metrics.body
    );
    assert!(names.into_iter().any(|line| line == "omniflow_orders_in_memory 1"), "{}", metrics.body);
}
