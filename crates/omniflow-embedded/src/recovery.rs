//! From disk to memory: at every start, and after every fault.
//!
//! The log since the last verified position is checked first, for gaps and for links that do not hold.
//! Then every open order is loaded, its timers are set, and what it wants is started.

use crate::effects::EffectChange;
use crate::error::{OpenError, StorageError};
use crate::key::OrderKey;
use crate::listed;
use crate::reader::entries_at;
use crate::record::{RECORD_FORMAT, Record, RecordRef, link_of};
use crate::writer::Shared;
use omniflow_core::{ChainHash, Entry, Order, OrderId, Timestamp, fold, next};
use omniflow_engine::Standing;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// What recovery found.
pub(crate) struct Recovered {
    /// The log's last position.
    pub(crate) position: u64,
    /// The last key given.
    pub(crate) last_key: i64,
    /// The latest time that was recorded.
    pub(crate) last_at: Timestamp,
    /// How many orders are open.
    pub(crate) open: usize,
    /// Whether records were made anew.
    pub(crate) mended: bool,
    /// Effects to start.
    pub(crate) effects: Vec<EffectChange>,
}

/// Checks what was not checked before, and makes records of another format anew. Returns the log's last
/// position.
pub(crate) fn check(connection: &mut Connection) -> Result<u64, OpenError> {
    let position = verify_tail(connection)?;
    rebuild_records(connection)?;
    Ok(position)
}

/// Loads everything that the engine keeps in memory. Nothing is wanted of orders that are set aside. Without
/// lists, which know which orders are open, every order is looked at.
pub(crate) fn load(
    connection: &Connection,
    shared: &Shared,
    lists: Option<&Path>,
    set_aside: &HashSet<OrderKey>,
    position: u64,
) -> Result<Recovered, OpenError> {
    shared.table.clear();
    shared.timers.clear();
    let last = "SELECT coalesce(max(key), 0) FROM orders";
    let last_key = connection.query_row(last, [], |row| row.get(0)).map_err(StorageError::from)?;
    let last_at = last_at(connection)?;
    let mut recovered = Recovered { position, last_key, last_at, open: 0, mended: false, effects: vec![] };
    let mut standings = vec![];
    load_open(connection, shared, lists, set_aside, &mut recovered, &mut standings)?;
    shared.observed.recount(standings.into_iter());
    Ok(recovered)
}

/// The latest time that was recorded: that of the last event, or of the last movement of stock.
pub(crate) fn last_at(connection: &Connection) -> Result<Timestamp, OpenError> {
    let sql = "SELECT lines FROM events ORDER BY position DESC LIMIT 1";
    let lines: Option<Vec<u8>> =
        connection.query_row(sql, [], |row| row.get(0)).optional().map_err(StorageError::from)?;
    let last_line = lines.as_deref().and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
    let of_events = match last_line.map(Entry::decode) {
        Some(Ok(entry)) => entry.at,
        Some(Err(error)) => {
            return Err(OpenError::Damaged(format!("the log's last row cannot be read: {error}")));
        }
        None => Timestamp::default(),
    };
    let sql = "SELECT at FROM stock_ledger ORDER BY id DESC LIMIT 1";
    let of_stock: Option<i64> =
        connection.query_row(sql, [], |row| row.get(0)).optional().map_err(StorageError::from)?;
    Ok(of_events.max(Timestamp::from_millis(of_stock.unwrap_or_default())))
}

/// Checks the log from the last verified position on. The next commit remembers how far it is good: after
/// a fault there may be no room to write it.
fn verify_tail(connection: &Connection) -> Result<u64, OpenError> {
    // Records of another format cannot be read yet: then the whole log is checked, which needs none.
    let is_readable = meta(connection, "record_format")? == RECORD_FORMAT;
    let verified: i64 = if is_readable { meta(connection, "verified_position")? } else { 0 };
    Ok(check_links(connection, verified)?.cast_unsigned())
}

fn check_links(connection: &Connection, verified: i64) -> Result<i64, OpenError> {
    let sql = "SELECT position, order_key, first_seq, lines, link FROM events WHERE position > ?1 ORDER BY position";
    let mut statement = connection.prepare(sql).map_err(StorageError::from)?;
    let mut rows = statement.query([verified]).map_err(StorageError::from)?;
    let mut heads: HashMap<OrderKey, (ChainHash, u32)> = HashMap::new();
    let mut last = verified;
    while let Some(row) = rows.next().map_err(StorageError::from)? {
        let row = LogRow::read(row).map_err(StorageError::from)?;
        if row.position != last + 1 {
            let expected = last + 1;
            return Err(OpenError::Damaged(format!("the log has a gap: row {expected} is missing")));
        }
        last = row.position;
        let before = match heads.get(&row.key) {
            Some(before) => *before,
            None => head_before(connection, &row)?,
        };
        heads.insert(row.key, row.check(before)?);
    }
    Ok(last)
}

struct LogRow {
    position: i64,
    key: OrderKey,
    first_seq: u32,
    lines: Vec<u8>,
    link: i64,
}

impl LogRow {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            position: row.get(0)?,
            key: OrderKey(row.get(1)?),
            first_seq: row.get(2)?,
            lines: row.get(3)?,
            link: row.get(4)?,
        })
    }

    /// The chain's head and the last number after this row.
    fn check(&self, (mut hash, seq): (ChainHash, u32)) -> Result<(ChainHash, u32), OpenError> {
        let position = self.position;
        if self.first_seq != seq + 1 {
            let detail =
                format!("row {position} of the log has event {} where {} belongs", self.first_seq, seq + 1);
            return Err(OpenError::Damaged(detail));
        }
        let mut lines = 0;
        for line in self.lines.split(|byte| *byte == b'\n') {
            hash = hash.after(line);
            lines += 1;
        }
        if link_of(&hash) != self.link {
            return Err(OpenError::Damaged(format!("the chain breaks at row {position} of the log")));
        }
        Ok((hash, seq + lines))
    }
}

/// The chain's head before a row: where the order's rows before it lead.
fn head_before(connection: &Connection, row: &LogRow) -> Result<(ChainHash, u32), OpenError> {
    if row.first_seq == 1 {
        return Ok((ChainHash::default(), 0));
    }
    let record = crate::reader::record(connection, row.key)?;
    let mut earlier = record.map(|record| record.positions).unwrap_or_default();
    earlier.retain(|position| position.cast_signed() < row.position);
    if earlier.is_empty() {
        return Err(OpenError::Damaged(format!("row {} of the log has nothing to follow", row.position)));
    }
    let entries = entries_at(connection, &earlier, &placeholder()?)?;
    Ok(entries.last().map_or((ChainHash::default(), 0), |last| (last.entry.hash, last.entry.entry.seq)))
}

/// Stands in for an order's id where only its entries count.
fn placeholder() -> Result<OrderId, StorageError> {
    OrderId::new("unknown").map_err(|error| StorageError::Diverged(error.to_string()))
}

pub(crate) fn meta(connection: &Connection, name: &str) -> Result<i64, StorageError> {
    Ok(connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))?)
}

/// Corrects the number of open orders, which each commit keeps.
pub(crate) fn set_open(connection: &Connection, open: usize) -> Result<(), StorageError> {
    let sql = "UPDATE meta SET value = ?1 WHERE name = 'open_orders'";
    connection.execute(sql, [i64::try_from(open).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// Folds every order anew where another program wrote records of another format.
fn rebuild_records(connection: &mut Connection) -> Result<(), StorageError> {
    if meta(connection, "record_format")? == RECORD_FORMAT {
        return Ok(());
    }
    tracing::info!("rebuilding every order's record from the log: another version wrote them");
    let transaction = connection.transaction()?;
    let mut positions: HashMap<i64, Vec<u64>> = HashMap::new();
    let mut open = 0;
    {
        let mut statement =
            transaction.prepare("SELECT position, order_key FROM events ORDER BY position")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            positions.entry(row.get(1)?).or_default().push(row.get::<_, i64>(0)?.cast_unsigned());
        }
        let sql = "UPDATE orders SET version = ?2, open = ?3, due_at = ?4, record = ?5 WHERE key = ?1";
        let mut update = transaction.prepare(sql)?;
        for (key, positions) in positions {
            let record = rebuild(&transaction, positions)?;
            let (order, due_at) = (&record.order, next(&record.order).due_at());
            let encoded = RecordRef { head: &record.head, positions: &record.positions, order }.encode()?;
            let due_at = due_at.map(|due| due.as_millis());
            open += usize::from(!order.is_at_rest());
            update.execute(params![key, order.version, !order.is_at_rest(), due_at, encoded])?;
        }
    }
    transaction.execute("UPDATE meta SET value = ?1 WHERE name = 'record_format'", [RECORD_FORMAT])?;
    set_open(&transaction, open)?;
    Ok(transaction.commit()?)
}

/// Folds the order whose rows these are.
pub(crate) fn rebuild(connection: &Connection, positions: Vec<u64>) -> Result<Record, StorageError> {
    let entries = entries_at(connection, &positions, &placeholder()?)?;
    let head = entries.last().map_or(ChainHash::default(), |entry| entry.entry.hash);
    let order = fold(entries.iter().map(|entry| &entry.entry.entry))
        .map_err(|error| StorageError::Diverged(format!("rows {positions:?} of the log: {error}")))?;
    Ok(Record { head, positions, order })
}

/// Makes the record of one order anew. Its rows are looked for in the whole log: only its record knew
/// where they are.
fn mend(connection: &Connection, key: OrderKey) -> Result<(Vec<u8>, Order), StorageError> {
    let mut statement = connection.prepare("SELECT position FROM events WHERE order_key = ?1")?;
    let positions = statement.query_map([key.0], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?;
    let record = rebuild(connection, positions.collect::<Result<_, _>>()?)?;
    let encoded =
        RecordRef { head: &record.head, positions: &record.positions, order: &record.order }.encode()?;
    let sql = "UPDATE orders SET record = ?2 WHERE key = ?1";
    match connection.execute(sql, params![key.0, &encoded]).map_err(StorageError::from) {
        // Memory has it, and it is made anew again at the next start.
        Err(error) if error.is_disk_full() => tracing::warn!(key = key.0, %error, "it could not be kept"),
        written => drop(written?),
    }
    Ok((encoded, record.order))
}

fn load_open(
    connection: &Connection,
    shared: &Shared,
    lists: Option<&Path>,
    set_aside: &HashSet<OrderKey>,
    recovered: &mut Recovered,
    standings: &mut Vec<Standing>,
) -> Result<(), StorageError> {
    listed::open_orders(connection, lists, |key, encoded| {
        let (encoded, order) = match Record::decode(&encoded) {
            Ok(record) => (encoded, record.order),
            Err(error) => {
                tracing::error!(key = key.0, %error, "an order's record is made anew from the log");
                recovered.mended = true;
                mend(connection, key)?
            }
        };
        if order.is_at_rest() {
            return Ok(());
        }
        let wants = next(&order);
        recovered.open += 1;
        standings.push(Standing::of(&order));
        shared.table.load(key, encoded.into_boxed_slice());
        if set_aside.contains(&key) {
            return Ok(());
        }
        if let Some(due_at) = wants.due_at() {
            shared.timers.load(key, due_at);
        }
        if wants.effects.is_empty() {
            return Ok(());
        }
        let order = Arc::new(order);
        for wanted in wants.effects {
            let (order, effect, retry, busy) =
                (Arc::clone(&order), wanted.key, wanted.retry, shared.clock.busy());
            recovered.effects.push(EffectChange::Start { order, key, effect, retry, busy });
        }
        Ok(())
    })
}
