//! How one effect is tried until it is decided.

use crate::{Attempt, Busy, Clock, EffectRequest, Providers};
use omniflow_core::{Outcome, ReasonText, RetryPolicy};

/// What was tried, for logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// What became of the effect.
    pub outcome: Outcome,
    /// How many attempts it took.
    pub attempts: u32,
}

/// Asks a provider until the effect is decided or the policy's attempts are used up.
///
/// An attempt without an answer in time may have taken effect; if any did so, the whole is
/// [`Outcome::Unknown`] rather than [`Outcome::Exhausted`].
pub async fn perform(
    providers: &Providers,
    clock: &dyn Clock,
    request: &EffectRequest,
    retry: RetryPolicy,
    mut busy: Busy,
) -> (Attempts, Busy) {
    let (mut attempts, mut may_have_happened) = (0, false);
    loop {
        attempts += 1;
        let (attempt, awake) = bounded(providers, clock, request, retry, busy).await;
        busy = awake;
        let error = match attempt {
            Attempt::Done(receipt) => return (Attempts { outcome: Outcome::Done(receipt), attempts }, busy),
            Attempt::Accepted { reference } => {
                return (Attempts { outcome: Outcome::Accepted { reference }, attempts }, busy);
            }
            Attempt::Refused { reason } => {
                return (Attempts { outcome: Outcome::Refused { reason }, attempts }, busy);
            }
            Attempt::NotTaken { error } => error,
            Attempt::Unknown { error } => {
                may_have_happened = true;
                error
            }
        };
        if attempts >= retry.attempts {
            let last_error = ReasonText::lossy(&error);
            let outcome = if may_have_happened {
                Outcome::Unknown { attempts, last_error }
            } else {
                Outcome::Exhausted { attempts, last_error }
            };
            return (Attempts { outcome, attempts }, busy);
        }
        tracing::debug!(effect = %request.effect_id(), attempts, error, "attempt failed; it is made again");
        busy = clock.sleep_until(clock.now().plus_millis(retry.pause_ms(attempts)), busy).await;
    }
}

/// One attempt within its time-out. The attempt has the token; the time-out brings its own when it wakes.
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
        busy = clock.sleep_until(deadline, Busy::default()) => {
            let error = format!("no answer within {} ms", retry.attempt_timeout_ms);
            (Attempt::Unknown { error }, busy)
        }
        answered = providers.attempt(request, busy) => answered,
    }
}
