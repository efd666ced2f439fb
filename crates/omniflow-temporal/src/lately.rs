//! Questions that cost something: asked once at a time, and the answer is everybody's who waited for it.

use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The last answer to a question.
pub(crate) struct Lately<T> {
    /// How long an answer holds for those who ask later.
    holds_for: Duration,
    last: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Lately<T> {
    pub(crate) fn new(holds_for: Duration) -> Self {
        Self { holds_for, last: Mutex::default() }
    }

    /// The last answer where it still holds, or came while we waited; otherwise `question` is asked. It is
    /// dropped with whoever asks, and then the next one asks.
    pub(crate) async fn answer(&self, question: impl Future<Output = T>) -> T {
        let asked_at = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = &*last
            && (*at > asked_at || at.elapsed() < self.holds_for)
        {
            return answer.clone();
        }
        let answer = question.await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn many_at_once_ask_once_and_those_who_come_later_ask_again() {
        let (lately, asked) = (Lately::new(Duration::from_secs(1)), Cell::new(0));
        let ask = || async {
            asked.set(asked.get() + 1);
            tokio::time::sleep(Duration::from_millis(10)).await;
            asked.get()
        };
        let answers = futures::future::join_all((0..5).map(|_| lately.answer(ask()))).await;
        assert_eq!(answers, [1; 5]);
        tokio::time::sleep(Duration::from_millis(999)).await;
        assert_eq!(lately.answer(ask()).await, 1, "it still holds");
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(lately.answer(ask()).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_question_to_the_next() {
        let lately = Lately::new(Duration::ZERO);
        let never = lately.answer(std::future::pending::<u8>());
        assert!(tokio::time::timeout(Duration::from_secs(1), never).await.is_err());
        assert_eq!(lately.answer(async { 7 }).await, 7);
    }
}
