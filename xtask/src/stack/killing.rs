//! A worker is killed while orders are under way: each of them still ends, each once, and the stock adds up.

use super::servers::Stack;
use super::shop::Shop;
use anyhow::{Context, Result, anyhow, ensure};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    /// Of these, those that were not completed when the worker died.
    pub(super) open: usize,
    /// From then on until all were.
    pub(super) took: Duration,
}

/// Kills the first worker when half of the orders are paid.
pub(super) fn kill_one(stack: &mut Stack) -> Result<Killed> {
    let mut shop = Shop::new(stack.address);
    let before = shop.stock(SKU)?;
    let paid = AtomicUsize::new(0);
    let (address, orders) = (stack.address, CUSTOMERS * ORDERS);
    let victim = stack.workers.first_mut().context("no worker runs")?;
    let (ids, died) = thread::scope(|scope| -> Result<_> {
        let customers: Vec<_> = (0..CUSTOMERS).map(|_| scope.spawn(|| buy(address, &paid))).collect();
        let begun = Instant::now();
        while paid.load(Ordering::Relaxed) < orders / 2 {
            ensure!(begun.elapsed() < PATIENCE, "half of {orders} orders are not paid after {PATIENCE:?}");
            ensure!(!customers.iter().all(thread::ScopedJoinHandle::is_finished), "no customer is left");
            thread::yield_now();
        }
        let status = victim.kill()?;
        println!("stack: worker {} is killed ({status}) in the middle of {orders} orders", victim.pid());
        let died = Instant::now();
        let mut ids = vec![];
        for customer in customers {
            ids.extend(customer.join().map_err(|_| anyhow!("a customer panicked"))??);
        }
        Ok((ids, died))
    })?;
    let open = ids.iter().filter(|(_, completed)| !completed).count();
    ensure!(open > 0, "no order was under way when the worker died, so that nothing was shown");
    for (id, _) in &ids {
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

/// Places and pays orders, one after the other; answers each one's id, and whether it was completed when its
/// payment was answered.
fn buy(address: SocketAddr, paid: &AtomicUsize) -> Result<Vec<(String, bool)>> {
    let mut shop = Shop::new(address);
    let mut ids = vec![];
    for _ in 0..ORDERS {
        // Where no worker decides on the stock in time it is taken all the same: 202.
        let placed = shop.post("/orders", r#"{"amount": 500, "items": ["iPhone 15"]}"#)?;
        ensure!(matches!(placed.status(), 201 | 202), "{placed}");
        let id = placed.id()?;
        let told = shop.post(&format!("/orders/{id}/pay"), "")?;
        ensure!(matches!(told.status(), 200 | 202), "{told}");
        paid.fetch_add(1, Ordering::Relaxed);
        ids.push((id, told.body()["state"] == "completed"));
    }
    Ok(ids)
}
