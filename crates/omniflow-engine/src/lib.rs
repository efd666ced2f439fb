//! What every engine offers ([`OrderEngine`]), what it needs ([`Carrier`], [`Payments`], [`Clock`]), how
//! an effect is tried ([`perform`]), and what an engine must prove (the conformance suite).
//!
//! Nothing here knows SQLite, Temporal or a server of HTTP: of that only what is said to providers.

pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod crash;
mod details;
mod engine;
mod error;
pub mod http_providers;
mod idempotency;
mod listing;
mod metrics;
mod perform;
mod providers;
pub mod signatures;
pub mod simulated;
mod stock;
pub mod verify;

pub use clock::{Busy, Clock};
pub use details::{Details, DetailsError};
pub use engine::{
    Answer, Answered, FeedEntry, FeedScope, Health, OrderEngine, Placement, Position, Request, TimelineEntry,
};
pub use error::Error;
pub use idempotency::Idempotency;
pub use listing::{Cursor, CursorSeal, Filter, Listing, Page};
pub use metrics::{EngineMetrics, Standing};
pub use perform::{Attempts, perform};
pub use providers::{Attempt, Carrier, EffectRequest, Payments, Providers, RefundRequest, ShipmentRequest};
pub use stock::{AdjustStock, Adjusted, SetStock, StockLevel, StockSet};
