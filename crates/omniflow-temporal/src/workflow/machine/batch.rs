//! What is stored at once: some of those that spoke, in their order, and all that they lead to.

use super::{Machine, Publishing, Said};
use omniflow_core::{ChainHash, Entry, Event, Order, Step, Timestamp, evolve};
use omniflow_engine::Idempotency;

/// Events that are stored at once at most. PostgreSQL shows no more than 4,096 in one transaction.
const MOST_EVENTS: usize = 1_000;

/// What is to be stored at once.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// The version that must be stored now.
    pub(crate) expected: u32,
    /// New lines of the log.
    pub(crate) lines: Vec<Vec<u8>>,
    /// The order after them.
    pub(crate) order: Order,
    /// The stock that moves with them.
    pub(crate) stock: Option<Step>,
    pub(crate) marks: Vec<Idempotency>,
    /// When: what is answered of it says so.
    pub(crate) at: Timestamp,
    pub(crate) erases_details: bool,
}

impl Machine {
    /// What is to be stored now, `None` when there is nothing. What needs no storing is answered.
    pub(crate) fn batch(&mut self, now: Timestamp) -> Option<Batch> {
        let said = &self.said[..self.fitting()];
        if !said.iter().any(|said| !said.entries.is_empty() || said.keeps_mark()) {
            let (order, count) = (self.stored.clone(), said.len());
            self.answer(&Publishing { at: now.max(order.updated_at), count, order });
            return None;
        }
        let entries = || said.iter().flat_map(|said| &said.entries);
        let order = entries().fold(self.stored.clone(), evolve);
        let publishing =
            Publishing { at: now.max(order.updated_at), count: said.len(), order: order.clone() };
        let moves_stock = |entry: &Entry| match entry.event {
            Event::StockReleased {} => Some(Step::ReleaseStock),
            Event::StockConsumed {} => Some(Step::ConsumeStock),
            _ => None,
        };
        let erases = |entry: &Entry| matches!(entry.event, Event::DetailsErased {});
        let marked = said.iter().filter(|said| said.keeps_mark());
        let batch = Batch {
            expected: self.stored.version,
            lines: entries().map(|entry| entry.link(&ChainHash::default()).line).collect(),
            order,
            stock: entries().find_map(moves_stock),
            marks: marked.filter_map(|said| said.asked.mark).collect(),
            at: publishing.at,
            erases_details: entries().any(erases),
        };
        self.publishing = Some(publishing);
        Some(batch)
    }

    /// How many of those that spoke are stored at once.
    fn fitting(&self) -> usize {
        let mut events = 0;
        let fits = |said: &&Said| {
            events += said.entries.len();
            events <= MOST_EVENTS
        };
        self.said.iter().take_while(fits).count()
    }
}
