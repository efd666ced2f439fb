//! The embedded engine stores an order's state as postcard: it reads back, and open orders stay small.

use crate::history::{Ending, terms};
use crate::history::{History, Machine, config, ops, settle, totals};
use omniflow_core::{
    Actor, ChainHash, Command, EffectKey, Entry, Event, Order, OrderId, Outcome, PaymentReport, Receipt,
    Reference, Step, Terms, Timestamp, placed,
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
fn typical() -> (Order, Entry) {
    let order_id = OrderId::new("ORD-01JXVW2Y4M8Z3K5T6R7Q9PABCD").unwrap();
    let terms = Box::new(Terms { customer_id: None, ..terms(50_000) });
    let event = Event::OrderPlaced { order_id, terms, details: None };
    let at = Timestamp::from_millis(1_795_000_000_000);
    let entry = Entry { seq: 1, at, actor: Actor::api(), event };
    (placed(&entry).unwrap(), entry)
}

/// Every order keeps its lines for ever, and they are most of what is written of it.
#[test]
fn an_ordinary_orders_lines_are_short_and_can_be_read() {
    let effect = EffectKey::first(Step::Ship);
    let tracking_number = Reference::new("TRK-ce733de4d578").unwrap();
    let shipped = Command::Settle { effect, outcome: Outcome::Done(Receipt::Shipment { tracking_number }) };
    let steps = [
        ("engine", settle(EffectKey::first(Step::ReserveStock), Ending::Done)),
        ("api", Command::ReportPayment(PaymentReport::captured())),
        ("carrier", shipped),
        ("engine", settle(EffectKey::first(Step::ConsumeStock), Ending::Done)),
    ];
    let (mut order, placed) = typical();
    let mut lines = vec![placed.link(&ChainHash::default()).line];
    for (actor, command) in steps {
        let event = omniflow_core::decide(&order, &command).unwrap().remove(0);
        let (seq, at) = (order.version + 1, order.updated_at.plus_millis(500));
        let entry = Entry { seq, at, actor: Actor::new(actor).unwrap(), event };
        lines.push(entry.link(&ChainHash::default()).line);
        order = omniflow_core::evolve(order, &entry);
    }
    let text = String::from_utf8(lines.join(&b'\n')).unwrap();
    insta::assert_snapshot!(text, @r#"
    [1,1795000000000,"api",1,{"order_placed":{"order_id":"ORD-01JXVW2Y4M8Z3K5T6R7Q9PABCD","terms":{"total":"500.00 USD","lines":[{"line_id":"1","sku":"iPhone 15","quantity":1}],"policies":"rules=1 window=30s review_minor>1000000 forward=10x10s/1s-1m undo=30x10s/1s-1m deadline=72h"}}}]
    [2,1795000000500,"engine",1,{"stock_reserved":{}}]
    [3,1795000001000,"api",1,{"payment_captured":{"payment_id":"default","event_id":"captured","amount":"500.00 USD","use":"keep"}}]
    [4,1795000001500,"carrier",1,{"shipped":{"effect":"ship.1","tracking_number":"TRK-ce733de4d578"}}]
    [5,1795000002000,"engine",1,{"stock_consumed":{}}]
    "#);
    assert!(text.len() < 620, "they take {} bytes", text.len());
}

#[test]
fn a_typical_open_order_is_under_two_hundred_bytes() {
    let (mut order, _) = typical();
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
