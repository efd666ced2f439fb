//! Hears what a workflow asks of the world while a history is replayed, in the order in which it asks.

use crate::activities::{AttemptInput, BeginInput, PublishInput, Published};
use crate::workflow::wire::{Answer, Ended, Placed};
use serde::Serialize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use temporalio_sdk::TimerResult;
use temporalio_sdk::workflow_interceptors::{
    CancellableWorkflowOutboundFuture, ContinueAsNewInput, ContinueAsNewResult, ExecuteWorkflowInput,
    ExecuteWorkflowResult, HandleUpdateInput, HandleUpdateResult, ScheduleActivityInput,
    ScheduleActivityResult, ScheduleLocalActivityInput, StartTimerInput, SyncWorkflowInterceptorContext,
    WorkflowInterceptor, WorkflowInterceptorConstructor, WorkflowInterceptorContext,
    WorkflowInterceptorFuture, WorkflowNext, WorkflowOutputValue,
};

/// One thing that a workflow asked or answered.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Begin(BeginInput),
    /// What was to be stored, and what had become of it when the history was recorded.
    Publish(Box<PublishInput>, Published),
    /// An attempt as a task of its own; its input as it is sent.
    Attempt(Vec<u8>),
    Timer(Duration),
    /// An update's id, and its answer as it is sent.
    Answer(String, Vec<u8>),
    ContinueAsNew,
    /// The result as it is sent.
    End(Vec<u8>),
}

/// What was heard so far.
#[derive(Clone, Default)]
pub(super) struct Listener(Arc<Mutex<Vec<Said>>>);

impl Listener {
    /// Makes the replayer's workflows heard.
    pub(super) fn constructor(&self) -> WorkflowInterceptorConstructor {
        let listener = self.clone();
        WorkflowInterceptorConstructor::new(move |_| listener.clone())
    }

    /// Everything heard, once.
    pub(super) fn heard(&self) -> Vec<Said> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn hear(&self, said: Said) {
        self.0.lock().unwrap().push(said);
    }
}

fn sent(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn answer(output: &dyn WorkflowOutputValue) -> Vec<u8> {
    let placed = || output.downcast_ref::<Placed>().map(sent);
    output.downcast_ref::<Answer>().map(sent).or_else(placed).expect("an update answers one of the two")
}

impl WorkflowInterceptor for Listener {
    fn execute<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: WorkflowNext<'a, ExecuteWorkflowInput, WorkflowInterceptorFuture<'a, ExecuteWorkflowResult>>,
    ) -> WorkflowInterceptorFuture<'a, ExecuteWorkflowResult> {
        WorkflowInterceptorFuture::new(async move {
            let output = next.run(input).await?;
            self.hear(Said::End(sent(output.downcast_ref::<Ended>().expect("it ends so"))));
            Ok(output)
        })
    }

    fn handle_update<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: HandleUpdateInput,
        next: WorkflowNext<'a, HandleUpdateInput, WorkflowInterceptorFuture<'a, HandleUpdateResult>>,
    ) -> WorkflowInterceptorFuture<'a, HandleUpdateResult> {
        WorkflowInterceptorFuture::new(async move {
            let id = input.id().to_owned();
            let output = next.run(input).await?;
            self.hear(Said::Answer(id, answer(output.as_ref())));
            Ok(output)
        })
    }

    fn start_timer(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: StartTimerInput,
        next: WorkflowNext<'static, StartTimerInput, CancellableWorkflowOutboundFuture<TimerResult>>,
    ) -> CancellableWorkflowOutboundFuture<TimerResult> {
        self.hear(Said::Timer(input.options().duration));
        next.run(input)
    }

    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: ScheduleActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        let attempt = input.input_ref::<AttemptInput>().expect("a task of its own is an attempt");
        self.hear(Said::Attempt(sent(attempt)));
        next.run(input)
    }

    #[expect(clippy::result_large_err, reason = "the SDK's own error goes through")]
    fn schedule_local_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        input: ScheduleLocalActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleLocalActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        if let Some(publish) = input.input_ref::<PublishInput>().cloned() {
            let listener = self.clone();
            return next.run(input).map(move |result| {
                let published = result.as_ref().ok().and_then(|value| value.downcast_ref::<Published>());
                if let Some(published) = published {
                    listener.hear(Said::Publish(Box::new(publish), published.clone()));
                }
                result
            });
        }
        if let Some(begin) = input.input_ref::<BeginInput>() {
            self.hear(Said::Begin(begin.clone()));
        }
        next.run(input)
    }

    fn continue_as_new(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        input: ContinueAsNewInput,
        next: WorkflowNext<'static, ContinueAsNewInput, ContinueAsNewResult>,
    ) -> ContinueAsNewResult {
        self.hear(Said::ContinueAsNew);
        next.run(input)
    }
}
