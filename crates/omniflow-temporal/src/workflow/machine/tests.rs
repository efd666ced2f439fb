use super::*;
use omniflow_core::{
    ChainHash, Draft, DraftAmount, DraftLine, Event, MAX_PAYMENTS, OrderId, PaymentReport, PaymentStatus,
    PolicyBook, StateKind, StockHold, Terms,
};
use omniflow_engine::Idempotency;
use temporalio_common::data_converters::{PayloadConverter, RawValue};

const CANCEL: Command = Command::Cancel { reason: None };

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn terms() -> Terms {
    let line =
        DraftLine { line_id: None, sku: "tea".into(), quantity: 1, unit_price: DraftAmount::default() };
    let amount = DraftAmount { major: Some("5".into()), minor: None };
    Draft { amount, items: vec![line], ..Draft::default() }.check(&PolicyBook::default()).unwrap()
}

fn line(seq: u32, actor: &Actor, event: Event) -> Line {
    let entry = Entry { seq, at: at(i64::from(seq)), actor: actor.clone(), event };
    Line::new(entry.link(&ChainHash::default()).line).unwrap()
}

/// An order that awaits payment, at version 2.
fn awaiting() -> Machine {
    let placed = Event::OrderPlaced {
        order_id: OrderId::new("O-1").unwrap(),
        terms: Box::new(terms()),
        details: None,
    };
    let lines = [line(1, &Actor::api(), placed), line(2, &Actor::engine(), Event::StockReserved {})];
    let machine = Machine::load(&lines).unwrap();
    assert_eq!(machine.stored().kind(), StateKind::AwaitingPayment);
    machine
}

fn pay() -> Command {
    Command::ReportPayment(PaymentReport::captured())
}

fn asked(command: Command, mark: Option<(u8, u8)>) -> Asked {
    let mark = mark.map(|(key, body)| Idempotency { key: [key; 32], body: [body; 32], keep_ms: 1_000 });
    Asked { command, actor: Actor::api(), if_version: None, mark, wants_answer: true }
}

fn lines_of(batch: &Batch) -> Vec<Line> {
    batch.lines.iter().map(|line| Line::new(line.clone()).unwrap()).collect()
}

const fn done(version: u32, ms: i64) -> Answer {
    Answer::Done { version, at: Timestamp::from_millis(ms), replayed: false }
}

#[test]
fn nobody_is_told_before_it_is_stored() {
    let mut machine = awaiting();
    machine.say(0, asked(pay(), None), at(10));
    assert_eq!(machine.stored().version, 2, "what is shown is what is stored");
    let batch = machine.batch(at(11)).unwrap();
    assert_eq!((batch.expected, batch.lines.len(), batch.order.version, batch.stock), (2, 1, 3, None));
    assert!(!machine.has_answer(0));
    machine.say(1, asked(CANCEL, None), at(12));
    machine.published();
    assert_eq!(machine.take_answer(0), Some(done(3, 11)));
    assert!(!machine.has_answer(1), "it was said later");
    assert!(machine.batch(at(13)).is_none(), "a refusal stores nothing");
    assert_eq!(machine.take_answer(1), Some(Answer::Refused { version: 3 }));
    assert!(machine.is_quiet());
}

#[test]
fn a_refusal_waits_for_what_it_was_decided_on() {
    let mut machine = awaiting();
    machine.say(0, asked(pay(), None), at(10));
    machine.say(1, asked(CANCEL, None), at(10));
    assert_eq!(machine.batch(at(10)).unwrap().lines.len(), 1);
    assert!(!machine.has_answer(1), "the payment may yet be lost, and the cancel be taken");
    machine.published();
    assert_eq!(machine.take_answer(1), Some(Answer::Refused { version: 3 }));
}

#[test]
fn stock_is_given_back_with_its_cause() {
    let mut machine = awaiting();
    machine.say(0, asked(CANCEL, None), at(10));
    let batch = machine.batch(at(10)).unwrap();
    assert_eq!((batch.stock, batch.lines.len()), (Some(Step::ReleaseStock), 2));
    assert_eq!((batch.order.kind(), &batch.order.stock), (StateKind::Cancelled, &StockHold::Released));
}

#[test]
fn what_was_found_stored_holds_and_the_rest_is_decided_again() {
    let mut machine = awaiting();
    machine.say(0, asked(CANCEL, None), at(10));
    machine.batch(at(10)).unwrap();
    // The task before this one had heard of the payment first.
    let mut lost = awaiting();
    lost.say(0, asked(pay(), None), at(9));
    let stored = lost.batch(at(9)).unwrap();
    machine.adopt(&lines_of(&stored)).unwrap();
    assert_eq!(machine.stored().kind(), StateKind::Shipping);
    assert!(machine.batch(at(11)).is_none());
    assert_eq!(machine.take_answer(0), Some(Answer::Refused { version: 3 }));
    machine.say(1, asked(pay(), None), at(12));
    assert!(machine.batch(at(12)).is_none(), "the payment is known");
    assert_eq!(machine.take_answer(1), Some(done(3, 12)));
}

#[test]
fn what_was_done_by_a_lost_task_is_not_refused() {
    let stuck = Event::AttentionRaised {
        effect: EffectKey::first(Step::Ship),
        code: omniflow_core::AttentionCode::AttemptsExhausted,
        attempts: 1,
        detail: None,
    };
    let mut paid = awaiting();
    paid.say(0, asked(pay(), None), at(9));
    let mut lines = lines_of(&paid.batch(at(9)).unwrap());
    lines.push(line(4, &Actor::engine(), stuck));
    let start = || {
        let mut machine = awaiting();
        machine.adopt(&lines).unwrap();
        machine.say(7, asked(Command::Retry, None), at(20));
        machine
    };
    let (mut lost, mut machine) = (start(), start());
    let stored = lost.batch(at(20)).unwrap();
    machine.batch(at(21)).unwrap();
    machine.adopt(&lines_of(&stored)).unwrap();
    assert!(machine.batch(at(22)).is_none(), "it is not tried once more for that");
    assert_eq!(machine.take_answer(7), Some(done(5, 22)));
}

/// A lost task gave up on a shipment, an operator saw that and asks again, and the task is done once more: the
/// operator is heard before the shipment is given up.
#[test]
fn what_a_lost_task_gave_up_is_not_given_up_again() {
    let exhausted = Command::Settle {
        effect: EffectKey::first(Step::Ship),
        outcome: Outcome::Exhausted { attempts: 3, last_error: None },
    };
    let paid = || {
        let mut machine = awaiting();
        machine.say(0, asked(pay(), None), at(9));
        machine.batch(at(9)).unwrap();
        machine.published();
        machine
    };
    let (mut lost, mut machine) = (paid(), paid());
    let told = || Asked::told(exhausted.clone(), Actor::engine());
    lost.say(1, told(), at(20));
    let stored = lost.batch(at(20)).unwrap();
    machine.say(1, asked(Command::Retry, None), at(21));
    machine.say(2, told(), at(21));
    machine.batch(at(21)).unwrap();
    machine.adopt(&lines_of(&stored)).unwrap();
    let batch = machine.batch(at(22)).unwrap();
    assert_eq!(batch.lines.len(), 1, "it is asked again, and not given up");
    assert_eq!(batch.order.attention(), None);
    machine.published();
    assert_eq!(machine.take_answer(1), Some(done(5, 22)));
}

#[test]
fn a_marked_request_is_done_once() {
    let mut machine = awaiting();
    machine.say(0, asked(pay(), Some((1, 1))), at(10));
    machine.say(1, asked(pay(), Some((1, 1))), at(10));
    machine.say(2, asked(CANCEL, Some((1, 2))), at(10));
    let batch = machine.batch(at(10)).unwrap();
    assert_eq!((batch.lines.len(), batch.marks.len()), (1, 1));
    machine.published();
    let again = Answer::Done { version: 3, at: at(10), replayed: true };
    assert_eq!(machine.take_answer(0), Some(done(3, 10)));
    assert_eq!(machine.take_answer(1), Some(again.clone()));
    assert_eq!(machine.take_answer(2), Some(Answer::KeyReused));
    machine.say(3, asked(pay(), Some((1, 1))), at(30));
    assert!(machine.batch(at(30)).is_none());
    assert_eq!(machine.take_answer(3), Some(again), "as it was answered then");
}

#[test]
fn a_mark_is_forgotten_with_its_time() {
    let mut machine = awaiting();
    machine.say(0, asked(pay(), Some((1, 1))), at(10));
    machine.batch(at(10)).unwrap();
    machine.published();
    machine.say(1, asked(CANCEL, Some((1, 2))), at(1_009));
    machine.say(2, asked(CANCEL, Some((1, 2))), at(1_010));
    assert!(machine.batch(at(1_010)).is_none());
    assert_eq!(machine.take_answer(1), Some(Answer::KeyReused));
    assert_eq!(machine.take_answer(2), Some(Answer::Refused { version: 3 }));
}

#[test]
fn a_mark_is_kept_also_where_nothing_moves() {
    let mut machine = awaiting();
    machine.say(0, asked(pay(), None), at(10));
    machine.batch(at(10)).unwrap();
    machine.published();
    machine.say(1, asked(pay(), Some((1, 1))), at(11));
    let batch = machine.batch(at(11)).unwrap();
    assert_eq!((batch.lines.len(), batch.marks.len(), batch.expected), (0, 1, 3));
}

#[test]
fn a_version_that_has_passed_is_said() {
    let mut machine = awaiting();
    machine.say(0, Asked { if_version: Some(1), ..asked(CANCEL, None) }, at(10));
    assert!(machine.batch(at(10)).is_none());
    assert_eq!(machine.take_answer(0), Some(Answer::VersionMismatch { current: 2 }));
}

/// The payment that a signal reports.
fn paid_by_signal(payment: &str) -> Asked {
    let payload = serde_json::json!({ "payment_id": payment });
    input::paid(&RawValue::from_value(&payload, &PayloadConverter::default()))
}

/// Temporal has acknowledged a signal, and nobody waits who could be told of a refusal.
#[test]
fn a_payment_by_signal_is_recorded_and_given_back_however_many_there_are() {
    let mut machine = awaiting();
    for number in 0..=MAX_PAYMENTS {
        machine.say(number as Ticket, paid_by_signal(&format!("P-{number}")), at(10));
    }
    let batch = machine.batch(at(10)).unwrap();
    assert_eq!(batch.lines.len(), MAX_PAYMENTS + 1);
    machine.published();
    let last = machine.stored().payments.iter().last().unwrap();
    assert_eq!((last.id.as_str(), last.status()), ("P-100", PaymentStatus::RefundPending));
    let Command::RecordPayment(report) = paid_by_signal("P-101").command else { panic!("it is a report") };
    machine.say(200, asked(Command::ReportPayment(report), None), at(11));
    assert!(machine.batch(at(11)).is_none());
    assert_eq!(machine.take_answer(200), Some(Answer::Refused { version: 103 }), "by the API it is refused");
}

/// PostgreSQL shows so many events in one transaction, and no more.
#[test]
fn what_is_too_much_for_one_batch_is_stored_by_several() {
    const SIGNALS: u32 = 4_200;
    let mut machine = awaiting();
    for number in 0..SIGNALS {
        machine.say(number.into(), paid_by_signal(&format!("P-{number}")), at(10));
    }
    machine.say(SIGNALS.into(), asked(CANCEL, None), at(10));
    let mut stored = 2;
    while let Some(batch) = machine.batch(at(11)) {
        let lines = u32::try_from(batch.lines.len()).unwrap();
        assert_eq!((batch.expected, batch.order.version), (stored, stored + lines));
        assert!((1..=1_000).contains(&lines));
        stored += lines;
        machine.published();
        assert_eq!(machine.has_answer(SIGNALS.into()), stored == SIGNALS + 2, "it is answered in its turn");
    }
    assert_eq!((stored, machine.is_quiet()), (SIGNALS + 2, true));
    assert_eq!(machine.stored, machine.decided);
    assert_eq!(machine.stored().payments.iter().len(), SIGNALS as usize);
}

/// Whoever sent a signal was told by Temporal that it was taken.
#[test]
fn a_signal_that_the_order_refuses_is_noted() {
    let mut machine = awaiting();
    machine.say(0, asked(pay(), None), at(10));
    let payload = RawValue::from_value(&"REJECT", &PayloadConverter::default());
    machine.say(1, input::reviewed(&payload), at(10));
    machine.say(2, Asked::told(CANCEL, Actor::api()), at(10));
    let batch = machine.batch(at(10)).unwrap();
    let notes: Vec<_> = entries(&lines_of(&batch)).unwrap().drain(1..).map(|entry| entry.event).collect();
    let note = |signal: &str, reason: &str| Event::SignalIgnored {
        signal: signal.to_owned(),
        reason: omniflow_core::ReasonText::lossy(reason),
    };
    assert_eq!(notes, [note("SIGNAL_ADMIN_ACTION", "REJECT"), note("cancel", "")]);
    machine.say(3, Asked::told(pay(), Actor::api()), at(10));
    assert_eq!(machine.batch(at(10)).unwrap().lines.len(), 3, "what is known already is no news");
}
