//! An order as its row holds it: a compact copy of the folded events.
//!
//! It is a cache. The events are the truth: a record of another format, of a newer or an older program, is
//! not read but made again from them.

use super::StoreError;
use omniflow_core::{ChainHash, DecodeError, Entry, Order, fold};
use tokio_postgres::Row;

/// The number of the format below. Raise it when [`Order`]'s shape changes.
pub(super) const RECORD_FORMAT: i16 = 1;

/// The bytes of an order.
pub(super) fn encode(order: &Order) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(order, Vec::with_capacity(192))
        .map_err(|error| StoreError::Diverged(format!("order {} cannot be encoded: {error}", order.id)))
}

/// The order of a row, `None` where it is to be made from the events.
pub(super) fn decode(format: i16, record: &[u8]) -> Option<Order> {
    if format != RECORD_FORMAT {
        return None;
    }
    let order = postcard::from_bytes(record);
    order.inspect_err(|error| tracing::error!(%error, "a record cannot be read; its events are folded")).ok()
}

/// The order that stored lines make.
pub(super) fn folded<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Order, StoreError> {
    let entries: Result<Vec<Entry>, DecodeError> = lines.into_iter().map(Entry::decode).collect();
    let entries = entries.map_err(|error| StoreError::Diverged(error.to_string()))?;
    fold(&entries)
        .map_err(|error| StoreError::Diverged(format!("stored events are no order's life: {error}")))
}

/// A chain's hash as a row has it.
pub(super) fn hash_of(row: &Row, column: &str) -> Result<ChainHash, StoreError> {
    let bytes: &[u8] = row.get(column);
    let bytes = bytes.try_into();
    Ok(ChainHash(bytes.map_err(|_| StoreError::Diverged("a stored hash is not 32 bytes".to_owned()))?))
}

/// A version as a column holds it, and back.
pub(super) fn column_of(version: u32) -> Result<i32, StoreError> {
    i32::try_from(version).map_err(|_| StoreError::Diverged(format!("{version} is no version")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    const LIFE: &[&str] = &[
        r#"[1,1800000000000,"api",1,{"order_placed":{"order_id":"ORD-1","terms":{"total":"500.00 USD","lines":[{"line_id":"1","sku":"tea","quantity":3}],"policies":"rules=1 window=30s review_minor>1000000 forward=10x10s/1s-1m undo=30x10s/1s-1m deadline=72h"}}}]"#,
        r#"[2,1800000000000,"api",1,{"stock_reserved":{}}]"#,
        r#"[3,1800000000001,"shop",1,{"payment_captured":{"payment_id":"default","event_id":"captured","amount":"500.00 USD","use":"keep"}}]"#,
        r#"[4,1800000000002,"api",1,{"cancel_requested":{"reason":"changed my mind"}}]"#,
        r#"[5,1800000000003,"engine",1,{"attention_raised":{"effect":"ship.1","code":"outcome_unknown","attempts":3}}]"#,
    ];

    fn lived() -> Order {
        folded(LIFE.iter().map(|line| line.as_bytes())).unwrap()
    }

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let (order, record) = (lived(), encode(&lived()).unwrap());
        assert!(order.attention().is_some() && order.payments.is_paid(), "{order:?}");
        assert_eq!(decode(RECORD_FORMAT, &record), Some(order));
        assert_eq!(decode(RECORD_FORMAT + 1, &record), None);
        assert_eq!(decode(RECORD_FORMAT, &record[..9]), None);
    }

    /// Where this fails, an order's shape has changed: raise [`RECORD_FORMAT`], or programs that run beside
    /// each other misread each other's records.
    #[test]
    fn another_shape_has_another_number() {
        let hash = ChainHash(Sha256::digest(encode(&lived()).unwrap()).into());
        let known = "ae80a30e5754e9f6394ba3d9b2d9736c82dc61eb64de80308b2a7ea1b50283c1";
        assert_eq!((RECORD_FORMAT, hash.to_string().as_str()), (1, known));
    }

    #[test]
    fn events_that_are_no_life_are_not_folded() {
        for lines in [&LIFE[1..], &[], &["nonsense"], &[LIFE[0], LIFE[2]]] {
            assert!(folded(lines.iter().map(|line| line.as_bytes())).is_err());
        }
    }
}
