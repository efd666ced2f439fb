//! What runs for an order: one task for each effect or timer that it wants.

use super::tried::Attempted;
use super::tries::Tries;
use super::{OrderWorkflow, time};
use crate::activities::{AttemptInput, OrderActivities};
use omniflow_core::{
    Actor, Command, EffectKey, Order, OrderId, RetryPolicy as Policy, Step, TimerId, Timestamp, next,
};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use temporalio_common::RetryPolicy;
use temporalio_sdk::{
    ActivityOptions, LocalActivityOptions, TimerOptions, WorkflowCancellationToken, WorkflowContext,
};

/// How long the workflow waits for a provider before it lets a task of its own wait.
const FIRST_TRY: Duration = Duration::from_millis(100);
/// What an attempt may take beyond its own time-out: the way there and back.
const MARGIN: Duration = Duration::from_secs(5);

/// What was heard while waiting.
pub(super) enum Heard {
    Task(Task),
    Cancelled(Option<String>),
}

/// What a task came to.
pub(super) struct Task {
    /// `None` for a timer that was early.
    pub(super) command: Option<Command>,
    pub(super) actor: Actor,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Effect(EffectKey),
    Timer(TimerId, Timestamp),
}

struct Running<'a> {
    key: Key,
    token: WorkflowCancellationToken,
    may_have_happened: Rc<Cell<bool>>,
    future: Pin<Box<dyn Future<Output = Task> + 'a>>,
}

/// Everything that runs for an order, in the order in which it was started.
pub(super) struct Tasks<'a> {
    ctx: &'a WorkflowContext<OrderWorkflow>,
    running: Vec<Running<'a>>,
}

impl<'a> Tasks<'a> {
    pub(super) const fn new(ctx: &'a WorkflowContext<OrderWorkflow>) -> Self {
        Self { ctx, running: vec![] }
    }

    /// Starts what the order wants and does not run, ends what runs and is no longer wanted.
    pub(super) fn reconcile(&mut self, order: &Order) {
        let wanted = next(order);
        // Stock is moved as it is decided, never by a task of its own.
        let provided = |key: EffectKey| matches!(key.step, Step::Ship | Step::RefundPayment(_));
        let effects = wanted.effects.iter().filter(|effect| provided(effect.key));
        let effects: Vec<_> = effects.map(|effect| (Key::Effect(effect.key), Some(effect.retry))).collect();
        let timers = wanted.timers.iter().map(|timer| (Key::Timer(timer.id, timer.due_at), None));
        let wanted: Vec<_> = effects.into_iter().chain(timers).collect();
        self.running.retain(|task| {
            let is_wanted = wanted.iter().any(|(key, _)| *key == task.key);
            if !is_wanted {
                task.token.cancel();
            }
            is_wanted
        });
        for (key, retry) in wanted {
            if self.running.iter().all(|task| task.key != key) {
                self.start(order, key, retry);
            }
        }
    }

    /// Ends all of them; whoever drives the order next starts them again.
    pub(super) fn end_all(&mut self) {
        for task in self.running.drain(..) {
            task.token.cancel();
        }
    }

    /// Whether something was asked for that may have happened although it is not decided: whoever began anew would
    /// not know that.
    pub(super) fn may_have_happened(&self) -> bool {
        self.running.iter().any(|task| task.may_have_happened.get())
    }

    /// The first task that has ended.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Task> {
        for place in 0..self.running.len() {
            if let Poll::Ready(task) = self.running[place].future.as_mut().poll(cx) {
                self.running.remove(place);
                return Poll::Ready(task);
            }
        }
        Poll::Pending
    }

    fn start(&mut self, order: &Order, key: Key, retry: Option<Policy>) {
        let token = WorkflowCancellationToken::new();
        let may_have_happened = Rc::default();
        let trying =
            Trying { ctx: self.ctx, token: token.clone(), may_have_happened: Rc::clone(&may_have_happened) };
        let order_id = order.id.clone();
        let future: Pin<Box<dyn Future<Output = Task> + 'a>> = match (key, retry) {
            (Key::Effect(effect), Some(retry)) => Box::pin(trying.effect(order_id, effect, retry)),
            (Key::Timer(id, due_at), _) => Box::pin(trying.timer(id, due_at)),
            (Key::Effect(_), None) => return,
        };
        self.running.push(Running { key, token, may_have_happened, future });
    }
}

/// One task's way to its end.
struct Trying<'a> {
    ctx: &'a WorkflowContext<OrderWorkflow>,
    token: WorkflowCancellationToken,
    may_have_happened: Rc<Cell<bool>>,
}

impl Trying<'_> {
    async fn timer(self, id: TimerId, due_at: Timestamp) -> Task {
        let left_ms = due_at.millis_since(time(self.ctx.workflow_time()));
        self.pause(Duration::from_millis(left_ms)).await;
        let is_due = time(self.ctx.workflow_time()) >= due_at;
        Task { command: is_due.then_some(Command::Elapse(id)), actor: Actor::engine() }
    }

    /// Asks a provider until the effect is decided or the policy's attempts are used up. The pauses are
    /// timers and the attempts activities, so that each survives whatever breaks, and history shows them.
    async fn effect(self, order_id: OrderId, effect: EffectKey, retry: Policy) -> Task {
        let mut tries = Tries::new(retry);
        self.may_have_happened.set(true);
        let mut decided = tries.hear_first(self.first_try(&order_id, effect, retry).await);
        let outcome = loop {
            if let Some(outcome) = decided {
                break outcome;
            }
            self.may_have_happened.set(tries.may_have_happened());
            self.pause(tries.pause()).await;
            self.may_have_happened.set(true);
            decided = tries.hear(self.attempt(&order_id, effect, retry, tries.next_number()).await);
        };
        let actor = outcome.actor(effect);
        Task { command: Some(Command::Settle { effect, outcome }), actor }
    }

    async fn attempt(&self, order_id: &OrderId, effect: EffectKey, retry: Policy, number: u32) -> Attempted {
        let options = ActivityOptions::with_start_to_close_timeout(
            Duration::from_millis(retry.attempt_timeout_ms) + MARGIN,
        )
        .retry_policy(once())
        .cancellation_token(self.token.clone())
        .summary(format!("{effect}, attempt {number}"))
        .build();
        let input = AttemptInput { order_id: order_id.clone(), effect, timeout_ms: retry.attempt_timeout_ms };
        let attempted = self.ctx.execute_activity(OrderActivities::attempt, input, options).await;
        // Whoever was to ask has ended, or takes too long: nobody knows how far it came.
        attempted.unwrap_or_else(|failure| Attempted::Unanswered { error: failure.to_string() })
    }

    /// A short attempt inside the workflow task, which saves the way over the server.
    async fn first_try(&self, order_id: &OrderId, effect: EffectKey, retry: Policy) -> Attempted {
        let timeout = Duration::from_millis(retry.attempt_timeout_ms).min(FIRST_TRY);
        let options = LocalActivityOptions::builder()
            .start_to_close_timeout(timeout * 2 + MARGIN)
            .retry_policy(once())
            .cancellation_token(self.token.clone())
            .build();
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let input = AttemptInput { order_id: order_id.clone(), effect, timeout_ms };
        let attempted = self.ctx.execute_local_activity(OrderActivities::first_attempt, input, options).await;
        attempted.unwrap_or_else(|failure| Attempted::Unanswered { error: failure.to_string() })
    }

    async fn pause(&self, pause: Duration) {
        if !pause.is_zero() {
            let options = TimerOptions::builder(pause).cancellation_token(self.token.clone());
            self.ctx.timer(options.build()).await;
        }
    }
}

/// Attempts are counted here, not by the server.
fn once() -> RetryPolicy {
    RetryPolicy::builder().maximum_attempts(1).build()
}
