//! How a server is asked to end.

use omniflow_http::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

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
