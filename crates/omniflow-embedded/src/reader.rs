//! Reads that memory cannot answer: ended orders, timelines, lists, feeds. On their own connections, off
//! the runtime's threads, never through the writer.

use crate::error::StorageError;
use crate::key::OrderKey;
use crate::record::Record;
use crate::schema;
use omniflow_core::{ChainHash, Entry, OrderId};
use omniflow_engine::{Details, FeedEntry, Position, TimelineEntry};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections kept for the next read.
const KEPT: usize = 8;

/// Bits of a [`Position`] that count within one row of the log.
const WITHIN_ROW_BITS: u32 = 16;

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

    /// Records, newest first, before `before`.
    pub(crate) async fn list(
        self: &Arc<Self>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Record)>, StorageError> {
        self.read(move |connection| {
            let mut statement = connection
                .prepare_cached("SELECT key, record FROM orders WHERE key < ?1 ORDER BY key DESC LIMIT ?2")?;
            let mut rows = statement.query(params![before.unwrap_or(i64::MAX), limit as i64])?;
            let mut records = Vec::with_capacity(limit);
            while let Some(row) = rows.next()? {
                records.push((row.get(0)?, Record::decode(row.get_ref(1)?.as_blob().map_err(into_sql)?)?));
            }
            Ok(records)
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

fn into_sql(error: rusqlite::types::FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
}

/// The order's record, `None` where there is none.
pub(crate) fn record(connection: &Connection, key: OrderKey) -> Result<Option<Record>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT record FROM orders WHERE key = ?1")?;
    let bytes: Option<Vec<u8>> = statement.query_row([key.0], |row| row.get(0)).optional()?;
    bytes.map(|bytes| Record::decode(&bytes)).transpose()
}

fn details(connection: &Connection, key: OrderKey) -> Result<Option<Details>, StorageError> {
    let mut statement = connection.prepare_cached("SELECT body FROM order_details WHERE order_key = ?1")?;
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
        for (place, line) in (0..).zip(lines.split(|byte| *byte == b'\n')) {
            hash = hash.after(line);
            let position = Position((position << WITHIN_ROW_BITS) | place);
            let entry = TimelineEntry { entry: decode(line, position)?, hash };
            entries.push(FeedEntry { position, order_id: order_id.clone(), entry });
        }
    }
    Ok(entries)
}

fn decode(line: &[u8], position: Position) -> Result<Entry, StorageError> {
    let row = position.0 >> WITHIN_ROW_BITS;
    Entry::decode(line).map_err(|error| StorageError::Diverged(format!("row {row} of the log: {error}")))
}

fn feed(connection: &Connection, after: Position, limit: usize) -> Result<Vec<FeedEntry>, StorageError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, order_key FROM events WHERE position >= ?1 ORDER BY position LIMIT ?2",
    )?;
    let first = (after.0 >> WITHIN_ROW_BITS).cast_signed();
    let rows: Vec<(u64, OrderKey)> = statement
        .query_map(params![first, limit as i64 + 1], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), OrderKey(row.get(1)?)))
        })?
        .collect::<Result<_, _>>()?;
    let mut entries = vec![];
    for (row, key) in rows {
        // Hashes are chained from an order's first event, so its rows up to this one are read.
        let Some(record) = record(connection, key)? else { continue };
        let up_to: Vec<u64> = record.positions.iter().copied().filter(|position| *position <= row).collect();
        let of_row = entries_at(connection, &up_to, &record.order.id)?;
        entries.extend(
            of_row
                .into_iter()
                .filter(|entry| entry.position > after && entry.position.0 >> WITHIN_ROW_BITS == row),
        );
        if entries.len() >= limit {
            break;
        }
    }
    entries.truncate(limit);
    Ok(entries)
}
