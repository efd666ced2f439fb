//! The core beside the naive model: the same words and the same answers after whatever both are told.

use crate::history::{History, Machine, config, ops, totals};
use crate::model::{Answer, Model, Say};
use omniflow_core::{Command, Decision, EffectKey, Order, Outcome, TimerId, allowed_actions};
use proptest::prelude::*;

proptest! {
    #![proptest_config(config(768))]

    #[test]
    fn the_core_does_what_the_contract_says(minor in totals(), ops in ops(60)) {
        let mut history = History::placed(Machine::REAL, minor);
        let mut model = Model::placed(minor > 1_000_000);
        for op in &ops {
            let Some(command) = history.command(op) else { continue };
            let said = say(&history.order, &command);
            let expected = model.hear(&said);
            let told = history.tell(command);
            let answer = if told.answer.is_ok() { Answer::Taken } else { Answer::Refused };
            prop_assert_eq!(answer, expected, "{:?} in {}", said, told.before.kind());
            compare(&told.after, &model, &said)?;
        }
    }
}

fn compare(order: &Order, model: &Model, said: &Say) -> Result<(), TestCaseError> {
    let allowed: Vec<&str> = allowed_actions(order).iter().map(|action| action.as_str()).collect();
    prop_assert_eq!(order.kind().as_str(), model.state(), "state after {:?}", said);
    prop_assert_eq!(order.payments.status().as_str(), model.payment_status(), "after {:?}", said);
    prop_assert_eq!(order.fulfillment.status().as_str(), model.fulfillment_status(), "after {:?}", said);
    prop_assert_eq!(allowed, model.allowed_actions(), "after {:?} in {}", said, order.kind());
    Ok(())
}

/// The same thing in the model's words.
fn say(order: &Order, command: &Command) -> Say {
    match command {
        Command::ReportPayment(report) | Command::RecordPayment(report) => Say::Payment {
            payment: report.payment_id.to_string(),
            report: report.event_id.to_string(),
            outcome: report.outcome.as_str(),
            whole: report.amount.is_none_or(|amount| amount == order.terms.total),
        },
        Command::Decide { decision: Decision::Approve, .. } => Say::Approve,
        Command::Decide { decision: Decision::Reject, .. } => Say::Reject,
        Command::Cancel { .. } => Say::Cancel,
        Command::Retry => Say::Retry,
        Command::Skip { .. } => Say::Skip,
        Command::Compensate { .. } => Say::Compensate,
        Command::EraseDetails => Say::Erase,
        Command::Settle { effect, outcome } => {
            let outcome = match outcome {
                Outcome::Done(_) => "done",
                Outcome::Accepted { .. } => "accepted",
                Outcome::NoStock(_) => "no_stock",
                Outcome::Refused { .. } => "refused",
                Outcome::Exhausted { .. } => "exhausted",
                Outcome::Unknown { .. } => "unknown",
            };
            Say::Effect { name: name(*effect), round: effect.round, outcome }
        }
        Command::Elapse(TimerId::PaymentWindow) => Say::WindowEnds,
        Command::Elapse(TimerId::ProviderDeadline(effect)) => {
            Say::Overdue { name: name(*effect), round: effect.round }
        }
        Command::Misunderstand { .. } => Say::Nonsense,
    }
}

/// `ship.1` without its round.
fn name(effect: EffectKey) -> String {
    effect.to_string().rsplit_once('.').map(|(name, _)| name.to_owned()).unwrap()
}
