//! Asking something of an order that is placed.

use super::insisting::insist;
use super::{ASKS_AGAIN_AFTER, TemporalEngine, start_options};
use crate::store::{Kept, Publish, Published};
use crate::workflow::wire::{self, Act, Ask, PaidSignal};
use crate::workflow::{OrderWorkflow, input};
use omniflow_core::{Command, Order, OrderId, decide};
use omniflow_engine::{Answered, Error, Idempotency, Request};
use std::sync::Arc;
use std::time::Duration;
use temporalio_client::Client;
use temporalio_common::data_converters::{PayloadConverter, RawValue};
use tokio::time::{sleep, timeout};

/// How long Temporal may take to keep a report that no workflow has answered, however often it is asked.
const LEAVES_WITHIN: Duration = Duration::from_secs(10);

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
                return self.ask_workflow(request, order).await;
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
            return Ok(Some(Answered { order, at, replayed: false, pending: false }));
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
            withdraw: false,
            erase_details: false,
        };
        match self.store.publish(publish).await? {
            Published::Stored | Published::Kept => {}
            Published::Behind { .. } => return Ok(None),
        }
        // Of equal ones at once, the mark that is kept is the first one's.
        Ok(Some(self.as_kept(Some(&mark), Answered { order, at, replayed: false, pending: false }).await?))
    }

    /// The answer that is kept under a mark, where there is one: a run knows only of its own marks, and of equal
    /// requests at once the first one's answer is everybody's.
    async fn as_kept(&self, mark: Option<&Idempotency>, answered: Answered) -> Result<Answered, Error> {
        let Some(mark) = mark else { return Ok(answered) };
        let Some(kept) = self.answered_before(mark).await? else { return Ok(answered) };
        let is_same = kept.at == answered.at && kept.order.version == answered.order.version;
        Ok(Answered { replayed: answered.replayed || !is_same, ..kept })
    }

    /// Asks the order's workflow. A payment report that it does not answer in time is left for it, unless it was
    /// to be applied at one version only; what came of anything else is then unknown.
    async fn ask_workflow(&self, request: Request, known: Arc<Order>) -> Result<Answered, Error> {
        let client = self.client().await?;
        let Request { order_id, command, actor, if_version, idempotency } = request;
        let ask = Ask::of(&command).ok_or(Error::OutcomeUnknown)?;
        let act = Act { ask, actor: actor.clone(), if_version, mark: idempotency };
        let Some(answer) = self.said_by_workflow(&client, &order_id, act).await else {
            return match command {
                Command::ReportPayment(report) if if_version.is_none() => {
                    self.leave(&order_id, PaidSignal::new(report, actor, idempotency), known).await
                }
                _ => Err(Error::OutcomeUnknown),
            };
        };
        match answer {
            wire::Answer::Done { version, at, replayed } => {
                let told = || async {
                    let answered = self.answered(&order_id, version, at, replayed).await?;
                    self.as_kept(idempotency.as_ref(), answered).await
                };
                insist(told).await
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

    /// What the order's workflow answers, `None` where it does not in time.
    async fn said_by_workflow(&self, client: &Client, order_id: &OrderId, act: Act) -> Option<wire::Answer> {
        let options = self.update_options(order_id, None);
        let (run, act_on) = (OrderWorkflow::run, OrderWorkflow::act);
        let asked =
            client.execute_update_with_start_workflow(run, input::stored(order_id), act_on, act, options);
        match timeout(self.settings.patience, asked).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => tracing::warn!(%order_id, %error, "the workflow of an order did not answer"),
            Err(_) => tracing::warn!(%order_id, "no worker has answered for an order in time"),
        }
        None
    }

    /// Leaves a payment report with Temporal, durably, for the worker that comes; a server that has too much to do
    /// is asked again. The update that was not answered may still be applied too, and a report may be left twice:
    /// whichever comes second is known by its payment and event.
    ///
    /// A signal knows of no version: whoever gave one must not come here.
    async fn leave(
        &self,
        order_id: &OrderId,
        report: PaidSignal,
        known: Arc<Order>,
    ) -> Result<Answered, Error> {
        let leaving = async {
            while let Err(error) = self.leave_once(order_id, &report).await {
                tracing::debug!(%order_id, error, "Temporal did not take a payment report; asking again");
                sleep(ASKS_AGAIN_AFTER).await;
            }
        };
        if timeout(LEAVES_WITHIN, leaving).await.is_err() {
            tracing::warn!(%order_id, "Temporal did not take a payment report in time");
            return Err(Error::OutcomeUnknown);
        }
        let order = self.stored(order_id).await.unwrap_or(known);
        Ok(Answered { order, at: self.clock.now(), replayed: false, pending: true })
    }

    async fn leave_once(&self, order_id: &OrderId, report: &PaidSignal) -> Result<(), String> {
        let client = self.client().await.map_err(|error| error.to_string())?;
        let (run, paid) = (OrderWorkflow::run, OrderWorkflow::paid);
        let report = RawValue::from_value(report, &PayloadConverter::default());
        let options = start_options(&self.settings, order_id);
        let left = client.signal_with_start_workflow(run, input::stored(order_id), paid, report, options);
        left.await.map(drop).map_err(|error| error.to_string())
    }
}
