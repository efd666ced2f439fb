//! Keys of requests in progress: one that comes with the key of another waits until that one is answered.
//!
//! It sees the requests of one process. An engine that several processes share sees those of the others, keeps
//! the same promise for them, and answers with the same error.

use omniflow_engine::{Error, Idempotency};
use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

type Key = [u8; 32];

/// Whoever has the lock is at work; the others wait in the order in which they came.
type Gate = Arc<Mutex<()>>;

/// The keys in progress, and nothing of those that are not.
#[derive(Clone, Default)]
pub(super) struct InProgress(Arc<Lock<HashMap<Key, Gate>>>);

/// A request's turn among those with its key, until dropped.
pub(super) struct Turn {
    in_progress: InProgress,
    key: Key,
    gate: Gate,
    held: Option<OwnedMutexGuard<()>>,
}

impl InProgress {
    fn gates(&self) -> MutexGuard<'_, HashMap<Key, Gate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other request with this key is at work.
    ///
    /// # Errors
    /// [`Error::IdempotencyInProgress`] where one still is after [`Idempotency::PATIENCE`].
    pub(super) async fn turn(&self, key: Key) -> Result<Turn, Error> {
        let gate = Arc::clone(self.gates().entry(key).or_default());
        // Made before the wait, so that it leaves nothing behind where nobody waits for it any more.
        let mut turn = Turn { in_progress: self.clone(), key, gate, held: None };
        let held = timeout(Idempotency::PATIENCE, Arc::clone(&turn.gate).lock_owned()).await;
        turn.held = Some(held.map_err(|_| Error::IdempotencyInProgress)?);
        Ok(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut gates = self.in_progress.gates();
        self.held = None;
        // The map has it, and this turn; whoever waits would too.
        if Arc::strong_count(&self.gate) == 2 {
            gates.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Duration, Instant};

    const KEY: Key = [1; 32];

    #[tokio::test(start_paused = true)]
    async fn the_second_waits_for_the_first_and_not_for_ever() {
        let in_progress = InProgress::default();
        let first = in_progress.turn(KEY).await.unwrap();
        let begun = Instant::now();
        assert_eq!(in_progress.turn(KEY).await.err(), Some(Error::IdempotencyInProgress));
        assert_eq!(begun.elapsed().as_secs(), 10);
        in_progress.turn([2; 32]).await.expect("another key is another's business");
        let second = tokio::spawn({
            let in_progress = in_progress.clone();
            async move { in_progress.turn(KEY).await.map(drop) }
        });
        tokio::time::sleep(Duration::from_secs(9)).await;
        drop(first);
        assert_eq!(second.await.unwrap(), Ok(()));
        assert_eq!(begun.elapsed().as_secs(), 19);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_a_key_once_nobody_is_in_progress() {
        let in_progress = InProgress::default();
        let first = in_progress.turn(KEY).await.unwrap();
        for _ in 0..3 {
            let gone = timeout(Duration::from_secs(1), in_progress.turn(KEY)).await;
            assert!(gone.is_err(), "it waited, and left");
        }
        let patient = tokio::spawn({
            let in_progress = in_progress.clone();
            async move { in_progress.turn(KEY).await.map(drop) }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(in_progress.gates().len(), 1, "one waits");
        patient.await.unwrap().unwrap();
        assert_eq!(in_progress.gates().len(), 0);
    }
}
