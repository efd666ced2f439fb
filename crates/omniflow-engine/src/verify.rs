//! What every engine's stored data must be, wherever it is stored: one report, and the rules about an order's
//! money and its stock. How data is read, each engine knows alone.

use omniflow_core::{Order, OrderId, PaymentState, StockHold};
use std::collections::BTreeMap;

/// The most faults that are described; further ones are counted.
const MAX_DESCRIBED: usize = 100;

/// What was checked, and what does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Orders folded and compared.
    pub orders: u64,
    /// Events whose links were checked.
    pub events: u64,
    /// SKUs whose ledger was added up.
    pub skus: u64,
    /// Movements of stock for orders.
    pub movements: u64,
    /// How many things do not hold.
    pub faults: u64,
    /// The first of them, in words.
    pub described: Vec<String>,
}

impl Report {
    /// Whether everything holds.
    pub const fn is_clean(&self) -> bool {
        self.faults == 0
    }

    /// Notes something that does not hold.
    pub fn fault(&mut self, text: String) {
        self.faults += 1;
        if self.described.len() < MAX_DESCRIBED {
            self.described.push(text);
        }
    }

    /// At most one capture is kept, and none by an order that was undone.
    pub fn check_money(&mut self, order: &Order) {
        let kept = order.payments.iter().filter(|payment| payment.state == PaymentState::Captured).count();
        if kept > 1 || kept == 1 && !order.payments.is_paid() {
            self.fault(format!("{} keeps {kept} captures", order.id));
        }
        let ended_undone = order.kind().is_ended() && order.state.reason().is_some();
        if ended_undone && kept > 0 {
            self.fault(format!("{} is {} and keeps the money", order.id, order.kind()));
        }
    }

    /// Every reservation ends once, and as the order's events say.
    pub fn check_holding(&mut self, holding: &Holding, sku: &str, quantity: u64, moved: Moved) {
        let none = Moved::default();
        let reserved = Moved { reserved: quantity, movements: 1, ..none };
        let expected = match holding.hold {
            StockHold::Held => reserved,
            StockHold::Released => Moved { released: quantity, movements: 2, ..reserved },
            StockHold::Consumed => Moved { consumed: quantity, movements: 2, ..reserved },
            StockHold::Undecided | StockHold::Refused(_) => none,
        };
        if expected != moved {
            let [found, expected] = [moved, expected].map(Moved::counts);
            self.fault(format!(
                "{}: of {sku} the ledger has (reserved, released, consumed, movements) {found:?}, its events say {expected:?}",
                holding.id
            ));
        }
    }

    /// A SKU's stock against the sums of its ledger, and against what orders hold of it.
    pub fn check_level(&mut self, sku: &str, level: (i64, i64), ledger: (i64, i64), promised: i64) {
        let (on_hand, reserved) = level;
        self.skus += 1;
        if ledger != level {
            self.fault(format!(
                "{sku}: stock is {on_hand} with {reserved} reserved, its ledger says {ledger:?}"
            ));
        }
        if promised != reserved {
            self.fault(format!("{sku}: {reserved} are reserved, orders hold {promised}"));
        }
    }
}

/// How an order holds stock, by what its events say.
#[derive(Clone, Debug)]
pub struct Holding {
    /// Whose it is.
    pub id: OrderId,
    /// What became of its reservation.
    pub hold: StockHold,
    /// Pieces of each SKU.
    pub demand: BTreeMap<String, u64>,
}

impl Holding {
    /// What an order wants, and whether it has it.
    pub fn of(order: &Order) -> Self {
        let demand = order.terms.demand().into_iter().map(|want| (want.sku.to_string(), want.quantity));
        Self { id: order.id.clone(), hold: order.stock.clone(), demand: demand.collect() }
    }

    /// Pieces of each SKU that orders hold.
    pub fn promised<'h>(holdings: impl Iterator<Item = &'h Self>) -> BTreeMap<&'h str, i64> {
        let mut promised: BTreeMap<&str, i64> = BTreeMap::new();
        for holding in holdings.filter(|holding| holding.hold == StockHold::Held) {
            for (sku, quantity) in &holding.demand {
                *promised.entry(sku).or_default() += quantity.cast_signed();
            }
        }
        promised
    }
}

/// What a ledger says of one order and SKU: pieces, and how many movements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Reserved.
    pub reserved: u64,
    /// Given back.
    pub released: u64,
    /// Taken out.
    pub consumed: u64,
    /// In so many movements.
    pub movements: u64,
}

impl Moved {
    const fn counts(self) -> (u64, u64, u64, u64) {
        (self.reserved, self.released, self.consumed, self.movements)
    }
}
