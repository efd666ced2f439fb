//! Requests that are done once however often they are sent: looked for before, kept with what they did.

use super::batch::{Batch, Decided, OrderAnswer, Reply};
use crate::error::StorageError;
use crate::idempotency::{self, Kept, KeptAnswer, ToKeep};
use crate::key::OrderKey;
use crate::queue::{RECOVERING, StockChange, StockReply, StockTold};
use omniflow_engine::{Error, Idempotency, StockLevel, StockSet};

/// What a marked request of this batch was about.
#[derive(Clone)]
pub(crate) enum Marked {
    Placing(OrderKey),
    Order(OrderKey),
    Stock(StockLevel),
}

/// Whether a request was answered before.
enum Before {
    Never,
    /// In this batch.
    Now(Marked),
    Earlier(Kept),
}

impl Batch<'_> {
    fn before(&self, mark: &Idempotency) -> Result<Result<Before, Error>, StorageError> {
        if let Some((first, marked)) = self.marked.get(&mark.key) {
            let same = first.body == mark.body;
            return Ok(if same { Ok(Before::Now(marked.clone())) } else { Err(Error::IdempotencyKeyReused) });
        }
        Ok(match idempotency::find(self.connection, &mark.key, self.at) {
            Ok(None) => Ok(Before::Never),
            Ok(Some(kept)) if kept.is_of(mark) => Ok(Before::Earlier(kept)),
            Ok(Some(_)) => Err(Error::IdempotencyKeyReused),
            // One answer that cannot be read stops nobody else.
            Err(StorageError::Diverged(error)) => {
                tracing::error!(error, "a kept answer cannot be given again; run `omniflow verify`");
                Err(Error::SetAside)
            }
            Err(fault) => return Err(fault),
        })
    }

    /// Decides about an order unless an earlier request with this mark was answered. Only what is taken is
    /// kept: what was refused is decided again.
    pub(super) fn once(
        &mut self,
        mark: Option<Idempotency>,
        marked: fn(OrderKey) -> Marked,
        decide: impl FnOnce(&mut Self) -> Result<Result<OrderKey, Error>, StorageError>,
    ) -> OrderAnswer {
        let Some(mark) = mark else { return Ok(decide(self)?.map(Decided::Now)) };
        let before = match self.before(&mark)? {
            Ok(before) => before,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(match before {
            Before::Never => {
                let decided = decide(self)?;
                if let Ok(key) = decided {
                    self.marked.insert(mark.key, (mark, marked(key)));
                }
                decided.map(Decided::Now)
            }
            Before::Now(Marked::Placing(key) | Marked::Order(key)) => Ok(Decided::Again(key)),
            Before::Earlier(Kept { answer: KeptAnswer::Order(key, version), at, .. }) => {
                Ok(Decided::Earlier(key, version, at))
            }
            // Its path is part of a mark, so that this cannot be.
            Before::Now(Marked::Stock(_)) | Before::Earlier(_) => Err(Error::IdempotencyKeyReused),
        })
    }

    /// Changes stock, an adjustment with a mark only once.
    pub(super) fn change_stock(
        &mut self,
        change: StockChange,
        reply: StockReply,
    ) -> Result<(), StorageError> {
        let answer = match change {
            StockChange::Set(change) => Ok(self.stock.set(change).map(|set| (set, false))),
            StockChange::Adjust(change) => {
                let mark = change.idempotency;
                self.stock_once(mark, |batch| batch.stock.adjust(change))
            }
        };
        match answer {
            Ok(answer) => self.replies.push(Reply::Stock(reply, answer)),
            Err(fault) => {
                drop(reply.send(Err(Error::Unavailable(RECOVERING.to_owned()))));
                return Err(fault);
            }
        }
        Ok(())
    }

    fn stock_once(
        &mut self,
        mark: Option<Idempotency>,
        change: impl FnOnce(&mut Self) -> Result<StockSet, Error>,
    ) -> Result<Result<StockTold, Error>, StorageError> {
        let Some(mark) = mark else { return Ok(change(self).map(|set| (set, false))) };
        let before = match self.before(&mark)? {
            Ok(before) => before,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(match before {
            Before::Never => {
                let changed = change(self);
                if let Ok(set) = &changed {
                    self.marked.insert(mark.key, (mark, Marked::Stock(set.level.clone())));
                }
                changed.map(|set| (set, false))
            }
            Before::Now(Marked::Stock(level))
            | Before::Earlier(Kept { answer: KeptAnswer::Stock(level), .. }) => {
                Ok((StockSet { level, created: false }, true))
            }
            Before::Now(_) | Before::Earlier(_) => Err(Error::IdempotencyKeyReused),
        })
    }

    /// Writes what is kept for requests that are sent again, with what they did.
    pub(super) fn write_marks(&self) -> Result<(), StorageError> {
        if self.marked.is_empty() {
            return Ok(());
        }
        let answers: Vec<ToKeep> =
            self.marked.values().map(|(mark, marked)| self.to_keep(*mark, marked)).collect();
        idempotency::keep(self.connection, &answers, self.at)
    }

    fn to_keep(&self, mark: Idempotency, marked: &Marked) -> ToKeep {
        let order = |key: &OrderKey| {
            let version = self.orders.get(key).map_or(0, |working| working.order.version);
            KeptAnswer::Order(*key, version)
        };
        match marked {
            Marked::Placing(key) => {
                let details = self.orders.get(key).and_then(|working| working.details.as_ref());
                ToKeep { mark, answer: order(key), salt: details.map(|(salt, _)| *salt) }
            }
            Marked::Order(key) => ToKeep { mark, answer: order(key), salt: None },
            Marked::Stock(level) => ToKeep { mark, answer: KeptAnswer::Stock(level.clone()), salt: None },
        }
    }
}
