//! How a server is asked to end, and how long that may take.

use omniflow_http::Shutdown;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

/// The process has ended 10 s after it was asked to; this is a little before.
const ENDS_WITHIN: Duration = Duration::from_millis(9_500);
/// How much of that is for what still blocks, a read of a slow disk say.
const LETS_GO_WITHIN: Duration = Duration::from_secs(1);

/// By when the process is to have ended, once it was asked to: all that ends it share this moment.
static ENDS_AT: OnceLock<Instant> = OnceLock::new();

/// Begins the shutdown at SIGTERM or Ctrl-C.
pub(super) async fn on_signal(shutdown: Shutdown) {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be heard; use Ctrl-C");
                std::future::pending().await
            }
        }
    };
    tokio::select! {
        () = terminated => {}
        heard = tokio::signal::ctrl_c() => if let Err(error) = heard {
            tracing::error!(%error, "Ctrl-C cannot be heard");
        }
    }
    tracing::info!("stopping: taking nothing new, finishing what was taken");
    shutdown.begin();
}

/// By when the process is to have ended, as soon as it is asked to.
pub(super) async fn ends_at(shutdown: Shutdown) -> Instant {
    shutdown.begun().await;
    *ENDS_AT.get_or_init(|| Instant::now() + ENDS_WITHIN)
}

/// How long the process may still take, where it was asked to end.
pub(super) fn left() -> Option<Duration> {
    ENDS_AT.get().map(|at| at.saturating_duration_since(Instant::now()))
}

/// Ends a runtime whose work is done. What still blocks does not keep the process beyond what is left to it.
pub(super) fn let_go(runtime: Runtime, left: Option<Duration>) {
    runtime.shutdown_timeout(left.unwrap_or(LETS_GO_WITHIN).min(LETS_GO_WITHIN));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn what_still_blocks_has_only_what_is_left() {
        let (release, released) = channel::<()>();
        let (begins, begun) = channel();
        let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
        runtime.spawn_blocking(move || {
            begins.send(()).unwrap();
            released.recv()
        });
        begun.recv().unwrap();
        let asked = Instant::now();
        let_go(runtime, Some(Duration::ZERO));
        assert!(asked.elapsed() < LETS_GO_WITHIN, "{:?}", asked.elapsed());
        drop(release);
    }

    #[tokio::test]
    async fn all_that_ends_a_process_share_one_moment_below_ten_seconds() {
        assert_eq!(left(), None, "nobody asked");
        let (asked, shutdown) = (Instant::now(), Shutdown::new());
        shutdown.begin();
        let first = ends_at(shutdown.clone()).await;
        assert_eq!(ends_at(shutdown).await, first);
        assert!(first - asked < Duration::from_secs(10), "{:?}", first - asked);
        assert!(left().is_some_and(|left| left <= first - asked));
    }
}
