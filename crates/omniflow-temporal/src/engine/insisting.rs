//! What was taken must be answered: PostgreSQL is asked again where it has too much to do, or is away for a moment.

use omniflow_engine::Error;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long is insisted.
const INSISTS_FOR: Duration = Duration::from_secs(10);
/// The pause before something is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks what can be asked twice, until there is an answer, for 10 s.
///
/// # Errors
/// [`Error::OutcomeUnknown`] where there was none, since what was taken may have been done; and whatever asking
/// again does not change.
pub(super) async fn insist<T, F>(ask: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let asking = async {
        loop {
            match ask().await {
                Err(error) if is_passing(&error) => {
                    tracing::debug!(%error, "what was taken is not answered yet; asking again");
                    sleep(PAUSE).await;
                }
                answer => return answer,
            }
        }
    };
    timeout(INSISTS_FOR, asking).await.unwrap_or_else(|_| {
        tracing::warn!("PostgreSQL did not say in time what came of a request");
        Err(Error::OutcomeUnknown)
    })
}

const fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Unavailable(_) | Error::Overloaded | Error::OutcomeUnknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_asked_again_and_what_does_not_is_answered() {
        let asked = Cell::new(0);
        let answers = [
            Err(Error::Unavailable("busy".to_owned())),
            Err(Error::OutcomeUnknown),
            Err(Error::Overloaded),
            Ok(7),
            Err(Error::SetAside),
        ];
        let ask = || async {
            asked.set(asked.get() + 1);
            answers[asked.get() - 1].clone()
        };
        assert_eq!(insist(ask).await, Ok(7));
        assert_eq!(asked.get(), 4);
        assert_eq!(insist(ask).await, Err(Error::SetAside));
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_whether_nobody_answers_or_always_the_same() {
        let begun = tokio::time::Instant::now();
        let busy = insist(|| async { Err::<(), _>(Error::Overloaded) }).await;
        let silent = insist(std::future::pending::<Result<(), _>>).await;
        assert_eq!((busy, silent), (Err(Error::OutcomeUnknown), Err(Error::OutcomeUnknown)));
        assert_eq!(begun.elapsed(), INSISTS_FOR * 2);
    }
}
