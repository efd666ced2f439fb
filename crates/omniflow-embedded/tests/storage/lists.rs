//! The lists' file is a copy: whatever becomes of it, it is made anew from the log, and every open order
//! is found.

use super::*;
use omniflow_engine::{Filter, Page};
use std::path::PathBuf;

fn lists_of(directory: &TempDir) -> PathBuf {
    directory.path().join("lists.db")
}

/// Every order that a filter shows.
async fn listed(engine: &EmbeddedEngine, filter: Filter) -> Vec<OrderId> {
    let page = Page { filter, after: None, limit: 100 };
    let listing = tokio::time::timeout(Duration::from_secs(10), engine.list(page)).await;
    listing.unwrap().unwrap().orders.iter().map(|order| order.id.clone()).collect()
}

/// Asserts what a filter shows.
async fn shows(engine: &EmbeddedEngine, filter: Filter, expected: &[&OrderId]) {
    let found = listed(engine, filter.clone()).await;
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
}

fn in_state(state: StateKind) -> Filter {
    Filter { states: [state].into(), ..Filter::default() }
}

/// Asserts that the two orders of [`left_behind`] are listed where they belong, and that the open one's
/// timer runs.
async fn is_whole(directory: &TempDir, paid: &OrderId, waiting: &OrderId) {
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    assert_eq!(engine.counters().open_orders, 1, "the open order is found");
    shows(&engine, Filter::default(), &[waiting, paid]).await;
    shows(&engine, in_state(StateKind::Completed), &[paid]).await;
    shows(&engine, in_state(StateKind::AwaitingPayment), &[waiting]).await;
    clock.advance(Duration::from_secs(31)).await;
    shows(&engine, in_state(StateKind::Expired), &[waiting]).await;
    shows(&engine, in_state(StateKind::AwaitingPayment), &[]).await;
    engine.stop().await;
    let report = verify(directory.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.described);
}

fn sql_on(file: &Path, statement: &str) {
    let connection = Connection::open(file).unwrap();
    assert_ne!(connection.execute(statement, []).unwrap(), 0, "{statement} changes something");
}

fn remove(file: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        drop(std::fs::remove_file(path));
    }
}

#[tokio::test]
async fn lists_that_were_deleted_are_made_anew() {
    let (directory, paid, waiting) = left_behind().await;
    remove(&lists_of(&directory));
    is_whole(&directory, &paid, &waiting).await;
}

#[tokio::test]
async fn lists_without_their_log_are_made_anew_from_the_database() {
    let (directory, paid, waiting) = left_behind().await;
    std::fs::remove_file(lists_of(&directory)).unwrap(); // Its -wal stays, as a copy by hand leaves it.
    is_whole(&directory, &paid, &waiting).await;
}

#[tokio::test]
async fn lists_of_another_database_are_replaced() {
    let (directory, paid, waiting) = left_behind().await;
    let other = tempfile::tempdir().unwrap();
    let engine = open(other.path()).await.unwrap();
    stock_up(&engine, 10).await;
    place(&engine, Some("other")).await.unwrap();
    listed(&engine, Filter::default()).await;
    engine.stop().await;
    remove(&lists_of(&directory));
    std::fs::copy(lists_of(&other), lists_of(&directory)).unwrap();
    is_whole(&directory, &paid, &waiting).await;
}

#[tokio::test]
async fn lists_of_another_format_or_another_place_in_the_log_are_replaced() {
    for change in [
        "UPDATE meta SET format = format + 1",
        "UPDATE meta SET link = link + 1",
        "UPDATE meta SET link = link + (1 << 40)",
        "UPDATE meta SET position = position + 1000",
        "UPDATE meta SET position = -1",
        "DELETE FROM meta",
    ] {
        let (directory, paid, waiting) = left_behind().await;
        open(directory.path()).await.unwrap().stop().await;
        sql_on(&lists_of(&directory), change);
        // What a file that is replaced said of orders is not believed.
        sql_on(&lists_of(&directory), "UPDATE listed SET bucket = 7");
        is_whole(&directory, &paid, &waiting).await;
    }
}

#[tokio::test]
async fn lists_that_are_garbage_are_replaced() {
    for garbage in [&b""[..], b"garbage", &[0; 8192], &[0xff; 100_000]] {
        let (directory, paid, waiting) = left_behind().await;
        remove(&lists_of(&directory));
        std::fs::write(lists_of(&directory), garbage).unwrap();
        is_whole(&directory, &paid, &waiting).await;
    }
}

#[tokio::test]
async fn lists_with_a_damaged_page_harm_no_start_and_no_order() {
    let (directory, ..) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    stock_up(&engine, 1_000).await;
    let mut placed = vec![];
    for _ in 0..300 {
        placed.push(place(&engine, None).await.unwrap());
    }
    engine.stop().await;
    fold(&lists_of(&directory));
    let pages = std::fs::metadata(lists_of(&directory)).unwrap().len() / 4096;
    assert!(pages > 4, "{pages} pages: its index is more than one");
    for page in 1..pages {
        let mut bytes = std::fs::read(lists_of(&directory)).unwrap();
        let from = usize::try_from(page * 4096).unwrap();
        bytes[from..from + 4096].fill(0xa5);
        std::fs::write(lists_of(&directory), bytes).unwrap();
        let engine = open(directory.path()).await.unwrap();
        assert_eq!(engine.counters().open_orders, 301, "page {page}");
        let page_of = |filter| Page { filter, after: None, limit: 400 };
        // Whoever finds the damage may be told so; then it is mended.
        for filter in [Filter::default(), in_state(StateKind::AwaitingPayment)] {
            let _ = engine.list(page_of(filter.clone())).await;
            let _ = engine.list(page_of(filter.clone())).await;
            let listing = engine.list(page_of(filter)).await.unwrap();
            assert!(listing.orders.len() > 300, "page {page}: {}", listing.orders.len());
        }
        engine.stop().await;
        drop(engine);
        fold(&lists_of(&directory));
    }
}

/// Folds a file's log into it.
fn fold(file: &Path) {
    let connection = Connection::open(file).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

#[tokio::test]
async fn lists_behind_the_log_catch_up() {
    let (directory, paid, waiting) = left_behind().await;
    open(directory.path()).await.unwrap().stop().await;
    let behind = std::fs::read(lists_of(&directory)).unwrap();
    let Started { engine, .. } = start(directory.path()).await.unwrap();
    let newer = place(&engine, None).await.unwrap();
    engine.command(pay(&waiting)).await.unwrap();
    until_state(&engine, &waiting, StateKind::Completed).await;
    engine.abandon().await;
    drop(engine);
    remove(&lists_of(&directory));
    std::fs::write(lists_of(&directory), behind).unwrap();
    let report = verify(directory.path()).unwrap();
    assert!(report.is_clean(), "behind is no fault: {:?}", report.described);
    let engine = open(directory.path()).await.unwrap();
    shows(&engine, in_state(StateKind::Completed), &[&waiting, &paid]).await;
    shows(&engine, in_state(StateKind::AwaitingPayment), &[&newer]).await;
    assert_eq!(engine.counters().open_orders, 1);
}

#[tokio::test]
async fn lists_ahead_of_a_database_that_was_restored_are_replaced() {
    let (directory, paid, waiting) = left_behind().await;
    open(directory.path()).await.unwrap().stop().await;
    let copy = std::fs::read(database_file(directory.path())).unwrap();
    let engine = open(directory.path()).await.unwrap();
    place(&engine, None).await.unwrap();
    listed(&engine, Filter::default()).await;
    engine.stop().await;
    remove(&database_file(directory.path()));
    std::fs::write(database_file(directory.path()), copy).unwrap();
    is_whole(&directory, &paid, &waiting).await;
}

#[tokio::test]
async fn lists_that_are_deleted_beside_a_running_engine_come_back() {
    let (directory, paid, waiting) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    shows(&engine, in_state(StateKind::Completed), &[&paid]).await;
    remove(&lists_of(&directory));
    let newer = place(&engine, None).await.unwrap();
    shows(&engine, Filter::default(), &[&newer, &waiting, &paid]).await;
    engine.stop().await;
    let engine = open(directory.path()).await.unwrap();
    shows(&engine, Filter::default(), &[&newer, &waiting, &paid]).await;
}

#[tokio::test]
async fn an_order_that_cannot_be_read_hides_no_other() {
    let (directory, paid, waiting) = left_behind().await;
    open(directory.path()).await.unwrap().stop().await;
    sql(&directory, "UPDATE orders SET record = x'00ff' WHERE open = 0");
    let engine = open(directory.path()).await.unwrap();
    shows(&engine, Filter::default(), &[&waiting]).await;
    shows(&engine, in_state(StateKind::Completed), &[]).await;
    engine.stop().await;
    // Made anew, they cannot say where it belongs, until the same start has made its record anew.
    remove(&lists_of(&directory));
    is_whole(&directory, &paid, &waiting).await;
}

#[tokio::test]
async fn lists_that_have_lost_an_open_order_are_made_anew() {
    for loss in [
        "DELETE FROM listed WHERE key = (SELECT max(key) FROM listed)",
        "UPDATE listed SET bucket = bucket - 1 WHERE key = (SELECT max(key) FROM listed)",
        "UPDATE listed SET key = key + 1 WHERE key = (SELECT max(key) FROM listed)",
    ] {
        let (directory, paid, waiting) = left_behind().await;
        open(directory.path()).await.unwrap().stop().await;
        sql_on(&lists_of(&directory), loss);
        is_whole(&directory, &paid, &waiting).await;
    }
}

#[tokio::test]
async fn a_wrong_count_of_open_orders_is_found_and_counted_anew() {
    let (directory, paid, waiting) = left_behind().await;
    sql(&directory, "UPDATE meta SET value = value + 1 WHERE name = 'open_orders'");
    let report = verify(directory.path()).unwrap();
    assert_eq!(report.described, ["2 orders are counted as open, there are 1"]);
    is_whole(&directory, &paid, &waiting).await;
}

#[tokio::test]
async fn who_lists_while_the_engine_ends_is_told() {
    let (directory, ..) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    for _ in 0..2 {
        let _ = place(&engine, None).await;
        let asking = tokio::spawn({
            let engine = Arc::clone(&engine);
            async move { engine.list(Page { limit: 10, ..Page::default() }).await }
        });
        tokio::task::yield_now().await;
        engine.stop().await;
        let told = tokio::time::timeout(Duration::from_secs(5), asking).await.expect("it is told").unwrap();
        assert!(matches!(told, Ok(_) | Err(Error::Unavailable(_))), "{told:?}");
    }
}

async fn until_state(engine: &EmbeddedEngine, id: &OrderId, state: StateKind) {
    let mut order = engine.read(id).await.unwrap();
    while order.kind() != state {
        order = engine.changed(id, order.version).await.unwrap();
    }
}
