//! The client's way to ask: what it does with a request before it is sent, and with its answer.

use super::journal::{Adjustment, Fate, Journal, Marked, Order, Purpose, Sent};
use super::wish::{Act, Wish};
use crate::product::http::{Answer, Connection};
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

const PLACING: &str = "/api/v1/orders";
const ADJUSTING: &str = "/api/v1/inventory/adjustments";

/// The server is gone: it did not answer.
pub(super) struct Gone;

/// What all clients share.
pub(super) struct Shop {
    journal: Mutex<Journal>,
}

/// One client's line to the server.
pub(super) struct Counter<'s> {
    pub(super) shop: &'s Shop,
    line: Connection,
    /// For a request at the same moment as another.
    second_line: Connection,
}

/// A request that is on its way: of which order, and which of those sent.
struct Asked {
    order: usize,
    sent: usize,
    mark: Option<usize>,
}

impl Shop {
    /// A shop that writes into a journal.
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal: Mutex::new(journal) }
    }

    /// The journal.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'s> Counter<'s> {
    /// A line to a server.
    pub(super) fn new(shop: &'s Shop, address: SocketAddr) -> Self {
        Self { shop, line: Connection::new(address), second_line: Connection::new(address) }
    }

    /// Places an order; answers its place in the journal if it is there now.
    pub(super) fn place(&mut self, external_id: String, wish: Wish) -> Result<Option<usize>, Gone> {
        let (order, mark) = {
            let mut journal = self.shop.journal();
            journal.orders.push(Order::wished(external_id, wish));
            let order = journal.orders.len() - 1;
            let mark = journal.mark(Purpose::Place { order }, PLACING, None);
            journal.orders[order].is_numbered = mark.is_none_or(|mark| mark.is_multiple_of(2));
            let body = journal.orders[order].body();
            if let Some(mark) = mark {
                journal.marked[mark].body = Some(body);
            }
            (order, mark)
        };
        self.send_placing(order, mark)
    }

    /// Sends a placing again, without a mark: its number tells whether it is there.
    pub(super) fn place_again(&mut self, order: usize) -> Result<Option<usize>, Gone> {
        self.send_placing(order, None)
    }

    fn send_placing(&mut self, order: usize, mark: Option<usize>) -> Result<Option<usize>, Gone> {
        let body = self.shop.journal().orders[order].body();
        let answer = self.line.ask("POST", PLACING, &header(mark), Some(&body));
        let mut journal = self.shop.journal();
        journal.note(&json!({"sent": "POST /orders", "mark": mark, "body": body, "answer": shown(&answer)}));
        let answer = answer.map_err(|_| Gone)?;
        journal.answers += 1;
        journal.was_answered(mark, &answer);
        journal.placed(order, &answer);
        Ok(journal.orders[order].id().is_some().then_some(order))
    }

    /// Asks something of an order; answers the document if it was acknowledged.
    pub(super) fn ask(&mut self, order: usize, act: Act) -> Result<Option<Value>, Gone> {
        let (asked, path, body) = self.begin(order, act);
        let answer = self.line.ask("POST", &path, &header(asked.mark), body.as_deref());
        self.end(&asked, answer)
    }

    /// Asks two things at the same moment.
    pub(super) fn ask_both(&mut self, order: usize, one: Act, other: Act) -> Result<(), Gone> {
        let (first, path, body) = self.begin(order, one);
        let (second, second_path, second_body) = self.begin(order, other);
        let sent = self.line.send("POST", &path, &header(first.mark), body.as_deref());
        let (line, mark) = (&mut self.second_line, header(second.mark));
        let second_sent = line.send("POST", &second_path, &mark, second_body.as_deref());
        let answer = sent.and_then(|()| self.line.receive());
        let second_answer = second_sent.and_then(|()| self.second_line.receive());
        let ended = self.end(&first, answer);
        self.end(&second, second_answer).and(ended).map(drop)
    }

    /// Changes stock by hand.
    pub(super) fn adjust(&mut self, sku: &'static str, delta: i64) -> Result<(), Gone> {
        let body = json!({"sku": sku, "delta": delta, "reason": "found some more"}).to_string();
        let (adjustment, mark) = {
            let mut journal = self.shop.journal();
            journal.adjustments.push(Adjustment { sku, delta, acknowledged: false });
            let adjustment = journal.adjustments.len() - 1;
            (adjustment, journal.mark(Purpose::Adjust { adjustment }, ADJUSTING, Some(&body)))
        };
        let answer = self.line.ask("POST", ADJUSTING, &header(mark), Some(&body));
        let mut journal = self.shop.journal();
        journal.note(&json!({"sent": body, "mark": mark, "answer": shown(&answer)}));
        let answer = answer.map_err(|_| Gone)?;
        journal.answers += 1;
        journal.was_answered(mark, &answer);
        journal.adjusted(adjustment, &answer);
        Ok(())
    }

    /// Sends a marked request again; answers what it is answered.
    pub(super) fn repeat(&mut self, mark: usize) -> Result<Answer, Gone> {
        let Marked { path, body, .. } = self.shop.journal().marked[mark].clone();
        let answer = self.line.ask("POST", &path, &header(Some(mark)), body.as_deref());
        let mut journal = self.shop.journal();
        journal.note(&json!({"repeated": path, "mark": mark, "answer": shown(&answer)}));
        journal.answers += u64::from(answer.is_ok());
        answer.map_err(|_| Gone)
    }

    /// Reads an order. What is shown counts as acknowledged.
    pub(super) fn look(&mut self, order: usize, headers: &str) -> Result<Value, Gone> {
        let (path, known) = {
            let order = &self.shop.journal().orders[order];
            (order.path(), order.version())
        };
        let answer = self.line.ask("GET", &path, headers, None).map_err(|_| Gone)?;
        let mut journal = self.shop.journal();
        match answer.status {
            200 if answer.body["version"].as_u64().is_some_and(|version| version >= known) => {
                journal.orders[order].was_told(&answer.body);
            }
            304 => {}
            _ => journal.complain(format!("{path} was at version {known}, and a read of it is {answer:?}")),
        }
        Ok(journal.orders[order].told.clone())
    }

    /// Reads an order as soon as it is another than the client knows, or after a second.
    pub(super) fn watch(&mut self, order: usize) -> Result<Value, Gone> {
        let known = self.shop.journal().orders[order].version();
        self.look(order, &format!("if-none-match: \"{known}\"\r\nprefer: wait=1\r\n"))
    }

    /// Any other request, with the answer as it comes.
    pub(super) fn send(&mut self, method: &str, path: &str, body: Option<&str>) -> Result<Answer, Gone> {
        self.line.ask(method, path, "", body).map_err(|_| Gone)
    }

    /// Notes a request before it is sent.
    fn begin(&self, order: usize, act: Act) -> (Asked, String, Option<String>) {
        let mut journal = self.shop.journal();
        let order_at = &mut journal.orders[order];
        let path = format!("{}/{}", order_at.path(), act.route());
        let body = act.body();
        order_at.stirred = true;
        order_at.sent.push(Sent { act, fate: Fate::Unknown });
        let sent = order_at.sent.len() - 1;
        let mark = journal.mark(Purpose::Act { order, sent }, &path, body.as_deref());
        (Asked { order, sent, mark }, path, body)
    }

    /// Notes what came of it.
    fn end(&self, asked: &Asked, answer: io::Result<Answer>) -> Result<Option<Value>, Gone> {
        let mut journal = self.shop.journal();
        let order = &journal.orders[asked.order];
        let line = json!({
            "order": order.external_id,
            "id": order.id(),
            "sent": format!("{:?}", order.sent[asked.sent].act),
            "mark": asked.mark,
            "answer": shown(&answer),
        });
        journal.note(&line);
        let answer = answer.map_err(|_| Gone)?;
        journal.answers += 1;
        journal.was_answered(asked.mark, &answer);
        Ok(journal.answered(asked.order, asked.sent, answer))
    }
}

/// The header line of a mark; nothing where there is none.
fn header(mark: Option<usize>) -> String {
    mark.map_or(String::new(), |mark| format!("idempotency-key: \"k-{mark}\"\r\n"))
}

/// An answer as the journal shows it: its version is enough, unless it was refused.
fn shown(answer: &io::Result<Answer>) -> Value {
    match answer {
        Ok(answer) if answer.status < 300 => {
            json!([answer.status, answer.body["order_id"], answer.body["version"], answer.body["state"]])
        }
        Ok(answer) => json!([answer.status, answer.body]),
        Err(error) => json!(format!("none: {error}")),
    }
}
