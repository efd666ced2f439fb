//! Brings every order to its end, as those who run the shop would: decides, pays, tries again.

use super::journal::Order;
use super::random::Random;
use super::shop::{Counter, Gone, Shop};
use super::wish::{Act, CASH};
use serde_json::Value;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

const CLERKS: usize = 6;

/// How long an order may take to come to its end when everything works.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sees to it that every order that is there and not parked comes to its end; returns when they have, or when
/// it took too long, which an audit will show.
pub(super) fn settle(shop: &Shop, address: SocketAddr, random: &mut Random) {
    let open = |order: &Order| order.id().is_some() && !order.parked && (order.stirred || !order.settled);
    let orders: Vec<usize> = {
        let journal = shop.journal();
        journal.orders.iter().enumerate().filter(|(_, order)| open(order)).map(|(place, _)| place).collect()
    };
    let until = Instant::now() + PATIENCE;
    thread::scope(|scope| {
        for clerk in 0..CLERKS {
            let own: Vec<usize> = orders.iter().skip(clerk).step_by(CLERKS).copied().collect();
            let rejects = random.percent(50);
            scope.spawn(move || {
                let mut counter = Counter::new(shop, address);
                for order in own {
                    // Whatever stands in the way of this one, the others still get their turn.
                    let _ = bring_to_end(&mut counter, order, rejects, until);
                }
            });
        }
    });
}

fn bring_to_end(counter: &mut Counter<'_>, order: usize, rejects: bool, until: Instant) -> Result<(), Gone> {
    let mut document = counter.look(order, "")?;
    while Instant::now() < until {
        if is_over(&document) {
            return Ok(());
        }
        let act = if !document["attention"].is_null() {
            Some(Act::Retry)
        } else if document["state"] == "in_review" {
            Some(Act::Decide(if rejects { "REJECT" } else { "APPROVE" }))
        } else if document["state"] == "awaiting_payment" && has_time(counter, order) {
            Some(Act::Pay(CASH))
        } else {
            None
        };
        document = match act {
            Some(act) => {
                counter.ask(order, act)?;
                counter.look(order, "")?
            }
            None => counter.watch(order)?,
        };
    }
    Ok(())
}

/// Whether the order's own window is longer than anybody wants to wait here.
fn has_time(counter: &Counter<'_>, order: usize) -> bool {
    counter.shop.journal().orders[order].wish.window_s.is_some()
}

fn is_over(document: &Value) -> bool {
    let pending = |refund: &Value| refund["status"] == "pending";
    let owes = document["refunds"].as_array().is_some_and(|refunds| refunds.iter().any(pending));
    !document["ended_at"].is_null() && !owes && document["attention"].is_null()
}
