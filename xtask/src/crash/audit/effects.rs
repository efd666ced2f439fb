//! What the providers say they did, by their own log, against what the orders say.

use super::super::journal::Order;
use super::Found;
use super::life::payment_of;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// The effects that were taken: done, or accepted. An effect that was asked for twice is one effect.
#[derive(Debug, Default)]
pub(in crate::crash) struct Effects {
    /// By order: the effect's key, such as `ship.1`, and its amount.
    taken: HashMap<String, Vec<(String, Option<i64>)>>,
}

impl Effects {
    /// Reads `providers.log`. A torn last line was never answered.
    pub(in crate::crash) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        Self::of(whole.lines())
    }

    /// The effects in lines of the log.
    pub(super) fn of<'l>(lines: impl IntoIterator<Item = &'l str>) -> Result<Self> {
        let mut effects = Self::default();
        for line in lines {
            let record: Value = serde_json::from_str(line).with_context(|| format!("no record: {line}"))?;
            let order = record["order_id"].as_str().context("a record of no order")?;
            let effect =
                record["effect_id"].as_str().and_then(|id| id.strip_prefix(order)?.strip_prefix('.'));
            let key = effect.with_context(|| format!("an effect of another order: {line}"))?;
            let taken = effects.taken.entry(order.to_owned()).or_default();
            let is_new = taken.iter().all(|(known, _)| known != key);
            if is_new && matches!(record["what"].as_str(), Some("done" | "accepted")) {
                taken.push((key.to_owned(), record["amount_minor"].as_i64()));
            }
        }
        Ok(effects)
    }

    fn of_order(&self, id: &str) -> &[(String, Option<i64>)] {
        self.taken.get(id).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The log as it was before an order was read and after: it must not know more before than the order, nor
/// less after.
#[derive(Debug, Default)]
pub(in crate::crash) struct Witness {
    pub(in crate::crash) before: Effects,
    pub(in crate::crash) after: Effects,
}

/// Checks what the providers did for an order.
pub(in crate::crash) fn check_effects(order: &Order, found: &Found, witness: &Witness) -> Vec<String> {
    let Some(id) = order.id() else { return vec![] };
    let (before, after) = (witness.before.of_order(id), witness.after.of_order(id));
    let (life, mut faults) = (found.life(order), vec![]);
    if shipments(after) > 1 {
        faults.push(format!("it was shipped {} times: {after:?}", shipments(after)));
    }
    if shipments(before) > 0 && !life.was_paid() {
        faults.push("it was shipped and never paid".to_owned());
    }
    if shipments(after) == 0 && life.state() == "completed" && !life.shipment_skipped {
        faults.push("it is completed and was never shipped".to_owned());
    }
    faults.extend(refunds(before).filter_map(|(number, amount)| check_refund(found, number, amount)));
    for (number, payment) in (1..).zip(&life.payments) {
        match refunds(after).filter(|(of, _)| *of == number).count() {
            0 if payment.status == "refunded" => {
                faults.push(format!("{} is refunded, and the provider did not do it", payment.id));
            }
            0 | 1 => {}
            times => faults.push(format!("{} was refunded {times} times: {after:?}", payment.id)),
        }
    }
    faults
}

fn shipments(taken: &[(String, Option<i64>)]) -> usize {
    taken.iter().filter(|(key, _)| key.starts_with("ship.")).count()
}

/// The number of each payment that was given back, and how much.
fn refunds(taken: &[(String, Option<i64>)]) -> impl Iterator<Item = (usize, Option<i64>)> {
    taken.iter().filter_map(|(key, amount)| Some((payment_of(key)?, *amount)))
}

/// A refund is of a captured payment that is not kept, and of all of it.
fn check_refund(found: &Found, number: usize, amount: Option<i64>) -> Option<String> {
    let payment = &found.document["payments"][number - 1];
    let given_back =
        matches!(payment["status"].as_str(), Some("refund_pending" | "refunded" | "refund_skipped"));
    if given_back && payment["amount_minor"].as_i64() == amount {
        return None;
    }
    Some(format!("{amount:?} of payment {number} were refunded, and it is {payment}"))
}
