//! Copies of a data directory, made while a server uses it, verified, and restored.

use crate::scenarios::ORDER;
use crate::server::{Place, omniflow, run};
use std::path::{Path, PathBuf};
use std::process::Output;

fn backup(place: &Place, to: &Path, flags: &[&str]) -> Output {
    let mut command = omniflow(["backup", "--data-dir"]);
    command.arg(place.data()).arg("--to").arg(to).args(flags);
    run(command)
}

fn restore(from: &Path, data_dir: &Path) -> Output {
    let mut command = omniflow(["restore", "--from"]);
    command.arg(from).arg("--data-dir").arg(data_dir);
    run(command)
}

fn verify_file(file: &Path) -> Output {
    let mut command = omniflow(["verify", "--file"]);
    command.arg(file);
    run(command)
}

#[track_caller]
fn says(output: &Output, code: i32, parts: &[&str]) {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

/// Where copies go: beside the data directory.
fn beside(place: &Place, name: &str) -> PathBuf {
    place.data().with_file_name(name)
}

#[test]
fn a_running_server_is_copied_and_the_copy_goes_on_elsewhere() {
    let place = Place::new();
    let server = place.start(&["--payment-window", "24h", "--carrier-delay", "0s"]);
    let client = server.client;
    let completed = client.place(ORDER);
    client.act(&completed, "pay", "");
    let completed = client.await_state(&completed, "completed");
    let open =
        client.place(r#"{"amount":5,"items":["HomePod"],"external_id":"cart-1","metadata":{"k":"v"}}"#);
    let open = client.order(&open);
    let file = beside(&place, "orders.backup");
    says(&backup(&place, &file, &[]), 0, &["2 orders", "10 SKUs; verified, everything holds"]);
    let later = client.place(ORDER);
    says(&verify_file(&file), 0, &["checked 2 orders", "everything holds"]);
    assert_eq!(leftovers(&place), Vec::<String>::new());

    let elsewhere = Place::new();
    let restored = restore(&file, &elsewhere.data());
    says(&restored, 0, &["2 orders, 1 of them open", "everything holds"]);
    elsewhere.assert_clean();
    let second = elsewhere.start(&["--payment-window", "24h", "--carrier-delay", "0s"]);
    let id = |order: &serde_json::Value| order["order_id"].as_str().unwrap().to_owned();
    assert_eq!(second.client.order(&id(&completed)), completed);
    assert_eq!(second.client.order(&id(&open))["metadata"], open["metadata"]);
    second.client.get(&format!("/api/v1/orders/{later}")).problem(404, "order_not_found");
    second.client.act(&id(&open), "pay", "");
    second.client.await_state(&id(&open), "completed");
    assert_eq!(
        second.client.get("/api/v1/orders").ok()["data"].as_array().unwrap().len(),
        2,
        "lists are made anew"
    );
    assert_eq!(second.terminate().code(), Some(0));
    elsewhere.assert_clean();
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let place = Place::new();
    assert_eq!(place.start(&[]).terminate().code(), Some(0));
    let folder = beside(&place, "no-such-folder");
    let said = backup(&place, &folder.join("orders.backup"), &[]);
    says(&said, 2, &[&format!("there is no folder {}: make it", folder.display())]);
    std::fs::write(&folder, "a file").unwrap();
    let said = backup(&place, &folder.join("orders.backup"), &[]);
    says(&said, 2, &[&format!("{} is no folder", folder.display())]);
    assert!(!String::from_utf8_lossy(&said.stderr).contains(".partial"), "{said:?}");
}

/// Files beside the data directory that nobody asked for.
fn leftovers(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.data().parent().unwrap()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "data" && name != "orders.backup").collect()
}

#[test]
fn the_copy_is_whole_while_orders_are_placed() {
    let place = Place::new();
    let server = place.start(&["--payment-window", "24h"]);
    let client = server.client;
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let buyer = std::thread::spawn(move || {
        let mut placed = 0;
        while stopped.try_recv().is_err() {
            client.place(r#"{"amount": 5, "items": ["USB-C Cable"]}"#);
            placed += 1;
        }
        placed
    });
    let files: Vec<PathBuf> = (0..3).map(|number| beside(&place, &format!("{number}.backup"))).collect();
    for file in &files {
        says(&backup(&place, file, &[]), 0, &["everything holds"]);
    }
    stop.send(()).unwrap();
    assert!(buyer.join().unwrap() > 0, "orders were placed meanwhile");
    for file in &files {
        says(&verify_file(file), 0, &["everything holds"]);
    }
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new();
    let server = place.start(&[]);
    server.client.place(ORDER);
    let file = beside(&place, "orders.backup");
    std::fs::write(&file, "mine").unwrap();
    says(&backup(&place, &file, &[]), 2, &["exists; nothing is overwritten"]);
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    std::fs::remove_file(&file).unwrap();
    says(&backup(&place, &file, &[]), 0, &[]);

    says(&restore(&file, &place.data()), 1, &["in use by another OmniFlow process"]);
    assert_eq!(server.terminate().code(), Some(0));
    says(&restore(&file, &place.data()), 2, &["is not empty"]);
    place.assert_clean();
    let foreign = beside(&place, "foreign");
    std::fs::create_dir(&foreign).unwrap();
    std::fs::write(foreign.join("letter"), "mine").unwrap();
    says(&restore(&file, &foreign), 2, &["is not empty"]);
    assert_eq!(std::fs::read_dir(&foreign).unwrap().count(), 1, "nothing was put there");
}

#[test]
fn what_is_no_copy_is_refused() {
    let place = Place::new();
    let text = beside(&place, "text");
    std::fs::write(
        &text,
        "a text that is long enough to be taken for the head of a database, were it one: no",
    )
    .unwrap();
    let absent = beside(&place, "absent");
    let target = beside(&place, "restored");
    for (file, says_) in
        [(&text, "is not a database of OmniFlow"), (&absent, "there is no OmniFlow data here")]
    {
        says(&verify_file(file), 1, &[says_]);
        says(&restore(file, &target), 1, &[says_]);
        assert!(!target.exists() && !absent.exists());
    }
    says(&backup(&place, &beside(&place, "x.backup"), &[]), 1, &["there is no OmniFlow data here"]);
    says(&backup(&place, &beside(&place, "no/such/x.backup"), &[]), 1, &[]);
}

fn sql(database: &Path, statement: &str) {
    let program = "import sqlite3, sys\n\
        database = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        database.execute(sys.argv[2])";
    let mut command = std::process::Command::new("python3");
    let status = command.args(["-c", program]).arg(database).arg(statement).status().unwrap();
    assert!(status.success());
}

#[test]
fn damage_is_neither_copied_unseen_nor_restored() {
    let place = Place::new();
    let server = place.start(&[]);
    server.client.place(ORDER);
    assert_eq!(server.terminate().code(), Some(0));
    sql(&place.data().join("omniflow.db"), "UPDATE stock SET on_hand = on_hand + 1 WHERE sku = 'HomePod'");
    let file = beside(&place, "orders.backup");
    says(&backup(&place, &file, &[]), 1, &["HomePod", "--no-verify"]);
    assert!(!file.exists() && leftovers(&place).is_empty());
    says(&backup(&place, &file, &["--no-verify"]), 0, &["not verified"]);
    says(&verify_file(&file), 1, &["1 faults"]);
    let target = beside(&place, "restored");
    says(&restore(&file, &target), 1, &["HomePod", "take an earlier copy"]);
    assert!(!target.exists());
}

#[test]
fn a_restore_that_was_cut_off_can_be_made_again() {
    let place = Place::new();
    let server = place.start(&[]);
    server.client.place(ORDER);
    let file = beside(&place, "orders.backup");
    says(&backup(&place, &file, &[]), 0, &[]);
    let target = Place::new();
    std::fs::create_dir(target.data()).unwrap();
    std::fs::write(target.data().join("omniflow.db.restoring"), "half of it").unwrap();
    std::fs::write(target.data().join("lock"), "").unwrap();
    says(&restore(&file, &target.data()), 0, &["1 orders, 1 of them open"]);
    target.assert_clean();
}

/// What `word` is in: the files of a directory, and copies.
fn holders(place: &Place, word: &str, copies: &[&Path]) -> Vec<PathBuf> {
    let files = std::fs::read_dir(place.data()).unwrap().map(|entry| entry.unwrap().path());
    let all = files.chain(copies.iter().map(|copy| copy.to_path_buf()));
    all.filter(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(word.len()).any(|part| part == word.as_bytes())
    })
    .collect()
}

#[test]
fn what_was_erased_is_in_no_file_and_in_no_copy_made_after() {
    const WORD: &str = "Plum Lane 7742";
    let place = Place::new();
    let server = place.start(&["--payment-window", "24h"]);
    let client = server.client;
    let id = client.place(&format!(
        r#"{{"amount":5,"items":["HomePod"],"shipping_address":{{"street":"{WORD}"}},"metadata":{{"note":"{WORD}"}}}}"#
    ));
    let before = beside(&place, "before.backup");
    says(&backup(&place, &before, &[]), 0, &[]);
    assert!(!holders(&place, WORD, &[&before]).is_empty(), "it is stored, where this test looks");
    client.act(&id, "cancel", "");
    client.await_state(&id, "cancelled");
    assert_eq!(client.delete(&format!("/api/v1/orders/{id}/details")).status, 204);
    let after = beside(&place, "orders.backup");
    says(&backup(&place, &after, &[]), 0, &[]);
    assert_eq!(holders(&place, WORD, &[&after]).iter().filter(|file| **file == after).count(), 0);
    // Soon also out of the write-ahead log, while the server runs and nothing else happens.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let left = holders(&place, WORD, &[&after]);
        if left.is_empty() {
            break;
        }
        assert!(std::time::Instant::now() < until, "it is still in {left:?}");
    }
    assert_eq!(client.order(&id)["metadata"], serde_json::Value::Null);
    place.assert_clean();
}

#[test]
fn what_was_erased_goes_at_the_next_start_where_the_process_was_killed_at_once() {
    const WORD: &str = "Plum Lane 7742";
    let place = Place::new();
    let server = place.start(&["--payment-window", "24h"]);
    let client = server.client;
    let id = client.place(&format!(r#"{{"amount":5,"items":["HomePod"],"metadata":{{"note":"{WORD}"}}}}"#));
    client.act(&id, "cancel", "");
    client.await_state(&id, "cancelled");
    assert_eq!(client.delete(&format!("/api/v1/orders/{id}/details")).status, 204);
    server.kill();
    let server = place.start(&[]);
    server.client.place(ORDER);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !holders(&place, WORD, &[]).is_empty() {
        assert!(std::time::Instant::now() < until, "it is still in {:?}", holders(&place, WORD, &[]));
    }
}
