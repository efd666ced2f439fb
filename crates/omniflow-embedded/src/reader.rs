//! Reads that memory cannot answer: ended orders, timelines, lists, feeds. On their own connections, off
//! the runtime's threads, never through the writer.

use crate::erasure::READ_DETAILS;
use crate::error::StorageError;
use crate::feed::{entries_of_row, row_of};
use crate::key::OrderKey;
use crate::listed;
use crate::record::Record;
use crate::schema;
use omniflow_core::{ChainHash, ExternalId, Order, OrderId, fold};
use omniflow_engine::{Details, FeedEntry, Position};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections kept for the next read.
const KEPT: usize = 8;

/// A pool of reading connections.
pub(crate) struct Readers {
    file: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file, idle: Mutex::default() }
    }

    /// Runs a read on a thread that may block.
    async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let this = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || this.read_here(read));
        task.await.map_err(|gone| StorageError::Io(std::io::Error::other(gone)))?
    }

    fn read_here<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => schema::open_reader(&self.file)?,
        };
        let result = read(&connection)?; // A connection that failed is not kept.
        let mut idle = idle();
        if idle.len() < KEPT {
            idle.push(connection);
        }
        Ok(result)
    }

    /// The order's record, `None` where there is none.
    pub(crate) async fn record(self: &Arc<Self>, key: OrderKey) -> Result<Option<Record>, StorageError> {
        self.read(move |connection| record(connection, key)).await
    }

    /// The order's address and metadata.
    pub(crate) async fn details(self: &Arc<Self>, key: OrderKey) -> Result<Option<Details>, StorageError> {
        self.read(move |connection| details(connection, key)).await
    }

    /// Every event of an order that its record knows, and none that a later commit added.
    pub(crate) async fn entries(self: &Arc<Self>, record: Record) -> Result<Vec<FeedEntry>, StorageError> {
        self.read(move |connection| entries_at(connection, &record.positions, &record.order.id)).await
    }

    /// An order as it stood at a version, `None` where there is none.
    pub(crate) async fn order_at(
        self: &Arc<Self>,
        key: OrderKey,
        version: u32,
    ) -> Result<Option<Order>, StorageError> {
        self.read(move |connection| {
            let Some(record) = record(connection, key)? else { return Ok(None) };
            let entries = entries_at(connection, &record.positions, &record.order.id)?;
            let until =
                entries.iter().map(|entry| &entry.entry.entry).take_while(|entry| entry.seq <= version);
            fold(until).map(Some).map_err(|error| StorageError::Diverged(error.to_string()))
        })
        .await
    }

    /// The orders with these external ids.
    pub(crate) async fn holders(
        self: &Arc<Self>,
        external_ids: Vec<ExternalId>,
    ) -> Result<Vec<OrderKey>, StorageError> {
        self.read(move |connection| {
            let sql = "SELECT order_key FROM external_ids WHERE external_id = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let holder = |id: ExternalId| statement.query_row([id.as_str()], |row| row.get(0)).optional();
            let keys: Vec<Option<i64>> = external_ids.into_iter().map(holder).collect::<Result<_, _>>()?;
            Ok(keys.into_iter().flatten().map(OrderKey).collect())
        })
        .await
    }

    /// The records of these orders, of those that are there.
    pub(crate) async fn records(
        self: &Arc<Self>,
        keys: Vec<OrderKey>,
    ) -> Result<Vec<(OrderKey, Record)>, StorageError> {
        self.read(move |connection| {
            let found = keys.into_iter().map(|key| Ok(record(connection, key)?.map(|record| (key, record))));
            found.filter_map(Result::transpose).collect()
        })
        .await
    }

    /// Keys from the lists' file, for which these readers were made.
    pub(crate) async fn listed(
        self: &Arc<Self>,
        wanted: listed::Wanted,
    ) -> Result<listed::Found, StorageError> {
        self.read(move |connection| listed::keys(connection, &wanted)).await
    }

    /// The orders that the rows of the log after a position are about, each once; `None` where these are more
    /// than `limit`.
    pub(crate) async fn changed_after(
        self: &Arc<Self>,
        position: u64,
        limit: usize,
    ) -> Result<Option<Vec<OrderKey>>, StorageError> {
        self.read(move |connection| {
            let sql = "SELECT order_key FROM events WHERE position > ?1 LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([position.cast_signed(), limit as i64 + 1], |row| row.get(0))?;
            let mut keys: Vec<OrderKey> = rows.map(|key| key.map(OrderKey)).collect::<Result<_, _>>()?;
            let is_whole = keys.len() <= limit;
            keys.sort_unstable();
            keys.dedup();
            Ok(is_whole.then_some(keys))
        })
        .await
    }

    /// Events of all orders after a position, at most `limit`.
    pub(crate) async fn feed(
        self: &Arc<Self>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<FeedEntry>, StorageError> {
        self.read(move |connection| feed(connection, after, limit)).await
    }
}

/// The order's record, `None` where there is none.
pub(crate) fn record(connection: &Connection, key: OrderKey) -> Result<Option<Record>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT record FROM orders WHERE key = ?1")?;
    let bytes: Option<Vec<u8>> = statement.query_row([key.0], |row| row.get(0)).optional()?;
    bytes.map(|bytes| Record::decode(&bytes)).transpose()
}

fn details(connection: &Connection, key: OrderKey) -> Result<Option<Details>, StorageError> {
    let mut statement = connection.prepare_cached(READ_DETAILS)?;
    let body: Option<Vec<u8>> = statement.query_row([key.0], |row| row.get(0)).optional()?;
    let decode = |body: Vec<u8>| Details::decode(&body).map_err(|e| StorageError::Diverged(e.to_string()));
    body.map(decode).transpose()
}

/// The entries in these rows, which are all of one order's, chained from the first.
pub(crate) fn entries_at(
    connection: &Connection,
    positions: &[u64],
    order_id: &OrderId,
) -> Result<Vec<FeedEntry>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT lines FROM events WHERE position = ?1")?;
    let mut entries = vec![];
    let mut hash = ChainHash::default();
    for &position in positions {
        let lines: Vec<u8> = statement.query_row([position.cast_signed()], |row| row.get(0))?;
        for entry in entries_of_row(position, order_id, hash, &lines) {
            let entry = entry?;
            hash = entry.entry.hash;
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// An order's entries up to a row of the log.
fn entries_up_to(connection: &Connection, key: OrderKey, row: u64) -> Result<Vec<FeedEntry>, StorageError> {
    let Some(record) = record(connection, key)? else { return Ok(vec![]) };
    let up_to: Vec<u64> = record.positions.iter().copied().filter(|position| *position <= row).collect();
    entries_at(connection, &up_to, &record.order.id)
}

fn feed(connection: &Connection, after: Position, limit: usize) -> Result<Vec<FeedEntry>, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, order_key FROM events WHERE position >= ?1 ORDER BY position LIMIT ?2",
    )?;
    let first = row_of(after).cast_signed();
    let rows: Vec<(u64, OrderKey)> = statement
        .query_map(params![first, limit as i64 + 1], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), OrderKey(row.get(1)?)))
        })?
        .collect::<Result<_, _>>()?;
    let mut entries = vec![];
    for (row, key) in rows {
        // Hashes are chained from an order's first event, so its rows up to this one are read.
        let of_row = match entries_up_to(connection, key, row) {
            Ok(of_row) => of_row,
            // One order that cannot be read keeps nobody from the events of all others.
            Err(error) if error.is_of_one_order() => {
                tracing::error!(row, key = key.0, %error, "a row of the log cannot be followed and is left out");
                continue;
            }
            Err(error) => return Err(error),
        };
        entries.extend(
            of_row.into_iter().filter(|entry| entry.position > after && row_of(entry.position) == row),
        );
        if entries.len() >= limit {
            break;
        }
    }
    entries.truncate(limit);
    Ok(entries)
}
