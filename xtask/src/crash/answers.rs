//! What an answer means for what a client knows, and whether it may be given at all.

use super::UNKNOWN_SKU;
use super::journal::{Fate, Journal, Placing};
use super::wish::{Act, Wish};
use crate::product::http::Answer;
use serde_json::Value;

impl Journal {
    /// Takes note of the answer to a placing.
    pub(super) fn placed(&mut self, index: usize, answer: &Answer) {
        let order = &mut self.orders[index];
        match (answer.status, answer.code()) {
            (201, _) => {
                order.placing =
                    Placing::Placed(answer.body["order_id"].as_str().unwrap_or_default().to_owned());
                order.was_told(&answer.body);
            }
            // Only a placing that was not answered can have been done.
            (409, "external_id_taken") if order.placing == Placing::Unknown => {
                order.placing =
                    Placing::Placed(answer.body["order_id"].as_str().unwrap_or_default().to_owned());
            }
            (409, "out_of_stock") if is_short(answer, &order.wish) => order.placing = Placing::Refused,
            (422, "unknown_sku") if order.wish.lines.iter().any(|(sku, _)| *sku == UNKNOWN_SKU) => {
                order.placing = Placing::Refused;
            }
            _ => {
                let complaint = format!("{} was answered {answer:?}", order.body());
                self.complain(complaint);
            }
        }
    }

    /// Takes note of the answer to a change of stock.
    pub(super) fn adjusted(&mut self, adjustment: usize, answer: &Answer) {
        self.adjustments[adjustment].acknowledged = answer.status == 200;
        if answer.status != 200 {
            self.complain(format!("{:?} was answered {answer:?}", self.adjustments[adjustment]));
        }
    }

    /// Takes note of the answer to an action.
    pub(super) fn answered(&mut self, index: usize, sent: usize, answer: Answer) -> Option<Value> {
        let order = &mut self.orders[index];
        let is_report = matches!(order.sent[sent].act, Act::Pay(_));
        match (answer.status, answer.code()) {
            (200, _) => {
                let version = answer.body["version"].as_u64().unwrap_or_default();
                order.sent[sent].fate = Fate::Done { version };
                order.was_told(&answer.body);
                return Some(answer.body);
            }
            (409, "action_not_allowed") if !is_report => order.sent[sent].fate = Fate::Refused,
            _ => {
                let what = format!("{:?} of {} was answered {answer:?}", order.sent[sent].act, order.path());
                self.complain(what);
            }
        }
        None
    }
}

/// Whether a refusal for want of stock says so of what was ordered, and rightly.
fn is_short(answer: &Answer, wish: &Wish) -> bool {
    let demand = wish.demand();
    let lines = answer.body["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rightly = |line: &Value| {
        let requested = line["requested"].as_i64().unwrap_or_default();
        let wanted = line["sku"].as_str().and_then(|sku| demand.get(sku));
        wanted == Some(&requested)
            && line["available"].as_i64().is_some_and(|available| available < requested)
    };
    !lines.is_empty() && lines.iter().all(rightly)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crash::journal::{Order, Sent};
    use crate::crash::wish::Report;
    use serde_json::json;

    fn answer(status: u16, body: Value) -> Answer {
        Answer { status, body, ..Answer::default() }
    }

    fn journal_of(lines: Vec<(&'static str, u32)>) -> Journal {
        let mut journal = Journal::new(std::path::Path::new("/dev/null")).unwrap();
        let wish = Wish { amount_minor: 100, lines, window_s: None };
        journal.orders.push(Order::wished("c-1".to_owned(), wish));
        journal
    }

    #[test]
    fn a_placing_is_there_refused_or_against_the_rules() {
        let mut journal = journal_of(vec![("apple", 3)]);
        let short =
            json!({"code": "out_of_stock", "lines": [{"sku": "apple", "requested": 3, "available": 2}]});
        journal.placed(0, &answer(409, short));
        assert_eq!((&journal.orders[0].placing, journal.complaints.len()), (&Placing::Refused, 0));
        journal.placed(0, &answer(201, json!({"order_id": "ORD-1", "version": 2})));
        assert_eq!(journal.orders[0].placing, Placing::Placed("ORD-1".to_owned()));
        for wrong in [
            answer(
                409,
                json!({"code": "out_of_stock", "lines": [{"sku": "apple", "requested": 3, "available": 3}]}),
            ),
            answer(409, json!({"code": "external_id_taken", "order_id": "ORD-2"})),
            answer(422, json!({"code": "unknown_sku"})),
            answer(500, Value::Null),
        ] {
            let before = journal.complaints.len();
            journal.placed(0, &wrong);
            assert_eq!(journal.complaints.len(), before + 1, "{wrong:?}");
        }
    }

    #[test]
    fn an_action_may_be_refused_and_a_payment_report_may_not() {
        let refusal = || answer(409, json!({"code": "action_not_allowed"}));
        let mut journal = journal_of(vec![]);
        let report = Report { payment_id: "p", event_id: "e", outcome: "captured", amount_minor: None };
        for act in [Act::Cancel, Act::Pay(report)] {
            journal.orders[0].sent.push(Sent { act, fate: Fate::Unknown });
        }
        assert_eq!(journal.answered(0, 0, refusal()), None);
        assert_eq!((&journal.orders[0].sent[0].fate, journal.complaints.len()), (&Fate::Refused, 0));
        assert_eq!(journal.answered(0, 1, refusal()), None);
        assert_eq!((&journal.orders[0].sent[1].fate, journal.complaints.len()), (&Fate::Unknown, 1));
    }
}
