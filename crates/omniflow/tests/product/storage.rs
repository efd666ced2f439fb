//! The data directory: checked, damaged, full, or from a newer program.

use crate::client::Client;
use crate::scenarios::{LARGE, ORDER};
use crate::server::{Place, Server, by_shell, verify};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// Changes a database as somebody with a tool would.
fn sql(data_dir: &Path, statement: &str) {
    let program = "import sqlite3, sys\n\
        database = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        print(database.execute(sys.argv[2]).rowcount)";
    let mut command = Command::new("python3");
    command.args(["-c", program]).arg(data_dir.join("omniflow.db")).arg(statement);
    let output = command.output().expect("python3 starts");
    assert!(output.status.success(), "{statement}: {output:?}");
}

/// A directory in which each kind of thing is: orders of several states, stock that moved.
fn filled() -> Place {
    let place = Place::new();
    let server = place.start(&["--carrier-delay", "0s"]);
    let client = server.client;
    let completed = client.place(ORDER);
    client.act(&completed, "pay", "");
    client.await_state(&completed, "completed");
    client.place(ORDER);
    let paid = client.place(LARGE);
    client.act(&paid, "pay", "");
    let cancelled =
        client.place(r#"{"amount":5,"items":["HomePod"],"external_id":"cart-1","metadata":{"k":"v"}}"#);
    client.act(&cancelled, "cancel", "");
    assert_eq!(server.terminate().code(), Some(0));
    place.assert_clean();
    place
}

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].concat().iter().map(|byte| char::from(*byte)).collect()
}

#[test]
fn verify_says_what_it_checked() {
    let place = filled();
    let output = place.verify();
    let said = text(&output);
    assert!(said.starts_with("checked 4 orders, "), "{said}");
    assert!(said.contains("10 SKUs, 6 stock movements"), "{said}");
}

#[test]
fn verify_reads_a_directory_that_is_in_use() {
    let place = filled();
    let server = place.start(&[]);
    server.client.place(ORDER);
    let before = server.client.get("/api/v1/inventory").body;
    let output = place.verify();
    assert!(output.status.success() && text(&output).starts_with("checked 5 orders"), "{output:?}");
    assert_eq!(server.client.get("/api/v1/inventory").body, before);
    server.client.place(ORDER);
}

#[test]
fn verify_where_there_is_nothing_says_so_and_makes_nothing() {
    let place = Place::new();
    let output = place.verify();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output).contains("there is no OmniFlow data here"), "{output:?}");
    assert!(!place.data().exists());
}

#[test]
fn verify_finds_every_kind_of_damage() {
    let place = filled();
    for statement in [
        "UPDATE events SET lines = CAST(replace(lines, 'iPhone 15', 'iPhone 16') AS BLOB) WHERE position = 1",
        "UPDATE events SET lines = CAST(replace(lines, '500.00', '500.01') AS BLOB) WHERE position = 1",
        "UPDATE events SET link = link + 1 WHERE position = 3",
        "UPDATE events SET first_seq = first_seq + 1 WHERE position = 2",
        "DELETE FROM events WHERE position = 2",
        "DELETE FROM events WHERE position = (SELECT max(position) FROM events)",
        "DELETE FROM orders WHERE key = (SELECT min(key) FROM orders)",
        "UPDATE orders SET version = version + 1 WHERE key = (SELECT min(key) FROM orders)",
        "UPDATE orders SET open = 1 - open WHERE key = (SELECT min(key) FROM orders)",
        "UPDATE orders SET due_at = due_at + 1 WHERE due_at IS NOT NULL",
        "UPDATE orders SET record = zeroblob(length(record)) WHERE key = (SELECT max(key) FROM orders)",
        "UPDATE orders SET record = (SELECT record FROM orders ORDER BY key LIMIT 1) \
         WHERE key = (SELECT max(key) FROM orders)",
        "UPDATE stock SET on_hand = on_hand + 1 WHERE sku = 'iPhone 15'",
        "UPDATE stock SET reserved = reserved + 1 WHERE sku = 'Mac Pro'",
        "DELETE FROM stock WHERE sku = 'Mac Pro'",
        "UPDATE stock_ledger SET on_hand_delta = on_hand_delta + 1 WHERE id = (SELECT max(id) FROM stock_ledger)",
        "DELETE FROM stock_ledger WHERE kind = 'orders' AND id = (SELECT max(id) FROM stock_ledger)",
        "UPDATE external_ids SET order_key = (SELECT min(key) FROM orders)",
        "DELETE FROM external_ids",
        "UPDATE order_details SET body = CAST('{}' AS BLOB)",
        "DELETE FROM order_details",
    ] {
        let copy = copy_of(&place);
        sql(copy.path(), statement);
        let output = verify(copy.path());
        assert_eq!(output.status.code(), Some(1), "{statement}: {}", text(&output));
        assert!(!text(&output).contains("everything holds"), "{statement}: {}", text(&output));
    }
}

#[test]
fn a_byte_that_rotted_is_found() {
    let place = filled();
    let database = std::fs::read(place.data().join("omniflow.db")).unwrap();
    let words = ["order_placed", "stock_reserved", "payment_captured", "iPhone 15\",\"quantity"];
    for word in words {
        let at = database.windows(word.len()).position(|bytes| bytes == word.as_bytes()).expect("is stored");
        let copy = copy_of(&place);
        let mut rotten = database.clone();
        rotten[at] ^= 0x20;
        std::fs::write(copy.path().join("omniflow.db"), rotten).unwrap();
        let output = verify(copy.path());
        assert_eq!(output.status.code(), Some(1), "{word}: {}", text(&output));
    }
}

fn copy_of(place: &Place) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(place.data()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[test]
fn a_log_whose_newest_part_is_damaged_refuses_to_start_and_says_where() {
    let place = filled();
    let server = place.start(&[]);
    server.client.place(ORDER);
    server.kill();
    sql(
        &place.data(),
        "UPDATE events SET lines = CAST(replace(lines, 'iPhone 15', 'iPhone 16') AS BLOB) \
         WHERE position = (SELECT max(position) FROM events)",
    );
    let output = crate::server::run(place.command(&[]));
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.contains("the chain breaks at row ") && said.contains("omniflow verify"), "{said}");
}

#[test]
fn a_newer_schema_is_refused_and_left_as_it_is() {
    let place = filled();
    sql(&place.data(), "PRAGMA user_version = 99");
    let before = std::fs::read(place.data().join("omniflow.db")).unwrap();
    for output in [crate::server::run(place.command(&[])), place.verify()] {
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output).contains("schema 99"), "{output:?}");
    }
    assert_eq!(std::fs::read(place.data().join("omniflow.db")).unwrap(), before);
}

/// Places orders until one is not acknowledged; answers those that were.
fn place_until_full(client: Client) -> Vec<Value> {
    let mut placed = vec![];
    // Far more than fit.
    for _ in 0..100_000 {
        let answer = client.post("/api/v1/orders", r#"{"amount": 5, "items": ["USB-C Cable"]}"#);
        if answer.status != 201 {
            let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
            assert!(["outcome_unknown", "engine_unavailable"].contains(&&*code), "{answer:?}");
            answer.problem(503, &code);
            return placed;
        }
        placed.push(answer.json());
    }
    panic!("the disk does not fill up");
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let place = Place::new();
    let server = place.start(&["--payment-window", "24h"]);
    server.client.put("/api/v1/inventory/USB-C%20Cable", r#"{"on_hand":1000000}"#).ok();
    assert_eq!(server.terminate().code(), Some(0));
    // No file may grow beyond so many blocks, and writing more is an error instead of a signal.
    let command = place.command(&["--payment-window", "24h"]);
    let mut server = Server::start(by_shell(r#"trap '' XFSZ; ulimit -f 2048; exec "$0" "$@""#, &command));
    let placed = place_until_full(server.client);
    assert!(placed.len() > 100, "{}", placed.len());
    for _ in 0..20 {
        // It goes on refusing, or takes what still fits; it never answers what it cannot keep.
        let answer = server.client.post("/api/v1/orders", ORDER);
        assert!(matches!(answer.status, 201 | 503), "{answer:?}");
    }
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0), "it can still be ended");

    let server = place.start(&["--payment-window", "24h"]);
    for order in &placed {
        let id = order["order_id"].as_str().unwrap();
        assert_eq!(server.client.order(id)["version"], order["version"], "{id}");
    }
    let id = server.client.place(ORDER);
    server.client.act(&id, "pay", "");
    place.assert_clean();
}
