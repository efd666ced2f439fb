//! What can be read: orders, changes, timelines, feeds, lists, details.

use super::World;
use super::acts::capture;
use super::cart::{Cart, actor, checked};
use crate::{Cursor, Details, Error, FeedScope, Health, Page, Position, Request};
use omniflow_core::{Command, Event, Order, OrderId, PaymentReport, StateKind};
use std::collections::BTreeMap;
use std::sync::Arc;

const PAY: fn() -> Command = || Command::ReportPayment(PaymentReport::captured());

pub(super) async fn a_started_engine_is_ready(w: &mut World) {
    assert_eq!(w.engine().health().await, Health::Ready);
    w.restart().await;
    assert_eq!(w.engine().health().await, Health::Ready);
}

pub(super) async fn what_was_answered_is_what_is_read(w: &mut World) {
    let placed = match w.place(Cart::one()).await {
        Ok(order) => order,
        Err(error) => panic!("the order was not taken: {error}"),
    };
    assert_eq!(w.order(&placed.id).await, placed);
    let cancelled = w.cancel(&placed.id).await;
    assert!(w.order(&placed.id).await.version >= cancelled.version, "what was told is seen");
    let timeline = w.timeline(&placed.id).await;
    assert!(timeline.iter().all(|entry| entry.entry.at <= w.engine().now()), "nothing is in the future");
    assert_eq!(timeline.first().map(|entry| &entry.entry.actor), Some(&actor()));
}

pub(super) async fn an_unknown_order_is_not_found(w: &mut World) {
    let id = checked(OrderId::new("ORD-NOBODY"));
    let engine = w.engine();
    assert_eq!(engine.read(&id).await.err(), Some(Error::OrderNotFound));
    assert_eq!(engine.changed(&id, 0).await.err(), Some(Error::OrderNotFound));
    assert_eq!(engine.details(&id).await.err(), Some(Error::OrderNotFound));
    assert_eq!(engine.timeline(&id).await.err(), Some(Error::OrderNotFound));
    let scope = FeedScope::Order(id.clone());
    assert_eq!(engine.feed(&scope, Position::default(), 1).await.err(), Some(Error::OrderNotFound));
    let request =
        Request { order_id: id, command: PAY(), actor: actor(), if_version: None, idempotency: None };
    assert_eq!(engine.command(request).await.err(), Some(Error::OrderNotFound));
}

pub(super) async fn a_change_is_seen_at_once_or_waited_for(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let order = w.until_state(&order, StateKind::AwaitingPayment).await;
    let engine = w.engine();
    let before = w.guarded("an older version", engine.changed(&order.id, order.version - 1)).await;
    assert_eq!(before, Ok(Arc::clone(&order)), "another version is answered at once");
    let waiting = changed(w, &order.id, order.version).await;
    assert!(!waiting.is_finished(), "nothing has changed yet");
    let paid = w.tell_quietly(&order.id, PAY()).await;
    let seen = w.guarded("a change", waiting).await;
    match (paid, seen) {
        (Ok(paid), Ok(Ok(seen))) => assert!(seen.version >= paid.version, "the change is seen"),
        answers => panic!("{answers:?}"),
    }
    drop(engine);
    w.step("a change is waited for").await;
    w.until_state(&order.id, StateKind::Completed).await;
}

pub(super) async fn a_timer_wakes_who_waits_for_a_change(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let order = w.placed(Cart::one().window_ms(wait_ms)).await;
    let order = w.until_state(&order, StateKind::AwaitingPayment).await;
    let waiting = changed(w, &order.id, order.version).await;
    w.wait_for(&order.id, "the end of the window", &|order: &Order| order.kind() == StateKind::Expired).await;
    match w.guarded("a change", waiting).await {
        Ok(Ok(seen)) => assert!(seen.version > order.version, "the change is seen"),
        answer => panic!("{answer:?}"),
    }
    w.step("a timer is waited for").await;
}

pub(super) async fn a_feed_goes_on_where_it_was_left(w: &mut World) {
    let first = w.placed(Cart::one()).await;
    let begun = w.feed(&FeedScope::All, 2).await;
    let left = begun.last().map_or(Position::default(), |entry| entry.position);
    let second = w.placed(Cart::one()).await;
    w.cancel(&first).await;
    w.until_state(&first, StateKind::Cancelled).await;
    let engine = w.engine();
    let all = w.feed(&FeedScope::All, 6).await;
    let rest = w.guarded("the rest of a feed", engine.feed(&FeedScope::All, left, 100)).await;
    assert_eq!(rest.as_deref(), Ok(&all[2..]), "positions last");
    let of_second = w.feed(&FeedScope::Order(second.clone()), 2).await;
    assert!(of_second.iter().map(|entry| entry.entry.clone()).eq(w.timeline(&second).await));
    assert!(of_second.iter().all(|entry| all.contains(entry)), "one log has one position an event");
}

pub(super) async fn a_feed_waits_for_what_comes(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let last = w.feed(&FeedScope::All, 2).await.last().map_or(Position::default(), |entry| entry.position);
    for scope in [FeedScope::All, FeedScope::Order(order.clone())] {
        let (engine, asked) = (w.engine(), scope.clone());
        let waiting = tokio::spawn(async move { engine.feed(&asked, last, 10).await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "nothing has happened yet");
        if scope == FeedScope::All {
            waiting.abort();
            let _ = waiting.await;
            continue;
        }
        let told = w.tell_quietly(&order, PAY()).await;
        assert!(told.is_ok(), "{told:?}");
        match w.guarded("an event", waiting).await {
            Ok(Ok(events)) => {
                let captured = |event: &Event| matches!(event, Event::PaymentCaptured { .. });
                assert!(captured(&events[0].entry.entry.event), "the next event is the first: {events:?}");
            }
            answer => panic!("{answer:?}"),
        }
    }
    w.step("an event is waited for").await;
    w.until_state(&order, StateKind::Completed).await;
}

pub(super) async fn a_list_shows_the_newest_first_and_stays_in_place(w: &mut World) {
    let mut placed = vec![];
    for _ in 0..5 {
        placed.push(w.placed(Cart::one()).await);
        w.pass(w.pace().margin_ms).await;
    }
    let first = page(w, None).await;
    w.placed(Cart::one()).await;
    let second = page(w, first.1).await;
    let third = page(w, second.1).await;
    assert_eq!(third.1, None, "the list ends");
    let listed = [first.0, second.0, third.0].concat();
    placed.reverse();
    assert_eq!(listed, placed, "an order that comes meanwhile shifts nothing");
}

pub(super) async fn a_version_that_was_asked_for_must_match(w: &mut World) {
    let order = w.placed(Cart::one()).await;
    let order = w.until_state(&order, StateKind::AwaitingPayment).await;
    let request = |version| Request {
        order_id: order.id.clone(),
        command: Command::ReportPayment(capture("P-1")),
        actor: actor(),
        if_version: Some(version),
        idempotency: None,
    };
    let stale = w.engine().command(request(order.version - 1)).await;
    assert_eq!(stale.err(), Some(Error::VersionMismatch { current: order.version }));
    assert_eq!(w.order(&order.id).await, order, "what was refused changes nothing");
    let taken = w.engine().command(request(order.version)).await;
    assert!(taken.is_ok(), "{taken:?}");
    w.step("a version is asked for").await;
    w.until_state(&order.id, StateKind::Completed).await;
}

pub(super) async fn details_are_kept_until_they_are_erased(w: &mut World) {
    let strings = |key: &str, value: &str| Some(BTreeMap::from([(key.to_owned(), value.to_owned())]));
    let details =
        Details { shipping_address: strings("city", "杭州"), metadata: strings("gift", "\u{202e}yes") };
    let order = w.placed(Cart::one().details(details.clone())).await;
    let bare = w.placed(Cart::one()).await;
    assert_eq!(w.engine().details(&order).await, Ok(Some(details.clone())));
    assert_eq!(w.engine().details(&bare).await, Ok(None));
    assert!(w.order(&order).await.details.is_some(), "events name the details");
    w.refuses(&order, Command::EraseDetails).await;
    w.cancel(&order).await;
    w.until_state(&order, StateKind::Cancelled).await;
    assert_eq!(w.engine().details(&order).await, Ok(Some(details)));
    w.must(&order, Command::EraseDetails).await;
    assert_eq!(w.engine().details(&order).await, Ok(None));
    w.takes_idly(&order, Command::EraseDetails).await;
    assert_eq!(w.types(&order).await.last(), Some(&"details_erased"));
}

/// Begins to wait for a change.
async fn changed(
    w: &World,
    id: &OrderId,
    version: u32,
) -> tokio::task::JoinHandle<Result<Arc<Order>, Error>> {
    let (engine, id) = (w.engine(), id.clone());
    let waiting = tokio::spawn(async move { engine.changed(&id, version).await });
    tokio::task::yield_now().await;
    waiting
}

/// A part of the list with two orders.
async fn page(w: &World, after: Option<Cursor>) -> (Vec<OrderId>, Option<Cursor>) {
    match w.engine().list(Page { after, limit: 2, ..Page::default() }).await {
        Ok(listing) => (listing.orders.iter().map(|order| order.id.clone()).collect(), listing.next),
        Err(error) => panic!("orders cannot be listed: {error}"),
    }
}
