//! Everything an engine can answer instead of what was asked for.

use omniflow_core::{OrderId, Rejection, Sku, StockShort};

/// A refusal, or a fault. Each leaves everything as it was, but for [`Error::OutcomeUnknown`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such order.
    #[error("there is no such order")]
    OrderNotFound,
    /// The order's state forbids it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Too little stock; there is no order.
    #[error("there is too little stock")]
    OutOfStock(Vec<StockShort>),
    /// The catalogue does not know these.
    #[error("unknown SKU")]
    UnknownSku(Vec<Sku>),
    /// Another order has this external id.
    #[error("the external id belongs to order {0}")]
    ExternalIdTaken(OrderId),
    /// The order has another version than the caller asked for.
    #[error("the order is at version {current}")]
    VersionMismatch {
        /// Its version now.
        current: u32,
    },
    /// Less than what is reserved.
    #[error("{reserved} are reserved")]
    BelowReserved {
        /// How many are reserved.
        reserved: u64,
    },
    /// What is on hand is not what the caller expected.
    #[error("{on_hand} are on hand")]
    StockChanged {
        /// How many are on hand now.
        on_hand: u64,
    },
    /// More than can be counted.
    #[error("more than can be counted")]
    StockTooLarge,
    /// The mark was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// A request with the same mark is at work, and was not answered within
    /// [`Idempotency::PATIENCE`](crate::Idempotency::PATIENCE); nothing was done.
    #[error("the same request is being done")]
    IdempotencyInProgress,
    /// The cursor was not made for this list.
    #[error("the cursor is not of this list")]
    ForeignCursor,
    /// More is being asked than the engine can do; this request did nothing, one with the same mark may have.
    #[error("more is being asked than can be done now")]
    Overloaded,
    /// The engine cannot work now; this request did nothing, one with the same mark may have.
    #[error("the engine cannot work now: {0}")]
    Unavailable(String),
    /// Working on the order failed twice, and what is stored of it must be looked at; nothing was done.
    #[error("the order is set aside: what is stored of it cannot be worked on")]
    SetAside,
    /// It may have been done or not: a commit failed. Reading the order tells.
    #[error("it may have been done or not")]
    OutcomeUnknown,
}
