//! Marked requests that one run has answered, for as long as PostgreSQL keeps their answers too.

use super::wire::Answer;
use omniflow_core::Timestamp;
use omniflow_engine::Idempotency;
use std::collections::BTreeMap;

/// Marks that one run remembers; PostgreSQL has all of them.
const MOST: usize = 1_000;

/// By their keys.
#[derive(Default)]
pub(super) struct Marks(BTreeMap<[u8; 32], Kept>);

struct Kept {
    body: [u8; 32],
    answer: Answer,
    until: Timestamp,
}

impl Marks {
    /// The hash of the body that came with a key, and what was answered, if that is still kept.
    pub(super) fn find(&self, key: &[u8; 32], now: Timestamp) -> Option<([u8; 32], &Answer)> {
        let kept = self.0.get(key).filter(|kept| kept.until > now)?;
        Some((kept.body, &kept.answer))
    }

    /// Keeps what was answered at a moment. Where there are too many, the one that is kept the shortest goes.
    pub(super) fn keep(&mut self, mark: &Idempotency, at: Timestamp, answer: Answer) {
        let kept = Kept { body: mark.body, answer, until: at.plus_millis(mark.keep_ms) };
        self.0.insert(mark.key, kept);
        if self.0.len() > MOST {
            let shortest = self.0.iter().min_by_key(|(key, kept)| (kept.until, **key)).map(|(key, _)| *key);
            shortest.and_then(|key| self.0.remove(&key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn mark(number: usize) -> Idempotency {
        Idempotency::new("shop", "/pay", &number.to_string(), b"{}", 1_000)
    }

    fn known(marks: &Marks, number: usize, ms: i64) -> bool {
        marks.find(&mark(number).key, at(ms)).is_some()
    }

    #[test]
    fn a_mark_is_known_until_its_answer_is_no_longer_kept() {
        let mut marks = Marks::default();
        marks.keep(&mark(1), at(10), Answer::Missing);
        assert!(known(&marks, 1, 1_009));
        assert!(!known(&marks, 1, 1_010));
    }

    #[test]
    fn of_too_many_those_that_came_last_are_known() {
        let mut marks = Marks::default();
        for number in 0..MOST + 10 {
            marks.keep(&mark(number), at(i64::try_from(number).unwrap()), Answer::Missing);
        }
        assert!((0..10).all(|number| !known(&marks, number, 0)));
        assert!((10..MOST + 10).all(|number| known(&marks, number, 0)));
    }
}
