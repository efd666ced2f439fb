//! How entries are stored and chained: each as one line of JSON, each order's lines linked by SHA-256.
//!
//! A line is `[number, milliseconds since the epoch, actor, version, {type: data}]`, without what is absent:
//! an order keeps its lines for ever, and they are what the disk writes most of.
//!
//! `hash = SHA-256(previous hash ‖ line)`, 32 zero bytes before the first. The hash is over the bytes as
//! they were stored, by who stored them, so that a newer encoder never breaks an old chain.

use crate::{Actor, Entry, Event, Timestamp};
use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
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
    /// Not an entry at all.
    #[error("not an entry: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A type that this program does not know: it was written by a newer one.
    #[error("entry {seq} is of the type {name}, which this program does not know")]
    UnknownType {
        /// The entry's number.
        seq: u32,
        /// Its type.
        name: String,
    },
    /// A version that this program does not know: it was written by a newer one.
    #[error("entry {seq} has version {version} of {name}, which this program does not know")]
    Newer {
        /// The entry's number.
        seq: u32,
        /// Its type.
        name: &'static str,
        /// Its version.
        version: u16,
    },
    /// A known version of a known type that does not have its shape.
    #[error("entry {seq} is not what {name} looks like: {source}")]
    Misshapen {
        /// The entry's number.
        seq: u32,
        /// Its type.
        name: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// What is written: number, moment, who, the version of the event's shape, and the event by its type.
#[derive(Serialize)]
struct Stored<'a>(u32, Timestamp, &'a Actor, u16, &'a Event);

/// What is read: the same, with the event still in its own version's shape.
#[derive(Deserialize)]
struct Envelope<'a>(u32, Timestamp, Actor, u16, #[serde(borrow)] &'a RawValue);

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
        let stored = Stored(self.seq, self.at, &self.actor, self.event.version(), &self.event);
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
        let Envelope(seq, at, actor, version, event) = serde_json::from_slice(line)?;
        let event = lift(seq, version, event)?;
        Ok(Self { seq, at, actor, event })
    }
}

/// Reads an event; one of an older version is lifted, one step a version. Version 1 is the first of every
/// type, so there is nothing to lift yet.
fn lift(seq: u32, version: u16, event: &RawValue) -> Result<Event, DecodeError> {
    let Tag(name) = serde_json::from_str(event.get())?;
    let Some(name) = Event::TYPES.iter().copied().find(|known| *known == name) else {
        return Err(DecodeError::UnknownType { seq, name });
    };
    if version != Event::version_of(name) {
        return Err(DecodeError::Newer { seq, name, version });
    }
    serde_json::from_str(event.get()).map_err(|source| DecodeError::Misshapen { seq, name, source })
}

/// The one key of a stored event: its type. What stands under it is not looked at.
struct Tag(String);

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneKey;
        impl<'de> Visitor<'de> for OneKey {
            type Value = Tag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event, an object of one key")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tag, A::Error> {
                let entry = map.next_entry::<String, IgnoredAny>()?;
                entry.map(|(name, _)| Tag(name)).ok_or_else(|| de::Error::custom("an event has a type"))
            }
        }
        deserializer.deserialize_map(OneKey)
    }
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

/// Reads what [`to_hex`] writes, and no other spelling of it.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
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
            @r#"[2,7,"api",1,{"stock_reserved":{}}]"#
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
        assert!(format!("{:?}", ChainHash::default()).starts_with("0000"));
    }

    #[test]
    fn what_this_program_does_not_know_refuses_with_its_place() {
        let refusal = |event: &str, v: u16| {
            let line = format!(r#"[9,7,"api",{v},{event}]"#);
            Entry::decode(line.as_bytes()).unwrap_err().to_string()
        };
        insta::assert_snapshot!(
            refusal(r#"{"teleported":{"to":"Mars"}}"#, 1),
            @"entry 9 is of the type teleported, which this program does not know"
        );
        insta::assert_snapshot!(
            refusal(r#"{"cancel_requested":{"grounds":["of","another","shape"]}}"#, 2),
            @"entry 9 has version 2 of cancel_requested, which this program does not know"
        );
        insta::assert_snapshot!(
            refusal(r#"{"cancel_requested":{"reason":1}}"#, 1),
            @"entry 9 is not what cancel_requested looks like: invalid type: integer `1`, expected a string at line 1 column 31"
        );
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for line in ["", "{}", "null", "[1]", r#"[1,7,"api",1,7]"#] {
            assert!(matches!(Entry::decode(line.as_bytes()), Err(DecodeError::Malformed(_))), "{line}");
        }
        let seven = Entry::decode(br#"[1,7,"api",1,7]"#).unwrap_err();
        assert!(seven.to_string().contains("expected an event, an object of one key"), "{seven}");
        let two = r#"[1,7,"api",1,{"shipped":{},"stock_reserved":{}}]"#;
        assert!(matches!(Entry::decode(two.as_bytes()), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn hex_reads_back_and_refuses_the_rest() {
        let bytes: [u8; 32] = std::array::from_fn(|i| (i * 7) as u8);
        assert_eq!(from_hex(&to_hex(&bytes)), Some(bytes));
        assert_eq!(from_hex(&"00".repeat(31)), None);
        for pair in ["zz", "é", "+f", "FF"] {
            assert_eq!(from_hex(&pair.repeat(32)), None, "{pair}");
        }
    }
}
