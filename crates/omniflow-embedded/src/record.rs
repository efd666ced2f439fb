//! An order as its row and the memory hold it: a compact copy of the folded events.
//!
//! It is a cache. The events are the truth, `verify` compares the two, and a new format is rebuilt from
//! the log.

use crate::error::StorageError;
use omniflow_core::{ChainHash, Order};
use serde::{Deserialize, Serialize};

/// The number of the format below. Raise it when [`Order`]'s shape changes.
pub(crate) const RECORD_FORMAT: i64 = 1;

/// The part of a chain's hash that a row of the log carries: its first 64 bits.
pub(crate) fn link_of(head: &ChainHash) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = head.0;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// An order with its chain's head and the positions of its rows in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) head: ChainHash,
    pub(crate) positions: Vec<u64>,
    pub(crate) order: Order,
}

impl Record {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        postcard::from_bytes(bytes).map_err(StorageError::Record)
    }
}

/// What is encoded, borrowed: the same bytes as [`Record`].
#[derive(Serialize)]
pub(crate) struct RecordRef<'a> {
    pub(crate) head: &'a ChainHash,
    pub(crate) positions: &'a [u64],
    pub(crate) order: &'a Order,
}

impl RecordRef<'_> {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, StorageError> {
        postcard::to_extend(self, Vec::with_capacity(192)).map_err(StorageError::Record)
    }
}
