//! The order of OmniFlow: one state machine, written once, pure.
//!
//! This crate has no I/O, no clock, no randomness and no async, and its dependencies keep it so. Time,
//! identity and the outcome of every effect come in as arguments. Both engines run exactly this code.
//!
//! - [`decide`] says what a [`Command`] does to an order: events, or a [`Rejection`] that changes nothing.
//! - [`evolve`] folds one recorded event into the order. It holds the lifecycle's table of transitions.
//! - [`next`] says what an order wants now, all effects and timers, from its state alone.
//!
//! Where the rules live: who may do what in which state, [`decide`]; what a fact leads to, [`evolve`];
//! what is done outside, [`next`]; the words people read, [`mod@reason`] and [`mod@status`]; what can be
//! placed, [`Draft`]; how a life is stored and chained, [`Entry::link`]. [`lifecycle`] prints all of it.

mod chain;
mod command;
mod decide;
mod draft;
mod effect;
mod event;
mod evolve;
mod fulfillment;
#[cfg(test)]
mod given;
pub mod lifecycle;
mod money;
mod next;
mod order;
mod payment;
mod policy;
pub mod reason;
pub mod status;
mod terms;
mod text;
mod time;
mod words;

pub use chain::{ChainHash, DecodeError, Link};
pub use command::{Action, Command, Outcome, PaymentOutcome, PaymentReport, Receipt, Rejection};
pub use decide::{allowed_actions, decide};
pub use draft::{
    Draft, DraftAdjustment, DraftAmount, DraftLine, FieldError, FieldFault, MAX_LINES, MAX_MINOR,
    MAX_QUANTITY, MAX_WINDOW_SECONDS,
};
pub use effect::{EffectId, EffectKey, EffectKind, Step, StockRefusal, StockShort, TimerId};
pub use event::{CaptureUse, Entry, Event};
pub use evolve::{FoldError, evolve, fold, placed};
pub use fulfillment::{Attention, Fulfillment, FulfillmentStatus, ShipmentStatus};
pub use money::{Currency, Money, MoneyError};
pub use next::{Next, Wanted, WantedTimer, next};
pub use order::{Order, State, StateKind, StockHold, Verdict};
pub use payment::{
    Decision, MAX_PAYMENTS, Payment, PaymentState, PaymentStatus, Payments, Refund, RefundProgress,
    RefundStatus,
};
pub use policy::{Policies, PoliciesError, PolicyBook, RULES, RetryPolicy};
pub use reason::{AttentionCode, Reason, ReasonCode};
pub use status::Locale;
pub use terms::{Adjustment, AdjustmentKind, Demand, DetailsHash, Line, Terms};
pub use text::{
    Actor, CustomerId, ExternalId, LineId, OrderId, PaymentEventId, PaymentId, ReasonText, Reference, Sku,
    TextError,
};
pub use time::Timestamp;
