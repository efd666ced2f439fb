use super::*;
use crate::checkpoint::Checkpoints;
use crate::erasure::ERASE_DETAILS;
use rusqlite::params;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const ROWS: u64 = 400;

/// A row's bytes that are like no other's.
fn body(key: u64) -> String {
    format!("<{key:08}>")
}

/// Fills `order_details` with rows of several sizes, erases most of them in some order; answers the database
/// and those erased.
fn erased(data_dir: &Path, seed: u64) -> (PathBuf, Vec<u64>) {
    let file = schema::database_file(data_dir);
    let connection = schema::open_writer(&file).unwrap();
    let mut state = seed;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    connection.execute_batch("BEGIN").unwrap();
    for key in 0..ROWS {
        let details = body(key).repeat([4, 10, 30, 70][random(4) as usize]);
        let insert = "INSERT INTO order_details (order_key, salt, body) VALUES (?1, ?2, ?3)";
        connection.execute(insert, params![key as i64, [1_u8; 16], details.into_bytes()]).unwrap();
    }
    let mut left: Vec<u64> = (0..ROWS).collect();
    let mut gone = vec![];
    for _ in 0..ROWS * 9 / 10 {
        let key = left.remove(random(left.len() as u64) as usize);
        assert_eq!(connection.execute(ERASE_DETAILS, [key as i64]).unwrap(), 1);
        assert_eq!(connection.execute(ERASE_DETAILS, [key as i64]).unwrap(), 0, "once is enough");
        gone.push(key);
    }
    connection.execute_batch("COMMIT").unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    (file, gone)
}

/// Of which rows there is anything in a file.
fn held(file: &Path) -> BTreeSet<u64> {
    let bytes = std::fs::read(file).unwrap();
    let key = |part: &[u8]| match part {
        [b'<', digits @ .., b'>'] => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    };
    bytes.windows(body(0).len()).filter_map(key).collect()
}

/// With rows that are deleted, each of these has left something behind.
#[test]
fn no_page_keeps_what_was_erased() {
    for seed in [20, 25, 57] {
        let directory = tempfile::tempdir().unwrap();
        let (file, gone) = erased(directory.path(), seed);
        let copied = directory.path().join("copy");
        backup(directory.path(), &copied, false, &mut |_| ()).unwrap();
        let stays: BTreeSet<u64> = (0..ROWS).filter(|key| !gone.contains(key)).collect();
        assert_eq!((held(&file), held(&copied)), (stays.clone(), stays));
    }
}

#[test]
fn progress_is_told_to_the_end() {
    let directory = tempfile::tempdir().unwrap();
    erased(directory.path(), 1);
    let mut told = vec![];
    let copied =
        backup(directory.path(), &directory.path().join("copy"), true, &mut |progress| told.push(progress));
    let copied = copied.unwrap();
    assert_eq!(told.last(), Some(&Progress { done: copied.bytes, total: copied.bytes }));
    assert!(copied.report.unwrap().is_clean());
}

#[test]
fn the_log_is_emptied_as_soon_as_nobody_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = schema::database_file(directory.path());
    let mut writer = schema::open_writer(&file).unwrap();
    let logged = || file.with_extension("db-wal").metadata().unwrap().len();
    let until_empty = || {
        let begun = Instant::now();
        while logged() != 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} bytes are left", logged());
            std::thread::yield_now();
        }
    };
    assert_ne!(logged(), 0, "the schema is in it");
    let checkpoints = Checkpoints::start(file.clone(), &mut writer).unwrap();
    until_empty();
    let change = "UPDATE meta SET value = value + 1";
    writer.execute(change, []).unwrap();
    let reader = schema::open_reader(&file).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    assert_ne!(reader.query_row("SELECT count(*) FROM meta", [], count).unwrap(), 0);
    writer.execute(change, []).unwrap();
    checkpoints.erase();
    writer.execute(change, []).unwrap();
    assert_ne!(logged(), 0, "the reader still needs it");
    drop(reader);
    until_empty();
}
