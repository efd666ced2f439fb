//! What a workflow is started with, and what signals carry: anything at all may come, and nothing of it may
//! fail a workflow task.

use super::wire::{Asked, Input, PaidSignal, Report};
use crate::names::{SIGNAL_PAID, SIGNAL_REVIEW, WORKFLOW_ID_PREFIX};
use omniflow_core::{
    Actor, Command, Currency, Decision, Draft, DraftAmount, DraftLine, Entry, Event, Money, OrderId,
    PaymentOutcome, PaymentReport, PolicyBook, ReasonText, Terms, Timestamp,
};
use serde::Deserialize;
use temporalio_common::data_converters::{PayloadConverter, RawValue};

/// What a workflow is about.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) order_id: OrderId,
    /// When the run was started.
    at: Timestamp,
    /// What a foreign client orders; `None` for an order that is stored already.
    terms: Option<Terms>,
}

impl Start {
    /// The first event of an order that a foreign client starts: the same each time it is asked for.
    pub(crate) fn placing(&self) -> Option<Entry> {
        let terms = Box::new(self.terms.clone()?);
        let event = Event::OrderPlaced { order_id: self.order_id.clone(), terms, details: None };
        Some(Entry { seq: 1, at: self.at, actor: signaller(), event })
    }
}

/// Reads a workflow's input. What is wrong is said in words: it becomes the workflow's result.
pub(crate) fn read(raw: &RawValue, workflow_id: &str, at: Timestamp) -> Result<Start, String> {
    let input: Input = decode(raw).map_err(|error| format!("the input is not an order: {error}"))?;
    let order_id = OrderId::new(input.order_id.as_str()).map_err(|error| format!("OrderID {error}"))?;
    if workflow_id.strip_prefix(WORKFLOW_ID_PREFIX) != Some(order_id.as_str()) {
        return Err(format!("the workflow id must be {WORKFLOW_ID_PREFIX}{order_id}, not {workflow_id}"));
    }
    let terms = if input.stored { None } else { Some(terms(input)?) };
    Ok(Start { order_id, at, terms })
}

/// An order of a foreign client: whole US dollars, one of each item, the compiled policies.
fn terms(input: Input) -> Result<Terms, String> {
    let amount = input.amount.ok_or("Amount is required")?;
    let whole = amount.as_i64().filter(|amount| *amount >= 1);
    let amount = whole.ok_or_else(|| format!("Amount must be a whole number above zero, not {amount}"))?;
    let items = input.items.unwrap_or_default();
    let line = |sku| DraftLine { line_id: None, sku, quantity: 1, unit_price: DraftAmount::default() };
    let draft = Draft {
        amount: DraftAmount { major: Some(amount.to_string()), minor: None },
        items: items.into_iter().map(line).collect(),
        customer_id: Some(input.customer_id).filter(|id| !id.is_empty()),
        ..Draft::default()
    };
    draft.check(&PolicyBook::default()).map_err(|faults| {
        let faults: Vec<_> =
            faults.iter().map(|fault| format!("{} {}", named(&fault.pointer), fault.detail)).collect();
        faults.join("; ")
    })
}

/// The input's name of a field.
fn named(pointer: &str) -> String {
    let mut parts = pointer.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("amount"), _) => "Amount".to_owned(),
        (Some("customer_id"), _) => "CustomerID".to_owned(),
        (Some("items"), Some(place)) => format!("Items[{place}]"),
        _ => "Items".to_owned(),
    }
}

/// The input of an order that is stored already.
pub(crate) fn stored(order_id: &OrderId) -> RawValue {
    let input = Input {
        order_id: order_id.to_string(),
        amount: None,
        items: None,
        customer_id: String::new(),
        stored: true,
    };
    RawValue::from_value(&input, &PayloadConverter::default())
}

/// Who is behind what comes by Temporal itself.
pub(crate) fn signaller() -> Actor {
    Actor::new("temporal").unwrap_or_else(|_| Actor::api())
}

/// What a payment signal says. Temporal has acknowledged it: a report can no longer be refused.
pub(crate) fn paid(raw: &RawValue) -> Asked {
    if decode::<String>(raw).is_ok() {
        return Asked::told(Command::RecordPayment(PaymentReport::captured()), signaller());
    }
    let said = decode::<PaidSignal>(raw).map_err(|error| error.to_string()).and_then(|mut signal| {
        let actor = signal.actor.take().map(Actor::new).transpose().map_err(|e| format!("actor {e}"))?;
        let mark = signal.mark.take();
        Ok((report(signal)?, actor, mark))
    });
    match said {
        Ok((report, actor, mark)) => {
            Asked { mark, ..Asked::told(Command::RecordPayment(report), actor.unwrap_or_else(signaller)) }
        }
        Err(error) => nonsense(SIGNAL_PAID, &error),
    }
}

/// What a reviewer's signal says.
pub(crate) fn reviewed(raw: &RawValue) -> Asked {
    let decision = match decode::<String>(raw).as_deref() {
        Ok("APPROVE") => Ok(Decision::Approve),
        Ok("REJECT") => Ok(Decision::Reject),
        Ok(other) => Err(format!("must be APPROVE or REJECT, not {other}")),
        Err(error) => Err(error.to_string()),
    };
    match decision {
        Ok(decision) => Asked::told(Command::Decide { decision, reason: None }, signaller()),
        Err(error) => nonsense(SIGNAL_REVIEW, &error),
    }
}

/// What is noted of a signal or a cancellation that the order refuses as it stands; `None` where that is nobody's
/// word.
pub(crate) fn note_of(refused: &Command) -> Option<Command> {
    let (signal, reason) = match refused {
        Command::Decide { decision: Decision::Approve, .. } => (SIGNAL_REVIEW, ReasonText::lossy("APPROVE")),
        Command::Decide { decision: Decision::Reject, .. } => (SIGNAL_REVIEW, ReasonText::lossy("REJECT")),
        Command::Cancel { reason } => ("cancel", reason.clone()),
        _ => return None,
    };
    Some(Command::Misunderstand { signal: signal.to_owned(), reason })
}

fn nonsense(signal: &str, error: &str) -> Asked {
    let reason = ReasonText::lossy(error);
    Asked::told(Command::Misunderstand { signal: signal.to_owned(), reason }, signaller())
}

fn decode<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, serde_json::Error> {
    let data = raw.payloads.first().map(|payload| payload.data.as_slice()).unwrap_or_default();
    serde_json::from_slice(data)
}

fn report(signal: PaidSignal) -> Result<PaymentReport, String> {
    let outcome = signal.outcome.unwrap_or(PaymentOutcome::Captured);
    let report = PaymentReport::new(signal.payment_id, signal.event_id, outcome);
    let code = signal.currency.as_deref().unwrap_or("USD");
    let currency = Currency::from_code(code).ok_or_else(|| format!("currency {code} does not exist"))?;
    let major = match &signal.amount {
        Some(text) => Some(Money::from_major(text.get(), currency).map_err(|e| format!("amount {e}"))?.minor),
        None => None,
    };
    let minor = match (major, signal.amount_minor) {
        (Some(major), Some(minor)) if major != minor => {
            return Err("amount and amount_minor differ".into());
        }
        (Some(minor), _) | (None, Some(minor)) => Some(minor),
        (None, None) if signal.currency.is_some() => return Err("a currency needs an amount".into()),
        (None, None) => None,
    };
    if minor.is_some_and(|minor| minor < 1) {
        return Err("the amount must be above zero".into());
    }
    let amount = minor.map(|minor| Money::new(minor, currency));
    Ok(PaymentReport { amount, reason: signal.reason, ..report })
}

impl From<Report> for PaymentReport {
    fn from(report: Report) -> Self {
        let Report { payment_id, event_id, outcome, amount, reason } = report;
        Self { payment_id, event_id, outcome, amount, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use omniflow_engine::Idempotency;

    fn payload<T: serde::Serialize + 'static>(value: &T) -> RawValue {
        RawValue::from_value(value, &PayloadConverter::default())
    }

    #[test]
    fn a_report_that_is_left_for_a_worker_is_the_report_that_was_sent() {
        let yen = Currency::from_code("JPY").unwrap();
        let outcomes = [PaymentOutcome::Captured, PaymentOutcome::Declined, PaymentOutcome::Failed];
        for (outcome, amount) in outcomes.into_iter().zip([None, Some(Money::new(1, yen)), None]) {
            let reason = ReasonText::lossy("the card has expired");
            let report = PaymentReport { amount, reason, ..PaymentReport::new(None, None, outcome) };
            let mark = Some(Idempotency::new("shop", "/pay", "k", b"{}", 1_000));
            let actor = Actor::new("shop").unwrap();
            let said = paid(&payload(&PaidSignal::new(report.clone(), actor.clone(), mark)));
            assert_eq!((said.command, said.actor), (Command::RecordPayment(report), actor));
            assert_eq!((said.mark, said.if_version, said.wants_answer), (mark, None, false));
        }
    }

    #[test]
    fn what_anybody_may_send_is_a_report_of_theirs_or_nonsense() {
        let said = paid(&payload(&"PAID"));
        assert_eq!(said.command, Command::RecordPayment(PaymentReport::captured()));
        assert_eq!((said.actor, said.mark), (signaller(), None));
        for nonsense in [
            serde_json::json!({"actor": ""}),
            serde_json::json!({"mark": "k"}),
            serde_json::json!({"amount": 0}),
            serde_json::json!({"currency": "USD"}),
            serde_json::json!({"unknown": 1}),
        ] {
            let said = paid(&payload(&nonsense)).command;
            assert!(matches!(said, Command::Misunderstand { .. }), "{nonsense}: {said:?}");
        }
    }
}
