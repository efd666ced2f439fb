//! Stock, all or nothing.

use super::Bug;
use super::disk::Disk;
use omniflow_core::{Demand, Sku, StockShort, Terms};
use omniflow_engine::{AdjustStock, Error, SetStock, StockLevel, StockSet};

impl Disk {
    /// Reserves for every line or for none.
    pub(crate) fn reserve(&mut self, terms: &Terms, bug: Option<Bug>) -> Result<(), Error> {
        let unknown: Vec<Sku> = terms
            .lines
            .iter()
            .map(|line| line.sku.clone())
            .filter(|sku| !self.stock.contains_key(sku))
            .collect();
        if !unknown.is_empty() {
            return Err(Error::UnknownSku(unknown));
        }
        let short: Vec<StockShort> =
            demand(terms, bug).into_iter().filter_map(|wanted| self.short_of(wanted)).collect();
        if !short.is_empty() && bug != Some(Bug::Oversells) {
            if bug == Some(Bug::ReservesSomeLines) {
                self.move_stock(&terms.demand()[..1], |level, quantity| level.reserved += quantity);
            }
            return Err(Error::OutOfStock(short));
        }
        self.move_stock(&terms.demand(), |level, quantity| level.reserved += quantity);
        Ok(())
    }

    pub(crate) fn release(&mut self, terms: &Terms, bug: Option<Bug>) {
        if bug != Some(Bug::ForgetsToRelease) {
            self.move_stock(&terms.demand(), |level, quantity| level.reserved -= quantity);
        }
    }

    pub(crate) fn consume(&mut self, terms: &Terms, bug: Option<Bug>) {
        self.move_stock(&terms.demand(), |level, quantity| {
            level.reserved -= quantity;
            if bug != Some(Bug::ForgetsToConsume) {
                level.on_hand -= quantity;
            }
        });
    }

    pub(crate) fn set(&mut self, change: SetStock, bug: Option<Bug>) -> Result<StockSet, Error> {
        let known = self.stock.get(&change.sku).cloned();
        let level = known.clone().unwrap_or(StockLevel { sku: change.sku.clone(), on_hand: 0, reserved: 0 });
        let stale = change.expected_on_hand.is_some_and(|expected| expected != level.on_hand);
        if stale && bug != Some(Bug::IgnoresExpectations) {
            return Err(Error::StockChanged { on_hand: level.on_hand });
        }
        let recount = change.recount && bug != Some(Bug::RefusesRecounts);
        let level = self.put(StockLevel { on_hand: change.on_hand, ..level }, recount)?;
        Ok(StockSet { level, created: known.is_none() })
    }

    pub(crate) fn adjust(&mut self, change: &AdjustStock) -> Result<StockLevel, Error> {
        let unknown = || Error::UnknownSku(vec![change.sku.clone()]);
        let level = self.stock.get(&change.sku).cloned().ok_or_else(unknown)?;
        let below = Error::BelowReserved { reserved: level.reserved };
        let on_hand = i128::from(level.on_hand) + i128::from(change.delta);
        if on_hand < 0 {
            return Err(below);
        }
        let on_hand = u64::try_from(on_hand).map_err(|_| Error::StockTooLarge)?;
        self.put(StockLevel { on_hand, ..level }, change.delta >= 0)
    }

    fn put(&mut self, level: StockLevel, may_be_short: bool) -> Result<StockLevel, Error> {
        if level.on_hand > StockLevel::MAX {
            return Err(Error::StockTooLarge);
        }
        if level.on_hand < level.reserved && !may_be_short {
            return Err(Error::BelowReserved { reserved: level.reserved });
        }
        self.stock.insert(level.sku.clone(), level.clone());
        Ok(level)
    }

    fn short_of(&self, Demand { sku, quantity: requested }: Demand) -> Option<StockShort> {
        let available = self.stock[&sku].available();
        (requested > available).then_some(StockShort { sku, requested, available })
    }

    fn move_stock(&mut self, demand: &[Demand], change: impl Fn(&mut StockLevel, u64)) {
        for Demand { sku, quantity } in demand {
            change(self.stock.get_mut(sku).unwrap(), *quantity);
        }
    }
}

fn demand(terms: &Terms, bug: Option<Bug>) -> Vec<Demand> {
    if bug == Some(Bug::LooksAtEachLineAlone) {
        let alone =
            |line: &omniflow_core::Line| Demand { sku: line.sku.clone(), quantity: line.quantity.into() };
        return terms.lines.iter().map(alone).collect();
    }
    terms.demand()
}
