//! The answers that are kept for requests that are sent again: what is on disk of them.

use super::*;
use omniflow_engine::{AdjustStock, Idempotency};

const KEEP_MS: u64 = 60_000;

fn mark(key: &str) -> Idempotency {
    Idempotency::new("api", "/orders", key, b"{}", KEEP_MS)
}

async fn adjust(engine: &EmbeddedEngine, key: &str) -> bool {
    let (sku, reason) = (Sku::new("tea").unwrap(), omniflow_core::ReasonText::new("delivery").unwrap());
    let idempotency = Some(mark(key));
    let change = AdjustStock { sku, delta: 1, reason, actor: Actor::api(), idempotency };
    engine.adjust_stock(change).await.unwrap().replayed
}

fn kept(directory: &TempDir) -> i64 {
    let connection = Connection::open(database_file(directory.path())).unwrap();
    connection.query_row("SELECT count(*) FROM idempotency", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn answers_that_have_expired_go_and_never_many_stay() {
    let directory = tempfile::tempdir().unwrap();
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    stock_up(&engine, 10).await;
    for minute in 0..6 {
        for number in 0..50 {
            assert!(!adjust(&engine, &format!("{minute}-{number}")).await);
        }
        assert!(adjust(&engine, &format!("{minute}-0")).await, "it is kept");
        // The 50 before have expired; each new answer lets two of them go.
        assert_eq!(kept(&directory), 50, "minute {minute}");
        clock.advance(Duration::from_millis(KEEP_MS)).await;
    }
    engine.stop().await;
    assert!(verify(directory.path()).unwrap().is_clean());
}

#[tokio::test]
async fn an_expired_answer_is_replaced_by_the_next_of_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let Started { engine, clock } = start(directory.path()).await.unwrap();
    stock_up(&engine, 10).await;
    for _ in 0..3 {
        assert!(!adjust(&engine, "k").await);
        assert!(adjust(&engine, "k").await);
        assert_eq!(kept(&directory), 1);
        clock.advance(Duration::from_millis(KEEP_MS)).await;
    }
    assert_eq!(engine.stock(&Sku::new("tea").unwrap()).await.unwrap().on_hand, 13);
}

#[tokio::test]
async fn what_is_refused_or_not_marked_is_not_kept() {
    let (directory, paid, _) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    let cancel =
        |idempotency| Request { command: Command::Cancel { reason: None }, idempotency, ..pay(&paid) };
    assert!(matches!(engine.command(cancel(Some(mark("k")))).await, Err(Error::Rejected(_))));
    engine.command(pay(&paid)).await.unwrap();
    assert_eq!(kept(&directory), 0);
    engine.command(Request { idempotency: Some(mark("k")), ..pay(&paid) }).await.unwrap();
    assert_eq!(kept(&directory), 1);
}

#[tokio::test]
async fn a_kept_answer_that_cannot_be_read_harms_no_other_request() {
    let (directory, paid, _) = left_behind().await;
    let engine = open(directory.path()).await.unwrap();
    engine.command(Request { idempotency: Some(mark("k")), ..pay(&paid) }).await.unwrap();
    sql(&directory, "UPDATE idempotency SET order_key = NULL");
    let again = engine.command(Request { idempotency: Some(mark("k")), ..pay(&paid) }).await;
    assert_eq!(again, Err(Error::SetAside));
    place(&engine, None).await.unwrap();
    assert_eq!(engine.counters().recoveries, 0);
}

/// A marked placing of an order with an address.
fn placing(street: &str, key: &str) -> Placement {
    let body = format!("{{\"shipping_address\": {{\"street\": \"{street}\"}}}}");
    let idempotency = Some(Idempotency::new("api", "/orders", key, body.as_bytes(), KEEP_MS));
    let address = [("street".to_owned(), street.to_owned())].into();
    let details = Some(Details { shipping_address: Some(address), metadata: None });
    Placement { terms: terms(None), details, actor: Actor::api(), idempotency }
}

async fn erase(engine: &EmbeddedEngine, order: &OrderId) {
    engine.command(Request { command: Command::Cancel { reason: None }, ..pay(order) }).await.unwrap();
    engine.command(Request { command: Command::EraseDetails, ..pay(order) }).await.unwrap();
}

/// The files of a directory that have these bytes.
fn holders(directory: &TempDir, bytes: &[u8]) -> Vec<std::ffi::OsString> {
    let files = std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap);
    let holds = |file: &std::fs::DirEntry| {
        std::fs::read(file.path()).unwrap().windows(bytes.len()).any(|part| part == bytes)
    };
    files.filter(holds).map(|file| file.file_name()).collect()
}

#[tokio::test]
async fn nothing_that_is_kept_tells_an_erased_address_and_no_order_is_placed_twice() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open(directory.path()).await.unwrap();
    stock_up(&engine, 10).await;
    let first = engine.place(placing("Plum Lane 7", "k")).await.unwrap();
    let guess = placing("Plum Lane 7", "k").idempotency.unwrap().body;
    assert_eq!(holders(&directory, &guess), Vec::<std::ffi::OsString>::new(), "also before it is erased");
    assert_eq!(engine.place(placing("Plum Lane 8", "k")).await, Err(Error::IdempotencyKeyReused));
    assert!(engine.place(placing("Plum Lane 7", "k")).await.unwrap().replayed);

    let connection = Connection::open(database_file(directory.path())).unwrap();
    let salts =
        "SELECT body, (SELECT salt FROM order_details d WHERE d.order_key = i.order_key) FROM idempotency i";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, [u8; 16]>(1)?));
    let (kept, salt) = connection.query_row(salts, [], read).unwrap();
    assert_eq!(kept, Idempotency::salted(&guess, &salt), "with the salt a guess can be tested");
    erase(&engine, &first.order.id).await;
    let (kept, left) = connection.query_row(salts, [], read).unwrap();
    assert_eq!(left, [0; 16]);
    assert_ne!(kept, Idempotency::salted(&guess, &left));
    drop(connection);

    for street in ["Plum Lane 7", "Plum Lane 8"] {
        let again = engine.place(placing(street, "k")).await.unwrap();
        assert!(again.replayed, "nobody can say that it is another");
        assert_eq!((&again.order.id, again.order.version), (&first.order.id, first.order.version));
    }
    assert_eq!(engine.list(Page { limit: 10, ..Page::default() }).await.unwrap().orders.len(), 1);
    engine.stop().await;
    assert_eq!(holders(&directory, &salt), Vec::<std::ffi::OsString>::new());
    assert!(verify(directory.path()).unwrap().is_clean());
}

/// The second schema, with what it kept.
fn second_schema(directory: &TempDir) -> Connection {
    let connection = Connection::open(database_file(directory.path())).unwrap();
    connection.execute_batch("PRAGMA page_size = 1024; PRAGMA journal_mode = WAL").unwrap();
    connection.execute_batch(include_str!("../../src/sql/0001_initial.sql")).unwrap();
    connection.execute_batch(include_str!("../../src/sql/0002_lists_and_kept_answers.sql")).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    connection
}

#[tokio::test]
async fn what_was_kept_without_salt_is_taken_over_with_it() {
    let (new, paid, _) = left_behind().await;
    let engine = open(new.path()).await.unwrap();
    let addressed = engine.place(placing("Plum Lane 7", "k")).await.unwrap();
    let gone = engine.place(placing("Plum Lane 9", "gone")).await.unwrap();
    erase(&engine, &gone.order.id).await;
    let mut bare = placing("", "bare");
    bare.details = None;
    let bare_one = engine.place(bare.clone()).await.unwrap();
    engine.command(Request { idempotency: Some(mark("paid")), ..pay(&paid) }).await.unwrap();
    assert!(!adjust(&engine, "tea").await);
    engine.stop().await;
    let old = tempfile::tempdir().unwrap();
    let connection = second_schema(&old);
    let from = database_file(new.path());
    connection.execute("ATTACH ?1 AS new", [&from.to_string_lossy()]).unwrap();
    for table in ["events", "orders", "external_ids", "order_details", "stock", "stock_ledger"] {
        connection.execute(&format!("INSERT INTO {table} SELECT * FROM new.{table}"), []).unwrap();
    }
    connection
        .execute(
            "INSERT INTO idempotency SELECT key, body, at, order_key, version, sku, on_hand, reserved, expires_at
             FROM new.idempotency",
            [],
        )
        .unwrap();
    let bodies = [("k", "Plum Lane 7"), ("gone", "Plum Lane 9")].map(|(key, street)| {
        let mark = placing(street, key).idempotency.unwrap();
        connection
            .execute("UPDATE idempotency SET body = ?2 WHERE key = ?1", (&mark.key[..], &mark.body[..]))
            .unwrap();
        mark.body
    });
    drop(connection);
    for body in &bodies {
        assert!(!holders(&old, body).is_empty(), "it was there");
    }
    assert!(verify(old.path()).unwrap().is_clean(), "data of the older schema is verified as it is");

    let engine = open(old.path()).await.unwrap();
    for (placement, first) in [(placing("Plum Lane 7", "k"), &addressed), (bare, &bare_one)] {
        let again = engine.place(placement).await.unwrap();
        assert!(again.replayed && again.order.id == first.order.id);
    }
    assert_eq!(engine.place(placing("Plum Lane 8", "k")).await, Err(Error::IdempotencyKeyReused));
    assert_eq!(engine.place(placing("another", "gone")).await.unwrap().order.id, gone.order.id);
    let again = engine.command(Request { idempotency: Some(mark("paid")), ..pay(&paid) }).await.unwrap();
    assert!(again.replayed && adjust(&engine, "tea").await);
    engine.stop().await;
    for body in &bodies {
        assert_eq!(holders(&old, body), Vec::<std::ffi::OsString>::new());
    }
    let report = verify(old.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.described);
}

#[tokio::test]
async fn a_kept_row_that_is_not_whole_stops_no_upgrade() {
    let directory = tempfile::tempdir().unwrap();
    let connection = second_schema(&directory);
    connection.execute_batch("INSERT INTO order_details VALUES (1, randomblob(16), x'00')").unwrap();
    let insert = "INSERT INTO idempotency (key, body, at, order_key, version, expires_at)
                  VALUES (?1, x'00', 0, ?2, 1, ?3)";
    for (key, order) in [("of an address", 1), ("of nothing else", 2)] {
        connection.execute(insert, (&mark(key).key[..], order, i64::MAX)).unwrap();
    }
    drop(connection);
    let engine = open(directory.path()).await.unwrap();
    stock_up(&engine, 10).await;
    let refused = engine.place(placing("Plum Lane 7", "of an address")).await;
    assert_eq!(refused, Err(Error::IdempotencyKeyReused), "nothing is done twice");
    engine.place(placing("Plum Lane 7", "another")).await.unwrap();
    assert_eq!(engine.place(placing("Plum Lane 7", "of nothing else")).await, Err(Error::SetAside));
    assert_eq!((engine.counters().recoveries, kept(&directory)), (0, 3));
}
