//! How one effect is tried until it is decided.

#[cfg(test)]
mod tests;

use crate::{Attempt, Busy, Clock, EffectRequest, EngineMetrics, Providers};
use omniflow_core::{Outcome, ReasonText, RetryPolicy};
use std::time::Instant;

/// What was tried, for logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// What became of the effect.
    pub outcome: Outcome,
    /// How many attempts it took.
    pub attempts: u32,
}

/// Asks a provider until the effect is decided or the policy's attempts are used up; at least once.
///
/// An attempt without an answer in time may have taken effect; if any did so, the whole is
/// [`Outcome::Unknown`] rather than [`Outcome::Exhausted`]. Dropping the future gives up: the effect may
/// have been taken or not, and asking again with the same key tells.
pub async fn perform(
    providers: &Providers,
    clock: &dyn Clock,
    metrics: &EngineMetrics,
    request: &EffectRequest,
    retry: RetryPolicy,
    mut busy: Busy,
) -> (Attempts, Busy) {
    let (mut attempts, mut may_have_happened) = (0, false);
    loop {
        attempts += 1;
        let begun = Instant::now();
        let (attempt, awake) = bounded(providers, clock, request, retry, busy).await;
        metrics.attempted(request.effect_id().key.step.kind(), &attempt, begun.elapsed());
        busy = awake;
        may_have_happened |= matches!(attempt, Attempt::Unknown { .. });
        let error = match decided(attempt) {
            Ok(outcome) => return (Attempts { outcome, attempts }, busy),
            Err(error) => error,
        };
        if attempts >= retry.attempts {
            return (Attempts { outcome: given_up(attempts, may_have_happened, &error), attempts }, busy);
        }
        tracing::debug!(effect = %request.effect_id(), attempts, error, "attempt failed; it is made again");
        busy = clock.sleep_until(clock.now().plus_millis(retry.pause_ms(attempts)), busy).await;
    }
}

/// One attempt within its time-out. Both sides have a token, so that time cannot move on before the time-out
/// has been set; an attempt that is answered at once sets none.
async fn bounded(
    providers: &Providers,
    clock: &dyn Clock,
    request: &EffectRequest,
    retry: RetryPolicy,
    busy: Busy,
) -> (Attempt, Busy) {
    let deadline = clock.now().plus_millis(retry.attempt_timeout_ms);
    tokio::select! {
        biased;
        answered = providers.attempt(request, busy.clone()) => answered,
        busy = clock.sleep_until(deadline, busy) => {
            let error = format!("no answer within {} ms", retry.attempt_timeout_ms);
            (Attempt::Unknown { error }, busy)
        }
    }
}

/// The outcome, or what was heard of an attempt that has not decided the effect.
fn decided(attempt: Attempt) -> Result<Outcome, String> {
    match attempt {
        Attempt::Done(receipt) => Ok(Outcome::Done(receipt)),
        Attempt::Accepted { reference } => Ok(Outcome::Accepted { reference }),
        Attempt::Refused { reason } => Ok(Outcome::Refused { reason }),
        Attempt::NotTaken { error } | Attempt::Unknown { error } => Err(error),
    }
}

fn given_up(attempts: u32, may_have_happened: bool, error: &str) -> Outcome {
    let last_error = ReasonText::lossy(error);
    if may_have_happened {
        Outcome::Unknown { attempts, last_error }
    } else {
        Outcome::Exhausted { attempts, last_error }
    }
}
