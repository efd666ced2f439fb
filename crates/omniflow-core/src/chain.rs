//! How entries are stored and chained: each as one line of JSON, each order's lines linked by SHA-256.
//!
//! `hash = SHA-256(previous hash ‖ line)`, 32 zero bytes before the first. The hash is over the bytes as
//! they were stored, by who stored them, so that a newer encoder never breaks an old chain.

use crate::{Actor, Entry, Event, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::fmt;

/// The link after an entry.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainHash(pub [u8; 32]);

/// One entry's stored line and the link after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// JSON without a line break.
    pub line: Vec<u8>,
    /// The chain's hash after this line.
    pub hash: ChainHash,
}

/// A stored line that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not the JSON that this crate writes.
    #[error("not an entry: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A type or a version that this binary does not know: it was written by a newer one.
    #[error("entry {seq} has version {version} of an event, newer than this program knows")]
    Newer {
        /// The entry's number.
        seq: u32,
        /// Its version.
        version: u16,
    },
}

#[derive(Serialize)]
struct Stored<'a> {
    seq: u32,
    at: Timestamp,
    actor: &'a Actor,
    v: u16,
    event: &'a Event,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    seq: u32,
    at: Timestamp,
    actor: Actor,
    v: u16,
    #[serde(borrow)]
    event: &'a RawValue,
}

impl ChainHash {
    /// The hash after `line`, where this is the hash before it.
    #[must_use]
    pub fn after(&self, line: &[u8]) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(line).finalize().into())
    }
}

impl Entry {
    /// Encodes the entry and links it behind `previous`.
    pub fn link(&self, previous: &ChainHash) -> Link {
        let stored =
            Stored { seq: self.seq, at: self.at, actor: &self.actor, v: self.event.version(), event: &self.event };
        let mut line = Vec::with_capacity(192);
        if serde_json::to_writer(&mut line, &stored).is_err() {
            unreachable!("an entry has only string keys, and writing to memory cannot fail");
        }
        Link { hash: previous.after(&line), line }
    }

    /// Reads a stored line; old versions are lifted to today's shape.
    ///
    /// # Errors
    /// [`DecodeError`] when the line is no entry, or was written by a newer program.
    pub fn decode(line: &[u8]) -> Result<Self, DecodeError> {
        let envelope: Envelope<'_> = serde_json::from_slice(line)?;
        let event: Event = lift(envelope.seq, envelope.v, envelope.event)?;
        Ok(Self { seq: envelope.seq, at: envelope.at, actor: envelope.actor, event })
    }
}

/// Lifts an event of an older version, one step a version. Version 1 is the first, so nothing to do yet.
fn lift(seq: u32, version: u16, event: &RawValue) -> Result<Event, DecodeError> {
    let event: Event = serde_json::from_str(event.get())?;
    if version == event.version() { Ok(event) } else { Err(DecodeError::Newer { seq, version }) }
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(crate) fn to_hex(bytes: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u32) -> Entry {
        Entry { seq, at: Timestamp::from_millis(7), actor: Actor::api(), event: Event::StockReserved {} }
    }

    #[test]
    fn a_line_is_readable_json_and_reads_back() {
        let link = entry(2).link(&ChainHash::default());
        insta::assert_snapshot!(
            String::from_utf8(link.line.clone()).unwrap(),
            @r#"{"seq":2,"at":7,"actor":"api","v":1,"event":{"stock_reserved":{}}}"#
        );
        assert_eq!(Entry::decode(&link.line).unwrap(), entry(2));
    }

    #[test]
    fn the_chain_is_what_sha256sum_says() {
        // printf '%064d' 0 | xxd -r -p | cat - <(printf abc) | sha256sum
        assert_eq!(
            ChainHash::default().after(b"abc").to_string(),
            "365aa7d8f7f9402c4b9434502b4cc89ddb09fe50d7cd95b493b834c62d5a5370".to_owned()
        );
    }

    #[test]
    fn a_newer_or_unknown_event_refuses_with_its_place() {
        let newer = br#"{"seq":9,"at":7,"actor":"api","v":2,"event":{"stock_reserved":{}}}"#;
        assert!(matches!(Entry::decode(newer), Err(DecodeError::Newer { seq: 9, version: 2 })));
        let unknown = br#"{"seq":9,"at":7,"actor":"api","v":1,"event":{"teleported":{}}}"#;
        assert!(Entry::decode(unknown).unwrap_err().to_string().contains("teleported"));
    }

    #[test]
    fn hex_reads_back_and_refuses_the_rest() {
        let bytes: [u8; 32] = std::array::from_fn(|i| (i * 7) as u8);
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        assert_eq!(from_hex("zz"), None);
        assert_eq!(from_hex(&"é".repeat(32)), None);
    }
}
