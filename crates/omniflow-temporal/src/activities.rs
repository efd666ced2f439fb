//! What workflows have done outside: PostgreSQL and the providers. Each may run twice.

use crate::store::{self, Store, StoreError};
use crate::workflow::machine::Batch;
use crate::workflow::publishing::Showing;
use crate::workflow::tried::Attempted;
use omniflow_core::{
    ChainHash, EffectKey, Entry, Order, OrderId, Outcome, Receipt, Step, StockRefusal, Timestamp, placed,
};
use omniflow_engine::{Attempt, Clock, EffectRequest, EngineMetrics, Idempotency, Providers};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

/// How long PostgreSQL may take to say what a provider is asked for.
const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// What activities work with.
pub(crate) struct OrderActivities {
    pub(crate) store: Store,
    pub(crate) providers: Providers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: EngineMetrics,
}

/// Loads an order, or stores the one that a foreign client starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct BeginInput {
    pub(crate) order_id: OrderId,
    /// The line of the placing.
    pub(crate) placing: Option<Vec<u8>>,
    pub(crate) at: Timestamp,
}

/// An order at the beginning of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Begun {
    Missing,
    Order { lines: Vec<Line>, acknowledged: bool, reserved: Option<Reserved> },
}

/// What became of the stock.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reserved {
    Held,
    Refused(StockRefusal),
}

/// A stored line, as readable in history as in the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Line(Box<serde_json::value::RawValue>);

/// What is to be stored; see [`Batch`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PublishInput {
    expected: u32,
    lines: Vec<Vec<u8>>,
    order: Order,
    stock: Option<EffectKey>,
    marks: Vec<Idempotency>,
    at: Timestamp,
    acknowledge: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withdraw: bool,
    erases_details: bool,
}

/// What became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Published {
    Stored,
    /// It was to be withdrawn, and was shown before.
    Kept,
    Behind {
        lines: Vec<Line>,
        acknowledged: bool,
    },
}

/// One attempt at a provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AttemptInput {
    pub(crate) order_id: OrderId,
    pub(crate) effect: EffectKey,
    pub(crate) timeout_ms: u64,
}

#[activities]
impl OrderActivities {
    #[activity]
    pub(crate) async fn begin(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: BeginInput,
    ) -> Result<Begun, ActivityError> {
        let placing = match &input.placing {
            Some(line) => {
                let entry = Entry::decode(line).map_err(for_good)?;
                let order = placed(&entry).map_err(for_good)?;
                Some((entry, order))
            }
            None => None,
        };
        let placing = placing.as_ref().map(|(entry, order)| (entry, order));
        Ok(match self.store.begin(&input.order_id, placing, input.at).await.map_err(again)? {
            store::Begun::Missing => Begun::Missing,
            store::Begun::Order { lines, acknowledged, reserved } => {
                let reserved = reserved.map(|reserved| match reserved {
                    Ok(()) => Reserved::Held,
                    Err(refusal) => Reserved::Refused(refusal),
                });
                Begun::Order { lines: Line::all(lines)?, acknowledged, reserved }
            }
        })
    }

    #[activity]
    pub(crate) async fn publish(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: PublishInput,
    ) -> Result<Published, ActivityError> {
        let publish = store::Publish {
            order_id: &input.order.id,
            expected: input.expected,
            lines: input.lines,
            order: &input.order,
            stock: input.stock.map(|effect| effect.step),
            marks: input.marks.into_iter().map(|mark| (mark, input.order.version)).collect(),
            at: input.at,
            acknowledge: input.acknowledge,
            withdraw: input.withdraw,
            erase_details: input.erases_details,
        };
        Ok(match self.store.publish(publish).await.map_err(again)? {
            store::Published::Stored => Published::Stored,
            store::Published::Kept => Published::Kept,
            store::Published::Behind { lines, acknowledged } => {
                Published::Behind { lines: Line::all(lines)?, acknowledged }
            }
        })
    }

    /// An attempt that the workflow task waits for: nothing in it may take longer than the attempt itself.
    #[activity]
    pub(crate) async fn first_attempt(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: AttemptInput,
    ) -> Result<Attempted, ActivityError> {
        let within = Duration::from_millis(input.timeout_ms);
        Ok(self.try_once(&input, within).await)
    }

    #[activity]
    pub(crate) async fn attempt(
        self: Arc<Self>,
        _ctx: ActivityContext,
        input: AttemptInput,
    ) -> Result<Attempted, ActivityError> {
        Ok(self.try_once(&input, READ_TIMEOUT).await)
    }
}

impl OrderActivities {
    /// One attempt. Reading what to ask for has its own time, and is no part of it.
    async fn try_once(&self, input: &AttemptInput, within: Duration) -> Attempted {
        let (order_id, effect) = (&input.order_id, input.effect);
        let read = tokio::time::timeout(within, self.request(input)).await;
        let request = match read.unwrap_or(Err(NotAsked::Late)) {
            Ok(request) => request,
            Err(NotAsked::Late) if within < READ_TIMEOUT => return Attempted::NotAsked,
            Err(error) => {
                tracing::warn!(%order_id, %effect, %error, "a provider is not asked yet");
                return Attempted::NotAsked;
            }
        };
        let timeout = Duration::from_millis(input.timeout_ms);
        let begun = Instant::now();
        let asked = self.providers.attempt(&request, self.clock.busy());
        let (attempt, is_late) = match tokio::time::timeout(timeout, asked).await {
            Ok((attempt, _busy)) => (attempt, false),
            Err(_) => {
                let error = format!("no answer within {} ms", input.timeout_ms);
                (Attempt::Unknown { error }, true)
            }
        };
        self.metrics.attempted(effect.step.kind(), &attempt, begun.elapsed());
        match attempt {
            Attempt::Unknown { error } if is_late => Attempted::Unanswered { error },
            attempt => Attempted::Answered(attempt.into()),
        }
    }

    /// What a provider is asked for.
    async fn request(&self, input: &AttemptInput) -> Result<EffectRequest, NotAsked> {
        let stored = self.store.load(&input.order_id).await?.ok_or(NotAsked::Gone)?;
        let mut request = EffectRequest::of(&stored.order, input.effect).ok_or(NotAsked::Gone)?;
        if let EffectRequest::Shipment(shipment) = &mut request
            && stored.order.details.is_some()
        {
            shipment.details = self.store.details(&input.order_id).await?;
        }
        Ok(request)
    }
}

/// Why a provider is not asked.
#[derive(Debug, thiserror::Error)]
enum NotAsked {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("PostgreSQL does not say in time what to ask for")]
    Late,
    #[error("PostgreSQL has no such order, or an older one without this effect; was it restored?")]
    Gone,
}

/// A fault that goes by: asked again.
fn again(error: StoreError) -> ActivityError {
    tracing::warn!(%error, "PostgreSQL did not do what a workflow asked; it is asked again");
    ActivityError::application(ApplicationFailure::new(error.to_string()))
}

/// A fault that stays.
fn for_good(error: impl std::fmt::Display) -> ActivityError {
    ActivityError::application(ApplicationFailure::non_retryable(error.to_string()))
}

impl Line {
    /// A line as it is stored; it must be JSON.
    pub(crate) fn new(line: Vec<u8>) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(&line).map(Self)
    }

    fn all(lines: Vec<Vec<u8>>) -> Result<Vec<Self>, ActivityError> {
        lines.into_iter().map(|line| Self::new(line).map_err(for_good)).collect()
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.get().as_bytes()
    }
}

impl From<Reserved> for Outcome {
    fn from(reserved: Reserved) -> Self {
        match reserved {
            Reserved::Held => Self::Done(Receipt::Stock),
            Reserved::Refused(refusal) => Self::NoStock(refusal),
        }
    }
}

impl BeginInput {
    pub(crate) fn new(order_id: OrderId, placing: Option<&Entry>, at: Timestamp) -> Self {
        Self { order_id, placing: placing.map(|entry| entry.link(&ChainHash::default()).line), at }
    }
}

impl PublishInput {
    pub(crate) fn new(batch: Batch, showing: Showing) -> Self {
        let Batch { expected, lines, order, stock, marks, at, erases_details } = batch;
        let stock = stock.map(|step: Step| EffectKey::first(step));
        let acknowledge = showing == Showing::Acknowledge;
        let withdraw = showing == Showing::Withdraw;
        Self { expected, lines, order, stock, marks, at, acknowledge, withdraw, erases_details }
    }
}
