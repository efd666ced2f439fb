//! Checks everything that is stored, changing nothing: the chain of every order, every record against its
//! events, stock against its ledger, reservations against orders, money. One transaction sees one state of it.

mod orders;
mod stock;

use super::connection::{Connections, Work};
use super::error::Fault;
use super::migrate::Schema;
use super::{Store, StoreError};
use omniflow_engine::verify::Report;
use std::time::Duration;

/// How long one part of the reading may take.
const PATIENCE: Duration = Duration::from_secs(600);

impl Store {
    /// Checks all that is stored, in bounded memory but for what each order holds of stock.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::NewerSchema`], [`StoreError::Diverged`] where there are no
    /// tables. What does not hold is in the report.
    pub async fn verify(&self) -> Result<Report, StoreError> {
        match self.look().await? {
            Schema::Missing => return Err(StoreError::Diverged("there are no tables to check".to_owned())),
            Schema::Newer { found, known } => return Err(StoreError::NewerSchema { found, known }),
            Schema::Current | Schema::Older { .. } => {}
        }
        let connections = self.connections.patient(PATIENCE);
        connections.again(|| checked(&connections)).await
    }
}

async fn checked(connections: &Connections) -> Result<Report, Fault> {
    let work = connections.take_as_it_is().await?;
    // One state of everything; its statements may take longer than those that clients wait for.
    let begin = format!(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = {}",
        PATIENCE.as_millis()
    );
    work.ask(async { futures::try_join!(work.open(), work.client().batch_execute(&begin)) }).await?;
    let mut report = Report::default();
    let holdings = orders::check(&work, &mut report).await?;
    stock::check(&work, &holdings, &mut report).await?;
    Ok(report)
}

/// The rows of a statement that is not asked often enough to be kept prepared.
async fn rows(
    work: &Work,
    sql: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<tokio_postgres::Row>, Fault> {
    work.ask(work.client().query(sql, parameters)).await
}
