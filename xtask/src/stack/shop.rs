//! A client of the API that says what it expected and what it got instead.

use crate::product::http::{Answer, Connection};
use crate::servers::pause;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// One connection to the API.
pub(super) struct Shop {
    connection: Connection,
}

/// What was asked, and what came.
pub(super) struct Told {
    asked: String,
    answer: Answer,
}

/// Stock of one SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stock {
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
}

impl Shop {
    /// A client of the API at `address`.
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { connection: Connection::new(address) }
    }

    /// Reads what is at `path`, under the API's base path.
    pub(super) fn get(&mut self, path: &str) -> Result<Told> {
        self.ask("GET", path, None)
    }

    /// Sends `body` to `path`.
    pub(super) fn post(&mut self, path: &str, body: &str) -> Result<Told> {
        self.ask("POST", path, Some(body))
    }

    /// Puts so many of a SKU on hand.
    pub(super) fn stock_up(&mut self, sku: &str, pieces: u32) -> Result<()> {
        let path = format!("/inventory/{}", sku.replace(' ', "%20"));
        let told = self.ask("PUT", &path, Some(&format!(r#"{{"on_hand": {pieces}}}"#)))?;
        ensure!(matches!(told.answer.status, 200 | 201), "{told}");
        Ok(())
    }

    /// Stock of a SKU as it stands.
    pub(super) fn stock(&mut self, sku: &str) -> Result<Stock> {
        let told = self.get(&format!("/inventory/{}", sku.replace(' ', "%20")))?.is(200)?;
        let number = |field: &str| told.body()[field].as_i64().with_context(|| format!("{told}"));
        Ok(Stock { on_hand: number("on_hand")?, reserved: number("reserved")? })
    }

    /// Reads an order until it is in `state`.
    pub(super) fn until(&mut self, id: &str, state: &str, patience: Duration) -> Result<Told> {
        let begun = Instant::now();
        loop {
            let told = self.get(&format!("/orders/{id}"))?.is(200)?;
            if told.body()["state"] == state {
                return Ok(told);
            }
            let waited = begun.elapsed();
            ensure!(waited < patience, "{id} is not {state} after {:.1} s: {told}", waited.as_secs_f64());
            pause();
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<&str>) -> Result<Told> {
        let asked = format!("{method} {path} {}", body.unwrap_or_default());
        let answer = self.connection.ask(method, &format!("/api/v1{path}"), "", body);
        Ok(Told { answer: answer.with_context(|| format!("{asked}: no answer"))?, asked })
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is answered {:?}", self.asked.trim_end(), self.answer)
    }
}

impl Told {
    /// The answer, if it has this status.
    pub(super) fn is(self, status: u16) -> Result<Self> {
        ensure!(self.answer.status == status, "not {status}: {self}");
        Ok(self)
    }

    /// The answer, if a field of it is this text.
    pub(super) fn says(&self, field: &str, text: &str) -> Result<&Self> {
        ensure!(self.answer.body[field] == text, "its `{field}` is not `{text}`: {self}");
        Ok(self)
    }

    /// The order's id.
    pub(super) fn id(&self) -> Result<String> {
        Ok(self.answer.body["order_id"].as_str().with_context(|| format!("{self}"))?.to_owned())
    }

    /// The status.
    pub(super) fn status(&self) -> u16 {
        self.answer.status
    }

    /// The body.
    pub(super) fn body(&self) -> &Value {
        &self.answer.body
    }

    /// A header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.answer.header(name)
    }
}

impl Stock {
    /// After so many were shipped.
    pub(super) fn less(self, pieces: i64) -> Self {
        Self { on_hand: self.on_hand - pieces, ..self }
    }

    /// After so many more were reserved.
    pub(super) fn holding(self, pieces: i64) -> Self {
        Self { reserved: self.reserved + pieces, ..self }
    }

    /// After so many were given back.
    pub(super) fn freed(self, pieces: i64) -> Self {
        self.holding(-pieces)
    }
}
