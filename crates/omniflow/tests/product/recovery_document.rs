//! `docs/recovery.md` has a line for what `verify` says of each kind of damage.

use crate::scenarios::{LARGE, ORDER};
use crate::server::{Place, verify};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/recovery.md");

/// The texts in the first column of the table of faults, in their parts: `…` stands for anything.
fn documented() -> Vec<Vec<String>> {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let faults = page.split_once("\n## Faults\n").unwrap().1.split("\n## ").next().unwrap().to_owned();
    let texts = faults
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|cell| cell.0.to_owned());
    texts.map(|text| text.split('…').map(|part| part.trim().to_owned()).collect()).collect()
}

fn is_of(fault: &str, parts: &[String]) -> bool {
    let mut rest = fault;
    parts.iter().all(|part| match rest.find(part.as_str()) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// One statement a damage, in a directory with orders of several states.
const DAMAGES: &[&str] = &[
    "DELETE FROM events WHERE position = 2",
    "UPDATE events SET first_seq = first_seq + 1 WHERE position = 2",
    "UPDATE events SET link = link + 1 WHERE position = 3",
    "UPDATE events SET lines = CAST('{}' AS BLOB) WHERE position = 1",
    "DELETE FROM orders WHERE key = (SELECT min(key) FROM orders)",
    "DELETE FROM events WHERE order_key = (SELECT max(key) FROM orders)",
    "UPDATE orders SET record = zeroblob(length(record)) WHERE key = (SELECT max(key) FROM orders)",
    "UPDATE orders SET record = (SELECT record FROM orders ORDER BY key LIMIT 1) \
     WHERE key = (SELECT max(key) FROM orders)",
    "UPDATE orders SET version = version + 1 WHERE key = (SELECT min(key) FROM orders)",
    "UPDATE meta SET value = value + 1 WHERE name = 'open_orders'",
    "UPDATE external_ids SET order_key = (SELECT min(key) FROM orders)",
    "DELETE FROM external_ids",
    "DELETE FROM order_details",
    "UPDATE stock SET on_hand = on_hand + 1 WHERE sku = 'iPhone 15'",
    "UPDATE stock SET reserved = reserved + 1 WHERE sku = 'Mac Pro'",
    "DELETE FROM stock WHERE sku = 'Mac Pro'",
    "UPDATE stock_ledger SET on_hand_delta = on_hand_delta + 1 WHERE id = (SELECT max(id) FROM stock_ledger)",
    "DELETE FROM stock_ledger WHERE kind = 'orders' AND id = (SELECT max(id) FROM stock_ledger)",
];

fn damage(data_dir: &Path, statement: &str) {
    let program = "import sqlite3, sys\n\
        database = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        sys.exit(database.execute(sys.argv[2]).rowcount == 0)";
    let mut command = Command::new("python3");
    let status = command.args(["-c", program]).arg(data_dir.join("omniflow.db")).arg(statement).status();
    assert!(status.unwrap().success(), "{statement} changes something");
}

#[test]
fn what_verify_says_is_on_the_page() {
    let place = Place::new();
    let server = place.start(&["--carrier-delay", "0s", "--payment-window", "24h"]);
    let client = server.client;
    let completed = client.place(ORDER);
    client.act(&completed, "pay", "");
    client.await_state(&completed, "completed");
    client.place(LARGE);
    client.place(r#"{"amount":5,"items":["HomePod"],"external_id":"cart-1","metadata":{"k":"v"}}"#);
    assert_eq!(server.terminate().code(), Some(0));
    place.assert_clean();

    let documented = documented();
    let mut said = BTreeSet::new();
    for statement in DAMAGES {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(place.data().join("omniflow.db"), copy.path().join("omniflow.db")).unwrap();
        damage(copy.path(), statement);
        let output = verify(copy.path());
        let text = String::from_utf8(output.stdout).unwrap();
        let faults: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("fault: ")).collect();
        assert!(!faults.is_empty(), "{statement}: {text}");
        for fault in faults {
            let lines: Vec<usize> =
                (0..documented.len()).filter(|at| is_of(fault, &documented[*at])).collect();
            assert!(!lines.is_empty(), "{statement}: the page has nothing of {fault:?}");
            said.extend(lines);
        }
    }
    let silent: Vec<_> = documented
        .iter()
        .enumerate()
        .filter(|(at, _)| !said.contains(at))
        .map(|(_, text)| text.join("…"))
        .collect();
    // What no single statement brings about.
    let expected = ["keeps…captures", "and keeps the money", "the answer kept under…"];
    assert_eq!(silent, expected, "the page has what verify never says");
}
