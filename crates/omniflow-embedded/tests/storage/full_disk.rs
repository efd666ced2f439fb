//! A disk without room: a small file system of its own, in a mount namespace that ends with the test.

use super::*;
use omniflow_engine::Filter;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command as Process;

const SMALL_DISK: &str = "OMNIFLOW_TEST_SMALL_DISK";

/// A small file system; `None` in a process that has none, after one that has one has run the test of this name.
fn small_disk(test: &str) -> Option<PathBuf> {
    if let Some(disk) = std::env::var_os(SMALL_DISK) {
        return Some(disk.into());
    }
    let place = tempfile::tempdir().unwrap();
    let in_namespace = |script: &str| {
        let mut process = Process::new("unshare");
        process.args([
            "-rm",
            "sh",
            "-c",
            &format!("mount -t tmpfs -o size=8m tmpfs \"$1\" && {script}"),
            "sh",
        ]);
        process.arg(place.path()).arg(std::env::current_exe().unwrap()).arg(test);
        process
    };
    if !in_namespace("true").output().is_ok_and(|output| output.status.success()) {
        let why = "no file system can be mounted here (unshare -rm, mount -t tmpfs)";
        // Not by a macro: what those print of a test that passes is not shown.
        std::io::stderr().write_all(format!("SKIPPED {test}: {why}\n").as_bytes()).unwrap();
        return None;
    }
    let run = format!("exec env {SMALL_DISK}=\"$1\" \"$2\" --exact \"$3\" --nocapture");
    let output = in_namespace(&run).output().unwrap();
    let has_run = output.status.success() && String::from_utf8_lossy(&output.stdout).contains("1 passed");
    assert!(has_run, "{}", [output.stdout, output.stderr].concat().escape_ascii());
    None
}

/// A file that takes all the room there is.
fn fill(disk: &Path) -> PathBuf {
    let filler = disk.join("filler");
    let mut file = std::fs::File::options().create(true).append(true).open(&filler).unwrap();
    while file.write_all(&[7; 4096]).is_ok() {}
    filler
}

async fn in_time<T>(what: &str, comes: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), comes).await.unwrap_or_else(|_| panic!("{what}"))
}

/// Places orders until there is no room for one; those that were acknowledged, and what the first that was not
/// was told.
async fn place_until_full(engine: &EmbeddedEngine) -> (Vec<OrderId>, Error) {
    let mut placed = vec![];
    loop {
        match place(engine, None).await {
            Ok(id) => placed.push(id),
            Err(error) => return (placed, error),
        }
    }
}

async fn ids_of(engine: &EmbeddedEngine, states: impl IntoIterator<Item = StateKind>) -> Vec<OrderId> {
    let filter = Filter { states: states.into_iter().collect(), ..Filter::default() };
    let listing = engine.list(Page { filter, after: None, limit: 10_000 }).await.unwrap();
    listing.orders.iter().rev().map(|order| order.id.clone()).collect()
}

#[tokio::test]
async fn reading_goes_on_without_room_and_writing_once_there_is_some() {
    let test = "full_disk::reading_goes_on_without_room_and_writing_once_there_is_some";
    let Some(disk) = small_disk(test) else { return };
    let Started { engine, clock } = start(&disk).await.unwrap();
    stock_up(&engine, 100_000).await;
    let paid = place(&engine, Some("shop-1")).await.unwrap();
    let mut order = engine.command(pay(&paid)).await.unwrap().order;
    while order.kind() != StateKind::Completed {
        order = engine.changed(&paid, order.version).await.unwrap();
    }
    let mut placed = vec![];
    for _ in 0..300 {
        placed.push(place(&engine, None).await.unwrap()); // The lists do not know of them yet.
    }
    let filler = fill(&disk);
    let (last, told) = in_time("it fills", place_until_full(&engine)).await;
    placed.extend(last);
    assert!(matches!(told, Error::OutcomeUnknown | Error::Unavailable(_)), "{told:?}");
    in_time("it recovers", until(|| engine.counters().recoveries == 1)).await;

    let full = Error::Unavailable("its disk is full; it goes on by itself once there is room".to_owned());
    assert_eq!(place(&engine, None).await, Err(full.clone()));
    assert!(matches!(engine.health().await, Health::Unavailable(_)));
    let reads_all = async || {
        for id in &placed {
            assert_eq!(engine.read(id).await.unwrap().kind(), StateKind::AwaitingPayment);
        }
        assert_eq!(engine.timeline(&paid).await.unwrap().last().unwrap().entry.seq, order.version);
        assert_eq!(ids_of(&engine, [StateKind::Completed]).await, std::slice::from_ref(&paid));
        assert_eq!(ids_of(&engine, [StateKind::AwaitingPayment]).await, placed);
        assert_eq!(ids_of(&engine, []).await, [std::slice::from_ref(&paid), &placed[..]].concat());
        let tea = engine.stock(&Sku::new("tea").unwrap()).await.unwrap();
        assert_eq!(
            (tea.on_hand, tea.reserved),
            (99_998, 2 * placed.len() as u64),
            "of what was acknowledged"
        );
        assert!(!engine.feed(&FeedScope::All, Position::default(), 10).await.unwrap().is_empty());
    };
    in_time("it is read", reads_all()).await;

    // A timer that comes due waits for room.
    let advanced = tokio::spawn(async move { clock.advance(Duration::from_secs(31)).await });
    in_time("a timer waits", until(|| engine.counters().queue_length > 0)).await;
    in_time("it is read", reads_all()).await;
    assert_eq!((place(&engine, None).await, engine.counters().recoveries), (Err(full), 1));

    std::fs::remove_file(filler).unwrap();
    in_time("there is room", until_health(&engine, |health| *health == Health::Ready)).await;
    in_time("timers fire", advanced).await.unwrap();
    assert_eq!(ids_of(&engine, [StateKind::Expired]).await, placed);
    let newest = place(&engine, None).await.unwrap();
    assert_eq!(ids_of(&engine, [StateKind::AwaitingPayment]).await, [newest]);
    assert_eq!(engine.counters().recoveries, 1);
    assert_eq!(engine.stop().await, Ended::Finished);
    let report = verify(&disk).unwrap();
    assert!(report.is_clean(), "{:?}", report.described);
}

#[tokio::test]
async fn an_end_without_room_says_so_and_so_does_a_start() {
    let test = "full_disk::an_end_without_room_says_so_and_so_does_a_start";
    let Some(disk) = small_disk(test) else { return };
    let Started { engine, .. } = start(&disk).await.unwrap();
    stock_up(&engine, 100_000).await;
    let filler = fill(&disk);
    let (placed, _) = in_time("it fills", place_until_full(&engine)).await;
    in_time("it recovers", until(|| engine.counters().recoveries == 1)).await;
    assert_eq!(in_time("it ends", engine.stop()).await, Ended::Unfinished);

    fill(&disk); // Also the room that the end made.
    let new = disk.join("new");
    let told = start(&new).await.err().unwrap().to_string();
    assert_eq!(told, format!("the disk of {} is full: make room and start again", new.display()));

    std::fs::remove_file(filler).unwrap();
    let Started { engine, .. } = start(&disk).await.unwrap();
    assert_eq!(ids_of(&engine, [StateKind::AwaitingPayment]).await, placed);
    assert_eq!(engine.stop().await, Ended::Finished);
    let report = verify(&disk).unwrap();
    assert!(report.is_clean(), "{:?}", report.described);
}
