//! Raising the stock before a run, so that it measures orders and not refusals.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::client::{self, Connection};
use super::error::Error;
use super::target::{Target, path_segment};

/// How long one request before the run may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// What to do about the stock before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stock {
    /// Nothing.
    Keep,
    /// Set what is on hand to this.
    Set(u64),
    /// See that so many pieces are available, and touch nothing where they are.
    AtLeast(u64),
    /// Set what is on hand so that exactly so many are available.
    Exactly(u64),
}

/// A level that was set before the run, and stays after it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct StockSet {
    pub(super) sku: String,
    pub(super) on_hand: u64,
}

/// A SKU's stock.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Level {
    reserved: u64,
    available: u64,
}

/// Brings the stock of every one of `skus` to what `stock` says; a SKU that is not there is created.
/// Answers what was set.
///
/// # Errors
/// [`Error::Refused`] where the server does not take the new level.
pub(super) async fn prepare(
    connection: &mut Connection,
    target: &Target,
    skus: &[String],
    stock: Stock,
) -> Result<Vec<StockSet>, Error> {
    let mut set = Vec::new();
    for sku in skus {
        let path = format!("/api/v1/inventory/{}", path_segment(sku));
        let on_hand = match stock {
            Stock::Keep => None,
            Stock::Set(on_hand) => Some(on_hand),
            Stock::AtLeast(pieces) => {
                let level = level(connection, target, &path).await?;
                (level.available < pieces).then(|| level.reserved.saturating_add(pieces))
            }
            Stock::Exactly(pieces) => {
                Some(level(connection, target, &path).await?.reserved.saturating_add(pieces))
            }
        };
        if let Some(on_hand) = on_hand {
            let request = target.send("PUT", &path, &format!(r#"{{"on_hand":{on_hand}}}"#));
            let answer = ask(connection, target, &request).await?;
            if !matches!(answer.status, 200 | 201) {
                return Err(refused("PUT", &path, &answer));
            }
            set.push(StockSet { sku: sku.clone(), on_hand });
        }
    }
    Ok(set)
}

/// How many pieces of a SKU are available.
///
/// # Errors
/// As [`ask`], and [`Error::Refused`].
pub(super) async fn available(connection: &mut Connection, target: &Target, sku: &str) -> Result<u64, Error> {
    let path = format!("/api/v1/inventory/{}", path_segment(sku));
    Ok(level(connection, target, &path).await?.available)
}

/// A SKU's stock; none of one that is not there.
async fn level(connection: &mut Connection, target: &Target, path: &str) -> Result<Level, Error> {
    let answer = ask(connection, target, &target.get(path, "")).await?;
    if answer.status == 404 && answer.field("code") == Some("unknown_sku") {
        return Ok(Level::default());
    }
    match serde_json::from_slice(answer.body) {
        Ok(level) if answer.status == 200 => Ok(level),
        _ => Err(refused("GET", path, &answer)),
    }
}

/// One request outside the measured phases, with a time-out.
///
/// # Errors
/// [`Error::Unreachable`] when nothing answers, [`Error::Unreadable`] when the answer is not understood.
pub(super) async fn ask<'c>(
    connection: &'c mut Connection,
    target: &Target,
    request: &[u8],
) -> Result<Answer<'c>, Error> {
    match tokio::time::timeout(ANSWER_TIMEOUT, connection.exchange(request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(client::Error::Unreadable(error))) => {
            Err(Error::Unreadable { url: target.to_string(), reason: error.to_string() })
        }
        Ok(Err(client::Error::Unreachable(error))) => Err(Error::unreachable(target, &error)),
        Ok(Err(error @ client::Error::Lost)) => Err(Error::unreachable(target, &error)),
        Err(error) => Err(Error::unreachable(target, &error)),
    }
}

fn refused(method: &str, path: &str, answer: &Answer<'_>) -> Error {
    let code = answer.field("code").unwrap_or("no problem code; is this an OmniFlow server?");
    let detail = answer.field("detail").map_or(String::new(), |detail| format!(": {detail}"));
    Error::Refused {
        request: format!("{method} {path}"),
        status: answer.status,
        reason: format!("{code}{detail}"),
    }
}
