//! Announcing that an order has new events, once they are committed.
//!
//! PostgreSQL lets one transaction at a time commit that notifies. So notifying has transactions of its own,
//! that wait for no disk, one for all orders that came meanwhile; where it was done just before, it waits a
//! moment for more to come. A process that ends between the two leaves something unannounced: whoever listens
//! looks for that, see [`super::changes`].

use super::StoreError;
use super::connection::Connections;
use super::error::Fault;
use omniflow_core::OrderId;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// How long after one announcement the next one comes, at the earliest: nobody hears of anything much later.
const PAUSE: Duration = Duration::from_millis(10);

/// Notifies of each order. Both in one statement, which is a transaction by itself.
const NOTIFY: &str = "
    WITH no_disk AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
    SELECT pg_notify($1, id) FROM no_disk, unnest($2::text[]) id";

const MOST_AT_ONCE: usize = 500;

/// Announces what is sent here, until nobody can send any more.
pub(super) fn start(connections: Connections) -> mpsc::UnboundedSender<OrderId> {
    let (sender, mut orders) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut next = Instant::now();
        while let Some(batch) = collect(&mut orders, next).await {
            next = Instant::now() + PAUSE;
            if let Err(error) = announce(&connections, &batch).await {
                tracing::warn!(%error, orders = batch.len(), "changes are announced late");
            }
        }
    });
    sender
}

/// Waits for orders, and then for more until a moment. None, once nobody can send any more.
async fn collect(orders: &mut mpsc::UnboundedReceiver<OrderId>, until: Instant) -> Option<Vec<OrderId>> {
    let mut batch = vec![orders.recv().await?];
    sleep_until(until).await;
    while batch.len() < MOST_AT_ONCE
        && let Ok(order_id) = orders.try_recv()
    {
        batch.push(order_id);
    }
    batch.sort_unstable();
    batch.dedup();
    Some(batch)
}

async fn announce(connections: &Connections, orders: &[OrderId]) -> Result<(), StoreError> {
    let ids: Vec<&str> = orders.iter().map(OrderId::as_str).collect();
    connections.again(|| announce_once(connections, &ids)).await
}

async fn announce_once(connections: &Connections, ids: &[&str]) -> Result<(), Fault> {
    let work = connections.take().await?;
    let [notify] = work.prepared([NOTIFY]).await?;
    let (client, channel) = (work.client(), connections.schema());
    work.ask(client.execute(&notify, &[&channel, &ids])).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_is_announced_at_once_and_those_that_follow_together() {
        let (sender, mut orders) = mpsc::unbounded_channel();
        let send = |id: &str| sender.send(OrderId::new(id).unwrap()).unwrap();
        let begun = Instant::now();
        send("ORD-1");
        assert_eq!(collect(&mut orders, begun).await.unwrap().len(), 1);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        send("ORD-2");
        let (batch, ()) = tokio::join!(collect(&mut orders, begun + PAUSE), async {
            sleep_until(begun + PAUSE / 2).await;
            send("ORD-3");
            send("ORD-2");
        });
        let ids: Vec<String> = batch.unwrap().iter().map(OrderId::to_string).collect();
        assert_eq!((ids, begun.elapsed()), (vec!["ORD-2".to_owned(), "ORD-3".to_owned()], PAUSE));
        drop(sender);
        assert_eq!(collect(&mut orders, begun).await, None);
    }
}
