//! The one signal that ends the server: who accepts stops, who waits answers at once.

use std::sync::Arc;
use tokio::sync::watch;

/// A handle to the server's end. Clones share it.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// A server that is not asked to end yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Asks the server to end. Doing so again changes nothing.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether the server has been asked to end.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the server has been asked to end: at once if it has been already. Long polls and streams
    /// select on it.
    pub async fn begun(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_wait_and_those_who_come_late_all_hear_it() {
        let shutdown = Shutdown::new();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.begun().await }
        });
        assert!(!shutdown.has_begun());
        shutdown.begin();
        waiting.await.unwrap();
        shutdown.begun().await;
        assert!(shutdown.has_begun());
    }
}
