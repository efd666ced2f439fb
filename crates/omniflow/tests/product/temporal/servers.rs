//! Temporal and PostgreSQL that are away, and how processes say how they are.

use super::{CAPTURED, Shop};
use crate::scenarios::{LARGE, ORDER};
use crate::server::{NOBODY, Place, Server, omniflow, run};
use serde_json::json;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// The address of PostgreSQL, where there is none.
const NO_POSTGRES: &str = "postgres://shop:pa55word@127.0.0.1:1/orders";

#[test]
fn verify_ends_with_the_code_for_what_cannot_be_reached() {
    let shop = Shop::open();
    let typed = shop.command_at("verify", NOBODY, NO_POSTGRES);
    let mut named = omniflow(["verify"]);
    // A directory in which all would hold is none that the configuration has anything to do with.
    let data = shop.place.data();
    assert!(shop.place.start(&[]).terminate().success());
    named.env("OMNIFLOW_CONFIG", shop.file()).env("OMNIFLOW_DATA_DIR", &data);
    named.env("OMNIFLOW_POSTGRES_URL", NO_POSTGRES);
    for command in [typed, named] {
        let said = run(command);
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!((said.status.code(), &*said.stdout), (Some(3), &b""[..]), "{text}");
        assert!(text.contains("PostgreSQL at 127.0.0.1:1") && !text.contains("pa55word"), "{text}");
    }
}

#[test]
fn a_worker_whose_address_is_taken_takes_no_work() {
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (taken, temporal) = (listener(), listener());
    let address = taken.local_addr().unwrap().to_string();
    let shop = Shop::open();
    let mut worker = shop.command_at("worker", &temporal.local_addr().unwrap().to_string(), NO_POSTGRES);
    worker.args(["--set", &format!("worker.listen={address}")]);
    let said = run(worker);
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(1), "{text}");
    assert!(text.contains(&address) && text.contains("--set worker.listen=ADDRESS"), "{text}");
    assert!(!text.contains("--listen"), "it has no such flag: {text}");
    temporal.set_nonblocking(true).unwrap();
    assert_eq!(temporal.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "Temporal was asked for work");
}

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn a_server_that_cannot_be_reached_is_named_and_used_once_it_can() {
    let shop = Shop::open();
    let looked = || String::from_utf8(run(shop.command("doctor")).stdout).unwrap();
    for _ in 0..2 {
        assert!(looked().contains("the first process makes the tables"), "doctor changes nothing");
    }
    let verified = run(shop.command("verify"));
    assert_eq!(verified.status.code(), Some(1), "it is reached, and there is nothing: {verified:?}");
    shop.api().kill();
    assert!(looked().contains("the tables are in the schema"), "{}", looked());
    for (variable, value, name) in [
        ("TEMPORAL_ADDRESS", NOBODY.to_owned(), "Temporal"),
        ("OMNIFLOW_POSTGRES_URL", NO_POSTGRES.to_owned(), "PostgreSQL"),
    ] {
        let mut command = shop.command("serve");
        command.env(variable, &value);
        let server = Server::start(command);
        let detail = server.client.get("/readyz").problem(503, "engine_unavailable")["detail"].to_string();
        assert!(detail.contains(name) && !detail.contains("pa55word"), "{detail}");
        server.client.post("/api/v1/orders", ORDER).problem(503, "engine_unavailable");
        let mut doctor = shop.command("doctor");
        doctor.env(variable, &value).env("OMNIFLOW_SERVER", format!("http://{}", server.client.address()));
        let said = run(doctor);
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("MISSING") && line.contains(name));
        assert!(line.is_some() && !text.contains("pa55word"), "{text}");
        assert_eq!(said.status.code(), Some(1), "{text}");
        assert!(server.terminate().success(), "it ends well all the same");
        let mut worker = shop.command("worker");
        worker.env(variable, &value);
        assert!(Server::start(worker).terminate().success(), "so does a worker");
    }
    let place = Place::new();
    let mut dev = place.command(&["--engine", "temporal"]);
    dev.env("TEMPORAL_ADDRESS", NOBODY).env("OMNIFLOW_POSTGRES_URL", NO_POSTGRES);
    let said = run(dev);
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!(said.status.code(), Some(3), "{text}");
    assert!(text.contains("PostgreSQL") && !text.contains("pa55word"), "{text}");
    assert_eq!(shop.api().client.get("/api/v1/orders").ok()["data"], json!([]), "nothing was placed");
}

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn metrics_say_how_orders_stand_and_what_workers_did() {
    let shop = Shop::open();
    let (api, worker) = (shop.api(), shop.worker());
    let large = api.client.place(LARGE);
    api.kill();
    let api = shop.api();
    let counted = || api.client.get("/metrics").body;
    // It counts at its start, and nobody says when it has.
    let until = Instant::now() + Duration::from_secs(30);
    while !counted().contains("omniflow_orders{state=\"in_review\"} 1") {
        assert!(Instant::now() < until, "{large} is not counted: {}", counted());
        std::thread::yield_now();
    }
    assert!(counted().contains("omniflow_orders_attention 0"));
    let id = api.client.place(ORDER);
    api.client.act(&id, "pay", CAPTURED);
    api.client.await_state(&id, "completed");
    assert_eq!(worker.client.get("/healthz").ok()["status"], "ok");
    assert_eq!(worker.client.get("/readyz").ok()["status"], "ready");
    let counted = worker.client.get("/metrics").body;
    assert!(counted.contains("omniflow_effect_attempts_total{"), "{counted}");
    let mut lists = worker.client.connect();
    lists.send(b"GET /api/v1/orders HTTP/1.1\r\nhost: worker\r\n\r\n");
    assert!(lists.head().starts_with("HTTP/1.1 404"), "it takes no orders");
    assert!(worker.terminate().success());
}
