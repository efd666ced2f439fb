//! How many orders stand how, for metrics.

use super::{Store, StoreError};
use omniflow_core::StateKind;
use omniflow_engine::Standing;

const COUNTED: &str = "
    SELECT state, false, count(*) FROM orders
    WHERE acknowledged AND NOT attention AND state = ANY($1) GROUP BY state
    UNION ALL
    SELECT state, true, count(*) FROM orders WHERE acknowledged AND attention GROUP BY state";

impl Store {
    /// Of the orders that are open or need a person, how many stand how. It reads an index of them alone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Diverged`].
    pub async fn standings(&self) -> Result<Vec<(Standing, i64)>, StoreError> {
        let open = StateKind::ALL.iter().filter(|state| !state.is_ended());
        let open: Vec<&str> = open.map(|state| state.as_str()).collect();
        let rows = self.connections.rows(COUNTED, &[&open]).await?;
        rows.iter()
            .map(|row| {
                let name: &str = row.get(0);
                let state = StateKind::ALL.iter().find(|state| state.as_str() == name);
                let state = state.ok_or_else(|| StoreError::Diverged(format!("no order is {name}")))?;
                Ok((Standing::new(*state, row.get(1)), row.get(2)))
            })
            .collect()
    }
}
