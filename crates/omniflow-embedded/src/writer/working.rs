//! An order while a batch is decided: a private copy, and what is new of it.

use crate::record::Record;
use omniflow_core::{Actor, ChainHash, Entry, Event, Order, Timestamp, Wanted, evolve, next};
use omniflow_engine::Standing;

/// An order as the batch changes it.
pub(crate) struct Working {
    pub(crate) order: Order,
    pub(crate) head: ChainHash,
    pub(crate) positions: Vec<u64>,
    /// What was committed before, `None` for a new order.
    pub(crate) before: Option<Before>,
    /// The new entries' lines, joined by line breaks.
    pub(crate) lines: Vec<u8>,
    pub(crate) first_seq: u32,
    /// A new order's details.
    pub(crate) details: Option<SaltedDetails>,
}

/// The salt of an order's address and metadata, and their stored bytes.
pub(crate) type SaltedDetails = ([u8; 16], Vec<u8>);

/// An order as it was committed.
pub(crate) struct Before {
    pub(crate) version: u32,
    pub(crate) open: bool,
    pub(crate) head: ChainHash,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) standing: Standing,
}

impl Working {
    pub(super) fn of(record: Record) -> Self {
        let Record { head, positions, order } = record;
        let wants = next(&order);
        let standing = Standing::of(&order);
        let (version, open, due_at) = (order.version, !order.is_at_rest(), wants.due_at());
        let before = Before { version, open, head, due_at, wanted: wants.effects, standing };
        let first_seq = order.version + 1;
        Self { order, head, positions, before: Some(before), lines: vec![], first_seq, details: None }
    }

    pub(super) fn record(mut self, event: Event, at: Timestamp, actor: Actor) -> Self {
        let entry = Entry { seq: self.order.version + 1, at, actor, event };
        let link = entry.link(&self.head);
        if self.lines.is_empty() {
            self.lines = link.line;
        } else {
            self.lines.push(b'\n');
            self.lines.extend_from_slice(&link.line);
        }
        self.head = link.hash;
        self.order = evolve(self.order, &entry);
        self
    }
}
