//! The projection's file: a copy that can be made anew from the database at any time.

use super::bucket::{Bucket, FORMAT, UNREADABLE};
use crate::error::StorageError;
use crate::key::OrderKey;
use crate::record::Record;
use crate::schema;
use omniflow_core::Order;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const SCHEMA: &str = "
    CREATE TABLE listed (key INTEGER PRIMARY KEY, bucket INTEGER NOT NULL, customer TEXT) STRICT;
    CREATE INDEX by_bucket ON listed (bucket);
    CREATE INDEX by_customer ON listed (customer, bucket) WHERE customer IS NOT NULL;
    CREATE TABLE meta (format INTEGER NOT NULL, position INTEGER NOT NULL, link INTEGER NOT NULL) STRICT;
";

/// A customer changes only where the order could not be read before.
const UPSERT: &str = "
    INSERT INTO listed (key, bucket, customer) VALUES (?1, ?2, ?3)
    ON CONFLICT (key) DO UPDATE SET bucket = excluded.bucket, customer = excluded.customer
    WHERE bucket <> excluded.bucket";

/// Rows of the log, or orders, that one transaction takes.
const STEP: i64 = 16_384;

/// What one row of the log changed: the order, as it stands after it.
pub(crate) struct Change {
    position: i64,
    link: i64,
    key: OrderKey,
    bucket: i64,
    customer: Option<Box<str>>,
}

impl Change {
    pub(crate) fn new(key: OrderKey, order: &Order, position: u64, link: i64) -> Self {
        let customer = order.terms.customer_id.as_ref().map(|id| id.as_str().into());
        Self { position: position.cast_signed(), link, key, bucket: Bucket::of(order).number(), customer }
    }

    pub(super) fn position(&self) -> u64 {
        self.position.cast_unsigned()
    }
}

/// The file beside a database.
pub(crate) fn lists_file(database: &Path) -> PathBuf {
    database.with_file_name("lists.db")
}

/// The projection, as its one writer holds it.
pub(super) struct ListsFile {
    lists: Connection,
    log: Connection,
    /// How far of the log it holds.
    pub(super) position: i64,
}

impl ListsFile {
    /// Opens the projection of a database and takes over what it lacks of the log. It is made anew where
    /// it does not belong to the database, or cannot be kept up.
    pub(super) fn open(database: &Path, put_aside: &AtomicU64) -> Result<Self, StorageError> {
        let log = schema::open_reader(database)?;
        match open_kept(&lists_file(database), &log) {
            Ok((lists, position)) => {
                let mut kept = Self { lists, log, position };
                match kept.place_again().and_then(|()| kept.catch_up()) {
                    Err(error) if error.is_damage() => tracing::warn!(%error, "the lists are damaged"),
                    done => return done.map(|()| kept),
                }
            }
            // There is none for a new one either.
            Err(error) if error.lacks_room() => return Err(error),
            Err(_) => {}
        }
        Self::anew(database, put_aside)
    }

    /// Makes the projection of a database anew, and counts that what was there is put aside.
    pub(super) fn anew(database: &Path, put_aside: &AtomicU64) -> Result<Self, StorageError> {
        let file = lists_file(database);
        let log = schema::open_reader(database)?;
        for suffix in ["", "-wal", "-shm"] {
            let mut path = file.clone().into_os_string();
            path.push(suffix);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        // Before there is a new one, so that whoever opens it knows that it is another.
        put_aside.fetch_add(1, Ordering::Release);
        let lists = connect(&file)?;
        lists.execute_batch(SCHEMA)?;
        let mut made = Self { lists, log, position: 0 };
        made.make()?;
        made.catch_up()?;
        Ok(made)
    }

    fn catch_up(&mut self) -> Result<(), StorageError> {
        while self.step()? {}
        Ok(())
    }

    /// Looks again at orders that could not be read.
    fn place_again(&mut self) -> Result<(), StorageError> {
        let keys: Vec<i64> = {
            let mut statement = self.lists.prepare("SELECT key FROM listed WHERE bucket = ?1")?;
            statement.query_map([UNREADABLE], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        for key in keys {
            let (bucket, customer) = place_of(key, crate::reader::record(&self.log, OrderKey(key)));
            self.lists.prepare_cached(UPSERT)?.execute(params![key, bucket, customer])?;
        }
        Ok(())
    }

    /// Lists every order anew.
    fn make(&mut self) -> Result<(), StorageError> {
        let log = self.log.unchecked_transaction()?;
        let (last, link) = last_row(&log)?;
        let mut after = -1;
        let mut listed = 0_u64;
        loop {
            let transaction = self.lists.transaction()?;
            let mut found = 0;
            {
                let mut insert =
                    transaction.prepare("INSERT INTO listed (key, bucket, customer) VALUES (?1, ?2, ?3)")?;
                let sql = "SELECT key, record FROM orders WHERE key > ?1 ORDER BY key LIMIT ?2";
                let mut statement = log.prepare_cached(sql)?;
                let mut rows = statement.query([after, STEP])?;
                while let Some(row) = rows.next()? {
                    let (key, encoded): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
                    let (bucket, customer) = place_of(key, Record::decode(&encoded).map(Some));
                    insert.execute(params![key, bucket, customer])?;
                    (after, found) = (key, found + 1);
                }
            }
            transaction.commit()?;
            if found == 0 {
                break;
            }
            listed += found;
            tracing::info!(orders = listed, "making the lists anew");
        }
        let row = params![FORMAT, last, link];
        self.lists.execute("INSERT INTO meta (format, position, link) VALUES (?1, ?2, ?3)", row)?;
        self.position = last;
        Ok(())
    }

    /// Whether these changes begin where it ends.
    pub(super) fn is_followed_by(&self, changes: &[Change]) -> bool {
        changes.first().is_some_and(|first| first.position == self.position + 1)
    }

    /// Takes over changes that begin where it ends.
    pub(super) fn take(&mut self, mut changes: Vec<Change>) -> Result<bool, StorageError> {
        let Some(last) = changes.last().map(|last| (last.position, last.link)) else { return Ok(false) };
        // Of several changes of one order, the last counts; rows are written in their own order.
        changes.sort_unstable_by_key(|change| (change.key, std::cmp::Reverse(change.position)));
        changes.dedup_by_key(|change| change.key);
        self.write(
            last,
            changes.iter().map(|change| (change.key.0, change.bucket, change.customer.as_deref())),
        )
    }

    /// Takes over the next part of the log; `false` when there was none.
    pub(super) fn step(&mut self) -> Result<bool, StorageError> {
        let log = self.log.unchecked_transaction()?;
        let changed = changed_after(&log, self.position)?;
        let Some(last) = changed.last else { return Ok(false) };
        let mut places = Vec::with_capacity(changed.keys.len());
        for key in changed.keys {
            // Its row may be newer than this part of the log, where others follow: they say so again.
            let (bucket, customer) = place_of(key.0, crate::reader::record(&log, key));
            places.push((key.0, bucket, customer));
        }
        drop(log);
        self.write(last, places.iter().map(|(key, bucket, customer)| (*key, *bucket, customer.as_deref())))
    }

    fn write<'c>(
        &mut self,
        (position, link): (i64, i64),
        places: impl Iterator<Item = (i64, i64, Option<&'c str>)>,
    ) -> Result<bool, StorageError> {
        let transaction = self.lists.transaction()?;
        {
            let mut upsert = transaction.prepare_cached(UPSERT)?;
            for (key, bucket, customer) in places {
                upsert.execute(params![key, bucket, customer])?;
            }
            transaction
                .prepare_cached("UPDATE meta SET position = ?1, link = ?2")?
                .execute([position, link])?;
        }
        transaction.commit()?;
        self.position = position;
        Ok(true)
    }
}

/// The bucket and the customer of an order.
fn place_of(key: i64, record: Result<Option<Record>, StorageError>) -> (i64, Option<String>) {
    match record {
        Ok(Some(Record { order, .. })) => {
            let customer = order.terms.customer_id.as_ref().map(|id| id.as_str().to_owned());
            (Bucket::of(&order).number(), customer)
        }
        Ok(None) => (UNREADABLE, None),
        Err(error) => {
            tracing::error!(key, %error, "an order cannot be listed");
            (UNREADABLE, None)
        }
    }
}

fn connect(file: &Path) -> rusqlite::Result<Connection> {
    let lists = Connection::open(file)?;
    // It may fall back by a few commits at a power cut, and takes them over again at the next start.
    lists.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;",
    )?;
    Ok(lists)
}

/// Opens what is there, if it is of this format and follows this log.
fn open_kept(file: &Path, log: &Connection) -> Result<(Connection, i64), StorageError> {
    if !file.exists() {
        return Err(StorageError::Diverged("there are no lists yet".to_owned()));
    }
    let lists = connect(file)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (format, position, link): (i64, i64, i64) =
        lists.query_row("SELECT format, position, link FROM meta", [], read)?;
    if format != FORMAT || in_log(log, position)? != link {
        return Err(StorageError::Diverged("the lists are of another log".to_owned()));
    }
    Ok((lists, position))
}

/// The link of a row of the log, 0 where there is none.
pub(super) fn in_log(log: &Connection, position: i64) -> Result<i64, StorageError> {
    let sql = "SELECT link FROM events WHERE position = ?1";
    let link: Option<i64> = log.query_row(sql, [position], |row| row.get(0)).optional()?;
    Ok(link.unwrap_or_default())
}

fn last_row(log: &Connection) -> Result<(i64, i64), StorageError> {
    let sql = "SELECT position, link FROM events ORDER BY position DESC LIMIT 1";
    let last = log.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(last.unwrap_or_default())
}

struct Changed {
    keys: Vec<OrderKey>,
    last: Option<(i64, i64)>,
}

/// The orders that the next rows of the log are about, each once.
fn changed_after(log: &Connection, position: i64) -> Result<Changed, StorageError> {
    let sql = "SELECT position, order_key, link FROM events WHERE position > ?1 ORDER BY position LIMIT ?2";
    let mut statement = log.prepare_cached(sql)?;
    let mut rows = statement.query([position, STEP])?;
    let mut changed = Changed { keys: vec![], last: None };
    while let Some(row) = rows.next()? {
        changed.keys.push(OrderKey(row.get(1)?));
        changed.last = Some((row.get(0)?, row.get(2)?));
    }
    changed.keys.sort_unstable();
    changed.keys.dedup();
    Ok(changed)
}
