//! What a case can do: each is a step.

use super::World;
use super::cart::{Cart, actor, checked};
use crate::simulated::{Act, ProviderName, Script, ScriptStep};
use crate::{AdjustStock, Error, Request, SetStock, StockLevel, StockSet};
use omniflow_core::{
    Command, Decision, EffectId, EffectKey, Order, OrderId, Outcome, PaymentEventId, PaymentId,
    PaymentOutcome, PaymentReport, ReasonText, Receipt, Reference, Step,
};
use std::sync::Arc;

/// A provider that does so for as long as its script is not cleared.
pub(super) const ALWAYS: u32 = u32::MAX;

/// The effect that ships an order.
pub(super) const SHIP: EffectKey = EffectKey::first(Step::Ship);

/// The effect that gives back an order's payment of this number.
pub(super) const fn refund(number: u32) -> EffectKey {
    EffectKey::first(Step::RefundPayment(number))
}

pub(super) fn words(text: &str) -> Option<ReasonText> {
    Some(checked(ReasonText::new(text)))
}

/// A report of a payment.
pub(super) fn report(payment: &str, outcome: PaymentOutcome) -> PaymentReport {
    PaymentReport::new(Some(checked(PaymentId::new(payment))), None, outcome)
}

/// A report that the whole amount was captured.
pub(super) fn capture(payment: &str) -> PaymentReport {
    report(payment, PaymentOutcome::Captured)
}

/// The same under another name of the report.
pub(super) fn named(report: PaymentReport, event: &str) -> PaymentReport {
    PaymentReport { event_id: checked(PaymentEventId::new(event)), ..report }
}

pub(super) fn shipped(tracking_number: &str) -> Outcome {
    Outcome::Done(Receipt::Shipment { tracking_number: checked(Reference::new(tracking_number)) })
}

pub(super) const REFUNDED: Outcome = Outcome::Done(Receipt::Refund { reference: None });
pub(super) const REFUSED: Outcome = Outcome::Refused { reason: None };

impl World {
    /// Places an order that must be taken.
    pub(super) async fn placed(&mut self, cart: Cart) -> OrderId {
        match self.place(cart).await {
            Ok(order) => order.id.clone(),
            Err(error) => panic!("the order was not taken: {error}"),
        }
    }

    pub(super) async fn place(&mut self, cart: Cart) -> Result<Arc<Order>, Error> {
        let placed = self.engine().place(cart.placement(self.pace())).await.map(|answered| answered.order);
        if let Ok(order) = &placed {
            self.orders.push(order.id.clone());
        }
        self.step("an order is placed").await;
        placed
    }

    /// Tells an order something.
    pub(super) async fn tell(&mut self, id: &OrderId, command: Command) -> Result<Arc<Order>, Error> {
        let name = format!("{command:?}");
        let told = self.tell_quietly(id, command).await;
        self.step(name).await;
        told
    }

    /// As [`tell`](Self::tell), without being a step.
    pub(super) async fn tell_quietly(&mut self, id: &OrderId, command: Command) -> Result<Arc<Order>, Error> {
        if let Command::Settle { effect, .. } = &command {
            self.told.insert(EffectId { order_id: id.clone(), key: *effect });
        }
        let request =
            Request { order_id: id.clone(), command, actor: actor(), if_version: None, idempotency: None };
        self.engine().command(request).await.map(|answered| answered.order)
    }

    /// Tells an order something that must be taken.
    pub(super) async fn must(&mut self, id: &OrderId, command: Command) -> Arc<Order> {
        let name = format!("{command:?}");
        match self.tell(id, command).await {
            Ok(order) => order,
            Err(error) => panic!("{name} was not taken: {error}"),
        }
    }

    /// Reports that the whole amount was captured.
    pub(super) async fn pay(&mut self, id: &OrderId) -> Arc<Order> {
        self.must(id, Command::ReportPayment(PaymentReport::captured())).await
    }

    pub(super) async fn report(&mut self, id: &OrderId, report: PaymentReport) -> Arc<Order> {
        self.must(id, Command::ReportPayment(report)).await
    }

    pub(super) async fn approve(&mut self, id: &OrderId) -> Arc<Order> {
        self.must(id, Command::Decide { decision: Decision::Approve, reason: None }).await
    }

    pub(super) async fn reject(&mut self, id: &OrderId) -> Arc<Order> {
        self.must(id, Command::Decide { decision: Decision::Reject, reason: words("not our customer") }).await
    }

    pub(super) async fn cancel(&mut self, id: &OrderId) -> Arc<Order> {
        self.must(id, Command::Cancel { reason: words("changed my mind") }).await
    }

    pub(super) async fn retry(&mut self, id: &OrderId) -> Arc<Order> {
        self.must(id, Command::Retry).await
    }

    pub(super) async fn skip(&mut self, id: &OrderId) -> Arc<Order> {
        self.must(id, Command::Skip { reason: words("done by hand") }).await
    }

    pub(super) async fn compensate(&mut self, id: &OrderId) -> Arc<Order> {
        self.must(id, Command::Compensate { reason: words("the carrier lost it") }).await
    }

    /// Tells an order the outcome of an effect, as its provider would.
    pub(super) async fn outcome(&mut self, id: &OrderId, effect: EffectKey, outcome: Outcome) -> Arc<Order> {
        self.must(id, Command::Settle { effect, outcome }).await
    }

    /// Has a provider do something with its next attempts.
    pub(super) async fn script(&mut self, provider: ProviderName, act: Act, times: u32, ms: u64) {
        let step = ScriptStep { reason: words("so it was scripted"), ..act.step(times, ms) };
        self.simulated().script(provider, None, Script::new([step]));
        self.step(format!("the {provider} is to {act}")).await;
    }

    /// Has a provider do as it does by itself.
    pub(super) async fn unscript(&mut self, provider: ProviderName) {
        self.simulated().clear(provider, None);
        self.step(format!("the {provider} is mended")).await;
    }

    pub(super) async fn set_stock(&mut self, change: SetStock) -> Result<StockSet, Error> {
        let before = self.engine().stock(&change.sku).await.map_or(0, |level| level.on_hand);
        let set = self.engine().set_stock(change).await;
        if let Ok(set) = &set {
            self.redeliver(&set.level, before);
        }
        self.step("stock is set").await;
        set
    }

    pub(super) async fn adjust_stock(&mut self, change: AdjustStock) -> Result<StockLevel, Error> {
        let before = self.engine().stock(&change.sku).await.map_or(0, |level| level.on_hand);
        let adjusted = self.engine().adjust_stock(change).await.map(|adjusted| adjusted.level);
        if let Ok(level) = &adjusted {
            self.redeliver(level, before);
        }
        self.step("stock is adjusted").await;
        adjusted
    }

    /// Counts what came into the warehouse, or left it other than by shipping.
    fn redeliver(&mut self, level: &StockLevel, before: u64) {
        let delivered = self.delivered.entry(level.sku.clone()).or_default();
        *delivered = *delivered + level.on_hand - before;
    }
}
