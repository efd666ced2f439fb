//! Whether both servers can be reached.

use super::TemporalEngine;
use omniflow_engine::Health;
use std::time::Duration;
use tokio::time::timeout;

/// How long a server may take to give a sign of life.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// How long an answer holds for all who ask, so that probes cost nothing.
pub(super) const HOLDS_FOR: Duration = Duration::from_secs(1);

impl TemporalEngine {
    pub(super) async fn recent_health(&self) -> Health {
        self.health.answer(self.ask_servers()).await
    }

    /// Asks both at once, and says of each that does not answer why.
    async fn ask_servers(&self) -> Health {
        let (temporal, postgres) = futures::join!(self.link.check(), self.ask_postgres());
        let temporal = temporal.err().map(|error| error.to_string());
        let missing: Vec<String> = temporal.into_iter().chain(postgres).collect();
        if missing.is_empty() { Health::Ready } else { Health::Unavailable(missing.join("; ")) }
    }

    async fn ask_postgres(&self) -> Option<String> {
        match timeout(ANSWERS_WITHIN, self.store.ping()).await {
            Ok(answer) => answer.err().map(|error| error.to_string()),
            Err(_) => {
                Some(format!("PostgreSQL at {} cannot be used now: it does not answer", self.store.address()))
            }
        }
    }
}
