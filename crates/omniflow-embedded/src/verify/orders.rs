//! The log's chains, and every order against its events.

use super::Report;
use crate::error::StorageError;
use crate::key::OrderKey;
use crate::reader::record;
use crate::record::{Record, link_of};
use crate::recovery::rebuild;
use omniflow_core::{ChainHash, Order, next};
use omniflow_engine::Details;
use omniflow_engine::verify::Holding;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;

/// Where an order's chain ends in the log.
pub(super) struct Chain {
    head: ChainHash,
    seq: u32,
    rows: Vec<u64>,
}

impl Chain {
    /// The number of its last event, which is the order's version.
    pub(super) const fn last(&self) -> u32 {
        self.seq
    }
}

/// Follows every link of the log.
pub(super) fn check_log(
    connection: &Connection,
    report: &mut Report,
) -> Result<HashMap<OrderKey, Chain>, StorageError> {
    let mut chains: HashMap<OrderKey, Chain> = HashMap::new();
    let sql = "SELECT position, order_key, first_seq, lines, link FROM events ORDER BY position";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut expected = 1;
    while let Some(row) = rows.next()? {
        let position: i64 = row.get(0)?;
        if position != expected {
            report.fault(format!("the log has a gap: rows {expected} to {} are missing", position - 1));
        }
        expected = position + 1;
        let chain = chains.entry(OrderKey(row.get(1)?)).or_insert_with(|| Chain {
            head: ChainHash::default(),
            seq: 0,
            rows: vec![],
        });
        let (first_seq, lines, link): (u32, Vec<u8>, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        if first_seq != chain.seq + 1 {
            report.fault(format!("row {position} has event {first_seq} where {} belongs", chain.seq + 1));
        }
        for line in lines.split(|byte| *byte == b'\n') {
            chain.head = chain.head.after(line);
            chain.seq += 1;
            report.events += 1;
        }
        if link_of(&chain.head) != link {
            report.fault(format!("the chain breaks at row {position} of the log"));
        }
        chain.rows.push(position.cast_unsigned());
    }
    Ok(chains)
}

/// Folds every order and compares it with its row; returns what each holds of stock.
pub(super) fn check_orders(
    connection: &Connection,
    chains: &HashMap<OrderKey, Chain>,
    report: &mut Report,
) -> Result<HashMap<i64, Holding>, StorageError> {
    let mut holdings = HashMap::new();
    let mut statement =
        connection.prepare("SELECT key, version, open, due_at, record FROM orders ORDER BY key")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key = OrderKey(row.get(0)?);
        let stored = Stored { key, version: row.get(1)?, open: row.get(2)?, due_at: row.get(3)? };
        report.orders += 1;
        let record = match Record::decode(&row.get::<_, Vec<u8>>(4)?) {
            Ok(record) => record,
            Err(error) => {
                report.fault(format!("order with key {}: {error}", key.0));
                continue;
            }
        };
        stored.check(connection, chains.get(&key), &record, report)?;
        report.check_money(&record.order);
        holdings.insert(key.0, Holding::of(&record.order));
    }
    for key in chains.keys().filter(|key| !holdings.contains_key(&key.0)) {
        report.fault(format!("the log has events of an order with key {} and no row", key.0));
    }
    check_open(connection, report)?;
    check_external_ids(connection, report)?;
    Ok(holdings)
}

/// An order's row beside its record.
struct Stored {
    key: OrderKey,
    version: u32,
    open: bool,
    due_at: Option<i64>,
}

impl Stored {
    fn check(
        &self,
        connection: &Connection,
        chain: Option<&Chain>,
        record: &Record,
        report: &mut Report,
    ) -> Result<(), StorageError> {
        let id = &record.order.id;
        let Some(chain) = chain else {
            report.fault(format!("{id} has a row and no events"));
            return Ok(());
        };
        if chain.head != record.head || chain.seq != record.order.version || chain.rows != record.positions {
            report.fault(format!("{id}: its record does not end where its events do"));
        }
        match rebuild(connection, chain.rows.clone()) {
            Ok(folded) if folded.order == record.order => {}
            Ok(_) => report.fault(format!("{id}: its record is not what its events fold to")),
            Err(error) => report.fault(format!("{id}: its events do not fold: {error}")),
        }
        let due_at = next(&record.order).due_at().map(|due| due.as_millis());
        if self.version != record.order.version
            || self.due_at != due_at
            || self.open == record.order.is_at_rest()
        {
            report.fault(format!("{id}: its row's columns are not its record's"));
        }
        if OrderKey::of(id) != Some(self.key) {
            report.fault(format!("{id} is stored under key {}", self.key.0));
        }
        self.check_external_id(connection, &record.order, report)?;
        self.check_details(connection, &record.order, report)
    }

    fn check_external_id(
        &self,
        connection: &Connection,
        order: &Order,
        report: &mut Report,
    ) -> Result<(), StorageError> {
        let Some(external_id) = &order.terms.external_id else { return Ok(()) };
        let mut statement =
            connection.prepare_cached("SELECT order_key FROM external_ids WHERE external_id = ?1")?;
        let holder: Option<i64> = statement.query_row([external_id.as_str()], |row| row.get(0)).optional()?;
        if holder != Some(self.key.0) {
            report.fault(format!("external id {external_id} does not lead to {}, which has it", order.id));
        }
        Ok(())
    }

    fn check_details(
        &self,
        connection: &Connection,
        order: &Order,
        report: &mut Report,
    ) -> Result<(), StorageError> {
        let mut statement =
            connection.prepare_cached("SELECT salt, body FROM order_details WHERE order_key = ?1")?;
        let stored: Option<(Vec<u8>, Vec<u8>)> =
            statement.query_row([self.key.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        // What was erased is zeros, all of it.
        let is_blank = |stored: &(Vec<u8>, Vec<u8>)| stored.0.iter().chain(&stored.1).all(|byte| *byte == 0);
        let hash = stored
            .filter(|stored| !is_blank(stored))
            .and_then(|(salt, body)| Some(Details::hash(&body, &<[u8; 16]>::try_from(salt).ok()?)));
        if hash != order.details {
            report.fault(format!("{}: its address and metadata are not those it was placed with", order.id));
        }
        Ok(())
    }
}

/// What tells a start whether it has found every open order. Data of an older schema does not have it.
fn check_open(connection: &Connection, report: &mut Report) -> Result<(), StorageError> {
    let sql =
        "SELECT value, (SELECT count(*) FROM orders WHERE open = 1) FROM meta WHERE name = 'open_orders'";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    if let Some((counted, open)) = connection.query_row(sql, [], read).optional()?
        && counted != open
    {
        report.fault(format!("{counted} orders are counted as open, there are {open}"));
    }
    Ok(())
}

fn check_external_ids(connection: &Connection, report: &mut Report) -> Result<(), StorageError> {
    let mut statement = connection.prepare("SELECT external_id, order_key FROM external_ids")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (external_id, key): (String, i64) = (row.get(0)?, row.get(1)?);
        let holder = match record(connection, OrderKey(key)) {
            // Told with its row.
            Err(error) if error.is_of_one_order() => continue,
            holder => holder?,
        };
        let held = holder.and_then(|record| record.order.terms.external_id);
        if held.is_none_or(|held| held.as_str() != external_id) {
            report.fault(format!("external id {external_id} leads to an order that does not have it"));
        }
    }
    Ok(())
}
