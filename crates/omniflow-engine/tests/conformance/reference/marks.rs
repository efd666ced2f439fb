//! Requests that are done once however often they are sent.

use super::Bug;
use super::running::Shared;
use omniflow_core::{Order, Timestamp};
use omniflow_engine::{Adjusted, Answered, Clock, Error, Idempotency, StockLevel};
use std::sync::Arc;

/// What was answered to a marked request.
pub(crate) struct Kept {
    body: [u8; 32],
    at: Timestamp,
    expires_at: Timestamp,
    answer: Result<KeptAnswer, Error>,
}

/// What a request is answered with.
#[derive(Clone)]
pub(crate) enum KeptAnswer {
    Order(Arc<Order>),
    Stock(StockLevel),
}

/// An answer, when it was given, and whether it was given before.
pub(crate) type Given = (KeptAnswer, Timestamp, bool);

impl KeptAnswer {
    pub(crate) fn answered((answer, at, replayed): Given) -> Answered {
        match answer {
            Self::Order(order) => Answered { order, at, replayed, pending: false },
            Self::Stock(level) => panic!("an order's mark is not stock's: {level:?}"),
        }
    }

    pub(crate) fn adjusted((answer, _, replayed): Given) -> Adjusted {
        match answer {
            Self::Stock(level) => Adjusted { level, replayed },
            Self::Order(order) => panic!("stock's mark is not an order's: {order:?}"),
        }
    }
}

impl Shared {
    /// Does something unless it was done under this mark before; what was refused is done again.
    pub(crate) fn once(
        &self,
        mark: Option<Idempotency>,
        act: impl FnOnce() -> Result<KeptAnswer, Error>,
    ) -> Result<Given, Error> {
        let (now, bug) = (self.clock.now(), self.bug);
        let new = |answer| (answer, now, false);
        let Some(mark) = mark else { return act().map(new) };
        // Nobody looks for a mark while what it marks is being done.
        let _one_at_a_time = self.marking.lock().unwrap();
        if let Some(before) = self.before(&mark, now) {
            let (answer, at) = before?;
            return Ok((self.as_it_is(answer), at, bug != Some(Bug::RepetitionsLookNew)));
        }
        let events_before = self.events();
        let answer = act();
        let is_kept = match bug {
            Some(Bug::KeepsRefusals) => true,
            Some(Bug::ForgetsIdleMarks) => answer.is_ok() && self.events() != events_before,
            Some(Bug::StockHasNoMarks) => matches!(answer, Ok(KeptAnswer::Order(_))),
            _ => answer.is_ok(),
        };
        if is_kept {
            self.keep(mark, now, answer.clone());
        }
        answer.map(new)
    }

    fn keep(&self, mark: Idempotency, at: Timestamp, answer: Result<KeptAnswer, Error>) {
        let expires_at = match self.bug {
            Some(Bug::MarksNeverExpire) => Timestamp::from_millis(i64::MAX),
            Some(Bug::MarksExpireEarly) => at,
            _ => at.plus_millis(mark.keep_ms),
        };
        let state = self.lock();
        let mut disk = state.disk.lock().unwrap();
        disk.marks.insert(mark.key, Kept { body: mark.body, at, expires_at, answer });
    }

    /// What was answered before, and when.
    fn before(&self, mark: &Idempotency, now: Timestamp) -> Option<Result<(KeptAnswer, Timestamp), Error>> {
        let state = self.lock();
        let mut disk = state.disk.lock().unwrap();
        if self.bug == Some(Bug::MarksAreForgottenAtRestart) && state.restarted {
            return None;
        }
        let kept = disk.marks.get_mut(&mark.key).filter(|kept| kept.expires_at > now)?;
        if kept.body != mark.body && self.bug != Some(Bug::MarksIgnoreTheBody) {
            return Some(Err(Error::IdempotencyKeyReused));
        }
        if self.bug == Some(Bug::RepetitionsLengthenMarks) {
            kept.expires_at = now.plus_millis(mark.keep_ms);
        }
        let at = if self.bug == Some(Bug::RepetitionsAreTimedNow) { now } else { kept.at };
        Some(kept.answer.clone().map(|answer| (answer, at)))
    }

    /// A kept answer, which does not change whatever became of the order.
    fn as_it_is(&self, answer: KeptAnswer) -> KeptAnswer {
        match answer {
            KeptAnswer::Order(order) if self.bug == Some(Bug::RepetitionsShowTheOrderNow) => {
                KeptAnswer::Order(Arc::clone(&self.lock().orders[&order.id]))
            }
            KeptAnswer::Order(order) if self.bug == Some(Bug::RepetitionsReserveAgain) => {
                let state = self.lock();
                let mut disk = state.disk.lock().unwrap();
                let _ = disk.reserve(&order.terms, None);
                KeptAnswer::Order(order)
            }
            answer => answer,
        }
    }

    fn events(&self) -> usize {
        self.lock().disk.lock().unwrap().log.len()
    }
}
