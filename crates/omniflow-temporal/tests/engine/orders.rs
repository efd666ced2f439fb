//! Orders as the API places them, and what it says to them.

use omniflow_core::{
    Actor, Command, Currency, EffectKey, Line, LineId, Money, Order, OrderId, PaymentEventId, PaymentId,
    PaymentOutcome, PaymentReport, Policies, RULES, RetryPolicy, Sku, Step, Terms,
};
use omniflow_engine::{Error, Idempotency, OrderEngine, Placement, Request, SetStock, StockLevel};
use std::sync::Arc;

/// What every order here is of.
pub(crate) const TEA: &str = "tea";
/// The effect that ships an order.
pub(crate) const SHIP: EffectKey = EffectKey::first(Step::Ship);
/// Strictly above so many cents an order is reviewed.
const THRESHOLD: i64 = 1_000_000;
/// A time that no test waits out.
const LONG_MS: u64 = 3_600_000;

/// An order to place.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) total_minor: i64,
    pub(crate) quantity: u32,
    pub(crate) window_ms: u64,
    pub(crate) deadline_ms: u64,
    pub(crate) attempts: u32,
    /// The pause after each attempt.
    pub(crate) backoff_ms: u64,
}

impl Default for Wanted {
    /// One tea, not worth a review, with all the time in the world and three attempts.
    fn default() -> Self {
        Self {
            total_minor: 50_000,
            quantity: 1,
            window_ms: LONG_MS,
            deadline_ms: LONG_MS,
            attempts: 3,
            backoff_ms: 50,
        }
    }
}

impl Wanted {
    /// One that is reviewed.
    pub(crate) fn precious() -> Self {
        Self { total_minor: THRESHOLD + 1, ..Self::default() }
    }

    pub(crate) fn terms(self) -> Terms {
        let retry = RetryPolicy {
            attempts: self.attempts,
            attempt_timeout_ms: 500,
            backoff_ms: self.backoff_ms,
            backoff_max_ms: self.backoff_ms * 4,
        };
        let policies = Policies {
            rules: RULES,
            payment_window_ms: self.window_ms,
            review_threshold_minor: THRESHOLD,
            forward: retry,
            compensation: retry,
            provider_deadline_ms: self.deadline_ms,
        };
        let line = Line {
            line_id: LineId::of_place(1),
            sku: sku(),
            quantity: self.quantity,
            unit_price_minor: None,
        };
        Terms {
            total: Money::new(self.total_minor, Currency::USD),
            lines: vec![line],
            adjustments: vec![],
            external_id: None,
            customer_id: None,
            policies,
        }
    }
}

pub(crate) fn sku() -> Sku {
    Sku::new(TEA).unwrap()
}

/// Places an order under a key: asked again, it is the same order.
pub(crate) async fn place_marked(
    engine: &dyn OrderEngine,
    wanted: Wanted,
    key: &str,
) -> Result<Arc<Order>, Error> {
    let idempotency = Some(Idempotency::new("shop", "/orders", key, b"{}", LONG_MS));
    let placement = Placement { terms: wanted.terms(), details: None, actor: Actor::api(), idempotency };
    engine.place(placement).await.map(|answered| answered.order)
}

/// Places an order that must be taken.
pub(crate) async fn place(engine: &dyn OrderEngine, wanted: Wanted) -> OrderId {
    let placement =
        Placement { terms: wanted.terms(), details: None, actor: Actor::api(), idempotency: None };
    engine.place(placement).await.unwrap().order.id.clone()
}

/// Says something to an order.
pub(crate) async fn tell(
    engine: &dyn OrderEngine,
    id: &OrderId,
    command: Command,
) -> Result<Arc<Order>, Error> {
    let request =
        Request { order_id: id.clone(), command, actor: Actor::api(), if_version: None, idempotency: None };
    engine.command(request).await.map(|answered| answered.order)
}

/// Says something that must be taken.
pub(crate) async fn must(engine: &dyn OrderEngine, id: &OrderId, command: Command) -> Arc<Order> {
    tell(engine, id, command).await.unwrap()
}

/// A report of a payment.
pub(crate) fn report(payment: &str, outcome: PaymentOutcome) -> Command {
    let payment = PaymentId::new(payment).unwrap();
    Command::ReportPayment(PaymentReport::new(Some(payment), None::<PaymentEventId>, outcome))
}

/// A report that the whole amount was captured.
pub(crate) fn capture() -> Command {
    Command::ReportPayment(PaymentReport::captured())
}

/// Waits until something holds of an order.
pub(crate) async fn until(
    engine: &dyn OrderEngine,
    id: &OrderId,
    holds: impl Fn(&Order) -> bool,
) -> Arc<Order> {
    let mut order = engine.read(id).await.unwrap();
    while !holds(&order) {
        order = engine.changed(id, order.version).await.unwrap();
    }
    order
}

pub(crate) async fn set_stock(engine: &dyn OrderEngine, on_hand: u64) {
    let change = SetStock {
        sku: sku(),
        on_hand,
        expected_on_hand: None,
        recount: false,
        reason: None,
        actor: Actor::api(),
    };
    engine.set_stock(change).await.unwrap();
}

pub(crate) async fn stock(engine: &dyn OrderEngine) -> StockLevel {
    engine.stock(&sku()).await.unwrap()
}
