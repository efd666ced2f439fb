//! One batch: every waiting job decided, on private copies, against what is committed and what the
//! batch itself did before.

use super::marks::Marked;
use super::working::Working;
use crate::error::StorageError;
use crate::key::{Mint, OrderKey};
use crate::queue::{Job, OrderReply, RECOVERING, StockReply, StockTold};
use crate::reader;
use crate::record::Record;
use crate::stock::StockBook;
use crate::table::Table;
use omniflow_core::{
    Actor, Command, Demand, EffectKey, Event, Outcome, ReasonText, Receipt, Step, Timestamp, decide, next,
};
use omniflow_engine::{Error, Idempotency, Request};
use rusqlite::Connection;
use std::collections::{HashMap, HashSet, VecDeque};

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
    /// The order that is to blame where what is stored of one is.
    pub(crate) suspect: Option<OrderKey>,
    /// Whether the commit itself has begun, after which an error leaves unknown what is on disk.
    pub(crate) is_committing: bool,
}

impl Batch<'_> {
    /// Decides one job. An error here is the storage's; refusals are answers.
    pub(crate) fn decide(&mut self, job: Job) -> Result<(), StorageError> {
        match job {
            Job::Place(placement, reply) => {
                let mark = placement.idempotency;
                let answer = self.once(mark, Marked::Placing, |batch| batch.place(*placement));
                self.keep(reply, answer)?;
            }
            Job::Command(key, request, reply) => {
                let mark = request.idempotency;
                let answer = self.once(mark, Marked::Order, |batch| batch.request(key, *request));
                self.keep(reply, answer)?;
            }
            Job::Stock(change, reply) => self.change_stock(*change, reply)?,
            Job::Outcome(key, effect, outcome) => self.outcome(key, effect, *outcome)?,
            Job::Due(keys) => self.due(keys)?,
        }
        self.suspect = None;
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
        let actor = outcome.actor(effect);
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
    pub(super) fn run_stock(&mut self, key: OrderKey, mut working: Working) -> Result<Working, StorageError> {
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
        self.suspect = Some(key);
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
