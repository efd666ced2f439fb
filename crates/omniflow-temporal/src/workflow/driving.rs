//! What a workflow does: load the order, store what is decided, run what is wanted, end.

use super::effects::{Heard, Task, Tasks};
use super::input::{self, Start};
use super::machine::Machine;
use super::pausing::Pauses;
use super::publishing::store_options;
use super::wire::{Asked, Ended};
use super::{OrderWorkflow, time, wait};
use crate::activities::{BeginInput, Begun, Line, OrderActivities, Reserved};
use futures::FutureExt;
use futures::future::poll_fn;
use omniflow_core::{
    Actor, Command, EffectKey, Entry, Locale, Order, ReasonText, StateKind, Step, Timestamp, status,
};
use std::task::Poll;
use temporalio_sdk::{ContinueAsNewOptions, WorkflowContext, WorkflowResult};

/// Drives one order.
pub(super) struct Driver<'a> {
    pub(super) ctx: &'a WorkflowContext<OrderWorkflow>,
    /// Whether a cancellation of the workflow was heard.
    cancelled: bool,
}

impl<'a> Driver<'a> {
    pub(super) const fn new(ctx: &'a WorkflowContext<OrderWorkflow>) -> Self {
        Self { ctx, cancelled: false }
    }

    pub(super) async fn drive(mut self) -> WorkflowResult<Ended> {
        let start = match self.ctx.state(|w| w.start.clone()) {
            Ok(start) => start,
            Err(reason) => {
                let order_id = self.ctx.workflow_id().to_owned();
                return self.give_up(order_id, reason).await;
            }
        };
        let placing = start.placing();
        match self.find(&start, placing.as_ref()).await {
            Begun::Missing => {
                self.give_up(start.order_id.to_string(), "unknown_order: no such order is stored".to_owned())
                    .await
            }
            Begun::Order { lines, acknowledged, reserved } => {
                let is_asked = self.ctx.state(|w| w.open > 0) || self.is_paid();
                self.load(&lines, acknowledged).await;
                if !is_asked && self.is_duplicate(placing.as_ref(), lines.first()) {
                    let reason = "duplicate_order: an order with this id has ended".to_owned();
                    return self.give_up(start.order_id.to_string(), reason).await;
                }
                self.go_on(reserved).await
            }
        }
    }

    /// Loads the order. Where there is none and a payment was reported, it is looked for until it is there: it
    /// may be in another database, or have been in this one before that was restored. Temporal has acknowledged
    /// the report, and has the only record of it.
    async fn find(&self, start: &Start, placing: Option<&Entry>) -> Begun {
        let mut pauses = Pauses::of_absence();
        loop {
            let begun = self.begin(start, placing).await;
            if !matches!(begun, Begun::Missing) || !self.is_paid() {
                return begun;
            }
            if !self.ctx.is_replaying() {
                tracing::error!(
                    order_id = %start.order_id,
                    "a payment was reported of an order that PostgreSQL does not have: the report is kept, and \
                     the order looked for again; is this the right database and schema, was it restored?"
                );
            }
            self.pause(&mut pauses).await;
        }
    }

    /// Whether a payment was reported before the order was loaded.
    fn is_paid(&self) -> bool {
        self.ctx.state(|w| w.inbox.iter().any(|(_, asked, _)| asked.reports_payment()))
    }

    /// Ends a workflow that has no order.
    async fn give_up(&self, order_id: String, message: String) -> WorkflowResult<Ended> {
        self.ctx.state_mut(|w| w.missing = true);
        wait(self.ctx, |w| w.open == 0).await;
        Ok(Ended { order_id, status: "FAILED".to_owned(), message })
    }

    async fn begin(&self, start: &Start, placing: Option<&Entry>) -> Begun {
        let input = BeginInput::new(start.order_id.clone(), placing, self.now());
        let mut pauses = Pauses::of_outage();
        loop {
            let begun =
                self.ctx.execute_local_activity(OrderActivities::begin, input.clone(), store_options());
            match begun.await {
                Ok(begun) => return begun,
                Err(_) => self.pause(&mut pauses).await,
            }
        }
    }

    /// Takes the order as it is stored, and decides what was said before.
    async fn load(&self, lines: &[Line], acknowledged: bool) {
        match Machine::load(lines) {
            Ok(mut machine) => self.ctx.state_mut(|w| {
                for (ticket, asked, at) in std::mem::take(&mut w.inbox) {
                    machine.say(ticket, asked, at);
                }
                w.shown = acknowledged;
                w.tell_stored(&machine, machine.stored().updated_at);
                w.machine = Some(machine);
            }),
            Err(error) => self.leave_to_another(&error.to_string()).await,
        }
    }

    /// What this program cannot read, a newer worker can: the task is given back to the server.
    pub(super) async fn leave_to_another(&self, error: &str) {
        self.ctx.force_task_fail(error.to_owned());
        std::future::pending::<()>().await;
    }

    /// Whether a foreign client started an order that another run has ended.
    fn is_duplicate(&self, placing: Option<&Entry>, first: Option<&Line>) -> bool {
        let Some(placing) = placing else { return false };
        // Compared as events: what an activity answered may have its names in another order by now.
        let is_mine = first.is_some_and(|first| Entry::decode(first.bytes()).is_ok_and(|e| e == *placing));
        !is_mine && self.with(|machine| machine.stored().kind().is_ended())
    }

    async fn go_on(&mut self, reserved: Option<Reserved>) -> WorkflowResult<Ended> {
        if let Some(reserved) = reserved {
            let outcome = reserved.into();
            let settle = Command::Settle { effect: EffectKey::first(Step::ReserveStock), outcome };
            self.tell(settle, Actor::engine());
        }
        let mut tasks = Tasks::new(self.ctx);
        loop {
            let seen = self.ctx.state(|w| w.said);
            if self.publish().await {
                continue;
            }
            let order = self.with(|machine| machine.stored().clone());
            if order.is_at_rest() && self.with(Machine::is_quiet) {
                wait(self.ctx, |w| w.open == 0 || w.said != seen).await;
                if self.ctx.state(|w| w.said == seen) {
                    return Ok(ended(&order));
                }
                continue;
            }
            tasks.reconcile(&order);
            let may_move_on = self.ctx.state(|w| w.open == 0) && !tasks.may_have_happened();
            if self.ctx.continue_as_new_suggested() && may_move_on {
                // The next run does not hear of it.
                if let Some(reason) = self.unheard_cancellation() {
                    self.tell_cancelled(reason);
                    continue;
                }
                tasks.end_all();
                let input = input::stored(&order.id);
                match self.ctx.continue_as_new(input, ContinueAsNewOptions::default())? {}
            }
            self.hear(&mut tasks, seen).await;
        }
    }

    /// Waits for whatever comes first, and says it to the order.
    async fn hear(&mut self, tasks: &mut Tasks<'_>, seen: u64) {
        let heard = {
            let mut said = Box::pin(wait(self.ctx, |w| w.said != seen));
            let mut cancelled = Box::pin(self.ctx.cancelled());
            let listens = !self.cancelled;
            poll_fn(|cx| {
                if let Poll::Ready(task) = tasks.poll(cx) {
                    return Poll::Ready(Some(Heard::Task(task)));
                }
                if listens && let Poll::Ready(reason) = cancelled.as_mut().poll(cx) {
                    return Poll::Ready(Some(Heard::Cancelled(reason)));
                }
                said.as_mut().poll(cx).map(|()| None)
            })
            .await
        };
        match heard {
            None => {}
            Some(Heard::Task(Task { command: Some(command), actor })) => self.tell(command, actor),
            Some(Heard::Task(_)) => {}
            Some(Heard::Cancelled(reason)) => self.tell_cancelled(reason),
        }
    }

    /// A cancellation of the workflow that has come, and was not heard.
    fn unheard_cancellation(&self) -> Option<Option<String>> {
        if self.cancelled { None } else { self.ctx.cancelled().now_or_never() }
    }

    /// A cancellation of the workflow is the order's cancel; where the order forbids it, it is noted.
    fn tell_cancelled(&mut self, reason: Option<String>) {
        self.cancelled = true;
        let reason = reason.as_deref().and_then(ReasonText::lossy);
        self.tell(Command::Cancel { reason }, input::signaller());
    }

    fn with<R>(&self, see: impl FnOnce(&Machine) -> R) -> R {
        self.ctx.state(|w| match &w.machine {
            Some(machine) => see(machine),
            None => unreachable!("the order is loaded before it is driven"),
        })
    }

    fn tell(&self, command: Command, actor: Actor) {
        let now = self.now();
        self.ctx.state_mut(|w| {
            w.say(Asked::told(command, actor), now);
        });
    }

    pub(super) fn now(&self) -> Timestamp {
        time(self.ctx.workflow_time())
    }
}

/// How the workflow ends once its order has.
fn ended(order: &Order) -> Ended {
    let status = match order.kind() {
        StateKind::Completed => "COMPLETED",
        StateKind::Expired | StateKind::Cancelled => "CANCELLED",
        StateKind::Rejected => "REJECTED",
        _ => "FAILED",
    };
    let message = status::text(order, Locale::ZhCn, order.updated_at);
    Ended { order_id: order.id.to_string(), status: status.to_owned(), message }
}
