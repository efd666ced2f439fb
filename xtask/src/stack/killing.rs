//! A worker is killed while orders are under way: each of them still ends, each once, and the stock adds up.

use super::servers::Stack;
use super::shop::Shop;
use anyhow::{Context, Result, anyhow, ensure};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const SKU: &str = "iPhone 15";
/// Customers at once, and orders of each.
const CUSTOMERS: usize = 16;
const ORDERS: usize = 25;
/// The other workers take a dead one's orders over when its tasks' time is up; then they are done at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was seen.
pub(super) struct Killed {
    /// Orders that were placed and paid.
    pub(super) orders: usize,
    /// Of these, those that were placed and not yet completed when the worker had died.
    pub(super) open: usize,
    /// From then on until all were.
    pub(super) took: Duration,
}

/// What customers have done so far.
#[derive(Default)]
struct Done {
    placed: Mutex<Vec<String>>,
    paid: AtomicUsize,
}

/// Kills the first worker when half of the orders are paid.
pub(super) fn kill_one(stack: &mut Stack) -> Result<Killed> {
    let mut shop = Shop::new(stack.address);
    let before = shop.stock(SKU)?;
    let done = Done::default();
    let (address, orders) = (stack.address, CUSTOMERS * ORDERS);
    let victim = stack.workers.first_mut().context("no worker runs")?;
    let (open, died) = thread::scope(|scope| -> Result<_> {
        let customers: Vec<_> = (0..CUSTOMERS).map(|_| scope.spawn(|| buy(address, &done))).collect();
        let begun = Instant::now();
        while done.paid.load(Ordering::Relaxed) < orders / 2 {
            ensure!(begun.elapsed() < PATIENCE, "half of {orders} orders are not paid after {PATIENCE:?}");
            ensure!(!customers.iter().all(thread::ScopedJoinHandle::is_finished), "no customer is left");
            thread::yield_now();
        }
        let status = victim.kill()?;
        let died = Instant::now();
        println!("stack: worker {} is killed ({status}) in the middle of {orders} orders", victim.pid());
        let open = under_way(&mut shop, &done.placed())?;
        customers
            .into_iter()
            .try_for_each(|customer| customer.join().map_err(|_| anyhow!("a customer panicked"))?)?;
        Ok((open, died))
    })?;
    ensure!(open > 0, "no order was under way when the worker died, so that nothing was shown");
    for id in &done.placed() {
        let order = shop.until(id, "completed", PATIENCE)?;
        order.says("payment_status", "paid")?;
        let shipments = order.body()["shipments"].as_array().map_or(0, Vec::len);
        ensure!(shipments == 1, "{id} has {shipments} shipments");
    }
    let after = shop.stock(SKU)?;
    let expected = before.less(i64::try_from(orders)?);
    ensure!(after == expected, "{orders} were shipped, and the stock went from {before:?} to {after:?}");
    Ok(Killed { orders, open, took: died.elapsed() })
}

/// How many of these orders are not completed. The latest are asked first: the others' time is not up yet.
fn under_way(shop: &mut Shop, ids: &[String]) -> Result<usize> {
    let mut open = 0;
    for id in ids.iter().rev() {
        let order = shop.get(&format!("/orders/{id}"))?.is(200)?;
        open += usize::from(order.body()["state"] != "completed");
    }
    Ok(open)
}

/// Places and pays orders, one after the other.
fn buy(address: SocketAddr, done: &Done) -> Result<()> {
    let mut shop = Shop::new(address);
    for _ in 0..ORDERS {
        // Where no worker decides on the stock in time it is taken all the same: 202.
        let placed = shop.post("/orders", r#"{"amount": 500, "items": ["iPhone 15"]}"#)?;
        ensure!(matches!(placed.status(), 201 | 202), "{placed}");
        let id = placed.id()?;
        done.placed.lock().unwrap_or_else(PoisonError::into_inner).push(id.clone());
        let told = shop.post(&format!("/orders/{id}/pay"), "")?;
        ensure!(matches!(told.status(), 200 | 202), "{told}");
        done.paid.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

impl Done {
    /// The ids of all orders that were placed so far, in their order.
    fn placed(&self) -> Vec<String> {
        self.placed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// An API that shows each order in the state after which it is called.
    fn api() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            while let Some(asked) = lines.next() {
                lines.by_ref().find(String::is_empty).unwrap();
                let id = asked.split([' ', '/']).rfind(|part| part.starts_with("ORD-")).unwrap();
                let body = format!(r#"{{"state":"{}"}}"#, id.trim_start_matches("ORD-"));
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
            }
        });
        address
    }

    #[test]
    fn who_is_completed_is_not_under_way() {
        let count = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
            under_way(&mut Shop::new(api()), &ids).unwrap()
        };
        assert_eq!(count(&["ORD-completed", "ORD-completed"]), 0);
        assert_eq!(count(&["ORD-completed", "ORD-shipping", "ORD-awaiting_payment"]), 2);
    }
}
