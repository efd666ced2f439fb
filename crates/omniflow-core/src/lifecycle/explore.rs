//! Asking [`decide`] and [`evolve`] everything that can be told to sample orders, until nothing new comes.

use super::table::timer_name;
use crate::{
    Actor, Command, Currency, Decision, DetailsHash, EffectKey, Entry, Event, Money, Order, OrderId, Outcome,
    Payment, PaymentEventId, PaymentId, PaymentOutcome, PaymentReport, Payments, PolicyBook, Receipt,
    Reference, RefundProgress, StateKind, Step, StockRefusal, Terms, TextError, Timestamp, decide, evolve,
    next, placed,
};
use std::collections::{BTreeSet, HashSet, VecDeque};

/// One event that something told to an order led to, with where the order stood before and after.
pub(super) struct Change {
    /// The place of the order before among those that were found.
    pub(super) before: usize,
    pub(super) cause: String,
    pub(super) event: Event,
    pub(super) to: StateKind,
}

/// Everything that was found, nearest to the placing first.
pub(super) struct Exploration {
    /// One order for each situation that an order can be in.
    pub(super) orders: Vec<Order>,
    pub(super) changes: Vec<Change>,
}

/// Explores the lives of an order that is reviewed and of one that is not, breadth first.
pub(super) fn explore() -> Exploration {
    let mut found = Exploration { orders: vec![], changes: vec![] };
    let (mut seen, mut open) = (HashSet::new(), VecDeque::new());
    for order in samples() {
        seen.insert(situation(&order));
        open.push_back(order);
    }
    while let Some(order) = open.pop_front() {
        let before = found.orders.len();
        for (cause, command) in everything(&order) {
            for (event, after) in tell(&order, &command) {
                found.changes.push(Change { before, cause: cause.clone(), event, to: after.kind() });
                if seen.insert(situation(&after)) {
                    open.push_back(after);
                }
            }
        }
        found.orders.push(order);
    }
    found
}

/// What the order records when it is told something, a second after its last event.
fn tell(order: &Order, command: &Command) -> Vec<(Event, Order)> {
    let mut told = vec![];
    for event in decide(order, command).unwrap_or_default() {
        let order = told.last().map_or(order, |(_, order)| order).clone();
        let (seq, at) = (order.version + 1, order.updated_at.plus_millis(1_000));
        let entry = Entry { seq, at, actor: Actor::engine(), event };
        let order = evolve(order, &entry);
        told.push((entry.event, order));
    }
    told
}

/// Two new orders: one at the review threshold, one just above it.
fn samples() -> impl Iterator<Item = Order> {
    let book = PolicyBook::default();
    let currency = Currency::USD;
    let threshold = book.review_thresholds.get(&currency).copied().unwrap_or_default();
    [threshold, threshold + 1].into_iter().filter_map(move |minor| {
        let total = Money::new(minor, currency);
        let policies = book.for_order(total, None)?;
        let (lines, adjustments) = (vec![], vec![]);
        let terms = Terms { total, lines, adjustments, external_id: None, customer_id: None, policies };
        let order_id = fixed(OrderId::new("ORD-SAMPLE"));
        let details = Some(DetailsHash([0; 32]));
        let event = Event::OrderPlaced { order_id, terms: Box::new(terms), details };
        placed(&Entry { seq: 1, at: Timestamp::default(), actor: Actor::engine(), event }).ok()
    })
}

#[expect(clippy::expect_used, reason = "only short texts of plain letters, written here, come by")]
fn fixed<T>(text: Result<T, TextError>) -> T {
    text.expect("a fixed text is within every limit")
}

/// What tells one order's situation from another's: not its ids, times and numbers, nor how many of its
/// payments stand alike, nor those that need nothing any more, nor why a person must act.
fn situation(order: &Order) -> String {
    let refunds: BTreeSet<&str> = order
        .payments
        .refunds()
        .filter_map(|(_, _, refund)| match &refund.progress {
            RefundProgress::Requested => Some("requested"),
            RefundProgress::Accepted { .. } => Some("accepted"),
            RefundProgress::Stuck(_) => Some("stuck"),
            RefundProgress::Done { .. } | RefundProgress::Skipped { .. } => None,
        })
        .collect();
    let goods = std::mem::discriminant(&order.fulfillment);
    let (paid, person) =
        (order.payments.is_paid(), order.attention().map(|attention| attention.effect.step.kind()));
    let (kind, reason, stock) = (order.kind(), order.state.reason(), std::mem::discriminant(&order.stock));
    let verdict = order.verdict.as_ref().map(|verdict| verdict.decision);
    let asked = (order.terms.needs_review(), verdict, order.cancel.is_some());
    format!("{kind} {reason:?} {stock:?} {paid} {refunds:?} {goods:?} {person:?} {asked:?}")
}

/// Everything that can be told to an order.
fn everything(order: &Order) -> Vec<(String, Command)> {
    let mut all = requests(order);
    for key in effects(order) {
        for outcome in outcomes(key) {
            let cause = format!("`{}` {}", key.step.kind(), outcome.word().replace('_', " "));
            all.push((cause, Command::Settle { effect: key, outcome }));
        }
    }
    for timer in next(order).timers {
        all.push((timer_name(timer.id), Command::Elapse(timer.id)));
    }
    all
}

/// What people, shops and the payment provider can say.
fn requests(order: &Order) -> Vec<(String, Command)> {
    let report = |outcome| PaymentReport::new(None, None, outcome);
    let total = order.terms.total;
    let other = PaymentReport {
        payment_id: fixed(PaymentId::new(format!("other-{}", order.payments.iter().len()))),
        amount: Some(Money::new(total.minor + 1, total.currency)),
        ..PaymentReport::captured()
    };
    let again = PaymentReport { event_id: fixed(PaymentEventId::new("again")), ..PaymentReport::captured() };
    let was_captured = order.payments.find(&again.payment_id).is_some_and(Payment::was_captured);
    let mut all = vec![
        ("payment captured", Command::ReportPayment(PaymentReport::captured())),
        ("another payment captured, or another amount", Command::ReportPayment(other)),
        ("payment declined", Command::ReportPayment(report(PaymentOutcome::Declined))),
        ("payment failed", Command::ReportPayment(report(PaymentOutcome::Failed))),
        ("`approve`", Command::Decide { decision: Decision::Approve, reason: None }),
        ("`reject`", Command::Decide { decision: Decision::Reject, reason: None }),
        ("`cancel`", Command::Cancel { reason: None }),
        ("`retry`", Command::Retry),
        ("`skip`", Command::Skip { reason: None }),
        ("`compensate`", Command::Compensate { reason: None }),
        ("details erased", Command::EraseDetails),
    ];
    if was_captured {
        all.push(("the same payment captured again", Command::ReportPayment(again)));
    }
    all.into_iter().map(|(cause, command)| (cause.to_owned(), command)).collect()
}

/// Every effect of the order, wanted or not, in its latest round.
fn effects(order: &Order) -> Vec<EffectKey> {
    let steps = [Step::ReserveStock, Step::ReleaseStock, Step::ConsumeStock, Step::Ship];
    let refunds = order.payments.refunds().map(|(number, _, refund)| Payments::refund_key(number, refund));
    steps.map(EffectKey::first).into_iter().chain(refunds).collect()
}

/// Every outcome that an effect can have.
fn outcomes(key: EffectKey) -> Vec<Outcome> {
    let provider = |receipt| {
        vec![
            Outcome::Done(receipt),
            Outcome::Accepted { reference: None },
            Outcome::Refused { reason: None },
            Outcome::Exhausted { attempts: 1, last_error: None },
            Outcome::Unknown { attempts: 1, last_error: None },
        ]
    };
    match key.step {
        Step::ReserveStock => vec![
            Outcome::Done(Receipt::Stock),
            Outcome::NoStock(StockRefusal::OutOfStock(vec![])),
            Outcome::NoStock(StockRefusal::UnknownSku(vec![])),
        ],
        Step::ReleaseStock | Step::ConsumeStock => vec![Outcome::Done(Receipt::Stock)],
        Step::Ship => provider(Receipt::Shipment { tracking_number: fixed(Reference::new("TRACK-1")) }),
        Step::RefundPayment(_) => provider(Receipt::Refund { reference: None }),
    }
}
