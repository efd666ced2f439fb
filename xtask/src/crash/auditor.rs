//! Reads what is there after a restart and holds it against the journal.

use super::audit::{self, Effects, Found, StockFound, Witness};
use super::figures::Figures;
use super::journal::{Order, Placing};
use super::random::Random;
use super::shop::{Counter, Gone};
use super::{DEMO_SKUS, SKUS, UNKNOWN_SKU, WINDOW_MS};
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// How late a timer may be on a machine that has other work too. The contract's 100 ms are for tests that have
/// the machine to themselves; the figure is printed.
const LATEST_TIMER_MS: i64 = 3_000;

/// Placings that were refused are asked after again, so many a restart.
const REFUSALS_PROBED: usize = 6;

/// Which orders to read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Those that may have changed since they were last read.
    Stirred,
    /// Those, and the others that have not ended.
    Open,
    /// Every one.
    All,
}

/// What an audit found.
pub(super) struct Audit {
    pub(super) faults: Vec<String>,
    /// Whether it came to its end; the server may die meanwhile.
    pub(super) complete: bool,
}

/// Finds out what became of placings that were not answered: some are sent again, as a client would, others
/// only asked after. Those that were refused must still not be there.
pub(super) fn resolve(counter: &mut Counter<'_>, random: &mut Random) -> Result<(), Gone> {
    let (unknown, refused) = {
        let journal = counter.shop.journal();
        let places = |of: Placing| {
            let orders = journal.orders.iter().enumerate();
            orders.filter(|(_, order)| order.placing == of).map(|(place, _)| place).collect::<Vec<usize>>()
        };
        (places(Placing::Unknown), [places(Placing::Refused), places(Placing::Absent)].concat())
    };
    for place in unknown {
        // Without a number it can be found by its mark alone, under which it was sent again.
        if !counter.shop.journal().orders[place].is_numbered {
            continue;
        }
        if random.percent(50) {
            counter.place_again(place)?;
        } else {
            probe(counter, place)?;
        }
    }
    for place in refused.into_iter().rev().take(REFUSALS_PROBED) {
        probe(counter, place)?;
    }
    Ok(())
}

/// Asks whether an order of this number is there, by a placing that can never be done.
fn probe(counter: &mut Counter<'_>, place: usize) -> Result<(), Gone> {
    let external_id = counter.shop.journal().orders[place].external_id.clone();
    let body = json!({"amount_minor": 1, "items": [UNKNOWN_SKU], "external_id": external_id}).to_string();
    let answer = counter.send("POST", "/api/v1/orders", Some(&body))?;
    let mut journal = counter.shop.journal();
    journal.note(&json!({"probed": external_id, "answer": [answer.status, answer.body["order_id"]]}));
    let order = &mut journal.orders[place];
    match (&order.placing, answer.status, answer.code()) {
        (Placing::Unknown, 409, "external_id_taken") => {
            order.placing = Placing::Placed(answer.body["order_id"].as_str().unwrap_or_default().to_owned());
        }
        (Placing::Unknown, 422, "unknown_sku") => order.placing = Placing::Absent,
        (Placing::Refused | Placing::Absent, 422, "unknown_sku") => {}
        (placing, ..) => {
            let complaint = format!("{external_id} was {placing:?}, and asking after it is {answer:?}");
            journal.complain(complaint);
        }
    }
    Ok(())
}

/// Reads orders and checks them. `runs` are the moments at which the server became ready, first to last.
pub(super) fn audit(
    counter: &mut Counter<'_>,
    extent: Extent,
    providers_log: &Path,
    runs: &[i64],
    figures: &mut Figures,
) -> Result<Audit> {
    let before = Effects::read(providers_log)?;
    let (read, mut faults, complete) = read_orders(counter, extent);
    let witness = Witness { before, after: Effects::read(providers_log)? };
    let mut journal = counter.shop.journal();
    for (place, found) in &read {
        let order = &mut journal.orders[*place];
        let life = found.life(order);
        let mut of_order = audit::check_order(order, found);
        of_order.extend(audit::check_effects(order, found, &witness));
        of_order.extend(check_window(order, life.window_elapsed, runs, figures));
        faults.extend(
            of_order.iter().map(|fault| format!("{} ({:?}): {fault}", order.external_id, order.id())),
        );
        order.was_told(&found.document);
        (order.seen, order.stirred) = (Some(found.seen()), false);
        (order.holds_stock, order.consumed) = (life.holds_stock, life.consumed);
    }
    figures.audits += read.len() as u64;
    Ok(Audit { faults, complete })
}

type Reading = (Vec<(usize, Found)>, Vec<String>, bool);

fn read_orders(counter: &mut Counter<'_>, extent: Extent) -> Reading {
    let wanted = |order: &Order| match extent {
        Extent::Stirred => order.stirred,
        Extent::Open => order.stirred || !order.settled,
        Extent::All => true,
    };
    let ids: Vec<(usize, String)> = {
        let journal = counter.shop.journal();
        let orders = journal.orders.iter().enumerate().filter(|(_, order)| wanted(order));
        orders.filter_map(|(place, order)| Some((place, order.id()?.to_owned()))).collect()
    };
    let (mut read, mut faults) = (vec![], vec![]);
    for (place, id) in ids {
        match read_order(counter, &id) {
            Err(Gone) => return (read, faults, false),
            Ok(Ok(found)) => read.push((place, found)),
            Ok(Err(fault)) => faults.push(fault),
        }
    }
    (read, faults, true)
}

/// An order's document, then its timeline.
fn read_order(counter: &mut Counter<'_>, id: &str) -> Result<Result<Found, String>, Gone> {
    let mut answers = vec![];
    for path in [format!("/api/v1/orders/{id}"), format!("/api/v1/orders/{id}/timeline")] {
        let answer = counter.send("GET", &path, None)?;
        if answer.status != 200 {
            return Ok(Err(format!("{path} was acknowledged to be there, and is {answer:?}")));
        }
        answers.push(answer.body);
    }
    let timeline =
        answers.pop().and_then(|timeline| timeline["data"].as_array().cloned()).unwrap_or_default();
    Ok(Ok(Found { document: answers.pop().unwrap_or(Value::Null), timeline }))
}

/// A payment window never ends early, and not late for a server that is there.
fn check_window(
    order: &Order,
    elapsed: Option<(i64, i64)>,
    runs: &[i64],
    figures: &mut Figures,
) -> Option<String> {
    let (open_ms, at) = elapsed.filter(|_| !order.settled)?;
    let window_ms = order.wish.window_s.map_or(WINDOW_MS, |seconds| i64::from(seconds) * 1_000);
    if open_ms < window_ms {
        return Some(format!("its window of {window_ms} ms was over after {open_ms} ms"));
    }
    // It was up to the server that was there then: from when it was due, or from when it was ready.
    let ready = runs.iter().rev().find(|ready| **ready <= at).copied().unwrap_or(at);
    let late_ms = (open_ms - window_ms).min(at - ready);
    figures.latest_timer_ms = figures.latest_timer_ms.max(late_ms);
    (late_ms > LATEST_TIMER_MS).then(|| format!("its window ended {late_ms} ms late"))
}

/// What is in stock of each SKU of ours; complains where the demo catalogue is not whole.
pub(super) fn read_stock(counter: &mut Counter<'_>) -> Result<BTreeMap<&'static str, StockFound>, Gone> {
    let answer = counter.send("GET", "/api/v1/inventory?limit=200", None)?;
    let levels = answer.body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = SKUS.iter().filter_map(|(sku, _)| {
        let level = levels.iter().find(|level| level["sku"] == *sku)?;
        let (on_hand, reserved) = (level["on_hand"].as_i64()?, level["reserved"].as_i64()?);
        Some((*sku, StockFound { on_hand, reserved }))
    });
    let found: BTreeMap<_, _> = found.collect();
    if levels.len() - found.len() != DEMO_SKUS {
        let demo = levels.len() - found.len();
        counter
            .shop
            .journal()
            .complain(format!("{demo} SKUs of the demo catalogue are there, not {DEMO_SKUS}"));
    }
    for (sku, stock) in found.iter().filter(|(_, stock)| stock.reserved > stock.on_hand) {
        counter.shop.journal().complain(format!("{sku} is oversold: {stock:?}"));
    }
    Ok(found)
}
