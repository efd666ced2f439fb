//! The engine, as everything above it sees it.

use crate::{
    AdjustStock, Adjusted, Details, Error, Idempotency, Listing, Page, SetStock, StockLevel, StockSet,
};
use omniflow_core::{Actor, ChainHash, Command, Entry, Order, OrderId, Sku, Terms, Timestamp};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future: the engine is used as `dyn OrderEngine`, so that nobody above knows which one runs.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An order to place.
#[derive(Clone, Debug)]
pub struct Placement {
    /// What is ordered, already checked.
    pub terms: Terms,
    /// Address and metadata, kept outside events.
    pub details: Option<Details>,
    /// Who places it.
    pub actor: Actor,
    /// Marks it, so that it is done once however often it is sent.
    pub idempotency: Option<Idempotency>,
}

/// Something asked of one order.
#[derive(Clone, Debug)]
pub struct Request {
    /// Of which.
    pub order_id: OrderId,
    /// What.
    pub command: Command,
    /// By whom.
    pub actor: Actor,
    /// Only if the order has this version.
    pub if_version: Option<u32>,
    /// Marks it, so that it is done once however often it is sent.
    pub idempotency: Option<Idempotency>,
}

/// What a request of an order was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The order as it stood then.
    pub order: Arc<Order>,
    /// When that was.
    pub at: Timestamp,
    /// Whether this answers a request that was answered before: the mark and the body are the same.
    pub replayed: bool,
    /// Whether it is taken, durably, and not yet done: the order is as it was last known. So only an engine
    /// answers whose orders are run elsewhere, and only a placing whose stock is not decided in time and a
    /// payment report that nobody applies in time.
    pub pending: bool,
}

/// A place in the log of all events, durable: it survives restarts and never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// One event of a timeline with the chain's hash after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// The event.
    pub entry: Entry,
    /// The chain's hash.
    pub hash: ChainHash,
}

/// Whose events a feed has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedScope {
    /// Every order's.
    All,
    /// One order's.
    Order(OrderId),
}

/// One event of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEntry {
    /// Its place in the log.
    pub position: Position,
    /// Whose it is.
    pub order_id: OrderId,
    /// The event and its hash.
    pub entry: TimelineEntry,
}

/// Whether the engine can take orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Ready,
    /// It cannot now; the text says why and what is being done.
    Unavailable(String),
}

/// An engine that runs orders.
///
/// Whatever it answers is durable, refusals included: no later request, and no crash, can find it undone.
/// Two engines differ in speed and reach, never in what they answer.
///
/// Of requests with one mark at once, the first is done and the others get its answer, or
/// [`Error::IdempotencyInProgress`] where it is not there in time. The API sees to that among the requests of
/// its own process; an engine that several processes ask sees to it among theirs.
pub trait OrderEngine: Send + Sync + 'static {
    /// Places an order and reserves its stock, for every line or for none.
    ///
    /// A marked one is recognised by its mark's key and body; once the order's details are erased, of which the
    /// body tells, by the key alone.
    ///
    /// # Errors
    /// [`Error::OutOfStock`], [`Error::UnknownSku`], [`Error::ExternalIdTaken`]: there is no order then.
    /// [`Error::IdempotencyKeyReused`].
    fn place(&self, placement: Placement) -> Answer<'_, Result<Answered, Error>>;

    /// Tells an order something and answers with the order as it then stands.
    ///
    /// What was applied before is `Ok` and changes nothing.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the state forbids it, [`Error::OrderNotFound`],
    /// [`Error::VersionMismatch`], [`Error::IdempotencyKeyReused`].
    fn command(&self, request: Request) -> Answer<'_, Result<Answered, Error>>;

    /// The order as it stands.
    ///
    /// # Errors
    /// [`Error::OrderNotFound`].
    fn read<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Arc<Order>, Error>>;

    /// The order as soon as its version is another than `version`, at once if it is already.
    ///
    /// It waits as long as it is polled; dropping it costs nothing.
    ///
    /// # Errors
    /// [`Error::OrderNotFound`].
    fn changed<'a>(&'a self, id: &'a OrderId, version: u32) -> Answer<'a, Result<Arc<Order>, Error>>;

    /// The order's address and metadata, `None` when there are none or they were erased.
    ///
    /// # Errors
    /// [`Error::OrderNotFound`].
    fn details<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Option<Details>, Error>>;

    /// Orders, newest first: every one that was acknowledged before, as it stands.
    ///
    /// A part can have fewer than the limit before the end, where orders changed meanwhile.
    ///
    /// # Errors
    /// [`Error::ForeignCursor`].
    fn list(&self, page: Page) -> Answer<'_, Result<Listing, Error>>;

    /// Every event of an order, first to last.
    ///
    /// # Errors
    /// [`Error::OrderNotFound`].
    fn timeline<'a>(&'a self, id: &'a OrderId) -> Answer<'a, Result<Vec<TimelineEntry>, Error>>;

    /// Subscribes by asking again: events after a position, at most `limit`, waiting until there is one.
    ///
    /// The reader sets the pace, so a slow one never slows the engine.
    ///
    /// # Errors
    /// [`Error::OrderNotFound`] where one order's feed is asked for.
    fn feed<'a>(
        &'a self,
        scope: &'a FeedScope,
        after: Position,
        limit: usize,
    ) -> Answer<'a, Result<Vec<FeedEntry>, Error>>;

    /// The place of the last event: a feed after it has what is to come, and nothing else.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    fn last_position(&self) -> Answer<'_, Result<Position, Error>>;

    /// Stock of one SKU.
    ///
    /// # Errors
    /// [`Error::UnknownSku`].
    fn stock<'a>(&'a self, sku: &'a Sku) -> Answer<'a, Result<StockLevel, Error>>;

    /// Stock of every SKU after `after`, sorted by SKU, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    fn stocks<'a>(
        &'a self,
        after: Option<&'a Sku>,
        limit: usize,
    ) -> Answer<'a, Result<Vec<StockLevel>, Error>>;

    /// Sets what is on hand; creates the SKU where it is new.
    ///
    /// # Errors
    /// [`Error::BelowReserved`] unless it is a recount, [`Error::StockChanged`].
    fn set_stock(&self, change: SetStock) -> Answer<'_, Result<StockSet, Error>>;

    /// Adds to or takes from what is on hand.
    ///
    /// # Errors
    /// [`Error::UnknownSku`], [`Error::BelowReserved`], [`Error::IdempotencyKeyReused`].
    fn adjust_stock(&self, change: AdjustStock) -> Answer<'_, Result<Adjusted, Error>>;

    /// Whether it can take orders now. It may ask servers, and answers within about a second.
    fn health(&self) -> Answer<'_, Health>;

    /// The time by the engine's clock.
    fn now(&self) -> Timestamp;
}
