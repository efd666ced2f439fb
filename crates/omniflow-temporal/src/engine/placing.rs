//! Placing: claimed in PostgreSQL, done by a workflow, answered once its stock is decided and stored.

use super::TemporalEngine;
use crate::store::{Claim, Kept, SaltedDetails, StoreError};
use crate::workflow::{OrderWorkflow, input, wire::Placed};
use omniflow_core::{Entry, Event, Order, OrderId, StockRefusal, placed};
use omniflow_engine::{Answered, Error, Idempotency, Placement};

/// The update that waits for an order to be placed. All who ask hear the same.
const PLACE: &str = "place";

/// What a placing is waiting for.
enum Claimed {
    /// The order is ours to place.
    Ours(OrderId),
    /// Another request with the same mark placed it, or does so now.
    Before(OrderId),
    Answered(Answered),
    /// It may be refused yet, and leave the external id to us.
    Rival(OrderId),
}

impl TemporalEngine {
    pub(super) async fn place_order(&self, placement: Placement) -> Result<Answered, Error> {
        loop {
            let (id, replayed) = match self.claim(&placement).await? {
                Claimed::Answered(answered) => return Ok(answered),
                Claimed::Ours(id) => (id, false),
                Claimed::Before(id) => (id, true),
                Claimed::Rival(id) => match self.started(&id).await? {
                    Placed::Done { .. } => return Err(Error::ExternalIdTaken(id)),
                    Placed::Refused { .. } | Placed::Missing => continue,
                },
            };
            return match self.started(&id).await? {
                Placed::Done { version, at } => self.answered(&id, version, at, replayed).await,
                // What was refused is not kept: it is decided again.
                Placed::Refused { .. } | Placed::Missing if replayed => continue,
                Placed::Refused { refusal } => Err(refused(refusal)),
                Placed::Missing => Err(Error::OutcomeUnknown),
            };
        }
    }

    async fn claim(&self, placement: &Placement) -> Result<Claimed, Error> {
        if let Some(mark) = &placement.idempotency
            && let Some(kept) = self.kept(mark).await?
        {
            return Ok(kept);
        }
        let (entry, order, details) = self.draw_up(placement)?;
        let claim = self.store.claim(&entry, &order, details.as_ref(), placement.idempotency.as_ref()).await;
        match claim? {
            Claim::Made => Ok(Claimed::Ours(order.id)),
            Claim::Again { order_id, answered: None } => Ok(Claimed::Before(order_id)),
            Claim::Again { order_id, answered: Some((version, at)) } => {
                Ok(Claimed::Answered(self.answered(&order_id, version, at, true).await?))
            }
            Claim::KeyReused => Err(Error::IdempotencyKeyReused),
            Claim::ExternalIdTaken { order_id, acknowledged: true } => Err(Error::ExternalIdTaken(order_id)),
            Claim::ExternalIdTaken { order_id, acknowledged: false } => Ok(Claimed::Rival(order_id)),
        }
    }

    /// What an earlier request with this mark says.
    async fn kept(&self, mark: &Idempotency) -> Result<Option<Claimed>, Error> {
        Ok(match self.store.kept(mark, self.clock.now()).await? {
            None => None,
            Some(Kept::Order { order_id, answered: None }) => Some(Claimed::Before(order_id)),
            Some(Kept::Order { order_id, answered: Some((version, at)) }) => {
                Some(Claimed::Answered(self.answered(&order_id, version, at, true).await?))
            }
            Some(Kept::Reused | Kept::Stock { .. }) => return Err(Error::IdempotencyKeyReused),
        })
    }

    /// The order as it is first stored.
    fn draw_up(&self, placement: &Placement) -> Result<(Entry, Order, Option<SaltedDetails>), Error> {
        let at = self.clock.now();
        let details = match &placement.details {
            Some(details) => SaltedDetails::new(details, self.ids.salt()?)
                .map_err(|error| StoreError::Diverged(error.to_string()))?,
            None => None,
        };
        let event = Event::OrderPlaced {
            order_id: self.ids.next(at)?,
            terms: Box::new(placement.terms.clone()),
            details: details.as_ref().map(SaltedDetails::hash),
        };
        let entry = Entry { seq: 1, at, actor: placement.actor.clone(), event };
        let order = placed(&entry).map_err(|error| StoreError::Diverged(error.to_string()))?;
        Ok((entry, order, details))
    }

    /// Starts the order's workflow if it has none, and waits for what it says of the placing.
    async fn started(&self, id: &OrderId) -> Result<Placed, Error> {
        let options = self.update_options(id, Some(PLACE.to_owned()));
        let asked = self.client.execute_update_with_start_workflow(
            OrderWorkflow::run,
            input::stored(id),
            OrderWorkflow::place,
            (),
            options,
        );
        match tokio::time::timeout(self.settings.patience, asked).await {
            Ok(Ok(placed)) => Ok(placed),
            Ok(Err(error)) => {
                tracing::warn!(%id, %error, "the workflow of a placing did not answer");
                Err(Error::OutcomeUnknown)
            }
            Err(_) => Err(Error::OutcomeUnknown),
        }
    }
}

fn refused(refusal: StockRefusal) -> Error {
    match refusal {
        StockRefusal::OutOfStock(short) => Error::OutOfStock(short),
        StockRefusal::UnknownSku(skus) => Error::UnknownSku(skus),
    }
}
