//! `omniflow orders explain`: an order's standing, in whole sentences.
//!
//! The sentences say what the contract says about the state, with this order's facts in it. They come in one
//! order: where it stands and why, what needs a person, what it waits for, what happens next, what was
//! undone, who can do what. A state of a later server is told in that server's own words.

mod ahead;
mod people;
mod standing;
mod undone;
mod words;

use super::order::Order;
use super::path_of;
use crate::client::{self, Call, Client, Error, Language, Shown};
use omniflow_engine::Clock as _;
use omniflow_engine::clock::SystemClock;
use serde::{Deserialize, Serialize};

/// What the sentences are made of.
struct Facts {
    order: Order,
    timeline: Vec<Entry>,
    language: Language,
    /// Seconds until the payment window ends.
    seconds_left: Option<u64>,
}

/// An event, as far as a sentence is made of it.
#[derive(Debug, Deserialize)]
struct Entry {
    r#type: String,
    at: String,
}

#[derive(Deserialize)]
struct Timeline {
    data: Vec<Entry>,
}

/// The sentences for scripts.
#[derive(Serialize)]
struct Explanation<'a> {
    order_id: &'a str,
    state: &'a str,
    version: u64,
    sentences: &'a [String],
}

pub(super) async fn run(client: &Client, order_id: &str, shown: Shown) -> Result<(), Error> {
    let path = path_of(order_id);
    let order: Order = client.ask(&Call::get(path.clone())).await?.json()?;
    let timeline: Timeline = client.ask(&Call::get(format!("{path}/timeline"))).await?.json()?;
    let seconds_left = seconds_left(&order, SystemClock::default().now().as_millis());
    let facts = Facts { order, timeline: timeline.data, language: shown.language, seconds_left };
    let sentences = facts.sentences();
    if !shown.json {
        return client::print(&sentences.join("\n"));
    }
    let Order { order_id, state, version, .. } = &facts.order;
    let explanation = Explanation { order_id, state, version: *version, sentences: &sentences };
    client::print(&client::written(&explanation)?)
}

/// The seconds that the server counts, so that a clock that goes wrong here misleads nobody; where it shows
/// none, those until the deadline by the clock of this machine.
fn seconds_left(order: &Order, now_ms: i64) -> Option<u64> {
    let counted = order.status.rsplit_once("s)").map(|(text, _)| text);
    let digits = counted.map(|text| text.trim_start_matches(|letter: char| !letter.is_ascii_digit()));
    if order.attention.is_none()
        && let Some(seconds) = digits.and_then(|digits| digits.parse().ok())
    {
        return Some(seconds);
    }
    let due: jiff::Timestamp = order.deadlines.payment_due_at.as_ref()?.parse().ok()?;
    Some(u64::try_from(due.as_millisecond() - now_ms).map_or(0, |left| left.div_ceil(1_000)))
}

impl Facts {
    fn sentences(&self) -> Vec<String> {
        let now = [self.standing(), self.attention(), self.waiting(), self.next()];
        now.into_iter().flatten().chain(self.undone()).chain(self.what_people_can_do()).collect()
    }

    /// One of two sentences, by the language.
    fn say(&self, en: String, zh: String) -> String {
        match self.language {
            Language::En => en,
            Language::Zh => zh,
        }
    }

    /// The first event of a type.
    fn event(&self, name: &str) -> Option<&Entry> {
        self.timeline.iter().find(|entry| entry.r#type == name)
    }

    fn is_paid(&self) -> bool {
        self.order.payment_status == "paid"
    }

    fn has_ended(&self) -> bool {
        self.order.ended_at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(state: &str, status: &str) -> Order {
        let due = "2026-01-06T10:00:30Z";
        let json = format!(
            r#"{{"order_id":"ORD-1","external_id":null,"customer_id":null,"state":"{state}","status":"{status}",
            "reason":null,"attention":null,"payment_status":"pending","fulfillment_status":"unfulfilled","amount":5,
            "currency":"USD","items":[],"deadlines":{{"payment_due_at":"{due}","review_due_at":null}},
            "allowed_actions":[],"version":1,"created_at":"{due}","updated_at":"{due}","ended_at":null}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn sentences(state: &str, language: Language) -> String {
        let order = order(state, "Beamed up");
        Facts { order, timeline: vec![], language, seconds_left: None }.sentences().join(" ")
    }

    #[test]
    fn an_order_whose_stock_is_not_decided_says_so() {
        assert!(sentences("reserving", Language::En).contains("waits for the decision about its stock"));
        assert!(sentences("reserving", Language::Zh).contains("等待库存结果"));
    }

    #[test]
    fn a_state_of_a_later_server_is_told_in_its_words() {
        assert!(sentences("beamed", Language::En).contains("stands at: Beamed up."));
        assert!(sentences("beamed", Language::Zh).contains("的状态：Beamed up。"));
    }

    #[test]
    fn the_seconds_left_are_the_servers_where_it_shows_them() {
        let due_ms = 1_767_693_630_000;
        for (status, now_ms, left) in [
            ("待支付 (超时倒计时: 27s)", 0, 27),
            ("Awaiting payment (times out in 259200s)", due_ms, 259_200),
            ("Awaiting payment", due_ms - 1_001, 2),
            ("Awaiting payment", due_ms + 5, 0),
        ] {
            assert_eq!(seconds_left(&order("awaiting_payment", status), now_ms), Some(left), "{status}");
        }
    }
}
