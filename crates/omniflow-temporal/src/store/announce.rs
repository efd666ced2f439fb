//! Announcing that an order has new events, once they are committed.
//!
//! PostgreSQL lets one transaction at a time commit that notifies. So notifying has transactions of its own,
//! that wait for no disk, one for all orders that came meanwhile. A process that ends between the two leaves
//! something unannounced: whoever listens looks for that, see [`super::changes`].

use super::StoreError;
use super::connection::{Connections, Sent};
use super::error::Fault;
use omniflow_core::OrderId;
use tokio::sync::mpsc;

const MOST_AT_ONCE: usize = 500;

/// Announces what is sent here, until nobody can send any more.
pub(super) fn start(connections: Connections) -> mpsc::UnboundedSender<OrderId> {
    let (sender, mut orders) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut batch: Vec<OrderId> = vec![];
        while orders.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
            if let Err(error) = announce(&connections, &batch).await {
                tracing::warn!(%error, orders = batch.len(), "changes are announced late");
            }
            batch.clear();
        }
    });
    sender
}

async fn announce(connections: &Connections, orders: &[OrderId]) -> Result<(), StoreError> {
    let mut ids: Vec<&str> = orders.iter().map(OrderId::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    connections.again(|| announce_once(connections, &ids)).await
}

async fn announce_once(connections: &Connections, ids: &[&str]) -> Result<(), Fault> {
    let work = connections.take().await?;
    let sql = "SELECT pg_notify($1, id) FROM unnest($2::text[]) id";
    let [notify] = work.prepared([sql]).await?;
    let (client, channel) = (work.client(), connections.schema());
    let steps: Vec<Sent<'_>> = vec![
        Box::pin(async { work.open().await.map(|()| 0) }),
        Box::pin(async { client.batch_execute("SET LOCAL synchronous_commit = off").await.map(|()| 0) }),
        Box::pin(async { client.execute(&notify, &[&channel, &ids]).await }),
    ];
    work.commit(steps).await
}
