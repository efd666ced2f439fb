//! Whether a provider is asked at all: while it is down, or is not the one that was meant, asking it would only
//! use up the attempts of orders.
//!
//! After some failures in a row it is paused, and after an answer that shows a wrong configuration at once. From
//! time to time one attempt is let through: its answer ends the pause, or makes the next one longer.

use omniflow_core::Timestamp;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Failures in a row that pause a provider.
const FAILURES: u32 = 5;
/// The first pause, in milliseconds, and the longest: each one that follows is twice as long.
const FIRST_MS: u64 = 1_000;
const LONGEST_MS: u64 = 60_000;

/// What was heard of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It answers.
    Answers,
    /// It does not, or says that it cannot take anything now.
    Fails(String),
    /// Whoever answers is not the provider that was meant, or does not know us.
    Misconfigured(String),
}

/// A provider that is not asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What was heard.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is asked again.
    pub until: Timestamp,
}

/// Decides for one provider.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    paused: Option<Paused>,
}

#[derive(Debug)]
struct Paused {
    pause: Pause,
    length_ms: u64,
    /// An attempt is under way that says whether it goes on.
    is_tried: bool,
}

/// Leave to ask once. Dropped without a sign, it was a failure: nobody waited for the answer any more.
#[derive(Debug)]
#[must_use = "dropped at once, it counts as a failure"]
pub struct Leave<'a> {
    breaker: Option<&'a Breaker>,
    /// It was let through in a pause: what it hears decides whether that goes on.
    is_trial: bool,
    now: Timestamp,
}

impl Breaker {
    /// Leave to ask.
    ///
    /// # Errors
    /// The pause that the provider is in.
    pub fn ask(&self, now: Timestamp) -> Result<Leave<'_>, Pause> {
        let mut state = self.state();
        let is_trial = state.paused.is_some();
        if let Some(paused) = &mut state.paused {
            if now < paused.pause.until || paused.is_tried {
                return Err(paused.pause.clone());
            }
            paused.is_tried = true;
        }
        Ok(Leave { breaker: Some(self), is_trial, now })
    }

    /// The pause that the provider is in.
    pub fn pause(&self) -> Option<Pause> {
        self.state().paused.as_ref().map(|paused| paused.pause.clone())
    }

    fn hear(&self, sign: Sign, is_trial: bool, now: Timestamp) {
        let mut state = self.state();
        let why = match sign {
            Sign::Answers => {
                *state = State::default();
                return;
            }
            Sign::Fails(why) => {
                state.failures = state.failures.saturating_add(1);
                if state.failures < FAILURES {
                    return;
                }
                why
            }
            Sign::Misconfigured(why) => {
                state.failures = FAILURES;
                why
            }
        };
        let (since, length_ms) = match &state.paused {
            // Of those that were under way when it was paused none makes the pause longer.
            Some(_) if !is_trial => return,
            Some(paused) => (paused.pause.since, (paused.length_ms * 2).min(LONGEST_MS)),
            None => (now, FIRST_MS),
        };
        let pause = Pause { why, since, until: now.plus_millis(length_ms) };
        state.paused = Some(Paused { pause, length_ms, is_tried: false });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// Says what was heard, and when.
    pub fn heard(mut self, sign: Sign, now: Timestamp) {
        if let Some(breaker) = self.breaker.take() {
            breaker.hear(sign, self.is_trial, now);
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if let Some(breaker) = self.breaker {
            breaker.hear(Sign::Fails("it did not answer in time".to_owned()), self.is_trial, self.now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn fails() -> Sign {
        Sign::Fails("no connection".to_owned())
    }

    fn hear(breaker: &Breaker, sign: Sign, ms: i64) {
        breaker.ask(at(ms)).unwrap().heard(sign, at(ms));
    }

    fn until(breaker: &Breaker) -> Option<i64> {
        breaker.pause().map(|pause| pause.until.as_millis())
    }

    #[test]
    fn some_failures_in_a_row_pause_it_and_an_answer_between_them_does_not() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            (1..FAILURES).for_each(|_| hear(&breaker, fails(), 10));
            assert_eq!(breaker.pause(), None);
            hear(&breaker, Sign::Answers, 10);
        }
        (0..FAILURES).for_each(|_| hear(&breaker, fails(), 10));
        let pause = breaker.ask(at(1_009)).unwrap_err();
        assert_eq!(pause, Pause { why: "no connection".to_owned(), since: at(10), until: at(1_010) });
    }

    #[test]
    fn a_wrong_configuration_pauses_it_at_once() {
        let breaker = Breaker::default();
        hear(&breaker, Sign::Misconfigured("it answered 401".to_owned()), 10);
        assert_eq!(breaker.pause().unwrap().why, "it answered 401");
    }

    #[test]
    fn after_a_pause_one_is_let_through_and_its_answer_decides() {
        let breaker = Breaker::default();
        hear(&breaker, Sign::Misconfigured("it answered 401".to_owned()), 0);
        let tried = breaker.ask(at(1_000)).unwrap();
        assert!(breaker.ask(at(1_000)).is_err(), "one, and no more");
        tried.heard(fails(), at(1_500));
        assert_eq!(until(&breaker), Some(3_500), "twice as long, from when that was heard");
        assert_eq!(breaker.pause().unwrap().since, at(0));
        hear(&breaker, Sign::Answers, 3_500);
        assert_eq!(breaker.pause(), None);
        (1..FAILURES).for_each(|_| hear(&breaker, fails(), 4_000));
        assert_eq!(breaker.pause(), None, "it begins anew");
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        let breaker = Breaker::default();
        hear(&breaker, Sign::Misconfigured(String::new()), 0);
        for _ in 0..10 {
            let ms = until(&breaker).unwrap();
            hear(&breaker, fails(), ms);
            assert!(until(&breaker).unwrap() - ms <= 60_000);
        }
        let ms = until(&breaker).unwrap();
        hear(&breaker, fails(), ms);
        assert_eq!(until(&breaker), Some(ms + 60_000));
    }

    #[test]
    fn whoever_waits_no_longer_for_an_answer_has_seen_a_failure() {
        let breaker = Breaker::default();
        hear(&breaker, Sign::Misconfigured(String::new()), 0);
        drop(breaker.ask(at(1_000)).unwrap());
        assert_eq!(until(&breaker), Some(3_000));
        assert_eq!(breaker.pause().unwrap().why, "it did not answer in time");
    }

    #[test]
    fn what_was_under_way_when_it_was_paused_makes_no_pause_longer() {
        let breaker = Breaker::default();
        let ask = |_| breaker.ask(at(0)).unwrap();
        let (early, late): (Vec<_>, Vec<_>) = ((0..10).map(ask).collect(), (0..10).map(ask).collect());
        hear(&breaker, Sign::Misconfigured("it answered 404".to_owned()), 0);
        drop(early);
        assert_eq!(until(&breaker), Some(1_000));
        let tried = breaker.ask(at(1_000)).unwrap();
        drop(late);
        assert_eq!(until(&breaker), Some(1_000), "also while one is tried");
        tried.heard(fails(), at(1_000));
        assert_eq!(until(&breaker), Some(3_000));
    }
}
