//! What a case can assert. None of these is a step, but for those that wait.

use super::World;
use super::cart::sku;
use crate::simulated::{ProviderName, taken};
use crate::{Error, StockLevel};
use omniflow_core::{
    AttentionCode, Command, EffectKey, Order, OrderId, PaymentId, PaymentStatus, ReasonCode, Rejection,
    State, StateKind, Timestamp, allowed_actions,
};
use std::sync::Arc;

use super::cart::checked;

impl World {
    /// Waits for a state.
    pub(super) async fn until_state(&mut self, id: &OrderId, state: StateKind) -> Arc<Order> {
        self.until(id, state.as_str(), |order| order.kind() == state).await
    }

    /// Waits for an ended state with its reason, and everything undone that must be.
    pub(super) async fn until_undone(&mut self, id: &OrderId, reason: ReasonCode) -> Arc<Order> {
        let order = self.until_state(id, reason.ending()).await;
        assert_eq!(order.state.reason().map(|reason| reason.code), Some(reason));
        assert!(order.ended_at.is_some(), "an ended order says when it ended");
        order
    }

    /// Waits for a payment's status.
    pub(super) async fn until_payment(
        &mut self,
        id: &OrderId,
        payment: &str,
        status: PaymentStatus,
    ) -> Arc<Order> {
        let payment = checked(PaymentId::new(payment));
        self.until(id, status.as_str(), |order| {
            order.payments.find(&payment).is_some_and(|payment| payment.status() == status)
        })
        .await
    }

    /// Waits for attention.
    pub(super) async fn until_attention(
        &mut self,
        id: &OrderId,
        effect: EffectKey,
        code: AttentionCode,
    ) -> Arc<Order> {
        self.until(id, "attention", |order| {
            order.attention().is_some_and(|attention| attention.effect == effect && attention.code == code)
        })
        .await
    }

    /// Asserts a state that is there now.
    pub(super) async fn is(&self, id: &OrderId, state: StateKind) -> Arc<Order> {
        let order = self.order(id).await;
        assert_eq!(order.kind(), state, "{order:#?}");
        order
    }

    /// When the payment window of an order ends, which must be waiting for its payment.
    pub(super) async fn due_at(&self, id: &OrderId) -> Timestamp {
        match self.order(id).await.state {
            State::AwaitingPayment { due_at } => due_at,
            ref state => panic!("the order does not await its payment: {state:?}"),
        }
    }

    /// Asserts how many of a SKU are on hand and reserved.
    pub(super) async fn stock_is(&self, name: &str, on_hand: u64, reserved: u64) {
        let expected = StockLevel { sku: sku(name), on_hand, reserved };
        assert_eq!(self.engine().stock(&sku(name)).await, Ok(expected));
    }

    /// Asserts what a provider has taken for an order, each effect once.
    pub(super) fn took(&self, provider: ProviderName, id: &OrderId, effects: &[EffectKey]) {
        let records = self.records();
        let of_order = |effect: &&crate::simulated::Record| {
            effect.provider == provider && effect.effect_id.order_id == *id
        };
        let taken: Vec<EffectKey> =
            taken(&records).into_iter().filter(of_order).map(|record| record.effect_id.key).collect();
        assert_eq!(taken, effects, "what the {provider} has taken");
    }

    /// Asserts the types of an order's events that are among `types`, in their order.
    pub(super) async fn tells(&self, id: &OrderId, types: &[&str]) {
        assert_eq!(self.types(id).await, types, "what the timeline tells");
    }

    pub(super) async fn types(&self, id: &OrderId) -> Vec<&'static str> {
        self.timeline(id).await.iter().map(|entry| entry.entry.event.name()).collect()
    }

    /// How many events of a type an order has.
    pub(super) async fn count(&self, id: &OrderId, event: &str) -> usize {
        self.types(id).await.iter().filter(|name| **name == event).count()
    }

    /// Tells an order something that its state forbids; nothing must change.
    pub(super) async fn refuses(&mut self, id: &OrderId, command: Command) {
        let before = self.order(id).await;
        let name = format!("{command:?}");
        match self.tell(id, command).await {
            Err(Error::Rejected(Rejection::ActionNotAllowed { state, allowed, .. })) => {
                assert_eq!((state, allowed), (before.kind(), allowed_actions(&before)), "{name}");
            }
            answer => panic!("{name} must be refused by the state, not answered with {answer:#?}"),
        }
        assert_eq!(self.order(id).await, before, "{name} was refused, but changed something");
    }

    /// Tells an order something that was applied before: it is taken, and nothing must change.
    pub(super) async fn takes_idly(&mut self, id: &OrderId, command: Command) {
        let before = self.order(id).await;
        let name = format!("{command:?}");
        assert_eq!(self.must(id, command).await, before, "{name} was applied before");
        assert_eq!(self.order(id).await, before, "{name} was applied before");
    }

    /// Tells an order something that makes no sense to it: it is recorded, and nothing else must change.
    pub(super) async fn only_records(&mut self, id: &OrderId, command: Command) {
        let before = self.order(id).await;
        let name = format!("{command:?}");
        let after = self.must(id, command).await;
        assert_eq!(after.version, before.version + 1, "{name} is recorded");
        assert_eq!(after.state, before.state, "{name} moves no state");
        assert_eq!(after.fulfillment, before.fulfillment, "{name} moves no fulfillment");
        assert!(after.payments.iter().eq(before.payments.iter()), "{name} moves no payment");
        assert_eq!(after.stock, before.stock, "{name} moves no stock");
    }
}
