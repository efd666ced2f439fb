//! An engine that only listens to reports.

use crate::{
    AdjustStock, Adjusted, Answer, Answered, Details, Error, FeedEntry, FeedScope, Health, Listing,
    OrderEngine, Page, Placement, Position, Request, SetStock, StockLevel, StockSet, TimelineEntry,
};
use omniflow_core::{
    Actor, Currency, Entry, Event, Line, LineId, Money, Order, OrderId, PolicyBook, Sku, Terms, Timestamp,
    placed,
};
use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};

/// An engine that notes what it is told, and answers as it was told to before it takes anything.
#[derive(Default)]
pub(super) struct Listener {
    pub(super) heard: Mutex<Vec<Request>>,
    pub(super) faults: Mutex<VecDeque<Error>>,
}

fn answered() -> Answered {
    Answered { order: order(), at: Timestamp::default(), replayed: false, pending: false }
}

/// Some order.
fn order() -> Arc<Order> {
    let total = Money::new(50_000, Currency::USD);
    let policies = PolicyBook::default().for_order(total, None).unwrap();
    let sku = Sku::new("tea").unwrap();
    let lines = vec![Line { line_id: LineId::of_place(1), sku, quantity: 1, unit_price_minor: None }];
    let terms = Terms { total, lines, adjustments: vec![], external_id: None, customer_id: None, policies };
    let order_id = OrderId::new("ORD-1").unwrap();
    let event = Event::OrderPlaced { order_id, terms: Box::new(terms), details: None };
    let entry = Entry { seq: 1, at: Timestamp::default(), actor: Actor::api(), event };
    Arc::new(placed(&entry).unwrap())
}

impl OrderEngine for Listener {
    fn command(&self, request: Request) -> Answer<'_, Result<Answered, Error>> {
        self.heard.lock().unwrap().push(request);
        let answer = self.faults.lock().unwrap().pop_front().map_or_else(|| Ok(answered()), Err);
        Box::pin(async { answer })
    }

    fn place(&self, _: Placement) -> Answer<'_, Result<Answered, Error>> {
        Box::pin(pending())
    }

    fn read<'a>(&'a self, _: &'a OrderId) -> Answer<'a, Result<Arc<Order>, Error>> {
        Box::pin(pending())
    }

    fn changed<'a>(&'a self, _: &'a OrderId, _: u32) -> Answer<'a, Result<Arc<Order>, Error>> {
        Box::pin(pending())
    }

    fn details<'a>(&'a self, _: &'a OrderId) -> Answer<'a, Result<Option<Details>, Error>> {
        Box::pin(pending())
    }

    fn list(&self, _: Page) -> Answer<'_, Result<Listing, Error>> {
        Box::pin(pending())
    }

    fn timeline<'a>(&'a self, _: &'a OrderId) -> Answer<'a, Result<Vec<TimelineEntry>, Error>> {
        Box::pin(pending())
    }

    fn feed<'a>(
        &'a self,
        _: &'a FeedScope,
        _: Position,
        _: usize,
    ) -> Answer<'a, Result<Vec<FeedEntry>, Error>> {
        Box::pin(pending())
    }

    fn last_position(&self) -> Answer<'_, Result<Position, Error>> {
        Box::pin(pending())
    }

    fn stock<'a>(&'a self, _: &'a Sku) -> Answer<'a, Result<StockLevel, Error>> {
        Box::pin(pending())
    }

    fn stocks<'a>(&'a self, _: Option<&'a Sku>, _: usize) -> Answer<'a, Result<Vec<StockLevel>, Error>> {
        Box::pin(pending())
    }

    fn set_stock(&self, _: SetStock) -> Answer<'_, Result<StockSet, Error>> {
        Box::pin(pending())
    }

    fn adjust_stock(&self, _: AdjustStock) -> Answer<'_, Result<Adjusted, Error>> {
        Box::pin(pending())
    }

    fn health(&self) -> Answer<'_, Health> {
        Box::pin(std::future::ready(Health::Ready))
    }

    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
}
