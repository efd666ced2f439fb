//! Who waits for an order, or for any event, is woken when one is announced.
//!
//! One connection listens. After it was lost everybody is woken, since something may have been announced
//! meanwhile. While somebody waits, it also looks once a second whether the feed has moved: what was announced
//! may be held back for a while, and a process may have ended before it announced something. While nobody
//! waits, nothing is asked.

use super::claim::id_of;
use super::feed::{LAST, TOUCHED};
use super::{Store, error::in_full};
use omniflow_core::OrderId;
use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

/// How often somebody who waits makes us look.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a lost connection is left before another is tried.
const PAUSE: Duration = Duration::from_millis(200);

/// More than so many events at once are not told apart: everybody is woken.
const MOST_TOUCHED: i64 = 1_000;

/// Listens to what is announced, and wakes who waits. Clones share it; the last one ends it.
#[derive(Clone)]
pub struct Changes {
    waiters: Arc<Waiters>,
    _listening: Arc<Listening>,
}

/// Somebody who waits. Changes count from when it was made: make it, read, and then wait.
pub struct Change {
    woken: watch::Receiver<()>,
    order_id: Option<OrderId>,
    waiters: Arc<Waiters>,
}

struct Waiters {
    orders: Mutex<HashMap<OrderId, watch::Sender<()>>>,
    any: watch::Sender<()>,
}

struct Listening(JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Store {
    /// Begins to listen, on a connection of its own that is made again whenever it is lost. One for a process
    /// is enough.
    pub fn changes(&self) -> Changes {
        let waiters = Arc::new(Waiters { orders: Mutex::default(), any: watch::Sender::new(()) });
        let mut config = self.config.clone();
        config.application_name(format!("{} listens", config.get_application_name().unwrap_or_default()));
        let listener = Listener {
            config,
            channel: self.connections.schema().to_owned(),
            patience: self.patience,
            waiters: Arc::clone(&waiters),
        };
        Changes { waiters, _listening: Arc::new(Listening(tokio::spawn(listener.run()))) }
    }
}

impl Changes {
    /// Waits for one order's events.
    pub fn of_order(&self, order_id: &OrderId) -> Change {
        let mut orders = self.waiters.orders();
        let woken = orders.entry(order_id.clone()).or_insert_with(|| watch::Sender::new(())).subscribe();
        Change { woken, order_id: Some(order_id.clone()), waiters: Arc::clone(&self.waiters) }
    }

    /// Waits for any event that feeds show.
    pub fn of_any(&self) -> Change {
        let woken = self.waiters.any.subscribe();
        Change { woken, order_id: None, waiters: Arc::clone(&self.waiters) }
    }
}

impl Change {
    /// Waits for the next change, at once if there was one meanwhile. It may wake without one.
    pub async fn changed(&mut self) {
        if self.woken.changed().await.is_err() {
            unreachable!("who waits keeps what wakes it");
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let Some(order_id) = &self.order_id else { return };
        let mut orders = self.waiters.orders();
        // Nobody else is counted in while the lock is held.
        if orders.get(order_id).is_some_and(|waker| waker.receiver_count() == 1) {
            orders.remove(order_id);
        }
    }
}

impl Waiters {
    fn orders(&self) -> MutexGuard<'_, HashMap<OrderId, watch::Sender<()>>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_empty(&self) -> bool {
        self.any.receiver_count() == 0 && self.orders().is_empty()
    }

    fn wake(&self, order_id: &OrderId) {
        if let Some(waker) = self.orders().get(order_id) {
            waker.send_replace(());
        }
        self.any.send_replace(());
    }

    fn wake_all(&self) {
        self.orders().values().for_each(|waker| waker.send_replace(()));
        self.any.send_replace(());
    }
}

struct Listener {
    config: Config,
    channel: String,
    patience: Duration,
    waiters: Arc<Waiters>,
}

impl Listener {
    async fn run(self) {
        let mut is_down = false;
        loop {
            match self.listen(&mut is_down).await {
                Ok(()) => tracing::warn!("the connection that listens was lost; connecting again"),
                // Said once, however long it lasts.
                Err(error) if !is_down => tracing::warn!(error, "nobody listens for changes; trying again"),
                Err(_) => {}
            }
            is_down = true;
            sleep(PAUSE).await;
        }
    }

    /// Listens until the connection is lost.
    async fn listen(&self, is_down: &mut bool) -> Result<(), String> {
        let connected = timeout(self.patience, self.config.connect(NoTls)).await;
        let (client, mut connection) =
            connected.map_err(|_| "it does not answer".to_owned())?.map_err(|error| in_full(&error))?;
        let (sender, mut announced) = mpsc::unbounded_channel();
        let driver = tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message
                    && sender.send(notification.payload().to_owned()).is_err()
                {
                    return;
                }
            }
        });
        let driver = Listening(driver);
        let mut seen = self.start(&client).await?;
        *is_down = false;
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.reset_at(Instant::now() + LOOK_EVERY);
        loop {
            tokio::select! {
                announced = announced.recv() => match announced {
                    Some(order_id) => self.woken_by(&order_id),
                    None => break,
                },
                _ = look.tick() => {
                    if !self.waiters.is_empty() {
                        seen = self.look(&client, seen).await?;
                    }
                }
            }
        }
        drop(driver);
        Ok(())
    }

    /// Listens, and wakes everybody, since nobody did before. Returns how far the feed has come.
    async fn start(&self, client: &Client) -> Result<i64, String> {
        let listen = format!("LISTEN \"{}\"", self.channel);
        self.bounded(client.batch_execute(&listen)).await?;
        let last: Option<i64> = self.bounded(client.query_one(LAST, &[])).await?.get(0);
        self.waiters.wake_all();
        Ok(last.unwrap_or_default())
    }

    /// Looks how far the feed has come and wakes who waits for that.
    async fn look(&self, client: &Client, seen: i64) -> Result<i64, String> {
        let rows = self.bounded(client.query(TOUCHED, &[&seen, &MOST_TOUCHED])).await?;
        let Some(last) = rows.last() else { return Ok(seen) };
        if rows.len() as i64 == MOST_TOUCHED {
            self.waiters.wake_all();
        } else {
            rows.iter().for_each(|row| self.woken_by(row.get(1)));
        }
        Ok(last.get(0))
    }

    fn woken_by(&self, order_id: &str) {
        match id_of(order_id) {
            Ok(order_id) => self.waiters.wake(&order_id),
            Err(_) => self.waiters.wake_all(),
        }
    }

    async fn bounded<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, String> {
        match timeout(self.patience, answer).await {
            Ok(answer) => answer.map_err(|error| in_full(&error)),
            Err(_) => Err("it does not answer".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_of_who_waits_no_more() {
        let waiters = Arc::new(Waiters { orders: Mutex::default(), any: watch::Sender::new(()) });
        let _listening = Arc::new(Listening(tokio::runtime::Runtime::new().unwrap().spawn(async {})));
        let changes = Changes { waiters: Arc::clone(&waiters), _listening };
        let order_id = OrderId::new("ORD-1").unwrap();
        let (first, second) = (changes.of_order(&order_id), changes.of_order(&order_id));
        drop(first);
        assert!(!waiters.is_empty(), "the other still waits");
        drop(second);
        assert!(waiters.is_empty() && waiters.orders().is_empty());
        let any = changes.of_any();
        assert!(!waiters.is_empty());
        drop(any);
        assert!(waiters.is_empty());
    }
}
