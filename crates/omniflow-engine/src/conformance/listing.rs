//! Lists by filter: which orders each shows, and how it is continued.

use super::World;
use super::acts::{ALWAYS, SHIP, capture};
use super::cart::{Cart, POT, checked};
use crate::simulated::{Act, ProviderName};
use crate::{Cursor, Error, Filter, Listing, Page};
use omniflow_core::{
    AttentionCode, Command, CustomerId, ExternalId, OrderId, PaymentStatus, StateKind, Timestamp,
};
use std::collections::BTreeSet;

/// Orders that differ in everything that a filter looks at, oldest first.
struct Shelf {
    /// Of Ada, awaiting its payment, with the external id A-1.
    waiting: OrderId,
    /// Of Bob, in review.
    reviewed: OrderId,
    /// Of Ada, paid and completed.
    completed: OrderId,
    /// Of nobody, cancelled, with the external id A-2.
    cancelled: OrderId,
    /// Of Bob, paid, and its shipment needs a person.
    stuck: OrderId,
}

impl Shelf {
    async fn fill(w: &mut World) -> Self {
        let waiting = w.placed(Cart::one().of_customer("Ada").external_id("A-1")).await;
        w.pass(2 * w.pace().margin_ms).await;
        let reviewed = w.placed(Cart::precious().of_customer("Bob")).await;
        w.pass(2 * w.pace().margin_ms).await;
        let completed = w.placed(Cart::one().of_customer("Ada")).await;
        w.report(&completed, capture("P-1")).await;
        w.until_state(&completed, StateKind::Completed).await;
        w.pass(2 * w.pace().margin_ms).await;
        let cancelled = w.placed(Cart::one().external_id("A-2")).await;
        w.cancel(&cancelled).await;
        w.until_state(&cancelled, StateKind::Cancelled).await;
        w.pass(2 * w.pace().margin_ms).await;
        w.script(ProviderName::Carrier, Act::Fail, ALWAYS, 0).await;
        let stuck = w.placed(Cart::one().of_customer("Bob")).await;
        w.report(&stuck, capture("P-1")).await;
        w.until_attention(&stuck, SHIP, AttentionCode::AttemptsExhausted).await;
        Self { waiting, reviewed, completed, cancelled, stuck }
    }
}

pub(super) async fn each_filter_shows_its_own(w: &mut World) {
    let shelf = Shelf::fill(w).await;
    let Shelf { waiting, reviewed, completed, cancelled, stuck } = &shelf;
    for (filter, expected) in [
        (Filter::default(), vec![stuck, cancelled, completed, reviewed, waiting]),
        (of_states([StateKind::AwaitingPayment]), vec![waiting]),
        (of_states([StateKind::InReview]), vec![reviewed]),
        (of_states([StateKind::Completed]), vec![completed]),
        (of_states([StateKind::Cancelled]), vec![cancelled]),
        (of_states([StateKind::Shipping]), vec![stuck]),
        (of_states([StateKind::Expired]), vec![]),
        (of_payments([PaymentStatus::Pending]), vec![cancelled, reviewed, waiting]),
        (of_payments([PaymentStatus::Paid]), vec![stuck, completed]),
        (of_payments([PaymentStatus::Refunded]), vec![]),
        (of_customers(["Ada"]), vec![completed, waiting]),
        (of_customers(["ada"]), vec![]),
        (of_external_ids(["A-1"]), vec![waiting]),
        (of_external_ids(["A-3"]), vec![]),
        (Filter { attention: Some(true), ..Filter::default() }, vec![stuck]),
        (
            Filter { attention: Some(false), ..Filter::default() },
            vec![cancelled, completed, reviewed, waiting],
        ),
    ] {
        shows(w, &filter, &expected).await;
    }
}

pub(super) async fn values_of_one_filter_mean_or(w: &mut World) {
    let shelf = Shelf::fill(w).await;
    let Shelf { waiting, reviewed, completed, cancelled, stuck } = &shelf;
    for (filter, expected) in [
        (of_states([StateKind::AwaitingPayment, StateKind::Cancelled]), vec![cancelled, waiting]),
        (of_states(StateKind::ALL.iter().copied()), vec![stuck, cancelled, completed, reviewed, waiting]),
        (
            of_payments([PaymentStatus::Paid, PaymentStatus::Pending]),
            vec![stuck, cancelled, completed, reviewed, waiting],
        ),
        (of_customers(["Ada", "Bob", "Cyd"]), vec![stuck, completed, reviewed, waiting]),
        (of_external_ids(["A-2", "A-1", "A-3"]), vec![cancelled, waiting]),
    ] {
        shows(w, &filter, &expected).await;
    }
}

pub(super) async fn filters_together_mean_and(w: &mut World) {
    let shelf = Shelf::fill(w).await;
    let Shelf { waiting, completed, stuck, .. } = &shelf;
    let paid = of_payments([PaymentStatus::Paid]);
    let adas = of_customers(["Ada"]);
    for (filter, expected) in [
        (Filter { payment_statuses: paid.payment_statuses.clone(), ..adas.clone() }, vec![completed]),
        (Filter { states: [StateKind::Shipping].into(), ..paid.clone() }, vec![stuck]),
        (Filter { states: [StateKind::Shipping].into(), ..adas.clone() }, vec![]),
        (Filter { attention: Some(false), ..paid.clone() }, vec![completed]),
        (Filter { attention: Some(true), ..of_customers(["Bob"]) }, vec![stuck]),
        (Filter { attention: Some(true), ..of_external_ids(["A-1"]) }, vec![]),
        (Filter { external_ids: of_external_ids(["A-1", "A-2"]).external_ids, ..adas }, vec![waiting]),
    ] {
        shows(w, &filter, &expected).await;
    }
}

pub(super) async fn bounds_of_time_are_outside(w: &mut World) {
    let shelf = Shelf::fill(w).await;
    let Shelf { waiting, reviewed, completed, cancelled, stuck } = &shelf;
    let at = w.order(completed).await.created_at;
    let (before, after) = (Timestamp::from_millis(at.as_millis() - 1), at.plus_millis(1));
    let between =
        |created_after, created_before| Filter { created_after, created_before, ..Filter::default() };
    for (filter, expected) in [
        (between(Some(at), None), vec![stuck, cancelled]),
        (between(None, Some(at)), vec![reviewed, waiting]),
        (between(Some(before), None), vec![stuck, cancelled, completed]),
        (between(None, Some(after)), vec![completed, reviewed, waiting]),
        (between(Some(before), Some(after)), vec![completed]),
        (between(Some(at), Some(at)), vec![]),
        (between(Some(after), Some(before)), vec![]),
        (between(Some(Timestamp::from_millis(i64::MAX)), None), vec![]),
        (between(None, Some(Timestamp::from_millis(i64::MIN))), vec![]),
        (
            between(Some(Timestamp::from_millis(i64::MIN)), Some(Timestamp::from_millis(i64::MAX))),
            vec![stuck, cancelled, completed, reviewed, waiting],
        ),
        (Filter { customer_ids: of_customers(["Bob"]).customer_ids, ..between(Some(at), None) }, vec![stuck]),
        (
            Filter { states: [StateKind::Completed].into(), ..between(Some(before), Some(after)) },
            vec![completed],
        ),
        (Filter { external_ids: of_external_ids(["A-1"]).external_ids, ..between(Some(at), None) }, vec![]),
    ] {
        shows(w, &filter, &expected).await;
    }
}

pub(super) async fn a_cursor_stays_in_place_whatever_comes(w: &mut World) {
    let filter = Filter { states: [StateKind::AwaitingPayment].into(), ..of_customers(["Ada", "Bob"]) };
    let mut placed = vec![];
    for customer in ["Ada", "Bob", "Ada", "Bob", "Ada"] {
        placed.push(w.placed(Cart::one().of_customer(customer)).await);
        w.placed(Cart::of(POT, 1).worth(2_000_000).of_customer(customer)).await;
    }
    let first = part(w, &filter, None).await;
    for customer in ["Bob", "Cyd"] {
        w.placed(Cart::one().of_customer(customer)).await;
    }
    let second = part(w, &filter, first.next.clone()).await;
    let again = part(w, &filter, first.next.clone()).await;
    assert_eq!(ids(&again), ids(&second), "a cursor can be used again");
    let third = part(w, &filter, second.next.clone()).await;
    assert_eq!(third.next, None, "the list ends");
    placed.reverse();
    assert_eq!([ids(&first), ids(&second), ids(&third)].concat(), placed);
}

pub(super) async fn a_cursor_of_another_list_is_refused(w: &mut World) {
    for _ in 0..3 {
        w.placed(Cart::one().of_customer("Ada")).await;
    }
    let filter = of_customers(["Ada"]);
    let Some(cursor) = part(w, &filter, None).await.next else { panic!("there is a third order") };
    let text = cursor.to_string();
    for other in [Filter::default(), of_customers(["Bob"]), of_customers(["Ada", "Bob"])] {
        refuses(w, &other, cursor.clone()).await;
    }
    for at in 0..text.len() {
        let changed = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        let text = format!("{}{changed}{}", &text[..at], &text[at + 1..]);
        refuses(w, &filter, Cursor::new(text)).await;
    }
    for text in ["", "0", "next", "十", &text[1..], &format!("{text}0"), &"f".repeat(10_000)] {
        refuses(w, &filter, Cursor::new(text)).await;
    }
    assert_eq!(part(w, &filter, Some(cursor)).await.orders.len(), 1, "it is still good where it is from");
}

pub(super) async fn a_cursor_lasts_across_restarts(w: &mut World) {
    let mut placed = vec![];
    for _ in 0..4 {
        placed.push(w.placed(Cart::one().of_customer("Ada")).await);
    }
    let filter = of_customers(["Ada"]);
    let first = part(w, &filter, None).await;
    w.restart().await;
    w.placed(Cart::one().of_customer("Ada")).await;
    let second = part(w, &filter, first.next.clone()).await;
    placed.reverse();
    assert_eq!([ids(&first), ids(&second)].concat(), placed);
}

pub(super) async fn an_order_that_changes_changes_lists(w: &mut World) {
    let order = w.placed(Cart::precious().of_customer("Ada")).await;
    shows(w, &of_states([StateKind::InReview]), &[&order]).await;
    w.approve(&order).await;
    shows(w, &of_states([StateKind::InReview]), &[]).await;
    shows(w, &of_states([StateKind::AwaitingPayment]), &[&order]).await;
    shows(w, &of_payments([PaymentStatus::Paid]), &[]).await;
    w.report(&order, capture("P-1")).await;
    shows(w, &of_states([StateKind::AwaitingPayment]), &[]).await;
    shows(w, &of_payments([PaymentStatus::Paid]), &[&order]).await;
    w.until_state(&order, StateKind::Completed).await;
    let done = Filter { states: [StateKind::Completed].into(), ..of_customers(["Ada"]) };
    shows(w, &done, &[&order]).await;
    w.restart().await;
    shows(w, &done, &[&order]).await;
    shows(w, &of_states([StateKind::InReview, StateKind::AwaitingPayment]), &[]).await;
}

pub(super) async fn what_was_acknowledged_is_in_the_next_list(w: &mut World) {
    let waiting = of_states([StateKind::AwaitingPayment]);
    let mut placed: Vec<OrderId> = vec![];
    for _ in 0..8 {
        placed.insert(0, w.placed(Cart::one()).await);
        shows(w, &Filter::default(), &placed.iter().collect::<Vec<_>>()).await;
        shows(w, &waiting, &placed.iter().collect::<Vec<_>>()).await;
    }
    while let Some(order) = placed.pop() {
        w.must(&order, Command::Cancel { reason: None }).await;
        shows(w, &waiting, &placed.iter().collect::<Vec<_>>()).await;
    }
}

pub(super) async fn what_happens_by_itself_is_listed(w: &mut World) {
    let wait_ms = w.pace().wait_ms;
    let order = w.placed(Cart::one().window_ms(wait_ms)).await;
    let other = w.placed(Cart::one().of_customer("Ada")).await;
    w.until_state(&order, StateKind::Expired).await;
    shows(w, &of_states([StateKind::Expired]), &[&order]).await;
    shows(w, &of_states([StateKind::AwaitingPayment]), &[&other]).await;
}

fn of_states(states: impl IntoIterator<Item = StateKind>) -> Filter {
    Filter { states: states.into_iter().collect(), ..Filter::default() }
}

fn of_payments(statuses: impl IntoIterator<Item = PaymentStatus>) -> Filter {
    Filter { payment_statuses: statuses.into_iter().collect(), ..Filter::default() }
}

fn of_customers<const N: usize>(ids: [&str; N]) -> Filter {
    let customer_ids: BTreeSet<_> = ids.into_iter().map(|id| checked(CustomerId::new(id))).collect();
    Filter { customer_ids, ..Filter::default() }
}

fn of_external_ids<const N: usize>(ids: [&str; N]) -> Filter {
    let external_ids: BTreeSet<_> = ids.into_iter().map(|id| checked(ExternalId::new(id))).collect();
    Filter { external_ids, ..Filter::default() }
}

fn ids(listing: &Listing) -> Vec<OrderId> {
    listing.orders.iter().map(|order| order.id.clone()).collect()
}

/// A part of two orders.
async fn part(w: &World, filter: &Filter, after: Option<Cursor>) -> Listing {
    let page = Page { filter: filter.clone(), after, limit: 2 };
    match w.guarded("a list", w.engine().list(page)).await {
        Ok(listing) => listing,
        Err(error) => panic!("orders cannot be listed: {error}"),
    }
}

/// Asserts what a filter shows from the first part to the last, each order as it is read.
async fn shows(w: &World, filter: &Filter, expected: &[&OrderId]) {
    let (mut listed, mut after) = (vec![], None);
    loop {
        let part = part(w, filter, after).await;
        assert!(part.orders.len() <= 2, "a list has no more than asked for");
        listed.extend(part.orders);
        match part.next {
            Some(next) => after = Some(next),
            None => break,
        }
        assert!(listed.len() <= 2 * w.orders.len(), "a list ends");
    }
    let found: Vec<&OrderId> = listed.iter().map(|order| &order.id).collect();
    assert_eq!(found, expected, "{filter:?}");
    for order in &listed {
        assert!(filter.admits(order), "an order is listed as it stands: {order:#?}");
    }
}

async fn refuses(w: &World, filter: &Filter, cursor: Cursor) {
    let page = Page { filter: filter.clone(), after: Some(cursor.clone()), limit: 2 };
    match w.engine().list(page).await {
        Err(Error::ForeignCursor) => {}
        answer => panic!("{cursor} must be refused in {filter:?}, not answered with {answer:?}"),
    }
}
