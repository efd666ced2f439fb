//! The order's workflow: the same machine as everywhere, driven by Temporal.
//!
//! Handlers only decide; [`run`](OrderWorkflow::run) stores what was decided, starts what the stored order
//! wants, and ends what it no longer wants. Nothing is started for, and nobody is told of, what is not stored.

mod driving;
mod effects;
#[cfg(test)]
mod histories;
pub(crate) mod input;
pub(crate) mod machine;
mod marks;
mod pausing;
pub(crate) mod publishing;
pub(crate) mod tried;
mod tries;
pub(crate) mod wire;

use driving::Driver;
use input::Start;
use machine::{Machine, Ticket};
use omniflow_core::{Locale, StateKind, StockHold, Timestamp, status};
use std::time::{SystemTime, UNIX_EPOCH};
use temporalio_common::data_converters::RawValue;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    SyncWorkflowContext, WaitConditionOptions, WorkflowCancellationToken, WorkflowContext,
    WorkflowContextView, WorkflowResult,
};
use wire::{Act, Answer, Asked, Ended, Placed};

/// One order's workflow.
#[workflow]
pub(crate) struct OrderWorkflow {
    start: Result<Start, String>,
    /// The order, once it is loaded.
    machine: Option<Machine>,
    /// What was said before.
    inbox: Vec<(Ticket, Asked, Timestamp)>,
    next_ticket: Ticket,
    /// Raised by whoever speaks, so that `run` wakes.
    said: u64,
    /// Updates that wait for their answer.
    open: u32,
    /// Set when there is no such order: nobody has to wait.
    missing: bool,
    /// Whether the order is shown to whoever asks for it.
    shown: bool,
    /// What whoever placed the order is told, once its stock is decided and that is stored.
    told: Option<Told>,
}

/// The order that whoever placed it is told of.
#[derive(Clone, Copy)]
struct Told {
    version: u32,
    at: Timestamp,
    /// Whether another run, or a task that was lost, may have told so before.
    before: bool,
}

#[workflow_methods]
impl OrderWorkflow {
    #[init]
    pub(crate) fn new(ctx: &WorkflowContextView, raw: RawValue) -> Self {
        let start = input::read(&raw, ctx.workflow_id(), time(ctx.start_time()));
        Self {
            start,
            machine: None,
            inbox: vec![],
            next_ticket: 0,
            said: 0,
            open: 0,
            missing: false,
            shown: false,
            told: None,
        }
    }

    #[run(name = "OrderFulfillmentWorkflow")]
    pub(crate) async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Ended> {
        Driver::new(ctx).drive().await
    }

    #[signal(name = "SIGNAL_PAYMENT_PAID")]
    pub(crate) fn paid(&mut self, ctx: &mut SyncWorkflowContext<Self>, raw: RawValue) {
        self.say(input::paid(&raw), time(ctx.workflow_time()));
    }

    #[signal(name = "SIGNAL_ADMIN_ACTION")]
    pub(crate) fn reviewed(&mut self, ctx: &mut SyncWorkflowContext<Self>, raw: RawValue) {
        self.say(input::reviewed(&raw), time(ctx.workflow_time()));
    }

    /// The status text as the order is stored; the countdown reads the clock, which leaves no history.
    #[query(name = "get_order_status")]
    pub(crate) fn status(&self, _ctx: &WorkflowContextView) -> String {
        match (&self.machine, &self.start) {
            (Some(machine), _) => status::text(machine.stored(), Locale::ZhCn, now()),
            (None, Ok(_)) if self.missing => status::fixed(StateKind::Failed, Locale::ZhCn).to_owned(),
            (None, Err(reason)) => {
                format!("{}{reason}", status::fixed(StateKind::Failed, Locale::ZhCn))
            }
            (None, Ok(_)) => status::fixed(StateKind::Reserving, Locale::ZhCn).to_owned(),
        }
    }

    /// Waits until the order's stock is decided, and that is stored.
    #[update(name = "place")]
    pub(crate) async fn place(ctx: &mut WorkflowContext<Self>) -> Placed {
        ctx.state_mut(|w| {
            w.open += 1;
            w.said += 1;
        });
        wait(ctx, |w| w.missing || w.placed().is_some()).await;
        ctx.state_mut(|w| {
            w.open -= 1;
            w.placed().unwrap_or(Placed::Missing)
        })
    }

    /// Asks something of the order, and waits until what it did is stored.
    #[update(name = "act")]
    pub(crate) async fn act(ctx: &mut WorkflowContext<Self>, act: Act) -> Answer {
        let at = time(ctx.workflow_time());
        let ticket = ctx.state_mut(|w| {
            w.open += 1;
            w.say(act.into(), at)
        });
        wait(ctx, |w| w.missing || w.machine.as_ref().is_some_and(|machine| machine.has_answer(ticket)))
            .await;
        ctx.state_mut(|w| {
            w.open -= 1;
            w.machine.as_mut().and_then(|machine| machine.take_answer(ticket)).unwrap_or(Answer::Missing)
        })
    }
}

impl OrderWorkflow {
    fn say(&mut self, asked: Asked, at: Timestamp) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.said += 1;
        match &mut self.machine {
            Some(machine) => machine.say(ticket, asked, at),
            None => self.inbox.push((ticket, asked, at)),
        }
        ticket
    }

    /// What became of the placing, once it may be told.
    fn placed(&self) -> Option<Placed> {
        let order = self.machine.as_ref()?.stored();
        match &order.stock {
            StockHold::Undecided => None,
            StockHold::Refused(refusal) if !self.shown => Some(Placed::Refused { refusal: refusal.clone() }),
            _ => self.told.map(|Told { version, at, before }| Placed::Done { version, at, before }),
        }
    }
}

/// Waits for a condition, also through a cancellation of the workflow.
async fn wait(ctx: &WorkflowContext<OrderWorkflow>, condition: impl FnMut(&OrderWorkflow) -> bool) {
    let options =
        WaitConditionOptions::builder().cancellation_token(WorkflowCancellationToken::new()).build();
    // It ends otherwise only by its token, which nobody else has.
    let _ = ctx.wait_condition_with_options(condition, options).await;
}

/// The workflow's time, as history has it.
fn time(at: Option<SystemTime>) -> Timestamp {
    let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[expect(clippy::disallowed_methods, reason = "a query leaves no history, and a countdown needs the time")]
fn now() -> Timestamp {
    time(Some(SystemTime::now()))
}
