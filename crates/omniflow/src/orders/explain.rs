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
use super::{Shown, path_of};
use crate::client::{self, Call, Client, Error, Language};
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
    client::print(&super::act::written(&explanation)?)
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
        let parts = [
            self.standing(),
            self.attention(),
            self.waiting(),
            self.next(),
            self.undone(),
            self.what_people_can_do(),
        ];
        parts.into_iter().flatten().collect()
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
