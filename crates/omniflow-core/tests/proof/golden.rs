//! Entries as releases have written them. A file here is never changed: whoever stored such lines must find
//! every one of them readable, with the same life and the same hashes, for ever.
//!
//! A new version of an event gets a file of its own, `events-v2.jsonl`, made by [`lives`] as they are then;
//! the older ones stay and are read by the same tests.

use crate::history::{Ending, settle};
use omniflow_core::{
    Actor, ChainHash, Command, Currency, Decision, DecodeError, DetailsHash, Draft, DraftAdjustment,
    DraftAmount, DraftLine, EffectKey, Entry, Event, Locale, Money, Order, OrderId, Outcome, PaymentEventId,
    PaymentId, PaymentOutcome, PaymentReport, PolicyBook, ReasonText, Receipt, Reference, Sku, StockRefusal,
    StockShort, Terms, TimerId, Timestamp, decide, evolve, fold, placed, status,
};
use std::collections::BTreeSet;

const V1: &str = include_str!("../golden/events-v1.jsonl");

/// The lines of a file, one list for each order.
fn chains(file: &str) -> Vec<Vec<&str>> {
    let mut chains: Vec<Vec<&str>> = vec![];
    for line in file.lines() {
        match chains.last_mut() {
            Some(chain) if !line.starts_with("[1,") => chain.push(line),
            _ => chains.push(vec![line]),
        }
    }
    chains
}

fn read(chain: &[&str]) -> (Vec<Entry>, ChainHash) {
    let entries = chain.iter().map(|line| Entry::decode(line.as_bytes()).unwrap()).collect();
    let hash = chain.iter().fold(ChainHash::default(), |hash, line| hash.after(line.as_bytes()));
    (entries, hash)
}

#[test]
fn version_1_reads_as_it_did_when_it_was_written() {
    let mut lives = String::new();
    for chain in chains(V1) {
        let (entries, hash) = read(&chain);
        let order = fold(&entries).unwrap();
        let text = status::text(&order, Locale::En, order.updated_at);
        lives += &format!(
            "{} v{} {} | {text} | {}\n{hash}\n",
            order.id,
            order.version,
            order.kind(),
            order.payments.status()
        );
    }
    insta::assert_snapshot!(lives, @"
    ORD-01KB0000000000000000000001 v13 completed | Completed | paid
    5eee4588e6eeaafa6a507679da1e6d873ff9359e9332c8a40b9299876dedb08b
    ORD-01KB0000000000000000000002 v8 rejected | Closed (rejected in review) | refunded
    2e300dcf7909a588a26417248a293b6658799aeaa57b61f1b9b85c59c9971df3
    ORD-01KB0000000000000000000003 v7 expired | Cancelled (payment timed out) | refund_skipped
    f2bd31d8780ef1c0a418720163458af0792707cfdbaa0d2f92769a11ec391e7e
    ORD-01KB0000000000000000000004 v2 failed | Failed: out of stock | pending
    4e4baa6e3c25ff722586b8d7b64b567ee03372f6fbaa93650539835b482a3627
    ORD-01KB0000000000000000000005 v2 failed | Failed: unknown SKU | pending
    eea1843c4750b19063c4fc96fba08c45494d4f4fc849d1dcfbd3051d98138cb8
    ORD-01KB0000000000000000000006 v5 cancelled | Cancelled | pending
    af65445ce38d3f6e8c2e629270e4e7dadba5323ddb3813f7639a142dc6d740ab
    ORD-01KB0000000000000000000007 v10 failed | Failed: rolled back by an operator | refunded
    fdc127cd43c42514e0837550e3a0c1b83005097971a5a3ecc72c0393705c6d2f
    ORD-01KB0000000000000000000008 v4 failed | Failed: payment failed | failed
    8f33af49ad4ad1070025fda26941955c811028ed8ba182efedf6ecf075eedbce
    ORD-01KB0000000000000000000009 v6 failed | Failed: shipping failed | refunded
    3f46cbff1ae8cdcd1bce94d2da776672ead7e4dc34d26b512ddf304f49d1db2f
    ");
}

#[test]
fn version_1_has_every_event() {
    let entries: Vec<Entry> = chains(V1).iter().flat_map(|chain| read(chain).0).collect();
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.event.name()).collect();
    assert_eq!(names, Event::TYPES.iter().copied().collect());
}

/// Another spelling of what is written is another version, or old chains could not be told from forged ones.
#[test]
fn todays_entries_are_written_as_the_newest_file_has_them() {
    let written: String = lives().iter().map(|life| life.written()).collect();
    if written != V1 {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/events.jsonl");
        std::fs::write(path, &written).unwrap();
        panic!("entries are written differently now; {path} has them as they would be");
    }
}

#[test]
fn one_changed_byte_anywhere_breaks_the_chain() {
    for chain in chains(V1) {
        let (_, hash) = read(&chain);
        for place in 0..chain.len() {
            let forged = chain[place].replacen(",17", ",18", 1);
            let mut chain = chain.clone();
            chain[place] = &forged;
            assert_ne!(read(&chain).1, hash);
        }
    }
}

#[test]
fn an_unknown_type_or_a_newer_version_refuses_with_its_place() {
    for chain in chains(V1) {
        for (place, line) in chain.iter().enumerate() {
            let name = Entry::decode(line.as_bytes()).unwrap().event.name();
            let seq = place as u32 + 1;
            let newer = line.replacen(",1,{", ",2,{", 1);
            let error = Entry::decode(newer.as_bytes()).unwrap_err();
            assert!(matches!(error, DecodeError::Newer { seq: at, version: 2, .. } if at == seq), "{error}");
            let unknown = line.replacen(&format!("{{\"{name}\":"), "{\"order_teleported\":", 1);
            let error = Entry::decode(unknown.as_bytes()).unwrap_err();
            assert!(matches!(&error, DecodeError::UnknownType { seq: at, .. } if *at == seq), "{error}");
            assert!(error.to_string().contains("order_teleported"));
        }
    }
}

/// A life being written: each command a second and a half after the one before.
struct Life {
    order: Order,
    entries: Vec<Entry>,
}

impl Life {
    fn placed(number: u32, draft: &Draft, details: Option<DetailsHash>) -> Self {
        let id = format!("ORD-01KB{number:022}");
        let terms: Terms = draft.check(&PolicyBook::default()).unwrap();
        let event =
            Event::OrderPlaced { order_id: OrderId::new(id).unwrap(), terms: Box::new(terms), details };
        let entry =
            Entry { seq: 1, at: Timestamp::from_millis(1_795_000_000_000), actor: Actor::api(), event };
        Self { order: placed(&entry).unwrap(), entries: vec![entry] }
    }

    fn then(mut self, actor: &str, command: Command) -> Self {
        let events = decide(&self.order, &command).unwrap();
        assert!(!events.is_empty(), "{command:?} of {} does nothing", self.order.id);
        for event in events {
            let (seq, at) = (self.order.version + 1, self.order.updated_at.plus_millis(1_500));
            let entry = Entry { seq, at, actor: Actor::new(actor).unwrap(), event };
            self.order = evolve(self.order, &entry);
            self.entries.push(entry);
        }
        self
    }

    fn settled(self, actor: &str, effect: &str, ending: Ending) -> Self {
        self.then(actor, settle(EffectKey::parse(effect).unwrap(), ending))
    }

    fn written(&self) -> String {
        let mut hash = ChainHash::default();
        let mut written = String::new();
        for entry in &self.entries {
            let link = entry.link(&hash);
            hash = link.hash;
            written += &String::from_utf8(link.line).unwrap();
            written.push('\n');
        }
        written
    }
}

fn draft(amount: &str, sku: &str) -> Draft {
    let item =
        DraftLine { line_id: None, sku: sku.to_owned(), quantity: 1, unit_price: DraftAmount::default() };
    let amount = DraftAmount { major: Some(amount.to_owned()), minor: None };
    Draft { amount, items: vec![item], ..Draft::default() }
}

/// Everything that an order can be placed with.
fn rich() -> Draft {
    let minor = |minor| DraftAmount { major: None, minor: Some(minor) };
    let line = |id: &str, sku: &str, quantity, price| DraftLine {
        line_id: Some(id.to_owned()),
        sku: sku.to_owned(),
        quantity,
        unit_price: minor(price),
    };
    let adjustment = |kind: &str, label: Option<&str>, amount| DraftAdjustment {
        kind: kind.to_owned(),
        label: label.map(str::to_owned),
        amount: minor(amount),
    };
    Draft {
        items: vec![line("a", "iPhone 15", 2, 79_900), line("b", "数据线 \"1m\"", 1, 0)],
        adjustments: vec![
            adjustment("shipping", Some("Express"), 1_500),
            adjustment("tax", None, 12_784),
            adjustment("discount", Some("双十一"), -5_000),
            adjustment("fee", None, 0),
        ],
        external_id: Some("SHOP-7/2026".to_owned()),
        customer_id: Some("客户-1".to_owned()),
        payment_window_seconds: Some(900),
        ..Draft::default()
    }
}

fn text(text: &str) -> Option<ReasonText> {
    Some(ReasonText::new(text).unwrap())
}

fn report(id: &str, event_id: &str, outcome: PaymentOutcome, reason: Option<ReasonText>) -> Command {
    let (id, event_id) = (PaymentId::new(id).unwrap(), PaymentEventId::new(event_id).unwrap());
    Command::ReportPayment(PaymentReport { reason, ..PaymentReport::new(Some(id), Some(event_id), outcome) })
}

fn captured() -> Command {
    Command::ReportPayment(PaymentReport::captured())
}

const RESERVE: &str = "reserve_stock.1";

/// One of each kind, with every event type among them.
fn lives() -> Vec<Life> {
    vec![
        completed(),
        rejected(),
        expired(),
        out_of_stock(),
        unknown_sku(),
        cancelled(),
        undone(),
        failed(),
        refused(),
    ]
}

fn completed() -> Life {
    Life::placed(1, &rich(), Some(DetailsHash([0xa5; 32])))
        .settled("engine", RESERVE, Ending::Done)
        .then("shop", report("pi_1", "evt_1", PaymentOutcome::Declined, text("card declined")))
        .then("shop", report("pi_1", "evt_2", PaymentOutcome::Captured, None))
        .then("shop", report("pi_1", "evt_3", PaymentOutcome::Captured, None))
        .then("shop", report("pi_2", "evt_4", PaymentOutcome::Captured, None))
        .settled("carrier", "ship.1", Ending::Accepted)
        .settled("carrier", "ship.1", Ending::Done)
        .settled("engine", "consume_stock.1", Ending::Done)
        .settled("payments", "refund_payment-2.1", Ending::Accepted)
        .settled("payments", "refund_payment-2.1", Ending::Done)
        .settled("carrier", "ship.1", Ending::Refused)
        .then("api", Command::EraseDetails)
}

fn rejected() -> Life {
    let reject =
        Command::Decide { decision: Decision::Reject, reason: text("三次地址不符\nمرحبا") };
    Life::placed(2, &draft("20000", "Mac Pro"), None)
        .then("api", captured())
        .settled("engine", RESERVE, Ending::Done)
        .then("reviewer", reject)
        .settled("engine", "release_stock.1", Ending::Done)
        .settled("payments", "refund_payment-1.1", Ending::Refused)
        .then("operator", Command::Retry)
        .settled("payments", "refund_payment-1.2", Ending::Done)
}

fn expired() -> Life {
    let euros = Money::from_major("500", Currency::from_code("EUR").unwrap()).unwrap();
    Life::placed(3, &draft("500", "iPhone 15"), None)
        .settled("engine", RESERVE, Ending::Done)
        .then("engine", Command::Elapse(TimerId::PaymentWindow))
        .settled("engine", "release_stock.1", Ending::Done)
        .then(
            "api",
            Command::ReportPayment(PaymentReport { amount: Some(euros), ..PaymentReport::captured() }),
        )
        .settled("payments", "refund_payment-1.1", Ending::Exhausted)
        .then("operator", Command::Skip { reason: text("paid back by hand") })
}

fn out_of_stock() -> Life {
    let short = StockShort { sku: Sku::new("Mac Pro").unwrap(), requested: 1, available: 0 };
    let outcome = Outcome::NoStock(StockRefusal::OutOfStock(vec![short]));
    let effect = EffectKey::parse(RESERVE).unwrap();
    Life::placed(4, &draft("5000", "Mac Pro"), None).then("engine", Command::Settle { effect, outcome })
}

fn unknown_sku() -> Life {
    Life::placed(5, &draft("1", "x"), None).settled("engine", RESERVE, Ending::UnknownSku)
}

fn cancelled() -> Life {
    Life::placed(6, &draft("10000.01", "iPhone 15"), None)
        .then("reviewer", Command::Decide { decision: Decision::Approve, reason: None })
        .then("api", Command::Cancel { reason: text("changed my mind") })
        .settled("engine", RESERVE, Ending::Done)
        .settled("engine", "release_stock.1", Ending::Done)
}

fn undone() -> Life {
    let deadline = TimerId::ProviderDeadline(EffectKey::parse("ship.1").unwrap());
    Life::placed(7, &draft("10000", "iPhone 15"), None)
        .settled("engine", RESERVE, Ending::Done)
        .then("api", captured())
        .settled("carrier", "ship.1", Ending::Unknown)
        .then("operator", Command::Retry)
        .settled("carrier", "ship.1", Ending::Accepted)
        .then("engine", Command::Elapse(deadline))
        .then("operator", Command::Compensate { reason: None })
        .settled("engine", "release_stock.1", Ending::Done)
        .settled("payments", "refund_payment-1.1", Ending::Done)
}

fn failed() -> Life {
    Life::placed(8, &draft("0.01", "iPhone 15"), None)
        .settled("engine", RESERVE, Ending::Done)
        .then("api", report("pi_1", "evt_1", PaymentOutcome::Failed, text("account closed")))
        .settled("engine", "release_stock.1", Ending::Done)
}

fn refused() -> Life {
    let (effect, reference) =
        (EffectKey::parse("refund_payment-1.1").unwrap(), Reference::new("re_1").unwrap());
    let outcome = Outcome::Done(Receipt::Refund { reference: Some(reference) });
    Life::placed(9, &draft("49.90", "iPhone 15"), None)
        .settled("engine", RESERVE, Ending::Done)
        .then("api", captured())
        .settled("carrier", "ship.1", Ending::Refused)
        .settled("engine", "release_stock.1", Ending::Done)
        .then("payments", Command::Settle { effect, outcome })
}
