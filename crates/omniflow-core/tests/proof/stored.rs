//! The embedded engine stores an order's state as postcard: it reads back, and open orders stay small.

use crate::history::{Ending, terms};
use crate::history::{History, Machine, config, ops, settle, totals};
use omniflow_core::{
    Actor, Command, EffectKey, Entry, Event, Order, OrderId, PaymentReport, Step, Terms, Timestamp, placed,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn any_order_reads_back(minor in totals(), ops in ops(40)) {
        let order = History::lived(Machine::REAL, minor, &ops).order;
        let stored = postcard::to_stdvec(&order).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Order>(&stored), Ok(order));
    }
}

/// `{"amount":500,"items":["iPhone 15"]}`, under the id that engines give.
fn typical() -> Order {
    let order_id = OrderId::new("ORD-01JXVW2Y4M8Z3K5T6R7Q9PABCD").unwrap();
    let terms = Box::new(Terms { customer_id: None, ..terms(50_000) });
    let event = Event::OrderPlaced { order_id, terms, details: None };
    let at = Timestamp::from_millis(1_795_000_000_000);
    placed(&Entry { seq: 1, at, actor: Actor::api(), event }).unwrap()
}

#[test]
fn a_typical_open_order_is_under_two_hundred_bytes() {
    let mut order = typical();
    let ship = EffectKey::first(Step::Ship);
    let commands = [
        settle(EffectKey::first(Step::ReserveStock), Ending::Done),
        Command::ReportPayment(PaymentReport::captured()),
        settle(ship, Ending::Done),
        settle(EffectKey::first(Step::ConsumeStock), Ending::Done),
    ];
    let mut sizes = vec![postcard::to_stdvec(&order).unwrap().len()];
    for command in commands {
        for event in omniflow_core::decide(&order, &command).unwrap() {
            let (seq, at) = (order.version + 1, order.updated_at.plus_millis(500));
            order = omniflow_core::evolve(order, &Entry { seq, at, actor: Actor::engine(), event });
        }
        sizes.push(postcard::to_stdvec(&order).unwrap().len());
    }
    println!("bytes of reserving, awaiting payment, shipping, shipped, completed: {sizes:?}");
    println!("bytes of an order in memory, without what it points to: {}", size_of::<Order>());
    assert!(sizes[1] < 200, "awaiting payment takes {} bytes", sizes[1]);
}
