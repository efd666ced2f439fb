//! The log's newest rows in memory, for those who follow it: at the head a feed costs no read.
//!
//! Rows are put here when they are shown, never before they are on disk, and in the order of the log
//! without a gap. Who is further behind than what is kept reads from disk.

use crate::error::StorageError;
use omniflow_core::{ChainHash, Entry, OrderId};
use omniflow_engine::{FeedEntry, Position, TimelineEntry};
use rusqlite::{Connection, OptionalExtension};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bits of a [`Position`] that count within one row of the log.
const WITHIN_ROW_BITS: u32 = 16;

/// What is kept, in bytes: the rows of some seconds under full load.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What a row takes beside its lines and its order's id.
const ROW_BYTES: usize = 160;

/// The place of an event in the log: that of its row, and its own within it.
pub(crate) fn place_of(row: u64, within: u64) -> Position {
    Position((row << WITHIN_ROW_BITS) | within)
}

/// The row in which a place is.
pub(crate) fn row_of(position: Position) -> u64 {
    position.0 >> WITHIN_ROW_BITS
}

/// The place of the last event in the lines of a row.
fn last_place_of(row: u64, lines: &[u8]) -> Position {
    place_of(row, lines.iter().filter(|byte| **byte == b'\n').count() as u64)
}

/// The place of the log's last event, the first of all places where there is none.
pub(crate) fn last_place(connection: &Connection) -> Result<Position, StorageError> {
    let sql = "SELECT position, lines FROM events ORDER BY position DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(last_place_of(row.get::<_, i64>(0)?.cast_unsigned(), &row.get::<_, Vec<u8>>(1)?))
    };
    Ok(connection.query_row(sql, [], read).optional()?.unwrap_or_default())
}

/// One row of the log: what one commit recorded of one order.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) position: u64,
    pub(crate) order_id: OrderId,
    /// The chain's head before the first line.
    pub(crate) head: ChainHash,
    /// Entries, joined by line breaks.
    pub(crate) lines: Vec<u8>,
}

impl Row {
    fn bytes(&self) -> usize {
        self.lines.len() + self.order_id.as_str().len() + ROW_BYTES
    }

    /// Its events.
    fn entries(&self) -> impl Iterator<Item = Result<FeedEntry, StorageError>> {
        entries_of_row(self.position, &self.order_id, self.head, &self.lines)
    }
}

/// The events in the lines of a row, chained from `head` on.
pub(crate) fn entries_of_row(
    row: u64,
    order_id: &OrderId,
    mut head: ChainHash,
    lines: &[u8],
) -> impl Iterator<Item = Result<FeedEntry, StorageError>> {
    (0..).zip(lines.split(|byte| *byte == b'\n')).map(move |(within, line)| {
        head = head.after(line);
        let entry = Entry::decode(line)
            .map_err(|error| StorageError::Diverged(format!("row {row} of the log: {error}")))?;
        let entry = TimelineEntry { entry, hash: head };
        Ok(FeedEntry { position: place_of(row, within), order_id: order_id.clone(), entry })
    })
}

/// Events of these rows after a position, at most `limit`.
pub(crate) fn entries_of(
    rows: &[Arc<Row>],
    after: Position,
    limit: usize,
) -> Result<Vec<FeedEntry>, StorageError> {
    let is_new = |entry: &Result<FeedEntry, _>| entry.as_ref().map_or(true, |entry| entry.position > after);
    rows.iter().flat_map(|row| row.entries()).filter(is_new).take(limit).collect()
}

/// The newest rows.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    rows: VecDeque<Arc<Row>>,
    bytes: usize,
    /// The last event of the log; the rows kept are those up to it.
    last: Position,
}

impl Recent {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the last event.
    pub(crate) fn last(&self) -> Position {
        self.kept().last
    }

    /// Forgets all; the log's last event is this, and what comes follows it.
    pub(crate) fn begin(&self, last: Position) {
        *self.kept() = Kept { last, ..Kept::default() };
    }

    /// Takes the rows of a commit, which follow those before.
    pub(crate) fn add(&self, rows: Vec<Arc<Row>>) {
        let mut kept = self.kept();
        if let Some(row) = rows.last() {
            kept.last = last_place_of(row.position, &row.lines);
        }
        for row in rows {
            kept.bytes += row.bytes();
            kept.rows.push_back(row);
        }
        while kept.bytes > MOST_BYTES
            && let Some(oldest) = kept.rows.pop_front()
        {
            kept.bytes -= oldest.bytes();
        }
    }

    /// The rows that have what comes after a position, as many as have `limit` events; `None` where only the
    /// disk has them.
    pub(crate) fn after(&self, after: Position, limit: usize) -> Option<Vec<Arc<Row>>> {
        let kept = self.kept();
        if after >= kept.last {
            return Some(vec![]);
        }
        let first = row_of(kept.last) + 1 - kept.rows.len() as u64;
        // The row of the position itself may have more.
        let skipped = usize::try_from(row_of(after).checked_sub(first)?).ok()?;
        // Each row has at least one event, and of the first all may have been seen.
        Some(kept.rows.iter().skip(skipped).take(limit.saturating_add(1)).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omniflow_core::{Actor, Event, Timestamp};

    /// A row of so many events, numbered from 1.
    fn row(position: u64, events: u32) -> Arc<Row> {
        let (mut lines, mut head) = (vec![], ChainHash::default());
        for seq in 1..=events {
            let at = Timestamp::from_millis(7);
            let link = Entry { seq, at, actor: Actor::api(), event: Event::StockReserved {} }.link(&head);
            head = link.hash;
            lines.push(link.line);
        }
        let order_id = OrderId::new("ORD-1").unwrap();
        Arc::new(Row { position, order_id, head: ChainHash::default(), lines: lines.join(&b'\n') })
    }

    fn positions(recent: &Recent, after: Position, limit: usize) -> Option<Vec<(u64, u64)>> {
        let rows = recent.after(after, limit)?;
        let entries = entries_of(&rows, after, limit).unwrap();
        Some(entries.iter().map(|entry| (row_of(entry.position), entry.position.0 & 0xFFFF)).collect())
    }

    #[test]
    fn what_follows_a_position_is_found_also_within_a_row() {
        let recent = Recent::default();
        recent.begin(place_of(4, 1));
        recent.add(vec![row(5, 2), row(6, 1)]);
        recent.add(vec![row(7, 3)]);
        let all = [(5, 0), (5, 1), (6, 0), (7, 0), (7, 1), (7, 2)];
        assert_eq!(recent.last(), place_of(7, 2));
        assert_eq!(positions(&recent, place_of(5, 0), 9), Some(all[1..].to_vec()));
        assert_eq!(positions(&recent, place_of(5, 1), 2), Some(all[2..4].to_vec()));
        assert_eq!(positions(&recent, place_of(7, 1), 9), Some(all[5..].to_vec()));
        assert_eq!(positions(&recent, place_of(7, 2), 9), Some(vec![]));
        assert_eq!(positions(&recent, place_of(8, 0), 9), Some(vec![]));
    }

    #[test]
    fn only_the_disk_has_what_is_not_kept() {
        let recent = Recent::default();
        recent.begin(place_of(4, 1));
        assert_eq!(positions(&recent, place_of(4, 1), 9), Some(vec![]), "nothing has come");
        assert_eq!(positions(&recent, place_of(4, 0), 9), None, "the row has more");
        recent.add(vec![row(5, 1)]);
        assert_eq!(positions(&recent, place_of(4, 1), 9), None);
        assert_eq!(positions(&recent, place_of(5, 0), 9), Some(vec![]));
        recent.begin(place_of(9, 0));
        assert_eq!(positions(&recent, place_of(5, 0), 9), None, "after a recovery it knows of nothing");
    }

    #[test]
    fn it_is_bounded_and_keeps_the_newest() {
        let recent = Recent::default();
        recent.begin(Position::default());
        let many: Vec<_> = (1..=100_000).map(|position| row(position, 1)).collect();
        let bytes: usize = many.iter().map(|row| row.bytes()).sum();
        assert!(bytes > 2 * MOST_BYTES);
        recent.add(many);
        assert!(recent.kept().bytes <= MOST_BYTES);
        assert_eq!(positions(&recent, place_of(99_999, 0), 9), Some(vec![(100_000, 0)]));
        assert_eq!(positions(&recent, place_of(1, 0), 9), None);
    }

    #[test]
    fn the_chain_goes_on_from_the_head_before() {
        let whole = row(1, 3);
        let hashes = |row: &Row| row.entries().map(|entry| entry.unwrap().entry.hash).collect::<Vec<_>>();
        let cut = whole.lines.iter().position(|byte| *byte == b'\n').unwrap();
        let rest = Row {
            position: 2,
            order_id: whole.order_id.clone(),
            head: hashes(&whole)[0],
            lines: whole.lines[cut + 1..].to_vec(),
        };
        assert_eq!(hashes(&rest), hashes(&whole)[1..]);
    }
}
