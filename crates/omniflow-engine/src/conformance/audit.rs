//! What must hold of every case in the end, whatever it was about.

use super::World;
use crate::simulated::{Record, What, taken};
use crate::{Cursor, FeedEntry, FeedScope, Page, Position, StockLevel, TimelineEntry};
use omniflow_core::{
    ChainHash, Entry, Fulfillment, Money, Order, OrderId, PaymentState, PaymentStatus, Step, StockHold, fold,
    next,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that can be read of an engine.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) orders: Vec<Arc<Order>>,
    pub(super) timelines: Vec<Vec<TimelineEntry>>,
    pub(super) stocks: Vec<StockLevel>,
    log: Vec<FeedEntry>,
}

impl World {
    /// Waits until no order wants an effect, and no provider a report taken.
    pub(super) async fn rest(&mut self) {
        for id in self.orders.clone() {
            let simulated = self.simulated();
            let rests = move |order: &Order| next(order).effects.is_empty() && !simulated.owes_reports();
            self.wait_for(&id, "rest", &rests).await;
        }
        self.settle().await;
    }

    /// Reads everything and checks it against itself and against the providers' ledger.
    pub(super) async fn audit(&self) -> Snapshot {
        let (mut orders, mut timelines) = (vec![], vec![]);
        for id in &self.orders {
            let (order, timeline) = (self.order(id).await, self.timeline(id).await);
            is_whole(&order, &timeline);
            orders.push(order);
            timelines.push(timeline);
        }
        let events = timelines.iter().map(Vec::len).sum();
        let log = self.feed(&FeedScope::All, events).await;
        let last = log.last().map_or(Position::default(), |entry| entry.position);
        assert_eq!(
            self.engine().last_position().await,
            Ok(last),
            "the last position is that of the last event"
        );
        for (order, timeline) in orders.iter().zip(&timelines) {
            let of_order = log.iter().filter(|entry| entry.order_id == order.id).map(|entry| &entry.entry);
            assert!(of_order.eq(timeline), "the feed of all tells {} as its timeline does", order.id);
        }
        self.lists(&orders).await;
        let stocks = self.stocks(&orders).await;
        let records = self.records();
        for order in &orders {
            self.shipped_once(order, &records);
            self.refunded_once(order, &records);
        }
        Snapshot { orders, timelines, stocks, log }
    }

    pub(super) async fn timeline(&self, id: &OrderId) -> Vec<TimelineEntry> {
        match self.engine().timeline(id).await {
            Ok(timeline) => timeline,
            Err(error) => panic!("the timeline of {id} cannot be read: {error}"),
        }
    }

    /// The first so many events of a feed, read in small parts.
    pub(super) async fn feed(&self, scope: &FeedScope, events: usize) -> Vec<FeedEntry> {
        let (engine, mut entries) = (self.engine(), Vec::<FeedEntry>::new());
        while entries.len() < events {
            let after = entries.last().map_or(Position::default(), |entry| entry.position);
            let part = match self.guarded("a part of a feed", engine.feed(scope, after, 7)).await {
                Ok(part) => part,
                Err(error) => panic!("the feed cannot be read: {error}"),
            };
            assert!((1..=7).contains(&part.len()), "a part of a feed has 1 to 7 entries, as asked");
            entries.extend(part);
        }
        assert_eq!(entries.len(), events, "a feed has as many events as its timelines");
        assert!(entries.is_sorted_by(|a, b| a.position < b.position), "positions rise");
        entries
    }

    /// An answer that must be there.
    pub(super) async fn guarded<T>(&self, what: &str, answer: impl Future<Output = T>) -> T {
        match tokio::time::timeout(self.pace().guard, answer).await {
            Ok(answer) => answer,
            Err(_) => panic!("{what} never came"),
        }
    }

    /// The lines of the providers' ledger.
    pub(super) fn records(&self) -> Vec<Record> {
        match self.simulated().ledger().records() {
            Ok(records) => records,
            Err(error) => panic!("the providers' ledger cannot be read: {error}"),
        }
    }

    /// Every order once, in parts of three.
    pub(super) async fn listed(&self) -> Vec<Arc<Order>> {
        let (mut listed, mut after): (_, Option<Cursor>) = (vec![], None);
        loop {
            let listing = match self.engine().list(Page { after, limit: 3, ..Page::default() }).await {
                Ok(listing) => listing,
                Err(error) => panic!("orders cannot be listed: {error}"),
            };
            assert!(listing.orders.len() <= 3, "a list has no more than asked for");
            listed.extend(listing.orders);
            match listing.next {
                Some(next) => after = Some(next),
                None => return listed,
            }
            assert!(listed.len() <= 2 * self.orders.len(), "a list ends");
        }
    }

    async fn lists(&self, orders: &[Arc<Order>]) {
        let listed = self.listed().await;
        assert_eq!(listed.len(), orders.len(), "each order is listed once");
        assert!(listed.is_sorted_by(|a, b| a.created_at >= b.created_at), "newest first");
        let listed: BTreeMap<_, _> = listed.iter().map(|order| (&order.id, order)).collect();
        for order in orders {
            assert_eq!(listed.get(&order.id), Some(&order), "an order is listed as it is read");
        }
    }

    /// Stock is what was delivered, less what was consumed; reserved is what is held for orders.
    async fn stocks(&self, orders: &[Arc<Order>]) -> Vec<StockLevel> {
        let stocks = match self.engine().stocks(None, 100).await {
            Ok(stocks) => stocks,
            Err(error) => panic!("stocks cannot be listed: {error}"),
        };
        let of = |hold: StockHold| {
            let holding = orders.iter().filter(move |order| order.stock == hold);
            let mut sums = BTreeMap::<_, u64>::new();
            for demand in holding.flat_map(|order| order.terms.demand()) {
                *sums.entry(demand.sku).or_default() += demand.quantity;
            }
            sums
        };
        let (held, consumed) = (of(StockHold::Held), of(StockHold::Consumed));
        let expected = self.delivered.iter().map(|(sku, delivered)| StockLevel {
            sku: sku.clone(),
            on_hand: delivered - consumed.get(sku).unwrap_or(&0),
            reserved: *held.get(sku).unwrap_or(&0),
        });
        assert_eq!(stocks, expected.collect::<Vec<_>>(), "stock is what orders left of it");
        stocks
    }

    /// At most one shipment was taken, and exactly one, with this number, where the order says so.
    fn shipped_once(&self, order: &Order, records: &[Record]) {
        let taken = of_step(order, records, |step| step == Step::Ship);
        assert!(taken.len() <= 1, "shipped more than once: {taken:?}");
        let by_hand = self.told.iter().any(|told| told.order_id == order.id && told.key.step == Step::Ship);
        match &order.fulfillment {
            Fulfillment::Shipped { tracking_number } if !by_hand => {
                let done = |record: &&Record| {
                    let done = matches!(record.what, What::Done | What::Reported);
                    done && record.effect_id.order_id == order.id && record.tracking_number.is_some()
                };
                let done = records.iter().find(done).and_then(|record| record.tracking_number.as_ref());
                assert_eq!(done, Some(tracking_number), "the carrier has what the order says");
            }
            Fulfillment::NotStarted | Fulfillment::Refused if !by_hand => {
                assert_eq!(taken, Vec::<&Record>::new(), "shipped what must not be");
            }
            _ => {}
        }
    }

    /// A payment is given back at most once, whole, and only if it was captured and is not kept.
    fn refunded_once(&self, order: &Order, records: &[Record]) {
        let kept: Vec<_> = order.payments.iter().filter(|p| p.state == PaymentState::Captured).collect();
        assert!(kept.len() <= 1, "an order keeps at most one capture");
        for (number, payment) in (1..).zip(order.payments.iter()) {
            let step = Step::RefundPayment(number);
            let taken = of_step(order, records, |of| of == step);
            let by_hand = self.told.iter().any(|told| told.order_id == order.id && told.key.step == step);
            let amounts: Vec<Option<Money>> = taken.iter().map(|record| record.amount).collect();
            let whole = vec![Some(payment.amount)];
            match payment.status() {
                PaymentStatus::Refunded if !by_hand => assert_eq!(amounts, whole, "refunded once, whole"),
                PaymentStatus::Refunded | PaymentStatus::RefundPending | PaymentStatus::RefundSkipped => {
                    assert!(
                        amounts.is_empty() || amounts == whole,
                        "refunded more than the payment: {taken:?}"
                    );
                }
                _ => assert!(amounts.is_empty(), "refunded what must not be: {taken:?}"),
            }
        }
        let numbers: BTreeSet<_> = (1..).zip(order.payments.iter()).map(|(number, _)| number).collect();
        let strange = of_step(order, records, |step| match step {
            Step::RefundPayment(number) => !numbers.contains(&number),
            _ => false,
        });
        assert!(strange.is_empty(), "refunded a payment that is none: {strange:?}");
    }
}

/// An order is what its events make of it, and they are all there, chained.
fn is_whole(order: &Order, timeline: &[TimelineEntry]) {
    let entries: Vec<&Entry> = timeline.iter().map(|entry| &entry.entry).collect();
    match fold(entries.iter().copied()) {
        Ok(folded) => assert_eq!(&folded, order, "an order is what its events make of it"),
        Err(error) => panic!("the timeline of {} is not whole: {error}", order.id),
    }
    assert!(entries.is_sorted_by(|a, b| a.at <= b.at), "the time of events never runs back");
    let mut hash = ChainHash::default();
    for TimelineEntry { entry, hash: shown } in timeline {
        hash = entry.link(&hash).hash;
        assert_eq!(*shown, hash, "event {} of {} is not chained to the one before", entry.seq, order.id);
    }
}

fn of_step<'a>(order: &Order, records: &'a [Record], is: impl Fn(Step) -> bool) -> Vec<&'a Record> {
    let of_order = |record: &&Record| record.effect_id.order_id == order.id && is(record.effect_id.key.step);
    taken(records).into_iter().filter(of_order).collect()
}
