//! What the store is told and what it answers.

use omniflow_core::{ChainHash, DetailsHash, Order, OrderId, StockRefusal, Timestamp};
use omniflow_engine::{Details, DetailsError, Idempotency, StockLevel};

/// Address and metadata with the salt that their hash in the events is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaltedDetails {
    /// Fresh random bytes for each order.
    pub salt: [u8; 16],
    /// What [`Details::encode`] wrote.
    pub body: Vec<u8>,
}

impl SaltedDetails {
    /// Encodes details; `None` where there is nothing to keep.
    ///
    /// # Errors
    /// [`DetailsError`] never in practice: strings always encode.
    pub fn new(details: &Details, salt: [u8; 16]) -> Result<Option<Self>, DetailsError> {
        if details.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { salt, body: details.encode()? }))
    }

    /// What the order's first event calls them.
    pub fn hash(&self) -> DetailsHash {
        Details::hash(&self.body, &self.salt)
    }
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The order is stored, not acknowledged. Also where the very same claim was stored before.
    Made,
    /// A request with the same mark and body claimed an order before.
    Again {
        /// Which.
        order_id: OrderId,
        /// With which version and when it was answered, once it was.
        answered: Option<(u32, Timestamp)>,
    },
    /// The mark was used for another request.
    KeyReused,
    /// Another order has the external id.
    ExternalIdTaken {
        /// Which.
        order_id: OrderId,
        /// Whether its placing was answered. If not, it may yet be refused and go.
        acknowledged: bool,
    },
}

/// An order at the beginning of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// There is none.
    Missing,
    /// What is stored.
    Order {
        /// Every line, first to last.
        lines: Vec<Vec<u8>>,
        /// Whether its placing was answered.
        acknowledged: bool,
        /// What became of reserving its stock, where the lines do not say yet; it is never done twice.
        reserved: Option<Result<(), StockRefusal>>,
    },
}

/// Events to append, and what is to be true together with them.
#[derive(Clone, Debug)]
pub struct Publish<'a> {
    /// Whose.
    pub order_id: &'a OrderId,
    /// The version on which the lines follow.
    pub expected: u32,
    /// The entries' JSON lines. None, where only the rest is to be stored.
    pub lines: Vec<Vec<u8>>,
    /// The order after them: its version is `expected` and as many as there are lines.
    pub order: &'a Order,
    /// Moves stock: `ReleaseStock` or `ConsumeStock`, never twice. Other steps move nothing here.
    pub stock: Option<omniflow_core::Step>,
    /// Answers to keep: the marks and the versions that they were answered with.
    pub marks: Vec<(Idempotency, u32)>,
    /// The moment.
    pub at: Timestamp,
    /// The order is shown from now on, and the mark of its placing answered with this version.
    pub acknowledge: bool,
    /// Its stock was refused and nobody has paid: where it is not shown yet it never is, and lets go of its
    /// external id, its mark and its details; where it is, it stays and its mark is answered.
    pub withdraw: bool,
    /// Address and metadata go for good, with the salt of what was hashed with it.
    pub erase_details: bool,
}

/// What became of events to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    /// All is stored; also where the very same lines were stored before.
    Stored,
    /// All is stored, and the order was shown before, so that it was not withdrawn.
    Kept,
    /// The order has another version. Nothing was changed.
    Behind {
        /// Every stored line after the version that was expected. None, where the order has not come so far,
        /// or is not there.
        lines: Vec<Vec<u8>>,
        /// Whether it is shown.
        acknowledged: bool,
    },
}

/// What an order is whose placing was not answered in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// Its stock is not decided. It is shown from now on, and kept also where its stock is then refused.
    Undecided(Order),
    /// It was decided and shown before.
    Decided(Order),
    /// It was refused and withdrawn before.
    Refused(StockRefusal),
    /// There is no such order.
    Missing,
}

/// An order whose stock was not decided in time, and its place among all orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    /// Which.
    pub order_id: OrderId,
    /// Where to go on after it.
    pub place: i64,
}

/// An order as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The order.
    pub order: Order,
    /// Its chain's hash.
    pub head: ChainHash,
    /// Whether its placing was answered: others are not shown.
    pub acknowledged: bool,
}

/// What is kept under a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The mark was used for another request.
    Reused,
    /// A request of an order.
    Order {
        /// Which.
        order_id: OrderId,
        /// With which version and when it was answered. A placing that is still at work was not.
        answered: Option<(u32, Timestamp)>,
    },
    /// A change of stock.
    Stock {
        /// The stock as it was answered.
        level: StockLevel,
        /// When.
        at: Timestamp,
    },
}
