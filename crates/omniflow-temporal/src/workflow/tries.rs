//! What was heard of an effect so far, by the rule of `omniflow_engine::perform`: an attempt without an answer
//! in time may have taken effect, and whoever gives up after one does not know.
//!
//! An attempt for which PostgreSQL did not say what to ask is none: the provider has heard nothing.

use super::pausing::Pauses;
use super::tried::Attempted;
use omniflow_core::{Outcome, ReasonText, RetryPolicy};
use std::time::Duration;

/// The tries of one effect.
pub(super) struct Tries {
    retry: RetryPolicy,
    /// Attempts that had the time that the policy gives them.
    attempts: u32,
    may_have_happened: bool,
    error: String,
    /// What is waited for before the next attempt, while PostgreSQL does not answer.
    outage: Option<Pauses>,
}

impl Tries {
    pub(super) const fn new(retry: RetryPolicy) -> Self {
        Self { retry, attempts: 0, may_have_happened: false, error: String::new(), outage: None }
    }

    /// Hears of an attempt. Says what became of the effect, where that is decided now.
    pub(super) fn hear(&mut self, attempted: Attempted) -> Option<Outcome> {
        let (error, may_have_happened) = match attempted {
            Attempted::NotAsked => {
                self.outage.get_or_insert(Pauses::of_outage());
                return None;
            }
            Attempted::Unanswered { error } => (error, true),
            Attempted::Answered(tried) => match tried.decided() {
                Ok(outcome) => return Some(outcome),
                Err(heard) => heard,
            },
        };
        self.attempts += 1;
        self.error = error;
        self.may_have_happened |= may_have_happened;
        self.outage = None;
        (self.attempts >= self.retry.attempts).then(|| self.given_up())
    }

    /// Hears of the first try, which had less time than an attempt has: where that was too short it is not
    /// counted, and may have taken effect all the same.
    pub(super) fn hear_first(&mut self, attempted: Attempted) -> Option<Outcome> {
        match attempted {
            Attempted::Unanswered { .. } => {
                self.may_have_happened = true;
                None
            }
            attempted => self.hear(attempted),
        }
    }

    /// Whether the effect may have been done all the same.
    pub(super) const fn may_have_happened(&self) -> bool {
        self.may_have_happened
    }

    /// How long to wait before the next attempt.
    pub(super) fn pause(&mut self) -> Duration {
        match (&mut self.outage, self.attempts) {
            (Some(outage), _) => outage.take(),
            (None, 0) => Duration::ZERO,
            (None, attempts) => Duration::from_millis(self.retry.pause_ms(attempts)),
        }
    }

    /// The next attempt's number.
    pub(super) const fn next_number(&self) -> u32 {
        self.attempts + 1
    }

    fn given_up(&self) -> Outcome {
        let (attempts, last_error) = (self.attempts, ReasonText::lossy(&self.error));
        match self.may_have_happened {
            true => Outcome::Unknown { attempts, last_error },
            false => Outcome::Exhausted { attempts, last_error },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tried::Tried;
    use super::*;

    const RETRY: RetryPolicy =
        RetryPolicy { attempts: 2, attempt_timeout_ms: 500, backoff_ms: 50, backoff_max_ms: 200 };

    fn not_taken() -> Attempted {
        Attempted::Answered(Tried::NotTaken { error: "busy".to_owned() })
    }

    fn unanswered() -> Attempted {
        Attempted::Unanswered { error: "no answer".to_owned() }
    }

    fn exhausted() -> Option<Outcome> {
        Some(Outcome::Exhausted { attempts: 2, last_error: ReasonText::lossy("busy") })
    }

    fn unknown() -> Option<Outcome> {
        Some(Outcome::Unknown { attempts: 2, last_error: ReasonText::lossy("busy") })
    }

    #[test]
    fn what_is_never_taken_is_exhausted() {
        let mut tries = Tries::new(RETRY);
        assert_eq!(tries.hear_first(not_taken()), None);
        assert_eq!(tries.pause(), Duration::from_millis(50));
        assert_eq!(tries.hear(not_taken()), exhausted());
    }

    /// The request had left, whatever came later.
    #[test]
    fn a_first_try_that_is_cut_off_may_have_taken_effect_and_is_not_counted() {
        let mut tries = Tries::new(RETRY);
        assert_eq!(tries.hear_first(unanswered()), None);
        assert_eq!((tries.pause(), tries.next_number()), (Duration::ZERO, 1));
        assert_eq!(tries.hear(not_taken()), None);
        assert_eq!(tries.hear(not_taken()), unknown());
    }

    #[test]
    fn an_attempt_without_an_answer_may_have_taken_effect() {
        let mut tries = Tries::new(RETRY);
        assert_eq!(tries.hear_first(Attempted::NotAsked), None);
        assert_eq!(tries.hear(unanswered()), None);
        assert_eq!(tries.hear(not_taken()), unknown());
    }

    #[test]
    fn while_nobody_is_asked_nothing_is_used_up() {
        let mut tries = Tries::new(RETRY);
        let mut pause = Duration::ZERO;
        for _ in 0..100 {
            assert_eq!(tries.hear(Attempted::NotAsked), None);
            let longer = tries.pause();
            assert!(longer >= pause);
            pause = longer;
        }
        assert!(pause >= Duration::from_secs(60));
        assert_eq!(tries.hear(not_taken()), None);
        assert_eq!(tries.pause(), Duration::from_millis(50), "the outage is over");
        assert_eq!(tries.hear(not_taken()), exhausted());
    }
}
