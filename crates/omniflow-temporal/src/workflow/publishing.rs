//! Storing what was decided, and what whoever placed the order is told of it.
//!
//! An order that was refused its stock before anybody knew of it is stored like any other, and hidden: whoever
//! placed it is told that there is none. Should a payment come after all, in this run or to a later one, the
//! order is found, shown as failed, and the payment refunded.

use super::driving::Driver;
use super::machine::Machine;
use super::pausing::Pauses;
use super::{OrderWorkflow, Told};
use crate::activities::{Line, OrderActivities, PublishInput, Published};
use omniflow_core::{Order, StockHold, Timestamp};
use std::time::Duration;
use temporalio_common::RetryPolicy;
use temporalio_sdk::{LocalActivityOptions, WorkflowCancellationToken};

/// How long one attempt at PostgreSQL may take.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often it is asked in one workflow task; later attempts wait for timers of the server's.
const STORE_ATTEMPTS: u32 = 3;
/// The pause between these.
const STORE_PAUSE: Duration = Duration::from_millis(20);

/// The version up to which an order is hidden while its stock is not decided. PostgreSQL shows no more than 4,096
/// events at once, and who has said so much of an order knows of it.
const MOST_HIDDEN: u32 = 2_000;

/// What storing an order does to its being shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Showing {
    /// Nothing.
    Same,
    /// Whoever placed it is told that it is there.
    Acknowledge,
    /// Whoever placed it is told that it was refused, unless it is shown already.
    Withdraw,
}

impl Driver<'_> {
    /// Stores what was decided since it was last stored. Says whether there was anything.
    pub(super) async fn publish(&self) -> bool {
        let now = self.now();
        let Some(batch) = self.ctx.state_mut(|w| w.machine.as_mut().and_then(|machine| machine.batch(now)))
        else {
            return false;
        };
        let showing = self.ctx.state(|w| w.showing(&batch.order));
        let (at, order_id) = (batch.at, batch.order.id.clone());
        let (mut outage, mut absence) = (Pauses::of_outage(), Pauses::of_absence());
        let input = PublishInput::new(batch, showing);
        loop {
            let published =
                self.ctx.execute_local_activity(OrderActivities::publish, input.clone(), store_options());
            match published.await {
                Ok(Published::Stored) => self.stored(showing == Showing::Acknowledge, at),
                Ok(Published::Kept) => self.stored(true, at),
                Ok(Published::Behind { lines, .. }) if lines.is_empty() => {
                    if !self.ctx.is_replaying() {
                        tracing::error!(
                            %order_id,
                            "PostgreSQL does not have the order, or an older one; was it restored? It is asked \
                             again. Should it stay so, terminate the order's workflow: what is stored then \
                             holds"
                        );
                    }
                    self.pause(&mut absence).await;
                    continue;
                }
                Ok(Published::Behind { lines, acknowledged }) => self.adopt(&lines, acknowledged, at).await,
                Err(_) => {
                    self.pause(&mut outage).await;
                    continue;
                }
            }
            return true;
        }
    }

    fn stored(&self, shows: bool, at: Timestamp) {
        self.ctx.state_mut(|w| {
            w.shown |= shows;
            if let Some(machine) = &mut w.machine {
                machine.published();
                let stored = machine.stored();
                if w.told.is_none() && stored.stock != StockHold::Undecided {
                    w.told = Some(Told { version: stored.version, at, before: false });
                }
            }
        });
    }

    async fn adopt(&self, lines: &[Line], acknowledged: bool, at: Timestamp) {
        let adopted = self.ctx.state_mut(|w| {
            let Some(mut machine) = w.machine.take() else { return Ok(()) };
            let adopted = machine.adopt(lines).map_err(|error| error.to_string());
            w.shown = acknowledged;
            w.tell_stored(&machine, at);
            w.machine = Some(machine);
            adopted
        });
        if let Err(error) = adopted {
            self.leave_to_another(&error).await;
        }
    }
}

impl OrderWorkflow {
    /// What storing an order as it stands does to its being shown.
    fn showing(&self, order: &Order) -> Showing {
        match order.stock {
            StockHold::Undecided if order.version <= MOST_HIDDEN => Showing::Same,
            StockHold::Refused(_) if !self.shown && order.payments.iter().len() == 0 => Showing::Withdraw,
            _ if !self.shown || self.told.is_none() => Showing::Acknowledge,
            _ => Showing::Same,
        }
    }

    /// What was found stored is what whoever placed the order is told, where its stock is decided.
    pub(super) fn tell_stored(&mut self, machine: &Machine, at: Timestamp) {
        let stored = machine.stored();
        if self.told.is_none() && stored.stock != StockHold::Undecided {
            self.told = Some(Told { version: stored.version, at, before: true });
        }
    }
}

/// How PostgreSQL is asked in one workflow task; a cancellation of the workflow does not end that.
pub(super) fn store_options() -> LocalActivityOptions {
    let retry = RetryPolicy::builder().initial_interval(STORE_PAUSE).maximum_attempts(STORE_ATTEMPTS).build();
    LocalActivityOptions::builder()
        .start_to_close_timeout(STORE_TIMEOUT)
        .retry_policy(retry)
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}
