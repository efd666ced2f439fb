//! Lists against a model: whatever the filter and the page's size, they show what looking at every order
//! shows.

use super::*;
use omniflow_core::{CustomerId, Decision, ExternalId, Order, PaymentOutcome, PaymentStatus};
use omniflow_engine::{Filter, Page};
use std::collections::BTreeSet;

const ORDERS: u64 = 60;
const FILTERS: u64 = 400;
const CUSTOMERS: [&str; 3] = ["Ada", "Bob", "杭州"];

/// Choices that are the same each time: SplitMix64.
struct Choices(u64);

impl Choices {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)) % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// None mostly, else one to three of them.
    fn some<T: Copy + Ord>(&mut self, of: &[T]) -> BTreeSet<T> {
        if self.below(3) > 0 {
            return BTreeSet::new();
        }
        (0..=self.below(3)).map(|_| self.pick(of)).collect()
    }
}

async fn place_any(engine: &EmbeddedEngine, choices: &mut Choices, number: u64) -> OrderId {
    let amount = choices.pick(&["5", "20000"]);
    let line =
        DraftLine { line_id: None, sku: "tea".to_owned(), quantity: 1, unit_price: DraftAmount::default() };
    let draft = Draft {
        amount: DraftAmount { major: Some(amount.to_owned()), minor: None },
        items: vec![line],
        external_id: number.is_multiple_of(3).then(|| format!("shop-{number}")),
        customer_id: (!number.is_multiple_of(4)).then(|| choices.pick(&CUSTOMERS).to_owned()),
        ..Draft::default()
    };
    let terms = draft.check(&PolicyBook::default()).unwrap();
    let placement = Placement { terms, details: None, actor: Actor::api(), idempotency: None };
    engine.place(placement).await.unwrap().order.id.clone()
}

/// Orders in every kind of state, placed at moments some of which they share.
async fn fill(started: &Started) -> Vec<Arc<Order>> {
    let Started { engine, clock } = started;
    stock_up(engine, 1_000).await;
    let (mut choices, mut ids) = (Choices(7), vec![]);
    for number in 0..ORDERS {
        let id = place_any(engine, &mut choices, number).await;
        let report = |outcome| Command::ReportPayment(PaymentReport::new(None, None, outcome));
        for _ in 0..choices.below(3) {
            let command = match choices.below(6) {
                0 => report(PaymentOutcome::Captured),
                1 => report(PaymentOutcome::Declined),
                2 => report(PaymentOutcome::Failed),
                3 => Command::Cancel { reason: None },
                4 => Command::Decide { decision: Decision::Approve, reason: None },
                _ => Command::Decide { decision: Decision::Reject, reason: None },
            };
            drop(engine.command(Request { command, ..pay(&id) }).await);
        }
        ids.push(id);
        clock.advance(Duration::from_millis(choices.below(3) * 700)).await;
    }
    let mut orders = vec![];
    for id in ids.iter().rev() {
        orders.push(engine.read(id).await.unwrap());
    }
    orders
}

fn any_filter(choices: &mut Choices, orders: &[Arc<Order>]) -> Filter {
    let external: Vec<String> = (0..9).map(|number| format!("shop-{number}")).collect();
    let external: Vec<&str> = external.iter().map(String::as_str).collect();
    let mut moment = || {
        let at = orders[usize::try_from(choices.below(ORDERS)).unwrap()].created_at;
        (choices.below(3) == 0).then(|| Timestamp::from_millis(at.as_millis() + choices.pick(&[-1, 0, 1])))
    };
    let (created_after, created_before) = (moment(), moment());
    let external_ids = if choices.below(3) == 0 { choices.some(&external) } else { BTreeSet::new() };
    Filter {
        states: choices.some(StateKind::ALL),
        payment_statuses: choices.some(PaymentStatus::ALL),
        customer_ids: choices.some(&CUSTOMERS).into_iter().map(|id| CustomerId::new(id).unwrap()).collect(),
        external_ids: external_ids.into_iter().map(|id| ExternalId::new(id).unwrap()).collect(),
        attention: choices.pick(&[None, None, Some(false), Some(true)]),
        created_after,
        created_before,
    }
}

#[tokio::test]
async fn lists_show_what_looking_at_every_order_shows() {
    let directory = tempfile::tempdir().unwrap();
    let started = start(directory.path()).await.unwrap();
    let orders = fill(&started).await;
    let kinds: BTreeSet<StateKind> = orders.iter().map(|order| order.kind()).collect();
    assert!(kinds.len() >= 6, "the orders differ: {kinds:?}");
    let (mut choices, mut shown) = (Choices(11), 0);
    for _ in 0..FILTERS {
        let filter = any_filter(&mut choices, &orders);
        let limit = usize::try_from(1 + choices.below(9)).unwrap();
        let (mut listed, mut after) = (vec![], None);
        loop {
            let page = Page { filter: filter.clone(), after, limit };
            let part = started.engine.list(page).await.unwrap();
            assert!(part.orders.len() <= limit);
            listed.extend(part.orders);
            after = part.next;
            if after.is_none() {
                break;
            }
        }
        let expected: Vec<_> = orders.iter().filter(|order| filter.admits(order)).cloned().collect();
        assert_eq!(listed, expected, "{filter:?} by {limit}");
        shown += expected.len();
    }
    assert!(shown > 1_000, "filters that show something: {shown}");
}
