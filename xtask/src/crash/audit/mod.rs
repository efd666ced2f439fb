//! Compares what a client was told with what is there. Each check answers what does not hold, in words.

mod effects;
mod life;
mod stock;
#[cfg(test)]
mod tests;

pub(super) use effects::{Effects, Witness, check_effects};
pub(super) use life::Life;
pub(super) use stock::{StockFound, check_stock, pieces_of};

use super::journal::{Fate, Order, Seen};
use super::wish::{Act, Report};
use serde_json::Value;

/// An order as it was found: its document, and its timeline as read after that.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) document: Value,
    pub(super) timeline: Vec<Value>,
}

impl Found {
    /// The document's version.
    pub(super) fn version(&self) -> u64 {
        self.document["version"].as_u64().unwrap_or_default()
    }

    /// The timeline as it was when the document was read.
    fn until_document(&self) -> &[Value] {
        let length = usize::try_from(self.version()).unwrap_or_default().min(self.timeline.len());
        &self.timeline[..length]
    }

    /// The order's life up to the document.
    pub(super) fn life(&self, order: &Order) -> Life {
        Life::of(self.until_document(), &order.wish)
    }

    /// What to remember of it until the next audit.
    pub(super) fn seen(&self) -> Seen {
        let hash = self.timeline.last().and_then(|entry| entry["hash"].as_str()).unwrap_or_default();
        Seen { version: self.timeline.len() as u64, hash: hash.to_owned() }
    }
}

/// Checks an order that is there against everything that the client knows of it.
pub(super) fn check_order(order: &Order, found: &Found) -> Vec<String> {
    let mut faults = vec![];
    check_terms(order, found, &mut faults);
    check_versions(order, found, &mut faults);
    check_reports(order, found, &mut faults);
    check_acts(order, found, &mut faults);
    check_life(order, found, &mut faults);
    faults
}

/// It is what was wished for: a placing is there wholly, or not at all.
fn check_terms(order: &Order, found: &Found, faults: &mut Vec<String>) {
    let document = &found.document;
    let lines: Vec<(&str, u64)> = document["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| (line["sku"].as_str().unwrap_or_default(), line["quantity"].as_u64().unwrap_or_default()))
        .collect();
    let wished: Vec<(&str, u64)> =
        order.wish.lines.iter().map(|(sku, quantity)| (*sku, u64::from(*quantity))).collect();
    if lines != wished {
        faults.push(format!("its lines are {lines:?}, {wished:?} were ordered"));
    }
    for (field, wanted) in [
        ("amount_minor", Value::from(order.wish.amount_minor)),
        ("external_id", Value::from(order.is_numbered.then_some(order.external_id.as_str()))),
        ("order_id", Value::from(order.id())),
        ("currency", Value::from("USD")),
    ] {
        if document[field] != wanted {
            faults.push(format!("its {field} is {}, not {wanted}", document[field]));
        }
    }
}

/// Nothing that was shown was taken back, and what has one version is one thing.
fn check_versions(order: &Order, found: &Found, faults: &mut Vec<String>) {
    let (version, told) = (found.version(), order.version());
    if version < told {
        faults.push(format!("it is at version {version}, and {told} was acknowledged"));
    }
    if version == told && comparable(&found.document) != comparable(&order.told) {
        faults.push(format!("version {version} was {}, and is {}", order.told, found.document));
    }
    let numbers = found.timeline.iter().map(|entry| entry["seq"].as_u64().unwrap_or_default());
    if !numbers.eq(1..=found.timeline.len() as u64) || (found.timeline.len() as u64) < version {
        faults.push(format!("its timeline is not 1 to at least {version}"));
    }
    let Some(Seen { version: seen, hash }) = &order.seen else { return };
    let entry = usize::try_from(*seen).ok().and_then(|seen| found.timeline.get(seen.checked_sub(1)?));
    if entry.is_none_or(|entry| entry["hash"] != hash.as_str()) {
        faults.push(format!("its timeline up to {seen} is not the one that was shown before"));
    }
}

/// A document without what may differ between two readings of one version.
fn comparable(document: &Value) -> Value {
    let mut document = document.clone();
    if let Value::Object(fields) = &mut document {
        for field in ["status", "shipping_address", "metadata"] {
            fields.remove(field);
        }
    }
    document
}

/// Every acknowledged report is recorded, and none twice.
fn check_reports(order: &Order, found: &Found, faults: &mut Vec<String>) {
    let sent = order.sent.iter().filter_map(|sent| match &sent.act {
        Act::Pay(report) => Some((report, &sent.fate)),
        _ => None,
    });
    for (report, fate) in sent {
        let recorded: Vec<u64> = seqs(found, |entry| is_report(entry, report)).collect();
        let what = format!("the report {}/{} ({})", report.payment_id, report.event_id, report.outcome);
        match (fate, &recorded[..]) {
            (Fate::Done { version }, []) => {
                faults.push(format!("{what} was acknowledged at version {version} and is gone"));
            }
            (Fate::Done { version }, [seq]) if seq > version => {
                faults.push(format!("{what} was acknowledged at version {version} and is event {seq}"));
            }
            (Fate::Refused, [_, ..]) => faults.push(format!("{what} was refused and is recorded")),
            (_, [_, _, ..]) => faults.push(format!("{what} is recorded {} times", recorded.len())),
            _ => {}
        }
    }
    let known = |entry: &Value| {
        order.sent.iter().any(|sent| matches!(&sent.act, Act::Pay(report) if is_report(entry, report)))
    };
    for seq in seqs(found, |entry| entry["data"]["event_id"].is_string() && !known(entry)) {
        faults.push(format!("event {seq} is a payment report that nobody sent"));
    }
}

fn is_report(entry: &Value, report: &Report) -> bool {
    entry["data"]["payment_id"] == report.payment_id
        && entry["data"]["event_id"] == report.event_id
        && entry["type"] == format!("payment_{}", report.outcome)
}

/// Every acknowledged action is recorded, as often as it was acknowledged; no refused one is.
fn check_acts(order: &Order, found: &Found, faults: &mut Vec<String>) {
    for (event, once, is_act) in ACTS {
        let fates: Vec<&Fate> =
            order.sent.iter().filter(|sent| is_act(&sent.act)).map(|sent| &sent.fate).collect();
        let done = fates.iter().filter(|fate| matches!(fate, Fate::Done { .. })).count();
        let unknown = fates.iter().filter(|fate| ***fate == Fate::Unknown).count();
        let recorded: Vec<u64> = seqs(found, |entry| is_event(entry, event)).collect();
        // What is asked again where it is already so changes nothing.
        let least = if *once { done.min(1) } else { done };
        let most = if *once { (done + unknown).min(1) } else { done + unknown };
        if !(least..=most).contains(&recorded.len()) {
            faults.push(format!(
                "{event} is there {} times; {done} were acknowledged, {unknown} not answered, {} refused",
                recorded.len(),
                fates.len() - done - unknown
            ));
        }
        let acknowledged = fates.iter().filter_map(|fate| match fate {
            Fate::Done { version } => Some(*version),
            _ => None,
        });
        for version in acknowledged.filter(|version| recorded.iter().all(|seq| seq > version)) {
            faults.push(format!("{event} was acknowledged at version {version} and is not there by then"));
        }
    }
}

/// The event that an action leaves, whether that happens once at most, and which actions leave it.
type Trace = (&'static str, bool, fn(&Act) -> bool);

const ACTS: &[Trace] = &[
    ("APPROVE", true, |act| *act == Act::Decide("APPROVE")),
    ("REJECT", true, |act| *act == Act::Decide("REJECT")),
    ("cancel_requested", true, |act| *act == Act::Cancel),
    ("retried", false, |act| *act == Act::Retry),
    ("skipped", false, |act| *act == Act::Skip),
    ("compensation_requested", false, |act| *act == Act::Compensate),
];

/// Whether an entry is of a type, or is this decision.
fn is_event(entry: &Value, event: &str) -> bool {
    entry["type"] == event || entry["type"] == "decision_recorded" && entry["data"]["decision"] == event
}

fn seqs(found: &Found, wanted: impl Fn(&Value) -> bool) -> impl Iterator<Item = u64> {
    let seq = |entry: &Value| entry["seq"].as_u64().unwrap_or_default();
    found.timeline.iter().filter(move |entry| wanted(entry)).map(seq)
}

/// The document is what its timeline leads to.
fn check_life(order: &Order, found: &Found, faults: &mut Vec<String>) {
    let (life, document) = (found.life(order), &found.document);
    faults.extend(life.faults.iter().cloned());
    if document["state"] != life.state() {
        faults.push(format!("it is {}, and its timeline makes it {}", document["state"], life.state()));
    }
    let payments = document["payments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let as_told = payments.iter().map(|payment| (payment["payment_id"].as_str(), payment["status"].as_str()));
    let as_lived = life.payments.iter().map(|payment| (Some(payment.id.as_str()), Some(payment.status)));
    if !as_told.eq(as_lived) {
        faults.push(format!("its payments are {payments:?}, its timeline makes them {:?}", life.payments));
    }
    let was_paid = order.told["payment_status"] == "paid";
    if was_paid && matches!(life.state(), "expired" | "awaiting_payment") {
        faults.push(format!("it was acknowledged as paid and is {}", life.state()));
    }
}

/// An order that nothing keeps from its end, as it was last read: ended, owing nobody, needing nobody.
pub(super) fn check_settled(order: &Order) -> Vec<String> {
    let (document, mut faults) = (&order.told, vec![]);
    if document["ended_at"].is_null() {
        faults.push(format!("it does not come to its end: {document}"));
    }
    if !document["attention"].is_null() {
        faults.push(format!("it still needs a person: {document}"));
    }
    if order.holds_stock {
        faults.push("it still holds stock".to_owned());
    }
    for payment in document["payments"].as_array().into_iter().flatten() {
        let kept = payment["status"] == "captured";
        if payment["status"] == "refund_pending" || kept && document["state"] != "completed" {
            faults.push(format!("it is {} and has {payment}", document["state"]));
        }
    }
    faults.iter().map(|fault| format!("{} ({:?}): {fault}", order.external_id, order.id())).collect()
}
