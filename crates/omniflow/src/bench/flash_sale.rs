//! `bench flash-sale`: many buyers and little stock. What counts is that every piece is sold, and none twice.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use serde::Serialize;

use super::client::Connection;
use super::drive::{self, Load, Stop};
use super::place::PlaceRequests;
use super::tally::{Step, Tally};

/// A buyer asks for one piece: 201 is a sale, 409 `out_of_stock` the honest answer to who came too late.
pub(super) struct FlashSale {
    /// What is sent.
    pub(super) orders: PlaceRequests,
    pub(super) sold: Cell<u64>,
    pub(super) sold_out: Cell<u64>,
}

/// How the sale went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sale {
    /// Pieces that there were.
    pub(super) pieces: u64,
    /// Buyers who got one.
    pub(super) sold: u64,
    /// Buyers who were told that there was none.
    pub(super) sold_out: u64,
    /// Pieces that are still available, as the server says.
    pub(super) left: u64,
}

impl Sale {
    /// Whether every piece is accounted for, and nobody was turned away while there was one.
    pub(super) fn is_right(&self) -> bool {
        self.sold + self.left == self.pieces && (self.sold_out == 0 || self.left == 0)
    }
}

impl FlashSale {
    pub(super) fn new(orders: PlaceRequests) -> Self {
        Self { orders, sold: Cell::new(0), sold_out: Cell::new(0) }
    }
}

impl Load for FlashSale {
    async fn once(
        &self,
        connection: &mut Connection,
        tally: &RefCell<Tally>,
        intended: Instant,
    ) -> Result<(), Stop> {
        let answer = drive::ask(connection, tally, Step::Place, self.orders.next()).await?;
        let (step, count) = match answer.status {
            201 => (Step::Place, &self.sold),
            409 if answer.field("code") == Some("out_of_stock") => (Step::SoldOut, &self.sold_out),
            _ => return Err(Stop::unexpected(Step::Place, &answer)),
        };
        count.set(count.get() + 1);
        tally.borrow_mut().record(step, intended.elapsed());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_is_right_when_every_piece_is_accounted_for() {
        let sale = |sold, sold_out, left| Sale { pieces: 10, sold, sold_out, left }.is_right();
        assert!(sale(10, 90, 0) && sale(7, 0, 3));
        assert!(!sale(11, 89, 0), "one was sold twice");
        assert!(!sale(9, 91, 1), "a buyer was turned away while there was one");
        assert!(!sale(9, 91, 0), "one is lost");
    }
}
