//! Marked requests: whoever sends the same again gets the same answer, and it is done once.

use super::World;
use super::acts::{capture, report};
use super::cart::{Cart, POT, TEA, actor, checked, sku};
use crate::{AdjustStock, Adjusted, Answered, Details, Error, Idempotency, Placement, Request, StockLevel};
use omniflow_core::{Command, OrderId, PaymentOutcome, ReasonText, StateKind};
use std::collections::BTreeMap;
use std::future::Future;

const LONG_MS: u64 = 24 * 3_600_000;
const CANCEL: Command = Command::Cancel { reason: None };

pub(super) async fn a_placing_again_is_answered_the_same(w: &mut World) {
    let cart = Cart::of(POT, 2);
    let first = done(place(w, &cart, mark("k", "pots")).await);
    assert!(!first.replayed, "it is new");
    same(&first, place(w, &cart, mark("k", "pots")).await);
    w.stock_is(POT, 5, 2).await;
    w.pass(w.pace().margin_ms).await;
    w.pay(&first.order.id).await;
    w.until_state(&first.order.id, StateKind::Completed).await;
    same(&first, place(w, &cart, mark("k", "pots")).await);
    w.restart().await;
    same(&first, place(w, &cart, mark("k", "pots")).await);
    w.stock_is(POT, 3, 0).await;
}

pub(super) async fn a_command_again_is_answered_as_the_order_stood(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let pay = Command::ReportPayment(capture("P-1"));
    let first = done(tell(w, &order, &pay, mark("k", "pay")).await);
    assert!(!first.replayed, "it is new");
    w.pass(w.pace().margin_ms).await;
    let completed = w.until_state(&order, StateKind::Completed).await;
    assert!(first.order.version < completed.version, "it has moved on");
    same(&first, tell(w, &order, &pay, mark("k", "pay")).await);
    w.restart().await;
    same(&first, tell(w, &order, &pay, mark("k", "pay")).await);
    assert_eq!(w.order(&order).await, completed, "nothing was done again");
}

pub(super) async fn a_repetition_finds_the_version_that_it_asked_for(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let version = w.order(&order).await.version;
    let asked = Request { if_version: Some(version), ..request(&order, &CANCEL, mark("k", "cancel")) };
    let first = done(w.engine().command(asked.clone()).await);
    w.step("a version is asked for").await;
    assert!(first.order.version > version, "it has another version by now");
    same(&first, w.engine().command(asked.clone()).await);
    let unmarked = w.engine().command(Request { idempotency: None, ..asked.clone() }).await;
    assert!(matches!(unmarked, Err(Error::VersionMismatch { .. })), "{unmarked:?}");
    w.until_state(&order, StateKind::Cancelled).await;
    same(&first, w.engine().command(asked).await);
}

pub(super) async fn a_mark_with_another_body_changes_nothing(w: &mut World) {
    let first = done(place(w, &Cart::of(POT, 1), mark("k", "one pot")).await);
    let order = first.order.id.clone();
    done(tell(w, &order, &Command::ReportPayment(capture("P-1")), mark("c", "pay")).await);
    let completed = w.until_state(&order, StateKind::Completed).await;
    done(adjust(w, 1, mark("s", "+1")).await);
    for _ in 0..2 {
        let reused = Some(Error::IdempotencyKeyReused);
        assert_eq!(place(w, &Cart::of(POT, 2), mark("k", "two pots")).await.err(), reused);
        let other = Command::ReportPayment(capture("P-2"));
        assert_eq!(tell(w, &order, &other, mark("c", "pay more")).await.err(), reused);
        assert_eq!(adjust(w, 2, mark("s", "+2")).await.err(), reused);
        assert_eq!(w.order(&order).await, completed);
        w.stock_is(POT, 4, 0).await;
        w.stock_is(TEA, 11, 0).await;
        w.restart().await;
    }
}

pub(super) async fn what_was_refused_is_decided_again(w: &mut World) {
    let cart = Cart::of(TEA, 11).details(gift());
    for _ in 0..2 {
        let short = place(w, &cart, mark("k", "eleven")).await;
        assert!(matches!(short, Err(Error::OutOfStock(_))), "{short:?}");
    }
    done(adjust(w, 1, mark("s", "+1")).await);
    let placed = done(place(w, &cart, mark("k", "eleven")).await);
    assert!(!placed.replayed, "what was refused is not kept");
    same(&placed, place(w, &cart, mark("k", "eleven")).await);
    let order = placed.order.id.clone();
    let erase = Command::EraseDetails;
    let refused = tell(w, &order, &erase, mark("e", "erase")).await;
    assert!(matches!(refused, Err(Error::Rejected(_))), "{refused:?}");
    w.cancel(&order).await;
    w.until_state(&order, StateKind::Cancelled).await;
    let erased = done(tell(w, &order, &erase, mark("e", "erase")).await);
    assert!(!erased.replayed, "what was refused is not kept");
    same(&erased, tell(w, &order, &erase, mark("e", "erase")).await);
    same(&placed, place(w, &cart, mark("k", "eleven")).await);
}

pub(super) async fn placings_at_once_are_done_once(w: &mut World) {
    let asked = (0..6).map(|_| {
        let (engine, placement) = (w.engine(), marked(w, &Cart::of(POT, 2), mark("k", "pots")));
        tokio::spawn(async move { engine.place(placement).await })
    });
    let answers = all(asked.collect()).await;
    let order = one_new(&answers);
    w.orders.push(order);
    w.step("six at once are one").await;
    w.stock_is(POT, 5, 2).await;
}

pub(super) async fn commands_at_once_are_done_once(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let asked = (0..6).map(|_| {
        let request = request(&order, &Command::ReportPayment(capture("P-1")), mark("k", "pay"));
        let engine = w.engine();
        tokio::spawn(async move { engine.command(request).await })
    });
    let answers = all(asked.collect()).await;
    one_new(&answers);
    w.step("six at once are one").await;
    w.until_state(&order, StateKind::Completed).await;
    assert_eq!(w.count(&order, "payment_captured").await, 1);
}

pub(super) async fn an_expired_mark_is_free_again(w: &mut World) {
    // Where time really passes, the first answer may be late: its mark's time has begun before.
    let (wait_ms, margin_ms, late_ms) = (w.pace().wait_ms, w.pace().margin_ms, w.pace().late_ms);
    let short = |body| Idempotency { keep_ms: wait_ms + late_ms, ..mark("k", body) };
    let cart = Cart::of(POT, 1);
    let first = done(place(w, &cart, short("one pot")).await);
    w.pass(wait_ms - margin_ms).await;
    same(&first, place(w, &cart, short("one pot")).await);
    w.pass(late_ms + 2 * margin_ms).await;
    // A repetition does not lengthen its time, and what is free takes any body.
    let second = done(place(w, &cart, short("another pot")).await);
    assert!(!second.replayed && second.order.id != first.order.id, "the mark was free: {second:?}");
    same(&second, place(w, &cart, short("another pot")).await);
    w.stock_is(POT, 5, 2).await;
}

pub(super) async fn an_expired_mark_of_a_command_is_free_again(w: &mut World) {
    let (wait_ms, margin_ms, late_ms) = (w.pace().wait_ms, w.pace().margin_ms, w.pace().late_ms);
    let short = |body| Idempotency { keep_ms: wait_ms + late_ms, ..mark("k", body) };
    let declined = |payment| Command::ReportPayment(report(payment, PaymentOutcome::Declined));
    let order = w.placed(Cart::precious()).await;
    let first = done(tell(w, &order, &declined("P-1"), short("one")).await);
    same(&first, tell(w, &order, &declined("P-1"), short("one")).await);
    w.pass(wait_ms + late_ms + margin_ms).await;
    let second = done(tell(w, &order, &declined("P-2"), short("another")).await);
    assert!(!second.replayed, "the mark was free: {second:?}");
    assert_eq!(w.count(&order, "payment_declined").await, 2);
}

pub(super) async fn an_adjustment_again_moves_no_stock(w: &mut World) {
    let first = done(adjust(w, 5, mark("k", "+5")).await);
    let level = StockLevel { sku: sku(TEA), on_hand: 15, reserved: 0 };
    assert_eq!(first, Adjusted { level: level.clone(), replayed: false });
    let again = Adjusted { level, replayed: true };
    assert_eq!(adjust(w, 5, mark("k", "+5")).await, Ok(again.clone()));
    w.placed(Cart::of(TEA, 2)).await;
    done(adjust(w, -1, mark("l", "-1")).await);
    assert_eq!(adjust(w, 5, mark("k", "+5")).await, Ok(again.clone()), "as it stood then");
    w.restart().await;
    assert_eq!(adjust(w, 5, mark("k", "+5")).await, Ok(again), "as it stood then");
    w.stock_is(TEA, 14, 2).await;
    for _ in 0..2 {
        let below = adjust(w, -13, mark("m", "-13")).await;
        assert_eq!(below, Err(Error::BelowReserved { reserved: 2 }), "what was refused is not kept");
    }
}

pub(super) async fn a_mark_of_what_changed_nothing_is_kept(w: &mut World) {
    let order = w.placed(Cart::one().details(gift())).await;
    w.cancel(&order).await;
    let cancelled = w.until_state(&order, StateKind::Cancelled).await;
    let idle = done(tell(w, &order, &CANCEL, mark("k", "cancel")).await);
    assert_eq!((&idle.order, idle.replayed), (&cancelled, false), "it was cancelled already");
    w.must(&order, Command::EraseDetails).await;
    same(&idle, tell(w, &order, &CANCEL, mark("k", "cancel")).await);
    w.restart().await;
    same(&idle, tell(w, &order, &CANCEL, mark("k", "cancel")).await);
    let other = tell(w, &order, &CANCEL, mark("k", "cancel it")).await;
    assert_eq!(other.err(), Some(Error::IdempotencyKeyReused));
}

pub(super) async fn another_mark_is_another_request(w: &mut World) {
    let cart = Cart::of(POT, 1);
    let first = done(place(w, &cart, mark("k", "a pot")).await);
    let second = done(place(w, &cart, mark("l", "a pot")).await);
    let third = w.placed(cart.clone()).await;
    assert!(!second.replayed && first.order.id != second.order.id && third != first.order.id);
    same(&second, place(w, &cart, mark("l", "a pot")).await);
    same(&first, place(w, &cart, mark("k", "a pot")).await);
    w.stock_is(POT, 5, 3).await;
}

pub(super) async fn a_placing_that_a_crash_cut_off_is_done_once(w: &mut World) {
    let cart = Cart::of(POT, 3);
    let (engine, placement) = (w.engine(), marked(w, &cart, mark("k", "pots")));
    cut_off(w, async move { engine.place(placement).await }).await;
    let placed = done(place(w, &cart, mark("k", "pots")).await);
    same(&placed, place(w, &cart, mark("k", "pots")).await);
    w.stock_is(POT, 5, 3).await;
}

pub(super) async fn an_adjustment_that_a_crash_cut_off_is_done_once(w: &mut World) {
    let (engine, change) = (w.engine(), adjustment(5, mark("k", "+5")));
    w.delivered.entry(sku(TEA)).and_modify(|delivered| *delivered += 5);
    cut_off(w, async move { engine.adjust_stock(change).await }).await;
    let change = adjustment(5, mark("k", "+5"));
    assert_eq!(done(w.engine().adjust_stock(change).await).level.on_hand, 15);
    w.step("stock is adjusted").await;
    w.stock_is(TEA, 15, 0).await;
}

/// Asks for something and crashes before it is answered, or just after: whoever asked does not know.
async fn cut_off<T: Send + 'static>(w: &mut World, asks: impl Future<Output = T> + Send + 'static) {
    let asked = tokio::spawn(asks);
    tokio::task::yield_now().await;
    asked.abort();
    let _ = asked.await;
    w.restart().await;
}

/// A mark of one caller's requests.
fn mark(key: &str, body: &str) -> Idempotency {
    Idempotency::new("shop", "/orders", key, body.as_bytes(), LONG_MS)
}

fn gift() -> Details {
    let metadata = Some(BTreeMap::from([("gift".to_owned(), "yes".to_owned())]));
    Details { shipping_address: None, metadata }
}

fn marked(w: &World, cart: &Cart, mark: Idempotency) -> Placement {
    Placement { idempotency: Some(mark), ..cart.placement(w.pace()) }
}

fn request(order: &OrderId, command: &Command, mark: Idempotency) -> Request {
    let (order_id, command) = (order.clone(), command.clone());
    Request { order_id, command, actor: actor(), if_version: None, idempotency: Some(mark) }
}

fn adjustment(delta: i64, mark: Idempotency) -> AdjustStock {
    let reason = checked(ReasonText::new("delivery"));
    AdjustStock { sku: sku(TEA), delta, reason, actor: actor(), idempotency: Some(mark) }
}

async fn place(w: &mut World, cart: &Cart, mark: Idempotency) -> Result<Answered, Error> {
    let placed = w.engine().place(marked(w, cart, mark)).await;
    if let Ok(answered) = &placed
        && !w.orders.contains(&answered.order.id)
    {
        w.orders.push(answered.order.id.clone());
    }
    w.step("a marked order is placed").await;
    placed
}

async fn tell(
    w: &mut World,
    order: &OrderId,
    command: &Command,
    mark: Idempotency,
) -> Result<Answered, Error> {
    let told = w.engine().command(request(order, command, mark)).await;
    w.step(format!("marked: {command:?}")).await;
    told
}

async fn adjust(w: &mut World, delta: i64, mark: Idempotency) -> Result<Adjusted, Error> {
    let adjusted = w.engine().adjust_stock(adjustment(delta, mark)).await;
    if adjusted.as_ref().is_ok_and(|adjusted| !adjusted.replayed) {
        let delivered = w.delivered.entry(sku(TEA)).or_default();
        *delivered = delivered.saturating_add_signed(delta);
    }
    w.step("stock is adjusted under a mark").await;
    adjusted
}

fn done<T>(answer: Result<T, Error>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => panic!("it was not taken: {error}"),
    }
}

/// Asserts that a repetition got the answer of the first, and is told so.
fn same(first: &Answered, again: Result<Answered, Error>) {
    assert_eq!(again, Ok(Answered { replayed: true, ..first.clone() }), "the same request, the same answer");
}

async fn all(asked: Vec<tokio::task::JoinHandle<Result<Answered, Error>>>) -> Vec<Answered> {
    let mut answers = vec![];
    for asked in asked {
        match asked.await {
            Ok(answer) => answers.push(done(answer)),
            Err(died) => panic!("{died}"),
        }
    }
    answers
}

/// Asserts that one of several answers is new and the others are its repetitions; answers whose they are.
fn one_new(answers: &[Answered]) -> OrderId {
    let new: Vec<&Answered> = answers.iter().filter(|answer| !answer.replayed).collect();
    assert_eq!(new.len(), 1, "one is new: {answers:#?}");
    for again in answers.iter().filter(|answer| answer.replayed) {
        same(new[0], Ok(again.clone()));
    }
    new[0].order.id.clone()
}
