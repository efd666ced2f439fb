//! What a client outside knows: every order that it wished for, every request it sent about one, and what it
//! was told. A request is noted before it is sent and its answer when it came whole, so that whatever the
//! server's death leaves open is open here too.

use super::wish::{Act, Wish};
use crate::product::http::Answer;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// One of so many requests carries an `Idempotency-Key`.
const MARKED_OF: u64 = 2;

/// Whether an order is there, as far as the client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Placing {
    /// It was asked for, and no answer came.
    Unknown,
    /// It was refused: there is none, and there will be none.
    Refused,
    /// No answer came, and it was seen not to be there.
    Absent,
    /// It is there, under this id.
    Placed(String),
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// No answer came: it was done or not.
    Unknown,
    /// Acknowledged, with the version that the order then had.
    Done { version: u64 },
    /// Refused: it must never be found.
    Refused,
}

/// A request about an order.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) act: Act,
    pub(super) fate: Fate,
}

/// The timeline as it was when it was last audited: it may grow, and nothing in it may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) version: u64,
    pub(super) hash: String,
}

/// An order as the client knows it.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The client's own number, by which it finds out whether the order is there.
    pub(super) external_id: String,
    /// Whether the server was told that number. Where not, only the `Idempotency-Key` of its placing leads to
    /// the order.
    pub(super) is_numbered: bool,
    pub(super) wish: Wish,
    pub(super) placing: Placing,
    pub(super) sent: Vec<Sent>,
    /// The newest document that the client was shown, `null` before the first.
    pub(super) told: Value,
    pub(super) seen: Option<Seen>,
    /// Left alone: it waits for a person, or for a payment in a window of days.
    pub(super) parked: bool,
    /// Something was sent, or may have happened, since the last audit.
    pub(super) stirred: bool,
    /// It was found settled. Late reports can still come.
    pub(super) settled: bool,
    /// Whether it held stock, and whether its stock had left, when it was last audited.
    pub(super) holds_stock: bool,
    pub(super) consumed: bool,
}

/// A change of stock by hand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Adjustment {
    pub(super) sku: &'static str,
    pub(super) delta: i64,
    pub(super) acknowledged: bool,
}

/// What a marked request was about: which order, which of those sent, which adjustment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Place { order: usize },
    Act { order: usize, sent: usize },
    Adjust { adjustment: usize },
}

/// A request with an `Idempotency-Key`. Its key follows from its place among them.
#[derive(Clone, Debug)]
pub(super) struct Marked {
    pub(super) purpose: Purpose,
    pub(super) path: String,
    pub(super) body: Option<String>,
    pub(super) answer: FirstAnswer,
}

/// What a marked request was answered first.
#[derive(Clone, Debug)]
pub(super) enum FirstAnswer {
    /// Nothing: it was done or not.
    None,
    /// A refusal, which is not kept.
    Refusal,
    /// What it must be answered from then on.
    Kept(Answer),
}

/// Everything that the client knows, beside a file in which a person can read it.
pub(super) struct Journal {
    file: File,
    pub(super) orders: Vec<Order>,
    pub(super) adjustments: Vec<Adjustment>,
    pub(super) marked: Vec<Marked>,
    /// Requests so far that could have been marked.
    posts: u64,
    /// Answers that must not be, in words.
    pub(super) complaints: Vec<String>,
    /// Acknowledgements and refusals received.
    pub(super) answers: u64,
}

impl Order {
    /// An order that is about to be asked for.
    pub(super) fn wished(external_id: String, wish: Wish) -> Self {
        Self {
            external_id,
            is_numbered: true,
            wish,
            placing: Placing::Unknown,
            sent: vec![],
            told: Value::Null,
            seen: None,
            parked: false,
            stirred: true,
            settled: false,
            holds_stock: false,
            consumed: false,
        }
    }

    /// The body that places it.
    pub(super) fn body(&self) -> String {
        self.wish.body(self.is_numbered.then_some(&self.external_id))
    }

    /// Its id, if it is there.
    pub(super) fn id(&self) -> Option<&str> {
        if let Placing::Placed(id) = &self.placing { Some(id) } else { None }
    }

    /// Where it is; nowhere where no id is known.
    pub(super) fn path(&self) -> String {
        format!("/api/v1/orders/{}", self.id().unwrap_or("none"))
    }

    /// The newest version that the client was shown.
    pub(super) fn version(&self) -> u64 {
        self.told["version"].as_u64().unwrap_or_default()
    }

    /// Takes note of a document that the client was shown.
    pub(super) fn was_told(&mut self, document: &Value) {
        if document["version"].as_u64().unwrap_or_default() >= self.version() {
            self.told = document.clone();
        }
    }
}

impl Journal {
    /// An empty journal, written to `path`.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let (orders, adjustments, marked, complaints) = (vec![], vec![], vec![], vec![]);
        Ok(Self { file: File::create(path)?, orders, adjustments, marked, posts: 0, complaints, answers: 0 })
    }

    /// Marks every so-manieth request, before it is sent; answers its place among the marked ones.
    pub(super) fn mark(&mut self, purpose: Purpose, path: &str, body: Option<&str>) -> Option<usize> {
        self.posts += 1;
        if !self.posts.is_multiple_of(MARKED_OF) {
            return None;
        }
        let (path, body) = (path.to_owned(), body.map(str::to_owned));
        self.marked.push(Marked { purpose, path, body, answer: FirstAnswer::None });
        Some(self.marked.len() - 1)
    }

    /// Takes note of what a marked request was answered first.
    pub(super) fn was_answered(&mut self, mark: Option<usize>, answer: &Answer) {
        let Some(marked) = mark.and_then(|mark| self.marked.get_mut(mark)) else { return };
        let is_kept = (200..300).contains(&answer.status);
        marked.answer = if is_kept { FirstAnswer::Kept(answer.clone()) } else { FirstAnswer::Refusal };
    }

    /// Writes a line for a person.
    pub(super) fn note(&mut self, line: &Value) {
        if let Err(error) = writeln!(self.file, "{line}") {
            self.complaints.push(format!("the journal cannot be written: {error}"));
        }
    }

    /// An answer that must not be.
    pub(super) fn complain(&mut self, complaint: String) {
        self.note(&json!({ "complaint": complaint }));
        self.complaints.push(complaint);
    }

    /// How many orders are there, and how many more there may be.
    pub(super) fn count(&self) -> (u64, u64) {
        let placed = self.orders.iter().filter(|order| order.id().is_some()).count();
        let unknown = self.orders.iter().filter(|order| order.placing == Placing::Unknown).count();
        (placed as u64, unknown as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_document_does_not_replace_a_newer_one() {
        let mut order =
            Order::wished("c-1".to_owned(), Wish { amount_minor: 1, lines: vec![], window_s: None });
        order.was_told(&json!({"version": 3, "state": "shipping"}));
        order.was_told(&json!({"version": 2, "state": "awaiting_payment"}));
        assert_eq!((order.version(), &order.told["state"]), (3, &json!("shipping")));
    }
}
