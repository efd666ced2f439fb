//! A reader of `/events` that misses nothing, however often its stream breaks off.

use super::stream::Stream;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

/// After so many messages it breaks its stream off and goes on where it was.
const BREAKS_OFF_AFTER: u64 = 5_000;

/// A follower at work, on a thread of its own.
pub(super) struct Follower(JoinHandle<Result<Followed>>);

/// What it saw.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Followed {
    /// The last `seq` of each order.
    last_seqs: BTreeMap<String, u64>,
    pub(super) messages: u64,
    last_id: Option<u64>,
    /// How often it came again.
    pub(super) resumed: u64,
}

impl Follower {
    /// Begins now, and follows up to the placing of the order that has `last` for its `external_id`.
    pub(super) fn begin(address: SocketAddr, last: String) -> Result<Self> {
        let stream = Stream::open(address, None)?;
        Ok(Self(thread::spawn(move || follow(address, stream, &last))))
    }

    /// What it saw by the time it saw the last order.
    pub(super) fn end(self) -> Result<Followed> {
        self.0.join().ok().context("the follower has failed")?
    }
}

fn follow(
    address: SocketAddr,
    mut stream: Stream<std::io::BufReader<std::net::TcpStream>>,
    last: &str,
) -> Result<Followed> {
    let mut followed = Followed::default();
    loop {
        let message = stream.next()?;
        let event: Value = serde_json::from_str(&message.data).context("a message is no JSON")?;
        followed.saw(message.id, &event)?;
        if event["data"]["external_id"] == last {
            return Ok(followed);
        }
        if followed.messages.is_multiple_of(BREAKS_OFF_AFTER) {
            stream = Stream::open(address, followed.last_id)?;
            followed.resumed += 1;
        }
    }
}

impl Followed {
    /// Takes a message; fails where one before it is missing, or it came before.
    fn saw(&mut self, id: u64, event: &Value) -> Result<()> {
        ensure!(self.last_id < Some(id), "the message {id} comes after {:?}", self.last_id);
        let order = event["order_id"].as_str().context("a message has no order_id")?;
        let seq = event["seq"].as_u64().context("a message has no seq")?;
        let before = self.last_seqs.insert(order.to_owned(), seq).unwrap_or(0);
        ensure!(seq == before + 1, "after event {before} of {order} comes event {seq}");
        self.last_id = Some(id);
        self.messages += 1;
        Ok(())
    }

    /// Orders of which it saw just so many events.
    pub(super) fn orders_with(&self, events: u64) -> usize {
        self.last_seqs.values().filter(|last| **last == events).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn saw(messages: &[(u64, &str, u64)]) -> Result<Followed> {
        let mut followed = Followed::default();
        for (id, order, seq) in messages {
            followed.saw(*id, &json!({"order_id": order, "seq": seq}))?;
        }
        Ok(followed)
    }

    #[test]
    fn a_message_that_is_missing_or_comes_twice_is_seen() {
        let whole = saw(&[(1, "a", 1), (2, "a", 2), (9, "b", 1), (10, "a", 3)]).unwrap();
        assert_eq!((whole.messages, whole.orders_with(3), whole.orders_with(1)), (4, 1, 1));
        assert!(saw(&[(1, "a", 1), (2, "a", 3)]).is_err(), "one is missing");
        assert!(saw(&[(1, "a", 2)]).is_err(), "its first is missing");
        assert!(saw(&[(1, "a", 1), (2, "a", 1)]).is_err(), "it comes twice");
        assert!(saw(&[(2, "a", 1), (1, "a", 2)]).is_err(), "an older one comes later");
    }
}
