//! Asking something of an order that is placed.

use super::TemporalEngine;
use crate::store::{Kept, Publish, Published};
use crate::workflow::wire::{self, Act, Ask};
use crate::workflow::{OrderWorkflow, input};
use omniflow_core::{Order, decide};
use omniflow_engine::{Answered, Error, Idempotency, Request};
use std::sync::Arc;

impl TemporalEngine {
    pub(super) async fn ask(&self, request: Request) -> Result<Answered, Error> {
        loop {
            if let Some(mark) = &request.idempotency
                && let Some(answered) = self.answered_before(mark).await?
            {
                return Ok(answered);
            }
            let order = self.stored(&request.order_id).await?;
            if request.if_version.is_some_and(|version| version != order.version) {
                return Err(Error::VersionMismatch { current: order.version });
            }
            if !decide(&order, &request.command)?.is_empty() {
                return self.ask_workflow(request).await;
            }
            // Where the order has moved meanwhile, it is asked as it is now.
            if let Some(answered) = self.applied_before(&request, order).await? {
                return Ok(answered);
            }
        }
    }

    async fn answered_before(&self, mark: &Idempotency) -> Result<Option<Answered>, Error> {
        match self.store.kept(mark, self.clock.now()).await? {
            None => Ok(None),
            Some(Kept::Order { order_id, answered: Some((version, at)) }) => {
                self.answered(&order_id, version, at, true).await.map(Some)
            }
            // A mark has the path in it, so that it is of nothing else.
            Some(_) => Err(Error::IdempotencyKeyReused),
        }
    }

    /// Nothing moves; a mark is kept all the same. `None` where the order is no longer as it was.
    async fn applied_before(&self, request: &Request, order: Arc<Order>) -> Result<Option<Answered>, Error> {
        let at = self.clock.now();
        let Some(mark) = request.idempotency else {
            return Ok(Some(Answered { order, at, replayed: false }));
        };
        // What has moved the order since the mark was looked for may have been this very request.
        if let Some(answered) = self.answered_before(&mark).await? {
            return Ok(Some(answered));
        }
        let publish = Publish {
            order_id: &order.id,
            expected: order.version,
            lines: vec![],
            order: &order,
            stock: None,
            marks: vec![(mark, order.version)],
            at,
            acknowledge: false,
            erase_details: false,
        };
        match self.store.publish(publish).await? {
            Published::Stored => {}
            Published::Behind { .. } => return Ok(None),
        }
        // Of equal ones at once, the mark that is kept is the first one's.
        Ok(Some(self.as_kept(Some(&mark), Answered { order, at, replayed: false }).await?))
    }

    /// The answer that is kept under a mark, where there is one: a run knows only of its own marks, and of equal
    /// requests at once the first one's answer is everybody's.
    async fn as_kept(&self, mark: Option<&Idempotency>, answered: Answered) -> Result<Answered, Error> {
        let Some(mark) = mark else { return Ok(answered) };
        let Some(kept) = self.answered_before(mark).await? else { return Ok(answered) };
        let is_same = kept.at == answered.at && kept.order.version == answered.order.version;
        Ok(Answered { replayed: answered.replayed || !is_same, ..kept })
    }

    async fn ask_workflow(&self, request: Request) -> Result<Answered, Error> {
        let Request { order_id, command, actor, if_version, idempotency } = request;
        let ask = Ask::of(&command).ok_or(Error::OutcomeUnknown)?;
        let act = Act { ask, actor, if_version, mark: idempotency.map(Into::into) };
        let options = self.update_options(&order_id, None);
        let asked = self.client.execute_update_with_start_workflow(
            OrderWorkflow::run,
            input::stored(&order_id),
            OrderWorkflow::act,
            act,
            options,
        );
        let answer = match tokio::time::timeout(self.settings.patience, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(%order_id, %error, "the workflow of an order did not answer");
                return Err(Error::OutcomeUnknown);
            }
            Err(_) => return Err(Error::OutcomeUnknown),
        };
        match answer {
            wire::Answer::Done { version, at, replayed } => {
                let answered = self.answered(&order_id, version, at, replayed).await?;
                self.as_kept(idempotency.as_ref(), answered).await
            }
            wire::Answer::Refused { version } => {
                let order = self.store.at_version(&order_id, version).await?.ok_or(Error::OrderNotFound)?;
                // The same rules on the same order say the same again, and why.
                decide(&order, &command)?;
                Err(Error::OutcomeUnknown)
            }
            wire::Answer::VersionMismatch { current } => Err(Error::VersionMismatch { current }),
            wire::Answer::KeyReused => Err(Error::IdempotencyKeyReused),
            wire::Answer::Missing => Err(Error::OrderNotFound),
        }
    }
}
