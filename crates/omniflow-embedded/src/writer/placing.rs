//! Placing an order: its number, its details, its stock, in one batch with what others want.

use super::batch::Batch;
use super::working::{SaltedDetails, Working};
use crate::error::StorageError;
use crate::key::OrderKey;
use crate::reader;
use omniflow_core::{ChainHash, Entry, Event, StockHold, StockRefusal, placed};
use omniflow_engine::{Details, Error, Placement};
use rusqlite::OptionalExtension;

impl Batch<'_> {
    /// Places an order and decides its stock. What is refused leaves nothing behind.
    pub(super) fn place(&mut self, placement: Placement) -> Result<Result<OrderKey, Error>, StorageError> {
        let Placement { terms, details, actor, idempotency: _ } = placement;
        if let Some(external_id) = &terms.external_id
            && let Some(holder) = self.external_id_holder(external_id.as_str())?
        {
            return Ok(Err(holder));
        }
        let (key, order_id) = self.mint.mint(self.at)?;
        self.suspect = Some(key);
        let external_id = terms.external_id.as_ref().map(|id| id.as_str().to_owned());
        let details = self.salted(details)?;
        let hash = details.as_ref().map(|(salt, body)| Details::hash(body, salt));
        let event = Event::OrderPlaced { order_id, terms: Box::new(terms), details: hash };
        let entry = Entry { seq: 1, at: self.at, actor, event };
        let order = placed(&entry).map_err(|error| StorageError::Diverged(error.to_string()))?;
        let link = entry.link(&ChainHash::default());
        let working = Working {
            order,
            head: link.hash,
            positions: vec![],
            before: None,
            lines: link.line,
            first_seq: 1,
            details,
        };
        let working = self.run_stock(key, working)?;
        if let StockHold::Refused(refusal) = working.order.stock {
            return Ok(Err(match refusal {
                StockRefusal::OutOfStock(short) => Error::OutOfStock(short),
                StockRefusal::UnknownSku(skus) => Error::UnknownSku(skus),
            }));
        }
        self.orders.insert(key, working);
        self.changed.push(key);
        if let Some(external_id) = external_id {
            self.external_ids.insert(external_id, key);
        }
        Ok(Ok(key))
    }

    fn salted(&mut self, details: Option<Details>) -> Result<Option<SaltedDetails>, StorageError> {
        let Some(details) = details.filter(|details| !details.is_empty()) else { return Ok(None) };
        let body = details.encode().map_err(|error| StorageError::Diverged(error.to_string()))?;
        Ok(Some((self.mint.salt()?, body)))
    }

    /// Why an external id cannot be had, `None` when it can.
    fn external_id_holder(&self, external_id: &str) -> Result<Option<Error>, StorageError> {
        if let Some(working) = self.external_ids.get(external_id).and_then(|key| self.orders.get(key)) {
            return Ok(Some(Error::ExternalIdTaken(working.order.id.clone())));
        }
        let mut statement =
            self.connection.prepare_cached("SELECT order_key FROM external_ids WHERE external_id = ?1")?;
        let key: Option<i64> = statement.query_row([external_id], |row| row.get(0)).optional()?;
        let Some(key) = key.map(OrderKey) else { return Ok(None) };
        // A holder that cannot be read takes nothing but its own number out of use.
        Ok(Some(match reader::record(self.connection, key) {
            Ok(Some(record)) => Error::ExternalIdTaken(record.order.id),
            Ok(None) | Err(StorageError::Record(_)) => {
                tracing::error!(key = key.0, external_id, "the order of an external id cannot be read");
                Error::SetAside
            }
            Err(fault) => return Err(fault),
        }))
    }
}
