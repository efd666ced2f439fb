//! The audit can fail: a true story passes, and every way of falsifying it is found.

use super::effects::Effects;
use super::*;
use crate::crash::journal::{Adjustment, Placing, Sent};
use crate::crash::wish::Wish;
use serde_json::json;
use std::collections::BTreeMap;

const CARD: Report =
    Report { payment_id: "card", event_id: "captured", outcome: "captured", amount_minor: None };
const VOUCHER: Report = Report { payment_id: "voucher", ..CARD };

fn event(seq: usize, kind: &str, data: Value) -> Value {
    let at = format!("2026-11-24T09:00:0{}.5Z", seq.min(9));
    json!({"seq": seq, "type": kind, "at": at, "data": data, "hash": format!("hash-{seq}")})
}

fn capture(payment_id: &str, to: &str) -> Value {
    json!({"payment_id": payment_id, "event_id": "captured", "amount_minor": 2_000_000, "use": to})
}

/// A reviewed order that was paid by card and by voucher, approved, shipped, and got the voucher back.
fn story() -> (Order, Found) {
    let timeline = [
        ("order_placed", json!({})),
        ("stock_reserved", json!({})),
        ("payment_captured", capture("card", "keep")),
        ("decision_recorded", json!({"decision": "APPROVE"})),
        ("payment_captured", capture("voucher", "refund")),
        ("attention_raised", json!({"effect": "ship.1"})),
        ("retried", json!({"effect": "ship.1"})),
        ("payment_refunded", json!({"effect": "refund_payment-2.1"})),
        ("shipped", json!({"effect": "ship.1"})),
        ("stock_consumed", json!({})),
    ];
    let timeline: Vec<Value> =
        (1..).zip(timeline).map(|(seq, (kind, data))| event(seq, kind, data)).collect();
    let document = json!({
        "order_id": "ORD-1", "external_id": "c-1", "amount_minor": 2_000_000, "currency": "USD",
        "items": [{"sku": "apple", "quantity": 2}, {"sku": "pear", "quantity": 1}],
        "payments": [
            {"payment_id": "card", "status": "captured", "amount_minor": 2_000_000},
            {"payment_id": "voucher", "status": "refunded", "amount_minor": 2_000_000},
        ],
        "state": "completed", "status": "done", "payment_status": "paid", "version": 10,
        "attention": null, "ended_at": "2026-11-24T09:00:09.5Z",
    });
    let wish = Wish { amount_minor: 2_000_000, lines: vec![("apple", 2), ("pear", 1)], window_s: None };
    let mut order = Order::wished("c-1".to_owned(), wish);
    order.placing = Placing::Placed("ORD-1".to_owned());
    order.told = json!({"version": 5, "state": "shipping", "payment_status": "paid"});
    order.seen = Some(Seen { version: 4, hash: "hash-4".to_owned() });
    let done = |version| Fate::Done { version };
    order.sent = vec![
        Sent { act: Act::Pay(CARD), fate: done(3) },
        Sent { act: Act::Decide("APPROVE"), fate: done(4) },
        Sent { act: Act::Decide("APPROVE"), fate: done(4) },
        Sent { act: Act::Pay(VOUCHER), fate: Fate::Unknown },
        Sent { act: Act::Decide("REJECT"), fate: Fate::Refused },
        Sent { act: Act::Retry, fate: done(8) },
    ];
    (order, Found { document, timeline })
}

/// Falsifies the story and answers what the audit says of it.
fn falsified(falsify: impl FnOnce(&mut Order, &mut Found)) -> Vec<String> {
    let (mut order, mut found) = story();
    falsify(&mut order, &mut found);
    check_order(&order, &found)
}

#[track_caller]
fn finds(text: &str, falsify: impl FnOnce(&mut Order, &mut Found)) {
    let faults = falsified(falsify);
    assert!(faults.iter().any(|fault| fault.contains(text)), "{text:?} is not among {faults:?}");
}

/// The story without one event.
fn without(found: &mut Found, seq: usize) {
    found.timeline.remove(seq - 1);
    for (seq, entry) in (1..).zip(&mut found.timeline) {
        entry["seq"] = seq.into();
    }
    found.document["version"] = found.timeline.len().into();
}

#[test]
fn a_true_story_passes() {
    assert_eq!(falsified(|_, _| {}), [""; 0]);
    // The server may have gone on between the two readings.
    let more = |_: &mut Order, found: &mut Found| found.timeline.push(event(11, "signal_ignored", json!({})));
    assert_eq!(falsified(more), [""; 0]);
}

#[test]
fn an_acknowledged_report_that_is_missing_or_there_twice_is_found() {
    finds("card/captured (captured) was acknowledged at version 3 and is gone", |_, found| without(found, 3));
    finds("voucher/captured (captured) is recorded 2 times", |_, found| {
        let again = found.timeline[4].clone();
        found.timeline.push(again);
    });
    finds("is event 5", |order, _| order.sent[3].fate = Fate::Done { version: 4 });
    finds("a payment report that nobody sent", |order, _| order.sent.truncate(3));
    // What was not answered may be there or not.
    let absent = falsified(|_, found| without(found, 5));
    assert!(absent.iter().all(|fault| !fault.contains("the report")), "{absent:?}");
}

#[test]
fn an_acknowledged_action_that_is_missing_or_a_refused_one_that_is_there_is_found() {
    finds("APPROVE is there 0 times; 2 were acknowledged", |_, found| without(found, 4));
    finds("retried is there 0 times; 1 were acknowledged", |_, found| without(found, 7));
    finds("retried was acknowledged at version 6 and is not there by then", |order, _| {
        order.sent[5].fate = Fate::Done { version: 6 };
    });
    finds("REJECT is there 1 times; 0 were acknowledged, 0 not answered, 1 refused", |_, found| {
        found.timeline[3]["data"]["decision"] = "REJECT".into();
    });
    finds("skipped is there 1 times", |_, found| {
        found.timeline[6]["type"] = "skipped".into();
    });
    finds("cancel_requested is there 1 times", |_, found| {
        found.timeline[5]["type"] = "cancel_requested".into()
    });
}

#[test]
fn what_was_shown_and_taken_back_is_found() {
    finds("it is at version 10, and 11 was acknowledged", |order, _| order.told["version"] = 11.into());
    finds("version 10 was", |order, _| order.told["version"] = 10.into());
    finds("not the one that was shown before", |_, found| found.timeline[3]["hash"] = "other".into());
    finds("not the one that was shown before", |order, _| {
        order.seen = Some(Seen { version: 11, hash: String::new() });
    });
    finds("its timeline is not 1 to at least 12", |_, found| found.document["version"] = 12.into());
    finds("its timeline is not 1 to at least 10", |_, found| drop(found.timeline.remove(1)));
    // The words for people may differ.
    let same = falsified(|order, found| {
        order.told = found.document.clone();
        order.told["status"] = "another second".into();
    });
    assert_eq!(same, [""; 0]);
}

#[test]
fn an_order_that_is_not_what_was_wished_for_is_found() {
    finds("its lines are", |_, found| drop(found.document["items"].as_array_mut().unwrap().pop()));
    finds("its lines are", |_, found| found.document["items"][0]["quantity"] = 3.into());
    finds("its amount_minor is 1", |_, found| found.document["amount_minor"] = 1.into());
    finds("its order_id is", |_, found| found.document["order_id"] = "ORD-2".into());
    finds("its external_id is null", |_, found| found.document["external_id"] = Value::Null);
}

#[test]
fn a_state_that_does_not_follow_is_found() {
    finds("it is \"shipping\", and its timeline makes it completed", |_, found| {
        found.document["state"] = "shipping".into();
    });
    finds("its payments are", |_, found| found.document["payments"][1]["status"] = "captured".into());
    finds("a capture of voucher while shipping is to refund", |_, found| {
        found.timeline[4]["data"]["use"] = "keep".into();
    });
    finds("stock consumed while completed", |_, found| {
        found.timeline.push(event(11, "stock_consumed", json!({})));
        found.document["version"] = 11.into();
    });
    finds("made expired while in_review", |_, found| {
        found.timeline[2]["type"] = "payment_window_elapsed".into();
    });
    finds("it was acknowledged as paid and is expired", |_, found| {
        found.timeline[2] = event(3, "decision_recorded", json!({"decision": "APPROVE"}));
        found.timeline[3] = event(4, "payment_window_elapsed", json!({}));
        found.timeline[4] = event(5, "stock_released", json!({}));
        found.document["version"] = 5.into();
    });
}

#[test]
fn a_payment_window_is_measured_from_its_own_beginning() {
    let (mut order, mut found) = story();
    order.wish.amount_minor = 1_000_000;
    found.timeline.truncate(2);
    found.timeline.push(event(5, "payment_window_elapsed", json!({})));
    found.document["version"] = 3.into();
    assert_eq!(found.life(&order).window_elapsed.map(|(open_ms, _)| open_ms), Some(3_000));
}

fn settled(falsify: impl FnOnce(&mut Order)) -> Vec<String> {
    let (mut order, found) = story();
    order.was_told(&found.document);
    falsify(&mut order);
    check_settled(&order)
}

#[test]
fn an_order_that_is_not_settled_is_found() {
    assert_eq!(settled(|_| {}), [""; 0]);
    assert_eq!(settled(|order| order.told["ended_at"] = Value::Null).len(), 1);
    assert_eq!(settled(|order| order.told["attention"] = json!({"step": "ship"})).len(), 1);
    assert_eq!(settled(|order| order.holds_stock = true).len(), 1);
    assert_eq!(settled(|order| order.told["payments"][1]["status"] = "refund_pending".into()).len(), 1);
    assert_eq!(settled(|order| order.told["state"] = "failed".into()).len(), 1);
}

const SHIPPED: &str = r#"{"what":"done","order_id":"ORD-1","effect_id":"ORD-1.ship.1"}"#;
const SHIPPED_AGAIN: &str = r#"{"what":"done","order_id":"ORD-1","effect_id":"ORD-1.ship.2"}"#;
const REFUSED: &str = r#"{"what":"refused","order_id":"ORD-1","effect_id":"ORD-1.ship.2"}"#;
const REFUNDED: &str =
    r#"{"what":"accepted","order_id":"ORD-1","effect_id":"ORD-1.refund_payment-2.1","amount_minor":2000000}"#;
const REFUNDED_AGAIN: &str =
    r#"{"what":"done","order_id":"ORD-1","effect_id":"ORD-1.refund_payment-2.2","amount_minor":2000000}"#;
const KEPT_REFUNDED: &str =
    r#"{"what":"done","order_id":"ORD-1","effect_id":"ORD-1.refund_payment-1.1","amount_minor":2000000}"#;
const LESS_REFUNDED: &str =
    r#"{"what":"done","order_id":"ORD-1","effect_id":"ORD-1.refund_payment-2.1","amount_minor":1}"#;

fn effects(before: &[&str], after: &[&str], falsify: impl FnOnce(&mut Found)) -> Vec<String> {
    let (order, mut found) = story();
    falsify(&mut found);
    let read = |lines: &[&str]| Effects::of(lines.iter().copied()).unwrap();
    check_effects(&order, &found, &Witness { before: read(before), after: read(after) })
}

#[test]
fn what_the_providers_did_and_the_order_says_must_agree() {
    let all = &[SHIPPED, REFUSED, SHIPPED, REFUNDED, REFUNDED];
    assert_eq!(effects(all, all, |_| {}), [""; 0]);
    for (lines, fault) in [
        (&[SHIPPED, SHIPPED_AGAIN, REFUNDED][..], "it was shipped 2 times"),
        (&[REFUNDED], "it is completed and was never shipped"),
        (&[SHIPPED], "voucher is refunded, and the provider did not do it"),
        (&[SHIPPED, REFUNDED, REFUNDED_AGAIN], "voucher was refunded 2 times"),
        (&[SHIPPED, REFUNDED, KEPT_REFUNDED], "of payment 1 were refunded"),
        (&[SHIPPED, LESS_REFUNDED], "of payment 2 were refunded"),
    ] {
        let faults = effects(lines, lines, |_| {});
        assert!(faults.iter().any(|found| found.contains(fault)), "{fault:?} is not among {faults:?}");
    }
    let unpaid =
        effects(all, all, |found| found.timeline.retain(|entry| entry["type"] != "payment_captured"));
    assert!(unpaid.iter().any(|fault| fault == "it was shipped and never paid"), "{unpaid:?}");
}

#[test]
fn the_log_may_know_more_after_the_reading_and_less_before_it() {
    assert_eq!(effects(&[], &[SHIPPED, REFUNDED], |_| {}), [""; 0]);
    let early = |found: &mut Found| {
        found.document["version"] = 4.into();
        found.document["payments"].as_array_mut().unwrap().pop();
    };
    assert_eq!(effects(&[], &[SHIPPED, REFUNDED], early), [""; 0]);
}

#[test]
fn a_log_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    for line in ["no json", r#"{"what":"done"}"#, r#"{"order_id":"ORD-1","effect_id":"ORD-2.ship.1"}"#] {
        assert!(Effects::of([line]).is_err(), "{line}");
    }
}

fn stock(consumed: bool, on_hand: i64, reserved: i64, adjustments: &[Adjustment]) -> Vec<String> {
    let (mut order, _) = story();
    (order.consumed, order.holds_stock) = (consumed, !consumed);
    let found = BTreeMap::from([("apple", StockFound { on_hand, reserved })]);
    check_stock(&BTreeMap::from([("apple", 10)]), adjustments, &[order], &found)
}

#[test]
fn stock_is_conserved() {
    let adjustment = |delta, acknowledged| Adjustment { sku: "apple", delta, acknowledged };
    let adjustments = [adjustment(5, true), adjustment(40, false), adjustment(7, false)];
    assert_eq!(stock(true, 8, 0, &[]), [""; 0]);
    assert_eq!(stock(false, 10, 2, &[]), [""; 0]);
    for on_hand in [13, 20, 53, 60] {
        assert_eq!(stock(true, on_hand, 0, &adjustments), [""; 0], "{on_hand}");
    }
    for (consumed, on_hand, reserved, adjustments) in [
        (true, 10, 0, &[][..]),
        (true, 8, 2, &[]),
        (false, 10, 0, &[]),
        (false, 8, 2, &[]),
        (true, 8, 0, &adjustments),
        (true, 54, 0, &adjustments),
    ] {
        assert_eq!(
            stock(consumed, on_hand, reserved, adjustments).len(),
            1,
            "{consumed} {on_hand} {reserved}"
        );
    }
    let nothing = BTreeMap::new();
    assert_eq!(check_stock(&BTreeMap::from([("apple", 10)]), &[], &[], &nothing), ["apple is gone"]);
}
