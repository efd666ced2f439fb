//! Placing: claimed in PostgreSQL, done by a workflow, answered once its stock is decided and stored.
//!
//! Where that takes too long, the order is shown as it is and the answer is that it is taken. Its mark is kept
//! open until then: who sends the same again waits again, and hears what then is known.

use super::insisting::insist;
use super::{ASKS_AGAIN_AFTER, TemporalEngine};
use crate::store::{Acknowledged, Claim, Kept, SaltedDetails, StoreError};
use crate::workflow::{OrderWorkflow, input, wire::Placed};
use omniflow_core::{Entry, Event, Order, OrderId, StockRefusal, Timestamp, placed};
use omniflow_engine::{Answered, Error, Idempotency, Placement};
use std::sync::Arc;
use tokio::time::{sleep, timeout};

/// The update that waits for an order to be placed. All who ask hear the same.
const PLACE: &str = "place";

/// Said of an external id whose order is not decided.
const RIVAL_UNDECIDED: &str = "the stock of the order that has this external id is not decided yet";

/// Logged where the API has claimed an order that a workflow does not find.
const NOT_FOUND: &str = "a worker does not find an order that is claimed: have API and workers one database and \
                         schema?";

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

/// What became of a placing.
enum Outcome {
    Decided(Placed),
    /// Nobody has decided its stock in time. It is shown.
    Undecided(Arc<Order>),
}

impl TemporalEngine {
    pub(super) async fn place_order(&self, placement: Placement) -> Result<Answered, Error> {
        loop {
            let (id, replayed) = match self.claim(&placement).await? {
                Claimed::Answered(answered) => return Ok(answered),
                Claimed::Ours(id) => (id, false),
                Claimed::Before(id) => (id, true),
                Claimed::Rival(id) => match self.started(&id).await {
                    Some(Placed::Done { .. }) => return Err(Error::ExternalIdTaken(id)),
                    Some(Placed::Refused { .. }) => continue,
                    Some(Placed::Missing) | None => {
                        return Err(Error::Unavailable(RIVAL_UNDECIDED.to_owned()));
                    }
                },
            };
            return match self.outcome(&id).await? {
                Outcome::Decided(Placed::Done { version, at, before }) => {
                    let mark = placement.idempotency.as_ref().filter(|_| before);
                    insist(|| self.done(&id, (version, at), replayed, mark)).await
                }
                // What was refused is not kept: it is decided again.
                Outcome::Decided(Placed::Refused { .. }) if replayed => continue,
                Outcome::Decided(Placed::Refused { refusal }) => Err(refused(refusal)),
                Outcome::Decided(Placed::Missing) => {
                    tracing::error!(order_id = %id, NOT_FOUND);
                    Err(Error::OutcomeUnknown)
                }
                Outcome::Undecided(order) => {
                    let at = self.clock.now();
                    Ok(Answered { order, at, replayed, pending: true })
                }
            };
        }
    }

    /// What the workflow says of the placing, or PostgreSQL where it says nothing in time: what is claimed is
    /// durable, and goes on once there is a worker.
    async fn outcome(&self, id: &OrderId) -> Result<Outcome, Error> {
        if let Some(placed) = self.started(id).await {
            return Ok(Outcome::Decided(placed));
        }
        // Its row may be held by whoever waits for its stock.
        let acknowledged = insist(|| async { Ok(self.store.acknowledge(id).await?) }).await?;
        Ok(match acknowledged {
            Acknowledged::Undecided(order) => Outcome::Undecided(Arc::new(order)),
            Acknowledged::Decided(order) => {
                let (version, at) = (order.version, self.clock.now());
                Outcome::Decided(Placed::Done { version, at, before: true })
            }
            Acknowledged::Refused(refusal) => Outcome::Decided(Placed::Refused { refusal }),
            Acknowledged::Missing => Outcome::Decided(Placed::Missing),
        })
    }

    /// The order as whoever placed it is told of it: under a mark, as it was told before.
    async fn done(
        &self,
        id: &OrderId,
        mut told: (u32, Timestamp),
        replayed: bool,
        mark: Option<&Idempotency>,
    ) -> Result<Answered, Error> {
        if let Some(mark) = mark
            && let Some(Kept::Order { answered: Some(answered), .. }) =
                self.store.kept(mark, self.clock.now()).await?
        {
            told = answered;
        }
        self.answered(id, told.0, told.1, replayed).await
    }

    async fn claim(&self, placement: &Placement) -> Result<Claimed, Error> {
        if let Some(mark) = &placement.idempotency
            && let Some(kept) = self.kept(mark).await?
        {
            return Ok(kept);
        }
        // Nothing is claimed that nobody could start.
        self.client().await?;
        let (entry, order, details) = self.draw_up(placement)?;
        let (details, mark) = (details.as_ref(), placement.idempotency.as_ref());
        let claim = match self.store.claim(&entry, &order, details, mark).await {
            Err(StoreError::OutcomeUnknown) => {
                insist(|| async { Ok(self.store.claim(&entry, &order, details, mark).await?) }).await?
            }
            claim => claim?,
        };
        match claim {
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

    /// Starts the order's workflow if it has none, and waits for what it says of the placing. `None` where it
    /// says nothing in time.
    async fn started(&self, id: &OrderId) -> Option<Placed> {
        let asked = async {
            loop {
                match self.started_once(id).await {
                    Ok(placed) => return placed,
                    Err(error) => {
                        tracing::debug!(%id, error, "Temporal did not take a placing; asking again")
                    }
                }
                sleep(ASKS_AGAIN_AFTER).await;
            }
        };
        let placed = timeout(self.settings.patience, asked).await;
        if placed.is_err() {
            tracing::warn!(%id, "no worker has placed an order in time");
        }
        placed.ok()
    }

    async fn started_once(&self, id: &OrderId) -> Result<Placed, String> {
        let client = self.client().await.map_err(|error| error.to_string())?;
        let options = self.update_options(id, Some(PLACE.to_owned()));
        let (run, place) = (OrderWorkflow::run, OrderWorkflow::place);
        let asked = client.execute_update_with_start_workflow(run, input::stored(id), place, (), options);
        asked.await.map_err(|error| error.to_string())
    }
}

fn refused(refusal: StockRefusal) -> Error {
    match refusal {
        StockRefusal::OutOfStock(short) => Error::OutOfStock(short),
        StockRefusal::UnknownSku(skus) => Error::UnknownSku(skus),
    }
}
