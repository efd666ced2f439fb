//! One batch: every waiting job decided, on private copies, against what is committed and what the
//! batch itself did before.

use super::marks::Marked;
use crate::error::StorageError;
use crate::key::{Mint, OrderKey};
use crate::queue::{Job, OrderReply, RECOVERING, StockReply, StockTold};
use crate::reader;
use crate::record::Record;
use crate::stock::StockBook;
use crate::table::Table;
use omniflow_core::{
    Actor, ChainHash, Command, Demand, EffectKey, EffectKind, Entry, Event, Order, Outcome, ReasonText,
    Receipt, Step, StockHold, StockRefusal, Timestamp, Wanted, decide, evolve, next, placed,
};
use omniflow_engine::{Details, Error, Idempotency, Placement, Request, Standing};
use rusqlite::{Connection, OptionalExtension};
use std::collections::{HashMap, HashSet, VecDeque};

/// An order as the batch changes it.
pub(crate) struct Working {
    pub(crate) order: Order,
    pub(crate) head: ChainHash,
    pub(crate) positions: Vec<u64>,
    /// What was committed before, `None` for a new order.
    pub(crate) before: Option<Before>,
    /// The new entries' lines, joined by line breaks.
    pub(crate) lines: Vec<u8>,
    pub(crate) first_seq: u32,
    /// A new order's details.
    pub(crate) details: Option<SaltedDetails>,
}

/// The salt of an order's address and metadata, and their stored bytes.
pub(crate) type SaltedDetails = ([u8; 16], Vec<u8>);

/// An order as it was committed.
pub(crate) struct Before {
    pub(crate) version: u32,
    pub(crate) head: ChainHash,
    pub(crate) due_at: Option<Timestamp>,
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) standing: Standing,
}

/// Whom to answer after the commit, and what.
pub(crate) enum Reply {
    Order(OrderReply, Result<Decided, Error>),
    Stock(StockReply, Result<StockTold, Error>),
}

/// What was decided about an order.
pub(crate) enum Decided {
    /// The order stands as the batch leaves it.
    Now(OrderKey),
    /// The same, to a request with the mark of one before it in the batch.
    Again(OrderKey),
    /// It stood at this version when a request with the same mark was answered.
    Earlier(OrderKey, u32, Timestamp),
}

/// What a job of an order comes to: an answer, or the storage's fault.
pub(super) type OrderAnswer = Result<Result<Decided, Error>, StorageError>;

/// A batch being decided.
pub(crate) struct Batch<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) table: &'a Table,
    pub(crate) stock: &'a mut StockBook,
    pub(crate) mint: &'a mut Mint,
    pub(crate) at: Timestamp,
    pub(crate) orders: HashMap<OrderKey, Working>,
    /// Orders with new events, in the order in which they were decided, which is that of the log.
    pub(crate) changed: Vec<OrderKey>,
    /// Effects whose outcome came: nobody tries them any more, whatever the order wants in the end.
    pub(crate) settled: HashSet<(OrderKey, EffectKey)>,
    pub(crate) external_ids: HashMap<String, OrderKey>,
    pub(crate) replies: Vec<Reply>,
    /// Answers to be kept for requests that are sent again.
    pub(crate) marked: HashMap<[u8; 32], (Idempotency, Marked)>,
    /// Orders with which nothing is done.
    pub(crate) set_aside: &'a HashSet<OrderKey>,
    /// How late timers fired, in milliseconds.
    pub(crate) late: Vec<u64>,
    /// The order at work, for whoever asks after a fault.
    pub(crate) at_work: Option<OrderKey>,
    /// Whether the commit itself has begun, after which an error leaves unknown what is on disk.
    pub(crate) is_committing: bool,
}

impl Batch<'_> {
    /// Decides one job. An error here is the storage's; refusals are answers.
    pub(crate) fn decide(&mut self, job: Job) -> Result<(), StorageError> {
        match job {
            Job::Place(placement, reply) => {
                let mark = placement.idempotency;
                let answer = self.once(mark, |batch| batch.place(*placement));
                self.keep(reply, answer)?;
            }
            Job::Command(key, request, reply) => {
                let mark = request.idempotency;
                let answer = self.once(mark, |batch| batch.request(key, *request));
                self.keep(reply, answer)?;
            }
            Job::Stock(change, reply) => self.change_stock(*change, reply)?,
            Job::Outcome(key, effect, outcome) => self.outcome(key, effect, *outcome)?,
            Job::Due(keys) => self.due(keys)?,
        }
        self.at_work = None;
        Ok(())
    }

    /// Keeps an answer until the commit; a fault is answered at once, since nothing was written.
    fn keep(&mut self, reply: OrderReply, answer: OrderAnswer) -> Result<(), StorageError> {
        match answer {
            Ok(answer) => self.replies.push(Reply::Order(reply, answer)),
            Err(fault) => {
                drop(reply.send(Err(Error::Unavailable(RECOVERING.to_owned()))));
                return Err(fault);
            }
        }
        Ok(())
    }

    /// Places an order and decides its stock. What is refused leaves nothing behind.
    fn place(&mut self, placement: Placement) -> Result<Result<OrderKey, Error>, StorageError> {
        let Placement { terms, details, actor, idempotency: _ } = placement;
        if let Some(external_id) = &terms.external_id
            && let Some(holder) = self.external_id_holder(external_id.as_str())?
        {
            return Ok(Err(holder));
        }
        let (key, order_id) = self.mint.mint(self.at)?;
        self.at_work = Some(key);
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

    /// A client's request of one order.
    fn request(&mut self, key: OrderKey, request: Request) -> Result<Result<OrderKey, Error>, StorageError> {
        if self.set_aside.contains(&key) {
            return Ok(Err(Error::SetAside));
        }
        let Some(working) = self.working(key)? else { return Ok(Err(Error::OrderNotFound)) };
        if working.order.id != request.order_id {
            return Ok(Err(Error::OrderNotFound));
        }
        if let Some(version) = request.if_version
            && version != working.order.version
        {
            return Ok(Err(Error::VersionMismatch { current: working.order.version }));
        }
        match decide(&working.order, &request.command) {
            Ok(events) => {
                self.apply(key, events, &request.actor)?;
                Ok(Ok(key))
            }
            Err(rejection) => Ok(Err(Error::Rejected(rejection))),
        }
    }

    /// What became of an effect. An answer that cannot be true is as good as none: a person must look.
    fn outcome(&mut self, key: OrderKey, effect: EffectKey, outcome: Outcome) -> Result<(), StorageError> {
        self.settled.insert((key, effect));
        if self.set_aside.contains(&key) {
            return Ok(());
        }
        let Some(working) = self.working(key)? else {
            tracing::error!(key = key.0, "an outcome for no known order");
            return Ok(());
        };
        let actor = actor_of(effect, &outcome);
        match decide(&working.order, &Command::Settle { effect, outcome }) {
            Ok(events) => self.apply(key, events, &actor),
            Err(rejection) => {
                tracing::error!(order_id = %working.order.id, %rejection, "a provider's answer was refused");
                let last_error = ReasonText::new(format!("its answer cannot be true: {rejection}")).ok();
                let outcome = Outcome::Unknown { attempts: 1, last_error };
                let events = decide(&working.order, &Command::Settle { effect, outcome })
                    .map_err(|rejection| StorageError::Diverged(rejection.to_string()))?;
                self.apply(key, events, &Actor::engine())
            }
        }
    }

    /// Fires what is due of these orders, and nothing early.
    fn due(&mut self, due: VecDeque<OrderKey>) -> Result<(), StorageError> {
        for key in due.into_iter().filter(|key| !self.set_aside.contains(key)) {
            let at = self.at;
            let Some(working) = self.working(key)? else { continue };
            let timers = next(&working.order).timers;
            for timer in timers.into_iter().filter(|timer| timer.due_at <= at) {
                let Some(working) = self.working(key)? else { continue };
                // What a timer that is no longer wanted says is nothing.
                if let Ok(events) = decide(&working.order, &Command::Elapse(timer.id)) {
                    self.late.push(at.millis_since(timer.due_at));
                    self.apply(key, events, &Actor::engine())?;
                }
            }
        }
        Ok(())
    }

    /// Records events, and the stock effects that follow from them.
    fn apply(&mut self, key: OrderKey, events: Vec<Event>, actor: &Actor) -> Result<(), StorageError> {
        if events.is_empty() {
            return Ok(());
        }
        let Some(mut working) = self.orders.remove(&key) else { return Ok(()) };
        if working.lines.is_empty() {
            self.changed.push(key);
        }
        for event in events {
            working = working.record(event, self.at, actor.clone());
        }
        let working = self.run_stock(key, working)?;
        self.orders.insert(key, working);
        Ok(())
    }

    /// Performs the stock effects that the order wants, until it wants none: their outcome is part of
    /// the same commit.
    fn run_stock(&mut self, key: OrderKey, mut working: Working) -> Result<Working, StorageError> {
        while let Some(wanted) = next(&working.order).effects.first().filter(|w| w.key.step.is_stock()) {
            let outcome = self.move_stock(key, wanted.key.step, &working.order.terms.demand())?;
            let command = Command::Settle { effect: wanted.key, outcome };
            let events = decide(&working.order, &command)
                .map_err(|rejection| StorageError::Diverged(rejection.to_string()))?;
            if events.is_empty() {
                return Err(StorageError::Diverged(format!("{} was not settled", wanted.key)));
            }
            for event in events {
                working = working.record(event, self.at, Actor::engine());
            }
        }
        Ok(working)
    }

    fn move_stock(&mut self, key: OrderKey, step: Step, demand: &[Demand]) -> Result<Outcome, StorageError> {
        if step != Step::ReserveStock {
            self.stock.settle(key, step, demand)?;
        } else if let Err(refusal) = self.stock.reserve(key, demand) {
            return Ok(Outcome::NoStock(refusal));
        }
        Ok(Outcome::Done(Receipt::Stock))
    }

    /// The batch's copy of an order, made at first use.
    fn working(&mut self, key: OrderKey) -> Result<Option<&Working>, StorageError> {
        self.at_work = Some(key);
        if !self.orders.contains_key(&key) {
            let record = match self.table.get(key) {
                Some(encoded) => Some(Record::decode(&encoded)?),
                None => reader::record(self.connection, key)?,
            };
            let Some(record) = record else { return Ok(None) };
            self.orders.insert(key, Working::of(record));
        }
        Ok(self.orders.get(&key))
    }
}

impl Working {
    fn of(record: Record) -> Self {
        let Record { head, positions, order } = record;
        let wants = next(&order);
        let standing = Standing::of(&order);
        let before =
            Before { version: order.version, head, due_at: wants.due_at(), wanted: wants.effects, standing };
        let first_seq = order.version + 1;
        Self { order, head, positions, before: Some(before), lines: vec![], first_seq, details: None }
    }

    fn record(mut self, event: Event, at: Timestamp, actor: Actor) -> Self {
        let entry = Entry { seq: self.order.version + 1, at, actor, event };
        let link = entry.link(&self.head);
        if self.lines.is_empty() {
            self.lines = link.line;
        } else {
            self.lines.push(b'\n');
            self.lines.extend_from_slice(&link.line);
        }
        self.head = link.hash;
        self.order = evolve(self.order, &entry);
        self
    }
}

/// Who is behind an outcome that the engine itself brought.
fn actor_of(effect: EffectKey, outcome: &Outcome) -> Actor {
    match outcome {
        Outcome::Done(_) | Outcome::Accepted { .. } | Outcome::Refused { .. } => match effect.step.kind() {
            EffectKind::Ship => Actor::carrier(),
            EffectKind::RefundPayment => Actor::payments(),
            _ => Actor::engine(),
        },
        _ => Actor::engine(),
    }
}
