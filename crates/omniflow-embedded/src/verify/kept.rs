//! The answers that are kept for requests that are sent again.

use super::Report;
use super::orders::Chain;
use crate::error::StorageError;
use crate::key::OrderKey;
use omniflow_core::Sku;
use rusqlite::{Connection, Row};
use std::collections::HashMap;

const HASH_BYTES: i64 = 32;

/// Each is of an order at a version that it had, or of a SKU that there is.
pub(super) fn check(
    connection: &Connection,
    chains: &HashMap<OrderKey, Chain>,
    report: &mut Report,
) -> Result<(), StorageError> {
    let sql = "SELECT hex(key), order_key, version, sku, on_hand, reserved, length(key), length(body),
                      expires_at >= at, EXISTS (SELECT 1 FROM stock WHERE stock.sku = idempotency.sku)
               FROM idempotency";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(wrong) = wrong_with(row, chains)? {
            let key: String = row.get(0)?;
            let key = key.get(..12).unwrap_or(&key).to_ascii_lowercase();
            report.fault(format!("the answer kept under {key}… {wrong}"));
        }
    }
    Ok(())
}

fn wrong_with(row: &Row<'_>, chains: &HashMap<OrderKey, Chain>) -> rusqlite::Result<Option<String>> {
    let (key_bytes, body_bytes, lasts): (i64, i64, bool) = (row.get(6)?, row.get(7)?, row.get(8)?);
    if key_bytes != HASH_BYTES || body_bytes != HASH_BYTES || !lasts {
        return Ok(Some("is not whole".to_owned()));
    }
    Ok(match (row.get::<_, Option<i64>>(1)?, row.get::<_, Option<String>>(3)?) {
        (Some(key), None) => {
            let version: Option<i64> = row.get(2)?;
            let last = chains.get(&OrderKey(key)).map_or(0, Chain::last);
            let is_its = version.is_some_and(|version| (1..=i64::from(last)).contains(&version));
            (!is_its).then(|| format!("is of version {version:?} of an order with key {key} that has {last}"))
        }
        (None, Some(sku)) => {
            let counts: (Option<i64>, Option<i64>) = (row.get(4)?, row.get(5)?);
            let is_counted = matches!(counts, (Some(0..), Some(0..)));
            let is_known: bool = row.get(9)?;
            (!is_counted || !is_known || Sku::new(sku.as_str()).is_err())
                .then(|| format!("is of {sku} with {counts:?}, which cannot have been"))
        }
        _ => Some("is of nothing".to_owned()),
    })
}
